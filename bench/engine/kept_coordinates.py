"""Coordinates whose estimates are kept as they are: those of the largest variance, as a pilot tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.engine.fitting import fit
from bench.engine.guard import guarded, moved_copy
from bench.engine.replicate import replicate
from bench.engine.streams import Address
from bench.estimator import Estimator
from bench.problem import Problem

MOST_COORDINATES = 4
"""Coordinates that are kept."""

PILOT = 16
"""Estimates of the pilot, which is no part of any cell: by so few the order of variances is roughly known."""


def largest_coordinates(
    problem: Problem,
    estimators: Iterable[Estimator],
    sample_size: int,
    address: Callable[[int, str, int], Address],
    resampled: bool,
) -> tuple[int, ...]:
    """Return the coordinates whose estimates are kept, the same in all cells of an experiment, in order.

    All where there are few. Else those of the largest variance over the estimates of a pilot, which the first
    estimator takes that can; the first coordinates if none can.

    Args:
        problem: ready to be measured.
        estimators: those that may take the pilot, in order.
        sample_size: N of the pilot, or more if an estimator needs more.
        address: from N, role and block to a stream.
        resampled: whether each estimate has a batch of data of its own.
    """
    P = len(problem.theta)
    if P <= MOST_COORDINATES:
        return tuple(range(P))
    for estimator in estimators:
        try:
            return _by_variance(problem, estimator, sample_size, address, resampled)
        except Exception:  # noqa: BLE001 - an estimator is anybody's code; its own cells say what is wrong
            continue
    return tuple(range(MOST_COORDINATES))


def _by_variance(
    problem: Problem,
    estimator: Estimator,
    sample_size: int,
    address: Callable[[int, str, int], Address],
    resampled: bool,
) -> tuple[int, ...]:
    problem = moved_copy(problem, "cpu", "float32")
    N = max(sample_size, estimator.minimum_sample_size)
    whole = [slice(0, len(problem.theta))]
    with guarded(problem):
        fitted = fit(estimator, problem, N, address(N, "kept coordinates fit", 0))
        pilot = replicate(
            fitted,
            problem,
            N,
            PILOT,
            lambda block: address(N, "kept coordinates", block),
            None,
            whole,
            resampled=resampled,
        )
    variance = pilot.summary.moments.variance.nan_to_num(nan=0.0)  # [P]
    return tuple(sorted(variance.topk(MOST_COORDINATES).indices.tolist()))
