"""Certificates tell where a problem's relaxation is not that of its choices."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent

import bench
from bench.certification.verdicts import Certificate
from bench.distributions.choices import BinaryChoices
from bench.problem import Problem
from estimators.conditional_control_variates import Rebar
from estimators.reinforce import Reinforce
from estimators.relaxations import GumbelSoftmax


class OwnBits(Problem):
    """The cost of three bits, by torch's own distribution, with a relaxation of its own."""

    def __init__(self) -> None:
        self.theta = torch.tensor([0.7, -1.1, 0.2], dtype=torch.float64)
        self.parameters = {"logits": slice(0, 3)}
        self.width = 3

    def distribution(self, theta: Tensor) -> Distribution:
        return Independent(Bernoulli(logits=theta, validate_args=False), 1, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return (x.sum(-1) - 1.3) ** 2

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        return (points.sum(-1) - 1.3) ** 2

    def expectation(self, theta: Tensor) -> Tensor:
        p = theta.sigmoid()
        return (p.sum(1) - 1.3) ** 2 + (p * (1 - p)).sum(1)


class OtherCorners(OwnBits):
    """At 0 and 1 the relaxed cost is another."""

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        return (points.sum(-1) - 1.2) ** 2


class OtherChoices(BinaryChoices):
    """Noise about half the logits."""

    def perturbed(self, sample_size: int) -> Tensor:
        return super().perturbed(sample_size) - self.logits / 2


class LateChoices(BinaryChoices):
    """Noise given a choice that leads to the other where the noise is small."""

    def conditional(self, corner: Tensor) -> Tensor:
        return super().conditional(corner) - 0.1


class LikelierChoices(BinaryChoices):
    """Choices of other logits, and their own noise, which agree with one another."""

    def __init__(self, logits: Tensor, event_dim: int) -> None:
        super().__init__(1.3 * logits, event_dim)


class Bits(Independent):
    """Three bits whose choices are made otherwise."""

    made: Any = BinaryChoices

    def choices(self) -> BinaryChoices:
        found: BinaryChoices = self.made(self.base_dist.logits, 1)
        return found


def problem_with(choices: type[BinaryChoices]) -> type[OwnBits]:
    kind = type("OwnKind", (Bits,), {"made": choices})

    class WithChoices(OwnBits):
        """A distribution that says itself which choices it consists of."""

        def distribution(self, theta: Tensor) -> Distribution:
            return kind(Bernoulli(logits=theta, validate_args=False), 1, validate_args=False)

    WithChoices.__name__ = f"With{choices.__name__}"
    return WithChoices


def certified(estimator: Any, problem: type[Problem], monkeypatch: pytest.MonkeyPatch) -> Certificate:
    from bench import catalogue

    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    return bench.certify(estimator, {"own": problem}, replicates=2000)


RIGHT = [OwnBits, problem_with(BinaryChoices)]
WRONG = {
    "corners": (OtherCorners, "the relaxed cost is off by up to"),
    "noise": (problem_with(OtherChoices), "probabilities that are off by"),
    "probabilities": (problem_with(LikelierChoices), "choices in draws of x have probabilities"),
    "given the choice": (problem_with(LateChoices), "leads to another in"),
}


@pytest.mark.parametrize("problem", RIGHT, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("estimator", [GumbelSoftmax(), Rebar(temperature=0.5, coefficient=1.0)])
def test_a_relaxation_of_the_choices_is_certified(
    estimator: Any, problem: type[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = certified(estimator, problem, monkeypatch)
    assert found.passed, list(found.all_faults())


@pytest.mark.parametrize("name", WRONG)
def test_another_relaxation_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, said = WRONG[name]
    found = certified(GumbelSoftmax(), problem, monkeypatch)
    assert "relaxation" in found.failed_checks
    assert any(said in fault.message for _, fault in found.all_faults())


def test_who_does_not_use_it_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = certified(Reinforce(), OtherCorners, monkeypatch)
    assert found.passed, list(found.all_faults())


def states_without(last: int) -> type[OwnBits]:
    class Some(Independent):
        """Three bits, of whose values some are not told."""

        def states(self, most: int) -> Tensor:
            every = torch.cartesian_prod(*[torch.arange(2.0, dtype=torch.float64)] * 3)
            return every[: 8 - last]

    class WithStates(OwnBits):
        """A distribution that says itself which values x can have."""

        def distribution(self, theta: Tensor) -> Distribution:
            return Some(Bernoulli(logits=theta, validate_args=False), 1, validate_args=False)

    return WithStates


def test_values_that_are_left_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert certified(Reinforce(), states_without(0), monkeypatch).passed
    found = certified(Reinforce(), states_without(1), monkeypatch)
    assert any("have a probability of 0." in fault.message for _, fault in found.all_faults())
