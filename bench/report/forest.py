"""A forest plot: the ratios of a comparison with their intervals, row by row, about the line at 1."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.analysis.comparison import NO_INTERVAL, UNDECIDED, Comparison
from bench.report import canvas, cell_words
from bench.report.comparison_table import Row, ratio_text, remarks
from bench.report.labels import distinct, drawn
from bench.report.left_out import notes
from bench.report.style import GUIDE, Look, looks, style
from bench.statistics.metric_table import COMPARED

MOST_ROWS = 60
"""A figure with more rows than this is no longer read."""

MOST_PANELS = 4
ROW = 0.19  # inches
NAMED = {"paired": "paired: same random numbers", "unpaired": "unpaired"}


@dataclass(frozen=True)
class _Line:
    """A line of the figure: the heading of an estimator, or one of its N; lines count from the top."""

    estimator: str
    sample_size: int | None


def forest(comparison: Comparison) -> Figure:
    """Ratios to the control on a logarithmic axis, by estimator and N; a panel a metric and setting."""
    with style():
        heading = canvas.heading([comparison.scenario], f"ratio to {comparison.control}")
        frame = _titled(comparison.frame)
        if not _drawable(frame).any():
            return canvas.notice("There is nothing to draw.", heading, notes(comparison.left_out))
        return _drawn(frame, comparison, heading)


def _titled(frame: pd.DataFrame) -> pd.DataFrame:
    """With the panel of each row: its metric and, where it varies, its setting."""
    settings = cell_words.setting_of(frame).astype(str)
    names = frame["metric"].map(lambda name: COMPARED[name].label).astype(str)
    return frame.assign(panel=names + np.where(settings != "", " · ", "") + settings)


def _drawable(frame: pd.DataFrame) -> pd.Series[bool]:
    ratios = frame["ratio"].astype(float)
    return (ratios > 0) & np.isfinite(ratios)


def _drawn(frame: pd.DataFrame, comparison: Comparison, heading: str) -> Figure:
    panels = list(dict.fromkeys(frame["panel"]))
    lines = _lines(frame)
    kept = _kept(lines)
    shown = frame[frame["panel"].isin(panels[:MOST_PANELS]) & frame.apply(_is_in, axis=1, lines=kept)]
    caption = remarks(comparison)
    if shown["mark"].isin([UNDECIDED, NO_INTERVAL]).any():
        caption.append("pale: not decided")
    if len(shown) < len(frame):
        caption.append(f"not drawn: {len(frame) - len(shown)} further rows; all are in the table")
    looked = looks(comparison.estimators)
    labels = distinct(comparison.estimators)
    columns = panels[:MOST_PANELS]
    width = 2.4 + (4.6 if len(columns) == 1 else 2.7 * len(columns))
    below = [part for text in caption for part in textwrap.wrap(text, int(width / canvas.CAPTION_CHARACTER))]
    handles = _legend(shown)
    beside = 0.8 + canvas.LEGEND_CHARACTER * max(map(len, handles), default=0)
    above = textwrap.wrap(heading, int((width - beside) / canvas.TITLE_CHARACTER))
    height = ROW * len(kept) + 1.2 + 0.2 * len(above) + 0.14 * len(below)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(1, len(columns), sharey=True, squeeze=False).flat)
    limits = _limits(shown)
    for ax, name in zip(axes, columns, strict=True):
        part = shown[shown["panel"] == name]
        _panel(ax, part, kept, looked, limits)
        title = name if len(panels) > 1 else ""
        ax.set_title(drawn(title))
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(f"ratio of {COMPARED[shown['metric'].iloc[0]].label}" if not title else "ratio")
    _name_lines(axes[0], kept, labels, looked)
    if len(columns) == 1:
        _write_ratios(axes[0], shown, kept)
    figure.legend(handles=list(handles.values()), labels=list(handles), loc="outside upper right")
    canvas.surround(figure, above, below)
    return figure


def _lines(frame: pd.DataFrame) -> list[_Line]:
    """For each estimator a heading, then its N."""
    lines = []
    for estimator, part in frame.groupby("estimator", sort=False):
        sizes = sorted({int(size) for size in part["sample_size"]})
        lines += [_Line(str(estimator), None), *(_Line(str(estimator), size) for size in sizes)]
    return lines


def _kept(lines: list[_Line]) -> list[_Line]:
    """As many lines as are read, and no heading last."""
    kept = lines[:MOST_ROWS]
    return kept[:-1] if kept[-1].sample_size is None else kept


def _is_in(row: pd.Series, lines: list[_Line]) -> bool:
    return _Line(row["estimator"], int(row["sample_size"])) in lines


def _panel(
    ax: Axes,
    part: pd.DataFrame,
    lines: list[_Line],
    looked: Mapping[str, Look],
    limits: tuple[float, float],
) -> None:
    ax.set_xscale("log")
    ax.set_xlim(*limits)
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.axvline(1, color="#303030", linewidth=0.9, zorder=1)
    ax.grid(visible=False, axis="y")
    _ticks(ax, limits)
    records: list[Row] = list(part.itertuples(index=False))
    for row in records:
        _bar(ax, lines.index(_Line(row.estimator, row.sample_size)), row, looked[row.estimator], limits)


def _bar(ax: Axes, y: int, row: Row, look: Look, limits: tuple[float, float]) -> None:
    """One ratio with its interval, an arrow where it leaves the panel; faint if it decides nothing."""
    left, right = limits
    faint = 0.45 if row.mark in (UNDECIDED, NO_INTERVAL) else 1.0
    # Never a look-through marker: the line behind it would show.
    color = tuple(1 - faint * (1 - part) for part in to_rgb(look.color))
    if not np.isnan(row.low):
        ax.plot([max(row.low, left), min(row.high, right)], [y, y], color=color, linewidth=1.6, zorder=2)
    if min(row.ratio, row.low) < left:
        ax.plot(left, y, "<", color=color, markersize=5, clip_on=False, zorder=3)
    if max(row.ratio, row.high) > right:
        ax.plot(right, y, ">", color=color, markersize=5, clip_on=False, zorder=3)
    if left <= row.ratio <= right:
        face = color if row.paired else "white"
        ax.plot(row.ratio, y, look.marker, color=color, markerfacecolor=face, markersize=6, zorder=3)


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Shows 1, every ratio that is finite, and intervals up to a factor of 30."""
    part = frame[_drawable(frame)]
    if part.empty:
        return 0.1, 10.0
    ratio, low, high = (part[name].to_numpy(float) for name in ("ratio", "low", "high"))
    one = np.ones(1)
    return canvas.log_limits(
        np.concatenate([ratio, one]), np.concatenate([low, one]), np.concatenate([high, one])
    )


