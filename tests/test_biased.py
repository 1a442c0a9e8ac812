"""Estimators that are biased are off by what their formula says, and not by anything else.

Where F is quadratic in θ they are not: `bench certify` tests that.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.problem import NotApplicable
from tests.cases import estimates_of, expectation, problem_of
from tests.test_unbiasedness import REPLICATES, SAMPLE_SIZE, Z_LIMIT, z_scores


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize(
    ("name", "options", "bias"),
    [
        # F(μ) = μ³ + 3μσ², so that F(μ ± h) = F ± h F′ + 3μ h² ± h³; E e⁴ = 3.
        ("evolution_strategies", {"smoothing": 0.5}, 0.75),
        ("evolution_strategies", {"smoothing": 0.5, "direction": "forward"}, 0.75),
        ("simultaneous_perturbation", {"step": 0.5}, 0.25),
        ("finite_differences", {"step": 0.5}, 0.25),
        ("finite_differences", {"step": 0.5, "direction": "forward"}, 3 * 1.3 * 0.5 + 0.25),
    ],
    ids=["evolution", "evolution-forward", "simultaneous", "central", "forward"],
)
def test_the_bias_for_a_cubic(name: str, options: dict[str, Any], bias: float, common: bool) -> None:
    cubic = expectation("z**3", ["loc"], normal={"loc": 1.3, "scale": 0.8})
    problem = build("problems", cubic.pop("name"), cubic).to("cpu", torch.float64)
    estimator = build("estimators", name, options | {"common": common})
    estimates = estimates_of(estimator, problem, SAMPLE_SIZE, 5 * REPLICATES)
    truth = exact_gradient(problem).gradient
    assert truth is not None
    assert z_scores(estimates, truth + bias).abs().max() < Z_LIMIT
    assert z_scores(estimates, truth).abs().max() > Z_LIMIT


@pytest.mark.parametrize("name", ["evolution_strategies", "simultaneous_perturbation", "finite_differences"])
def test_a_step_out_of_where_the_law_is_defined_does_not_fit(name: str) -> None:
    key = "smoothing" if name == "evolution_strategies" else "step"
    problem = problem_of("bernoullis")
    with pytest.raises(NotApplicable, match="out of the set"):
        estimates_of(build("estimators", name, {key: 2.0}), problem, 1, 100)
    with pytest.raises(Invalid, match=f"{key} must be positive"):
        build("estimators", name, {key: 0.0})
