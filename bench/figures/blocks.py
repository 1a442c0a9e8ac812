"""Variance of each block of parameters, as a heat map."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures import cells
from bench.figures.axes import POWERS
from bench.figures.definition import Chart, Figure
from bench.figures.marks import DATA, tooltip


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of each block of each cell, with its interval."""
    found = cells.blocks(measurements, "variance", "variance_low", "variance_high")
    return found[found["variance"] > 0]


def chart(rows: pd.DataFrame) -> Chart:
    """Return a field for each block and estimator; a map for each N, device and type."""
    gradient = alt.Legend(
        title="variance",
        labelExpr=POWERS,
        tickCount=4,
        orient="top",
        gradientLength=160,
        labelOverlap="greedy",
    )
    fields = (
        alt.Chart(alt.NamedData(DATA))
        .mark_rect()
        .encode(
            alt.X("estimator:N", title=None, sort=None, axis=alt.Axis(labelAngle=-40, labelLimit=160)),
            alt.Y("parameter:N", title=None, sort=None, axis=alt.Axis(labelLimit=180)),
            alt.Color("variance:Q", scale=alt.Scale(type="log", scheme="viridis"), legend=gradient),
            tooltip=tooltip(rows, "parameter", "variance", "variance_low", "variance_high"),
        )
    )
    above = alt.Header(labelAnchor="start", labelExpr="'N = ' + datum.value")
    left = alt.Header(labelAngle=0, labelAlign="left")
    maps: alt.FacetChart = (
        fields.properties(height=alt.Step(18), width=alt.Step(22))
        .facet(
            column=alt.Column("sample_size:O", title=None, header=above),
            row=alt.Row("setting:N", title=None, header=left),
        )
        .properties(spacing=12)
    )
    return maps


FIGURE = Figure(
    "blocks",
    "Variance of each block of parameters",
    "A field for each block and estimator, in the color of its variance; one map for each N.",
    "measurements",
    rows,
    chart,
    ("variance",),
    apart=(),
    several="parameter",
)