def _ticks(ax: Axes, limits: tuple[float, float]) -> None:
    decades = np.log10(limits[1] / limits[0])
    steps: tuple[float, ...] = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
    if decades < 0.7:
        steps = tuple(float(i) / 10 for i in range(10, 100, 2 if decades > 0.25 else 1))
    ax.xaxis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if decades < 6:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _name_lines(ax: Axes, lines: list[_Line], labels: Mapping[str, str], looked: Mapping[str, Look]) -> None:
    """Estimators and their N, at the left."""
    texts = [labels[e.estimator] if e.sample_size is None else f"N = {e.sample_size}" for e in lines]
    ax.set_yticks(range(len(lines)), [drawn(text) for text in texts])
    for line, text in zip(lines, ax.get_yticklabels(), strict=True):
        if line.sample_size is None:
            text.set(fontweight="bold", color=looked[line.estimator].color)


def _write_ratios(ax: Axes, frame: pd.DataFrame, lines: list[_Line]) -> None:
    """The numbers at the right, as tables of meta-analyses have them."""
    right = ax.twinx()
    right.set_ylim(ax.get_ylim())
    texts = [""] * len(lines)
    records: list[Row] = list(frame.itertuples(index=False))
    for row in records:
        texts[lines.index(_Line(row.estimator, int(row.sample_size)))] = (
            f"{ratio_text(row.ratio, row.low, row.high)}  {row.mark}"
        )
    right.set_yticks(range(len(lines)), [drawn(text) for text in texts])
    right.tick_params(axis="y", length=0, labelsize=7.5)
    right.grid(visible=False)


def _legend(frame: pd.DataFrame) -> dict[str, Line2D]:
    kinds = [
        kind for kind, there in (("paired", frame["paired"]), ("unpaired", ~frame["paired"])) if there.any()
    ]
    return {
        NAMED[kind]: Line2D(
            [],
            [],
            color=GUIDE,
            marker="o",
            linewidth=1.6,
            markerfacecolor=GUIDE if kind == "paired" else "white",
        )
        for kind in kinds
    }
