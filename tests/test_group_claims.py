"""Claims of updates of policies: unbiased where they say so and nowhere else, and what else they ascend."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.errors import Invalid
from bench.policy import PolicyProblem
from bench.problem import NotApplicable
from bench.text.answer import answer
from tests.cases import POLICIES, POLICY_ESTIMATORS, estimator_of, problem_of
from tests.parameters import spread
from tests.policies import exact, gradient, policy


@pytest.mark.parametrize("place", POLICIES)
@pytest.mark.parametrize("name", spread(POLICY_ESTIMATORS, 10))
def test_what_is_claimed_is_so(name: str, place: str) -> None:
    problem, estimator = problem_of(place), estimator_of(name)
    kind, options = POLICY_ESTIMATORS[name]
    try:
        found = exact(problem, max(3, estimator.minimum_sample_size), kind, **options)
    except NotApplicable:
        pytest.skip("it does not apply")
    bias = float((found.mean - gradient(problem)).norm())
    assert estimator.claim(problem) == ("unbiased" if bias < 1e-12 else "biased")
    assert bias < 1e-12 or bias > 1e-4  # nothing between rounding and what can be seen


def of_parts(problem: PolicyProblem, logit: float, G: int) -> dict[str, Tensor]:
    """Gradients in the logit of objectives of the probability p of a right answer."""
    eta = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    p = eta.sigmoid()
    k = torch.arange(1, G, dtype=torch.float64)
    objectives = {
        "shrunk": (G - 1) / G * p,
        "halved": p / 2,
        "truncated logarithm": -((1 - p) ** k / k).sum(),
        "one of two": 1 - (1 - p) ** 2,
        "entropy": p + 0.3 * -(p * p.log() + (1 - p) * (1 - p).log()),
    }
    return {name: torch.autograd.grad(F, eta, retain_graph=True)[0] for name, F in objectives.items()}


@pytest.mark.parametrize(
    ("options", "said", "objective"),
    [
        ({"baseline": "mean"}, "4/5 of F", "shrunk"),
        ({"length": {"constant": {"tokens": 2}}}, "F divided by 2", "halved"),
        ({"baseline": "mean", "scale": "mean"}, "log p cut after 4 terms", "truncated logarithm"),
        ({"objective": {"pass_at_k": {"k": 2}}}, "the probability that one of 2 answers", "one of two"),
        ({"entropy": 0.3}, "F + 0.3 times the entropy of π", "entropy"),
    ],
)
def test_the_objective_that_is_named_has_that_gradient(
    options: dict[str, Any], said: str, objective: str
) -> None:
    problem = policy("group_bandit", logits=-0.6)
    assert isinstance(problem, PolicyProblem)
    mean = exact(problem, 5, **options).mean[0]
    assert build("estimators", "group_policy", options).ascends(problem, 5).startswith(said)
    objectives = of_parts(problem, -0.6, 5)
    assert float(mean) == pytest.approx(float(objectives.pop(objective)), abs=1e-12)
    assert all(abs(float(mean - other)) > 1e-3 for other in objectives.values())


def test_division_by_the_standard_deviation_ascends_an_arcsine() -> None:
    problem = policy("group_bandit", success=0.3)
    options = {"baseline": "mean", "scale": {"std": {"ddof": 0}}}
    assert "2 arcsin √p" in build("estimators", "group_policy", options).ascends(problem, 400)
    means = [float(exact(problem, G, **options).mean[0]) for G in (50, 100, 200)]
    # √(pq) − c/G − d/G²: without the second term, and then without the third.
    first = [2 * b - a for a, b in itertools.pairwise(means)]
    limit = (4 * first[1] - first[0]) / 3
    assert limit == pytest.approx((0.3 * 0.7) ** 0.5, abs=1e-5)
    assert abs(means[0] - (0.3 * 0.7) ** 0.5) > 1e-3


@pytest.mark.parametrize(
    ("name", "problem", "options", "N"),
    [
        # The divergence as a loss is not shrunk with the returns.
        ("kl_regularized", {"rewards": [1.0, 0.0, 0.5]}, {"baseline": "mean", "divergence": "k2"}, 2),
        # Of groups that stay alike other baselines make something.
        ("group_bandit", {}, {"baseline": "none", "filter": "redraw"}, 4),
        ("group_bandit", {"success": 0.02}, {"filter": {"redraw": {"most": 1}}}, 4),
        ("group_bandit", {}, {"baseline": "mean", "scale": {"std": {"epsilon": 1.0}}}, 64),
        ("group_bandit", {}, {"baseline": "mean", "scale": {"mean": {"epsilon": 1.0}}}, 4),
        (
            "kl_regularized",
            {"rewards": [0.0, 1.0, 0.0], "weight": 2.0},
            {"baseline": "mean", "scale": "std", "divergence": "k1"},
            32,
        ),
        (
            "kl_regularized",
            {"rewards": [0.0, 1.0, 0.0], "weight": 2.0},
            {"objective": {"pass_at_k": {"k": 2}}, "divergence": "k2"},
            3,
        ),
        ("group_bandit", {"behavior": 0.4}, {"baseline": "mean", "scale": "std", "ratio": "importance"}, 8),
    ],
)
def test_what_has_no_name_is_given_none(
    name: str, problem: dict[str, Any], options: dict[str, Any], N: int
) -> None:
    found = build("estimators", "group_policy", options)
    assert found.claim(policy(name, **problem)) == "biased"
    assert found.ascends(policy(name, **problem), N) == ""


def test_logits_that_differ_by_a_constant_are_one_policy() -> None:
    problem = policy("group_bandit", logits=[[0.0, 1.0, 0.5]], rewards=[0.0, 1.0, 2.0])
    shifted = policy(
        "group_bandit", logits=[[0.0, 1.0, 0.5]], rewards=[0.0, 1.0, 2.0], behavior=[[1.0, 2.0, 1.5]]
    )
    other = policy(
        "group_bandit", logits=[[0.0, 1.0, 0.5]], rewards=[0.0, 1.0, 2.0], behavior=[[1.0, 2.0, 1.4]]
    )
    plain = build("estimators", "group_policy", {})
    assert [plain.claim(each) for each in (problem, shifted, other)] == ["unbiased", "unbiased", "biased"]


def test_probabilities_that_are_no_numbers_have_no_exact_moments() -> None:
    options = {"log_odds": [0.4, -0.3], "behavior": {"shift": 800.0}}
    with pytest.raises(NotApplicable, match="too small for a number"):
        exact(policy("sequence_policy", **options), 2, ratio="importance")


def test_a_name_is_given_only_where_it_is_known() -> None:
    graded = policy("group_bandit", logits=[[0.3, -0.4, 0.2]], rewards=[0.2, 0.4, 1.3])
    grpo = build("estimators", "group_policy", {"baseline": "mean", "scale": "std"})
    assert grpo.ascends(graded, 4) == ""
    answers = problem_of("answers")
    assert build("estimators", "group_policy", {"length": "own"}).ascends(answers, 4) == ""
    assert build("estimators", "group_policy", {}).ascends(answers, 4) == ""


@pytest.mark.slow
def test_the_report_tells_it_beside_the_bias(tmp_path: Any) -> None:
    scenario = {
        "schema": 1,
        "name": "ascends",
        "version": 1,
        "problem": {"name": "group_bandit", "success": 0.3},
        "estimators": ["maxrl", "group_policy"],
        "sweep": {"sample_sizes": [4]},
        "replicates": 4000,
        "seed": 0,
    }
    run = bench.run(scenario, out=tmp_path, progress=False)
    rows = run.measurements.set_index("estimator")["ascends"]
    assert rows["maxrl"] == "log p cut after 3 terms, −Σ (1 − p)^k / k"
    assert rows["group_policy"] == ""
    assert "it ascends log p cut after 3 terms" in answer(run)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"objective": {"pass_at_k": {"k": 2}}, "baseline": "mean"}, "none or leave_one_out"),
        (
            {"objective": {"pass_at_k": {"k": 2}}, "scale": "std"},
            "whose weights are no deviations from a mean",
        ),
        ({"baseline": "value", "scale": "std"}, "baseline by enumeration"),
        ({"baseline": "none", "scale": "mean"}, "needs the baseline mean or leave_one_out"),
        ({"score_centering": True, "ratio": "clipped"}, "a token's ratio alone"),
        ({"score_centering": True, "ratio": "importance"}, "level must be token"),
        ({"divergence": {"k3": {"place": "reward", "ratio": "live"}}}, "ratio is of a loss"),
        ({"baseline": {"shrinkage": {"weight": 1.5}}}, "weight must be in [0, 1], got 1.5"),
        ({"ratio": {"clipped": {"low": 1.5}}}, "low must be in [0, 1], got 1.5"),
        ({"ratio": {"truncated": {"cap": 0.0}}}, "cap must be positive, got 0.0"),
        ({"objective": {"pass_at_k": {"k": 0}}}, "k must be at least 1, got 0"),
        ({"length": {"constant": {"tokens": 0.0}}}, "tokens must be positive, got 0.0"),
        ({"filter": {"redraw": {"most": 0}}}, "most must be at least 1, got 0"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as raised:
        build("estimators", "group_policy", options)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("name", "options", "N", "said"),
    [
        ("group_bandit", {}, 1, "groups of at least 2"),
        ("group_bandit", {"objective": {"pass_at_k": {"k": 4}}}, 4, "groups of at least 5"),
        ("group_bandit", {"baseline": "shrinkage"}, 2, "at least two prompts"),
        ("group_bandit", {"divergence": "k1"}, 2, "no reference policy"),
    ],
)
def test_what_does_not_fit_is_told(name: str, options: dict[str, Any], N: int, said: str) -> None:
    problem = policy(name, success=0.3)
    with pytest.raises(NotApplicable, match=said):
        exact(problem, N, **options)
    estimator = build("estimators", "group_policy", options)
    with pytest.raises(NotApplicable, match=said):
        estimator.gradient(problem, problem.theta[None].clone().requires_grad_(), N)


def test_no_group_of_equal_returns_makes_a_number_of_rounding() -> None:
    # Of returns .1 the mean is off by rounding, and the standard deviation is not 0 but 1e-17.
    problem = policy("group_bandit", success=0.5, rewards=[0.1, 0.1])
    for options in ({"baseline": "mean", "scale": "std"}, {"baseline": "none", "scale": "batch_std"}):
        found = exact(problem, 3, **options)
        assert float(found.mean.abs().max()) == 0
        assert float(found.variance.max()) == 0
