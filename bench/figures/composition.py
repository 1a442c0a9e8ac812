"""Charts put together for a file: data, panels, styles, legend, and if wanted title and caption."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from altair.utils.schemapi import debug_mode

from bench.analysis.rows import one_in
from bench.figures.captions import Caption
from bench.figures.definition import Figure
from bench.figures.estimator_style import UNSEEN, EstimatorStyle, styles
from bench.figures.marks import DATA
from bench.text.labels import distinct, plain
from bench.text.size_words import size_said

Spec = dict[str, Any]

MOST_PANELS = 24  # a figure with more is no longer read
MOST_SIZES = 12  # charts of a sample size each, below one another
PANEL = {"width": 220, "height": 170}  # pixels of a chart that stands beside others
TITLE_WIDTH, CAPTION_WIDTH = 85, 125  # characters of a line: about the width of a chart with its legend
INK, SOFT, FAINT = "#1b1b1b", "#505050", "#e3e3e3"
FONT = "DejaVu Sans"
UNITS = {"metric", "currency", "cost"}  # columns of different units: panels have axes of their own


def composed(
    figure: Figure, tables: Mapping[str, pd.DataFrame], caption: Caption, titled: bool = True
) -> Spec | None:
    """Return a figure as one Vega-Lite specification that needs nothing else; None of nothing to draw.

    A figure that is titled has a caption, too; a paper has its own.
    """
    every = on_the_sheet(figure, tables, caption)
    if every.empty:
        return None
    # Along an option of estimators they are drawn under names without it.
    others = [label for label in dict.fromkeys(every["estimator"]) if label not in set(caption.labels)]
    labels = [*caption.labels, *others]
    names = distinct(labels)
    rows = every.assign(estimator=every["estimator"].map(names))
    rows, thinned = _thinned(figure, rows)
    panels = _panels(figure, rows)
    shown = dict(list(panels.items())[:MOST_PANELS])
    known = {names[label]: style for label, style in styles(labels).items()}
    spec = _styled(_body(figure, rows, shown), known, rows)
    if titled:
        table = tables[figure.table]
        notice = table.attrs.get("notice", "")
        if "control" in every:
            table = table[table["control"] == every["control"].iloc[0]]
        more = len(panels) - len(shown)
        cut = f"not drawn: {more} further panels" if more > 0 else ""
        facts = " · ".join(filter(None, (caption.facts, thinned, notice)))
        title, description = figure.words(every)
        texts = [description, facts, *caption.notes(figure, every, table), cut]
        spec = _titled(spec, title, caption.heading, texts)
    datasets = {f"{DATA} {i}": records(part) for i, part in enumerate(shown.values())}
    return {"$schema": alt.SCHEMA_URL, "config": config(), "datasets": datasets, **spec}


def on_the_sheet(figure: Figure, tables: Mapping[str, pd.DataFrame], caption: Caption) -> pd.DataFrame:
    """Return the rows that have a place on the axes and are not folded; of ratios those to the control."""
    rows = figure.drawn(tables)
    if len(rows):
        rows = rows[(rows[list(figure.positive.values())] > 0).all(axis=1)]
    if len(rows) and "control" in rows:
        controls = list(rows["control"].unique())
        rows = rows[rows["control"] == (caption.control if caption.control in controls else controls[0])]
    return rows[~rows["folded"]] if "folded" in rows else rows


def chart_of(figure: Figure, rows: pd.DataFrame) -> Spec:
    """Return the chart of rows as a Vega-Lite specification, without its data."""
    with debug_mode(False):  # the tests check every chart against the schema, which takes most of the time
        within = {"top_level": False, "data": alt.NamedData(DATA)}
        spec = figure.chart(rows).to_dict(validate=False, context=within)
    return {"data": {"name": DATA}} | spec


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them: what is missing or not finite is null."""
    columns = [column(rows[name]) for name in rows]
    return [dict(zip(map(str, rows), values, strict=True)) for values in zip(*columns, strict=True)]


def column(values: pd.Series[Any]) -> list[Any]:
    """Return a column as JSON has it: numbers unchanged, what is missing or not finite as null."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub":
        missing = ~np.isfinite(values.to_numpy())
    else:
        missing = (values.isna() | values.isin([math.inf, -math.inf])).to_numpy()
    return [None if gone else value for value, gone in zip(values.tolist(), missing, strict=True)]


def config() -> Spec:
    """Return the fonts, colors and sizes of all charts."""
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12,
            "titleFontWeight": "normal"}  # fmt: skip
    symbols = {"symbolOpacity": 1, "symbolFillColor": "transparent", "clipHeight": 13}
    side_by_side = {"layout": {"expr": "{right: {direction: 'horizontal', margin: 4, offset: 18}}"}}
    return {
        "background": "white",
        "font": FONT,
        "view": {"stroke": FAINT},
        "axis": {**text, "gridColor": FAINT, "domainColor": INK, "tickColor": INK, "labelLimit": 260},
        "legend": {**text, **symbols, **side_by_side, "labelLimit": 300},
        "header": text,
        "title": {"color": INK, "subtitleColor": SOFT, "fontSize": 12, "fontWeight": "normal"},
        "style": {"ink": {"color": INK}, "words": {"color": INK}},
    }


def _thinned(figure: Figure, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of as many sample sizes as there is room for, where each has a chart of its own."""
    sizes = sorted(rows["sample_size"].unique()) if "sample_size" in rows else []
    if len(sizes) <= MOST_SIZES or "facet" not in chart_of(figure, rows):
        return rows, ""
    some, notice = one_in(len(sizes) / MOST_SIZES, sizes, "sample sizes is drawn")
    return rows[rows["sample_size"].isin(some)], notice


