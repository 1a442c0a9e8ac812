"""Distributions: histograms of estimates, steps of squared deviations and of ratios to the best."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PERCENT, PLAIN, Settings, logarithmic, powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import (
    ABOVE,
    COLOR,
    DASHES,
    LEFT,
    NAMED_COLOR,
    POINT,
    RIGHT,
    SHAPE,
    TOP,
    by_sample_size,
    layers,
    sharing,
    tooltip,
)
from bench.text.labels import plain
from bench.text.numbers import grouped, significant
from bench.text.size_words import size_said

COLUMN = ["problem", "device", "dtype", "at", "rest", "column"]
"""The columns that set apart columns of histograms; of the first five one value is shown at a time."""

WIDTH, HEIGHT, HEADROOM, GAP = 170, 46, 12, 16  # pixels: one histogram, a number above it, between two
LONGEST_NAME = 340  # pixels of the name of an estimator
MOST_FLAGS = 6  # heavy tails of one N that are written, below one another in the corner


def _histograms(histograms: pd.DataFrame) -> pd.DataFrame:
    """Return the bins of the first, the middle and the last column, with the words in them.

    `column` and `order` are the place of a histogram, from the left and from the top; `name` and `words`
    stand in the first of its bins alone.
    """
    values = sorted(histograms["along"].unique())
    shown = sorted({values[0], values[len(values) // 2], values[-1]})
    found = histograms[histograms["along"].isin(shown)]
    swept = found["option"] != ""
    samples = found["sample_size"].map(lambda size: size_said(histograms, grouped(size)))
    option = found["option"].map(plain) + " = " + found["along"].map("{:g}".format)
    found = found.assign(
        column=found["along"].map(shown.index),
        at=samples.where(swept, ""),
        problem=found["problem"].where(~swept, ""),
        head=option.where(swept, samples),
        name=found["estimator"].map(plain) + found["biased"].map({True: ", biased", False: ""}),
        words=found["sd"].map(lambda sd: f"sd {significant(sd)}", na_action="ignore"),
    )
    if swept.any():
        found = found.sort_values("sample_size", ascending=False, kind="stable")
    gone = ["sample_size", "along", "option", "cell", "biased", "beyond"]
    found = _filled(found.drop(columns=gone))
    first = ~found.duplicated([*COLUMN, "order"])
    words = found["words"].fillna("not measured").where(first, "")
    return found.assign(words=words, name=found["name"].where(first, ""))


def _filled(found: pd.DataFrame) -> pd.DataFrame:
    """Add a bin of nothing where an estimator has no estimates in a column: those below keep their place."""
    lanes = found[[*COLUMN[:-1], "estimator", "order", "folded", "name"]].drop_duplicates()
    columns = found[[*COLUMN, "head", "truth", "parameter", "mean"]].drop_duplicates(COLUMN)
    every = lanes.merge(columns, on=COLUMN[:-1])
    there = pd.MultiIndex.from_frame(found[[*COLUMN, "order"]])
    missing = every[~pd.MultiIndex.from_frame(every[[*COLUMN, "order"]]).isin(there)]
    # It lies within the axis, and is no higher than it.
    nothing = missing.rename(columns={"mean": "low"}).assign(high=missing["mean"], share=0.0)
    return pd.concat([found, nothing], ignore_index=True) if len(nothing) else found.reset_index(drop=True)


def _histograms_chart(rows: pd.DataFrame) -> Chart:
    heads = rows.drop_duplicates("column").sort_values("column")
    columns = [_column(rows, int(at), head) for at, head in zip(heads["column"], heads["head"], strict=True)]
    about = f"estimates of the derivative in {', '.join(map(plain, rows['parameter'].dropna().unique()))}"
    below = alt.TitleParams(about, orient="bottom", anchor="middle", offset=6, fontWeight="normal")
    return alt.HConcatSpecGenericSpec(hconcat=columns, bounds="flush", spacing=WIDTH + GAP, title=below)


def _column(rows: pd.DataFrame, at: int, head: str) -> alt.FacetSpec:
    """Return the histograms of all estimators for one value of N or of the option, on one axis."""
    axis = alt.Axis(tickCount=3, labelOverlap="greedy", labelExpr=PLAIN, labelFontSize=10)
    x: Settings = {"title": None, "axis": axis, "scale": alt.Scale(zero=False, nice=False, padding=2)}
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(zero=True, range=[HEIGHT, HEADROOM]))
    shown = tooltip(rows, "index", "low", "high", "share", "truth", "mean", "sd", "replicates")
    bar = alt.Chart().mark_rect().encode(alt.X2("high:Q"), tooltip=shown)
    line = alt.Chart().mark_rule(strokeWidth=1)  # bins that are thinner than a pixel are seen all the same
    bins = sharing(bar, line, x=alt.X("low:Q", **x), y=y, y2=alt.Y2Datum(0), color=NAMED_COLOR)
    truth = alt.Chart().mark_rule(strokeDash=[4, 3], style="words").encode(alt.X("mean(truth):Q", **x))
    said = alt.Chart().mark_text(style="words", align="right", baseline="top")
    # Names reach over the columns, and are there unseen in all, which keeps the heads at one height.
    name = alt.Chart().mark_text(
        style="words", align="left", baseline="bottom", limit=10 if at else LONGEST_NAME
    )
    name = name.encode(alt.Text("name:N"), alt.OpacityValue(0 if at else 1), LEFT, ABOVE)
    words = said.encode(alt.Text("words:N"), RIGHT, TOP)
    return alt.FacetSpec(
        facet=alt.FacetMapping(row=alt.Row("order:O", title=None, header=None)),
        spec=layers(bins, truth, words, name, width=WIDTH, height=HEIGHT),
        transform=[alt.FilterTransform(f"datum.column == {at}")],
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(y="independent")),
        title=alt.TitleParams(head, anchor="start", offset=8, fontSize=12),
        spacing=20,
        bounds="flush",
    )


HISTOGRAMS = Figure(
    "histograms",
    "The estimates about the truth",
    "Histograms of single estimates of the coordinate of largest variance, a row for each estimator; all "
    "in a column have one axis, the dashed line is the truth, sd the standard deviation of one estimate.",
    "histograms",
    _histograms_chart,
    ("share",),
    rows=_histograms,
    switched=("at", "rest", "device", "dtype"),
)


def _spread_chart(rows: pd.DataFrame) -> Chart:
    x = alt.X(**powers("squared deviation, in multiples of the variance", rows["low"]))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(labelExpr=PERCENT, tickCount=3))
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=1.2)
    shown = tooltip(rows, "low", "high", "count", "share")
    shares = steps.encode(y, alt.X("low:Q"), DASHES, alt.Detail("cell:N"), tooltip=shown)
    largest = alt.Chart().transform_filter("isValid(datum.largest)").mark_point(**POINT)
    points = largest.encode(
        x=alt.X("largest:Q"),
        y=alt.YDatum(0, type="quantitative"),
        shape=SHAPE,
        opacity=alt.when("datum.heavy").then(alt.value(1)).otherwise(alt.value(0.35)),
        tooltip=tooltip(rows, "largest", "kurtosis", "flag"),
    )
    heavy = alt.Chart().transform_filter(f"datum.heavy && datum.place < {MOST_FLAGS}")
    text = heavy.mark_text(
        align="left", baseline="top", fontSize=10.5, dx=4, dy=alt.expr("4 + 12 * datum.place")
    )
    flags = text.encode(alt.Text("flag:N"), COLOR, LEFT, TOP)
    return by_sample_size(layers(sharing(shares, points, x=x, color=COLOR), flags, height=90), rows)


SPREAD = Figure(
    "spread",
    "Spread of single estimates: a long tail makes every variance uncertain",
    "For each N the share of the estimates whose squared deviation is so many times the variance. The "
    "points below are the largest deviations, in full where the tail is heavy: the variance has fewer "
    "than 50 effective degrees of freedom, or a single estimate carries more than 5 % of it.",
    "spread",
    _spread_chart,
    ("share",),
    against="low",
)


def _profile_chart(rows: pd.DataFrame) -> Chart:
    """Return a line of steps for each estimator; Dolan & Moré (2002), Benchmarking optimization software."""
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(labelExpr=PERCENT)
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=1.8)
    x = alt.X("factor:Q", **logarithmic("within so many times the best"))
    y = alt.Y("share:Q", title="share of problems", scale=scale, axis=axis)
    shown = tooltip(rows, "factor", "share", "problems")
    line = steps.encode(x, y, COLOR, DASHES, alt.Order("factor:Q"), tooltip=shown)
    return layers(line)


PROFILE = Figure(
    "profile",
    "Performance profile: on how many problems is an estimator nearly the best?",
    "For each estimator the share of problems on which it is within a factor of the best one: the higher "
    "a line, the more often; at factor 1, how often it is the best itself.",
    "profile",
    _profile_chart,
    ("share",),
    against="factor",
    logarithmic=("x",),
    switched=("metric",),
    several="estimator",
)
