"""Lines on faults: one for each kind, and whether a bias is but a constant factor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from bench.certification.bias import factor_of
from bench.certification.certify import certify
from bench.certification.fault_lines import CONSTANTS, faults
from bench.certification.problems import PROBLEMS
from bench.certification.verdicts import Certificate
from bench.estimator import Claim, Estimator, gradient_of
from bench.statistics.unbiasedness import Difference

SEVERAL = ("normal", "normals", "bernoulli", "categorical", "product")


@dataclass(frozen=True)
class Weighted(Estimator):
    """The score function with the own draw in its baseline, over a spread, or times a factor."""

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size: ClassVar[int] = 2
    own_baseline: bool = False
    over_spread: bool = False
    times: float = 1.0
    total: bool = False

    def gradient(self, problem: Any, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        own = problem.cost(x, theta)
        cost = own.detach()
        others = (cost.sum(0) - cost) / (sample_size - 1)
        weight = self.times * (cost - (cost.mean(0) if self.own_baseline else others))
        if self.over_spread:
            weight = weight / (cost.std(0) + 0.1)
        found = gradient_of(theta, (p.log_prob(x), weight), self.times * own, problem.analytic_term(theta, p))
        return found * sample_size if self.total else found


def certificate(estimator: Estimator, *problems: str) -> Certificate:
    return certify(estimator, {name: PROBLEMS[name] for name in problems}, replicates=10_000)


def said(estimator: Estimator, *problems: str) -> list[str]:
    return list(faults([certificate(estimator, *problems)], labelled=False))


def constants(estimator: Estimator) -> list[str]:
    return [line for line in said(estimator, *SEVERAL) if "times a constant" in line]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (Weighted(own_baseline=True), "1 − 1/N"),
        (Weighted(total=True), "N, as"),
        (Weighted(times=-1.0), "−1"),
        (Weighted(times=2.0), "2"),
    ],
    ids=["own baseline", "sum", "sign", "twice"],
)
def test_a_gradient_times_a_constant_is_told_as_that(estimator: Estimator, words: str) -> None:
    (line,) = constants(estimator)
    assert line.startswith("bias: the mean is the gradient times a constant")
    assert line.rpartition("): ")[2].startswith(words)


def test_its_value_stands_there() -> None:
    (line,) = constants(Weighted(times=1.25))
    assert "(1.25 at N = 2 and 1.25 at N = 8)" in line
    assert line.endswith(")")  # it has no name


def test_a_bias_that_is_no_constant_is_not_called_one() -> None:
    # The control.
    found = said(Weighted(over_spread=True), *SEVERAL)
    assert any("biased" in line for line in found)
    assert not any("constant" in line for line in found)


def test_a_fault_on_many_problems_is_a_line() -> None:
    found = said(Weighted(own_baseline=True), *SEVERAL)
    assert [line.partition(":")[0] for line in found] == ["smallest N", "bias", "bias", "bias"]
    assert found[0].startswith("smallest N: on all 5 problems: minimum_sample_size is 2")
    for line, N in zip(found[1:3], (2, 8), strict=True):
        assert line.startswith(f"bias: on all 5 problems: biased at N = {N}, by ")
        assert line.endswith(" or less in both stages")


def test_a_fault_on_one_problem_names_it() -> None:
    found = said(Weighted(times=2.0), "normals")
    assert found[0].startswith("bias: problem normals: biased by ")
    assert "of the gradient's norm at N = 2: p = " in found[0]


def test_what_is_right_has_no_line() -> None:
    assert not [line for line in said(Weighted(), *SEVERAL) if line.startswith("bias")]


@pytest.mark.parametrize("factor", [0.5, -1.0, 3.0])
def test_a_factor_by_hand(factor: float) -> None:
    truth = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    variance = torch.tensor([0.01, 0.04, 0.0001], dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    exact = Difference((factor - 1) * truth, variance, zero, zero, 100)
    found, error = factor_of(exact, truth)
    assert found == pytest.approx(factor)
    assert error == pytest.approx((1 / 0.01 + 4 / 0.04 + 0.25 / 0.0001) ** -0.5)
    # The control: a coordinate that is ten errors away.
    off = exact.value + torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    assert all(map(math.isnan, factor_of(Difference(off, variance, zero, zero, 100), truth)))


def test_constants_are_told_apart() -> None:
    values = {words: (of(2), of(8)) for words, of in CONSTANTS.items()}
    assert len(set(values.values())) == len(values)
