"""Answers of tokens: their probabilities, draws and masks, and what problems of them refuse."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Size, Tensor

from bench.distributions.tokens import Tokens
from bench.engine.streams import Address, stream
from bench.errors import Invalid
from bench.policy import PolicyProblem
from bench.problem import NotApplicable
from tests.cases import POLICIES, problem_of
from tests.policies import gradient, policy


@pytest.mark.parametrize("place", POLICIES)
def test_probabilities_of_all_answers_add_up_to_one(place: str) -> None:
    problem = problem_of(place)
    assert isinstance(problem, PolicyProblem)
    p = problem.distribution(problem.theta[None])
    x = p.states(1000)
    every = x.view(len(x), *[1] * len(p.batch_shape), -1).expand(-1, *p.batch_shape, -1)
    mass = p.log_prob(every).exp().sum(0)
    assert torch.allclose(mass, torch.ones_like(mass), atol=1e-12)
    assert len(torch.unique(x, dim=0)) == len(x)
    assert torch.allclose(p.token_log_probs(every).sum(-1), p.log_prob(every))
    assert bool((p.token_log_probs(every)[p.mask(every) == 0] == 0).all())


# Each of 12 answers is expected in 40 draws at least. A false alarm has probability 1e-4.
def test_draws_have_these_probabilities() -> None:
    p = Tokens(2, _table(torch.tensor([[0.3, -0.4, 0.2], [0.5, 0.1, -0.6]])), _until_two, Size([4]), _LIKE)
    with stream(Address(0, "test", 1000, "tokens"), torch.device("cpu")) as draws:
        draws.begin(0, 4)
        x = p.sample((5000,)).flatten(0, 1)
    states = p.states(100)
    counts = torch.stack([(x == state).all(-1).sum() for state in states])
    assert int(counts.sum()) == len(x) == 20_000
    mass = p.log_prob(states[:, None].expand(-1, 4, -1)).exp()[:, 0]
    assert stats.chisquare(counts.numpy(), (mass * len(x)).numpy()).pvalue > 1e-4
    wrong = torch.roll(mass, 1)  # the control
    assert stats.chisquare(counts.numpy(), (wrong * len(x)).numpy()).pvalue < 1e-10


_LIKE = torch.zeros((), dtype=torch.float64)


def _table(logits: Tensor) -> Any:
    log_probs = logits.double().log_softmax(-1)
    return lambda t, _: log_probs[t].expand(1, 4, -1)


def _until_two(t: int, before: Tensor) -> Tensor:
    return (before != 2).all(-1)


def test_entropies_are_those_of_the_table() -> None:
    p = Tokens(2, _table(torch.tensor([[0.3, -0.4, 0.2], [0.5, 0.1, -0.6]])), _until_two, Size([4]), _LIKE)
    x = torch.tensor([[0.0, 1.0], [2.0, 0.0]]).double()[:, None].expand(-1, 4, -1)
    found = p.entropies(x)
    for t, row in enumerate(torch.tensor([[0.3, -0.4, 0.2], [0.5, 0.1, -0.6]]).double()):
        entropy = torch.distributions.Categorical(logits=row).entropy()
        assert torch.allclose(found[0, :, t], entropy.expand(4))
    assert found[1, :, 1].tolist() == [0.0] * 4


def test_answers_that_are_too_many_are_not_enumerated() -> None:
    p = policy("sequence_policy", length=6, reward="z[0]", logits={"tokens": 8}, sharing="all")
    assert isinstance(p, PolicyProblem)
    with pytest.raises(NotApplicable, match="at most 65536 are enumerated"):
        p.expectation(p.theta[None])


def test_each_prefix_has_the_row_that_is_written() -> None:
    # The value of each answer by the rows of the table, taken by hand.
    logits = [[0.1, 0.5], [1.0, -0.3], [0.2, 0.7]]
    problem = policy(
        "sequence_policy", length=2, reward="T[z[0], z[1]]", let={"T": [[1, 3], [-2, 0.5]]},
        logits=logits, sharing="prefixes",
    )  # fmt: skip
    rows = torch.tensor(logits, dtype=torch.float64).softmax(-1)
    T = torch.tensor([[1, 3], [-2, 0.5]], dtype=torch.float64)
    by_hand = sum(rows[0, i] * rows[1 + i, j] * T[i, j] for i, j in itertools.product(range(2), range(2)))
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(float(by_hand), abs=1e-14)


def test_a_discount_counts_tokens() -> None:
    options = {key: value for key, value in POLICIES["answers"].items() if key != "name"}
    problem = policy("sequence_policy", **options, discount=0.5)
    # P = (.4013 stop, .2548 a, .3439 b): the reward of a comes with the second token.
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(
        0.40131234 * 0.2 + 0.25477601 * 0.5, abs=1e-8
    )


def test_the_gradient_of_a_bandit_is_pq() -> None:
    found = gradient(policy("group_bandit", success=[0.1, 0.35]))
    assert found.tolist() == pytest.approx([0.1 * 0.9 / 2, 0.35 * 0.65 / 2], abs=1e-14)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("group_bandit", {"logits": 0.1, "success": 0.5}, "wanted either logits or success"),
        ("group_bandit", {"success": 1.0}, "between 0 and 1"),
        ("group_bandit", {"success": 0.3, "rewards": [1.0, 2.0, 3.0]}, "wanted 2 numbers"),
        ("group_bandit", {"logits": [[0.3], [0.1]]}, "at least two kinds"),
        ("group_bandit", {"success": 0.3, "behavior": [0.1, 0.2]}, "in the form of"),
        ("kl_regularized", {"probs": [0.5, 0.5], "reference": [0.3, 0.3, 0.4]}, "wanted 2 numbers"),
        ("kl_regularized", {"probs": [0.5, 0.0], "reference": [0.3, 0.7]}, "must be positive"),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "logits": [0.0, 1.0], "log_odds": [1.0]},
            "wanted either logits or log_odds",
        ),
        ("sequence_policy", {"length": 0, "reward": "1", "logits": [0.0, 1.0]}, "length must be at least 1"),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "logits": [[0.0, 1.0]] * 3},
            "there are 2 rows, got 3",
        ),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[2]", "log_odds": [0.1, 0.2]},
            "wanted 0 to 1",
        ),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "log_odds": [0.1, 0.2], "end": 2},
            "end must be one of 2 tokens",
        ),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "log_odds": [0.1, 0.2], "kl_weight": 1.0},
            "needs a reference policy",
        ),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "log_odds": [0.1, 0.2], "discount": 1.5},
            "discount must be in [0, 1]",
        ),
        (
            "sequence_policy",
            {"length": 2, "reward": "z[0]", "log_odds": [0.1, 0.2], "behavior": [0.1]},
            "there are 2 rows, got 1",
        ),
    ],
)
def test_what_is_no_policy_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as raised:
        policy(name, **options)
    assert said in str(raised.value)
