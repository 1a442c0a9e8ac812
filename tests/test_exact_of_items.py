"""Moments of an estimate that is a mean over items, from those of each: as of all items together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.known_moments import KnownMoments
from bench.engine.streams import Address
from bench.estimator import Estimator
from bench.exact import SingleDraws
from bench.exact_items import item_draws, moments_of_items
from bench.problem import NotApplicable
from bench.statistics.evidence import blocks_reported
from tests.cases import estimates_of, estimator_of, fitted_to, problem_of
from tests.discrete_items import Bits


def draws_of(problem: Bits) -> list[SingleDraws]:
    return item_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))


def together(estimator: Estimator, draws: list[SingleDraws]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, variance and skewness over all pairs of values of the two items, `[P]` each."""
    first, second = ([*each._weighed(estimator, 1)] for each in draws)
    (w, g), (v, h) = (tuple(torch.cat(part) for part in zip(*each, strict=True)) for each in (first, second))
    weights = (w[:, None] * v).flatten()
    values = ((g[:, None] + h) / 2).flatten(0, 1)  # [S·S, P]
    mean = weights @ values
    centered = values - mean
    variance = weights @ centered**2
    return mean, variance, weights @ centered**3 / variance**1.5


@pytest.mark.parametrize("name", ["reinforce", "local_expectation", "straight_through", "muprop"])
def test_moments_of_items_are_those_of_all_their_values(name: str) -> None:
    problem, estimator = Bits(), estimator_of(name)
    draws = draws_of(problem)
    found = moments_of_items(estimator, 1, draws)
    for value, wanted in zip(
        (found.mean, found.variance, found.skewness), together(estimator, draws), strict=True
    ):
        assert torch.allclose(value, wanted, rtol=1e-9, atol=1e-12)
    assert float(found.skewness.abs().max()) > 0.05


def test_the_measured_variance_is_that_of_the_items() -> None:
    problem = Bits()
    estimates = estimates_of(estimator_of("leave_one_out"), problem, 3, 40_000)
    found = moments_of_items(estimator_of("leave_one_out"), 3, draws_of(problem))
    square = (estimates - estimates.mean(0)).square()
    error = square.std(0) / len(square) ** 0.5
    # Four numbers at 4.5 standard errors: a false alarm has probability 3e-5.
    assert ((square.mean(0) - found.variance).abs() / error).max() < 4.5
    assert ((square.mean(0) - 1.1 * found.variance).abs() / error).max() > 4.5


def test_what_was_learned_of_all_items_is_not_told_of_one() -> None:
    problem, estimator = Bits(), build("estimators", "reinforce", {"baseline": "moving_average"})
    known = KnownMoments(problem, lambda N, role: Address(0, "items", N, role))
    fitted = fitted_to(estimator, problem, 2)
    assert known.of(estimator, fitted, 2) == (None, "")
    plain = estimator_of("reinforce")
    moments, fault = known.of(plain, plain, 2)
    assert moments is not None
    assert fault == ""


def test_a_problem_whose_items_are_not_told_apart_has_none() -> None:
    vae = problem_of("vae-sampled")
    with pytest.raises(NotApplicable, match="neither enumerated"):
        item_draws(vae, {})
    with pytest.raises(NotApplicable, match="no items"):
        item_draws(problem_of("bernoullis"), {})
