"""How wrong: bias against N with its interval, and the line of no bias."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import SymmetricalLogLocator

from bench.analysis import rows
from bench.report import canvas, cell_words
from bench.report.canvas import Numbers
from bench.report.curves import caption_of, panels_of
from bench.report.labels import distinct
from bench.report.style import FAINT, Look, looks, style

NEGLIGIBLE = 0.01
"""The share of the true gradient within which a verdict calls a bias negligible."""

SPREAD = 0.7
"""The share of the way to the next N over which the estimators of one N are laid out side by side."""


def bias(measurements: pd.DataFrame, title: str | None = None) -> Figure:
    """How wrong: bias against N; an interval that keeps off zero is a bias that was found.

    Intervals shrink by decades with N, so the axis is linear next to zero and
    logarithmic beyond: whether a bar reaches zero is seen at every N.
    """
    with style():
        frame = rows.whole(measurements)
        heading = canvas.heading(list(frame["scenario"].unique()), title)
        points = rows.measured(frame, "bias")
        remarks = _remarks(frame, points)
        if points.empty:
            return canvas.notice("There is nothing to draw.", heading, remarks)
        return _drawn(points, looks(frame["estimator"]), heading, remarks)


def _drawn(points: pd.DataFrame, looked: Mapping[str, Look], heading: str, remarks: Sequence[str]) -> Figure:
    panels, left_out = canvas.kept(panels_of(points))
    shown = {name: look for name, look in looked.items() if (points["estimator"] == name).any()}
    names = distinct(looked)
    entries = {names[name]: canvas.marker_handle(look) for name, look in shown.items()}
    negligible = _negligible(points)
    if negligible:
        entries[f"within {NEGLIGIBLE:.0%} of the gradient".replace("%", " %")] = _band_handle()
    sizes = sorted({int(size) for size in points["sample_size"]})
    linear = _linear(points, negligible)
    axis = f"axis linear within ±{linear:g}, logarithmic beyond" if linear else ""
    facts = ("bars: 95 % intervals", "estimators of one N stand side by side", axis)
    caption = [caption_of(points, *facts), *remarks]
    if left_out:
        caption.append(left_out)
    figure, axes = canvas.sheet(list(panels), entries, heading, caption)
    for ax, part in zip(axes, panels.values(), strict=True):
        _points(ax, part.assign(place=_places(part, list(shown), sizes)), shown)
        ax.axhline(0, color="#303030", linewidth=0.9, zorder=1.5)
        if negligible:
            ax.axhspan(
                -negligible if _signed(part).any() else 0,
                negligible,
                color=FAINT,
                alpha=0.55,
                linewidth=0,
                zorder=0,
            )
    canvas.log_sample_sizes(axes, sizes)
    _widen(axes, sizes)
    _scale(axes, points, linear)
    canvas.label_axes(axes, "samples per estimate, N", _label(points))
    return figure


def _points(ax: Axes, part: pd.DataFrame, shown: Mapping[str, Look]) -> None:
    endless = 1e3 * float(np.abs(np.concatenate(_interval(part))).max())  # leaves the panel, and is drawable
    for name, line in part.groupby("estimator", sort=False):
        value, low, high = _interval(line)
        low = np.where(np.isneginf(line["bias_low"]), -endless, low)
        high = np.where(np.isposinf(line["bias_high"]), endless, high)
        reach = np.vstack([np.fmax(value - low, 0), np.fmax(high - value, 0)])
        color = shown[str(name)].color
        ax.errorbar(line["place"], value, yerr=reach, fmt="none", ecolor=color, elinewidth=1.3, zorder=2)
    sns.scatterplot(
        data=part,
        x="place",
        y="bias",
        hue="estimator",
        style="estimator",
        hue_order=list(shown),
        style_order=list(shown),
        palette={name: look.color for name, look in shown.items()},
        markers={name: look.marker for name, look in shown.items()},
        s=32 if len(shown) <= 8 else 16,
        legend=False,
        zorder=3,
        ax=ax,
    )
    ax.set(xlabel="", ylabel="")


def _interval(part: pd.DataFrame) -> tuple[Numbers, Numbers, Numbers]:
    """Bias with its interval; a bound that is missing or infinite is bias itself."""
    value = part["bias"].to_numpy(float)
    low, high = (part[name].to_numpy(float) for name in ("bias_low", "bias_high"))
    return value, np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)


def _places(part: pd.DataFrame, order: Sequence[str], sizes: Sequence[int]) -> Numbers:
    """N, moved a little by the estimator's rank, so that bars stand side by side."""
    rank = part["estimator"].map({name: i for i, name in enumerate(order)}).to_numpy(float)
    offset = (rank + 0.5) / len(order) - 0.5
    return np.asarray(part["sample_size"].to_numpy(float) * _step(sizes) ** (SPREAD * offset))


def _step(sizes: Sequence[int]) -> float:
    return min((b / a for a, b in itertools.pairwise(sizes)), default=10.0)


def _widen(axes: Sequence[Axes], sizes: Sequence[int]) -> None:
    room = _step(sizes) ** 0.55
    axes[0].set_xlim(sizes[0] / room, sizes[-1] * room)


def _linear(points: pd.DataFrame, negligible: float) -> float:
    """How far from zero the axis is linear: the order of the shortest bar; 0 if it is linear all along."""
    value, low, high = _interval(points)
    largest = float(np.abs(np.concatenate([low, high, value, [negligible]])).max())
    reach = np.fmax(np.abs(low), np.abs(high))
    smallest = float(reach[reach > 0].min(initial=largest))
    linear = 10.0 ** round(math.log10(max(smallest, largest * 1e-4))) if largest else 0.0
    return linear if largest > 30 * linear else 0.0


def _scale(axes: Sequence[Axes], points: pd.DataFrame, linear: float) -> None:
    value, low, high = _interval(points)
    bottom, top = float(low.min(initial=0)), float(np.fmax(high, value).max(initial=0))
    room: float = 1.6 if linear else 1.12
    margin = 0.3 * linear or 0.05 * (top - bottom) or 1.0
    for ax in axes:
        if linear:
            ax.set_yscale("symlog", linthresh=linear, linscale=0.6)
            ax.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=linear))
        ax.set_ylim(min(bottom * room, -margin), max(top * room, margin))


def _negligible(points: pd.DataFrame) -> float:
    """Half the width of the band of negligible bias; 0 if the panels would need several."""
    truths = points["truth_norm"].dropna().astype(float)
    alike = not truths.empty and np.isclose(truths, truths.iloc[0], rtol=1e-3).all()
    return NEGLIGIBLE * float(truths.iloc[0]) if alike else 0.0


def _label(points: pd.DataFrame) -> str:
    signed = _signed(points)
    if signed.all():
        return "bias\n(mean estimate − truth)"
    return "bias" if signed.any() else "bias\n(norm, debiased)"


def _signed(points: pd.DataFrame) -> pd.Series[bool]:
    return points["dim"].astype(float) == 1


def _band_handle() -> Line2D:
    return Line2D([], [], color=FAINT, alpha=0.55, linewidth=7)


def _remarks(frame: pd.DataFrame, points: pd.DataFrame) -> list[str]:
    remarks = [f"not drawn: {remark}" for remark in cell_words.not_ok(frame)]
    unknown = frame[(frame["status"] == "ok") & ~frame.index.isin(points.index)]
    if not unknown.empty:
        remarks.append(f"not drawn: {cell_words.which(unknown, frame)}: the true gradient is not known")
    return remarks
