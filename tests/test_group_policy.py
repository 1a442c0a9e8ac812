"""Updates of policies: exact means and variances of the field's variants, and measured ones beside."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.estimator import Estimator
from bench.exact import single_draws
from bench.policies.answers import Answers
from bench.policy import PolicyProblem
from bench.problem import NotApplicable, Problem
from estimators.group_baselines import PassAtK
from estimators.ratio_rules import SelfNormalized
from tests.cases import POLICIES, POLICY_ESTIMATORS, estimates_of, estimator_of, problem_of
from tests.parameters import spread
from tests.policies import exact, gradient, policy

MEAN = {"baseline": "mean"}
VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"baseline": "none"},
    "dr_grpo": MEAN,
    "rloo": {},
    "grpo-0": {**MEAN, "scale": {"std": {"ddof": 0}}},
    "grpo-1": {**MEAN, "scale": {"std": {"ddof": 1}}},
    "maxrl": {**MEAN, "scale": "mean"},
    "dapo": {"filter": {"redraw": {"most": 3000}}},
}

# Of p and G, mean and variance of each variant in the order above: binomial sums.
BANDITS = {
    (0.3, 4): (
        [0.21, 0.1575, 0.21, 0.34326379, 0.29727516, 0.4599, 0.27932961],
        [0.025725, 0.0088593750, 0.01575, 0.0396699716, 0.0297524787, 0.0908919900, 0.0015839081],
    ),
    (0.3, 8): (
        [0.21, 0.18375, 0.21, 0.41217153, 0.38555117, 0.64235199, 0.22286218],
        [0.0128625, 0.0044214844, 0.005775, 0.0138646266, 0.0121315483, 0.0459859109, 0.0032622158],
    ),
    (0.05, 8): (
        [0.0475, 0.0415625, 0.0475, 0.11747048, 0.10988357, 0.28657957, 0.14112562],
        [0.0053585937, 0.0037438721, 0.0048899554, 0.0277631875, 0.0242927890, 0.1628892195, 0.0013154050],
    ),
    (0.9, 16): (
        [0.09, 0.084375, 0.09, 0.25630311, 0.24816442, 0.1, 0.11047039],
        [0.0000562500, 0.0032233887, 0.0036675, 0.0186837145, 0.0175159823, 0.005625, 0.0022402968],
    ),
}


@pytest.mark.parametrize(("p", "G"), BANDITS)
def test_the_variants_of_groups_have_their_means_and_variances(p: float, G: int) -> None:
    problem = policy("group_bandit", success=p)
    means, variances = BANDITS[p, G]
    for options, mean, variance in zip(VARIANTS.values(), means, variances, strict=True):
        found = exact(problem, G, **options)
        assert float(found.mean[0]) == pytest.approx(mean, abs=6e-9)
        assert float(found.variance[0]) == pytest.approx(variance, abs=6e-11)


def test_leave_one_out_can_be_worse_than_no_baseline() -> None:
    problem = policy("group_bandit", success=0.9)
    none, others = (exact(problem, 16, **VARIANTS[name]).variance[0] for name in ("none", "rloo"))
    assert float(others / none) == pytest.approx(65.2, abs=0.01)
    # The best baseline, q · 1 + p · 0 = .1, is neither.
    best = exact(problem, 16, baseline="optimal").variance[0]
    constant = exact(problem, 16, baseline={"constant": {"value": 0.1}}).variance[0]
    assert float(best) == pytest.approx(float(constant), rel=1e-9, abs=1e-18)
    assert float(best) < float(none)


@pytest.mark.parametrize(
    ("p", "n", "k", "mean", "variance", "of_others"),
    [
        (0.1, 8, 4, 0.26244, 0.09144989, 0.05564928),
        (0.3, 8, 2, 0.294, 0.03588900, 0.00879900),
        (0.3, 4, 2, 0.294, 0.07329, 0.045864),
    ],
)
def test_pass_at_k(p: float, n: int, k: int, mean: float, variance: float, of_others: float) -> None:
    problem = policy("group_bandit", success=p)
    objective = {"pass_at_k": {"k": k}}
    for baseline, value in (("none", variance), ("leave_one_out", of_others)):
        found = exact(problem, n, baseline=baseline, objective=objective)
        assert float(found.mean[0]) == pytest.approx(mean, abs=1e-9)
        assert float(found.variance[0]) == pytest.approx(value, abs=6e-9)


def test_shrinkage_over_prompts_is_unbiased_and_calmer() -> None:
    problem = policy("group_bandit", success=[0.1, 0.3, 0.35, 0.6])
    expected = {
        2: (0.01388711, 0.00547129, 0.00308479),
        4: (0.00357780, 0.00184782, 0.00135685),
        8: (0.00130808, 0.00079211, 0.00063204),
    }
    for G, variances in expected.items():
        for weight, variance in zip((0.0, 0.5, 1.0), variances, strict=True):
            found = exact(problem, G, baseline={"shrinkage": {"weight": weight}})
            assert float(found.variance.sum()) == pytest.approx(variance, abs=6e-9)
            assert torch.allclose(found.mean, gradient(problem), atol=1e-12)


# --- divergences -------------------------------------------------------------------------------------------

TOKEN = {"probs": [0.6, 0.25, 0.15], "reference": [0.3, 0.3, 0.4]}
OLD = [0.5, 0.2, 0.3]
TRUE = (0.28197819, -0.10137627, -0.18060192)
FORWARD = (0.3, -0.05, -0.25)
KL = 0.22318353118571987

DIVERGENCES = [
    # on policy
    (None, "k1", "reward", "none", 0.0, TRUE, 0.12130188),
    (None, "k1", "reward", "none", KL, TRUE, 0.19788583),
    (None, "k2", "reward", "none", 0.0, (0.01187010, -0.05095561, 0.03908550), 0.04402180),
    (None, "k3", "reward", "none", 0.0, (-0.01802181, -0.05137627, 0.06939808), 0.07856395),
    (None, "k2", "loss", "none", 0.0, TRUE, 0.12130188),
    (None, "k3", "loss", "none", 0.0, FORWARD, 0.36828333),
    (None, "k3", "loss", "live", 0.0, TRUE, 0.12130188),
    # tokens from the older policy
    (OLD, "k2", "loss", "none", 0.0, (0.33705729, -0.04042944, -0.29662785), 0.19236377),
    (OLD, "k3", "loss", "none", 0.0, (0.424, 0.0325, -0.4565), 0.60312717),
    (OLD, "k1", "loss", "live", 0.0, TRUE, 0.58076525),
    (OLD, "k2", "loss", "live", 0.0, (0.29384829, -0.15233188, -0.14151642), 0.05365988),
    (OLD, "k2", "loss", "detached", 0.0, TRUE, 0.05477652),
    (OLD, "k3", "loss", "live", 0.0, TRUE, 0.05477652),
    (OLD, "k3", "loss", "detached", 0.0, FORWARD, 0.13945417),
]


@pytest.mark.parametrize(("old", "kind", "place", "ratio", "baseline", "mean", "variance"), DIVERGENCES)
def test_a_divergence_in_the_reward_or_as_a_loss(
    old: list[float] | None,
    kind: str,
    place: str,
    ratio: str,
    baseline: float,
    mean: tuple[float, ...],
    variance: float,
) -> None:
    options = TOKEN if old is None else {**TOKEN, "behavior": old}
    problem = policy("kl_regularized", **options, weight=-1.0)  # the divergence itself is ascended
    assert torch.allclose(gradient(problem), torch.tensor(TRUE).double(), atol=6e-9)
    found = exact(
        problem,
        1,
        baseline={"constant": {"value": baseline}},
        divergence={kind: {"place": place, "ratio": ratio}},
    )
    assert torch.allclose(found.mean, torch.tensor(mean).double(), atol=6e-9)
    assert float(found.variance.sum()) == pytest.approx(variance, abs=6e-9)


def test_k3_in_the_reward_has_two_signs_wrong() -> None:
    problem = policy("kl_regularized", **TOKEN, weight=-1.0)
    found = exact(problem, 1, baseline="none", divergence={"k3": {"place": "reward"}}).mean
    forward = torch.tensor(FORWARD).double()
    assert torch.allclose(found, gradient(problem) - forward, atol=1e-12)
    assert (found.sign() != gradient(problem).sign()).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("ratio", "centered", "mean", "variance"),
    [
        ("none", False, (0.1775, -0.12875, -0.04875), 0.05911250),
        ("importance", False, (0.195, -0.16875, -0.02625), 0.08862330),
        ("truncated", False, (0.16175, -0.1353125, -0.0264375), 0.05651063),
        ("masked", False, (0.01575, 0.0065625, -0.0223125), 0.00184095),
        ({"clipped": {"low": 0.1, "high": 0.1}}, False, (0.10125, -0.1265625, 0.0253125), 0.10764141),
        ({"cispo": {"low": 0.1, "high": 0.1}}, False, (0.18895, -0.14425, -0.0447), 0.06986584),
        ("none", True, (0.175, -0.13, -0.045), 0.06698750),
        ("truncated", True, (0.1615, -0.135625, -0.025875), 0.05807251),
    ],
)
def test_the_rules_of_ratios(
    ratio: str | dict[str, Any], centered: bool, mean: tuple[float, ...], variance: float
) -> None:
    problem = policy("kl_regularized", **TOKEN, rewards=[1.0, 0.0, 0.5], weight=0.0, behavior=OLD)
    found = exact(problem, 1, baseline={"constant": {"value": 0.675}}, ratio=ratio, score_centering=centered)
    assert torch.allclose(found.mean, torch.tensor(mean).double(), atol=1e-9)
    assert float(found.variance.sum()) == pytest.approx(variance, abs=6e-9)


def test_with_score_centering_the_baseline_does_not_move_the_mean() -> None:
    problem = policy("kl_regularized", **TOKEN, rewards=[1.0, 0.0, 0.5], weight=0.0, behavior=OLD)

    def means(centered: bool) -> list[torch.Tensor]:
        constants = ({"constant": {"value": value}} for value in (0.0, 0.675, 5.0))
        return [
            exact(problem, 1, baseline=each, ratio="truncated", score_centering=centered).mean
            for each in constants
        ]

    first, *others = means(True)
    assert all(torch.allclose(first, other, atol=1e-12) for other in others)
    first, *others = means(False)
    assert not any(torch.allclose(first, other, atol=1e-3) for other in others)


# --- answers of one or two tokens --------------------------------------------------------------------------

ANSWERS = {key: value for key, value in POLICIES["answers"].items() if key != "name"}
J = 0.3350384818308817
MINUS_J = {"constant": {"value": J}}
PLAIN = (0.05419261, 0.14635417)


@pytest.mark.parametrize(
    ("N", "options", "mean", "variance"),
    [
        (1, {"baseline": "none"}, PLAIN, 0.10650141),
        (1, {"baseline": MINUS_J}, PLAIN, 0.04679290),
        (1, {"baseline": "value"}, PLAIN, 0.04164891),
        (1, {"baseline": "optimal_token"}, PLAIN, 0.03792852),
        (2, {}, PLAIN, 0.06622890),
        (1, {"baseline": MINUS_J, "length": "own"}, (0.04331853, 0.07317709), None),
        (2, {"length": "own"}, (0.04331853, 0.07317709), 0.02921438),
        (2, {"length": "mean"}, (0.03612841, 0.08296604), 0.02355285),
        (2, {"length": {"constant": {"tokens": 2}}}, (PLAIN[0] / 2, PLAIN[1] / 2), 0.06622890 / 4),
    ],
)
def test_answers_of_one_or_two_tokens(
    N: int, options: dict[str, Any], mean: tuple[float, ...], variance: float | None
) -> None:
    problem = policy("sequence_policy", **ANSWERS)
    assert torch.allclose(gradient(problem), torch.tensor(PLAIN).double(), atol=6e-9)
    found = exact(problem, N, **options)
    assert torch.allclose(found.mean, torch.tensor(mean).double(), atol=1e-8)
    if variance is not None:
        assert float(found.variance.sum()) == pytest.approx(variance, abs=6e-9)


@pytest.mark.parametrize(
    ("level", "length", "mean", "variance"),
    [
        (None, "none", (0.0980957, 0.1457987), None),
        ("sequence", "none", PLAIN, 0.04709659),
        ("token", "none", (0.10150039, 0.12222916), None),
        ("prefix", "none", (0.10150039, 0.14635417), None),
        ("geometric", "own", (0.05288762, 0.07194557), None),
    ],
)
def test_ratios_of_tokens_prefixes_and_sequences(
    level: str | None, length: str, mean: tuple[float, ...], variance: float | None
) -> None:
    problem = policy("sequence_policy", **ANSWERS, behavior=[0.0, 0.5])
    ratio = "none" if level is None else {"importance": {"level": level}}
    found = exact(problem, 1, baseline=MINUS_J, ratio=ratio, length=length)
    assert torch.allclose(found.mean, torch.tensor(mean).double(), atol=6e-8)
    if variance is not None:
        assert float(found.variance.sum()) == pytest.approx(variance, abs=6e-9)


def test_self_normalized_ratios_are_over_the_tokens_that_are_there() -> None:
    # Two answers, of one and of two tokens: the second token has one ratio alone, which becomes 1.
    old = torch.tensor([[0.3, 0.0], [-0.2, 0.5]]).double()[:, None, None]  # [N, 1, 1, T]
    mask = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).double()[:, None, None]
    log_prob = torch.zeros_like(old).requires_grad_()
    answers = Answers(torch.zeros_like(old), mask, log_prob, old)
    advantages = torch.tensor([[2.0, 0.0], [-1.0, -1.0]]).double()[:, None, None]
    surrogate = SelfNormalized(level="token").surrogate(answers, advantages)
    (slopes,) = torch.autograd.grad(surrogate.sum(), log_prob)
    first = (-old[:, 0, 0, 0]).exp()
    expected = torch.stack([2 * first[0] / first.mean(), -first[1] / first.mean()])
    assert torch.allclose(slopes[:, 0, 0, 0], expected)
    assert slopes[:, 0, 0, 1].tolist() == pytest.approx([0.0, -1.0])


def test_the_best_constant_is_of_whole_scores() -> None:
    # Of tokens that share logits the squared norm of the sum of scores is not the sum of squared norms.
    problem = policy(
        "sequence_policy", length=3, reward="z[0] * z[2] + 0.3 * z[1]", logits=[0.2, -0.4, 0.1], sharing="all"
    )
    draws = single_draws(problem, {"all": slice(0, 3)})[0]
    squares = draws.score.square().sum(1)
    best = float(draws.expectation(draws.cost * squares) / draws.expectation(squares))
    found = exact(problem, 1, baseline="optimal").variance.sum()
    by_hand = exact(problem, 1, baseline={"constant": {"value": best}}).variance.sum()
    assert float(found) == pytest.approx(float(by_hand), rel=1e-12)
    for off in (-1e-3, 1e-3):
        worse = exact(problem, 1, baseline={"constant": {"value": best + off}}).variance.sum()
        assert float(worse) > float(found)


def test_the_others_of_k_and_one_answers_tell_of_pass_at_k() -> None:
    returns = torch.tensor([1.0, 0.0, 0.0]).double()[:, None, None]
    others = PassAtK(2).by_others(returns)[:, 0, 0]
    assert others.tolist() == [0.0, 2.0, 2.0]  # k, where one of the other two is right


# --- what is measured beside what is known -----------------------------------------------------------------

# Estimates of each variant on each problem: a coordinate's mean is within 4.5 errors, and the trace of the
# variances within 5, in all but one run of 100 of what is tested here, some 230 pairs.
_R = 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", spread(POLICY_ESTIMATORS, 10))
@pytest.mark.parametrize("place", ["prompts", "token-behavior", "answers-behavior", "tree"])
def test_measured_moments_are_the_exact_ones(name: str, place: str) -> None:
    problem, estimator = problem_of(place), estimator_of(name)
    N = max(3, estimator.minimum_sample_size)
    kind, options = POLICY_ESTIMATORS[name]
    try:
        known = exact(problem, N, kind, **options)
    except NotApplicable:
        pytest.skip("it does not apply, or its moments are not known")
    found = estimates_of(estimator, problem, N, _R)
    error = (known.variance / _R).sqrt()
    off = (found.mean(0) - known.mean).abs()
    assert bool((off <= 4.5 * error + 1e-12).all())
    squares = (found - known.mean).square().sum(1)
    assert (
        abs(float(squares.mean() - known.variance.sum())) <= 5 * float(squares.std()) / math.sqrt(_R) + 1e-12
    )
    # The control: a mean that is off by a tenth of a deviation is seen.
    assert not bool((off + 0.1 * known.variance.sqrt() <= 4.5 * error).all())


# --- speed and size ----------------------------------------------------------------------------------------


def test_groups_of_classes_stand_for_all_groups_of_answers() -> None:
    # A thousand answers, with two returns: 5 multisets of classes, and 10¹² groups of answers.
    problem = policy(
        "sequence_policy", length=3, reward="z[0] == z[2]", logits={"tokens": 10}, sharing="prefixes"
    )
    assert torch.allclose(exact(problem, 4).mean, gradient(problem), atol=1e-12)
    small = policy(
        "sequence_policy", length=2, reward="z[0] == z[1]", logits={"tokens": 3}, sharing="prefixes"
    )
    for options in ({}, MEAN, {**MEAN, "scale": "std", "length": "own"}):
        by_classes, by_all = exact(small, 3, **options), _by_all_groups(small, 3, options)
        assert torch.allclose(by_classes.mean, by_all[0], atol=1e-13)
        assert torch.allclose(by_classes.variance, by_all[1], atol=1e-13)


def _by_all_groups(problem: Problem, N: int, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Mean and variance of an update, from its estimates on all ordered groups of answers."""
    assert isinstance(problem, PolicyProblem)
    estimator = build("estimators", "group_policy", options)
    p = problem.distribution(problem.theta[None])
    x = p.states(1000)  # [S, T]
    mass = p.log_prob(x[:, None]).exp()[:, 0]  # [S]
    which = torch.cartesian_prod(*[torch.arange(len(x))] * N).T  # [N, S^N]
    theta = problem.theta.expand(which.shape[1], -1).clone().requires_grad_()
    groups = x[which]  # [N, S^N, T]
    ascended = estimator.ascended(problem, estimator.answers(problem, groups, theta))
    (found,) = torch.autograd.grad(ascended.sum(), theta)  # [S^N, P]
    weights = mass[which].prod(0)
    mean = weights @ found
    return mean, weights @ (found - mean).square()


def test_too_many_groups_are_not_enumerated() -> None:
    problem = policy("sequence_policy", length=3, reward="dot(w, z)", let={"w": [1.1, 0.31, 0.053]},
                     logits={"tokens": 8}, sharing="all")  # fmt: skip
    with pytest.raises(NotApplicable, match="groups of answers"):
        exact(problem, 4)


def test_groups_that_are_all_dropped_leave_no_estimate() -> None:
    problem = policy("group_bandit", success=[0.3, 0.6])
    with pytest.raises(NotApplicable, match="undefined for some groups, of probability"):
        exact(problem, 4, filter="drop")
    dropping: Estimator = build("estimators", "group_policy", {"filter": "drop"})
    found = estimates_of(dropping, problem, 2, 4000)
    none_left = (0.3**2 + 0.7**2) * (0.6**2 + 0.4**2)  # .3016 ± .0073
    assert float(found.isnan().any(1).double().mean()) == pytest.approx(none_left, abs=0.033)
