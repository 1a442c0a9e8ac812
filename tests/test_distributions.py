"""Our own distributions: densities that integrate to one, paths that keep the cumulative probability."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from scipy import special
from torch import Tensor

from bench.catalogue import build
from bench.distributions.families import FAMILIES
from bench.distributions.mixture import NormalMixture
from bench.distributions.multivariate_normal import MultivariateNormal
from bench.distributions.von_mises import VonMises, slope_in_concentration
from bench.errors import Invalid
from tests.cases import expectation
from tests.parameters import some

mpmath = pytest.importorskip("mpmath")  # torch brings it along


def double(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope_by_quadrature(x: float, kappa: float) -> float:
    """−∂F/∂κ / p with ∂F/∂κ = ∫_{−π}^x (cos t − A) p(t) dt, as the definition has it, to 40 digits."""
    with mpmath.workdps(40):
        ratio = mpmath.besseli(1, kappa) / mpmath.besseli(0, kappa)
        points = sorted(
            {-mpmath.pi, *(p for p in (-mpmath.acos(ratio), mpmath.mpf(0)) if p < x), mpmath.mpf(x)}
        )
        integral = mpmath.quad(
            lambda t: (mpmath.cos(t) - ratio) * mpmath.exp(kappa * (mpmath.cos(t) - mpmath.cos(x))), points
        )
        return -float(integral)


@pytest.mark.parametrize("kappa", some([0.4, 7.0, 0.01, 1.8, 30.0, 1e3], 2))
@pytest.mark.parametrize("x", [-3.0, -1.1, -0.2, 0.02, 0.7, 1.9, 3.1])
def test_the_path_of_a_von_mises_in_its_concentration(x: float, kappa: float) -> None:
    if kappa * (1 - math.cos(x)) > 70:
        pytest.skip("even forty digits cancel there, and nobody draws such an angle")
    got = float(slope_in_concentration(double(x), double(kappa)))
    assert got == pytest.approx(slope_by_quadrature(x, kappa), rel=1e-11)


@pytest.mark.parametrize("kappa", [1e-6, 1e-3, 50.0, 1e3, 1e5])
def test_the_path_where_it_is_known(kappa: float) -> None:
    # κ → 0: z' = −∫_0^x cos t dt = −sin x. κ → ∞: z = ε/√κ, hence z' = −z/(2κ) up to a part of 1/κ + z².
    x = double(0.3, 1.2, 2.9) if kappa < 1 else double(0.2, 1.0, 2.5) / kappa**0.5
    wanted = -x.sin() if kappa < 1 else -x / (2 * kappa)
    tolerance = kappa if kappa < 1 else 3 / kappa
    assert torch.allclose(slope_in_concentration(x, double(kappa)), wanted, rtol=tolerance, atol=0)


def test_the_slope_is_odd_and_has_the_period_of_a_circle() -> None:
    x, kappa = double(0.3, 1.2, 2.9), double(2.3)
    slope = slope_in_concentration(x, kappa)
    assert torch.allclose(slope_in_concentration(-x, kappa), -slope, rtol=1e-13)
    assert torch.allclose(slope_in_concentration(x + 2 * math.pi, kappa), slope, rtol=1e-12)


@pytest.mark.parametrize("kappa", [0.01, 1.8, 40.0])
def test_the_density_of_a_von_mises_integrates_to_one(kappa: float) -> None:
    p = VonMises(double(0.6), double(kappa))
    # The trapezoidal rule on a whole period converges faster than any power.
    z = -math.pi + 2 * math.pi * torch.arange(400, dtype=torch.float64) / 400
    total = p.log_prob(z).exp().sum() * 2 * math.pi / 400
    assert float(total) == pytest.approx(1, abs=1e-13)
    assert torch.allclose(
        p.log_prob(z), torch.distributions.VonMises(p.loc, p.concentration).log_prob(z), atol=1e-6
    )


def test_the_path_of_a_mixture_keeps_the_cumulative_probability() -> None:
    theta = double(-0.9, 1.2, 0.6, 0.4, 0.3, -0.5).requires_grad_()

    def law(values: Tensor) -> NormalMixture:
        return NormalMixture(values[:2], values[2:4], logits=values[4:])

    def cumulative(z: Tensor, values: Tensor) -> Tensor:
        weights = values[4:].softmax(0)
        return (weights * 0.5 * (1 + torch.erf((z - values[:2]) / values[2:4] / math.sqrt(2)))).sum()

    torch.manual_seed(0)
    z = law(theta).rsample()
    (path,) = torch.autograd.grad(z, theta)
    step = 1e-5 * path.norm()
    moved = theta.detach() + step * torch.eye(6, dtype=torch.float64)
    before = cumulative(z.detach(), theta.detach())
    for direction, slope in zip(moved, path, strict=True):
        drift = cumulative(z.detach() + step * slope, direction) - before
        assert abs(float(drift)) < 1e-3 * float(step)


def test_the_triangle_of_a_multivariate_normal() -> None:
    p = MultivariateNormal(double(0.1, 0.2, 0.3), double(1, 2, 3, 4, 5, 6))
    assert torch.equal(p.scale_tril, torch.tensor([[1.0, 0, 0], [2, 3, 0], [4, 5, 6]]).double())


def problem(cost: Any, parameters: list[str], **distribution: Any) -> Any:
    options = expectation(cost, parameters, **distribution)
    return build("problems", options.pop("name"), options)


def test_a_matrix_may_be_given_whole_or_up_to_the_diagonal() -> None:
    whole, half = (
        problem("sum(z)", ["scale_tril"], multivariate_normal={"loc": [0.1, 0.2], "scale_tril": rows})
        for rows in ([[0.7, 0.0], [0.2, 0.9]], [[0.7], [0.2, 0.9]])
    )
    assert whole.theta.tolist() == half.theta.tolist() == [0.7, 0.2, 0.9]


def of_a_matrix(name: str, rows: list[list[float]], parameters: list[str]) -> Any:
    return problem("sum(exp(z))", parameters, multivariate_normal={"loc": [0.1, 0.2], name: rows})


@pytest.mark.parametrize("name", ["covariance_matrix", "precision_matrix"])
def test_a_normal_law_may_be_given_by_its_covariance_or_its_inverse(name: str) -> None:
    L = double([0.7, 0.0], [0.2, 0.9])
    matrix = L @ L.T if name == "covariance_matrix" else (L @ L.T).inverse()
    whole, by_factor = (
        of_a_matrix(name, matrix.tolist(), ["loc"]),
        of_a_matrix("scale_tril", L.tolist(), ["loc"]),
    )
    half = of_a_matrix(name, [[matrix[0, 0].item()], matrix[1].tolist()], ["loc"])
    for given in (whole, half):
        torch.testing.assert_close(exact(given), exact(by_factor))
    # Of the whole matrix as θ: E exp z_d = exp(μ_d + Σ_dd / 2), whatever the covariance is given by.
    moved = of_a_matrix(name, matrix.tolist(), [name])
    lower = moved.theta.clone().requires_grad_()
    full = torch.stack([torch.stack([lower[0], lower[1]]), torch.stack([lower[1], lower[2]])])
    variances = (full if name == "covariance_matrix" else full.inverse()).diagonal()
    (slope,) = torch.autograd.grad((double(0.1, 0.2) + variances / 2).exp().sum(), lower)
    torch.testing.assert_close(exact(moved), slope)


def exact(given: Any) -> Tensor:
    """The gradient of the problem's own expectation."""
    theta = given.theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(given.expectation(theta[None]).sum(), theta)
    return gradient


