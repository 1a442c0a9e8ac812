"""Variance against the number of samples."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import Settings, powers
from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure
from bench.figures.marks import Layer, curve

TITLE = "variance of one estimate"


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of each cell with its interval, its exact value, and a line of slope −1."""
    names = ("variance", "variance_low", "variance_high", "variance_exact", "replicates")
    found = cells(measurements, *names)
    return found.assign(guide=_guide(found))


def _guide(found: pd.DataFrame) -> pd.Series[float]:
    """Return what 1/N would make of the first variance of an estimator, of any device and type."""
    first = found[found["variance"] > 0].sort_values("sample_size", kind="stable")
    first = first.drop_duplicates(["problem", "estimator"]).set_index(["problem", "estimator"])
    constant = pd.Series(first["variance"] * first["sample_size"], first.index).rename("constant")
    joined = found.join(constant, on=["problem", "estimator"])
    return joined["constant"].astype(float) / joined["sample_size"]


def chart(rows: pd.DataFrame) -> Chart:
    """Return lines in bands, thin lines through exact values, and dotted lines that fall as one over N."""
    dotted = alt.Chart().mark_line(strokeDash=[2, 3], strokeWidth=1, opacity=0.7)
    axis = powers(TITLE, rows["variance"])
    guide = dotted.encode(alt.Y("guide:Q", **axis))
    return curve(rows, "variance", TITLE, guide, *exact_line(rows, axis))


def exact_line(rows: pd.DataFrame, y: Settings) -> list[Layer]:
    """Return a thin line through the variances that are known without sampling, if there are any."""
    if not (rows["variance_exact"] > 0).any():
        return []
    # Rows without an exact value are there unseen: of no rows at all the axis would have no ends.
    known = "datum.variance_exact > 0"
    thin = alt.Chart().transform_calculate(exact=f"{known} ? datum.variance_exact : datum.variance")
    seen = alt.when(known).then(alt.value(0.9)).otherwise(alt.value(0))
    exact = alt.Y("exact:Q", **y)
    line: Layer = thin.mark_line(strokeWidth=0.8).encode(exact, strokeDash=alt.value([1, 0]), opacity=seen)
    return [line]


FIGURE = Figure(
    "variance",
    "Variance against the number of samples",
    "A line for each estimator in its 95 % band, a thin one through the exact variance where that is "
    "known, and dotted lines that fall as one over N.",
    "measurements",
    rows,
    chart,
    ("variance", "variance_low", "variance_high"),
    against="sample_size",
    logarithmic=("x", "y"),
)
