"""True gradients of costs that couple numbers: right by closed forms and sums by hand, else refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient, truth_of
from bench.problem import NotApplicable, Problem
from bench.problems import boxes, coupled
from tests.cases import expectation
from tests.parameters import some, spread
from tests.practice import experiment_on

A = [[1.2, -0.5, 0.3], [0.7, 0.8, -1.1], [0.2, 0.4, -0.6]]
LOC, SCALE = [0.3, -0.6, 0.2], [0.8, 0.5, 1.1]
ROWS = [[0.8], [-0.3, 0.6], [0.2, 0.4, 0.5]]


def problem(cost: Any, parameters: list[str], let: dict[str, Any] | None = None, **law: Any) -> Problem:
    options = expectation(cost, parameters, **law) | ({"let": let} if let else {})
    made: Problem = build("problems", options.pop("name"), options)
    return made.to("cpu", torch.float64)


def normals(cost: str, D: int = 2, let: dict[str, Any] | None = None) -> Problem:
    return problem(cost, ["loc", "scale"], let, normal={"loc": LOC[:D], "scale": SCALE[:D]})


def of_normals(value: Callable[[Tensor, Tensor], Tensor], D: int = 2) -> tuple[float, Tensor]:
    """A closed form of F(μ, σ), and its gradient."""
    loc = torch.tensor(LOC[:D], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor(SCALE[:D], dtype=torch.float64, requires_grad=True)
    F = value(loc, scale)
    slopes = torch.autograd.grad(F, (loc, scale))
    return float(F.detach()), torch.cat(slopes)


# |z| > 5 has probability 6e-7; some 100 means are compared: a false alarm in 10⁴ new seeds.
Z_LIMIT = 5.0


def sampling_refutes(made: Problem, value: float, gradient: Tensor | None) -> float:
    """How far F and its gradient are from means of fresh samples, in standard errors, at most."""
    assert gradient is not None
    theta, count = made.theta[None], 200_000
    with torch.no_grad(), stream(Address(0, "coupled", count, "test", 0), torch.device("cpu")):
        x = made.distribution(theta).sample((count,))
        costs = made.cost(x, theta)[:, 0]
    rows = theta.expand(count, -1).clone().requires_grad_()
    (score,) = torch.autograd.grad(made.distribution(rows).log_prob(x[:, 0]).sum(), rows)
    weighed = (costs - costs.mean())[:, None] * score  # the mean of a score is zero
    worst = 0.0
    for draws, wanted in ((costs[:, None], costs.new_tensor([value])), (weighed, gradient)):
        error = (draws.mean(0) - wanted).abs() / (draws.std(0) / count**0.5)
        worst = max(worst, float(error.max()))
    return worst


def quadratic(loc: Tensor, covariance: Tensor) -> Tensor:
    """E zᵀAz = μᵀAμ + tr(AΣ)."""
    matrix = torch.tensor(A, dtype=torch.float64)[: len(loc), : len(loc)]
    return loc @ matrix @ loc + (matrix @ covariance).trace()


def exponential_of_product(t: complex) -> Callable[[Tensor, Tensor], Tensor]:
    """E exp(t z₀ z₁) of independent normal numbers: of z₁ first, then a Gaussian integral."""

    def value(loc: Tensor, scale: Tensor) -> Tensor:
        (m, n), (r, s) = loc, scale
        rest = 1 - t**2 * (r * s) ** 2
        return (t * m * n + t**2 * (m**2 * s**2 + n**2 * r**2) / 2).div(rest).exp() / rest**0.5

    return value


def ridge(k: float, c: float) -> Callable[[Tensor, Tensor], Tensor]:
    """E exp(−k (z₀ − z₁ − c)²), where z₀ − z₁ is normal."""

    def value(loc: Tensor, scale: Tensor) -> Tensor:
        rest = 1 + 2 * k * scale.square().sum()
        return (-k * (loc[0] - loc[1] - c).square() / rest).exp() / rest.sqrt()

    return value


def of_sum(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """E f(Σ z) by a fine sum over standard normal numbers, differentiated by hand."""
    x = np.linspace(-12, 12, 20_001)
    nodes = torch.from_numpy(x)
    weights = torch.from_numpy(np.exp(-x * x / 2) / math.sqrt(2 * math.pi)) * (x[1] - x[0])

    def value(loc: Tensor, scale: Tensor) -> Tensor:
        places = loc.sum() + scale.square().sum().sqrt() * nodes
        return (weights * f(places)).sum()

    return value


CLOSED: dict[str, tuple[Problem, tuple[float, Tensor]]] = {
    "quadratic form": (
        normals("dot(z, dot(A, z))", 3, {"A": A}),
        of_normals(lambda loc, scale: quadratic(loc, torch.diag(scale**2)), 3),
    ),
    "square of a sum": (
        normals("(sum(z) - 1)**2", 3),
        of_normals(lambda loc, scale: (loc.sum() - 1) ** 2 + scale.square().sum(), 3),
    ),
    "exponential of a sum": (
        normals("exp(sum(z) - z[0]/2)", 3),
        of_normals(
            lambda loc, scale: (
                loc.sum() - loc[0] / 2 + (scale.square().sum() - 0.75 * scale[0] ** 2) / 2
            ).exp(),
            3,
        ),
    ),
    "quadrants": (
        normals("(z[0] > 0)*(z[1] < 0.1)*z[2]", 3),
        of_normals(
            lambda loc, scale: (
                torch.special.ndtr(loc[0] / scale[0]) * torch.special.ndtr((0.1 - loc[1]) / scale[1]) * loc[2]
            ),
            3,
        ),
    ),
    "exponential of a product": (normals("exp(z[0]*z[1]/2)"), of_normals(exponential_of_product(0.5))),
    "sine of a product": (
        normals("sin(2*z[0]*z[1])"),
        of_normals(lambda loc, scale: exponential_of_product(2j)(loc, scale).imag),
    ),
    "wide ridge": (normals("exp(-2*(z[0] - z[1] - 0.2)**2)"), of_normals(ridge(2, 0.2))),
    "narrow ridge": (normals("exp(-300*(z[0] - z[1] - 0.2)**2)"), of_normals(ridge(300, 0.2))),
    "far ridge": (normals("exp(-20*(z[0] - z[1] - 3)**2)"), of_normals(ridge(20, 3))),
    "softplus of a sum": (
        normals("log(1 + exp(z[0] + z[1]))"),
        of_normals(of_sum(lambda x: (1 + x.exp()).log())),
    ),
    "three in a sigmoid": (
        normals("sigmoid(sum(z)) + z[0]", 3),
        of_normals(lambda loc, scale: of_sum(torch.sigmoid)(loc, scale) + loc[0], 3),
    ),
}


SLOW = pytest.mark.slow
"""Of those in three dimensions, which take seconds, and of every second one."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[SLOW] * ("three" in name or i % 2)) for i, name in enumerate(CLOSED)]
)
def test_the_truth_is_the_closed_form(name: str) -> None:
    made, (value, gradient) = CLOSED[name]
    truth = exact_gradient(made)
    assert truth.kind == "quadrature"
    assert truth.gradient is not None
    size = float(gradient.norm())
    assert truth.value == pytest.approx(value, rel=1e-9, abs=1e-12)
    assert float((truth.gradient - gradient).norm()) <= 2e-8 * size
    # The error that is stated is one of the rules, and small.
    assert float(truth.standard_error.norm()) <= 1e-8 * size


