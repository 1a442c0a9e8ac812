"""Couplings of binary choices: ARM, DisARM and ARMS, which compare costs of negatively dependent draws."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import logsigmoid

from bench import noise
from bench.distributions.layered import Layered, layers_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import NotApplicable, Problem
from estimators.coupled_moments import moments_of_group, moments_of_pairs, variance_within_pairs

_Both = tuple[Tensor, Tensor]  # of the draws and of their partners


class Coupling(Estimator):
    """Draws of binary choices that depend on one another, one layer of a net at a time.

    Each of G draws of all layers gets M/G partners for each layer: these share the layers before
    it, are coupled with the draw in the layer itself, and are completed by the same uniform numbers in the
    layers after it. The draw and its partners each have the distribution of x.
    """

    bias: ClassVar[Claim] = "unbiased"

    @abstractmethod
    def sizes(self, sample_size: int) -> tuple[int, int]:
        """G, how many draws there are, and M, how many partners they have for each layer."""

    @abstractmethod
    def partners(self, u: Tensor, logits: Tensor, M: int) -> Tensor:
        """Units of a layer that are coupled with 1[u ≤ σ(logits)].

        Args:
            u: uniform numbers, `[G, R, (B), D]`.
            logits: `[G, R, (B), D]` or `[1, R, (B), D]`.
            M: how many partners.

        Returns:
            `[M, R, (B), D]`, of truth values.
        """

    @abstractmethod
    def weights(self, f: _Both, b: _Both, u: Tensor, logits: Tensor) -> Tensor:
        """Weights of the logits, by which their gradient is an estimate.

        Args:
            f: the costs of the draws, `[G, R, (B)]`, and of their partners, `[M, R, (B)]`.
            b: their units of a layer, `[G, R, (B), D]` and `[M, R, (B), D]`.
            u: as in `partners`.
            logits: as in `partners`.

        Returns:
            In the shape of the logits.
        """

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        G, M = self.sizes(sample_size)
        return G + M * len(layers_of(problem.distribution(problem.theta[None])).sizes)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        net, (G, M) = self.net(p), self.sizes(sample_size)
        shape = (G, *net.batch_shape, *net.event_shape)
        with torch.no_grad():
            u = noise.unit(shape, net.like)  # [G, R, (B), D]
            x = net.completed(u[..., :0], u)  # [G, R, (B), D]
        logits = [net.logits(t, x[..., : layer.start]) for t, layer in enumerate(net.layers)]
        with torch.no_grad():
            partners = [self.completed(net, t, u, x, logits[t], M) for t in range(len(logits))]
        costs = [problem.cost(net.value(units), theta) for units in (x, *partners)]  # T + 1 of [·, R, (B)]
        own, *others = (each.detach() for each in costs)
        terms = []
        for t, layer in enumerate(net.layers):
            b = x[..., layer], partners[t][..., layer]
            weights = self.weights((own, others[t]), b, u[..., layer], logits[t].detach())
            terms.append((logits[t], weights * weights.shape[-1]))  # a sum over the units is meant
        return gradient_of(theta, *terms, torch.cat(costs), problem.analytic_term(theta, p))

    def net(self, p: Distribution) -> Layered:
        """The layers of a distribution."""
        return layers_of(p)

    def completed(self, net: Layered, t: int, u: Tensor, x: Tensor, logits: Tensor, M: int) -> Tensor:
        """Return the partners of draws x from u in layer t, with all other layers, `[M, R, (B), D]`."""
        layer = net.layers[t]
        partners = self.partners(u[..., layer], logits, M).to(x.dtype)  # [M, R, (B), D_t]
        before = x[..., : layer.start].expand(M, *x.shape[1:-1], -1)
        return net.completed(torch.cat([before, partners], -1) if t else partners, u)


class Pairs(Coupling):
    """Draws of which each has the partner with 1 − u in the place of u."""

    def sizes(self, sample_size: int) -> tuple[int, int]:
        return sample_size, sample_size

    def partners(self, u: Tensor, logits: Tensor, M: int) -> Tensor:
        return u > (-logits).sigmoid()


@dataclass(frozen=True)
class Arm(Pairs):
    r"""Compares the costs of two draws from u and 1 − u, and weighs the difference by u − ½.

    With u uniform in each coordinate, b = 1[u > σ(−η)] and b̃ = 1[u < σ(η)],

    .. math:: \nabla_{\eta} E[f(b)] = E\big[(f(b) - f(\tilde b))\, (u - \tfrac{1}{2})\big],

    the mean of two estimates, one from u and the other from 1 − u, with the score of the noise behind b,
    :math:`\nabla_\eta E[f(b)] = E[f(1[u < \sigma(\eta)])\, (1 - 2u)]`.

    Needs x of binary choices, independent or in layers of which each depends on those before it; f
    may be any function. In a net of T layers the estimates of a layer's logits compare two
    completions of one draw of the layers before it, whose layers after it are drawn from the same noise.
    A pair is one draw: an estimate evaluates f 2N times, and (T + 1) N times in a net of T layers, as one
    draw serves in the pairs of all layers.

    References:
        Yin & Zhou (2019), ARM: Augment-REINFORCE-merge gradient for stochastic binary networks.
    """

    def weights(self, f: _Both, b: _Both, u: Tensor, logits: Tensor) -> Tensor:
        first, second = f  # [N, R, (B)] each
        # The draw is 1[u ≤ σ(η)]: it is the paper's b̃, and its partner the b.
        return _mean_like(logits, (u - 0.5).mul_((second - first)[..., None]))

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        within = variance_within_pairs(draws) / sample_size  # [P]
        return moments_of_pairs(draws, sample_size).with_noise(within)


@dataclass(frozen=True)
class Disarm(Pairs):
    r"""ARM with its expectation over u taken where the two draws are what they are.

    With b and b̃ as in ARM,

    .. math:: \nabla_{\eta_i} E[f(b)] = E\big[\tfrac{1}{2} (f(b) - f(\tilde b))\,
        (-1)^{\tilde b_i}\, 1[b_i \neq \tilde b_i]\, \sigma(|\eta_i|)\big],

    since u − ½ has the mean ±σ(|η|)/2 where the two differ, and 0 where they agree. The variance is
    therefore at most that of ARM, in each logit.

    Needs and costs what ARM does.

    References:
        Dong, Mnih & Tucker (2020), DisARM: an antithetic gradient estimator for binary latent variables.
        Yin, Ho, Yan, Qian & Zhou (2020), Probabilistic best subset selection via gradient-based
        optimization: the same under the name of U2G.
    """

    def weights(self, f: _Both, b: _Both, u: Tensor, logits: Tensor) -> Tensor:
        (first, second), (unit, other) = f, b  # [N, R, (B)] each, [N, R, (B), D] each
        weighed = (unit - other).mul_((first - second)[..., None] / 2)  # [N, R, (B), D]
        return _mean_like(logits, weighed) * logits.abs().sigmoid()

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return moments_of_pairs(draws, sample_size)


@dataclass(frozen=True)
class Arms(Coupling):
    r"""Compares the costs of N draws, of which any two are negatively correlated, each with the mean.

    In each coordinate d is uniform on the vectors of N positive numbers that add up to one,
    :math:`b_n = 1[d_n > 1 - p^{1/(N-1)}]`, so that each b is 1 with probability p, and

    .. math:: \nabla_\eta E[f(b)] = E\Big[\frac{1}{1 - \rho} \frac{1}{N - 1}
        \sum_n (f(b_n) - \bar f)\, (b_n - p)\Big], \quad
        \rho = \frac{\max(0, 2 p^{1/(N-1)} - 1)^{N-1} - p^2}{p\, (1 - p)},

    the covariance of f(b) and b from N draws, which their correlation ρ makes smaller by the
    factor 1 − ρ. With N = 2 it is DisARM. The variance does not fall with every further draw.

    Needs x of independent choices between two, and N ≥ 2 draws, which are a single group. An estimate
    evaluates f N times.

    Attributes:
        reflect: whether zeros are drawn in the place of ones where p > ½, which makes ρ smaller.

    References:
        Dimitriev & Zhou (2021), ARMS: Antithetic-REINFORCE-multi-sample gradient for binary variables.
    """

    minimum_sample_size = 2
    reflect: bool = True

    def sizes(self, sample_size: int) -> tuple[int, int]:
        if sample_size < 2:
            raise NotApplicable("a draw's partners are N − 1 others, and N is 1")
        return 1, sample_size - 1

    def net(self, p: Distribution) -> Layered:
        net = super().net(p)
        if len(net.sizes) > 1:
            raise NotApplicable("x has several layers: N draws of one share the layers before it")
        return net

    def drawn(self, logits: Tensor) -> Tensor:
        """The logits of what is drawn by d: of ones, or of zeros where these are rarer."""
        return -logits.abs() if self.reflect else logits

    def partners(self, u: Tensor, logits: Tensor, M: int) -> Tensor:
        # Given the first of the d, 1 − v^(1/M) with v uniform, the others share v^(1/M) uniformly.
        reflected = logits != self.drawn(logits)  # [1, R, (B), D]
        v = torch.where(reflected, 1 - u, u)  # [1, R, (B), D]
        e = noise.exponential((M, *u.shape[1:]), u)  # [M, R, (B), D]
        d = e.mul_(v.pow_(1 / M) / e.sum(0))
        root = logsigmoid(self.drawn(logits)) / M  # the logarithm of p^(1/M)
        return (d > -root.expm1()) ^ reflected

    def weights(self, f: _Both, b: _Both, u: Tensor, logits: Tensor) -> Tensor:
        M, costs = len(f[1]), torch.cat(f)  # [N, R, (B)]
        deviations = (costs - costs.mean(0)).unsqueeze(-1) / M  # [N, R, (B), 1]
        return (deviations * torch.cat(b)).sum(0, keepdim=True) / (1 - correlation(self.drawn(logits), M))

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return moments_of_group(draws, sample_size, self.drawn, correlation)


def correlation(logits: Tensor, M: int) -> Tensor:
    """Return ρ, of two among N = M + 1 draws by parts of one, in the shape of the logits."""
    # With a = p^(1/M), max(0, 2a − 1)^M is p² (1 − s²)^M for s = (1 − a)/a, or 0: so nothing cancels.
    s = (-logsigmoid(logits) / M).expm1().clamp(max=1)
    return (M * (-s.square()).log1p()).expm1() * logits.exp()


def _mean_like(logits: Tensor, weights: Tensor) -> Tensor:
    """Weights of N draws, `[N, ...]`, for logits of each, or their mean where these are the same for all."""
    return weights.mean(0, keepdim=True) if len(logits) == 1 else weights
