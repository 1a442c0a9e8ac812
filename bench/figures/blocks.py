"""Variance of each block of parameters, as a heat map."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import POWERS
from bench.figures.definition import Chart, Figure, blocks, interval_of
from bench.figures.marks import DATA, size_label, tooltip


def _rows(measurements: pd.DataFrame) -> pd.DataFrame:
    found = blocks(measurements, interval_of("variance"))
    return found[found["variance"] > 0]


def _chart(rows: pd.DataFrame) -> Chart:
    legend = alt.Legend(title="variance", labelExpr=POWERS, tickCount=4, orient="top", gradientLength=160)
    fields = alt.Chart(alt.NamedData(DATA), height=alt.Step(18), width=alt.Step(22)).mark_rect()
    maps = fields.encode(
        alt.X("estimator:N", title=None, sort=None, axis=alt.Axis(labelAngle=-40, labelLimit=160)),
        alt.Y("parameter:N", title=None, sort=None, axis=alt.Axis(labelLimit=180)),
        alt.Color("variance:Q", scale=alt.Scale(type="log", scheme="viridis"), legend=legend),
        tooltip=tooltip(rows, "parameter", *interval_of("variance")),
    )
    above = alt.Header(labelAnchor="start", labelExpr=size_label(rows))
    left = alt.Header(labelAngle=0, labelAlign="left")
    column = alt.Column("sample_size:O", title=None, header=above)
    row = alt.Row("setting:N", title=None, header=left)
    found: alt.FacetChart = maps.facet(column=column, row=row).properties(spacing=12)
    return found


BLOCKS = Figure(
    "blocks",
    "Variance of each block of parameters",
    "A field for each block and estimator, in the color of its variance; one map for each N.",
    "measurements",
    _chart,
    ("variance",),
    rows=_rows,
    several="parameter",
)
