"""Forecasts of the cost of a precision: the replicates and the time of each cell, from a few estimates."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bench.engine.blocks import chunk_rows
from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.plan import Cell, Experiment
from bench.engine.precision import Precision, kurtosis_of, needed_replicates, whole_blocks
from bench.engine.timing import now
from bench.problem import NotApplicable

REPLICATES = 256
"""The number of estimates that tell the kurtosis. So few miss the tail, and it comes out too small."""


@dataclass(frozen=True)
class Forecast:
    """The expected cost of one cell.

    Attributes:
        cell: the cell.
        status: that of the cell, or "error".
        reason: why it cannot be told, or what is to be known of it.
        kurtosis: of the pilot's estimates; NaN if there are none or they do not vary.
        replicates: R, in whole blocks and at most `max_replicates`; 0 for a cell that cannot run.
        seconds: of the whole cell, what is learned beforehand included.
    """

    cell: Cell
    status: str
    reason: str = ""
    kurtosis: float = math.nan
    replicates: int = 0
    seconds: float = 0.0


def forecasts(experiment: Experiment, cells: list[Cell]) -> Iterator[Forecast]:
    """The forecast of each cell in order, for an experiment with a precision."""
    precision = experiment.precision
    assert precision is not None
    for cell in cells:
        if cell.status != "ok":
            yield Forecast(cell, cell.status, cell.reason)
            continue
        try:
            yield forecast(experiment, cell, precision)
        except NotApplicable as reason:
            yield Forecast(cell, "not_applicable", reason_of(reason))
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            yield Forecast(cell, "error", reason_of(error))


def forecast(experiment: Experiment, cell: Cell, precision: Precision) -> Forecast:
    """Fit as the run will, time chunks as large as the run's, and take a few estimates.

    Raises:
        NotApplicable: if the estimator needs what the problem lacks.
        Misbehaved: if the estimator or the problem changes what is not its own.
    """
    sampler = CellSampler(experiment.prepared, cell)
    with sampler.guarded():
        return _forecast(sampler, precision)


def _forecast(sampler: CellSampler, precision: Precision) -> Forecast:
    experiment, problem, N = sampler.experiment, sampler.problem, sampler.cell.sample_size
    device = sampler.device
    start = now(device)
    least = whole_blocks(problem, N, device.type, experiment.replicates, precision)
    timings = sampler.warm_up(_ROLE, min(least, chunk_rows(problem, N, device.type)))
    before = now(device) - start
    kurtosis = kurtosis_of(sampler.sample(_ROLE, REPLICATES).summary)
    needed = 0.0 if math.isnan(kurtosis) else needed_replicates(kurtosis, precision.half_width)
    R = whole_blocks(problem, N, device.type, max(needed, experiment.replicates), precision)
    reason = f"about {needed:.2g} are needed" if needed > precision.max_replicates else ""
    estimates = 2 * R if experiment.resampled else R  # as many again in pairs
    seconds = before + estimates * statistics.median(timings)
    return Forecast(sampler.cell, "ok", reason, kurtosis, R, seconds)


_ROLE = "pilot"
"""The purpose of the random numbers of a pilot."""
