"""Which estimator to take at which budget."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.analysis.budgets import EVALUATIONS, SECONDS
from bench.report import canvas
from bench.report.labels import distinct
from bench.report.paper.about import About

_PANEL = ["run", "problem", "device", "dtype"]


def budget_of_seconds(reached: pd.DataFrame, about: About) -> Figure | None:
    """Which estimator when: the least squared error that a budget of seconds buys."""
    return _drawn(reached[reached["currency"] == SECONDS], about, "budget, in seconds")


def budget_of_evaluations(reached: pd.DataFrame, about: About) -> Figure | None:
    """Which estimator when: the least squared error that a budget of evaluations buys."""
    counted = "evaluations: of f, and of its gradient"
    return _drawn(reached[reached["currency"] == EVALUATIONS], about, "budget, in evaluations", counted)


def _drawn(found: pd.DataFrame, about: About, x_label: str, *facts: str) -> Figure | None:
    found = found[(found["error"] > 0) & np.isfinite(found["error"])]
    if found.empty:
        return None
    apart = [name for name in _PANEL if name in found and found[name].nunique() > 1]
    titles = found[apart].astype(str).agg(", ".join, axis=1) if apart else pd.Series("", found.index)
    panels, left_out = canvas.kept({str(name): part for name, part in found.groupby(titles, sort=False)})
    looked, names = about.looks(found), distinct(about.labels)
    legend = {names[label]: canvas.series_handle(look) for label, look in looked.items()}
    caption = about.caption(
        "squared error of the mean of as many estimates, of the best N, as the budget allows",
        *facts,
        left_out,
    )
    shown = [distinct(panels)[name] for name in panels] if apart else [""]
    figure, axes = canvas.sheet(shown, legend, about.title, caption)
    axes[0].set(xscale="log", yscale="log")
    for ax, part in zip(axes, panels.values(), strict=True):
        for label, line in part.groupby("estimator", sort=False):
            look = looked[str(label)]
            ax.plot(line["budget"], line["error"], color=look.color, linestyle=look.linestyle,
                    marker=look.marker, markersize=4.5, markeredgecolor="white")  # fmt: skip
    canvas.label_axes(axes, x_label, "least squared error")
    return figure
