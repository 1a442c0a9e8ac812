"""Any column of `measurements` against any other: lines over numbers, points over words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, LogLocator, NullFormatter

from bench.report import canvas
from bench.report.canvas import Numbers
from bench.report.chosen import NOT_OK, Chosen, Selection, is_number, keys, ordered
from bench.report.style import MatplotlibLook, matplotlib_looks, style
from bench.statistics.metric_table import LABELS
from bench.text import cell_words
from bench.text.labels import distinct, drawn, plain

NAMES = {
    "sample_size": "samples per estimate, N",
    "dim": "parameters, P",
    "replicates": "replicates, R",
    **LABELS,
}
"""What stands at an axis, where the column's own name does not say it."""

LETTERS = {"sample_size": "N", "dim": "P", "replicates": "R"}

TOLD_APART = ("problem", "estimator", "sample_size", "device", "dtype", "parameter")
"""The columns that together name a row; points that differ in another than x are not joined by a line."""

SPREAD = 0.7
"""The share of a word's place over which its points are laid out side by side."""

LONGEST_WORD = 28
TICK_CHARACTER = 0.066  # inches, of the ticks' font
SLANT = 30  # degrees


def draw(selection: Selection) -> Figure:
    """The figure of the chosen columns, with the intervals of y where there are any.

    Args:
        selection: of at least one row that can be drawn.
    """
    with style():
        return _drawn(selection, selection.chosen, selection.points)


def _drawn(selection: Selection, chosen: Chosen, points: pd.DataFrame) -> Figure:
    looked = matplotlib_looks(ordered(selection.frame, chosen.by))
    points = points.assign(look=keys(points, chosen.by), place=_places(points, chosen))
    panels = _panels(points, chosen)
    entries = _legend(points, chosen, looked, _names(selection.frame, chosen.by))
    figure, axes = canvas.sheet(list(panels), entries, _heading(selection), _caption(selection))
    # First the limits: matplotlib warns when it has to guess them from a single point.
    _scale(axes, points, selection)
    for ax, part in zip(axes, panels.values(), strict=True):
        for series in _series(part, chosen):
            _bars(ax, series, chosen.y, looked[series["look"].iloc[0]], "y" in selection.log)
            _points(ax, series, chosen, looked[series["look"].iloc[0]])
    if not is_number(points, chosen.x):
        _name_places(figure, axes, ordered(points, chosen.x))
    canvas.label_axes(axes, _label(chosen.x), _label(chosen.y))
    return figure


def _panels(points: pd.DataFrame, chosen: Chosen) -> dict[str, pd.DataFrame]:
    if chosen.facet is None:
        return {"": points}
    names = _names(points, chosen.facet)
    panel = keys(points, chosen.facet)
    return {names[key]: points[panel == key] for key in ordered(points, chosen.facet)}


def _names(frame: pd.DataFrame, column: str) -> dict[str, str]:
    """What the legend and the panels call the values of a column, by key: `N = 10`, a word as it is."""
    values = ordered(frame, column)
    if is_number(frame, column):
        return {key: f"{LETTERS.get(column) or _label(column)} = {key}" for key in values}
    return distinct(values)


def _places(points: pd.DataFrame, chosen: Chosen) -> Numbers:
    """Where each point is along x; words are counted, and the points of a word are laid out side by side."""
    if is_number(points, chosen.x):
        return points[chosen.x].to_numpy(float)
    place = _ranks(points, chosen.x)
    panel = [] if chosen.facet is None else [chosen.facet]
    if not points.duplicated([chosen.x, *panel]).any():
        return place
    unlike = [name for name in dict.fromkeys([chosen.by, *TOLD_APART]) if name not in (chosen.x, *panel)]
    by_look = points.iloc[np.argsort(_ranks(points, chosen.by), kind="stable")]
    rank = by_look.groupby(unlike, sort=False).ngroup().loc[points.index].to_numpy(float)
    return np.asarray(place + SPREAD * ((rank + 0.5) / (rank.max() + 1) - 0.5), float)