@pytest.mark.parametrize("D", [2, pytest.param(3, marks=SLOW)])
def test_a_quadratic_form_of_dependent_normals(D: int) -> None:
    law = {"loc": LOC[:D], "scale_tril": ROWS[:D]}
    made = problem(
        "dot(z, dot(A, z))", ["loc", "scale_tril"], {"A": [row[:D] for row in A[:D]]}, multivariate_normal=law
    )
    truth = exact_gradient(made)
    loc, entries = (made.theta[part].clone().requires_grad_() for part in made.parameters.values())
    L = torch.zeros(D, D, dtype=torch.float64)
    lower = torch.tril_indices(D, D)
    F = quadratic(loc, (M := L.index_put((lower[0], lower[1]), entries)) @ M.T)
    wanted = torch.cat(torch.autograd.grad(F, (loc, entries)))
    assert truth.value == pytest.approx(float(F.detach()), rel=1e-10)
    assert torch.allclose(truth.gradient, wanted, rtol=1e-8, atol=1e-10)


def test_a_coupled_cost_under_a_dirichlet() -> None:
    # E z₀ z₁² = a₀ a₁ (a₁ + 1) / (a (a + 1) (a + 2)).
    alpha = torch.tensor([1.4, 2.2, 0.9], dtype=torch.float64, requires_grad=True)
    a = alpha.sum()
    F = alpha[0] * alpha[1] * (alpha[1] + 1) / (a * (a + 1) * (a + 2))
    truth = exact_gradient(
        problem("z[0]*z[1]**2", ["concentration"], dirichlet={"concentration": alpha.tolist()})
    )
    assert torch.allclose(truth.gradient, torch.autograd.grad(F, alpha)[0], rtol=1e-8, atol=1e-12)


