"""True gradients: right by closed forms and by sampling, and refused elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import special
from torch import Tensor

from bench.catalogue import build
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient, truth_of
from bench.problem import NotApplicable, Problem
from tests.cases import PROBLEMS, expectation, problem_of
from tests.parameters import some, spread
from tests.practice import experiment_on

CPU = torch.device("cpu")
KNOWN = [name for name in PROBLEMS if name != "product"]

# About 30 numbers are compared with samples. |z| > 5 has probability 6e-7 for a normal: the
# whole battery raises a false alarm with probability below 2e-5. What would be noticed is an
# error of ten standard errors or more, some 2 % of the cost's deviation at 250 000 samples.
Z_LIMIT = 5.0
SAMPLES = 250_000


def problem_from(options: dict[str, Any]) -> Problem:
    options = dict(options)
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


def gradient_at(options: dict[str, Any]) -> Tensor:
    gradient = exact_gradient(problem_from(options)).gradient
    assert gradient is not None
    return gradient


# --- closed forms, at a generic θ -----------------------------------------------------------------


def normal_density(u: float) -> float:
    return math.exp(-u * u / 2) / math.sqrt(2 * math.pi)


def trigamma(x: float) -> float:
    return float(special.polygamma(1, x))


def softmax(logits: list[float]) -> list[float]:
    total = sum(math.exp(value) for value in logits)
    return [math.exp(value) / total for value in logits]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def categorical_logits() -> list[float]:
    # F = Σ p_k f_k, and ∂p_k/∂l_j = p_k (1[j = k] − p_j).
    p, f = softmax([0.3, -0.4, 0.9]), [1.44, 0.04, 0.64]
    mean = sum(a * b for a, b in zip(p, f, strict=True))
    return [a * (b - mean) for a, b in zip(p, f, strict=True)]


def masked_logits() -> list[float]:
    # Of two values alone, F = p f₁ + q f₂: p q (f₁ − f₂) with f = 1.44 and 0.04.
    slope = 1.4 * math.prod(softmax([0.3, -0.4]))
    return [slope, -slope, 0.0]


def lognormal(power: float, loc: float, scale: float) -> list[float]:
    # E z^k = exp(k μ + k² σ²/2).
    moment = math.exp(power * loc + (power * scale) ** 2 / 2)
    return [power * moment, power**2 * scale * moment]


A, B = 2.4, 3.1
EXACT: dict[str, tuple[dict[str, Any], list[float]]] = {
    # E z² = μ² + σ²
    "normal": (expectation("z**2", ["loc", "scale"], normal={"loc": 0.7, "scale": 1.3}), [1.4, 2.6]),
    "normal, logarithm": (
        expectation("z**2", ["log_scale"], normal={"loc": 0.7, "log_scale": -0.4}),
        [2 * math.exp(-0.8)],
    ),
    # E cos z = e^{−σ²/2} cos μ
    "normal, cosine": (
        expectation("cos(z)", ["loc", "scale"], normal={"loc": 0.7, "scale": 1.3}),
        [-math.exp(-0.845) * math.sin(0.7), -1.3 * math.exp(-0.845) * math.cos(0.7)],
    ),
    # Σ (μ_d − ½)² + D σ²
    "normals": (PROBLEMS["normals"], [1.6, -2.2, -0.2, 4.8]),
    # P(z > c) = Φ((μ − c)/σ)
    "heaviside": (
        expectation("z > 0.3", ["loc", "scale"], normal={"loc": 0.7, "scale": 0.6}),
        [normal_density(2 / 3) / 0.6, -normal_density(2 / 3) * 0.4 / 0.36],
    ),
    "heavisides": (
        expectation("sum(z > 0.3)", ["loc"], normal={"loc": [0.7, -0.2], "scale": [0.6, 1.1]}),
        [normal_density(2 / 3) / 0.6, normal_density(0.5 / 1.1) / 1.1],
    ),
    "lognormal": (PROBLEMS["lognormal"], lognormal(0.5, 0.2, 0.6)),
    "lognormal, cube": (
        expectation("z**3", ["loc", "scale"], lognormal={"loc": 0.2, "scale": 0.6}),
        lognormal(3, 0.2, 0.6),
    ),
    # E z² = μ² + 2 b²
    "laplace": (expectation("z**2", ["loc", "scale"], laplace={"loc": 0.3, "scale": 0.7}), [0.6, 2.8]),
    # E z² = a (a + 1)/b²
    "gamma": (PROBLEMS["gamma"], [5.6 / 1.7**2, -2 * 2.3 * 3.3 / 1.7**3]),
    # E log z = ψ(a) − ψ(a + b)
    "gamma, logarithm": (
        expectation("log(z)", ["concentration", "rate"], gamma={"concentration": 2.3, "rate": 1.7}),
        [trigamma(2.3), -1 / 1.7],
    ),
    # E log z = ψ(a) − ψ(a + b), E z = a/(a + b)
    "beta": (
        PROBLEMS["beta"],
        [
            trigamma(A) - trigamma(A + B) + B / (A + B) ** 2,
            -trigamma(A + B) - A / (A + B) ** 2,
        ],
    ),
    # E z³ = 6/r³; E e^{−z} = r/(r + 1)
    "exponential, cube": (expectation("z**3", ["rate"], exponential={"rate": 1.6}), [-18 / 1.6**4]),
    "exponential, transform": (expectation("exp(-z)", ["rate"], exponential={"rate": 1.6}), [1 / 2.6**2]),
    # Between 1 − 2⁻⁵³ and 1 there is no number in float64, and 1e-5 of the probability: a/(a + b).
    "beta, at its edges": (
        expectation("z", ["concentration1"], beta={"concentration1": 0.2, "concentration0": 0.3}),
        [0.3 / 0.25],
    ),
    # f(1) − f(0) = 0.55² − 0.45² = 0.1, times p q for a logit
    "bernoulli": (PROBLEMS["bernoulli"], [0.1 * math.prod(softmax([0.8, 0.0]))]),
    "bernoulli, probability": (expectation("(z - 0.45)**2", ["probs"], bernoulli={"probs": 0.3}), [0.1]),
    # p q as a product of two sigmoids: where p is nearly 1, 1 − p has no digits left.
    **{
        f"bernoulli, logit {logit:g}": (
            expectation("(z - 0.45)**2", ["logits"], bernoulli={"logits": logit}),
            [0.1 * sigmoid(logit) * sigmoid(-logit)],
        )
        for logit in (20.0, 30.0, 36.0, 40.0, 100.0, -36.0, -40.0)
    },
    # E z = n p; E z = e^−logit
    "binomial, logit": (
        expectation("z", ["logits"], binomial={"total_count": 7, "logits": 38.0}),
        [7 * sigmoid(38.0) * sigmoid(-38.0)],
    ),
    "geometric, logit": (expectation("z", ["logits"], geometric={"logits": 38.0}), [-math.exp(-38.0)]),
    "bernoulli, certain": (expectation("(z - 0.45)**2", ["probs"], bernoulli={"probs": 1.0}), [0.1]),
    "bernoulli, impossible": (expectation("(z - 0.45)**2", ["probs"], bernoulli={"probs": 0.0}), [0.1]),
    "bernoullis, certain": (
        expectation("sum(z)**2", ["probs"], bernoulli={"probs": [0.0, 1.0]}),
        [1 + 2 * 1.0, 1 - 2 + 2 * 1.0],
    ),
    # E z = n p, also where p is so near 1 that 1 − p is lost to a clamp.
    "binomial, nearly certain": (
        expectation("z", ["probs"], binomial={"total_count": 20, "probs": 1 - 1e-12}),
        [20.0],
    ),
    "binomial, impossible": (
        expectation("z**2", ["probs"], binomial={"total_count": 20, "probs": 0.0}),
        [20.0],
    ),
    # Σ t_k f_k / Σ t: f_j − F, with F = 0.6 · 1.44 + 0.4 · 0.04 = 0.88
    "categorical, masked": (
        expectation("(z - 1.2)**2", ["probs"], categorical={"probs": [0.6, 0.4, 0.0]}),
        [0.56, -0.84, -0.24],
    ),
    "categorical, masked by a logit": (
        expectation("(z - 1.2)**2", ["logits"], categorical={"logits": [0.3, -0.4, -1e16]}),
        masked_logits(),
    ),
    # E z = (1 − p)/p
    "geometric, certain": (expectation("z", ["probs"], geometric={"probs": 1.0}), [-1.0]),
    "geometric, nearly never": (expectation("z", ["probs"], geometric={"probs": 1e-3}), [-1e6]),
    "poisson, none": (expectation("z**2", ["rate"], poisson={"rate": 0.0}), [1.0]),
    "poisson, millions": (expectation("z**2", ["rate"], poisson={"rate": 3e6}), [1 + 6e6]),
    # E e^{tz} = exp(λ (e^t − 1))
    "poisson, growing": (
        expectation("exp(3*z)", ["rate"], poisson={"rate": 3.4}),
        [math.expm1(3) * math.exp(3.4 * math.expm1(3))],
    ),
    # E (Σ z)² = Σ p (1 − p) + (Σ p)²
    "bernoullis": (PROBLEMS["bernoullis"], [1 - 2 * p + 2 * 1.7 for p in (0.3, 0.6, 0.8)]),
    "categorical": (PROBLEMS["categorical"], categorical_logits()),
    # E z² = λ + λ²
    "poisson": (expectation("z**2", ["rate"], poisson={"rate": 3.4}), [7.8]),
    "poisson, many": (expectation("z**2", ["rate"], poisson={"rate": 500.0}), [1001.0]),
    # By symmetry, and because nothing depends on θ.
    "zero by symmetry": (expectation("z**2", ["loc"], normal={"loc": 0.0, "scale": 100.0}), [0.0]),
    "zero of a constant": (
        expectation("300", ["loc", "scale"], normal={"loc": 0.4, "scale": 1.3}),
        [0.0, 0.0],
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_gradient_is_the_closed_form(name: str) -> None:
    options, wanted = EXACT[name]
    truth = exact_gradient(problem_from(options))
    assert truth.gradient is not None
    scale = max(1.0, *(abs(value) for value in wanted))
    assert (truth.gradient - torch.tensor(wanted, dtype=torch.float64)).abs().max() < 1e-9 * scale
    assert truth.standard_error.max() < 1e-8 * scale


@pytest.mark.parametrize("factor", ["1e-9", "1e9"])
def test_the_gradient_scales_with_the_cost(factor: str) -> None:
    gradient = gradient_at(expectation(f"{factor}*z**2", ["loc"], normal={"loc": 0.3, "scale": 0.6}))
    assert float(gradient) == pytest.approx(0.6 * float(factor), rel=1e-12)


@pytest.mark.parametrize("name", spread(KNOWN, 8))
def test_how_the_gradient_is_known_is_said(name: str) -> None:
    problem = problem_of(name)
    truth = exact_gradient(problem)
    discrete = {"bernoulli", "bernoullis", "categorical", "poisson", "geometric", "binomial", "binomials"}
    discrete |= {"tied", "table", "entropy_regularized"}
    closed = {"count_quadratic", "categorical_quadratic", "qubits"}
    wanted = "closed_form" if name in closed else "enumeration" if name in discrete else "quadrature"
    assert truth.kind == wanted
    assert truth.gradient is not None
    assert truth.gradient.shape == truth.standard_error.shape == problem.theta.shape
    assert truth.gradient.dtype == torch.float64
    assert truth.note == ""


def test_the_truth_of_a_float32_problem_is_known_to_float64() -> None:
    problem = problem_of("gaussian").to("cpu", torch.float32)
    truth = exact_gradient(problem)
    assert truth.gradient is not None
    assert truth.gradient.dtype == torch.float64
    assert float(truth.gradient) == pytest.approx(4, rel=1e-12)


# --- against sampling -----------------------------------------------------------------------------


def z_score(problem: Problem, claimed: Callable[[Tensor], Tensor]) -> float:
    """How far the mean cost of fresh samples is from what is claimed, in standard errors."""
    theta = problem.theta[None]  # [1, P]
    with torch.no_grad(), stream(Address(0, "truth", SAMPLES, "test", 0), CPU):
        x = problem.distribution(theta).sample((SAMPLES,))
        cost = problem.cost(x, theta)[:, 0]  # [N]
        return float((cost.mean() - claimed(theta)[0]) / (cost.std() / SAMPLES**0.5))


@pytest.mark.parametrize("name", some(KNOWN, 10))
def test_the_expectation_is_the_mean_cost(name: str) -> None:
    problem = problem_of(name)
    assert abs(z_score(problem, problem.expectation)) < Z_LIMIT
    assert abs(z_score(problem, problem.expectation_check)) < Z_LIMIT


@pytest.mark.parametrize("name", spread(KNOWN, 8))
def test_an_expectation_that_is_five_percent_wrong_is_seen(name: str) -> None:
    problem = problem_of(name)
    assert abs(z_score(problem, lambda theta: 1.05 * problem.expectation(theta))) > 2 * Z_LIMIT


def test_the_logarithm_of_a_scale_taken_once_for_twice_is_seen() -> None:
    # E z² with exp(log σ) for exp(2 log σ): right at log σ = 0, hence a generic θ.
    problem = problem_from(expectation("z**2", ["log_scale"], normal={"loc": 0.7, "log_scale": -0.4}))
    assert abs(z_score(problem, lambda theta: 0.49 + theta[:, 0].exp())) > 2 * Z_LIMIT
    assert abs(z_score(problem, lambda theta: 0.49 + (2 * theta[:, 0]).exp())) < Z_LIMIT


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", spread(KNOWN, 9))
def test_each_row_of_theta_has_its_own_expectation(name: str) -> None:
    problem = problem_of(name)
    # The nodes were laid for θ: a little beside it they serve nearly as well.
    rows = problem.theta * torch.tensor([[1.0], [1.01], [0.99]], dtype=torch.float64)  # [3, P]
    values = problem.expectation(rows)  # [3]
    assert values.shape == (3,)
    alone = torch.cat([problem.expectation(row[None]) for row in rows])
    assert torch.allclose(values, alone, rtol=1e-13, atol=0)
    assert len(set(values.tolist())) == 3


def test_a_moved_row_is_evaluated_where_it_is() -> None:
    problem = problem_of("gaussian")
    rows = torch.tensor([[1.9], [2.0], [2.1]], dtype=torch.float64)
    assert torch.allclose(problem.expectation(rows), rows[:, 0] ** 2 + 1, rtol=1e-9)


@pytest.mark.parametrize("name", some(KNOWN, 8))
def test_the_gradient_is_the_slope_of_the_expectation(name: str) -> None:
    problem = problem_of(name)
    gradient = exact_gradient(problem).gradient
    assert gradient is not None
    step = 1e-5 * torch.eye(len(problem.theta), dtype=torch.float64)
    rise = problem.expectation(problem.theta + step) - problem.expectation(problem.theta - step)
    if name == "categorical":
        assert float(gradient.sum()) == pytest.approx(0, abs=1e-14)  # a common shift changes nothing
    assert torch.allclose(rise / 2e-5, gradient, rtol=1e-7, atol=1e-8)


# --- where it is not known ------------------------------------------------------------------------

UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "coupled": (PROBLEMS["product"], "through abs, which has a jump or a kink"),
    "E e^{z²}": (expectation("exp(z**2)", ["loc"], normal={"loc": 0.3, "scale": 0.8}), "converge"),
    "E e^{2z}": (expectation("exp(2*z)", ["rate"], exponential={"rate": 0.8}), "converge|not finite"),
    "undefined": (expectation("log(z)", ["loc"], normal={"loc": 0.3, "scale": 0.8}), "not finite"),
    "pole": (expectation("1/z", ["loc"], normal={"loc": 0.3, "scale": 0.8}), "not finite"),
    "E e^{z/2} of tails like it": (
        expectation("exp(z/2)*z", ["scale"], laplace={"loc": 0.3, "scale": 2.0}),
        "converge|not finite",
    ),
    "discrete": (expectation("exp(z**2)", ["rate"], poisson={"rate": 0.8}), "converge"),
    "discrete, hardly": (expectation("2**z", ["probs"], geometric={"probs": 0.5}), "converge"),
    "lognormal": (expectation("exp(z)", ["loc"], lognormal={"loc": 0.0, "scale": 0.1}), "converge"),
    "E z² of t(2)": (
        expectation("z**2", ["loc"], student_t={"df": 2.0, "loc": 0.4, "scale": 0.7}),
        "converge",
    ),
    "tiny, but growing": (
        expectation("exp(1e-12*z**3)", ["loc"], normal={"loc": 0.3, "scale": 0.8}),
        "converge",
    ),
}


@pytest.mark.parametrize("name", spread(UNKNOWN, 4))
def test_what_cannot_be_known_is_refused_with_the_reason(name: str) -> None:
    options, reason = UNKNOWN[name]
    with pytest.raises(NotApplicable, match=reason):
        exact_gradient(problem_from(options))


def test_a_known_gradient_is_preferred_to_a_reference() -> None:
    truth = truth_of(experiment_on(problem_of("gaussian"), "reparameterization"))
    assert truth.kind == "quadrature"


@pytest.mark.parametrize("part", [1e-6, -1.0, math.nan])
def test_two_rules_that_disagree_are_no_truth(part: float, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = disagreeing(part, monkeypatch)
    with pytest.raises(NotApplicable, match="two rules"):
        exact_gradient(problem)


def test_two_rules_that_nearly_agree_are_one_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = exact_gradient(disagreeing(1e-10, monkeypatch))
    assert float(truth.standard_error) == pytest.approx(4e-10, rel=1e-3)


def disagreeing(part: float, monkeypatch: pytest.MonkeyPatch) -> Problem:
    """A problem whose second rule is wrong by a part of the first."""

    def again(self: Problem, theta: Tensor) -> Tensor:
        return (1 + part) * self.expectation(theta)

    problem = problem_of("gaussian")
    # On the class, since the truth is sought on a copy of the problem.
    monkeypatch.setattr(type(problem), "expectation_check", again)
    return problem


def test_two_rules_that_disagree_leave_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = truth_of(experiment_on(disagreeing(1.0, monkeypatch), "reparameterization"))
    assert truth.kind == "reference"
    assert "two rules for it differ: " in truth.note


def test_a_problem_without_an_expectation_says_so() -> None:
    class Unknown(Problem):
        theta = torch.tensor([0.7], dtype=torch.float64)
        parameters = {"loc": slice(0, 1)}  # noqa: RUF012

        def distribution(self, theta: Tensor) -> torch.distributions.Distribution:
            return torch.distributions.Normal(theta[:, 0], 1.0)

        def cost(self, x: Tensor, theta: Tensor) -> Tensor:
            return x

    with pytest.raises(NotApplicable, match="not known without sampling"):
        exact_gradient(Unknown())
    truth = truth_of(experiment_on(Unknown(), "reparameterization"))
    assert truth.kind == "reference"
