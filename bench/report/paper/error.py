"""The mean squared error, split into variance and squared bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis import rows
from bench.report.canvas import Numbers
from bench.report.paper import lanes
from bench.report.paper.about import About

INK = "#202020"
LEAST_SHARE = 0.01
"""The share of the error from which a squared bias is told in words."""


def error(measurements: pd.DataFrame, about: About) -> Figure | None:
    """What the error is made of: a bar of the variance, and on its end the squared bias."""
    found = lanes.with_settings(rows.measured(rows.whole(measurements), "mse", "variance"))
    if found.empty:
        return None
    panels, left_out = lanes.panels_of(found)
    looked = about.looks(found)
    settings = list(dict.fromkeys(found["setting"]))
    caption = about.caption(
        "bars: variance, and the squared bias in black", "each panel has a scale of its own", left_out
    )
    label = "mean squared error"
    figure, axes = lanes.sheet(list(panels), looked, len(settings), about, {}, caption, label)
    for ax, part in zip(axes, panels.values(), strict=True):
        _bars(ax, part, lanes.places(part, looked, settings), [looked[e].color for e in part["estimator"]],
              0.7 / len(settings))  # fmt: skip
    return figure


def _bars(ax: Axes, part: pd.DataFrame, y: Numbers, colors: Sequence[str], thickness: float) -> None:
    variance = part["variance"].to_numpy(float)
    # The estimate of the error can fall below that of the variance: then no bias is left to be seen.
    total = np.fmax(part["mse"].to_numpy(float), variance)
    ax.barh(y, variance, thickness, color=colors, alpha=0.8, linewidth=0)
    ax.barh(y, total - variance, thickness, left=variance, color=INK, linewidth=0)
    ax.set_xlim(0, 1.3 * total.max() or 1.0)
    ax.locator_params(axis="x", nbins=4)
    for place, end, share in zip(y, total, 1 - variance / np.where(total > 0, total, 1), strict=True):
        if total.max() > 0 and end > 0 and share >= LEAST_SHARE:
            ax.text(end, place, f" bias² {share:.0%}".replace("%", " %"), va="center", fontsize=7)
