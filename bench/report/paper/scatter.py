"""Mean estimates against the truth, coordinate by coordinate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.labels import distinct
from bench.report.numbers import grouped
from bench.report.paper.about import About
from bench.report.style import GUIDE


def scatter(coordinates: pd.DataFrame, about: About) -> Figure | None:
    """Whether each coordinate is right: its mean against its truth, with a standard error to either side."""
    if coordinates["truth"].nunique() < 2:
        return None
    looked, names = about.looks(coordinates), distinct(about.labels)
    panels, left_out = canvas.kept(
        {label: coordinates[coordinates["estimator"] == label] for label in looked}
    )
    largest = int(coordinates["sample_size"].max())
    caption = about.caption(
        f"N = {grouped(largest)}, the largest",
        "bars: one standard error to either side; dashed: the mean is right",
        left_out,
    )
    figure, axes = canvas.sheet([names[label] for label in panels], {}, about.title, caption)
    ends = np.array([coordinates["truth"].min(), coordinates["truth"].max()], float)
    for ax, (label, part) in zip(axes, panels.items(), strict=True):
        ax.plot(ends, ends, color=GUIDE, dashes=(4, 3), linewidth=1, zorder=1)
        _points(ax, part, looked[label].color)
    canvas.label_axes(axes, "truth", "mean estimate")
    return figure


def _points(ax: Axes, part: pd.DataFrame, color: str) -> None:
    mean, low, high = (part[name].to_numpy(float) for name in ("mean", "low", "high"))
    reach = np.vstack([mean - low, high - mean])
    ax.errorbar(part["truth"], mean, yerr=reach, fmt="none", ecolor=color, elinewidth=0.8, alpha=0.4)
    ax.plot(part["truth"], mean, ".", color=color, markersize=4, alpha=0.7)
