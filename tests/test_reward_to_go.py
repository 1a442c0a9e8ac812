"""Credit of steps: means and variances by enumeration, biases in closed form, and what is refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.engine.counting import Counts, counted
from bench.engine.streams import Address, stream
from bench.errors import Invalid
from bench.problem import NotApplicable
from bench.statistics.known import ExactMoments
from estimators.reward_to_go import RewardToGo
from estimators.step_credits import Gae, Value
from tests.cases import estimates_of
from tests.decision_processes import Tables, drawn, score, two_states, value
from tests.policies import exact, gradient, policy
from tests.test_unbiasedness import z_scores

CPU = torch.device("cpu")
# Three gradients of six coordinates and their variances are compared with 20 000 estimates: |z| > 5.5 has
# probability 4e-8 for a normal number, and the file raises a false alarm with probability below 1e-5.
Z_LIMIT = 5.5


def options_of(
    credit: str | float = "reward_to_go", scale: float | None = None, step_discount: bool = True
) -> dict[str, Any]:
    """Options of the estimator; a number for the credit is the λ of `gae`."""
    named = credit if isinstance(credit, str) else {"gae": {"trace_decay": credit}}
    critic = "none" if scale is None else {"value": {"scale": scale}}
    return {"credit": named, "baseline": critic, "step_discount": step_discount}


def made(*given: Any, **named: Any) -> Any:
    return build("estimators", "reward_to_go", options_of(*given, **named))


def moments(problem: Any, *given: Any, N: int = 1, **named: Any) -> ExactMoments:
    return exact(problem, N, "reward_to_go", **options_of(*given, **named))


def noise_of(problem: Any, *given: Any, **named: Any) -> float:
    """The trace of the covariance of an estimate from one sample."""
    return float(moments(problem, *given, **named).variance.sum())


PROBLEMS = {
    "random start": drawn(0).problem(),
    "one start": drawn(1, several=False).problem(),
    "gridworld": policy("gridworld", size=2, horizon=3, hidden=3, slip=0.3),
}
each_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)

UNBIASED = [
    ("total",),
    ("total", 1.0),
    ("total", 0.5),
    ("reward_to_go",),
    ("reward_to_go", 1.0),
    ("reward_to_go", 0.5),
    *[(decay, 1.0) for decay in (0.0, 0.5, 1.0)],
    (1.0, 0.5),
    (1.0, -2.0),
]
BIASED = [(0.0, 0.5), (0.5, 0.5), (0.95, 0.9), ("reward_to_go", None, False), (0.5, 1.0, False)]


# --- means ----------------------------------------------------------------------------------------


@each_problem
@pytest.mark.parametrize("options", UNBIASED, ids=str)
def test_the_mean_is_the_gradient(problem: Any, options: tuple[Any, ...]) -> None:
    estimator = made(*options)
    assert estimator.bias == estimator.claim(problem) == "unbiased"
    torch.testing.assert_close(moments(problem, *options).mean, gradient(problem), rtol=1e-9, atol=1e-12)


@each_problem
@pytest.mark.parametrize("options", BIASED, ids=str)
def test_the_mean_is_another(problem: Any, options: tuple[Any, ...]) -> None:
    # The control of the test above, and of what is claimed.
    estimator, truth = made(*options), gradient(problem)
    assert estimator.bias == estimator.claim(problem) == "biased"
    away = float((moments(problem, *options).mean - truth).norm() / truth.norm())
    assert away > 1e-3


# In the example of `two_states` action a leads to state a, r(0, 1) = 1 and r(1, 1) = 2, and there are two
# steps from state 0, so that V₁(0) = p₀ and V₁(1) = 2 p₁. In the logits of action 1 of the two states the
# terms of the first step are p₀(1 − p₀)(1 + γ(V₁(1) − V₁(0))) and 0, those of the second, without γ, these:
P0, P1, GAMMA = 1 / (1 + math.exp(-0.4)), 1 / (1 + math.exp(0.3)), 0.8
OF_SECOND_STEP = ((1 - P0) * P0 * (1 - P0), 2 * P0 * P1 * (1 - P1))
SLOPE = P0 * (1 - P0)


def bias_of(*given: Any, **named: Any) -> list[float]:
    """The bias in the logits of action 1 of both states; that of action 0 is its negative."""
    problem = two_states(GAMMA)
    found = (moments(problem, *given, **named).mean - gradient(problem)).tolist()
    assert found[::2] == pytest.approx([-found[1], -found[3]], abs=1e-12)
    return found[1::2]


@pytest.mark.parametrize("scale", [None, 1.0, 0.5])
def test_without_the_discount_of_steps_later_ones_count_too_much(scale: float | None) -> None:
    wanted = [(1 - GAMMA) * term for term in OF_SECOND_STEP]
    assert bias_of("reward_to_go", scale, step_discount=False) == pytest.approx(wanted, rel=1e-12)
    assert min(wanted) > 0.01
    assert bias_of("reward_to_go", scale) == pytest.approx([0, 0], abs=1e-12)


def test_without_a_discount_there_is_nothing_to_leave_out() -> None:
    problem = two_states(1.0)
    first, second = (moments(problem, step_discount=kept) for kept in (True, False))
    assert torch.equal(first.mean, second.mean)
    assert made(step_discount=False).bias == "biased"
    assert made(step_discount=False).claim(problem) == "unbiased"
    assert made(0.5, 0.5, False).claim(problem) == "biased"
    assert made(step_discount=False).claim(two_states(0.995)) == "biased"
    assert made(step_discount=False).claim(drawn(3, horizon=1).problem()) == "unbiased"


@pytest.mark.parametrize("scale", [0.9, 1.1, 2.0])
def test_only_the_exact_critic_does_no_harm_to_generalized_advantages(scale: float) -> None:
    assert made("gae", scale).bias == "biased"
    assert made("gae", 1.0).bias == "unbiased"


def test_without_a_discount_means_are_the_gradient() -> None:
    problem = two_states(1.0)
    second = moments(problem, step_discount=False)
    torch.testing.assert_close(second.mean, gradient(problem), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_a_wrong_critic_bends_the_mean_as_far_as_the_trace_lets_it(decay: float, scale: float) -> None:
    # A₀ = r₀ + γ c V₁(s₁) − c V₀ + γλ(r₁ − c V₁(s₁)), of which the mean given s₁ has γ(c + λ(1 − c)) V₁(s₁)
    # where γ V₁(s₁) is right: in excess by γ(c − 1)(1 − λ) V₁(s₁). After the last step no value comes.
    excess = GAMMA * (scale - 1) * (1 - decay) * (2 * P1 - P0)
    assert bias_of(decay, scale) == pytest.approx([SLOPE * excess, 0], rel=1e-12, abs=1e-12)


def test_a_discount_of_nothing_leaves_the_first_reward() -> None:
    problem = two_states(0.0)
    wanted = [-SLOPE, SLOPE, 0, 0]
    for options in UNBIASED:
        assert moments(problem, *options).mean.tolist() == pytest.approx(wanted, abs=1e-12), options


# --- variances ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["random start", "one start"])
def test_each_step_takes_noise_away(name: str) -> None:
    problem = PROBLEMS[name]
    total, to_go, valued = (
        noise_of(problem, *given) for given in (("total",), ("reward_to_go",), ("reward_to_go", 1.0))
    )
    shorter = noise_of(problem, 0.5, 1.0)
    assert total > 1.2 * to_go
    assert to_go > 1.2 * valued
    assert valued > 1.2 * shorter
    # A critic of half the size takes some away, and one of the wrong sign adds to it.
    assert valued < noise_of(problem, "reward_to_go", 0.5) < to_go < noise_of(problem, "reward_to_go", -1.0)


def test_a_variance_in_closed_form() -> None:
    # One step, rewards 0 and 1 of the two actions, p = p₀, q = 1 − p. In the logit of action 1 the score is
    # q with probability p and −p otherwise, so that G s is q with probability p and 0 otherwise.
    tables = Tables(
        np.array([[[1.0], [1.0]]]), np.array([[0.0, 1.0]]), np.ones(1), 1, 1.0, np.array([[0, 0.4]])
    )
    problem, p, q = tables.problem(), P0, 1 - P0
    plain = p * q**2 - (p * q) ** 2
    # (G − p) s is q · q with probability p, and (−p)(−p) = p² otherwise.
    valued = p * q**4 + q * p**4 - (p * q) ** 2
    assert noise_of(problem) == pytest.approx(2 * plain, rel=1e-12)
    assert noise_of(problem, "reward_to_go", 1.0) == pytest.approx(2 * valued, rel=1e-12)


def test_variances_of_answers_that_are_known() -> None:
    # Answers of one token or two as a process: stop for .2, or go on, then 0 or 1. In the log odds of going
    # on, .4, and of the 1, −.3, other sums over the three answers give these traces of the covariance.
    end = [0, 0, 1]
    problem = policy(
        "mdp",
        transitions=[[end, [0, 1, 0]], [end, end], [end, end]],
        rewards=[[0.2, 0], [0, 1], [0, 0]],
        horizon=2,
        logits=[[0, 0.4], [0, -0.3], [0, 0]],
    )
    for scale, wanted in ((None, 0.10650141), (1.0, 0.04164891)):
        variance = moments(problem, "reward_to_go", scale).variance
        assert float(variance[1] + variance[3]) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("options", [("reward_to_go",), ("reward_to_go", 1.0), (0.5, 0.5)], ids=str)
def test_an_estimate_is_a_mean_of_independent_ones(options: tuple[Any, ...]) -> None:
    problem = PROBLEMS["random start"]
    one, seven = (moments(problem, *options, N=N) for N in (1, 7))
    torch.testing.assert_close(seven.variance, one.variance / 7, rtol=1e-12, atol=0)
    estimates = estimates_of(made(*options), problem, 7, 20_000)
    squares = (estimates - seven.mean).square()
    assert z_scores(estimates, seven.mean).abs().max() < Z_LIMIT
    assert z_scores(squares, seven.variance).abs().max() < Z_LIMIT
    # The control: as if there were one sample.
    assert z_scores(squares, one.variance).abs().max() > 2 * Z_LIMIT


# --- formulas on the same samples -----------------------------------------------------------------


def drawn_with(estimator: Any, problem: Any, rows: int, sample_size: int) -> Tensor:
    theta = problem.theta.expand(rows, -1).requires_grad_()
    with stream(Address(0, "test", sample_size, "estimates"), CPU) as draws:
        draws.begin(0, rows)
        found: Tensor = estimator.gradient(problem, theta, sample_size)
    return found


def samples_of(problem: Any, rows: int, sample_size: int) -> Tensor:
    with stream(Address(0, "test", sample_size, "estimates"), CPU) as draws:
        draws.begin(0, rows)
        found: Tensor = problem.distribution(problem.theta.expand(rows, -1)).sample((sample_size,))
    return found


def advantage(tables: Tables, states: list[int], actions: list[int], t: int, decay: float, c: float) -> float:
    """The sum of (γλ)^l δ_{t+l} as it is written, with c V for the critic."""
    total, T, g = 0.0, tables.horizon, tables.discount
    for k in range(t, T):
        after = value(tables, k + 1, states[k + 1]) if k + 1 < T else 0.0
        error = tables.rewards[states[k], actions[k]] + g * c * after - c * value(tables, k, states[k])
        total += (g * decay) ** (k - t) * error
    return total


@pytest.mark.parametrize(("decay", "scale"), [(0.0, 1.0), (0.5, 1.0), (0.9, 0.6), (1.0, 1.0)])
@pytest.mark.parametrize("step_discount", [True, False])
@pytest.mark.parametrize("several", [True, False], ids=["random start", "one start"])
def test_advantages_are_sums_of_errors(
    decay: float, scale: float, step_discount: bool, several: bool
) -> None:
    tables = drawn(7, several=several)
    problem = tables.problem()
    found = drawn_with(made(decay, scale, step_discount), problem, 5, 4)
    for row, x in zip(found, samples_of(problem, 5, 4).transpose(0, 1).long().tolist(), strict=True):
        wanted = np.zeros_like(tables.logits)
        for tokens in x:
            path = tokens if several else [2, *tokens]
            states, actions = path[::2], path[1::2]
            for t in range(tables.horizon):
                credit = advantage(tables, states, actions, t, decay, scale)
                factor = tables.discount**t if step_discount else 1.0
                wanted += factor * credit * score(tables, states[t], actions[t]) / 4
        torch.testing.assert_close(row, torch.tensor(wanted).flatten(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", [None, 0.7])
def test_the_total_less_what_a_critic_says_of_the_step(scale: float | None) -> None:
    tables = drawn(7, several=False)
    found = drawn_with(made("total", scale), tables.problem(), 5, 1)
    for row, tokens in zip(found, samples_of(tables.problem(), 5, 1)[0].long().tolist(), strict=True):
        pairs = list(zip([2, *tokens][::2], tokens[::2], strict=True))
        total = sum(0.8**t * tables.rewards[pair] for t, pair in enumerate(pairs))
        wanted = np.zeros_like(tables.logits)
        for t, (state, action) in enumerate(pairs):
            said = 0.8**t * (scale or 0.0) * value(tables, t, state)
            wanted += (total - said) * score(tables, state, action)
        torch.testing.assert_close(row, torch.tensor(wanted).flatten(), rtol=1e-10, atol=1e-12)


@each_problem
def test_with_a_trace_of_one_it_is_the_reward_to_go_less_the_value(problem: Any) -> None:
    first, second = (drawn_with(made(*each), problem, 6, 3) for each in ((1.0, 0.7), ("reward_to_go", 0.7)))
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)


@each_problem
def test_the_total_is_that_of_reinforce(problem: Any) -> None:
    first = drawn_with(made("total"), problem, 6, 3)
    second = drawn_with(build("estimators", "reinforce", {}), problem, 6, 3)
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)


# --- answers of several tokens --------------------------------------------------------------------

ANSWERS = {"length": 3, "reward": "z[0] + 2*z[1]*z[2] + 0.2", "log_odds": [0.4, -0.3, 0.7], "end": 0}


@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_before_the_end_an_answer_has_no_reward_to_leave_out(discount: float) -> None:
    problem = policy("sequence_policy", **ANSWERS, discount=discount)
    first, second = (drawn_with(made(credit), problem, 6, 3) for credit in ("reward_to_go", "total"))
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)
    found = moments(problem)
    torch.testing.assert_close(found.mean, gradient(problem), rtol=1e-9, atol=1e-12)
    undiscounted = moments(problem, step_discount=False).mean
    assert ((undiscounted - gradient(problem)).norm() > 1e-3) == (discount < 1)


# --- claims, counts and what does not fit ---------------------------------------------------------


def test_the_rewards_of_each_answer_are_evaluated_once() -> None:
    problem, counts = PROBLEMS["random start"], Counts()
    estimator = made("reward_to_go", 1.0)
    drawn_with(estimator, counted(problem, counts), 5, 3)
    assert counts.evaluations == 5 * estimator.evaluations(problem, 3) == 15


UNIFORM = {"name": "mdp", **{key: each for key, each in drawn(8).options.items() if key != "logits"}}


@dataclass(frozen=True)
class Boastful(RewardToGo):
    """One that claims to be unbiased with any critic and without the discount of steps."""

    bias = "unbiased"


@pytest.mark.parametrize("options", [("reward_to_go",), (0.5, 1.0), ("total", 0.5), (0.5, 0.5)], ids=str)
def test_it_is_certified_where_all_logits_are_zero(options: tuple[Any, ...]) -> None:
    # Of changed rewards the values are changed too: else the exact critic would be a wrong one.
    assert bench.certify(made(*options), {"uniform": UNIFORM}, replicates=4000).passed


@pytest.mark.parametrize(
    "options", [{"step_discount": False}, {"credit": Gae(0.0), "baseline": Value(0.5)}], ids=str
)
def test_who_claims_too_much_is_not(options: dict[str, Any]) -> None:
    assert not bench.certify(Boastful(**options), {"uniform": UNIFORM}, replicates=4000).passed


def test_the_other_name() -> None:
    assert build("estimators", "causal_reinforce", {}) == made()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"credit": "gae"}, "baseline must be value"),
        ({"credit": "total", "step_discount": False}, "step_discount cannot be left out"),
        ({"credit": {"gae": {"trace_decay": 1.1}}, "baseline": "value"}, r"trace_decay must be in \[0, 1\]"),
        ({"baseline": {"value": {"scale": math.nan}}}, "scale must be finite"),
        ({"baseline": "mean"}, "unknown critic 'mean'"),
        ({"credit": "to_go"}, "unknown credit 'to_go'"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        build("estimators", "reward_to_go", options)


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (("group_bandit", {"logits": 0.3, "behavior": -0.2}), {}, "from another policy"),
        (("kl_regularized", {"probs": [0.6, 0.4], "reference": [0.5, 0.5]}), {}, "divergence"),
        (("sequence_policy", ANSWERS), {"baseline": "value"}, "values of its states"),
        (("qubit", {"angles": [0.6], "fields": [0.3]}), {}, "no problem of a policy"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_what_does_not_fit(problem: tuple[str, Any], options: dict[str, Any], message: str) -> None:
    found = policy(problem[0], **problem[1])
    with pytest.raises(NotApplicable, match=message):
        drawn_with(build("estimators", "reward_to_go", options), found, 3, 2)