def _ranks(points: pd.DataFrame, column: str) -> Numbers:
    ranks = {key: i for i, key in enumerate(ordered(points, column))}
    return np.asarray(keys(points, column).map(ranks), float)


def _series(part: pd.DataFrame, chosen: Chosen) -> list[pd.DataFrame]:
    """The rows that one line joins, from left to right."""
    same = [column for column in (*TOLD_APART, chosen.facet) if column not in ("sample_size", chosen.x, None)]
    return [line.sort_values("place") for _, line in part.groupby(["look", *dict.fromkeys(same)], sort=False)]


def _is_line(series: pd.DataFrame, chosen: Chosen) -> bool:
    """Whether y is a function of x along a series: a line through points above one another says nothing."""
    return is_number(series, chosen.x) and series["place"].is_unique


def _points(ax: Axes, series: pd.DataFrame, chosen: Chosen, look: MatplotlibLook) -> None:
    ax.plot(
        series["place"],
        series[chosen.y],
        color=look.color,
        marker=look.marker,
        linestyle=look.linestyle if _is_line(series, chosen) else "none",
        markeredgecolor="white",
        markeredgewidth=0.75,
        zorder=3,
    )


def _bars(ax: Axes, series: pd.DataFrame, y: str, look: MatplotlibLook, logarithmic: bool) -> None:
    """Intervals; an endless one leaves the panel, and its end is a number that can be drawn."""
    value, low, high = _interval(series, y)
    if logarithmic:
        low, high = np.fmax(low, value / 1e3), np.fmin(high, value * 1e3)
    else:
        bottom, top = ax.get_ylim()
        low, high = np.fmax(low, bottom - (top - bottom)), np.fmin(high, top + (top - bottom))
    reach = np.vstack([np.fmax(value - low, 0), np.fmax(high - value, 0)])
    if reach.any():
        ax.errorbar(
            series["place"], value, yerr=reach, fmt="none", ecolor=look.color, elinewidth=1.1, alpha=0.75
        )


def _interval(part: pd.DataFrame, y: str) -> tuple[Numbers, Numbers, Numbers]:
    """y with its interval; y itself where there is none."""
    value = part[y].to_numpy(float)
    bounds = [part[name].to_numpy(float) if name in part else value for name in (f"{y}_low", f"{y}_high")]
    low, high = (np.where(np.isnan(bound), value, bound) for bound in bounds)
    return value, low, high


def _scale(axes: Sequence[Axes], points: pd.DataFrame, selection: Selection) -> None:
    value, low, high = _interval(points, selection.chosen.y)
    if "y" in selection.log:
        axes[0].set_yscale("log")
        axes[0].set_ylim(*canvas.log_limits(value, low, high))
    else:
        _linear_y(axes, np.concatenate([value, low[np.isfinite(low)], high[np.isfinite(high)]]))
    place = points["place"].to_numpy(float)
    if "x" not in selection.log:
        words = not is_number(points, selection.chosen.x)
        axes[0].set_xlim(*((-0.6, np.round(place.max()) + 0.6) if words else _linear_limits(place)))
    elif selection.chosen.x == "sample_size":
        canvas.log_sample_sizes(axes, sorted({int(size) for size in place}))
    else:
        axes[0].set_xscale("log")
        axes[0].set_xlim(*canvas.log_limits(place, place, place))
        _name_numbers(axes)


def _name_numbers(axes: Sequence[Axes]) -> None:
    """Ticks of a logarithmic axis with a single power of ten, where matplotlib's own run into one another."""
    least, most = axes[0].get_xlim()
    powers = math.floor(math.log10(most)) - math.ceil(math.log10(least)) + 1
    if powers > 1 or most < 10 * least:
        return
    short = least >= 1e-3 and most < 1e5
    for ax in axes:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        if short:
            ax.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
        else:
            ax.xaxis.set_major_formatter(LogFormatterSciNotation(minor_thresholds=(math.inf, math.inf)))