@pytest.mark.slow
def test_a_share_of_gamma_numbers_is_a_beta_number() -> None:
    # z₀/(z₀ + z₁) has the mean a/(a + b) if the rates agree.
    law = {"concentration": [2.3, 1.4], "rate": 1.7}
    truth = exact_gradient(problem("z[0]/(z[0] + z[1])", ["concentration", "rate"], gamma=law))
    wanted = torch.tensor([1.4, -2.3, 0.0], dtype=torch.float64) / 3.7**2
    assert truth.value == pytest.approx(2.3 / 3.7, rel=1e-10)
    assert torch.allclose(truth.gradient, wanted, rtol=1e-8, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "law"),
    some(
        [
            ("laplace", {"loc": [0.3, -0.6], "scale": [0.8, 0.5]}),
            ("lognormal", {"loc": [0.3, -0.6], "scale": [0.3, 0.2]}),
            ("beta", {"concentration1": [2.4, 1.5], "concentration0": [3.1, 1.2]}),
            ("weibull", {"scale": [0.8, 1.4], "concentration": [1.7, 2.5]}),
            ("von_mises", {"loc": [0.6, -0.3], "concentration": [1.8, 2.5]}),
            ("exponential", {"rate": [1.6, 2.5]}),
            ("half_normal", {"scale": [0.7, 1.2]}),
        ],
        1,
    ),
)
def test_cubature_agrees_with_samples(family: str, law: dict[str, Any]) -> None:
    made = problem("tanh(z[0]*z[1] - 0.4) + z[1]", [*law], **{family: law})
    truth = exact_gradient(made)
    assert sampling_refutes(made, truth.value, truth.gradient) < Z_LIMIT
    # The control: a value that is off by a hundredth.
    assert sampling_refutes(made, truth.value + 0.02, truth.gradient) > Z_LIMIT


# --- sums by hand ---------------------------------------------------------------------------------


def softmax(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


def test_a_table_of_two_choices_by_hand() -> None:
    logits = softmax([[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]])
    table = torch.tensor([[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]], dtype=torch.float64)
    p, q = logits.softmax(-1)
    wanted = torch.autograd.grad(p @ table @ q, logits)[0].flatten()
    truth = exact_gradient(
        problem("T[z[0], z[1]]", ["logits"], {"T": table.tolist()}, categorical={"logits": logits.tolist()})
    )
    assert truth.kind == "enumeration"
    assert torch.allclose(truth.gradient, wanted, rtol=1e-12, atol=1e-14)


def test_a_tie_is_the_sum_of_the_slopes() -> None:
    cost, let = "(dot(w, z) - 1)**2", {"w": [1.0, -2.0, 0.5]}
    free = problem(cost, ["probs"], let, bernoulli={"probs": [0.3, 0.3, 0.3]})
    tied = problem(cost, ["probs"], let, bernoulli={"probs": 0.3, "repeat": 3})
    by_hand = exact_gradient(free).gradient
    assert float(exact_gradient(tied).gradient) == pytest.approx(float(by_hand.sum()), rel=1e-13)
    # The control: they are not the same number three times.
    assert len(set(by_hand.tolist())) == 3


def test_sixteen_coupled_bernoullis_by_hand() -> None:
    probs = torch.linspace(0.1, 0.9, 16, dtype=torch.float64, requires_grad=True)
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=16)), dtype=torch.float64)
    masses = torch.where(states == 1, probs, 1 - probs).prod(-1)
    F = (masses * (states.sum(-1) / 5).sin()).sum()
    truth = exact_gradient(problem("sin(sum(z)/5)", ["probs"], bernoulli={"probs": probs.tolist()}))
    assert torch.allclose(truth.gradient, torch.autograd.grad(F, probs)[0], rtol=1e-10, atol=1e-12)


def test_more_states_than_can_be_enumerated_are_multiplied_out() -> None:
    # E (Σ f)² = D Var f + (D E f)² with D = 40.
    logits, f = softmax([[0.3, -0.4, 0.9]]), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    p = logits[0].softmax(-1)
    mean = p @ f
    F = 40 * (p @ f**2 - mean**2) + (40 * mean) ** 2
    law = {"logits": logits[0].tolist(), "repeat": 40}
    truth = exact_gradient(problem("sum(f[z])**2", ["logits"], {"f": f.tolist()}, categorical=law))
    assert truth.kind == "enumeration"
    assert torch.allclose(truth.gradient, torch.autograd.grad(F, logits)[0][0], rtol=1e-11, atol=1e-11)
    with pytest.raises(NotApplicable, match="has over 1048576 values"):
        exact_gradient(problem("sin(sum(f[z]))", ["logits"], {"f": f.tolist()}, categorical=law))


def test_a_chain_of_fifty_spins() -> None:
    # E Σ z_d z_{d+1} = Σ p_d p_{d+1}: each pair by itself.
    p = torch.linspace(0.1, 0.9, 50, dtype=torch.float64, requires_grad=True)
    made = problem("sum(z[1:]*z[:-1])", ["probs"], bernoulli={"probs": p.tolist()})
    wanted = torch.autograd.grad((p[1:] * p[:-1]).sum(), p)[0]
    assert torch.allclose(exact_gradient(made).gradient, wanted, rtol=1e-12, atol=1e-12)


