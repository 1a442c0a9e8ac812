"""On how many problems an estimator is nearly the best."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bench.report import canvas
from bench.report.labels import distinct
from bench.report.paper.about import About
from bench.statistics.metric_table import COMPARED


def profile(steps: pd.DataFrame, about: About) -> Figure | None:
    """On how many problems an estimator is nearly the best; Dolan & Moré (2002), Benchmarking software."""
    if steps["estimator"].nunique() < 2:
        return None
    panels = {COMPARED[str(metric)].label: part for metric, part in steps.groupby("metric", sort=False)}
    looked, names = about.looks(steps), distinct(about.labels)
    legend = {names[label]: canvas.series_handle(look) for label, look in looked.items()}
    figure, axes = canvas.sheet(list(panels), legend, about.title, about.caption())
    axes[0].set(xscale="log", ylim=(-0.03, 1.03))
    for ax, part in zip(axes, panels.values(), strict=True):
        for label, line in part.groupby("estimator", sort=False):
            look = looked[str(label)]
            ax.step(line["factor"], line["share"], where="post", color=look.color, linestyle=look.linestyle)
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    canvas.label_axes(axes, "within so many times the best", "share of problems")
    return figure
