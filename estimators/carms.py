"""CARMS: coupled draws of choices among classes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bench import noise
from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem


@dataclass(frozen=True)
class Carms(Estimator):
    r"""Compares the costs of N draws of classes, of which any two are coupled, pair by pair.

    The classes divide the interval from 0 to 1 in a random order, and the draws are where N numbers fall
    of which each is uniform: :math:`(1 - d_n)^{N-1}` with d uniform on the vectors of N positive numbers that
    add up to one. With the probability P of the classes of two draws,

    .. math:: \nabla_\phi E[f(z)] = E\Big[\frac{1}{N (N - 1)} \sum_{m < n}
        \frac{\pi(z_m)\, \pi(z_n)}{P(z_m, z_n)}\, (f(z_m) - f(z_n))\, (e_{z_m} - e_{z_n})\Big],

    the covariance of f and the score, which is that of two independent draws, from pairs with
    another distribution: these ratios make up for it. Pairs of a class with itself add nothing, and
    all others have P > 0, as each two classes are the first and the last in one of the orders, the
    rarer one first. Where x is a vector of choices, each has ratios of its own. With two classes it is ARMS.

    Needs x of independent choices, and N ≥ 2 draws, which are a single group; f may be any
    function. An estimate evaluates f N times. P is a mean over C (C − 1)/2 orders for each pair of draws, or
    of classes if these are fewer.

    References:
        Dimitriev & Zhou (2021), CARMS: Categorical-antithetic-REINFORCE multi-sample gradient estimator.
    """

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size = 2

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if sample_size < 2:
            raise NotApplicable("it compares pairs among N draws, and N is 1")
        p = problem.distribution(theta)
        choices = choices_of(p)
        logits = choices.log_masses  # [R, (B,) *shape, C]
        with torch.no_grad():
            coupled = OrderedClasses(logits)
            ranks = coupled.drawn(sample_size)  # [N, R, (B,) *shape]
            x = choices.of_classes(coupled.classes(ranks))
        cost = problem.cost(x, theta)  # [N, R, (B)]
        weights = coupled.weights(ranks, cost.detach() - cost.detach().mean(0))  # [R, (B,) *shape, C]
        count = choices.classes * choices.shape.numel()  # a sum over choices and classes is meant
        return gradient_of(theta, (logits, weights * count), cost, problem.analytic_term(theta, p))


class OrderedClasses:
    """The classes of choices by rank, from the rarest on, and the orders in which they divide an interval.

    Attributes:
        probs: by rank, in float64, `[R, (B,) *shape, C]`; P is a difference of numbers that are nearly equal.
        ranked: the classes, `[R, (B,) *shape, C]`.
        orders: ranks from the left to the right, `[C (C − 1)/2, C]`.
    """

    def __init__(self, logits: Tensor) -> None:
        self.probs, self.ranked = logits.double().softmax(-1).sort(stable=True, dim=-1)
        C = logits.shape[-1]
        orders = [
            [first, *(rank for rank in range(C) if rank not in (first, last)), last]
            for first, last in itertools.combinations(range(C), 2)
        ]
        self.orders = torch.tensor(orders or [[0]], device=logits.device)

    def drawn(self, sample_size: int) -> Tensor:
        """Ranks of N coupled draws, `[N, R, (B,) *shape]`."""
        shape = self.probs.shape[:-1]
        which = (noise.uniform((1, *shape), self.probs)[0] * len(self.orders)).long()
        order = self.orders[which.clamp_(max=len(self.orders) - 1)]  # [R, (B,) *shape, C]
        edges = _edges(self.probs.gather(-1, order))[..., 1:-1]  # [R, (B,) *shape, C − 1]
        e = noise.exponential((sample_size, *shape), self.probs)
        u = (1 - e / e.sum(0)).pow_(sample_size - 1)  # [N, R, (B,) *shape]
        place = (u[..., None] > edges).sum(-1, keepdim=True)
        return order.expand(*u.shape, -1).gather(-1, place)[..., 0]

    def classes(self, ranks: Tensor) -> Tensor:
        """Numbers of classes, `[N, R, (B,) *shape]`."""
        return self.ranked.expand(*ranks.shape, -1).gather(-1, ranks[..., None])[..., 0]

    def weights(self, ranks: Tensor, f: Tensor) -> Tensor:
        """Weights of the logits, `[R, (B,) *shape, C]`.

        Args:
            ranks: those of N draws, `[N, R, (B,) *shape]`.
            f: their costs, `[N, R, (B)]`.
        """
        N, C = len(ranks), self.probs.shape[-1]
        ranks = ranks.movedim(0, -1)  # [R, (B,) *shape, N]
        f = f.movedim(0, -1).reshape(*f.shape[1:], *[1] * (ranks.dim() - f.dim()), N)
        # Where there are fewer classes than draws, those of a class are taken together.
        chosen = one_hot(ranks, C).to(f.dtype) if C < N else torch.eye(N, dtype=f.dtype, device=f.device)
        kinds = torch.arange(C, device=f.device).expand_as(self.probs) if C < N else ranks
        ratios = self.ratios(kinds, N).to(f.dtype)  # [R, (B,) *shape, K, K]
        costs, numbers = (f[..., None] * chosen).sum(-2), chosen.sum(-2)  # [R, (B,) *shape, K] each
        # Σ over n of the ratios times f_m − f_n, for all m of a kind.
        products = [(ratios @ each[..., None])[..., 0] for each in (numbers, costs)]
        found = (costs * products[0] - numbers * products[1]) / (N * (N - 1))
        classes = self.ranked.gather(-1, kinds)
        return torch.zeros_like(self.probs, dtype=f.dtype).scatter_add_(-1, classes, found)

    def ratios(self, kinds: Tensor, sample_size: int) -> Tensor:
        """π π/P of two draws among N with ranks among K, `[R, (B,) *shape, K, K]`; 0 for equal ranks.

        Args:
            kinds: the ranks, `[R, (B,) *shape, K]`.
            sample_size: N.
        """
        M, K = sample_size - 1, kinds.shape[-1]
        pair = self.probs.new_zeros((*kinds.shape, K))
        for order in self.orders:
            root = _edges(self.probs[..., order]).pow_(1 / M)  # [R, (B,) *shape, C + 1]
            place = order.argsort()[kinds]
            ends = root.gather(-1, torch.cat([place, place + 1], -1))  # [R, (B,) *shape, 2K]
            # The probability that two of the numbers are at most such ends; a power takes longer.
            below = (ends[..., None] + ends[..., None, :] - 1).clamp_(min=0).log_().mul_(M).exp_()
            (both, left), (right, neither) = (half.chunk(2, -1) for half in below.chunk(2, -2))
            pair += neither - left - right + both
        chances = self.probs.gather(-1, kinds)
        ratios = chances[..., None] * chances[..., None, :] / (pair / len(self.orders))
        # Where P is lost in rounding, no such pair is drawn.
        return torch.where((kinds[..., None] != kinds[..., None, :]) & (pair > 0), ratios, 0)


def _edges(probs: Tensor) -> Tensor:
    """The edges of intervals of these lengths side by side, from 0 to 1, `[..., C] -> [..., C + 1]`."""
    ends = probs.cumsum(-1)
    return torch.cat([torch.zeros_like(ends[..., :1]), ends / ends[..., -1:]], -1)
