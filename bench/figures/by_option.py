"""Variance, bias and signal to noise along an option, such as the steps of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import altair as alt
import pandas as pd

from bench.analysis.sweeps import scale_of
from bench.figures import bias
from bench.figures.axes import THREE_DIGITS, Settings, logarithmic, named, plain, powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import Layer, band, color, layers, line_of_its_own
from bench.figures.variance import TITLE, exact_line

METRICS = [f"{name}{end}" for name in ("variance", "bias", "snr") for end in ("", "_low", "_high")]
CELL = ["estimator", "sample_size", "device", "dtype", "option", "value", "rest"]


def rows(moved: pd.DataFrame) -> pd.DataFrame:
    """Return the cells along the option with the most values; the other options stand in `rest`."""
    most = moved.groupby("option", sort=False)["value"].nunique().idxmax()
    columns = [*CELL, *METRICS, "variance_exact", "truth_norm", "replicates"]
    return moved.loc[moved["option"] == most, [name for name in columns if name in moved]]


def shares(moved: pd.DataFrame) -> pd.DataFrame:
    """Return the bias of each cell along the option as a share of the gradient's norm, with its interval."""
    return bias.in_shares(rows(moved))


def variance_chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band, and thin lines through exact variances."""
    y = powers(TITLE, rows["variance"])
    return _against_option(rows, *band(rows, "variance", y, "value"), *exact_line(rows, y))


def bias_chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band, and the margin."""
    y = bias.share_axis(rows)
    return _against_option(rows, *bias.margin(rows, y), *band(rows, "share", y, *bias.COLUMNS, "value"))


def snr_chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    return _against_option(rows, *band(rows, "snr", powers("signal to noise", rows["snr"]), "value"))


def _against_option(rows: pd.DataFrame, *marks: Layer) -> Chart:
    x = alt.X("value:Q", **_option_axis(rows))
    return layers(*marks, x=x, color=color(), detail=line_of_its_own())


def _option_axis(rows: pd.DataFrame) -> Settings:
    """Return the axis of the option; its values are named if they are few."""
    title = str(rows["option"].iloc[0]).rpartition(".")[2]
    values = sorted({float(value) for value in rows["value"]})
    kind = scale_of(values)
    if kind == "log":
        return logarithmic(title, values, THREE_DIGITS)
    settings = plain(title, labelExpr=THREE_DIGITS, **named(values))
    if kind == "symlog":
        near = min(abs(value) for value in values if value)
        settings["scale"] = alt.Scale(type="symlog", constant=near, nice=False)
    return settings


SWITCHED = ("rest", "sample_size")
"""The columns of each of which one value is shown at a time: the other options in words, and N."""


def _figure(
    name: str,
    title: str,
    description: str,
    rows: Callable[[pd.DataFrame], pd.DataFrame],
    chart: Callable[[pd.DataFrame], Chart],
    interval: Sequence[str],
    logarithmic: Sequence[str] = (),
) -> Figure:
    return Figure(
        f"{name}_by_option",
        f"{title} along an option",
        f"A line for each estimator in its 95 % band{description}.",
        "along",
        rows,
        chart,
        interval,
        against="value",
        logarithmic=logarithmic,
        switched=SWITCHED,
        several="value",
    )


FIGURES = (
    _figure(
        "variance",
        "Variance",
        ", and a thin one through the exact variance where that is known",
        rows,
        variance_chart,
        ("variance", "variance_low", "variance_high"),
        ("y",),
    ),
    _figure(
        "bias",
        "Bias",
        "; the gray band is 1 % of the norm, within which the axis is nearly linear",
        shares,
        bias_chart,
        bias.SHARES,
    ),
    _figure(
        "snr",
        "Signal to noise",
        ": the norm of the mean estimate over the standard deviation",
        rows,
        snr_chart,
        ("snr", "snr_low", "snr_high"),
        ("y",),
    ),
)
