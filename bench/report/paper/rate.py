"""How fast the variance falls with N."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from bench.report.labels import distinct
from bench.report.paper import lanes
from bench.report.paper.about import About
from bench.report.style import GUIDE


def rate(rates: pd.DataFrame, about: About) -> Figure | None:
    """How fast the variance falls: the fitted power of N of each estimator, against −1."""
    if rates.empty:
        return None
    found = rates.assign(setting=_settings(rates))
    looked = about.looks(found)
    settings = list(dict.fromkeys(found["setting"]))
    caption = about.caption(
        "slope of log variance against log N, with its 95 % interval; dashed: −1, as of independent terms",
        f"side by side from the top: {'; '.join(settings)}" if len(settings) > 1 else "",
    )
    figure, (ax,) = lanes.sheet([""], looked, len(settings), about, {}, caption, "fitted power of N")
    ax.axvline(-1, color=GUIDE, dashes=(5, 3), linewidth=1)
    lanes.intervals(ax, found, lanes.places(found, looked, settings), looked, ("slope", "low", "high"))
    ax.margins(x=0.08)
    return figure


def _settings(rates: pd.DataFrame) -> pd.Series:
    if rates["problem"].nunique() < 2:
        return rates["setting"]
    names = rates["problem"].map(distinct(rates["problem"]))
    return names + rates["setting"].map(lambda words: f", {words}" if words else "")
