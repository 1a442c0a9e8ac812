"""Bias with its interval, against the margin within which it counts as none."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from bench.figures.axes import SAMPLES, Settings, plain, shares
from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure
from bench.figures.marks import BEHIND, ONCE, Layer, color, interval, layers, shape

NEGLIGIBLE = 0.01
"""The share of the norm of the gradient within which a verdict calls a bias negligible."""

COLUMNS = ("bias", "bias_low", "bias_high")
SHARES = ("share", "share_low", "share_high")
TITLE = ("bias, as a part of", "the gradient's norm")


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the bias of each cell with its interval, and all three as shares of the gradient's norm."""
    found = cells(measurements, *COLUMNS, "truth_norm", "verdict", "replicates")
    return in_shares(found)


def in_shares(found: pd.DataFrame) -> pd.DataFrame:
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


def share_axis(rows: pd.DataFrame) -> Settings:
    """Return the axis of shares, linear within the margin and logarithmic beyond."""
    if not (rows["truth_norm"] > 0).any():
        return plain("bias")
    ends = rows[["lower", "upper", "share"]].to_numpy(float)
    ends = ends[np.isfinite(ends)]
    most = max(float(ends.max()), NEGLIGIBLE) * 1.3
    least = min(float(ends.min()) * 1.3, -1.3 * NEGLIGIBLE) if ends.min() < 0 else -0.2 * NEGLIGIBLE
    return shares(TITLE, NEGLIGIBLE, least, most)


def margin(rows: pd.DataFrame, y: Settings) -> list[Layer]:
    """Return the gray band of the margin, above zero alone where no bias has a sign."""
    if not (rows["truth_norm"] > 0).any():
        return []
    signed = bool((rows["lower"] < 0).any())
    low = alt.YDatum(-NEGLIGIBLE if signed else 0.0, type="quantitative", scale=y["scale"])
    across = {"x": alt.value(0), "x2": alt.value("width"), "color": alt.value(BEHIND)}
    return [alt.Chart(ONCE).mark_rect(opacity=0.18).encode(low, alt.Y2Datum(NEGLIGIBLE), **across)]


def chart(rows: pd.DataFrame) -> Chart:
    """Return, for each N, points with their intervals side by side, and the margin."""
    y = share_axis(rows)
    place = {
        "x": alt.X("sample_size:O", title=SAMPLES, axis=alt.Axis(labelAngle=0)),
        "xOffset": alt.XOffset("lane:N", sort=None),
        "color": color(),
    }
    shown = (*COLUMNS, "verdict", "replicates")
    marks = layers(
        *margin(rows, y), *interval(rows, "share", "y", y, *shown, point={"shape": shape()}, **place)
    )
    return marks.transform_calculate(lane="datum.estimator + '\\t' + datum.setting")


FIGURE = Figure(
    "bias",
    "Bias, and the margin of 1 % within which it counts as none",
    "For each N and estimator the bias with its 95 % interval; the gray band is 1 % of the norm, within "
    "which the axis is nearly linear.",
    "measurements",
    rows,
    chart,
    SHARES,
)
