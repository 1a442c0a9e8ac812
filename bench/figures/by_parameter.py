"""Variance against the number of samples, block of parameters by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import altair as alt
import pandas as pd

from bench.figures import cells
from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import against_samples, band

ACROSS = 3
"""Blocks side by side, unless more belong together."""


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of each block of each cell with its interval, if there are several N."""
    found = cells.blocks(measurements, "variance", "variance_low", "variance_high", "replicates")
    found = found[found["parameter"] != "all"]
    return found if found["sample_size"].nunique() > 1 else found.iloc[:0]


def chart(rows: pd.DataFrame) -> Chart:
    """Return a panel for each block with a line for each estimator in its band, alike blocks in one row."""
    lines = against_samples(rows, *band(rows, "variance", powers("variance", rows["variance"]), "parameter"))
    names = list(rows["parameter"].unique())
    block = alt.Facet("parameter:N", title=None, sort=names, header=alt.Header(labelAnchor="start"))
    sized = lines.properties(width=190, height=130)
    return sized.facet(block, columns=_across(names)).properties(spacing=12)


def _across(names: Sequence[str]) -> int:
    """Return the number of parts of each block, such as `encoder.0`, if it is the same for all."""
    counts = Counter(name.partition(".")[0] for name in names)
    alike = set(counts.values())
    return max(alike) if len(alike) == 1 and 1 < max(alike) <= ACROSS + 1 else ACROSS


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
