"""Discrete estimators on data: items, costs that depend on θ themselves, and a part that is known."""

from __future__ import annotations

import copy
from typing import Any, Self

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, OneHotCategorical

from bench.catalogue import build
from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.states import states_of
from bench.estimator import Estimator
from bench.exact_items import item_draws, moments_of_items
from bench.noise.current import drawn_from
from bench.noise.draws import Draws
from bench.problem import NotApplicable, Points, Problem
from bench.statistics.evidence import blocks_reported
from tests.cases import estimates_of
from tests.parameters import spread

Z_LIMIT = 5.0  # of some 300 numbers, with a false alarm in one of 5000 files of seeds
REPLICATES = 40_000


class Items(Problem):
    """x of each of B items from logits θ·u_b, with a cost that holds θ too, and a known term."""

    def __init__(self, kind: str) -> None:
        generator = torch.Generator().manual_seed(4)
        self.kind, self.theta = kind, torch.tensor([0.7, -0.4, 1.1], dtype=torch.float64)
        self.parameters = {"all of it": slice(0, 3)}
        self.width = 9
        self.data = torch.randn(3, 2, 3, 3, generator=generator, dtype=torch.float64)  # [B, D, C, P]

    def distribution(self, theta: Tensor) -> Distribution:
        scores = torch.einsum("bdcp,rp->rbdc", self.data, theta)  # [R, B, D, C]
        return {
            "bits": lambda: Independent(Bernoulli(logits=scores[..., 0]), 1),
            "classes": lambda: Independent(Categorical(logits=scores), 1),
            "class": lambda: Categorical(logits=scores[:, :, 0]),
            "one-hot": lambda: Independent(OneHotCategorical(logits=scores), 1),
        }[self.kind]()

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        x = x.to(theta.dtype)
        if self.kind == "one-hot":
            x = (x * torch.arange(3.0, dtype=theta.dtype)).sum(-1)
        x = x[..., None] if self.kind == "class" else x
        weights = self.data.mean(2).sum(-1)  # [B, D]
        total = (x * weights).sum(-1)  # [N, R, B]
        return total.square() + theta[:, :1] * x.prod(-1) + theta[:, 1:2].square() * total

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor:
        return theta[:, 2:].pow(3) * torch.tensor([0.4, -0.3, 0.9], dtype=theta.dtype)[: len(self.data)]

    def expectation(self, theta: Tensor) -> Tensor:
        p = self.distribution(theta)
        states = states_of(p, 100)
        x = states[:, None, None].expand(-1, *p.batch_shape, *p.event_shape)
        mean = (p.log_prob(x).exp() * self.cost(x, theta)).sum(0)  # [R, B]
        return (mean + self.analytic_term(theta, p)).mean(1)

    def item(self, index: int) -> Self:
        """One item; the term that is known is then that of the first, which does not matter to variances."""
        alone = copy.copy(self)
        alone.data = self.data[index : index + 1]
        return alone

    def points(self, check: bool = False) -> Points:
        p = self.distribution(self.theta[None])
        if p.batch_shape[1] != 1:
            raise NotApplicable("there are several items")
        x = states_of(p, 100)[:, None, None]
        return Points(x, p.log_prob(x).exp().flatten().detach(), 4)


BITS_TOO: dict[str, tuple[str, dict[str, Any]]] = {
    "local_expectation": ("local_expectation", {}),
    "one_flip": ("one_flip", {}),
    "top_k": ("top_k", {"k": 2}),
    "sum_and_sample": ("sum_and_sample", {"k": 2}),
    "unordered_set": ("unordered_set", {"k": 2}),
    "built_in": ("unordered_set", {"k": 3, "baseline": "built_in"}),
    "go": ("go", {}),
    "measure_valued": ("measure_valued", {}),
}
CASES = [
    (kind, name)
    for kind in ("bits", "classes", "class", "one-hot")
    for name in BITS_TOO
    if (kind, name) not in {("one-hot", "go"), ("one-hot", "measure_valued")}
    and not (kind == "class" and name in ("built_in",))
]


def truth_of(problem: Items) -> Tensor:
    theta = problem.theta[None].requires_grad_()
    (truth,) = torch.autograd.grad(problem.expectation(theta).sum(), theta)
    return truth[0]


@pytest.mark.parametrize(("kind", "name"), spread(CASES, 10))
def test_the_mean_is_the_gradient_and_the_variance_that_of_the_items(kind: str, name: str) -> None:
    problem = Items(kind)
    estimator: Estimator = build("estimators", *BITS_TOO[name])
    estimates = estimates_of(estimator, problem, 2, REPLICATES)
    truth, error = truth_of(problem), estimates.std(0) / REPLICATES**0.5
    assert bool(((estimates.mean(0) - truth).abs() < Z_LIMIT * error + 1e-12).all())
    draws = item_draws(problem, blocks_reported(problem.parameters, 3))
    exact = moments_of_items(estimator, 2, draws)
    square = (estimates - truth).square()
    off = square.mean(0) - exact.variance
    of_square = square.std(0) / REPLICATES**0.5
    assert bool((off.abs() < Z_LIMIT * of_square + 1e-12).all())
    if float(exact.variance.sum()) > 1e-12:  # the control
        assert bool(((1.2 * square.mean(0) - exact.variance).abs() > Z_LIMIT * of_square).any())


def test_without_the_gradient_of_the_cost_itself_the_mean_is_another() -> None:
    problem = Items("bits")
    plain = problem.cost
    problem.cost = lambda x, theta: plain(x, theta).detach()  # type: ignore[method-assign]
    estimates = estimates_of(build("estimators", "local_expectation", {}), problem, 2, REPLICATES)
    error = estimates.std(0) / REPLICATES**0.5
    assert bool(((estimates.mean(0) - truth_of(Items("bits"))).abs() > 10 * error).any())


# torch's one-hot vectors are drawn from its own generator.
@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case[0] != "one-hot"])
def test_rows_are_apart(kind: str, name: str) -> None:
    problem, estimator = Items(kind), build("estimators", *BITS_TOO[name])
    point = problem.theta.repeat(4, 1)
    moved = point.clone()
    moved[-1] *= 1.5
    before, after = (drawn(estimator, problem, each) for each in (point, moved))
    assert torch.equal(before[:-1], after[:-1])
    assert not torch.equal(before[-1], after[-1])


def drawn(estimator: Estimator, problem: Problem, theta: Tensor) -> Tensor:
    with drawn_from(Draws((7, 8), rows=len(theta))):
        return estimator.gradient(problem, theta.clone().requires_grad_(), 3)
