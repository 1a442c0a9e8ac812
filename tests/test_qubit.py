"""Qubits: the parameter-shift rule and others on them at stated values; controls that must be flagged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.estimator import NotApplicable
from bench.exact import single_draws
from bench.problem import Distribution, Problem
from bench.problems.qubit import Qubit
from bench.statistics.evidence import blocks_reported
from estimators.parameter_shift import ParameterShift
from estimators.perturbed import differences
from tests.cases import estimates_of, problem_of
from tests.stated import Stated, faults_of

ANGLE, SHOTS = 0.6, 20
ONE = {"name": "qubit", "angles": [ANGLE]}
COSINE, SINE = math.cos(ANGLE), math.sin(ANGLE)
STEP = {"step": 0.2, "common": False}

STATED = [
    Stated(("parameter_shift", {}), ONE, (-SINE,), (0.01702947,), SHOTS, known=True),
    Stated(("finite_differences", STEP), ONE, (-0.56088571,), (0.208202,), SHOTS, digits=6),
    # Fisher's information of an angle is 1: 2n shots of one circuit tell as much as n of two.
    Stated(("reinforce", {}), ONE, (-SINE,), (COSINE**2,), known=True),
    Stated(("reinforce", {}), ONE, (-SINE,), (0.01702947,), 2 * SHOTS, known=True),
    Stated(("evolution_strategies", {"smoothing": 0.3, "common": False}), ONE, (-SINE * math.exp(-0.045),)),
]


@pytest.mark.parametrize("stated", STATED, ids=lambda stated: f"{stated.estimator[0]}-{stated.sample_size}")
def test_means_and_variances_are_the_stated_ones(stated: Stated) -> None:
    assert faults_of(stated) == []


def test_other_values_are_faults() -> None:
    assert len(faults_of(Stated(("parameter_shift", {}), ONE, (-0.56088571,), (0.02,), SHOTS))) == 4
    wide = ("finite_differences", {"step": 1.0, "common": False})
    assert len(faults_of(Stated(wide, ONE, (-SINE,), None, SHOTS))) == 1
    assert faults_of(Stated(wide, ONE, (-SINE * math.sin(1.0),), None, SHOTS)) == []


@pytest.mark.parametrize(("theta", "h", "n"), [(1.9, 0.4, 6), (-0.8, 0.1, 30)])
def test_differences_at_other_parameters(theta: float, h: float, n: int) -> None:
    problem = {"name": "qubit", "angles": [theta]}
    spread = math.sin(theta + h) ** 2 + math.sin(theta - h) ** 2
    mean, variance = (-math.sin(theta) * math.sin(h) / h,), (spread / (4 * h**2 * n),)
    options = {"step": h, "common": False}
    assert faults_of(Stated(("finite_differences", options), problem, mean, variance, n)) == []
    exact = (-math.sin(theta),), (math.cos(theta) ** 2 / (2 * n),)
    assert faults_of(Stated(("parameter_shift", {}), problem, *exact, n, known=True)) == []


THREE: dict[str, Any] = {
    "name": "qubit",
    "angles": [0.6, 2.3, -1.1],
    "coupling": 0.7,
    "fields": [0.3, -0.2, 0.1],
}


def made(options: dict[str, Any]) -> Problem:
    options = dict(options)
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


def shifted_variances(shots: int) -> list[float]:
    """For each coordinate, a quarter of the sum of both circuits' variances of a shot, by enumeration."""
    found = []
    for i in range(3):
        total = 0.0
        for sign in (-1, 1):
            angles = [a + sign * math.pi / 2 * (i == j) for j, a in enumerate(THREE["angles"])]
            problem = made(THREE | {"angles": angles})
            total += single_draws(problem, blocks_reported(problem.parameters, 3))[0].cost_variance
        found.append(total / (4 * shots))
    return found


