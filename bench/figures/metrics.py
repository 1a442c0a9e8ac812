"""Metrics as curves in bands: against the number of samples, along an option, by a budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from bench.analysis.rows import are_granted
from bench.analysis.sweeps import scale_of
from bench.figures.axes import THREE_DIGITS, Settings, logarithmic, named, plain, powers, size_title
from bench.figures.definition import Chart, Figure, blocks, cells, interval_of
from bench.figures.marks import COLOR, OWN_LINE, band, lanes, layers
from bench.statistics.metric_table import LABELS
from bench.text.numbers import grouped
from bench.text.size_words import EVALUATIONS, size_said

BAND = "A line for each estimator in its 95 % band"
SIZES, FALL = "against the number of samples", "fall as one over N"
TITLE = "variance of one estimate"
ACROSS = 3  # blocks side by side, unless more belong together

ALONG: dict[str, Any] = {
    "table": "along", "against": "value", "logarithmic": ("y",), "switched": ("rest", "sample_size"),
    "several": "value",
}  # fmt: skip
"""The settings that figures along an option have in common."""


def curves(
    rows: pd.DataFrame, value: str, y: Settings, *behind: alt.Chart, shown: tuple[str, ...] = ()
) -> Chart:
    """Return a line for each estimator in its band against N or along an option; of one N, points by name."""
    if "option" in rows:
        x = alt.X("value:Q", **_option_axis(rows))
    elif rows["sample_size"].nunique() > 1:
        x = alt.X("sample_size:Q", **logarithmic(size_title(rows), rows["sample_size"]))
    else:
        return lanes(rows, value, y, "lower", "upper", pixels=24)
    lines = band(rows, value, "lower", "upper", "value", *shown)
    return layers(*behind, *lines, x=x, y=alt.Y(**y), color=COLOR, detail=OWN_LINE)


def _fitted(figure: Figure, rows: pd.DataFrame) -> tuple[str, str]:
    """Return title and description for what `curves` draws: one size has no axis, and no lines along it."""
    if "option" not in rows and rows["sample_size"].nunique() == 1:
        size = size_said(rows, grouped(rows["sample_size"].iloc[0]))
        described = f"A point for each estimator, at {size}, with its 95 % interval."
        return figure.title.replace(f" {SIZES}", ", by estimator"), described
    if are_granted(rows):
        described = figure.description.replace(FALL, "fall as one over the evaluations")
        return figure.title.replace(SIZES, f"against {EVALUATIONS}"), described
    return figure.title, figure.description


def _option_axis(rows: pd.DataFrame) -> Settings:
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


def along(moved: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the cells along the option with the most values; the other options stand in `rest`."""
    most = moved.groupby("option", sort=False)["value"].nunique().idxmax()
    cell = ("estimator", "sample_size", "granted", "device", "dtype", "option", "value", "rest")
    return moved.loc[moved["option"] == most, [name for name in (*cell, *columns) if name in moved]]


def _variance(measurements: pd.DataFrame) -> pd.DataFrame:
    found = cells(measurements, (*interval_of("variance"), "variance_exact", "replicates"))
    first = found[found["variance"] > 0].sort_values("sample_size", kind="stable")
    first = first.drop_duplicates(["problem", "estimator"])
    constant = first.assign(constant=first["variance"] * first["sample_size"])
    joined = found.merge(constant[["problem", "estimator", "constant"]], how="left")
    # What 1/N would make of the first variance of an estimator, of any device and type.
    return found.assign(guide=joined["constant"].astype(float) / joined["sample_size"])


def _variance_chart(rows: pd.DataFrame) -> Chart:
    dotted = alt.Chart().mark_line(strokeDash=[2, 3], strokeWidth=1, strokeOpacity=0.7)
    guide = [dotted.encode(alt.Y("guide:Q"))] if "guide" in rows else []
    if (rows["variance_exact"] > 0).any():
        # Rows without an exact value are there unseen: of no rows at all the axis would have no ends.
        known = "datum.variance_exact > 0"
        thin = alt.Chart().transform_calculate(exact=f"{known} ? datum.variance_exact : datum.variance")
        seen = alt.when(known).then(alt.value(0.9)).otherwise(alt.value(0))
        line = thin.mark_line(strokeWidth=0.8)
        guide.append(line.encode(alt.Y("exact:Q"), alt.StrokeDashValue([1, 0]), strokeOpacity=seen))
    return curves(rows, "variance", powers(TITLE, rows["variance"]), *guide)


