"""The figures, one a file, and their table: pages, files and notebooks draw the same charts.

A new figure is a file that defines a `FIGURE`, and its line in `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import altair as alt
import pandas as pd

from bench.errors import Invalid, did_you_mean
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
    histograms,
    means,
    metrics,
    profile,
    rate,
    ratios,
    scatter,
    signal_along,
    spread,
    variance,
)
from bench.figures.about import about_a_run
from bench.figures.definition import Figure
from bench.figures.sheet import on_the_sheet, specification
from bench.figures.source import Tables, of_a_run
from bench.results.runs import Run

T = TypeVar("T")

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        *(module.FIGURE for module in (histograms, changed, along, bias_along, signal_along, variance)),
        *metrics.FIGURES,
        *(module.FIGURE for module in (rate, bias, error, cost, budget, ratios, means, profile, devices)),
        *(module.FIGURE for module in (spread, blocks, by_parameter, scatter)),
    )
}
"""All figures by name, in the order of a page."""


class Figures(Mapping[str, alt.TopLevelMixin]):
    """The figures of a run that have something to draw, by name, as Altair charts."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tables = of_a_run(run)

    def __getitem__(self, name: str) -> alt.TopLevelMixin:
        """Return a figure as a chart with its data, title and legend.

        Raises:
            KeyError: if there is no such figure, or the run has nothing that it could draw.
        """
        if name not in FIGURES:
            raise KeyError(f"no figure {name!r}; {did_you_mean(name, FIGURES)}")
        figure, about = FIGURES[name], about_a_run(self._run)
        rows = self._rows(figure)
        if rows.empty:
            raise KeyError(f"the run has nothing that the figure {name!r} could draw")
        notice = self._tables.notice(figure.table)
        spec = specification(figure, rows, about, notice)
        datasets = spec.pop("datasets")  # put in later: they are no part of what is checked
        found: Any = alt.Chart.from_dict(spec)
        found["datasets"] = datasets
        chart: alt.TopLevelMixin = found
        return chart

    def __iter__(self) -> Iterator[str]:
        return (name for name, figure in FIGURES.items() if not self._rows(figure).empty)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Figures: {', '.join(self)}>"

    def _rows(self, figure: Figure) -> pd.DataFrame:
        return on_the_sheet(figure, figure.drawn(self._tables), about_a_run(self._run))


def each(figures: Iterable[Figure], make: Callable[[Figure], T | None]) -> tuple[list[T], list[str]]:
    """Make something of each figure; a figure that fails leaves a line that says so, and no other fails.

    Args:
        figures: of `FIGURES`.
        make: a function of a figure; None if there is nothing to draw.

    Raises:
        Invalid: if a table of the run is missing or damaged.
        OSError: if `make` cannot write.
    """
    found, failed = [], []
    for one in figures:
        try:
            made = make(one)
        except (Invalid, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: the numbers do not depend on it
            failed.append(f"the figure {one.name} could not be drawn: {type(error).__name__}: {error}")
            continue
        if made is not None:
            found.append(made)
    return found, failed


__all__ = ["FIGURES", "Figure", "Figures", "Tables", "each"]