def _panels(figure: Figure, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each panel by its title."""
    names = figure.panels(rows)
    if not names:
        return {"": rows}
    ranks = [pd.factorize(rows[name])[0] for name in names]
    parts = rows.iloc[np.lexsort(ranks[::-1])].groupby(names, sort=False)
    return {_panel_title(names, values, part): part for values, part in parts}


def _panel_title(names: Sequence[str], values: Sequence[object], rows: pd.DataFrame) -> str:
    """Return the title of a panel."""
    words = (_in_words(name, value, rows) for name, value in zip(names, values, strict=True))
    return " · ".join(filter(None, words))


def _in_words(name: str, value: object, rows: pd.DataFrame) -> str:
    words = size_said(rows, str(value)) if name == "sample_size" else plain(value)
    return words.replace("_", " ") if name in UNITS else words


def _body(figure: Figure, rows: pd.DataFrame, panels: Mapping[str, pd.DataFrame]) -> Spec:
    """Return the charts of all panels: a row for each value of the first column if there are two."""
    names = figure.panels(rows)
    own = bool(UNITS & set(names))
    charts = [
        {**chart_of(figure, part if own else rows), "data": {"name": f"{DATA} {i}"}}
        for i, part in enumerate(panels.values())
    ]
    if len(charts) == 1:
        return charts[0]
    divided = "facet" in charts[0]
    most, last = 2 if divided else 3, int(rows[names[-1]].nunique())
    is_grid = len(names) == 2 and len(charts) == last * rows[names[0]].nunique() and last <= most + 1
    return {
        "concat": [_panel(chart, title) for chart, title in zip(charts, panels, strict=True)],
        "columns": last if is_grid else most,
        "spacing": 18,
        "resolve": {"scale": dict.fromkeys("xy", "independent" if own or divided else "shared")},
    }


def _panel(chart: Spec, title: str) -> Spec:
    """Return a chart under a title, with a title below all its parts if it had one."""
    above = {"text": title, "anchor": "start", "fontSize": 11}
    if "title" in chart:
        return {"title": above, "hconcat": [chart]}
    if "facet" not in chart:
        chart |= PANEL if isinstance(chart.get("height"), int) else {"width": PANEL["width"]}
    return {**chart, "title": above}


def _styled(spec: Spec, known: Mapping[str, EstimatorStyle], rows: pd.DataFrame) -> Spec:
    """Give each estimator the same color, shape and dashes in every figure."""
    present = [label for label in known if label in set(rows["estimator"])]
    looks = [known[label] for label in present]
    ranges: dict[str, list[Any]] = {
        "color": [look.color for look in looks],
        "shape": [look.shape for look in looks],
        "strokeDash": [*(list(look.dashes) for look in looks), UNSEEN],
    }
    added: dict[str, Spec] = {"x": {"sort": present}, "y": {"sort": present}}
    for channel, values in ranges.items():
        # Channels of one domain have one legend: dashes, which are lines, have one more label, not seen.
        domain = [*present, ""][: len(values)]
        added[channel] = {"scale": {"domain": domain, "range": values}}

    def with_styles(part: Spec) -> Spec:
        for channel in added.keys() & part.keys():
            if isinstance(part[channel], dict) and part[channel].get("field") == "estimator":
                part[channel] |= added[channel]
        return part

    styled: Spec = json.loads(json.dumps(spec), object_hook=with_styles)
    return styled


def _titled(spec: Spec, title: str, heading: str, texts: Sequence[str]) -> Spec:
    """Put a title and a heading above, and a caption below."""
    lines = [line for text in texts for line in textwrap.wrap(text, CAPTION_WIDTH)]
    left = {"anchor": "start", "frame": "bounds", "offset": 10}
    foot = {**left, "text": lines, "orient": "bottom", "fontSize": 10, "color": SOFT}
    head = {**left, "text": title, "fontSize": 13, "subtitleFontSize": 11}
    head["subtitle"] = textwrap.wrap(heading, TITLE_WIDTH)
    # The legend belongs to the charts: of all it would stand beside the longest line of the words.
    own = {"resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")}}
    return {"title": head, **own, "vconcat": [{"title": foot, **own, "vconcat": [spec]}]}