def test_a_mixture_is_the_weighted_sum_of_its_parts() -> None:
    left = {"normal": {"loc": LOC[:2], "scale": SCALE[:2]}}
    right = {"laplace": {"loc": [0.1, 0.9], "scale": 0.7}}
    law = {"parts": {"left": left, "right": right}, "probs": [0.3, 0.7]}
    truth = exact_gradient(problem("z[0]*z[1]", ["probs", "left.loc", "right.scale"], mixture=law))
    parts = [LOC[0] * LOC[1], 0.1 * 0.9]
    mean = 0.3 * parts[0] + 0.7 * parts[1]
    # Probabilities are divided by their sum.
    wanted = [parts[0] - mean, parts[1] - mean, 0.3 * LOC[1], 0.3 * LOC[0], 0.0]
    assert truth.gradient.tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-12)


# --- what is not known ----------------------------------------------------------------------------

UNKNOWN = {
    "abs(z[0] - z[1])": "through abs, which has a jump or a kink",
    "z[0] > z[1]": "through >, which has a jump or a kink",
    "(z[0]*z[1] <= 0.3)*z[0]": "through <=",
    "f[z[0] > z[1]]": "through a table",
    "sin(abs(z[0])*z[1])": "through abs",
    "exp((z[0]*z[1])**2)": "no rule with a proven error",
    "1/(z[0] - z[1])": "no rule with a proven error",
    "log(z[0]*z[1] + z[0])": "no rule with a proven error",
    "sqrt(z[0] - z[1])": "no rule with a proven error",
    "sin(z[0]*z[1]*z[2]*z[3])": "couples 4 numbers, and at most 3",
}


@pytest.mark.parametrize("cost", some(UNKNOWN, 4))
def test_what_no_rule_follows_is_refused_with_the_reason(cost: str) -> None:
    let = {"f": [1.0, 2.0]} if "f[" in cost else None
    made = problem(cost, ["loc"], let, normal={"loc": [0.3, -0.6, 0.2, 0.1], "scale": 0.8})
    with pytest.raises(NotApplicable, match=UNKNOWN[cost]):
        exact_gradient(made)
    truth = truth_of(experiment_on(made))
    assert (truth.kind, truth.gradient) == ("none", None)


SHARP = {
    "abs(z[0])*z[1] + (z[0] > 0.1)*abs(z[1] - 0.2)": True,
    "(z[0] > 0)*(z[1] > 0)*(z[0] < 1)": True,
    "abs(z[0]*z[1])": False,
    "abs(sum(z)) + z[0]": False,
    "(z[0] + z[1] > 0.3)*z[0]": False,
    "log(1 + abs(z[0])*abs(z[1]))": False,
    "sqrt(dot(z, z))": True,
    "tanh(8*(z[0] - z[1]))": True,
    "sin(9*z[0]*z[1])": True,
}
"""Cost -> whether its gradient is known."""


@pytest.mark.parametrize("cost", spread(SHARP, 4))
def test_no_truth_of_a_sharp_cost_is_silently_wrong(cost: str) -> None:
    made = normals(cost)
    try:
        truth = exact_gradient(made)
    except NotApplicable:
        assert not SHARP[cost]
        return
    assert SHARP[cost]
    assert sampling_refutes(made, truth.value, truth.gradient) < Z_LIMIT


# --- controls: each rule alone would be wrong, and both together are not believed ------------------


def test_a_rule_on_boxes_with_too_few_nodes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = boxes._gauss
    monkeypatch.setattr(boxes, "_gauss", lambda order: exact(max(1, order // 3)))
    with pytest.raises(NotApplicable, match="two rules"):
        exact_gradient(normals("sin(2*z[0]*z[1])"))


def test_cubature_that_stops_too_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coupled._SUBDIVISIONS, 2, 1)
    with pytest.raises(NotApplicable, match="cubature over the 2 numbers that the cost couples has an error"):
        exact_gradient(normals("sin(9*z[0]*z[1])"))


def test_the_closed_forms_would_see_a_wrong_gradient() -> None:
    made, (_, gradient) = CLOSED["sine of a product"]
    wrong = exact_gradient(made).gradient * 1.0001
    assert float((wrong - gradient).norm()) > 2e-8 * float(gradient.norm())


@pytest.mark.slow
def test_rows_are_integrated_where_they_are() -> None:
    made = normals("sin(2*z[0]*z[1])")
    rows = made.theta + torch.tensor([[0.0], [0.1], [-0.05]], dtype=torch.float64)
    both = made.expectation(rows)
    for row, value in zip(rows, both, strict=True):
        wanted = exponential_of_product(2j)(row[:2], row[2:]).imag
        assert float(value) == pytest.approx(float(wanted), rel=1e-9)
