"""Variance against the number of samples, block of parameters by block."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures import cells
from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import against_samples, band

ACROSS = 3
"""Blocks side by side."""


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of each block of each cell with its interval, if there are several N."""
    found = cells.blocks(measurements, "variance", "variance_low", "variance_high", "replicates")
    found = found[found["parameter"] != "all"]
    return found if found["sample_size"].nunique() > 1 else found.iloc[:0]


def chart(rows: pd.DataFrame) -> Chart:
    """Return a panel for each block with a line for each estimator in its band."""
    lines = against_samples(rows, *band(rows, "variance", powers("variance"), "parameter"))
    block = alt.Facet("parameter:N", title=None, sort=None, header=alt.Header(labelAnchor="start"))
    return lines.properties(width=190, height=130).facet(block, columns=ACROSS).properties(spacing=12)


FIGURE = Figure(
    "by_parameter",
    "Variance of each block of parameters against the number of samples",
    "A panel for each block of parameters, with a line for each estimator in its 95 % band.",
    "measurements",
    rows,
    chart,
    ("variance", "variance_low", "variance_high"),
    against="sample_size",
    logarithmic=("x", "y"),
    several="parameter",
)