def _linear_y(axes: Sequence[Axes], values: Numbers) -> None:
    axes[0].set_ylim(*_linear_limits(values))
    if values.min() < 0 < values.max():
        for ax in axes:
            ax.axhline(0, color="#303030", linewidth=0.9, zorder=1.5)


def _linear_limits(values: Numbers) -> tuple[float, float]:
    least, most = float(values.min()), float(values.max())
    room = 0.06 * (most - least) or 0.1 * abs(most) or 1.0
    return least - room, most + room


def _name_places(figure: Figure, axes: Sequence[Axes], words: Sequence[str]) -> None:
    """Words below an axis, slanted where they are longer than their places; the figure grows by them."""
    names = [drawn(name) for name in distinct(words, LONGEST_WORD).values()]
    longest = TICK_CHARACTER * max(map(len, names))
    lines = len({ax.get_position().y0 for ax in axes})
    slanted = longest > 0.75 * figure.get_figwidth() / math.ceil(len(axes) / lines) / len(names)
    for ax in axes:
        ax.set_xticks(range(len(names)), names)
        ax.grid(visible=False, axis="x")
        if slanted:
            for text in ax.get_xticklabels():
                text.set(rotation=SLANT, rotation_mode="anchor", ha="right", va="center_baseline")
    if slanted:
        # Two lines of panels have words if the second is not full, else the last one alone.
        figure.set_figheight(figure.get_figheight() + min(lines, 2) * longest * math.sin(math.radians(SLANT)))


def _label(column: str) -> str:
    return NAMES.get(column) or drawn(plain(column.replace("_", " ")))


def _legend(
    points: pd.DataFrame, chosen: Chosen, looked: Mapping[str, MatplotlibLook], names: Mapping[str, str]
) -> dict[str, Line2D]:
    """What each look means; nothing where the words along x or above the panels say it."""
    if chosen.by == chosen.facet or (chosen.by == chosen.x and not is_number(points, chosen.x)):
        return {}
    shown = set(points["look"])
    joined = any(len(series) > 1 and _is_line(series, chosen) for series in _series(points, chosen))
    handle = canvas.series_handle if joined else canvas.marker_handle
    return {names[key]: handle(look) for key, look in looked.items() if key in shown}


def _heading(selection: Selection) -> str:
    frame = selection.frame
    blocks = set(frame["parameter"])
    of_block = next(iter(blocks - {"all"})) if len(blocks) == 1 and blocks != {"all"} else None
    return canvas.heading(list(frame["scenario"].unique()), of_block)


def _caption(selection: Selection) -> list[str]:
    value, low, high = _interval(selection.points, selection.chosen.y)
    there = ((low < value) | (high > value)).any()
    bars = "bars: 95 % intervals, where larger than the markers" if there else ""
    facts = (cell_words.replicates(selection.points), cell_words.common_setting(selection.points))
    return [" · ".join(filter(None, (*facts, bars, _unsaid(selection)))), *_remarks(selection)]


def _unsaid(selection: Selection) -> str:
    """In what points of one look differ that neither x nor the panel tells."""
    chosen = selection.chosen
    said = {chosen.by, chosen.facet or chosen.by} | ({chosen.x} & set(TOLD_APART))
    alike = selection.points.groupby(sorted(said))
    hidden = [name for name in TOLD_APART if name not in said and alike[name].nunique().max() > 1]
    names = " and ".join(LETTERS.get(name) or _label(name) for name in hidden)
    return f"points that look alike differ in {names}" if hidden else ""


def _remarks(selection: Selection) -> list[str]:
    left_out = dict(selection.left_out)
    left_out.pop(NOT_OK, None)
    remarks = cell_words.not_ok(selection.frame.drop_duplicates("cell"))
    remarks += [f"{cell_words.which(part, selection.frame)}: {why}" for why, part in left_out.items()]
    return [f"not drawn: {remark}" for remark in remarks]
