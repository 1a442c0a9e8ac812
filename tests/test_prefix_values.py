"""Values of prefixes: against means over answers in plain loops."""

from __future__ import annotations

from typing import Any

import pytest

from bench.policies.prefix_values import prefix_values
from tests.policies import policy


@pytest.fixture(scope="module")
def problem() -> Any:
    """Four tokens of three kinds, each of which depends on those before it."""
    return policy(
        "sequence_policy",
        length=4,
        reward="z[0] + 2 * z[1] * z[2] - z[3]",
        logits={"tokens": 3, "scale": 0.7, "seed": 2},
        sharing="prefixes",
    )


def test_a_value_is_the_mean_return_of_the_answers_that_go_on(problem: Any) -> None:
    theta = problem.theta[None]
    x, mass, _ = problem.points()  # [S, 1, T], [S]
    returns = problem.cost(x, theta)[:, 0]
    found = prefix_values(problem, theta, "value").at(x[:, 0])  # [S, T]
    for t in range(x.shape[-1]):
        for s in range(len(x)):
            alike = (x[:, 0, :t] == x[s, 0, :t]).all(-1)
            wanted = float((mass * returns)[alike].sum() / mass[alike].sum())
            assert float(found[s, t]) == pytest.approx(wanted, abs=1e-12)


def test_prefixes_of_equal_length_have_codes_of_their_own(problem: Any) -> None:
    values = prefix_values(problem, problem.theta[None], "value")
    assert [len(codes) for codes in values.codes] == [1, 3, 9, 27]