VARIANCE = Figure(
    "variance",
    f"Variance {SIZES}",
    f"{BAND}, a thin one through the exact variance where that is known, and dotted lines that {FALL}.",
    "measurements",
    _variance_chart,
    interval_of("variance"),
    rows=_variance,
    against="sample_size",
    logarithmic=("x", "y"),
    apart=("device", "dtype"),
    fitted=_fitted,
)
VARIANCE_BY_OPTION = replace(
    VARIANCE,
    name="variance_by_option",
    title="Variance along an option",
    description=f"{BAND}, and a thin one through the exact variance where that is known.",
    rows=lambda moved: along(moved, *interval_of("variance"), "variance_exact"),
    **ALONG,
)


def _metric_chart(name: str, rows: pd.DataFrame) -> Chart:
    title = LABELS[name].split("\n")
    return curves(rows, name, plain(title) if name == "cosine" else powers(title, rows[name]))


FIGURES = [
    replace(
        VARIANCE,
        name=name,
        title=title,
        description=f"{BAND}.",
        rows=partial(cells, columns=interval_of(name)),
        chart=partial(_metric_chart, name),
        interval=interval_of(name),
        logarithmic=("x",) if name == "cosine" else ("x", "y"),
    )
    for name, title in {
        "mse": f"Mean squared error {SIZES}",
        "snr": f"Signal to noise {SIZES}",
        "cosine": f"Cosine to the truth {SIZES}",
        "seconds": f"Time of one estimate {SIZES}",
        "work_normalized_variance": "Variance × time: the error that a fixed budget of time leaves",
    }.items()
]
"""A figure for each metric that has an interval and no other figure."""

SNR_BY_OPTION = replace(
    VARIANCE,
    name="snr_by_option",
    title="Signal to noise along an option",
    description=f"{BAND}: the norm of the mean estimate over the standard deviation.",
    rows=lambda moved: along(moved, *interval_of("snr")),
    chart=partial(_metric_chart, "snr"),
    interval=interval_of("snr"),
    **ALONG,
)


def _blocks(measurements: pd.DataFrame) -> pd.DataFrame:
    found = blocks(measurements, (*interval_of("variance"), "replicates"))
    found = found[found["parameter"] != "all"]
    return found if found["sample_size"].nunique() > 1 else found.iloc[:0]


def _block_charts(rows: pd.DataFrame) -> Chart:
    lines = curves(rows, "variance", powers("variance", rows["variance"]), shown=("parameter",))
    lines["width"], lines["height"] = 190, 130
    names = list(rows["parameter"].unique())
    block = alt.Facet("parameter:N", title=None, sort=names, header=alt.Header(labelAnchor="start"))
    # Blocks such as `encoder.0` stand in a row, if each has as many parts.
    parts = set(Counter(name.partition(".")[0] for name in names).values())
    across = max(parts) if len(parts) == 1 and 1 < max(parts) <= ACROSS + 1 else ACROSS
    return alt.FacetSpec(facet=block, spec=lines, columns=across, spacing=12)


BY_PARAMETER = replace(
    VARIANCE,
    name="by_parameter",
    title=f"Variance of each block of parameters {SIZES}",
    description="A panel for each block of parameters, with a line for each estimator in its 95 % band.",
    rows=_blocks,
    chart=_block_charts,
    several="parameter",
)


def _budget_chart(rows: pd.DataFrame) -> Chart:
    title = f"budget, in {' or '.join(rows['currency'].unique())}"
    x, y = alt.X("budget:Q", **powers(title, rows["budget"])), alt.Y(**powers("least error", rows["error"]))
    lines = band(rows, "error", "low", "high", "budget", "currency", "best", "tied")
    return layers(*lines, x=x, y=y, color=COLOR)


BUDGET = Figure(
    "budget",
    "Which estimator when: the least error that a budget buys",
    "For each estimator a line through the squared error of a mean of as many estimates, of the best N, as "
    "the budget allows, in its 95 % band. Evaluations are those of f and of its gradient.",
    "budget",
    _budget_chart,
    ("error", "low", "high"),
    rows=lambda reached: reached.drop(columns="scenario"),
    against="budget",
    logarithmic=("x", "y"),
    switched=("run", "currency", "device", "dtype"),
    several="budget",
)
