"""The same cells on several devices, or with several types of numbers."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

from bench.report.paper import lanes
from bench.report.paper.about import About
from bench.report.style import GUIDE, MARKERS, Look


def devices(settings: pd.DataFrame, about: About) -> Figure | None:
    """What a device or a type of numbers changes: the seconds of one estimate side by side."""
    found = settings[(settings["metric"] == "seconds") & (settings["value"].astype(float) > 0)]
    names = list(dict.fromkeys(found["setting"]))
    if len(names) < 2:
        return None
    panels, left_out = lanes.panels_of(found)
    looked = about.looks(found)
    markers = {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)}
    legend = {name: Line2D([], [], color=GUIDE, marker=marker, linestyle="none")
              for name, marker in markers.items()}  # fmt: skip
    caption = about.caption("bars: 95 % intervals", "each panel has a scale of its own", left_out)
    figure, axes = lanes.sheet(
        list(panels), looked, len(names), about, legend, caption, "seconds per estimate"
    )
    for ax, part in zip(axes, panels.values(), strict=True):
        ax.set_xscale("log")
        y = lanes.places(part, looked, names)
        for name, marker in markers.items():
            here = (part["setting"] == name).to_numpy()
            of = {label: Look(look.color, marker, ()) for label, look in looked.items()}
            lanes.intervals(ax, part[here], y[here], of, ("value", "low", "high"))
        ax.margins(x=0.1)
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
        ax.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False))
        ax.xaxis.set_minor_formatter(NullFormatter())
    return figure
