"""Panels in which every estimator has a lane of its own: numbers along it, names at its left."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report import canvas, cell_words
from bench.report.canvas import Numbers
from bench.report.labels import distinct, drawn, plain
from bench.report.numbers import grouped
from bench.report.paper.about import About
from bench.report.style import Look

LANE = 0.24  # inches
MOST_COLUMNS = 3


def panels_of(frame: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], str]:
    """The rows of each sample size and problem by its title, and a notice of panels that are left out."""
    titles = "N = " + frame["sample_size"].astype(int).map(grouped)
    if frame["problem"].nunique() > 1:
        titles += " · " + frame["problem"].map(distinct(frame["problem"]))
    ordered = frame.assign(panel=titles).sort_values("sample_size", kind="stable")
    return canvas.kept({str(name): part for name, part in ordered.groupby("panel", sort=False)})


def with_settings(frame: pd.DataFrame) -> pd.DataFrame:
    """With a column `setting`: device and type of numbers in words, where they vary."""
    return frame.assign(setting=cell_words.setting_of(frame.assign(problem="")))


def places(part: pd.DataFrame, looked: Mapping[str, Look], settings: Sequence[str]) -> Numbers:
    """Where each row stands, counted from the top: settings side by side within an estimator's lane."""
    order = {label: i for i, label in enumerate(looked)}
    offset = {setting: (i + 0.5) / len(settings) - 0.5 for i, setting in enumerate(settings)}
    return np.asarray(part["estimator"].map(order) + 0.7 * part["setting"].map(offset), float)


def sheet(
    panels: Sequence[str],
    looked: Mapping[str, Look],
    settings: int,
    about: About,
    legend: Mapping[str, Line2D],
    caption: Sequence[str],
    x_label: str,
) -> tuple[Figure, list[Axes]]:
    """A figure with one set of axes a panel, each with a scale of its own along the lanes.

    Args:
        panels: their titles; a single one is better left empty.
        looked: how the estimators look, from the top.
        settings: how many stand side by side within a lane.
        about: what is said besides.
        legend: what each entry says and looks like; may be empty.
        caption: paragraphs below.
        x_label: what is drawn along the lanes.
    """
    columns = min(len(panels), MOST_COLUMNS)
    lines = math.ceil(len(panels) / columns)
    names = distinct(looked, 32)
    beside = 0.3 + 0.072 * max(map(len, names.values()), default=0)
    width = beside + (4.2 if columns == 1 else 2.3 * columns)
    high = LANE * len(looked) * max(1.0, 0.6 * settings) + (0.45 if len(panels) > 1 else 0.25)
    above = textwrap.wrap(about.title, int(width / canvas.TITLE_CHARACTER))
    below = [line for text in caption for line in textwrap.wrap(text, int(width / canvas.CAPTION_CHARACTER))]
    height = lines * high + 0.55 + 0.2 * len(above) + 0.14 * len(below) + (0.2 * len(legend))
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for ax in axes[len(panels) :]:
        ax.remove()
    axes = axes[: len(panels)]
    axes[0].set_ylim(len(looked) - 0.4, -0.6)
    axes[0].set_yticks(range(len(looked)), [drawn(names[label]) for label in looked])
    for ax, title in zip(axes, panels, strict=True):
        ax.set_title(drawn(title))
        ax.tick_params(axis="y", length=0)
        ax.grid(visible=False, axis="y")
    for ax in axes[-columns:]:
        ax.set_xlabel(x_label)
    if legend:
        labels = [drawn(plain(text)) for text in legend]
        figure.legend(list(legend.values()), labels, loc="outside lower right")
    canvas.surround(figure, above, below)
    return figure, axes


def intervals(
    ax: Axes, part: pd.DataFrame, y: Numbers, looked: Mapping[str, Look], columns: tuple[str, str, str]
) -> None:
    """A point and the bar of its interval for each row; a bound that is not finite has no bar."""
    value, low, high = (part[name].to_numpy(float) for name in columns)
    for i, label in enumerate(part["estimator"]):
        look = looked[label]
        if np.isfinite(low[i]) and np.isfinite(high[i]):
            ax.plot([low[i], high[i]], [y[i], y[i]], color=look.color, linewidth=1.5, zorder=2)
        ax.plot(
            value[i], y[i], look.marker, color=look.color, markeredgecolor="white", markersize=6.5, zorder=3
        )
