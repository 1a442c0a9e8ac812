"""Joint densities of two or three continuous numbers, in places where they are analytic and their tails thin.

As on a line, each is written twice: for arrays, and in ball arithmetic, for proofs.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from flint import acb, arb, ctx
from torch import Tensor
from torch.distributions import Dirichlet, Distribution, MultivariateNormal

from bench.balls import BITS, Within, log_2pi
from bench.distributions.line import Line
from bench.distributions.lines import line_of
from bench.problem import NotApplicable
from bench.problems.integrals import parameters_of, parts_of

Balls = Sequence[acb]
MOST = 3
"""The most numbers that are integrated over together."""
_INSIDE = 1 - 2.0**-20
_NOTHING = -1500.0  # the logarithm of a density for which no cost of float64, below e^710, can make up


class Density(ABC):
    """The density of numbers z at places u, `[k]` of them, where its parameters have certain values."""

    @property
    @abstractmethod
    def axes(self) -> list[tuple[float, float, float, float]]:
        """The place where each of the k axes begins, its center, the width there, and where it ends."""

    @abstractmethod
    def z(self, u: Balls) -> list[acb]:
        """The numbers at a place."""

    @abstractmethod
    def log_density(self, u: Balls, within: Sequence[Within]) -> acb:
        """The logarithm of the density in u."""

    @abstractmethod
    def scores(self, u: Balls, within: Sequence[Within]) -> list[acb]:
        """Its derivatives in the parameters, in the order in which a `Joint` has them."""

    @abstractmethod
    def arrays(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers, `[n, D]`, the log density, `[n]`, and the scores, `[n, Q]`, at places `[n, k]`."""


@dataclass(frozen=True)
class Joint:
    """A joint distribution by the parameters of its density.

    Attributes:
        parameters: differentiable, `[R, Q]`.
        density: from their values to the density.
    """

    parameters: Tensor
    density: Callable[[Sequence[float]], Density]