@pytest.mark.parametrize(
    ("parameters", "distribution", "reason"),
    [
        (
            ["loc"],
            {"multivariate_normal": {"loc": [0.1, 0.2], "covariance_matrix": [[1.0, 0.5], [0.4, 1.0]]}},
            "symmetric and positive definite",
        ),
        (
            ["loc"],
            {"multivariate_normal": {"loc": [0.1, 0.2], "precision_matrix": [[1.0], [2.0, 1.0]]}},
            "symmetric and positive definite",
        ),
        (
            ["loc"],
            {
                "multivariate_normal": {
                    "loc": [0.1, 0.2],
                    "precision_matrix": [[1.0], [0.0, 1.0]],
                    "scale_tril": [[1.0], [0.0, 1.0]],
                }
            },
            "takes only one",
        ),
        (["total_count"], {"binomial": {"total_count": 3, "probs": 0.2}}, "whole number"),
        (["probs"], {"binomial": {"total_count": 2.5, "probs": 0.2}}, "whole number"),
        (["loc"], {"normal": {"loc": [[0.1]], "scale": 0.3}}, "no matrix"),
        (["concentration"], {"dirichlet": {"concentration": 0.4}}, "list of numbers"),
        (["concentration"], {"dirichlet": {"concentration": [0.4, -1]}}, "must be positive"),
        (["loc"], {"multivariate_normal": {"loc": [0.1, 0.2], "scale_tril": [0.3, 0.4]}}, "list of rows"),
        (["loc"], {"multivariate_normal": {"loc": [0.1, 0.2], "scale_tril": [[0.3], [0.4]]}}, "2 rows"),
        (["loc"], {"multivariate_normal": {"loc": [0.1, 0.2], "scale_tril": [[0.3], [0.4, -1]]}}, "diagonal"),
        (["loc"], {"normal_mixture": {"loc": [0.1, 0.2], "scale": [0.3], "probs": [0.4, 0.6]}}, "different"),
    ],
)
def test_what_does_not_fit_is_refused(parameters: list[str], distribution: Any, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        problem("sum(z)", parameters, **distribution)


def test_heavy_tails() -> None:
    # Cauchy: E cos z = e^{−σ} cos μ. Its mean does not exist, which is no obstacle.
    law = {"df": 1.0, "loc": 0.4, "scale": 0.7}
    cauchy = problem("1 / (1 + z**2)", ["loc"], student_t=law)
    # E 1/(1 + z²) = (1 + σ)/((1 + σ)² + μ²): the densities of two Cauchy laws, convolved, times π.
    value = float(cauchy.expectation(cauchy.theta[None]))
    assert value == pytest.approx(1.7 / (1.7**2 + 0.4**2), rel=1e-10)


def test_samples_have_their_mean() -> None:
    torch.manual_seed(0)
    z = VonMises(double(0.6), double(1.8)).rsample((200_000,))
    ratio = special.i1e(1.8) / special.i0e(1.8)
    assert abs(float(z.cos().mean()) - ratio * math.cos(0.6)) < 5 / 200_000**0.5
    assert set(FAMILIES) >= {"student_t", "von_mises", "dirichlet", "binomial"}
