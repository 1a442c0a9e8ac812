"""The noise of a gradient along an option, such as the step of a training: its parts, its scale, by block."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import altair as alt
import numpy as np
import pandas as pd

from bench.analysis.rows import whole
from bench.analysis.sweeps import sweep_of
from bench.figures.axes import Settings, plain, powers
from bench.figures.definition import Chart, blocks, interval_of
from bench.figures.metrics import ALONG, BAND, VARIANCE, along, curves

PARTS = {"sampling_variance": "of sampling", "data_variance": "of the data"}
"""Column -> the part of the variance that it is."""

_MOST_BLOCKS = 12


def _curve(column: str, title: str, linear: bool, rows: pd.DataFrame) -> Chart:
    return curves(rows, column, plain(title) if linear else powers(title, rows[column]))


def _scales(moved: pd.DataFrame) -> pd.DataFrame:
    """Noise scales; those that are infinite at their lower ends."""
    found = along(moved, *interval_of("noise_scale"))
    if "noise_scale" not in found:
        return found
    scale, low = found["noise_scale"].astype(float), found["noise_scale_low"].astype(float)
    return found.assign(noise_scale=scale.where(np.isfinite(scale), low))


NOISE_SCALE_BY_OPTION = replace(
    VARIANCE,
    name="noise_scale_by_option",
    title="Gradient noise scale along an option",
    description=f"{BAND}: the examples of a batch that has as much noise as signal. Where no signal was "
    "seen, the point is at the lower end.",
    rows=_scales,
    chart=partial(_curve, "noise_scale", "noise scale, in examples", False),
    interval=interval_of("noise_scale"),
    **ALONG,
)

BATCH_COSINE_BY_OPTION = replace(
    VARIANCE,
    name="batch_cosine_by_option",
    title="Cosine between the gradients of two batches along an option",
    description=f"{BAND}: 1 where all batches agree, 0 where they are noise alone.",
    rows=lambda moved: along(moved, *interval_of("batch_cosine")),
    chart=partial(_curve, "batch_cosine", "cosine between batches", True),
    interval=interval_of("batch_cosine"),
    **{**ALONG, "logarithmic": ()},
)


def _parts(moved: pd.DataFrame) -> pd.DataFrame:
    """The two parts of each variance, a row each."""
    found = along(moved, *(name for part in PARTS for name in interval_of(part)))
    if not all(part in found for part in PARTS):
        return found.iloc[:0]
    others = [str(name) for name in found if not str(name).startswith(tuple(PARTS))]
    rows = [
        found[[*others, *interval_of(part)]]
        .rename(columns=dict(zip(interval_of(part), interval_of("noise"), strict=True)))
        .assign(part=words)
        for part, words in PARTS.items()
    ]
    return pd.concat(rows, ignore_index=True)


def _facets(rows: pd.DataFrame, value: str, y: Settings, by: str, across: int) -> Chart:
    lines = curves(rows, value, y, shown=(by,))
    lines["width"], lines["height"] = 210, 150
    names = list(dict.fromkeys(rows[by]))
    panel = alt.Facet(f"{by}:N", title=None, sort=names, header=alt.Header(labelAnchor="start"))
    return alt.FacetSpec(facet=panel, spec=lines, columns=across, spacing=12)


def _part_charts(rows: pd.DataFrame) -> Chart:
    return _facets(rows, "noise", powers("variance", rows["noise"]), "part", across=2)


PARTS_BY_OPTION = replace(
    VARIANCE,
    name="parts_by_option",
    title="Variance of sampling and of the data along an option",
    description="A panel for what sampling adds to the variance for a given batch, and one for what the "
    f"choice of the batch adds. {BAND}.",
    rows=_parts,
    chart=_part_charts,
    interval=interval_of("noise"),
    **ALONG,
)


def _blocks(measurements: pd.DataFrame) -> pd.DataFrame:
    """The signal-to-noise ratio of the largest blocks along the option."""
    sweep = sweep_of(whole(measurements))
    found = blocks(measurements, (*interval_of("snr"), "dim"))
    found = found[found["parameter"] != "all"]
    if sweep is None or found.empty:
        return found.iloc[:0].assign(value=0.0)
    largest = found.groupby("parameter", sort=False)["dim"].first().nlargest(_MOST_BLOCKS).index
    found = found[found["parameter"].isin(largest)]
    return found.assign(
        option=sweep.name, value=sweep.along(found), rest=sweep.beside(found), problem=""
    ).dropna(subset=["value"])


def _block_charts(rows: pd.DataFrame) -> Chart:
    return _facets(rows, "snr", plain("signal to noise"), "parameter", across=3)


BLOCKS_BY_OPTION = replace(
    PARTS_BY_OPTION,
    name="blocks_by_option",
    title="Signal to noise of each block of parameters along an option",
    description=f"A panel for each block of parameters, of the {_MOST_BLOCKS} largest. {BAND}.",
    table="measurements",
    rows=_blocks,
    chart=_block_charts,
    interval=interval_of("snr"),
    logarithmic=(),
)

FIGURES = [PARTS_BY_OPTION, NOISE_SCALE_BY_OPTION, BATCH_COSINE_BY_OPTION, BLOCKS_BY_OPTION]
"""All of them, in the order of a page."""
