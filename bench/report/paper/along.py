"""What becomes of variance and bias along an option, such as the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    LogLocator,
    NullLocator,
    SymmetricalLogLocator,
)

from bench.report import canvas
from bench.report.canvas import Numbers
from bench.report.labels import distinct
from bench.report.numbers import grouped
from bench.report.paper.about import About
from bench.report.style import Look

MOST_TICKS = 5
"""Values of an option that are named, each; of more, round numbers are."""

_LINE = ["estimator", "device", "dtype"]


def along(moved: pd.DataFrame, about: About) -> Figure | None:
    """What becomes of the variance along an option: a line for each estimator in its 95 % band."""
    found = moved[moved["variance"].astype(float) > 0]
    if found["value"].nunique() < 2:
        return None
    panels, left_out = _panels(found)
    looked = about.looks(found)
    names = distinct(about.labels)
    legend = {names[label]: canvas.series_handle(look) for label, look in looked.items()}
    caption = about.caption("bands: 95 % intervals", left_out)
    figure, axes = canvas.sheet(list(panels) if len(panels) > 1 else [""], legend, about.title, caption)
    value, low, high = (found[name].to_numpy(float) for name in ("variance", "variance_low", "variance_high"))
    axes[0].set_yscale("log")
    axes[0].set_ylim(*canvas.log_limits(value, low, high))
    _scale(axes[0], found["value"].to_numpy(float))
    for ax, part in zip(axes, panels.values(), strict=True):
        _lines(ax, part, looked)
    option = " or ".join(dict.fromkeys(name.rpartition(".")[2] for name in found["option"]))
    canvas.label_axes(axes, option, "variance of one estimate\n(trace of the covariance)")
    return figure


def _panels(found: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], str]:
    """A panel for each sample size, and for what else varies."""
    several = [name for name in ("option", "rest") if found[name].nunique() > 1]
    titles = "N = " + found["sample_size"].astype(int).map(grouped)
    for name in several:
        titles += found[name].map(lambda words: f" · {words}" if words else "")
    return canvas.kept({str(title): part for title, part in found.groupby(titles, sort=False)})


def _scale(ax: Axes, values: Numbers) -> None:
    """Logarithmic where the option spans a decade or more; linear next to zero, which has no logarithm."""
    taken = np.unique(values)
    sizes = np.unique(np.abs(taken[taken != 0]))
    if sizes[-1] >= 10 * sizes[0]:
        near = {} if taken[0] > 0 else {"linthresh": sizes[0], "linscale": 0.5}
        ax.set_xscale("symlog" if near else "log", **near)
        ax.xaxis.set_major_locator(_ticks(taken, sizes[0]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _ticks(taken: Numbers, least: float) -> Locator:
    if len(taken) <= MOST_TICKS:
        return FixedLocator(list(taken))
    return LogLocator(subs=(1, 2, 5)) if taken[0] > 0 else SymmetricalLogLocator(base=10, linthresh=least)


def _lines(ax: Axes, part: pd.DataFrame, looked: Mapping[str, Look]) -> None:
    for (label, *_), line in part.groupby(_LINE, sort=False):
        look, ordered = looked[str(label)], line.sort_values("value")
        x, y, low, high = (
            ordered[name].to_numpy(float) for name in ("value", "variance", "variance_low", "variance_high")
        )
        ax.fill_between(x, np.clip(low, y / 1e3, y), np.clip(high, y, y * 1e3), color=look.color, alpha=0.18,
                        linewidth=0)  # fmt: skip
        ax.plot(x, y, color=look.color, linestyle=look.linestyle, marker=look.marker, markersize=4.5,
                markeredgecolor="white")  # fmt: skip
