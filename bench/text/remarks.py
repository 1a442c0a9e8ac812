"""Remarks beside the table: contradictions, suspicions, weak intervals, rates, costs of fitting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.frames import rate_fits
from bench.analysis.rows import FEWEST_DEGREES, LARGEST_SHARE
from bench.results.run import Run
from bench.text.cell_words import interval_of, named_value, span, sweep_or_point, which
from bench.text.labels import distinct, plain
from bench.text.numbers import duration
from bench.text.size_words import size_said

FAR = 6.0  # by chance in one of 10⁹ cells if variances are normal numbers; those of heavy tails are not quite


def remarks(measurements: pd.DataFrame) -> list[str]:
    """Return a line for each thing to know, the worst first; of the whole gradient, not of its blocks."""
    frame = rows.whole(measurements)
    frame = frame[frame["status"].isin(["ok", "nonfinite"])]
    disputed, claim, wrong = frame["truth"] == "disputed", frame["claim"], frame["contradiction"] != ""
    where = "" if disputed.all() else " for {}"
    claimed, failed = _suspect(frame)
    certain = frame["kurtosis_exact"].notna() | (frame["variance_exact"] == 0)
    about: dict[str, pd.Series[bool]] = {
        f"the true gradient is disputed{where}: two ways to obtain it disagree, and no estimator is judged; "
        "the note of the truth says which": disputed,
        "contradicts its claim to be unbiased: {}": wrong & (claim == "unbiased"),
        "contradicts its claim to be consistent: {}": wrong & (claim == "consistent"),
        f"{failed} of {claimed} estimators are biased in the same direction: suspect the truth": wrong
        & (failed > 0),
        f"the measured variance is more than {FAR:g} standard errors from the exact one, so that the "
        "estimator's `exact_moments` or its samples are wrong: {}": certain
        & (frame["variance_z"].abs() > FAR),
        "intervals of the variance may cover 85 to 90 % rather than 95 % (fewer than "
        f"{FEWEST_DEGREES} effective degrees of freedom): {{}}": frame["effective_dof"] < FEWEST_DEGREES,
        "a single estimate carries more than 5 % of the variance: {}": frame["largest_share"] > LARGEST_SHARE,
    }
    return [text.format(which(frame[cells], frame)) for text, cells in about.items() if cells.any()]


def _suspect(frame: pd.DataFrame) -> tuple[int, int]:
    """Return the estimators, and those that are off if most are together: a wrong reference makes them so.

    An exact truth is confirmed, and a reference by two families that agree nearly so.
    """
    unsure = (frame["truth"] == "reference") & ~(frame["truth_families"] > 1)
    claimed = frame[(frame["claim"] == "unbiased") & unsure]
    wrong = claimed[claimed["verdict"] == "biased"]
    count, failed = claimed["estimator"].nunique(), wrong["estimator"].nunique()
    together = count >= 3 and failed > count / 2 and np.sign(wrong["bias"]).nunique() == 1
    return count, failed if together else 0


def details(run: Run) -> list[str]:
    """Return a line for each rate, for the parts of each variance and for the cost of each fitting."""
    found = {"rate": rates(run), "variance": noise(run.measurements), "fitting": fitting(run.measurements)}
    return [f"{what}: {line}" for what, lines in found.items() for line in lines]


def rates(run: Run) -> Iterator[str]:
    """Yield for each estimator the power of N by which its variance falls, if there are N enough."""
    names, found = distinct(rows.whole(run.measurements)["estimator"]), rate_fits(run)
    several = found["device"].nunique() * found["dtype"].nunique() > 1
    fit: Any
    for fit in found.itertuples():
        where = f" on {fit.device}, {fit.dtype}" if several else ""
        where += f" of {plain(fit.problem, 80)}" if found["problem"].nunique() > 1 else ""
        power = f"N^{fit.slope:.3f} ({fit.low:.3f} … {fit.high:.3f})"
        yield f"{names[fit.estimator]}{where}: {power}, {fit.verdict}"


def fitting(measurements: pd.DataFrame) -> Iterator[str]:
    """Yield the cost of each estimator that learns beforehand, which is in no other number."""
    frame = rows.whole(measurements)
    frame = frame[frame["fit_evaluations"] > 0]
    names = distinct(frame["estimator"])
    for label, cells in frame.groupby("estimator", sort=False):
        evaluations, seconds = span(cells["fit_evaluations"]), span(cells["fit_seconds"], duration)
        yield f"{names[str(label)]}: {evaluations} evaluations of f and {seconds}, once per cell"


def noise(measurements: pd.DataFrame) -> Iterator[str]:
    """Yield for each cell with resampled data its sampling noise and its data noise."""
    frame = rows.whole(measurements)
    frame = frame[frame["sampling_variance"].notna()]
    names, sweep = distinct(frame["estimator"]), sweep_or_point(frame)
    several = frame["sample_size"].nunique() > 1
    row: Any
    for row, value in zip(frame.itertuples(), sweep.along(frame), strict=True):
        sampling, data = (interval_of(row, f"{part}_variance") for part in ("sampling", "data"))
        size = size_said(frame, str(row.sample_size)) if several or not sweep.name else ""
        where = [
            size,
            named_value(sweep, value),
        ]
        place = ", ".join(filter(None, [names[row.estimator], *where]))
        yield f"{place}: sampling noise {sampling}, data noise {data}"
