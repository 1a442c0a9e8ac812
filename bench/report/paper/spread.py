"""How single estimates are spread about their mean."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.report import canvas
from bench.report.labels import distinct, drawn
from bench.report.paper.about import About
from bench.report.paper.lanes import panels_of
from bench.report.style import Look

MOST_FLAGS = 4
"""Heavy tails of one panel that are told in words."""

_CELL = ["estimator", "device", "dtype"]


def spread(bins: pd.DataFrame, about: About) -> Figure | None:
    """How single estimates are spread: a long tail makes every variance uncertain."""
    if bins.empty:
        return None
    panels, left_out = panels_of(bins)
    looked = about.looks(bins)
    names = distinct(about.labels)
    legend = {names[label]: canvas.series_handle(look) for label, look in looked.items()}
    caption = about.caption(
        "points: the largest deviations, filled where the tail is heavy (below 50 effective degrees of "
        "freedom, or a single estimate carries more than 5 % of the variance)",
        left_out,
    )
    shown = list(panels) if len(panels) > 1 or bins["sample_size"].nunique() > 1 else [""]
    figure, axes = canvas.sheet(shown, legend, about.title, caption)
    axes[0].set_xscale("log")
    for ax, part in zip(axes, panels.values(), strict=True):
        for (label, *_), cell in part.groupby(_CELL, sort=False):
            _histogram(ax, cell.sort_values("low"), looked[str(label)])
        _flags(ax, part, looked)
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    top = float(bins["share"].max())
    axes[0].set_ylim(-0.06 * top, (1.45 if bins["heavy"].any() else 1.1) * top)
    canvas.label_axes(axes, "squared deviation / variance", "share of estimates")
    return figure


def _histogram(ax: Axes, cell: pd.DataFrame, look: Look) -> None:
    ax.step(
        cell["low"], cell["share"], where="post", color=look.color, linestyle=look.linestyle, linewidth=1.1
    )
    for largest, heavy in cell.loc[cell["largest"].notna(), ["largest", "heavy"]].itertuples(index=False):
        face = look.color if heavy else "white"
        ax.plot(largest, 0, look.marker, color=look.color, markerfacecolor=face, markersize=5, zorder=3)


def _flags(ax: Axes, part: pd.DataFrame, looked: Mapping[str, Look]) -> None:
    """The words about heavy tails, the heaviest first, below one another in the corner."""
    heavy = part[part["heavy"].astype(bool)].sort_values("place")
    for i, (label, flag) in enumerate(heavy[["estimator", "flag"]].head(MOST_FLAGS).astype(str).to_numpy()):
        ax.annotate(
            drawn(flag),
            (0.98, 0.97),
            xycoords="axes fraction",
            xytext=(0, -9 * i),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7,
            color=looked[label].color,
        )