class _Lines(Density):
    """Independent numbers on a line each.

    Args:
        cls: the line of all.
        anchors: the parameters of each.
    """

    def __init__(self, cls: type[Line], anchors: Sequence[Sequence[float]]) -> None:
        self.cls, self.lines = cls, [cls(*anchor) for anchor in anchors]

    @property
    def axes(self) -> list[tuple[float, float, float, float]]:
        return [(_end(line, -1), *line.mode, _end(line, 1)) for line in self.lines]

    def z(self, u: Balls) -> list[acb]:
        return [line.z(each) for line, each in zip(self.lines, u, strict=True)]

    def log_density(self, u: Balls, within: Sequence[Within]) -> acb:
        every = zip(self.lines, u, map(_within, within), strict=True)
        return sum((line.log_density(each, inside) for line, each, inside in every), acb(0))

    def scores(self, u: Balls, within: Sequence[Within]) -> list[acb]:
        every = zip(self.lines, u, map(_within, within), strict=True)
        return [score for line, each, inside in every for score in line.scores(each, inside)]

    def arrays(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        numbers: list[Tensor] = []
        scores: list[Tensor] = []
        log_density = torch.zeros_like(u[:, 0])
        for line, places in zip(self.lines, u.unbind(-1), strict=True):
            anchor = [torch.full_like(places, each) for each in line.anchor]
            with torch.enable_grad():
                parameters = [each.clone().requires_grad_() for each in anchor]
                own = self.cls.log_density_of(places, anchor, *parameters).expand_as(places)
                slopes = torch.autograd.grad(own.sum(), parameters, materialize_grads=True, allow_unused=True)
            numbers.append(self.cls.z_of(places, *anchor))
            scores += slopes
            log_density = log_density + own.detach()
        return torch.stack(numbers, -1), log_density, torch.stack(scores, -1)


class _Sticks(_Lines):
    """Numbers that add up to 1, as what is broken off a stick, part by part of what is left.

    Each part is a beta variable, independent of those before it: Connor & Mosimann (1969), Concepts of
    independence for proportions with a generalization of the Dirichlet distribution.
    """

    def z(self, u: Balls) -> list[acb]:
        numbers, left = [], acb(1)
        for line, each in zip(self.lines, u, strict=True):
            numbers.append(left * line.z(each))
            left = left * line.z(-each)
        return [*numbers, left]

    def arrays(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts, log_density, scores = super().arrays(u)
        left = torch.cat([torch.ones_like(u[:, :1]), (-u).sigmoid().cumprod(-1)], -1)  # [n, k + 1]
        return torch.cat([left[:, :-1] * parts, left[:, -1:]], -1), log_density, scores


class _Normal(Density):
    """z = μ + L u for standard normal u, with the parameters μ and, row by row, the lower triangle of L."""

    def __init__(self, loc: Sequence[float], rows: Sequence[Sequence[float]]) -> None:
        self.loc, self.rows = loc, rows

    @property
    def axes(self) -> list[tuple[float, float, float, float]]:
        reach = math.sqrt(-2 * _NOTHING)
        return [(-reach, 0.0, 1.0, reach)] * len(self.loc)

    def z(self, u: Balls) -> list[acb]:
        return [
            sum((entry * each for entry, each in zip(row, u, strict=False)), acb(loc))
            for loc, row in zip(self.loc, self.rows, strict=True)
        ]

    def log_density(self, u: Balls, within: Sequence[Within]) -> acb:
        return sum((-each * each / 2 - log_2pi() / 2 for each in u), acb(0))

    def scores(self, u: Balls, within: Sequence[Within]) -> list[acb]:
        k = len(self.loc)
        y = [acb(0)] * k  # L⁻ᵀ u
        for i in reversed(range(k)):
            y[i] = (u[i] - sum((self.rows[j][i] * y[j] for j in range(i + 1, k)), acb(0))) / self.rows[i][i]
        of_rows = [
            y[i] * u[j] - (1 / acb(self.rows[i][i]) if i == j else 0) for i in range(k) for j in range(i + 1)
        ]
        return [*y, *of_rows]

    def arrays(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        k = len(self.loc)
        L = u.new_tensor([[*row, *[0.0] * (k - len(row))] for row in self.rows])
        y = torch.linalg.solve_triangular(L.T, u.T, upper=True).T  # [n, k]
        of_rows = [y[:, i] * u[:, j] - (1 / L[i, i] if i == j else 0) for i in range(k) for j in range(i + 1)]
        log_density = -u.square().sum(-1) / 2 - k / 2 * math.log(2 * math.pi)
        return u.new_tensor(self.loc) + u @ L.T, log_density, torch.cat([y, torch.stack(of_rows, -1)], -1)


def _within(interval: Within) -> Within:
    """An interval without its ends, where a ball about it would reach over them.

    A density has a kink at the center of a line at most, where one interval ends and another begins.
    """
    if interval is None:
        return None
    return acb(arb(interval.real.mid(), interval.real.rad() * _INSIDE))


def _end(line: Line, side: int) -> float:
    """Return where a line ends, on one side: beyond it nothing is left of the density."""
    center, width = line.mode
    last = line.edges()[0 if side < 0 else -1]
    with ctx.workprec(BITS):
        for power in range(60):
            end = center + side * width * 2.0**power
            if side * (last - end) <= 0:
                break
            if float(line.log_density(acb(end), None).real.upper()) < _NOTHING:
                return end
    return last


def independent(p: Distribution, coordinates: Sequence[int]) -> Joint:
    """Some of the independent numbers of a distribution.

    Raises:
        NotApplicable: if they are too many.
    """
    _refuse_more(len(coordinates))
    cls, _ = line_of(parts_of(p))
    chosen = [each[..., list(coordinates)] for each in parameters_of(p)]  # [R, k] each
    return _of_lines(_Lines, cls, chosen)


def together(p: Distribution) -> Joint:
    """All numbers of a distribution, which depend on one another.

    Raises:
        NotApplicable: if they are too many.
    """
    if isinstance(p, Dirichlet):
        alpha = p.concentration
        _refuse_more(alpha.shape[-1] - 1)
        rest = alpha.flip(-1).cumsum(-1).flip(-1)[..., 1:]
        beta = torch.distributions.Beta(alpha[..., :-1], rest, validate_args=False)
        cls, parameters = line_of(beta)
        return _of_lines(_Sticks, cls, parameters)
    assert isinstance(p, MultivariateNormal)
    k = p.loc.shape[-1]
    _refuse_more(k)
    lower = [(i, j) for i in range(k) for j in range(i + 1)]
    L = torch.stack([p.scale_tril[..., i, j] for i, j in lower], -1)
    ends = list(itertools.accumulate(range(1, k + 1), initial=0))

    def density(values: Sequence[float]) -> Density:
        entries = values[k:]
        return _Normal(values[:k], [entries[a:b] for a, b in itertools.pairwise(ends)])

    return Joint(torch.cat([p.loc, L], -1), density)


def _refuse_more(numbers: int) -> None:
    if numbers > MOST:
        raise NotApplicable(
            f"the cost couples {numbers} numbers, and at most {MOST} are integrated over together"
        )


def _of_lines(kind: type[_Lines], cls: type[Line], parameters: Sequence[Tensor]) -> Joint:
    """Lines of one kind, with parameters `[R, k]` each."""
    Q = len(parameters)

    def density(values: Sequence[float]) -> Density:
        return kind(cls, [values[i : i + Q] for i in range(0, len(values), Q)])

    return Joint(torch.stack(list(parameters), -1).flatten(-2), density)
