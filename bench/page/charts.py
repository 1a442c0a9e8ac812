"""The figures of a view: their rows, and specifications for the script of the page to complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.figures import FIGURES, Figure, Tables, each, metrics
from bench.figures.composition import chart_of

AGAINST_SAMPLES = {
    "variance": "variance",
    "bias": "bias",
    "mse": "mse",
    "snr": "snr",
    "cosine": "cosine",
    "seconds": "cost",
    "work_normalized_variance": "work_normalized_variance",
}
ALONG_OPTION = {"variance_by_option": "variance", "bias_by_option": "bias", "snr_by_option": "snr"}
PLACES = {"option": ALONG_OPTION, "samples": AGAINST_SAMPLES}
"""Place on a page -> the figures of which one is shown there at a time, each with its metric."""

FIRST = "histograms"
"""The figure that is seen before all others."""

MOST_PANELS = 6
"""Values of a second option that stand side by side; of more, one is shown at a time."""

SEEN = ("lower", "upper", "guide", "share", "share_low", "share_high", "whole", "bias_share")
"""Columns that are drawn, and nowhere read as numbers."""


@dataclass(frozen=True)
class Chart:
    """A figure of a view.

    Attributes:
        figure: its definition.
        rows: all that it may draw.
        spec: Vega-Lite, without data, colors and size.
        notice: what a reader must know where only some rows are there.
        switched: the columns of each of which one value is shown at a time.
    """

    figure: Figure
    rows: pd.DataFrame
    spec: Mapping[str, Any]
    notice: str
    switched: list[str]

    @property
    def place(self) -> str:
        """Return the place that it shares with others; empty if it has one of its own."""
        return next((place for place, names in PLACES.items() if self.figure.name in names), "")


def charts_of(tables: Tables) -> tuple[list[Chart], list[str]]:
    """Return the figures that apply to these tables, and a line for each that could not be drawn.

    The picture comes first, then what stands in one of `PLACES`. Figures against a single N are left out
    where there are curves along an option.
    """
    found, failed = each(
        [figure for figure in FIGURES.values() if figure.table in tables],
        lambda figure: _chart(figure, tables),
    )
    if any(chart.place == "option" for chart in found):
        found = [
            chart for chart in found if chart.place != "samples" or chart.rows["sample_size"].nunique() > 1
        ]
    order = [FIRST, *(name for names in PLACES.values() for name in names)]
    found.sort(key=lambda chart: order.index(chart.figure.name) if chart.figure.name in order else len(order))
    return found, failed


def _chart(figure: Figure, tables: Tables) -> Chart | None:
    rows = figure.drawn(tables)
    if rows.empty:
        return None
    spec, switched = chart_of(figure, rows), figure.panels(rows)
    switched = [name for name in switched if name in ("problem", *figure.switched)]
    if "rest" in switched and "layer" in spec and rows["rest"].nunique() <= MOST_PANELS:
        spec, switched = _in_panels(spec, "rest"), [name for name in switched if name != "rest"]
    return Chart(figure, _shorter(figure, rows), spec, tables.notice(figure.table), switched)


def _in_panels(spec: Mapping[str, Any], column: str) -> dict[str, Any]:
    """Return a chart with a panel for each value of a column."""
    inner = {name: part for name, part in spec.items() if name != "data"}
    facet = {
        "field": column,
        "type": "nominal",
        "title": None,
        "sort": None,
        "header": {"labelAnchor": "start"},
    }
    return {"data": spec["data"], "facet": facet, "columns": 2, "spec": inner}


def _shorter(figure: Figure, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of which what is drawn alone has no more digits than are seen.

    Of figures against N that is all: the table of all numbers has their numbers, too.
    """
    against = figure.name in AGAINST_SAMPLES
    drawn = rows.select_dtypes("float").columns if against else [name for name in SEEN if name in rows]
    digits = 4 if against else 6
    if figure in metrics.FIGURES and rows["sample_size"].nunique() > 1:
        rows = rows.drop(columns=list(figure.interval[1:]))  # `lower` and `upper` say the same
        drawn = [name for name in drawn if name in rows]
    return rows.assign(**{name: [float(f"{value:.{digits}g}") for value in rows[name]] for name in drawn})
