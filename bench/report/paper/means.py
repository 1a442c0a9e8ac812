"""Every estimator against the control, over all problems."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from bench.report import canvas
from bench.report.paper import lanes
from bench.report.paper.about import About
from bench.statistics.metric_table import COMPARED


def means(ratios: pd.DataFrame, about: About) -> Figure | None:
    """Who wins over all problems: geometric means of the ratios to the control, with their intervals."""
    if ratios.empty:
        return None
    found = ratios.assign(setting="")
    panels = {COMPARED[str(metric)].label: part for metric, part in found.groupby("metric", sort=False)}
    looked = about.looks(found)
    control = str(found["control"].iloc[0])
    caption = about.caption(
        "bars: intervals that hold together with 95 %",
        "pale: from the scenario with the smallest ratio to that with the largest",
    )
    label = f"ratio to {control}"
    figure, axes = lanes.sheet(list(panels), looked, 1, about, {}, caption, label)
    for ax, part in zip(axes, panels.values(), strict=True):
        y = lanes.places(part, looked, [""])
        ax.set_xscale("log")
        ax.axvline(1, color="#303030", linewidth=0.9, zorder=1)
        ax.hlines(y, part["least"], part["most"], colors=[looked[e].color for e in part["estimator"]],
                  linewidth=6, alpha=0.25)  # fmt: skip
        lanes.intervals(ax, part, y, looked, ("ratio", "low", "high"))
        value, low, high = (part[name].to_numpy(float) for name in ("ratio", "least", "most"))
        ax.set_xlim(*canvas.log_limits(value, low.clip(max=1), high.clip(min=1)))
    return figure
