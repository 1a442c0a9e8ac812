"""Points with their intervals by the names of the estimators: ratios, means, rates, devices."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import pandas as pd

from bench.figures.axes import logarithmic, plain, powers
from bench.figures.cells import with_setting
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import by_sample_size, lanes
from bench.text import labels

UNITS = {"seconds": "seconds of one estimate", "variance": "variance of one estimate"}


def _ratios(ratios: pd.DataFrame) -> pd.DataFrame:
    extra = [name for name in map(str, ratios) if name.startswith("equivalent_samples")]
    return with_setting(ratios.drop(columns=[*extra, "cell", "parameter", "level"]))


def _ratios_chart(rows: pd.DataFrame) -> Chart:
    title = f"ratio to {_control(rows)}" if "control" in rows else "ratio to the first run"
    shown = ("run", "against", "control", "metric", "low", "high", "mark", "paired")
    return by_sample_size(lanes(rows, "ratio", logarithmic(title), *shown, pixels=16, at=1))


def _control(rows: pd.DataFrame) -> str:
    names = rows["control"].unique()
    return labels.plain(names[0]) if len(names) == 1 else "the control"


RATIOS = Figure(
    "ratios",
    "Ratios to the control: below 1 is better",
    "For each N and estimator the ratio to the control; all its intervals hold together with 95 %.",
    "ratios",
    _ratios,
    _ratios_chart,
    ("ratio", "low", "high"),
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
    pale = alt.Chart().mark_rule(strokeWidth=6, opacity=0.25).encode(x="least:Q", x2="most:Q")
    x = logarithmic(f"geometric mean of the ratios to {_control(rows)}")
    shown = ("control", "metric", "scenarios", "cells", "low", "high", "least", "most")
    return lanes(rows, "ratio", x, *shown, pixels=34, at=1, behind=(pale,))


MEANS = Figure(
    "means",
    "Over all problems: ratios to the control, below 1 is better",
    "For each estimator the geometric mean over scenarios with its interval, on a pale bar from the "
    "scenario with the smallest ratio to that with the largest.",
    "means",
    lambda means: means.assign(setting=""),
    _means_chart,
    ("ratio", "low", "high"),
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
    every,
    _rate_chart,
    ("slope", "low", "high"),
)


def _devices_chart(rows: pd.DataFrame) -> Chart:
    title = " or ".join(UNITS[metric] for metric in rows["metric"].unique())
    legend = alt.Legend(title=None, orient="top", symbolFillColor="transparent", labelLimit=300)
    form = alt.Shape("setting:N", legend=legend)
    x = powers(None, rows["value"])
    return by_sample_size(lanes(rows, "value", x, "metric", "low", "high", pixels=14, form=form), title)


DEVICES = Figure(
    "devices",
    "Devices and types of numbers side by side",
    "For each N and estimator a point for each device and type, with its 95 % interval: "
    "the seconds, or the variance, of one estimate.",
    "settings",
    every,
    _devices_chart,
    ("value", "low", "high"),
    logarithmic=("x",),
    switched=("metric",),
    several="setting",
)
