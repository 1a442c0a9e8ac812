"""The figures, one a file, and their table: pages, files and notebooks draw the same charts.

A new figure is a file that defines a `Figure`, and its line in `FIGURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from bench.errors import Invalid, did_you_mean
from bench.figures.bias import BIAS, BIAS_BY_OPTION
from bench.figures.blocks import BLOCKS
from bench.figures.captions import caption_of_run
from bench.figures.composition import composed, on_the_sheet
from bench.figures.cost import COST
from bench.figures.definition import Figure
from bench.figures.error import ERROR
from bench.figures.figure_tables import Tables, of_a_run
from bench.figures.forests import CHANGED, DEVICES, MEANS, RATE, RATIOS
from bench.figures.histograms import HISTOGRAMS
from bench.figures.metrics import BUDGET, BY_PARAMETER, SNR_BY_OPTION, VARIANCE, VARIANCE_BY_OPTION
from bench.figures.metrics import FIGURES as METRICS
from bench.figures.profile import PROFILE
from bench.figures.scatter import SCATTER
from bench.figures.spread import SPREAD
from bench.results.runs import Run
from bench.text.failures import attempt

T = TypeVar("T")

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        HISTOGRAMS, CHANGED, VARIANCE_BY_OPTION, BIAS_BY_OPTION, SNR_BY_OPTION, VARIANCE, *METRICS, RATE,
        BIAS, ERROR, COST, BUDGET, RATIOS, MEANS, PROFILE, DEVICES, SPREAD, BLOCKS, BY_PARAMETER, SCATTER,
    )
}  # fmt: skip
"""All figures by name, in the order of a page."""


class Figures(Mapping[str, alt.TopLevelMixin]):
    """The figures of a run that have something to draw, by name, as Altair charts."""

    def __init__(self, run: Run) -> None:
        self._tables, self._caption = of_a_run(run), caption_of_run(run)

    def __getitem__(self, name: str) -> alt.TopLevelMixin:
        """Return a figure as a chart with its data, title and legend.

        Raises:
            KeyError: if there is no such figure, or the run has nothing that it could draw.
        """
        if name not in FIGURES:
            raise KeyError(f"no figure {name!r}; {did_you_mean(name, FIGURES)}")
        spec = composed(FIGURES[name], self._tables, self._caption)
        if spec is None:
            raise KeyError(f"the run has nothing that the figure {name!r} could draw")
        datasets = spec.pop("datasets")  # put in later: each number would become an object
        with debug_mode(False):  # the tests check every figure against the schema, which takes seconds
            chart = alt.VConcatChart.from_dict(spec, validate=False)
        chart["datasets"] = datasets
        return chart

    def __contains__(self, name: object) -> bool:
        return name in FIGURES and not self._rows(FIGURES[str(name)]).empty

    def __iter__(self) -> Iterator[str]:
        return (name for name in FIGURES if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<Figures: {', '.join(self)}>"

    def _rows(self, figure: Figure) -> pd.DataFrame:
        return on_the_sheet(figure, figure.drawn(self._tables), self._caption)


def each(figures: Iterable[Figure], make: Callable[[Figure], T | None]) -> tuple[list[T], list[str]]:
    """Make something of each figure; a figure that fails leaves a line that says so, and no other fails.

    Args:
        figures: of `FIGURES`.
        make: a function of a figure; None if there is nothing to draw.

    Raises:
        Invalid: if a table of the run is missing or damaged.
        OSError: if `make` cannot write.
    """
    failed: list[str] = []
    made = [
        attempt(
            f"the figure {one.name} could not be drawn", partial(make, one), None, failed, (Invalid, OSError)
        )
        for one in figures
    ]
    return [each for each in made if each is not None], failed


__all__ = ["FIGURES", "Figure", "Figures", "Tables", "each"]
