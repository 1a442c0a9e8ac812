"""VIMCO with discrete latents: every set of K samples is enumerated."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.catalogue import build
from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.repeated import Repeated
from bench.distributions.states import states_of
from bench.engine.truth import exact_gradient
from bench.exact import ExactMoments, exact_moments, single_draws
from bench.problem import MultiSampleProblem, Points
from bench.statistics.evidence import blocks_reported
from estimators.vimco import Vimco
from tests.cases import estimates_of

Z_LIMIT = 5.0  # about 60 numbers: a false alarm has probability 4e-5


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


class Latents(MultiSampleProblem):
    """A bound of K samples of discrete latents: θ has the logits of q, and that of the prior of each.

    Args:
        samples: K.
        q: the logits of q, `[L]` of bits or `[L, C]` of classes; a single bit is a number.
        of_data: log p(data | z) of each state of z, in the order of a nested loop.
        prior: the slope of log p(z) in the sum of z.
    """

    def __init__(self, samples: int, q: Tensor, of_data: Tensor, prior: float = 0.0) -> None:
        self.samples, self.shape, self.of_data = samples, q.shape, of_data
        self.theta = torch.cat([q.flatten(), numbers(prior)])
        self.parameters = {"q": slice(0, q.numel()), "prior": slice(q.numel(), q.numel() + 1)}
        self.states = states_of(self.single(self.theta[None]), 100).double()  # [S, (L)]

    def single(self, theta: Tensor) -> Distribution:
        logits = theta[:, :-1].reshape(len(theta), *self.shape)
        if len(self.shape) == 2:
            return Independent(Categorical(logits=logits), 1)
        return Independent(Bernoulli(logits=logits), 1) if self.shape else Bernoulli(logits=logits)

    def distribution(self, theta: Tensor) -> Repeated:
        return Repeated(self.single(theta), self.samples)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        ones = x if x.dim() == 3 else x.sum(-1)  # [N, R, K]
        place = (self._placed(x)[..., None, :] == self._placed(self.states)).all(-1).double()  # [N, R, K, S]
        every = self._placed(self.states).sum(-1)  # [S]
        normalizer = (theta[:, -1:] * every).logsumexp(-1)  # [R]
        prior = theta[:, -1:] * ones - normalizer[:, None]
        return prior + place @ self.of_data

    def _placed(self, x: Tensor) -> Tensor:
        return x.double() if self.shape else x.double()[..., None]

    def log_probs(self, x: Tensor, p: Distribution) -> Tensor:
        assert isinstance(p, Repeated)
        return p.log_probs(x)

    def log_weights(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.log_joint(x, theta) - self.log_probs(x, self.distribution(theta))

    def all_sets(self) -> Tensor:
        """Every x, `[S^K, 1, K, (L)]`."""
        S, K = len(self.states), self.samples
        places = torch.cartesian_prod(*[torch.arange(S)] * K).reshape(-1, K)
        return self.states[places][:, None]

    def expectation(self, theta: Tensor) -> Tensor:
        x = self.all_sets().expand(-1, len(theta), *[-1] * (1 + (self.states.dim() > 1)))
        return (self.distribution(theta).log_prob(x).exp() * self.cost(x, theta)).sum(0)

    def points(self, check: bool = False) -> Points:
        x = self.all_sets()
        weights = self.distribution(self.theta[None]).log_prob(x).exp().detach().flatten()
        return Points(x, weights, 4)


def single_bit(K: int, logit: float = 0.0) -> Latents:
    """p(z = 1) = ½ and p(x | z) = (.2, .7)."""
    return Latents(K, numbers(logit)[0], numbers(0.2, 0.7).log())


def of_bits(K: int) -> Latents:
    return Latents(K, numbers(0.6, -1.1), numbers(-0.4, -2.1, -0.9, 0.3), 0.7)


def of_classes(K: int) -> Latents:
    return Latents(K, numbers(0.6, -1.1, 0.2)[None], numbers(-0.4, -2.1, 0.9), -0.6)


PROBLEMS = {
    "a bit, K = 2": single_bit(2),
    "a bit, K = 5": single_bit(5),
    "a bit elsewhere": single_bit(5, 0.8),
    "bits, K = 2": of_bits(2),
    "bits, K = 3": of_bits(3),
    "classes, K = 3": of_classes(3),
}


def known(problem: Latents, mean: str) -> ExactMoments:
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    return exact_moments(build("estimators", "vimco", {"mean": mean}), 1, draws)


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_mean_over_all_sets_is_the_gradient(name: str, mean: str) -> None:
    problem = PROBLEMS[name]
    truth, exact = exact_gradient(problem).gradient, known(problem, mean)
    assert truth is not None
    assert torch.allclose(exact.mean, truth, rtol=1e-12, atol=1e-14)
    assert float(truth.norm()) > 0.01
    estimates = estimates_of(build("estimators", "vimco", {"mean": mean}), problem, 1, 20_000)
    error = estimates.std(0) / len(estimates) ** 0.5
    assert bool(((estimates.mean(0) - truth).abs() < Z_LIMIT * error + 1e-12).all())
    square = (estimates - truth).square()
    off, of_square = square.mean(0) - exact.variance, square.std(0) / len(square) ** 0.5
    assert bool((off.abs() < Z_LIMIT * of_square + 1e-12).all())


@pytest.mark.parametrize("logit", [0.0, 0.8, -1.7])
@pytest.mark.parametrize("K", [2, 5])
def test_the_bound_of_a_bit_is_a_sum_over_binomial_counts(K: int, logit: float) -> None:
    def bound(η: float) -> float:
        q = 1 / (1 + math.exp(-η))
        one, zero = 0.5 * 0.7 / q, 0.5 * 0.2 / (1 - q)
        return math.fsum(
            math.comb(K, m) * q**m * (1 - q) ** (K - m) * math.log((m * one + (K - m) * zero) / K)
            for m in range(K + 1)
        )

    h = 1e-5
    slope = -(bound(logit + h) - bound(logit - h)) / (2 * h)
    problem = single_bit(K, logit)
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(-bound(logit), rel=1e-12)
    assert float(known(problem, "geometric").mean[0]) == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_it_has_less_noise_than_the_score_function(mean: str) -> None:
    problem = of_bits(3)
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    plain = exact_moments(build("estimators", "reinforce", {}), 1, draws)
    found = known(problem, mean)
    assert bool((found.variance[:2] < 0.5 * plain.variance[:2]).all())


class BoundAsBaseline(Vimco):
    """The baseline of each sample is the bound with its own weight: nothing is left of the score."""

    def advantages(self, log_weights: Tensor) -> Tensor:
        return torch.zeros_like(log_weights)


def test_a_baseline_that_knows_its_own_sample_is_seen() -> None:
    problem = of_bits(2)
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    found = exact_moments(BoundAsBaseline(), 1, draws)
    truth = exact_gradient(problem).gradient
    assert float((found.mean - truth).norm()) > 0.05 * float(truth.norm())


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_what_a_sample_adds_to_the_bound_is_as_the_paper_has_it(mean: str) -> None:
    """log 1/K Σ w less the same with a mean of the other K − 1 weights in the place of w_k (§2.6)."""
    log_weights = numbers(0.3, -1.2, 2.1, 0.4)
    found = Vimco(mean=mean).advantages(log_weights)  # type: ignore[arg-type]
    K = len(log_weights)
    for k in range(K):
        others = [float(log_weights[j]) for j in range(K) if j != k]
        weights = [math.exp(each) for each in others]
        inside = math.exp(sum(others) / (K - 1)) if mean == "geometric" else sum(weights) / (K - 1)
        whole = math.log(sum(math.exp(float(each)) for each in log_weights) / K)
        assert float(found[k]) == pytest.approx(whole - math.log((sum(weights) + inside) / K), abs=1e-12)
