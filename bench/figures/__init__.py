"""The figures, one a file, and their table: pages, files and notebooks draw the same charts.

A new figure is a file that defines a `FIGURE`, and its line in `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import altair as alt
import pandas as pd

from bench.errors import did_you_mean, invalid
from bench.figures import (
    along,
    bias,
    bias_along,
    blocks,
    budget,
    by_parameter,
    changed,
    cost,
    devices,
    error,
    means,
    profile,
    rate,
    ratios,
    scatter,
    signal_along,
    spread,
    variance,
    work_normalized_variance,
)
from bench.figures.definition import Figure
from bench.figures.sheet import about_a_run, on_the_sheet, specification
from bench.figures.source import Tables, of_a_run
from bench.report.pairs import Measured

T = TypeVar("T")

FIGURES: dict[str, Figure] = {
    module.FIGURE.name: module.FIGURE
    for module in (
        changed, along, bias_along, signal_along, variance, rate, bias, error, cost, work_normalized_variance,
        budget, ratios, means, profile, devices, spread, blocks, by_parameter, scatter,
    )
}  # fmt: skip
"""All figures by name, in the order of a page."""


def figure(run: Measured, name: str, coordinates: pd.DataFrame | None = None) -> alt.TopLevelMixin:
    """Return a figure of a run as an Altair chart, with its data, title and legend.

    Args:
        run: the results of the run.
        name: of `FIGURES`.
        coordinates: the table of coordinates, of which `scatter` is drawn.

    Raises:
        Invalid: if there is no such figure, or the run has nothing that it could draw.
    """
    if name not in FIGURES:
        raise invalid(f"no figure {name!r}; {did_you_mean(name, FIGURES)}")
    tables = of_a_run(run, pd.DataFrame() if coordinates is None else coordinates)
    about = about_a_run(run)
    rows = on_the_sheet(FIGURES[name], FIGURES[name].drawn(tables), about)
    if rows.empty:
        raise invalid(f"the run has nothing that the figure {name!r} could draw")
    spec = specification(FIGURES[name], rows, about)
    datasets = spec.pop("datasets")  # put in later: they are no part of what is checked
    found: Any = alt.Chart.from_dict(spec)
    found["datasets"] = datasets
    chart: alt.TopLevelMixin = found
    return chart


def each(figures: Iterable[Figure], make: Callable[[Figure], T | None]) -> tuple[list[T], list[str]]:
    """Make something of each figure; a figure that fails leaves a line that says so, and no other fails.

    Args:
        figures: of `FIGURES`.
        make: a function of a figure; None if there is nothing to draw.

    Raises:
        OSError: if `make` cannot write.
    """
    found, failed = [], []
    for one in figures:
        try:
            made = make(one)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: the numbers do not depend on it
            failed.append(f"the figure {one.name} could not be drawn: {type(error).__name__}: {error}")
            continue
        if made is not None:
            found.append(made)
    return found, failed


__all__ = ["FIGURES", "Figure", "Tables", "each", "figure"]
