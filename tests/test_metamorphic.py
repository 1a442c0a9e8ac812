"""Relations between changed problems: each catches a fault that the rest of the battery does not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.certification.certify import certify
from bench.certification.metamorphic import RELATIONS
from bench.certification.parameterizations import otherwise
from bench.certification.problems import PROBLEMS
from bench.certification.settings import setting
from bench.certification.verdicts import Certificate
from bench.estimator import Estimator, gradient_of
from bench.problem import NotApplicable
from tests.cases import estimator_of
from tests.uncertified import Pathwise, Scored

# A false alarm has probability 1e-4 for each certificate; seeds are fixed.
REPLICATES = 4000


def certificate(estimator: Estimator, *problems: str, **options: Any) -> Certificate:
    some = {name: PROBLEMS[name] for name in problems}
    return certify(estimator, some, **{"replicates": REPLICATES, **options})


@dataclass(frozen=True)
class Clipped(Scored):
    """Costs are clipped where those of the battery never are."""

    def weights(self, cost: Tensor) -> Tensor:
        return cost.clamp(-100, 100)


@dataclass(frozen=True)
class Regularized(Scored):
    """A constant in a divisor, too small for costs of order one to tell."""

    def weights(self, cost: Tensor) -> Tensor:
        return cost * (cost.abs() / (cost.abs() + 1e-5))


@dataclass(frozen=True)
class SignLost(Scored):
    """Right for costs that are positive."""

    def weights(self, cost: Tensor) -> Tensor:
        return cost.abs()


@dataclass(frozen=True)
class ByItsSpread(Scored):
    """Divided by the spread of the costs and multiplied by it: no number where there is none."""

    minimum_sample_size = 2

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        if sample_size < 2:
            raise NotApplicable("N is 1")
        return super().gradient(problem, theta, sample_size)

    def weights(self, cost: Tensor) -> Tensor:
        return cost / cost.std(0) * cost.std(0)


@dataclass(frozen=True)
class MeanOverParameters(Scored):
    """A mean over parameters for a sum: right where there is one."""

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size) / theta.shape[1]


@dataclass(frozen=True)
class TakenForLogits(Scored):
    """The score of a Bernoulli variable in its logits, whatever θ is."""

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = problem.cost(x, theta)
        found: Tensor = (cost * (x - p.probs)).mean(0).reshape(theta.shape).detach()
        return found


PLANTED: dict[str, tuple[Estimator, str]] = {
    "scale": (Clipped(), "gaussian"),
    "small scale": (Regularized(), "gaussian"),
    "offset": (SignLost(), "gaussian"),
    "constant cost": (ByItsSpread(), "gaussian"),
    "copies": (MeanOverParameters(), "gaussian"),
    "parameterization": (TakenForLogits(), "bernoulli"),
}
"""For each relation an estimator that breaks it, on a problem where it is unbiased."""


def test_every_relation_has_a_planted_fault() -> None:
    assert PLANTED.keys() == RELATIONS.keys()


@pytest.mark.parametrize("name", PLANTED)
def test_a_relation_catches_what_the_rest_of_the_battery_does_not(name: str) -> None:
    estimator, problem = PLANTED[name]
    found = certificate(estimator, problem)
    assert name in found.failed_checks
    # Nothing but relations flags it.
    assert found.failed_checks <= RELATIONS.keys()
    assert found.verdict == "failed"


@pytest.mark.parametrize("estimator", [Scored(), Pathwise()], ids=repr)
def test_what_is_right_keeps_every_relation(estimator: Estimator) -> None:
    (outcome,) = certificate(estimator, "gaussian").outcomes
    assert outcome.faults == ()
    assert outcome.relations["scale"] == outcome.relations["copies"] == "exact"
    assert outcome.relations["offset"].startswith("p = ") is isinstance(estimator, Scored)


@pytest.mark.parametrize("name", ["rao_blackwell", "delta_method", "measure_valued", "exact", "mixture"])
def test_what_asks_for_more_than_the_cost_keeps_them(name: str) -> None:
    found = certificate(estimator_of(name), "gaussian", "normals")
    assert [fault.message for _, fault in found.all_faults()] == []
    assert any(one.relations["offset"] for one in found.outcomes if one.relations)


def test_bounds_are_changed_with_their_weights() -> None:
    (outcome,) = certificate(estimator_of("vimco"), "iwae-4").outcomes
    assert outcome.faults == ()
    assert outcome.relations["offset"] == outcome.relations["constant cost"] == "exact"
    assert outcome.relations["scale"] == "not tried: a bound times a constant is no bound"


def test_what_claims_a_bias_claims_no_relation() -> None:
    (outcome,) = certificate(estimator_of("evolution_strategies"), "gaussian").outcomes
    assert outcome.relations == {}


@pytest.mark.parametrize("name", ["bernoulli", "bernoullis", "choice", "categorical"])
def test_the_other_parameterization_is_the_same_problem(name: str) -> None:
    reference = PROBLEMS[name]
    problem = setting(name, reference, 0).experiment.problem
    other, moved = otherwise(reference.options)
    theta = problem.theta[None].clone().requires_grad_()
    assert torch.allclose(moved(theta)[0], other.theta)
    (here,) = torch.autograd.grad(problem.expectation(theta).sum(), theta)
    (there,) = torch.autograd.grad(other.expectation(moved(theta)).sum(), theta)
    assert torch.allclose(here, there, rtol=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "vae"])
def test_what_has_one_parameterization_is_passed_over(name: str) -> None:
    with pytest.raises(NotApplicable):
        otherwise(PROBLEMS[name].options)


def test_the_level_covers_the_relations() -> None:
    found = certificate(Scored(), "gaussian", alpha=1e-3)
    assert found.tests == 6 + len(RELATIONS)
    assert found.level == pytest.approx((1e-3 / found.tests) ** 0.5)


@dataclass(frozen=True)
class WithMean(Scored):
    """A score that is a hair off zero: what a test of statistics must tell."""

    shift: float = 0.0

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = problem.cost(x, theta).detach()
        return gradient_of(theta, (p.log_prob(x), cost)) + self.shift * cost.mean(0)[:, None]


def test_a_score_whose_mean_is_not_zero_is_told_by_statistics() -> None:
    found = certificate(WithMean(shift=0.3), "gaussian")
    assert {"bias", "constant cost", "offset"} <= found.failed_checks
    assert "scale" not in found.failed_checks
    # The control.
    assert certificate(WithMean(), "gaussian").passed
