"""Bias with its interval, against the margin within which it counts as none."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd

from bench.figures.axes import PERCENT, Settings, plain, size_title
from bench.figures.definition import Chart, Figure, cells, interval_of
from bench.figures.marks import BEHIND, COLOR, LEFT, ONCE, SHAPE, TO_THE_RIGHT, interval, layers, sharing
from bench.figures.metrics import ALONG, BAND, along, curves

NEGLIGIBLE = 0.01
"""The share of the norm of the gradient within which a verdict calls a bias negligible."""

COLUMNS, SHARES = interval_of("bias"), interval_of("share")


def _in_shares(found: pd.DataFrame) -> pd.DataFrame:
    """Add bias and its interval as shares of the norm; a gradient of zero has no shares, and no rows.

    If every gradient is zero, the biases themselves take the place of their shares.
    """
    norm = found["truth_norm"].astype(float)
    if (norm > 0).any():
        found, norm = found[norm > 0], norm[norm > 0]
    else:
        norm = norm.where(norm != 0, 1.0)
    return found.assign(
        **{share: found[name].astype(float) / norm for share, name in zip(SHARES, COLUMNS, strict=True)}
    )


def _axis_and_margin(rows: pd.DataFrame) -> tuple[Settings, list[alt.Chart]]:
    """Return an axis that is linear within the margin and logarithmic beyond, and the margin in gray."""
    if not (rows["truth_norm"] > 0).any():
        return plain("bias"), []
    ends = rows[["lower", "upper", "share"]].to_numpy(float)
    ends = ends[np.isfinite(ends)]
    most = max(float(ends.max()), NEGLIGIBLE) * 1.3
    signed = ends.min() < 0
    least = min(float(ends.min()) * 1.3, -1.3 * NEGLIGIBLE) if signed else -0.2 * NEGLIGIBLE
    low = alt.YDatum(-NEGLIGIBLE if signed else 0.0, type="quantitative")
    across = LEFT, TO_THE_RIGHT, alt.ColorValue(BEHIND)
    margin = alt.Chart(ONCE).mark_rect(fillOpacity=0.18).encode(low, alt.Y2Datum(NEGLIGIBLE), *across)
    sizes = [NEGLIGIBLE * first * 10.0**power for power in range(12) for first in (1, 3)]
    ticks = [value for size in sizes for value in (-size, size) if least <= value <= most]
    axis = alt.Axis(labelExpr=PERCENT, values=sorted([0.0, *ticks]), labelOverlap="greedy", grid=True)
    scale = alt.Scale(type="symlog", constant=NEGLIGIBLE, domain=[least, most], nice=False)
    return {"title": ("bias, as a part of", "the gradient's norm"), "scale": scale, "axis": axis}, [margin]


def _chart(rows: pd.DataFrame) -> Chart:
    y, margin = _axis_and_margin(rows)
    if "option" in rows:
        return curves(rows, "share", y, *margin, shown=COLUMNS)
    points = interval(rows, "share", "y", *COLUMNS, "verdict", "replicates", shape=SHAPE)
    x = alt.X("sample_size:O", title=size_title(rows), axis=alt.Axis(labelAngle=0))
    lane = alt.CalculateTransform(calculate="datum.estimator + '\\t' + datum.setting", **{"as": "lane"})
    side_by_side = sharing(*points, x=x, xOffset=alt.XOffset("lane:N", sort=None), color=COLOR)
    side_by_side["transform"] = [lane]
    return layers(*margin, side_by_side, y=alt.Y(**y))


BIAS = Figure(
    "bias",
    "Bias, and the margin of 1 % within which it counts as none",
    "For each N and estimator the bias with its 95 % interval; the gray band is 1 % of the norm, within "
    "which the axis is nearly linear.",
    "measurements",
    _chart,
    SHARES,
    rows=lambda measured: _in_shares(cells(measured, (*COLUMNS, "truth_norm", "verdict", "replicates"))),
    apart=("device", "dtype"),
)
BIAS_BY_OPTION = replace(
    BIAS,
    name="bias_by_option",
    title="Bias along an option",
    description=f"{BAND}; the gray band is 1 % of the norm, within which the axis is nearly linear.",
    rows=lambda moved: _in_shares(along(moved, *COLUMNS, "truth_norm")),
    **ALONG | {"logarithmic": ()},
)
