"""Histograms of the estimates about the truth."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PLAIN, Settings
from bench.figures.definition import Chart, Figure
from bench.figures.marks import color, layers, tooltip
from bench.text.labels import plain
from bench.text.numbers import grouped, significant

APART = ["problem", "device", "dtype", "at", "rest"]
"""The columns that set apart pictures of which one is shown at a time."""

WIDTH, HEIGHT, HEADROOM, GAP = 170, 46, 12, 16
"""Pixels of one histogram, of the room above it for a number, and between two side by side."""

LONGEST_NAME = 340
"""Pixels of the name of an estimator."""


def rows(histograms: pd.DataFrame) -> pd.DataFrame:
    """Return the bins of the first, the middle and the last column, with the words in them.

    `column` and `order` are the place of a histogram, from the left and from the top. An estimator without
    estimates in a column has a bin of nothing there, so that those below keep their place.
    """
    values = sorted(histograms["along"].unique())
    middle = values[len(values) // 2]
    shown = sorted({values[0], middle, values[-1]})
    found = histograms[histograms["along"].isin(shown)]
    swept = found["option"] != ""
    found = found.assign(
        column=found["along"].map(shown.index),
        at=[
            f"N = {grouped(N)}" if several else ""
            for N, several in zip(found["sample_size"], swept, strict=True)
        ],
        problem=found["problem"].where(~swept, ""),
        head=[
            f"{plain(name)} = {each:g}" if name else f"N = {grouped(each)}"
            for name, each in zip(found["option"], found["along"], strict=True)
        ],
        name=[
            plain(label) + ", biased" * off
            for label, off in zip(found["estimator"], found["biased"], strict=True)
        ],
    )
    found = found.sort_values("sample_size", ascending=False, kind="stable") if swept.any() else found
    gone = ["sample_size", "along", "option", "cell", "biased", "beyond"]
    return _worded(_filled(found.drop(columns=gone)).reset_index(drop=True))


def _worded(found: pd.DataFrame) -> pd.DataFrame:
    """Add the words of each histogram to the first of its bins alone."""
    first = ~found.duplicated([*APART, "column", "order"])
    words = [f"sd {significant(sd)}" if sd == sd else "not measured" for sd in found["sd"]]
    return found.assign(
        words=pd.Series(words, found.index).where(first, ""), name=found["name"].where(first, "")
    )


def _filled(found: pd.DataFrame) -> pd.DataFrame:
    """Add a bin of nothing where an estimator has no estimates in a column."""
    histogram, estimator = [*APART, "column", "order"], ["estimator", "order", "folded", "name"]
    columns = found[[*APART, "column", "head", "truth", "parameter", "mean"]].drop_duplicates(
        [*APART, "column"]
    )
    every = found[[*APART, *estimator]].drop_duplicates([*APART, "order"]).merge(columns, on=APART)
    there = found[histogram].drop_duplicates().assign(there=True)
    missing = every.merge(there, on=histogram, how="left")
    nothing = missing[missing["there"].isna()].rename(columns={"mean": "low"}).drop(columns="there")
    nothing = nothing.assign(high=nothing["low"], share=0.0)  # within the axis, and no higher than it
    return pd.concat([found, nothing], ignore_index=True) if len(nothing) else found


def chart(rows: pd.DataFrame) -> Chart:
    """Return a column for each value of N or of the option, in which all estimators have one axis."""
    heads = rows.drop_duplicates("column").sort_values("column")
    columns = [_column(rows, int(at), head) for at, head in zip(heads["column"], heads["head"], strict=True)]
    about = f"estimates of the derivative in {', '.join(map(plain, rows['parameter'].dropna().unique()))}"
    below = alt.TitleParams(about, orient="bottom", anchor="middle", offset=6, fontWeight="normal")
    found: alt.HConcatChart = alt.hconcat(*columns, bounds="flush", spacing=WIDTH + GAP).properties(
        title=below
    )
    return found


def _column(rows: pd.DataFrame, at: int, head: str) -> alt.FacetChart:
    axis = alt.Axis(tickCount=3, labelOverlap="greedy", labelExpr=PLAIN, labelFontSize=10)
    x: Settings = {"title": None, "axis": axis, "scale": alt.Scale(zero=False, nice=False, padding=2)}
    y = alt.Y("share:Q", axis=None, scale=alt.Scale(zero=True, range=[HEIGHT, HEADROOM]))
    place = {"x": alt.X("low:Q", **x), "y": y, "y2": alt.Y2Datum(0), "color": color(named=True)}
    shown = tooltip(rows, "index", "low", "high", "share", "truth", "mean", "sd", "replicates")
    bar = alt.Chart().mark_rect().encode(x2=alt.X2("high:Q"), tooltip=shown, **place)
    # Bins that are thinner than a pixel are seen all the same.
    line = alt.Chart().mark_rule(strokeWidth=1).encode(**place)
    dashed = alt.Chart().mark_rule(strokeDash=[4, 3], style="words")
    # Names reach over the columns, and are there unseen in all, which keeps the heads at one height.
    over = {"x": alt.value(0), "y": alt.value(-3), "opacity": alt.value(0 if at else 1), "text": "name:N"}
    name = alt.Chart().mark_text(
        style="words", align="left", baseline="bottom", limit=10 if at else LONGEST_NAME
    )
    said = alt.Chart().mark_text(style="words", align="right", baseline="top")
    marks = [
        bar,
        line,
        dashed.encode(alt.X("mean(truth):Q", **x)),
        said.encode(x=alt.value("width"), y=alt.value(0), text="words:N"),
        name.encode(**over),
    ]
    cells = layers(*marks).properties(width=WIDTH, height=HEIGHT)
    faceted: alt.FacetChart = cells.facet(row=alt.Row("order:O", title=None, header=None))
    faceted = faceted.transform_filter(f"datum.column == {at}").resolve_scale(y="independent")
    title = alt.TitleParams(head, anchor="start", offset=8, fontSize=12)
    return faceted.properties(title=title, spacing=20, bounds="flush")


FIGURE = Figure(
    "histograms",
    "The estimates about the truth",
    "Histograms of single estimates of the coordinate of largest variance, a row for each estimator; all "
    "in a column have one axis, the dashed line is the truth, sd the standard deviation of one estimate.",
    "histograms",
    rows,
    chart,
    ("share",),
    switched=("at", "rest", "device", "dtype"),
    apart=(),
)
