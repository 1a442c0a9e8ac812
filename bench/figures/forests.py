"""Values by the names of the estimators: ratios, means, rates, devices, and the parts of the error."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import pandas as pd

from bench.figures.axes import PLAIN, logarithmic, plain, powers
from bench.figures.definition import Chart, Figure, cells, interval_of, with_setting
from bench.figures.marks import LANE, NAMED_COLOR, by_sample_size, lanes, layers, tooltip
from bench.text import labels

LEAST_SHARE = 0.01  # of the error, from which a squared bias is written
UNITS = {"seconds": "seconds of one estimate", "variance": "variance of one estimate"}


def _ratios(ratios: pd.DataFrame) -> pd.DataFrame:
    extra = [name for name in map(str, ratios) if name.startswith("equivalent_samples")]
    return with_setting(ratios.drop(columns=[*extra, "cell", "parameter", "level"]))


def _ratios_chart(rows: pd.DataFrame) -> Chart:
    title = f"ratio to {_control(rows)}" if "control" in rows else "ratio to the first run"
    shown = ("run", "against", "control", "metric", "low", "high", "mark", "paired")
    return by_sample_size(lanes(rows, "ratio", logarithmic(title), *shown, pixels=16, at=1), rows)


def _control(rows: pd.DataFrame) -> str:
    names = rows["control"].unique()
    return labels.plain(names[0]) if len(names) == 1 else "the control"


RATIOS = Figure(
    "ratios",
    "Ratios to the control: below 1 is better",
    "For each N and estimator the ratio to the control; all its intervals hold together with 95 %.",
    "ratios",
    _ratios_chart,
    ("ratio", "low", "high"),
    rows=_ratios,
    logarithmic=("x",),
    switched=("metric",),
)
CHANGED = replace(
    RATIOS,
    name="changed",
    title="Changes since the first run: below 1 is better now",
    description="For each N and estimator the ratio to the same cell of the first run; all intervals hold "
    "together.",
    table="changes",
    switched=("run", "metric"),
)


def _means_chart(rows: pd.DataFrame) -> Chart:
    pale = alt.Chart().mark_rule(strokeWidth=6, strokeOpacity=0.25).encode(alt.X("least:Q"), alt.X2("most:Q"))
    x = logarithmic(f"geometric mean of the ratios to {_control(rows)}")
    shown = ("control", "metric", "scenarios", "cells", "low", "high", "least", "most")
    return lanes(rows, "ratio", x, *shown, pixels=34, at=1, behind=(pale,))


MEANS = Figure(
    "means",
    "Over all problems: ratios to the control, below 1 is better",
    "For each estimator the geometric mean over scenarios with its interval, on a pale bar from the "
    "scenario with the smallest ratio to that with the largest.",
    "means",
    _means_chart,
    ("ratio", "low", "high"),
    rows=lambda means: means.assign(setting=""),
    logarithmic=("x",),
    switched=("metric",),
)


def _rate_chart(rows: pd.DataFrame) -> Chart:
    shown = ("low", "high", "verdict", "lack_of_fit")
    return lanes(rows, "slope", plain("power of N"), *shown, pixels=26, at=-1)


RATE = Figure(
    "rate",
    "How fast the variance falls: as 1/N on the dashed line",
    "For each estimator the fitted slope of log variance against log N, with its 95 % interval; "
    "an average of independent terms has −1.",
    "rates",
    _rate_chart,
    ("slope", "low", "high"),
)


def _devices_chart(rows: pd.DataFrame) -> Chart:
    title = " or ".join(UNITS[metric] for metric in rows["metric"].unique())
    legend = alt.Legend(title=None, orient="top", symbolFillColor="transparent", labelLimit=300)
    form = alt.Shape("setting:N", legend=legend)
    x = powers(None, rows["value"])
    return by_sample_size(lanes(rows, "value", x, "metric", "low", "high", pixels=14, form=form), rows, title)


DEVICES = Figure(
    "devices",
    "Devices and types of numbers side by side",
    "For each N and estimator a point for each device and type, with its 95 % interval: "
    "the seconds, or the variance, of one estimate.",
    "settings",
    _devices_chart,
    ("value", "low", "high"),
    logarithmic=("x",),
    switched=("metric",),
    several="setting",
)


def _error(measurements: pd.DataFrame) -> pd.DataFrame:
    found = cells(measurements, (*interval_of("mse"), "variance", "replicates")).dropna(subset="variance")
    # The estimate of the error can fall below that of the variance: then no bias is left to be seen.
    whole = found["mse"].clip(lower=found["variance"])
    share = (1 - found["variance"] / whole.where(whole > 0)).fillna(0.0)
    told = [f"bias² {100 * each:.0f} %" if each >= LEAST_SHARE else "" for each in share]
    words = (found["setting"] + " " + pd.Series(told, found.index, dtype=str)).str.strip()
    return found.assign(whole=whole, bias_share=share, words=words)


def _error_chart(rows: pd.DataFrame) -> Chart:
    mark = alt.Chart()
    marks = [
        mark.mark_bar(fillOpacity=0.75).encode(alt.X("variance:Q"), NAMED_COLOR),
        mark.mark_bar(style="ink").encode(alt.X("variance:Q"), alt.X2("whole:Q")),
        mark.mark_rule(style="words").encode(alt.X("lower:Q"), alt.X2("upper:Q")),
        mark.mark_text(align="left", dx=6, style="words")
        .encode(alt.X("furthest:Q"), alt.Text("words:N"))
        .transform_calculate(furthest="max(datum.whole, datum.upper)"),
    ]
    axis = alt.Axis(tickCount=4, labelExpr=PLAIN, labelOverlap="greedy")
    shown = tooltip(rows, *interval_of("mse"), "variance", "bias_share")
    bars = layers(*marks, **LANE, height=alt.Step(18), x=alt.X(title=None, axis=axis), tooltip=shown)
    title = "mean squared error: variance + squared bias"
    own = alt.Resolve(scale=alt.ScaleResolveMap(x="independent"))
    return by_sample_size(bars, rows, title, resolve=own)


ERROR = Figure(
    "error",
    "Mean squared error: variance and squared bias",
    "For each N and estimator a bar of the variance, and on its end, in the color of the text, the "
    "squared bias; beside it its part of the sum, if that is 1 % or more. The thin line is the 95 % interval "
    "of the error. Each N has a scale of its own.",
    "measurements",
    _error_chart,
    interval_of("mse"),
    rows=_error,
)
