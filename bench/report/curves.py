"""Lines on two logarithmic axes, one for each estimator, in panels by setting and block of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from bench.analysis import rows
from bench.report import canvas, cell_words
from bench.report.canvas import Numbers, size_text
from bench.report.labels import distinct
from bench.report.style import FAINT, GUIDE, Look, looks, style

SLOPE = "slope −1: ∝ 1/N"
EXACT = "exact"
FRONT = "least variance for the time"
CLEAR = np.array([0.06, 0.045])
"""The room that the name of a point takes in a large panel, as shares of its width and height."""


@dataclass(frozen=True)
class Curve:
    """What is drawn against what.

    Attributes:
        x: a column of measurements.
        y: another; its interval is that of the variance.
        x_label: its name with its unit.
        y_label: likewise.
        guide: whether the slope -1 is drawn.
        exact: a column of values known without sampling, drawn as thin lines; empty if there is none.
        front: whether the points that none beats in both x and y are joined, and points named by their N.
    """

    x: str
    y: str
    x_label: str
    y_label: str
    guide: bool = False
    exact: str = ""
    front: bool = False


def draw(frame: pd.DataFrame, curve: Curve, title: str | None) -> Figure:
    """The figure of a curve; where nothing can be drawn, one that says so."""
    with style():
        heading = canvas.heading(list(frame["scenario"].unique()), title)
        finite = rows.measured(frame, curve.x, curve.y)
        points = finite[(finite[curve.x] > 0) & (finite[curve.y] > 0)]
        remarks = _remarks(frame, finite, points, curve)
        if points.empty:
            return canvas.notice("There is nothing to draw.", heading, remarks)
        return _drawn(points, looks(frame["estimator"]), curve, heading, remarks)


def panels_of(points: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The points of each panel by its title: no two blocks or settings are drawn over one another."""
    blocks = points["parameter"].map(distinct(points["parameter"]))
    names = blocks if (points["parameter"] != "all").any() else blocks.mask(blocks == "all", "")
    dims = points["dim"].map(lambda dim: f" (P = {dim:.0f})" if np.isfinite(dim) else "")
    names = names + dims.where(names != "", "")
    settings = cell_words.setting_of(points)
    titles = names + np.where((names != "") & (settings != ""), " · ", "") + settings
    return {str(name): part for name, part in points.groupby(titles, sort=False)}


def caption_of(points: pd.DataFrame, *facts: str) -> str:
    """R, device and dtype, and whatever else is to be known of all points."""
    return " · ".join(
        filter(None, (cell_words.replicates(points), cell_words.common_setting(points), *facts))
    )


def _drawn(
    points: pd.DataFrame, looked: Mapping[str, Look], curve: Curve, heading: str, remarks: Sequence[str]
) -> Figure:
    panels, left_out = canvas.kept(panels_of(points))
    shown = {name: looked[name] for name in looked if (points["estimator"] == name).any()}
    names = distinct(looked)
    sizes = sorted({int(size) for size in points["sample_size"]})
    entries = {names[name]: canvas.series_handle(look) for name, look in shown.items()}
    if curve.guide and len(sizes) > 1:
        entries[SLOPE] = canvas.guide_handle()
    if curve.exact and bool((points[curve.exact] > 0).any()):
        entries[EXACT] = Line2D([], [], color=FAINT, linewidth=0.8)
    if curve.front:
        entries[FRONT] = Line2D([], [], color=FAINT, linewidth=4)
    caption = [caption_of(points, _intervals(curve)), *remarks]
    if left_out:
        caption.append(left_out)
    figure, axes = canvas.sheet(list(panels), entries, heading, caption)
    # First the limits: matplotlib warns when it has to guess them from a single point.
    _scale(axes, points, curve, sizes)
    for ax, part in zip(axes, panels.values(), strict=True):
        _lines(ax, part, shown, curve)
        if curve.exact:
            _exact(ax, part, shown, curve)
        if curve.guide and len(sizes) > 1:
            _slope(ax, part)
        if curve.front:
            _front(ax, part, curve)
            _name_points(ax, part, shown, room=len(panels) == 1)
    canvas.label_axes(axes, curve.x_label, curve.y_label)
    return figure


def _lines(ax: Axes, part: pd.DataFrame, shown: Mapping[str, Look], curve: Curve) -> None:
    present = {name: look for name, look in shown.items() if (part["estimator"] == name).any()}
    for name, look in present.items():
        _bars(ax, part[part["estimator"] == name], look, curve)
    sns.lineplot(
        data=part,
        x=curve.x,
        y=curve.y,
        hue="estimator",
        style="estimator",
        hue_order=list(present),
        style_order=list(present),
        palette={name: look.color for name, look in present.items()},
        markers={name: look.marker for name, look in present.items()},
        dashes={name: look.dashes or "" for name, look in present.items()},
        estimator=None,
        errorbar=None,
        legend=False,
        ax=ax,
    )
    ax.set(xlabel="", ylabel="")


def _exact(ax: Axes, part: pd.DataFrame, shown: Mapping[str, Look], curve: Curve) -> None:
    known = part[part[curve.exact] > 0]
    for name, line in known.groupby("estimator", sort=False):
        ordered = line.sort_values(curve.x)
        ax.plot(ordered[curve.x], ordered[curve.exact], color=shown[str(name)].color, linewidth=0.8)


