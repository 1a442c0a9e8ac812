"""Coordinates whose estimates are kept as they are: those of the largest variance, as a pilot tells."""

from __future__ import annotations

from bench.engine.cell import CellSampler
from bench.engine.plan import Cell, Experiment, NamedEstimator
from bench.engine.trials import not_applicable

MOST_COORDINATES = 4
"""Coordinates that are kept."""

PILOT = 16
"""Estimates of the pilot, which is no part of any cell: by so few the order of variances is roughly known."""


def largest_coordinates(experiment: Experiment) -> tuple[int, ...]:
    """Return the coordinates whose estimates are kept, the same in all cells of an experiment, in order.

    All where there are few. Else those of the largest variance over the estimates of a pilot, which the first
    estimator takes that can, references before others; the first coordinates if none can.
    """
    P = len(experiment.prepared.problem.theta)
    if P <= MOST_COORDINATES:
        return tuple(range(P))
    for named in (*experiment.references, *experiment.estimators):
        try:
            if not not_applicable(named.estimator, experiment):
                return _by_variance(experiment.prepared, named)
        except Exception:  # noqa: BLE001 - an estimator is anybody's code; its own cells say what is wrong
            continue
    return tuple(range(MOST_COORDINATES))


def _by_variance(experiment: Experiment, named: NamedEstimator) -> tuple[int, ...]:
    N = max(min(experiment.sample_sizes), named.estimator.minimum_sample_size)
    sampler = CellSampler(experiment, Cell(named, N, "cpu", "float32"), "kept coordinates fit")
    with sampler.guarded():
        pilot = sampler.sample("kept coordinates", PILOT)
    variance = pilot.summary.moments.variance.nan_to_num(nan=0.0)  # [P]
    return tuple(sorted(variance.topk(MOST_COORDINATES).indices.tolist()))
