"""Antithetic pairs and linear control variates have the variances known in closed form."""

from __future__ import annotations

import pytest
import torch

from bench.catalogue import build
from tests.cases import estimates_of, estimator_of, expectation, problem_of
from tests.test_exact_variances import Z_LIMIT, assert_variance, quadratic, variance_z


@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
def test_an_antithetic_pair_on_the_gaussian_quadratic(mean: float, scale: float, target: float) -> None:
    # The two derivatives in loc, 2 (d ± σε), have a mean without noise; those in scale have
    # the mean 2 σ ε², of variance 8 σ².
    estimates = estimates_of(estimator_of("antithetic"), quadratic(mean, scale, target), 2, 40_000)
    assert (estimates[:, 0] - 2 * (mean - target)).abs().max() < 1e-12
    of_scale = estimates[:, 1:]
    assert_variance(of_scale, torch.tensor([8 * scale**2], dtype=torch.float64))
    # Counted as two independent samples it would be called (4 d² + 8 σ²)/2.
    iid = 2 * (mean - target) ** 2 + 4 * scale**2
    assert variance_z(of_scale, torch.tensor([iid], dtype=torch.float64)).abs() > Z_LIMIT


@pytest.mark.parametrize("sample_size", [1, 4])
@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
def test_a_linear_control_variate_of_the_gaussian_quadratic(
    mean: float, scale: float, target: float, sample_size: int
) -> None:
    # The derivative of a quadratic is linear: nothing is left of it. Without the diagonal
    # of the Hessian that in scale keeps 2 σ ε², of variance 8 σ².
    problem = quadratic(mean, scale, target)
    full = estimates_of(estimator_of("linear_control_variate"), problem, sample_size, 1000)
    exact = torch.tensor([2 * (mean - target), 2 * scale], dtype=torch.float64)
    assert (full - exact).abs().max() < 1e-12
    product = estimates_of(estimator_of("linear_control_variate-product"), problem, sample_size, 40_000)
    assert (product[:, 0] - exact[0]).abs().max() < 1e-12
    assert_variance(product[:, 1:], torch.tensor([8 * scale**2 / sample_size], dtype=torch.float64))


def test_a_linear_control_variate_of_a_coupled_quadratic() -> None:
    # Σ_ij a_ij z_i z_j of a vector: the Hessian has entries off its diagonal.
    options = expectation(
        "sum(z)**2 + sum(z**2)", ["loc", "scale"], normal={"loc": [0.3, -0.6], "scale": 0.8}
    )
    options.pop("name")
    problem = build("problems", "expectation", options).to("cpu", torch.float64)
    estimates = estimates_of(estimator_of("linear_control_variate"), problem, 3, 1000)
    # F = (μ₁ + μ₂)² + μ₁² + μ₂² + 4 σ².
    exact = torch.tensor([2 * -0.3 + 0.6, 2 * -0.3 - 1.2, 8 * 0.8], dtype=torch.float64)
    assert (estimates - exact).abs().max() < 1e-12


@pytest.mark.parametrize("name", ["normal", "vae-sampled", "vae-analytic_kl"])
def test_a_linear_control_variate_reduces_the_variance(name: str) -> None:
    problem = problem_of(name)
    plain, product, full = (
        float(
            estimates_of(estimator_of(each), problem, 4, 4000)
            .var(0)[problem.parameters.get("encoder", slice(None))]
            .sum()
        )
        for each in ("reparameterization", "linear_control_variate-product", "linear_control_variate")
    )
    assert full < product < plain
