"""Plain draws of x: whether the cost varied where estimates did not, and whether rare costs were drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from bench.engine.blocks import blocks_of
from bench.engine.streams import Address, stream
from bench.exact import SingleDraws
from bench.problem import NotApplicable, Problem
from bench.statistics.agreement import FEWEST
from bench.statistics.unbiasedness import Difference, hall, least_p
from bench.statistics.verdict import BIASED_BELOW

# Draws whose cost differs from the usual one. With so many expected a like number of other draws has none
# of them with probability e^−30.
_ENOUGH = 30
# Numbers that are drawn at most to see whether a cost varies.
_MOST = 1 << 24
# Off by more than so many of its own errors a mean is called off; by its exact error, wrong.
_OBSERVED, _EXACT = 2.58, 4.0
# An estimator may give rare values as much more weight than the score does.
_OF_RARE = 2.0
# A p-value of the other coordinates below which a bias is one whatever rare draws would have said.
_BEYOND_DOUBT = BIASED_BELOW / 100


def cost_varies(problem: Problem, sample_size: int, replicates: int, address: Address) -> bool:
    """Whether the cost differs from its usual value in enough of the draws of R estimates from N samples.

    Args:
        problem: on the device and in the type that is measured.
        sample_size: N.
        replicates: R.
        address: of the stream of the estimates.
    """
    usual: Tensor | None = None
    others = numbers = 0
    for costs in _costs(problem, sample_size, replicates, address):
        usual = costs.flatten().median() if usual is None else usual
        others += int((costs != usual).sum())
        numbers += costs.numel() * problem.width
        if others >= _ENOUGH or numbers > _MOST:
            break
    return others >= _ENOUGH


def missed(
    problem: Problem,
    draws: SingleDraws,
    sample_size: int,
    replicates: int,
    address: Address,
) -> bool:
    """Whether the draws of R estimates from N samples missed what is rare and matters.

    Their mean cost is off by more than their own spread explains, and by no more than the exact variance of
    the cost does.

    Args:
        problem: on the device and in the type that is measured.
        draws: of the problem, with the exact mean and variance of its cost.
        sample_size: N.
        replicates: R.
        address: of the stream of the estimates.
    """
    count, total, squares = 0, 0.0, 0.0
    for costs in _costs(problem, sample_size, replicates, address):
        off = costs.double() - draws.mean_cost  # [N, rows]
        count += off.numel()
        total += float(off.sum())
        squares += float(off.square().sum())
    mean = total / count
    observed = math.sqrt(max(0.0, squares / count - mean**2) / count)
    return _OBSERVED * observed < abs(mean) <= _EXACT * math.sqrt(draws.cost_variance / count)


def rests_on_rare(difference: Difference, skewness: Tensor, rare: Tensor, count: int) -> bool:
    """Whether a bias shows in no coordinate but those to which rare draws of x contribute.

    What happens with a small probability p has the skewness 1/√p, so that 4 n / skewness² of n draws have a
    part in the gradient by the score. With fewer than `FEWEST` of them nothing is known of the noise there,
    of whichever estimator: those that never met such a value are all alike, and all off. Nor is it where a
    mean is off by no more than `_OF_RARE` times what values contribute of which fewer are expected.

    Args:
        difference: of mean and truth, with a coordinate of which a bias is suspected.
        skewness: of the share of one draw in each coordinate by the score, `[P]`.
        rare: the size of what values contribute that are rare in n draws, `[P]`.
        count: n.
    """
    seen = ~(4 * count < FEWEST * skewness.square())  # [P]
    seen &= ~(difference.value.abs() <= _OF_RARE * rare)
    if bool(seen.all()):
        return False
    p = torch.maximum(hall(difference), least_p(difference))[seen]
    return not bool((p * max(1, int(seen.sum())) < _BEYOND_DOUBT).any())


def gives_draws(problem: Problem) -> bool:
    """Whether a problem has a distribution of which x can be drawn."""
    try:
        problem.distribution(problem.theta[None])
    except NotApplicable:
        return False
    return True


def _costs(problem: Problem, sample_size: int, replicates: int, address: Address) -> Iterator[Tensor]:
    """The costs of plain draws on the streams of the estimates, `[N, rows, (B)]` a chunk."""
    device = problem.theta.device
    for block in blocks_of(problem, sample_size, device.type, replicates):
        with stream(address, device, block.start) as draws:
            for rows in block.chunks():
                draws.begin(block.start + rows.start, rows.stop - rows.start)
                theta = problem.theta.expand(rows.stop - rows.start, -1)  # [rows, P]
                with torch.no_grad():
                    x = problem.distribution(theta).sample((sample_size,))  # [N, rows, (B,) *event]
                    yield problem.cost(x, theta)
