"""The figures and their table: pages, files and notebooks draw the same charts.

A new figure is a `Figure`, in a file of its own unless it is of a kind that there is, and its name below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import altair as alt
from altair.utils.schemapi import debug_mode

from bench.errors import Invalid, did_you_mean
from bench.figures.bias import BIAS, BIAS_BY_OPTION
from bench.figures.blocks import BLOCKS
from bench.figures.captions import caption_of_run
from bench.figures.composition import composed, on_the_sheet
from bench.figures.definition import Figure
from bench.figures.distributions import HISTOGRAMS, PROFILE, SPREAD
from bench.figures.figure_tables import Tables, of_a_run
from bench.figures.forests import CHANGED, DEVICES, ERROR, MEANS, RATE, RATIOS
from bench.figures.gradient_noise import FIGURES as GRADIENT_NOISE
from bench.figures.metrics import BUDGET, BY_PARAMETER, SNR_BY_OPTION, VARIANCE, VARIANCE_BY_OPTION
from bench.figures.metrics import FIGURES as METRICS
from bench.figures.rendering import PIXELS, picture
from bench.figures.scatter import COST, SCATTER
from bench.results.run import Run
from bench.text.failures import attempt

T = TypeVar("T")

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        HISTOGRAMS, CHANGED, VARIANCE_BY_OPTION, BIAS_BY_OPTION, SNR_BY_OPTION, *GRADIENT_NOISE, VARIANCE,
        *METRICS, RATE, BIAS, ERROR, COST, BUDGET, RATIOS, MEANS, PROFILE, DEVICES, SPREAD, BLOCKS,
        BY_PARAMETER, SCATTER,
    )
}  # fmt: skip
"""All figures by name, in the order of a page."""


class Chart(alt.VConcatChart):
    """An Altair chart that a notebook shows as a picture: nothing is fetched, and every viewer has it."""

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> tuple[dict[str, bytes], dict[str, dict[str, float]]]:
        with debug_mode(False):
            png = picture(self.to_dict(), "png")
        width, height = (int.from_bytes(png[at : at + 4]) / PIXELS for at in (16, 20))  # of its header
        return {"image/png": png}, {"image/png": {"width": width, "height": height}}


class Figures(Mapping[str, alt.TopLevelMixin]):
    """The figures of a run that have something to draw, by name, as Altair charts."""

    def __init__(self, run: Run) -> None:
        self._tables, self._caption = of_a_run(run), caption_of_run(run)

    def __getitem__(self, name: str) -> alt.TopLevelMixin:
        """Return a figure as a chart with its data, title and legend.

        Raises:
            KeyError: if there is no such figure, or the run has nothing that it could draw.
        """
        if not isinstance(name, str) or name not in FIGURES:
            raise KeyError(f"no figure {name!r}; {did_you_mean(str(name), FIGURES)}")
        spec = composed(FIGURES[name], self._tables, self._caption)
        if spec is None:
            raise KeyError(f"the run has nothing that the figure {name!r} could draw")
        datasets = spec.pop("datasets")  # put in later: each number would become an object
        with debug_mode(False):  # the tests check every figure against the schema, which takes seconds
            chart = Chart.from_dict(spec, validate=False)
        chart["datasets"] = datasets
        return chart

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or name not in FIGURES:
            return False
        return len(on_the_sheet(FIGURES[name], self._tables, self._caption)) > 0

    def __iter__(self) -> Iterator[str]:
        return (name for name in FIGURES if name in self)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"<Figures: {', '.join(self)}>"


def each(figures: Iterable[Figure], make: Callable[[Figure], T | None]) -> tuple[list[T], list[str]]:
    """Return what is made of each figure, if anything is, and a line for each that could not be drawn.

    Raises:
        Invalid: if a table of the run is missing or damaged.
        OSError: if `make` cannot write.
    """
    failed: list[str] = []
    made: list[T | None] = []
    for one in figures:
        fault = f"the figure {one.name} could not be drawn"
        made.append(attempt(fault, partial(make, one), None, failed, (Invalid, OSError)))
    return [thing for thing in made if thing is not None], failed


__all__ = ["FIGURES", "Figure", "Figures", "Tables", "each"]
