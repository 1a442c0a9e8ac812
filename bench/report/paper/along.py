"""What becomes of variance and bias along an option, such as the steps of a training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullLocator,
    PercentFormatter,
    SymmetricalLogLocator,
)
from matplotlib.transforms import ScaledTranslation

from bench.analysis.sweeps import scale_of
from bench.report import canvas
from bench.report.bias import NEGLIGIBLE
from bench.report.canvas import Numbers
from bench.report.labels import distinct
from bench.report.numbers import grouped
from bench.report.paper.about import About
from bench.report.style import FAINT, Look

MOST_TICKS = 5
"""Values of an option that are named, each; of more, round numbers are."""

BESIDE = 0.055
"""Inches between the intervals of two estimators at one value."""

_LINE = ["estimator", "device", "dtype"]


def along(moved: pd.DataFrame, about: About) -> Figure | None:
    """What becomes of the variance along an option: a line for each estimator in its 95 % band."""
    return _banded(moved, about, "variance", "variance of one estimate\n(trace of the covariance)")


def signal_along(moved: pd.DataFrame, about: About) -> Figure | None:
    """What becomes of the signal-to-noise ratio along an option, the mean over the standard deviation."""
    return _banded(moved, about, "snr", "signal to noise of one estimate")


def _banded(moved: pd.DataFrame, about: About, column: str, label: str) -> Figure | None:
    found = _known(moved, column, f"{column}_low", f"{column}_high")
    sheet = _sheet(found[found["y"] > 0], about, "bands: 95 % intervals")
    if sheet is None:
        return None
    y, low, high = (np.concatenate([part[name] for part in sheet.parts]) for name in ("y", "low", "high"))
    sheet.axes[0].set_yscale("log")
    sheet.axes[0].set_ylim(*canvas.log_limits(y, low, high))
    for ax, part in sheet.panels():
        for look, line in _lines(part, about):
            band = (np.clip(line["low"], line["y"] / 1e3, None), np.clip(line["high"], None, line["y"] * 1e3))
            ax.fill_between(line["value"], *band, color=look.color, alpha=0.18, linewidth=0)
            _points(ax, line, look, look.linestyle)
    canvas.label_axes(sheet.axes, sheet.option, label)
    return sheet.figure


def bias_along(moved: pd.DataFrame, about: About) -> Figure | None:
    """What becomes of the bias along an option: in units of the gradient, with its 95 % interval."""
    found = moved[moved["truth_norm"].astype(float) > 0]
    scaled = found[["bias", "bias_low", "bias_high"]].div(found["truth_norm"], axis=0)
    found = _known(found.assign(**scaled), "bias", "bias_low", "bias_high")
    margin = f"gray: within {NEGLIGIBLE:.0%} of the gradient's norm, where the axis is linear"
    sheet = _sheet(found, about, "bars: 95 % intervals", margin.replace("%", " %"))
    if sheet is None:
        return None
    sheet.axes[0].set_yscale("symlog", linthresh=NEGLIGIBLE)
    sheet.axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    signed = (found["low"] < 0).any()
    for ax, part in sheet.panels():
        ax.axhspan(-NEGLIGIBLE * signed, NEGLIGIBLE, color=FAINT, alpha=0.55, linewidth=0, zorder=0)
        for end in ("low", "high"):  # what is moved does not count for the limits of the axes
            ax.update_datalim(part[["value", end]].to_numpy(float))
        ax.autoscale_view()
        lines = list(_lines(part, about))
        for i, (look, line) in enumerate(lines):
            # Side by side: intervals of one value would hide one another.
            inches = BESIDE * (i - (len(lines) - 1) / 2)
            moved_by = ScaledTranslation(inches, 0, sheet.figure.dpi_scale_trans)
            place: dict[str, Any] = {"transform": ax.transData + moved_by}
            ax.vlines(line["value"], line["low"], line["high"], color=look.color, linewidth=1.1, **place)
            _points(ax, line, look, "none", **place)
    if not signed:
        sheet.axes[0].set_ylim(bottom=-0.1 * NEGLIGIBLE)
    canvas.label_axes(sheet.axes, sheet.option, "bias, as a part of\nthe gradient's norm")
    return sheet.figure


def _points(ax: Axes, line: pd.DataFrame, look: Look, linestyle: Any, **place: Any) -> None:
    ax.plot(
        line["value"],
        line["y"],
        color=look.color,
        linestyle=linestyle,
        marker=look.marker,
        markersize=4.5,
        markeredgecolor="white",
        **place,
    )


@dataclass(frozen=True)
class _Sheet:
    """A figure with the points of each panel, and what the option is called."""

    figure: Figure
    axes: list[Axes]
    parts: list[pd.DataFrame]
    option: str

    def panels(self) -> Iterator[tuple[Axes, pd.DataFrame]]:
        yield from zip(self.axes, self.parts, strict=True)


def _known(moved: pd.DataFrame, value: str, low: str, high: str) -> pd.DataFrame:
    """With what is drawn as `y`, and its interval as `low` and `high`: y itself where there is none."""
    y = moved[value].astype(float)
    ends = {"low": moved[low].astype(float), "high": moved[high].astype(float)}
    found = moved.assign(y=y, **{name: end.where(np.isfinite(end), y) for name, end in ends.items()})
    known: pd.DataFrame = found[np.isfinite(y)]
    return known


def _sheet(found: pd.DataFrame, about: About, *facts: str) -> _Sheet | None:
    """The figure without its points; None without two values of the option."""
    if found["value"].nunique() < 2:
        return None
    panels, left_out = _panels(found)
    looked, names = about.looks(found), distinct(about.labels)
    legend = {names[label]: canvas.series_handle(look) for label, look in looked.items()}
    titles = list(panels) if len(panels) > 1 else [""]
    figure, axes = canvas.sheet(titles, legend, about.title, about.caption(*facts, left_out))
    _scale(axes[0], found["value"].to_numpy(float))
    option = " or ".join(dict.fromkeys(name.rpartition(".")[2] for name in found["option"]))
    return _Sheet(figure, axes, list(panels.values()), option)


def _panels(found: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], str]:
    """A panel for each sample size, and for what else varies."""
    several = [name for name in ("option", "rest") if found[name].nunique() > 1]
    titles = "N = " + found["sample_size"].astype(int).map(grouped)
    for name in several:
        titles += found[name].map(lambda words: f" · {words}" if words else "")
    return canvas.kept({str(title): part for title, part in found.groupby(titles, sort=False)})


def _scale(ax: Axes, values: Numbers) -> None:
    """The axis of the option: its values are named, or round numbers where there are many."""
    taken = np.unique(values)
    kind, nearest = scale_of(taken), float(np.abs(taken[taken != 0]).min())
    if kind == "linear":
        return
    if kind == "log":
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        ax.set_xscale("symlog", linthresh=nearest, linscale=0.5)
        ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=nearest))
    if len(taken) <= MOST_TICKS:
        ax.xaxis.set_major_locator(FixedLocator(list(taken)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _lines(part: pd.DataFrame, about: About) -> Iterator[tuple[Look, pd.DataFrame]]:
    """The points of each line, from left to right, and how it looks."""
    looked = about.looks(part)
    for (label, *_), line in part.groupby(_LINE, sort=False):
        yield looked[str(label)], line.sort_values("value")
