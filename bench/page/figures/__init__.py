"""The figures of the page, one kind a file; here is their table."""

from bench.page.figures.blocks import blocks
from bench.page.figures.budget import budget
from bench.page.figures.distributions import scatter, spread
from bench.page.figures.errors import bias, error
from bench.page.figures.lines import frontier, variance, work
from bench.page.figures.ratios import forest

FIGURES = (variance, bias, error, frontier, work, budget, forest, spread, blocks, scatter)
"""All figures, in the order of the page."""
