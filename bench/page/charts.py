"""The figures of a view: their rows, and specifications for the script of the page to complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.figures import FIGURES, Figure, Tables, each
from bench.figures.composition import chart_of


@dataclass(frozen=True)
class Chart:
    """A figure of a view.

    Attributes:
        figure: its definition.
        rows: all that it may draw.
        spec: Vega-Lite, without data, colors and size.
        notice: what a reader must know where only some rows are there.
    """

    figure: Figure
    rows: pd.DataFrame
    spec: Mapping[str, Any]
    notice: str

    @property
    def switched(self) -> list[str]:
        """The columns of each of which one value is shown at a time."""
        return [name for name in self.figure.panels(self.rows) if name in ("problem", *self.figure.switched)]


SEEN = ("lower", "upper", "guide", "share", "share_low", "share_high", "whole", "bias_share")
"""Columns that are drawn, and nowhere read as numbers."""


def _shorter(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of which what is drawn alone has no more digits than are seen."""
    drawn = [name for name in SEEN if name in rows]
    return rows.assign(**{name: [float(f"{value:.6g}") for value in rows[name]] for name in drawn})


def charts_of(tables: Tables) -> tuple[list[Chart], list[str]]:
    """Return the figures that apply to these tables, and a line for each that could not be drawn."""

    def chart(figure: Figure) -> Chart | None:
        rows = figure.drawn(tables)
        if rows.empty:
            return None
        return Chart(figure, _shorter(rows), chart_of(figure, rows), tables.notice(figure.table))

    return each([figure for figure in FIGURES.values() if figure.table in tables], chart)
