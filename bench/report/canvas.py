"""The sheet a plot is drawn on: panels, title, legend and caption, and its way into a file."""

from __future__ import annotations

import itertools
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report.style import CAPTION, MatplotlibLook, style
from bench.text.labels import drawn, plain

Numbers = npt.NDArray[np.float64]

DOTS_PER_INCH = 150
MOST_COLUMNS = 4
TITLE_SIZE = 10.5
LEGEND_CHARACTER = 0.078  # inches, of the legend's font
CAPTION_CHARACTER = 0.057
TITLE_CHARACTER = 0.086


def sheet(
    panels: Sequence[str], legend: Mapping[str, Line2D], title: str, caption: Sequence[str]
) -> tuple[Figure, list[Axes]]:
    """A figure with one set of axes a panel, all of one scale, and what surrounds them.

    Figures are built without pyplot, which would keep them alive and choose a backend.

    Args:
        panels: titles of the panels; a single one is better left empty.
        legend: what each entry says and looks like, in order.
        title: of the whole figure, may be empty.
        caption: paragraphs below.
    """
    columns = min(len(panels), 3 if len(panels) <= 6 else MOST_COLUMNS)
    lines = math.ceil(len(panels) / columns)
    wide, high = (5.4, 3.7) if len(panels) == 1 else (2.55, 2.25)
    beside = 0.6 + LEGEND_CHARACTER * max(map(len, legend), default=0)
    inside = len(panels) < lines * columns and beside < wide and 0.2 * len(legend) < high - 0.4
    width = columns * wide + 0.6 + (0 if inside else beside)
    heading = textwrap.wrap(title, int(width / TITLE_CHARACTER))
    below = [line for text in caption for line in textwrap.wrap(text, int(width / CAPTION_CHARACTER))]
    height = (
        max(lines * high, 0 if inside else 0.185 * len(legend)) + 0.2 + 0.2 * len(heading) + 0.14 * len(below)
    )
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat)
    for ax, name in zip(axes, panels, strict=False):
        ax.set_title(drawn(name))
    surround(figure, heading, below)
    if inside:
        axes[len(panels)].legend(*_entries(legend), loc="upper left", borderaxespad=0)
    else:
        # An empty title as high as the figure's own, so that the legend begins where the axes do:
        # given an anchor instead, the layout would leave it no room.
        blank = "\n".join(" " for _ in heading)
        figure.legend(*_entries(legend), loc="outside right upper", title=blank, title_fontsize=TITLE_SIZE)
    _empty(axes, len(panels), columns, keep=inside)
    return figure, axes[: len(panels)]


def surround(figure: Figure, heading: Sequence[str], below: Sequence[str]) -> None:
    """Puts lines of a title above a figure, and lines of a caption below it."""
    if heading:
        figure.suptitle(drawn("\n".join(heading)), x=0.012, ha="left", fontsize=TITLE_SIZE)
    if below:
        # A label of the common x axis, because the layout makes room for no other text at the foot.
        figure.supxlabel(drawn("\n".join(below)), x=0.012, ha="left", fontsize=7.5, color=CAPTION)


def heading(scenario: Sequence[str], question: str | None) -> str:
    """The title of a figure: the scenario's name, and what was asked."""
    name = ", ".join(plain(each) for each in scenario)
    asked = plain(question, 200)
    return f"{name}: {asked}" if name and asked and asked != name else name or asked


def label_axes(axes: Sequence[Axes], x: str, y: str) -> None:
    """Names what is on the axes, at the outer panels only."""
    for ax in axes:
        spec = ax.get_subplotspec()
        if spec is None or spec.is_first_col():
            ax.set_ylabel(y)
        if any(tick.label1.get_visible() for tick in ax.xaxis.get_major_ticks()):
            ax.set_xlabel(x)


def series_handle(look: MatplotlibLook) -> Line2D:
    """What a line of this look is like, for the legend."""
    return Line2D(
        [], [], color=look.color, marker=look.marker, linestyle=look.linestyle, markeredgecolor="white"
    )


def marker_handle(look: MatplotlibLook) -> Line2D:
    """What a point of this look is like, for the legend."""
    return Line2D([], [], color=look.color, marker=look.marker, linestyle="none", markeredgecolor="white")


def log_sample_sizes(axes: Sequence[Axes], sizes: Sequence[int]) -> None:
    """A logarithmic axis of N; its ticks are the N that were measured, if they can be told apart."""
    least, most = min(sizes), max(sizes)
    room = (most / least) ** 0.07 if most > least else 3.0
    ratio = min((b / a for a, b in itertools.pairwise(sizes)), default=10.0)
    for ax in axes:
        ax.set_xscale("log")
        ax.set_xlim(least / room, most * room)
        if len(sizes) <= 6 and ratio > (most / least) ** 0.12:
            ax.xaxis.set_major_locator(FixedLocator(list(sizes)))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: size_text(size)))


def size_text(size: float) -> str:
    """N as it stands at a tick or a point."""
    exponent = round(math.log10(size))
    return rf"$10^{{{exponent}}}$" if exponent >= 4 and size == 10**exponent else f"{size:g}"


def log_limits(values: Numbers, low: Numbers, high: Numbers) -> tuple[float, float]:
    """Limits of a logarithmic axis that show all values, and their intervals up to a factor of 30."""
    bottom = np.nanmin(np.fmin(values, np.fmax(low, values / 30)))
    top = np.nanmax(np.fmax(values, np.fmin(high, values * 30)))
    room = max((top / bottom) ** 0.06, 1.25)
    return float(bottom / room), float(top * room)


def save(figure: Figure, path: Path, kind: str) -> None:
    """Writes a figure; at no time is there half a file of that name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    try:
        with style():
            figure.savefig(temporary, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _entries(legend: Mapping[str, Line2D]) -> tuple[list[Line2D], list[str]]:
    return list(legend.values()), [drawn(name) for name in legend]


def _empty(axes: Sequence[Axes], used: int, columns: int, keep: bool) -> None:
    """Takes away the axes of places without a panel, but for the first of them if the legend is there."""
    for i, ax in enumerate(axes[used:]):
        if keep and i == 0:
            ax.set_axis_off()
        else:
            ax.remove()
    for ax in axes[max(0, used - columns) : used]:
        ax.tick_params(axis="x", labelbottom=True)