def _bars(ax: Axes, part: pd.DataFrame, look: Look, curve: Curve) -> None:
    value, low, high = _interval(part, curve)
    reach = np.vstack([value - np.clip(low, value / 1e3, value), np.clip(high, value, value * 1e3) - value])
    ax.errorbar(part[curve.x], value, yerr=reach, fmt="none", ecolor=look.color, elinewidth=1.1, alpha=0.75)


def _interval(part: pd.DataFrame, curve: Curve) -> tuple[Numbers, Numbers, Numbers]:
    """y with its interval: that of the variance, brought to the scale of y; y itself where there is none."""
    value = part[curve.y].to_numpy(float)
    variance = part["variance"].to_numpy(float)
    bounds = [part[name].to_numpy(float) for name in ("variance_low", "variance_high")]
    low, high = (np.where(np.isnan(b), value, b * (value / variance)) for b in bounds)
    return value, low, high


def _slope(ax: Axes, part: pd.DataFrame) -> None:
    """Above the noisiest estimator at the smallest N, so that it does not lie on a line that obeys it."""
    least, most = part["sample_size"].min(), part["sample_size"].max()
    start = 1.7 * part.loc[part["sample_size"] == least, "variance"].max()
    ax.plot([least, most], [start, start * least / most], color=GUIDE, dashes=(6, 3), linewidth=1, zorder=1)


def _front(ax: Axes, part: pd.DataFrame, curve: Curve) -> None:
    ordered = part.sort_values([curve.x, curve.y])
    best = ordered[ordered[curve.y] < ordered[curve.y].cummin().shift(fill_value=np.inf)]
    ax.step(
        best[curve.x],
        best[curve.y],
        where="post",
        color=FAINT,
        linewidth=4,
        solid_joinstyle="miter",
        zorder=1,
    )


def _name_points(ax: Axes, part: pd.DataFrame, shown: Mapping[str, Look], room: bool) -> None:
    """Writes N beside points; beside the ends of lines only, where all names would cover the points."""
    clear = CLEAR if room else 2 * CLEAR
    taken = np.empty((0, 2))
    for name, line in part.groupby("estimator", sort=False):
        ends = line.loc[[line["sample_size"].idxmin(), line["sample_size"].idxmax()]]
        named = line if room and len(shown) <= 4 else ends if len(shown) <= 10 else line.iloc[:0]
        for _, point in named.drop_duplicates("sample_size").iterrows():
            place = _place(ax, point["seconds"], point["variance"])
            for side in (1, -1):
                # Names that would lie over one another are not legible: one of them is left out.
                beside = place + side * clear / 2
                if (np.abs(taken - beside) >= clear).any(axis=1).all():
                    taken = np.vstack([taken, beside])
                    _name(ax, point, side, shown[str(name)].color)
                    break


def _place(ax: Axes, x: float, y: float) -> Numbers:
    """Where a point is on logarithmic axes, as shares of their lengths."""
    ends = np.log10([ax.get_xlim(), ax.get_ylim()])
    return np.asarray((np.log10([x, y]) - ends[:, 0]) / (ends[:, 1] - ends[:, 0]), float)


def _name(ax: Axes, point: pd.Series[Any], side: int, color: str) -> None:
    """Writes N above and to the right of a point, or below and to the left."""
    ax.annotate(
        size_text(point["sample_size"]),
        (point["seconds"], point["variance"]),
        xytext=(4 * side, 4 * side),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="bottom" if side > 0 else "top",
        fontsize=7,
        color=color,
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


def _scale(axes: Sequence[Axes], points: pd.DataFrame, curve: Curve, sizes: Sequence[int]) -> None:
    value, low, high = _interval(points, curve)
    if curve.guide and len(sizes) > 1:
        high = np.fmax(high, 1.7 * value)
    axes[0].set_yscale("log")
    axes[0].set_ylim(*canvas.log_limits(value, low, high))
    if curve.x == "sample_size":
        canvas.log_sample_sizes(axes, sizes)
    else:
        x = points[curve.x].to_numpy(float)
        axes[0].set_xscale("log")
        axes[0].set_xlim(*canvas.log_limits(x, x, x))


def _intervals(curve: Curve) -> str:
    of = "" if curve.y == "variance" else " of the variance alone"
    bars = f"bars: 95 % intervals{of}, where larger than the markers"
    return f"{bars} · numbers beside points: N" if curve.front else bars


def _remarks(frame: pd.DataFrame, finite: pd.DataFrame, points: pd.DataFrame, curve: Curve) -> list[str]:
    whole = frame.drop_duplicates("cell")
    remarks = [f"not drawn: {remark}" for remark in cell_words.not_ok(whole)]
    unknown = frame[(frame["status"] == "ok") & ~frame.index.isin(finite.index)]
    zero = finite[~finite.index.isin(points.index)]
    if not unknown.empty:
        remarks.append(f"not drawn: {cell_words.which(unknown, frame)}: no number")
    if not zero.empty:
        remarks.append(
            f"not on a logarithmic axis: {cell_words.which(zero, frame)}: {curve.y.replace('_', ' ')} 0"
        )
    return remarks
