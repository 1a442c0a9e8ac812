"""The figure of a comparison that was asked for: its ratios, with what is said of them."""

from __future__ import annotations

from bench.figures import FIGURES
from bench.figures.sheet import About, Spec, specification
from bench.report.comparison import Comparison
from bench.report.comparison_table import remarks


def chart_of_a_comparison(found: Comparison) -> Spec:
    """Return the figure of ratios of a comparison as a specification, with title and caption."""
    figure = FIGURES["ratios"]
    rows = figure.drawn({figure.table: found.frame})
    about = About(found.scenario, found.estimators, " · ".join(remarks(found)), found.frame, found.control)
    return specification(figure, rows, about)