def test_three_coupled_qubits() -> None:
    gradient = exact_gradient(made(THREE)).gradient
    assert gradient is not None
    stated = Stated(("parameter_shift", {}), THREE, gradient.tolist(), shifted_variances(5), 5, known=True)
    assert faults_of(stated) == []
    assert faults_of(Stated(("parameter_shift", {}), THREE, gradient.tolist(), shifted_variances(4), 5)) != []


def test_the_expectation_is_the_enumerated_one() -> None:
    problem = made(THREE)
    theta = problem.theta.expand(4, -1)
    (draws, check) = single_draws(problem, blocks_reported(problem.parameters, 3))
    assert check is None
    assert float(problem.expectation(theta)[0]) == pytest.approx(draws.mean_cost, abs=1e-12)
    c = theta[0].cos()
    fields = torch.tensor(THREE["fields"], dtype=torch.float64)
    assert draws.mean_cost == pytest.approx(float(0.7 * c.prod() + c @ fields), abs=1e-12)
    x = problem.distribution(theta).sample((9,))
    terms = problem.cost_terms(x, theta)
    assert terms is not None
    shared, own = terms
    assert shared is not None
    assert torch.allclose(shared + own.sum(-1), problem.cost(x, theta))
    assert torch.equal(problem.relaxed_cost(x, theta), problem.cost(x, theta))


class Offset(Qubit):
    """A qubit with a part of its energy that is known without sampling."""

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor:
        return theta.sin().sum(-1)

    def expectation(self, theta: Tensor) -> Tensor:
        return super().expectation(theta) + theta.sin().sum(-1)


def test_what_is_known_without_sampling_is_shifted_too() -> None:
    problem = Offset([0.6, 2.3]).to("cpu", torch.float64)
    gradient = exact_gradient(problem).gradient
    draws, _ = single_draws(problem, blocks_reported(problem.parameters, 2))
    found = ParameterShift().exact_moments(draws, 4)
    assert gradient is not None
    assert torch.allclose(found.mean, gradient, atol=1e-12)
    estimates = estimates_of(ParameterShift(), problem, 4, 4000)
    error = estimates.std(0) / 4000**0.5
    assert bool(((estimates.mean(0) - gradient).abs() < 4 * error).all())
    assert bool(((estimates.mean(0) - gradient + problem.theta.cos()).abs() > 4 * error).all())


@dataclass(frozen=True)
class OtherAngle(ParameterShift):
    """Shifts by π/3 with the factor that belongs to π/2."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        shifts = math.pi / 3 * torch.eye(theta.shape[1], dtype=theta.dtype)
        points = theta.detach()[None]
        found = [
            differences(problem, points + each, points - each, sample_size, common=False)[:, 0].mean(0) / 2
            for each in shifts
        ]
        return torch.stack(found, 1)


def test_another_angle_is_flagged() -> None:
    problems = {"qubits": PROBLEMS["qubits"]}
    assert bench.certify(ParameterShift(), problems, replicates=20_000).passed
    found = bench.certify(OtherAngle(), problems, replicates=20_000)
    assert "bias" in {fault.check for outcome in found.outcomes for fault in outcome.faults}


def test_what_is_not_known_to_be_sinusoidal_does_not_fit() -> None:
    for name in ("bernoullis", "gaussian"):
        problem = problem_of(name)
        with pytest.raises(NotApplicable, match="not known to be sinusoidal"):
            ParameterShift().gradient(problem, problem.theta[None], 3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"angles": []}, "at least one angle, got none"),
        ({"angles": [0.3, math.inf]}, "angles must be finite, got inf"),
        ({"angles": [0.3], "fields": [0.1, 0.2]}, "wanted 1 fields, one for each angle, got 2"),
        ({"angles": [0.3], "fields": [math.nan]}, "fields must be finite, got nan"),
        ({"angles": [0.3], "coupling": math.inf}, "coupling must be finite, got inf"),
    ],
)
def test_what_is_no_qubit_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        build("problems", "qubit", options)
