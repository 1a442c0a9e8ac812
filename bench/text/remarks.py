"""Remarks beside the table: contradictions, suspicions, weak intervals, rates, costs of fitting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.frames import rate_fits
from bench.analysis.rows import FEWEST_DEGREES, LARGEST_SHARE
from bench.results.runs import Run
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import duration, grouped, interval

FAR = 6.0  # by chance in one of 10⁹ cells if variances are normal numbers; those of heavy tails are not quite


def remarks(measurements: pd.DataFrame) -> list[str]:
    """Return a line for each thing to know, the worst first; of the whole gradient, not of its blocks."""
    frame = rows.whole(measurements)
    frame = frame[frame["status"].isin(["ok", "nonfinite"])]
    if frame.empty:
        return []
    return [*_disputes(frame), *_contradictions(frame), *_suspicion(frame), *_off(frame), *_weak(frame)]


def _disputes(frame: pd.DataFrame) -> Iterator[str]:
    disputed = frame[frame["truth"] == "disputed"]
    if len(disputed):
        where = "" if len(disputed) == len(frame) else f" for {cell_words.which(disputed, frame)}"
        yield (
            f"the true gradient is disputed{where}: two ways to obtain it disagree, and no estimator is "
            "judged; the note of the truth says which"
        )


def _contradictions(frame: pd.DataFrame) -> Iterator[str]:
    for claim in ("unbiased", "consistent"):
        wrong = frame[(frame["contradiction"] != "") & (frame["claim"] == claim)]
        if len(wrong):
            yield f"contradicts its claim to be {claim}: {cell_words.which(wrong, frame)}"


def _suspicion(frame: pd.DataFrame) -> Iterator[str]:
    """Yield a line if most estimators are off together: one wrong reference makes them so, in one direction.

    An exact truth is confirmed, and a reference by two families that agree nearly so: several biased
    estimators are then just that.
    """
    unsure = (frame["truth"] == "reference") & ~(frame["truth_families"] > 1)
    claimed = frame[(frame["claim"] == "unbiased") & unsure]
    names = claimed["estimator"].unique()
    failed = claimed[claimed["verdict"] == "biased"]
    signs = np.sign(failed["bias"])
    together = len(signs) > 0 and (signs == signs.iloc[0]).all()
    count = failed["estimator"].nunique()
    if len(names) >= 3 and count > len(names) / 2 and together:
        yield f"{count} of {len(names)} estimators are biased in the same direction: suspect the truth"


def _off(frame: pd.DataFrame) -> Iterator[str]:
    certain = frame["kurtosis_exact"].notna() | (frame["variance_exact"] == 0)
    far = frame[(frame["variance_z"].abs() > FAR) & certain]
    if len(far):
        yield (
            f"the measured variance is more than {FAR:g} standard errors from the exact one, so that the "
            f"estimator's `exact_moments` or its samples are wrong: {cell_words.which(far, frame)}"
        )


def _weak(frame: pd.DataFrame) -> Iterator[str]:
    few = frame[frame["effective_dof"] < FEWEST_DEGREES]
    if len(few):
        yield (
            f"intervals of the variance may cover 85 to 90 % rather than 95 % "
            f"(fewer than {FEWEST_DEGREES} effective degrees of freedom): {cell_words.which(few, frame)}"
        )
    alone = frame[frame["largest_share"] > LARGEST_SHARE]
    if len(alone):
        yield f"a single estimate carries more than 5 % of the variance: {cell_words.which(alone, frame)}"


def details(run: Run) -> list[str]:
    """Return a line for each rate, for the parts of each variance and for the cost of each fitting."""
    return [
        *(f"rate: {line}" for line in rates(run)),
        *(f"variance: {line}" for line in noise(run.measurements)),
        *(f"fitting: {line}" for line in fitting(run.measurements)),
    ]


def rates(run: Run) -> list[str]:
    """Return for each estimator the power of N by which its variance falls, if there are N enough."""
    names = distinct(rows.whole(run.measurements)["estimator"])
    found = rate_fits(run)
    several = found["device"].nunique() * found["dtype"].nunique() > 1
    lines = []
    for fit in found.to_dict("records"):
        power = f"N^{fit['slope']:.3f} ({fit['low']:.3f} … {fit['high']:.3f})"
        where = f" on {fit['device']}, {fit['dtype']}" if several else ""
        where += f" of {plain(fit['problem'], 80)}" if found["problem"].nunique() > 1 else ""
        lines.append(f"{names[fit['estimator']]}{where}: {power}, {fit['verdict']}")
    return lines


def fitting(measurements: pd.DataFrame) -> list[str]:
    """Return the cost of each estimator that learns beforehand, which is in no other number."""
    frame = rows.whole(measurements)
    frame = frame[frame["fit_evaluations"] > 0]
    names = distinct(frame["estimator"])
    lines = []
    for label, cells in frame.groupby("estimator", sort=False):
        evaluations = _range(cells["fit_evaluations"], grouped)
        seconds = _range(cells["fit_seconds"], duration)
        lines.append(f"{names[str(label)]}: {evaluations} evaluations of f and {seconds}, once per cell")
    return lines


def _range(values: pd.Series[float], text: Callable[[float], str]) -> str:
    least, most = text(float(values.min())), text(float(values.max()))
    return least if least == most else f"{least} to {most}"


def noise(measurements: pd.DataFrame) -> list[str]:
    """Return for each cell with resampled data its sampling noise and its data noise."""
    frame = rows.whole(measurements)
    frame = frame[frame["sampling_variance"].notna()]
    names = distinct(frame["estimator"])
    lines = []
    for row in frame.to_dict("records"):
        sampling, data = (
            interval(row[name], row[f"{name}_low"], row[f"{name}_high"])
            for name in ("sampling_variance", "data_variance")
        )
        cell = f"{names[row['estimator']]}, N = {row['sample_size']}"
        lines.append(f"{cell}: sampling noise {sampling}, data noise {data}")
    return lines
