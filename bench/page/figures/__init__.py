"""The figures of the page, one kind a file; here is their table."""

from bench.page.figures.blocks import blocks
from bench.page.figures.budget import budget
from bench.page.figures.devices import devices
from bench.page.figures.distributions import scatter, spread
from bench.page.figures.errors import bias, error
from bench.page.figures.frontier import frontier
from bench.page.figures.lines import variance, work
from bench.page.figures.rate import rate
from bench.page.figures.ratios import forest

FIGURES = (
    variance, rate, bias, error, frontier, work, budget, forest, devices, spread, blocks, scatter,
)  # fmt: skip
"""All figures, in the order of the page."""
