"""A path through a jump: estimates whose mean is that of the path's derivative, where the cost jumps."""

from __future__ import annotations

from collections.abc import Callable

from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.engine.gradient_draws import affordable, by_path, jumps
from bench.engine.streams import Address
from bench.problem import Problem
from bench.statistics.verdict import bias_interval

_CONTRADICTED = 1e-3
# The part of the bias that the path may leave unexplained, for sure.
_LEFT = 0.25


def path_across_a_jump(
    label: str, problem: Problem, address: Address, count: int, estimates: Callable[[int], Fresh]
) -> Finding | None:
    """The finding that estimates follow the path of a cost that jumps; None if it does not, or they do not.

    Between draws of x steps are halved toward the larger change of the cost: that of a cost without jumps
    vanishes with the step.

    Args:
        label: of the estimator.
        problem: in float64 on the CPU.
        address: of the draws.
        count: how many at most.
        estimates: so many of the estimator, beside what is right.
    """
    path = by_path(problem, min(count, affordable(problem)), address)
    if path is None or path.gradient is None or not jumps(problem, path.x):
        return None
    fresh = estimates(len(path.gradient))
    beside = Fresh(fresh.suspect, path.gradient, fresh.truth, {})
    bias = float((fresh.suspect.mean(0) - fresh.right.mean(0)).norm())
    left = bias_interval(beside.off()["all"])
    if beside.p() < _CONTRADICTED or not max(abs(left.low), abs(left.high)) <= _LEFT * bias:
        return None
    return Finding(label, "jump", _SAID, ("jump",))


_SAID = (
    "the cost jumps, which a path cannot see: it changes within steps of x however small, and the mean is "
    "that of its derivative; a score term sees the jump, and an estimator without one declares "
    "`needs_continuity`"
)
