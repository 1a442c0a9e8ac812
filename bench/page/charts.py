"""The figures of a view: their texts, their rows, and specifications for the script to complete."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.figures import FIGURES, Figure, Tables, each, metrics
from bench.figures.composition import chart_of, column
from bench.figures.limits import beyond

PLACES = {
    "option": (
        "variance_by_option",
        "bias_by_option",
        "snr_by_option",
        "noise_scale_by_option",
        "batch_cosine_by_option",
    ),
    "samples": ("variance", "bias", "mse", "snr", "cosine", "seconds", "work_normalized_variance"),
}
"""Place on a page -> the figures of which one is shown there at a time, each named by its column."""

FIRST = "histograms"
"""The figure that is seen before all others."""

MOST_PANELS = 6
"""Values of a second option that stand side by side; of more, one is shown at a time."""

SEEN = ("lower", "upper", "guide", "share", "share_low", "share_high", "whole", "bias_share")
"""Columns that are drawn, and nowhere read as numbers."""

_ORDER = {name: i for i, name in enumerate([FIRST, *PLACES["option"], *PLACES["samples"]])}


def charts_of(tables: Tables) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the figures that apply to these tables, and a line for each that could not be drawn.

    The picture comes first, then what stands in one of `PLACES`. Figures against a single N are left out
    where there are curves along an option. Each has its texts; all `rows` that it may draw; a `spec` without
    data, colors and size; the columns that are `switched`, of which one value is shown at a time; and the
    `place` that it shares with others, empty if it has one of its own.
    """
    applying = [figure for figure in FIGURES.values() if figure.table in tables]
    found, failed = each(applying, lambda figure: _chart(figure, tables))
    if any(chart["place"] == "option" for chart in found):
        found = [c for c in found if c["place"] != "samples" or c["rows"]["sample_size"].nunique() > 1]
    found = sorted(found, key=lambda chart: _ORDER.get(chart["name"], len(_ORDER)))
    return [{**chart, "rows": packed(chart["rows"])} for chart in found], failed


def _chart(figure: Figure, tables: Tables) -> dict[str, Any] | None:
    rows = figure.drawn(tables)
    if rows.empty:
        return None
    spec = chart_of(figure, rows)
    switched = [name for name in figure.panels(rows) if name in ("problem", *figure.switched)]
    if "rest" in switched and "layer" in spec and rows["rest"].nunique() <= MOST_PANELS:
        switched.remove("rest")
        header = {"labelAnchor": "start"}
        facet = {"field": "rest", "type": "nominal", "title": None, "sort": None, "header": header}
        spec = {"data": spec.pop("data"), "facet": facet, "columns": 2, "spec": spec}
    title, description = figure.words(rows)
    return {
        "name": figure.name,
        "title": title,
        "description": description,
        "notice": "; ".join(filter(None, [tables.notice(figure.table), *_limits(figure, tables, rows)])),
        "place": next((place for place, names in PLACES.items() if figure.name in names), ""),
        "rows": _shorter(figure, rows),
        "spec": spec,
        "logarithmic": figure.positive,
        "switched": switched,
    }


def _limits(figure: Figure, tables: Tables, rows: pd.DataFrame) -> list[str]:
    """Return what its axis cannot show, unless that depends on the control that is chosen on the page."""
    return [] if "control" in rows else beyond(figure, tables[figure.table], rows)


def _shorter(figure: Figure, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with no more digits than anybody reads, and fewer of what is drawn alone.

    Of figures against N that is all: the table of all numbers has their numbers, too.
    """
    against = figure.name in PLACES["samples"]
    if figure in metrics.FIGURES and rows["sample_size"].nunique() > 1:
        rows = rows.drop(columns=list(figure.interval[1:]))  # `lower` and `upper` say the same
    digits = {
        name: 4 if against else _SEEN_DIGITS if name in SEEN else _DIGITS
        for name in rows.select_dtypes("float").columns
    }
    return rows.assign(
        **{name: [float(f"{value:.{most}g}") for value in rows[name]] for name, most in digits.items()}
    )


_SEEN_DIGITS, _DIGITS = 6, 9  # the files of the run have all


def packed(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame column by column; of a column with one value throughout that value alone."""
    columns = columns_of(frame)
    alike = {name for name, each in columns.items() if len(each) > 1 and each.count(each[0]) == len(each)}
    if len(alike) == len(columns):
        return dict(columns)
    return {name: values[0] if name in alike else values for name, values in columns.items()}


def columns_of(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a frame column by column, as JSON can hold it."""
    return {str(name): column(frame[name]) for name in frame}
