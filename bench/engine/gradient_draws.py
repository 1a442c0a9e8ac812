"""Plain draws of a problem, each with its cost and its share of the gradient, by the score or the path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.engine.streams import Address, stream
from bench.estimator import gradient_of
from bench.problem import NotApplicable, Problem

# Draws of a narrow problem; of a wider one so many that a tensor has no more numbers than that.
_MOST = 1 << 17
_NUMBERS = 1 << 18
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Draws:
    """Independent draws of a problem at its θ, in float64 on the CPU.

    Attributes:
        x: `[n, *rest]`.
        cost: the objective of each draw, the mean over its items, `[n]`.
        gradient: the share of each draw in the gradient, `[n, P]`; None where there is none.
        score: the gradient of log p, `[n, P]`; None where log p gives none.
    """

    x: Tensor
    cost: Tensor
    gradient: Tensor | None = None
    score: Tensor | None = None


def affordable(problem: Problem) -> int:
    """The number of draws that take a few hundredths of a second."""
    return min(_MOST, _NUMBERS // max(problem.width, len(problem.theta)))


def by_sample(problem: Problem, count: int, address: Address) -> Draws:
    r"""Draws by `sample()`; the share of each in the gradient is :math:`(f - \bar f)\nabla\log p + \nabla f`.

    Subtracting the mean of the other draws leaves the mean as it is (`leave one out`).
    """
    with _drawing(problem, count, address) as (theta, p):
        x = p.sample((1,))  # [1, n, (B,) *event]
        cost, term = problem.cost(x, theta), problem.analytic_term(theta, p)  # [1, n, (B)]
        log_prob = _log_prob(p, x)
        if log_prob is None:
            return Draws(x[0], _objective(cost, term))
        centered = (cost - cost.mean(1, keepdim=True)).detach() * (count / (count - 1))  # [1, n, (B)]
        gradient = gradient_of(theta, (log_prob, centered), cost, term, keep_graph=True)  # [n, P]
        return Draws(x[0], _objective(cost, term), gradient, gradient_of(theta, log_prob))


def by_path(problem: Problem, count: int, address: Address) -> Draws | None:
    """Draws by `rsample()` with the gradient of the cost along the path; None if there is no path."""
    with _drawing(problem, count, address) as (theta, p):
        if not p.has_rsample:
            return None
        x = p.rsample((1,))  # [1, n, (B,) *event], a function of θ
        if not x.requires_grad:
            return None
        cost, term = problem.cost(x, theta), problem.analytic_term(theta, p)  # [1, n, (B)]
        gradient = gradient_of(theta, cost, term)  # [n, P]
        return Draws(x[0].detach(), _objective(cost, term), gradient)


def followed(problem: Problem, address: Address) -> Tensor | None:
    """Whether x moves with each coordinate of θ along the path, `[P]`; None if there is no path."""
    with _drawing(problem, _FEW, address) as (theta, p):
        if not p.has_rsample:
            return None
        x = p.rsample((1,))  # [1, n, (B,) *event], a function of θ
        if not x.requires_grad:
            return None
        numbers = x.reshape(1, _FEW, -1)  # [1, n, B D]
        # Unequal weights: of numbers that must sum to one the sum does not move.
        weights = torch.linspace(1, 2, numbers.shape[-1], dtype=x.dtype).square()
        return gradient_of(theta, (numbers * weights).sum(-1)).ne(0).any(0)


_FEW = 8


def jumps(problem: Problem, x: Tensor) -> bool:
    """Whether the cost is seen to jump between draws.

    Segments between draws, long and short, are halved toward the larger change of the cost
    until only a jump is left: the change of a continuous cost vanishes with the length.

    Args:
        problem: in float64 on the CPU.
        x: draws, `[n, *rest]`, of a support that is convex.
    """
    segments = min(_SEGMENTS, max(2, _SEGMENT_NUMBERS // problem.width))
    pairs = x[: len(x) // 2 * 2].reshape(2, -1, *x.shape[1:])[:, :segments]  # [2, S, *rest]
    start = pairs[:1].repeat(1, len(_LENGTHS), *[1] * (x.dim() - 1))  # [1, S L, *rest]
    toward = pairs[1:].repeat(1, len(_LENGTHS), *[1] * (x.dim() - 1))
    shares = x.new_tensor(_LENGTHS).repeat_interleave(pairs.shape[1])  # [S L]
    step = (toward - start) * shares.reshape(-1, *[1] * (x.dim() - 1))  # [1, S L, *rest]
    theta = problem.theta.expand(start.shape[1], -1)

    def cost(at: Tensor) -> Tensor:
        value = problem.cost(at, theta)[0]
        return value.reshape(len(value), -1).mean(1)  # [S L]

    with torch.no_grad():
        low, high = cost(start), cost(start + step)  # [S L] each
        whole = (high - low).abs()
        for _ in range(_HALVINGS):
            step = step / 2
            middle = cost(start + step)
            right = (high - middle).abs() > (middle - low).abs()
            start = torch.where(right.reshape(1, -1, *[1] * (x.dim() - 1)), start + step, start)
            low, high = torch.where(right, middle, low), torch.where(right, high, middle)
        left = (high - low).abs()
    return bool((left > _LEFT * whole.max().clamp(min=_LEFT)).any())


# Pairs of draws, the parts of their distance that are searched, and how often: what is left of
# the distance is 1e-9 of it, and so much of its change is left to a cost of bounded slope.
_SEGMENTS, _LENGTHS, _HALVINGS = 512, (1.0, 0.1, 0.01), 30
_SEGMENT_NUMBERS = 1 << 15  # of all segments of a wide x, which would take too long
_LEFT = 1e-4


@contextmanager
def _drawing(problem: Problem, count: int, address: Address) -> Iterator[tuple[Tensor, Distribution]]:
    """θ with a row for each draw, and p there, on the addressed stream."""
    with torch.enable_grad(), stream(address, _CPU):
        theta = problem.theta.expand(count, -1).requires_grad_()  # [n, P], one row in memory
        yield theta, problem.distribution(theta)


def _log_prob(p: Distribution, x: Tensor) -> Tensor | None:
    try:
        log_prob = p.log_prob(x)  # [1, n, (B)]
    except (NotApplicable, NotImplementedError):
        return None
    return log_prob if log_prob.requires_grad else None


def _objective(cost: Tensor, term: Tensor | None) -> Tensor:
    value = cost[0] if term is None else cost[0] + term  # [n, (B)]
    return value.detach().reshape(len(value), -1).mean(1)
