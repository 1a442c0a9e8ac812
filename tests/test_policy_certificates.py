"""Certificates of advantage functions and policy losses: verdicts, names, figures, edges, bad functions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import bench
from bench import catalogue
from bench.exact import SingleDraws
from bench.policies.certificates.certificate import PolicyCertificate
from bench.policies.certificates.known_divergences import OF_DIVERGENCES, divergence_mean
from bench.policies.certificates.known_losses import known_losses
from bench.policies.certificates.known_rewards import known_rewards
from bench.policies.certificates.known_updates import Known, mean_of, moments_of
from bench.policies.certificates.measured import Measured
from bench.policies.certificates.outcomes import Outcomes, outcomes_of
from bench.policies.certificates.ratio_bounds import Bounds
from bench.policies.certificates.recognition import recognized_in
from bench.policies.certificates.spreads import Epsilons
from bench.policies.certificates.tried import OF_REWARDS, OF_TOKENS, Family, Setting, settings_of
from tests import trainers_functions as trainers
from tests.parameters import some

ARCSINE, LOG_P = "2 arcsin √p (the limit of large groups)", "log p cut after G - 1 terms"
MEAN = "the mean reward"

ADVANTAGES: dict[str, tuple[str, str, str]] = {
    "rloo": ("unbiased", MEAN, "Unbiased: it ascends the mean reward, with the variance of leave-one-out."),
    "plain": ("unbiased", MEAN, "times the variance of leave-one-out"),
    "divided_by_all": ("unbiased", MEAN, "times the variance of leave-one-out"),
    "centered": ("multiple", MEAN, "(G - 1)/G of it: a pure shrink"),
    "grpo_0": ("other", ARCSINE, "standard deviation of the group (ddof 0, epsilon 1e-08)"),
    "grpo_1": ("other", ARCSINE, "standard deviation of the group (ddof 1, epsilon 0.0001)"),
    "maxrl": ("other", LOG_P, "division by the mean of the group (epsilon 1e-06)"),
    "pass_at_2": ("other", "pass@2", "the best of 2 answers"),
    "of_batch": (
        "other",
        "the mean reward over its spread in the batch",
        "over all prompts (ddof 1, epsilon 1e-08)",
    ),
    "wrong_axis": ("multiple", MEAN, "(B - 1)/B of it: as when a mean over prompts"),
    "own_twice": (
        "multiple",
        MEAN,
        "(G - 1)/(G + 1) of it: as when a baseline counts the answer itself twice",
    ),
    "sign_error": ("minus", "minus the mean reward", "it descends the mean reward (a sign error)"),
    "not_centered": ("other", "", "Where all rewards of a group are equal: huge (up to 10000)."),
    "leaks": ("multiple", MEAN, "The advantages of a prompt depend on the rewards of other prompts."),
    "leaks_advantages": ("other", "", "The advantage of an answer depends on its place in the group."),
    "undefined": (
        "undefined",
        ARCSINE,
        "Undefined: NaN where all rewards of a group are equal. With 0 there",
    ),
}

_TOKENS = "of each token"
LOSSES: dict[str, tuple[str, str]] = {
    "sequence_ratio": (
        "unbiased",
        "Unbiased: it ascends the mean reward, with the variance of leave-one-out.",
    ),
    "no_correction": ("other", "Unbiased on policy; biased off policy: no correction off policy."),
    "token_ratio": ("other", "Unbiased on policy; biased off policy: ratios of single tokens."),
    "clipped": ("other", "Unbiased on policy; biased off policy: clipped ratio of tokens (-0.2, +0.2)."),
    "clipped_oddly": (
        "other",
        "Unbiased on policy; biased off policy: clipped ratio of tokens (-0.15, +0.25).",
    ),
    "truncated": ("other", "Unbiased on policy; biased off policy: truncated ratio of tokens (at most 1.7)."),
    "token_mean": ("other", "Token mean (all tokens of the batch count the same"),
    "own_length": ("other", "Length-normalized objective (1/|o|"),
    "constant_length": ("multiple", "A multiple of the gradient of the mean reward, 0.0625 of it."),
    "batch_width": ("multiple", "1/T of it (as when tokens are divided by the width of the batch)"),
    "k1": ("other", "alone it does nothing on average, but moves away from the older policy"),
    "k2": ("other", f"descends KL(π‖π_ref) {_TOKENS}, without what a token does to later ones"),
    "k3": ("other", f"descends the forward divergence KL(π_ref‖π) {_TOKENS}"),
    "with_k1": (
        "other",
        "what it adds to the advantages does nothing on average, but moves away from the older policy",
    ),
    "with_k3": ("other", "descends 0.04 × the forward divergence KL(π_ref‖π)"),
    "k1_in_reward": ("unbiased", "Unbiased: it ascends the mean reward less 0.1 × KL(π‖π_ref)"),
    "k3_in_reward": ("other", "descends 0.1 × [∇KL(π‖π_ref) - ∇KL(π_ref‖π)] (k3 in the reward)"),
    "driven_away": ("other", "ascends 0.1 × KL(π‖π_ref), so that the policy is driven away (a sign error)"),
    "grpo": (
        "other",
        "clipped ratio of tokens (-0.2, +0.2); what it adds to the advantages descends 0.04 × the forward",
    ),
    "forgets_mask": ("other", "The mask is forgotten: tokens after the end of an answer count."),
    "detached": ("zero", "Zero gradient: none reaches log_probs, as where they are detached or not used."),
    "loss_sign_error": ("minus", "Minus the gradient: it descends the mean reward (a sign error)."),
}

_KEPT: dict[str, PolicyCertificate] = {}


def of_advantage(name: str) -> PolicyCertificate:
    if name not in _KEPT:
        _KEPT[name] = bench.certify_advantage(getattr(trainers, name))
    return _KEPT[name]


def of_loss(name: str) -> PolicyCertificate:
    if name not in _KEPT:
        _KEPT[name] = bench.certify_policy_loss(getattr(trainers, name))
    return _KEPT[name]


def row(certificate: PolicyCertificate, setting: str) -> Any:
    (found,) = certificate.table[certificate.table["setting"] == setting].itertuples()
    return found


# --- verdicts -------------------------------------------------------------------------------------


def test_there_are_forty_settings_of_each_kind_all_of_which_are_enumerated() -> None:
    for families in (OF_REWARDS, OF_TOKENS):
        settings = settings_of(families)
        assert len(settings) >= 40
        assert not any(setting.sorted for setting in settings)
        assert max(len(outcomes_of(setting).probability) for setting in settings) <= 1 << 12
        assert all(abs(float(outcomes_of(each).probability.sum()) - 1) < 1e-12 for each in settings)


@pytest.mark.parametrize("name", ADVANTAGES)
def test_an_advantage_function_gets_its_verdict_and_its_name(name: str) -> None:
    kind, objective, said = ADVANTAGES[name]
    found = of_advantage(name)
    assert (found.kind, found.objective) == (kind, objective)
    assert said in found.verdict
    assert found.passed == (kind == "unbiased")
    assert "\n" not in found.verdict


@pytest.mark.parametrize("name", some(LOSSES, 2))
def test_a_loss_gets_its_verdict_and_its_name(name: str) -> None:
    kind, said = LOSSES[name]
    found = of_loss(name)
    assert (found.kind, said in found.verdict) == (kind, True), found.verdict
    assert found.passed == (kind == "unbiased")
    assert "\n" not in found.verdict


def test_fourteen_verdicts_take_less_than_a_minute() -> None:
    start = time.perf_counter()
    for name in list(ADVANTAGES)[:14]:
        bench.certify_advantage(getattr(trainers, name))
    assert time.perf_counter() - start < 60


def test_a_multiple_passes_where_that_is_allowed_and_minus_it_never_does() -> None:
    assert bench.certify_advantage(trainers.centered, allow_multiple=True).passed
    assert bench.certify_policy_loss(trainers.constant_length, allow_multiple=True).passed
    assert not bench.certify_advantage(trainers.sign_error, allow_multiple=True).passed
    assert not bench.certify_advantage(trainers.grpo_1, allow_multiple=True).passed


@pytest.mark.slow
def test_a_clip_is_right_where_answers_come_from_the_policy_itself() -> None:
    found = bench.certify_policy_loss(trainers.clipped, off_policy=False)
    assert found.passed
    assert not found.table["off_policy"].any()
    assert of_loss("clipped").table["off_policy"].any()


@pytest.mark.slow
def test_the_weight_of_the_divergence_is_found_out_and_held_to_what_is_said() -> None:
    certify = bench.certify_policy_loss
    assert certify(trainers.k1_in_reward, kl_weight=0.1).passed
    wrong = certify(trainers.k1_in_reward, kl_weight=0.2)
    assert not wrong.passed
    assert "the weight of the divergence is 0.1, not 0.2" in wrong.verdict
    missing = certify(trainers.sequence_ratio, kl_weight=0.2)
    assert not missing.passed
    assert "no divergence part" in missing.verdict


# --- figures --------------------------------------------------------------------------------------


FIGURES = [
    # name, G, mean and variance at p = 0.3: binomial sums by hand
    ("rloo", 4, 0.21, 0.01575),
    ("rloo", 8, 0.21, 0.005775),
    ("plain", 4, 0.21, 0.025725),
    ("centered", 4, 0.1575, 0.0088593750),
    ("centered", 8, 0.18375, 0.0044214844),
    ("maxrl", 4, 0.4599, 0.0908919900),
    ("maxrl", 8, 0.64235199, 0.0459859109),
    ("grpo_0", 4, 0.34326379, 0.0396699716),
    ("grpo_0", 8, 0.41217153, 0.0138646266),
    ("grpo_1", 4, 0.29727516, 0.0297524787),
    ("grpo_1", 8, 0.38555117, 0.0121315483),
    ("pass_at_2", 4, 0.294, 0.07329),
    ("pass_at_2", 8, 0.294, 0.03588900),
]


@pytest.mark.parametrize(("name", "G", "mean", "variance"), FIGURES)
def test_mean_and_variance_are_those_of_binomial_sums(
    name: str, G: int, mean: float, variance: float
) -> None:
    found = row(of_advantage(name), f"p = 0.3, G = {G}")
    # What is added to a standard deviation of about a half changes the last digits alone.
    rel = 1e-3 if name in ("grpo_1", "maxrl") else 1e-6
    assert found.truth == pytest.approx((0.21,), rel=1e-12)
    assert found.mean == pytest.approx((mean,), rel=rel)
    assert found.variance == pytest.approx(variance, rel=rel)
    assert found.bias == pytest.approx(mean - 0.21, abs=1e-3)


def test_padding_that_counts_moves_the_mean() -> None:
    setting = "one or two tokens, G = 2"
    assert row(of_loss("forgets_mask"), setting).bias > 0.01
    assert row(of_loss("no_correction"), setting).bias == pytest.approx(0, abs=1e-12)
    # By hand: the second token of an answer that stopped has log π(b), whose slope in its logit is -p₂;
    # such an answer has a mean advantage of 0.25 less the mean reward.
    first, second = (1 / (1 + np.exp(-each)) for each in (0.4, -0.3))
    reward = 0.25 * (1 - first) + first * second
    moved = (1 - first) * (0.25 - reward) * -second
    found = row(of_loss("forgets_mask"), setting)
    assert found.mean[0] - found.truth[0] == pytest.approx(0, abs=1e-12)
    assert found.mean[1] - found.truth[1] == pytest.approx(moved, abs=1e-12)


def test_variances_stand_beside_those_of_leave_one_out() -> None:
    found = row(of_advantage("plain"), "p = 0.9, G = 2")
    # pq times (p (1 - p)² + ...) by hand: E[(r s)²] - (pq)² = p q² - (pq)², over two answers; μ₄/2 + μ₂²/2.
    p, q = 0.9, 0.1
    plain = (p * q**2 - (p * q) ** 2) / 2
    leave_one_out = (p * q * (1 - 3 * p * q)) / 2 + (p * q) ** 2 / 2
    assert found.variance == pytest.approx(plain, rel=1e-9)
    assert found.variance_ratio == pytest.approx(plain / leave_one_out, rel=1e-9)
    assert of_advantage("rloo").table.query("counts")["variance_ratio"].sub(1).abs().max() < 1e-9


@pytest.mark.slow
def test_divergences_as_losses_have_the_gradients_of_closed_forms() -> None:
    policy, reference = np.array([0.6, 0.25, 0.15]), np.array([0.3, 0.3, 0.4])
    log_ratio = np.log(policy / reference)
    reverse = policy * (log_ratio - policy @ log_ratio)
    setting = "reference policy, G = 2"
    assert row(of_loss("k2"), setting).mean == pytest.approx(tuple(-reverse), abs=1e-12)
    assert row(of_loss("k3"), setting).mean == pytest.approx(tuple(reference - policy), abs=1e-12)
    assert row(of_loss("k1"), setting).mean == pytest.approx((0, 0, 0), abs=1e-12)
    rewards = np.array([1.0, 0.0, 0.5])
    ascended = policy * (rewards - policy @ rewards)
    wanted = ascended - 0.1 * (reverse - (policy - reference))
    assert row(of_loss("k3_in_reward"), setting).mean == pytest.approx(tuple(wanted), abs=1e-12)
    right = row(of_loss("k1_in_reward"), setting)
    assert right.mean == pytest.approx(tuple(ascended - 0.1 * reverse), abs=1e-12)
    assert right.truth == pytest.approx(right.mean, abs=1e-12)


def _by_items(options: dict[str, Any], setting: Setting) -> Any:
    """Moments of an update by the shipped estimator, from multisets of answers that it takes for one."""
    problem = setting.problem
    update = catalogue.build("estimators", "group_policy", options)
    prompts = outcomes_of(setting).sizes.B
    items = [problem.item(b) for b in range(prompts)] if prompts > 1 else [problem]
    blocks = {"all": slice(0, len(problem.theta))}
    draws = [SingleDraws(item, item.points(), blocks) for item in items]
    return update.exact_moments_of_items(draws, setting.group_size)


SETTINGS = [
    "p = 0.3, G = 4",
    "older policy, one or two tokens, G = 3",
    "older policy, p = 0.1 and 0.6, G = 2",
]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("options", [{}, {"baseline": "mean", "ratio": "clipped", "length": "own"}])
def test_moments_are_those_that_the_shipped_estimator_declares(name: str, options: dict[str, Any]) -> None:
    (setting,) = [each for each in settings_of(OF_TOKENS) if each.name == name]
    found = moments_of(Known("", "", options=json.dumps(options)), outcomes_of(setting))
    assert found is not None
    wanted = _by_items(options, setting)
    assert torch.allclose(found[0], wanted.mean, atol=1e-12)
    assert found[1] == pytest.approx(float(wanted.variance.sum()), rel=1e-9)
    # The control: another update has other moments.
    other = _by_items({"scale": "std"}, setting)
    assert abs(float(other.variance.sum()) - found[1]) > 1e-4


def _updates(known: Known, outcomes: list[Outcomes], mean: Callable[..., Tensor | None]) -> list[Measured]:
    """A known update as if it were a stranger's, where it is defined."""
    empty = torch.ones(1, 1, 1, 1), torch.zeros(1, dtype=torch.bool)
    means = [(each, mean(known, each)) for each in outcomes]
    return [Measured(each, empty[0], own, 0.0, empty[1]) for each, own in means if own is not None]


@pytest.mark.parametrize(
    ("families", "known", "mean"),
    [
        (OF_REWARDS, known_rewards(Epsilons(((1e-4,), (1e-3,)), (1e-5,))), mean_of),
        pytest.param(OF_TOKENS, known_losses(Bounds()), mean_of, marks=pytest.mark.slow),
        pytest.param(OF_TOKENS, OF_DIVERGENCES, divergence_mean, marks=pytest.mark.slow),
    ],
    ids=["rewards", "losses", "divergences"],
)
def test_each_known_update_is_recognized_and_is_no_other(
    families: tuple[Family, ...], known: tuple[Known, ...], mean: Callable[..., Tensor | None]
) -> None:
    outcomes = [outcomes_of(each) for each in settings_of(families) if each.counts]
    off_policy = any(each.off_policy for each in outcomes)
    for each in known:
        own = _updates(each, outcomes, mean)
        if all(float(one.mean.abs().max()) < 1e-9 for one in own):
            continue
        found = recognized_in(own, known, mean)
        assert found is not None
        assert found.names == (each.named(off_policy),)
        # The control: of a mean that is off by 1e-4 in one setting nothing is recognized.
        moved = Measured(own[0].outcomes, own[0].weights, own[0].mean + 1e-4, 0.0, own[0].undefined)
        assert recognized_in([moved, *own[1:]], known, mean) is None


def test_what_cannot_be_told_apart_is_named_with_all_its_names() -> None:
    # In batches of a single prompt a group is the batch.
    outcomes = [outcomes_of(each) for each in settings_of(OF_REWARDS) if each.name.startswith("p = 0.3, G")]
    outcomes = [each for each in outcomes if each.setting.counts]
    known = known_rewards(Epsilons())
    found = recognized_in(_updates(known[0], outcomes, mean_of), known, mean_of)
    assert found is not None
    assert found.name == f"{ARCSINE} or the mean reward over its spread in the batch"


# --- edges ----------------------------------------------------------------------------------------


def test_what_happens_at_the_edges_is_said() -> None:
    assert "Where all rewards of a group are equal: zero." in of_advantage("rloo").notes
    assert "At G = 1: NaN." in of_advantage("rloo").notes
    assert "Where all rewards of a group are equal: NaN." in of_advantage("undefined").notes
    assert "Where all rewards of a group are equal: huge (up to 10000)." in of_advantage("not_centered").notes
    assert "Where all rewards of a group are equal: finite (up to 1.00)." in of_advantage("plain").notes
    leak = "The advantages of a prompt depend on the rewards of other prompts."
    place = "The advantage of an answer depends on its place in the group."
    assert leak in of_advantage("leaks").notes
    assert leak in of_advantage("of_batch").notes
    assert leak not in of_advantage("rloo").notes
    assert place in of_advantage("leaks_advantages").notes
    assert place not in of_advantage("leaks").notes


@pytest.mark.slow
def test_what_happens_at_the_edges_of_losses_is_said() -> None:
    normalized = of_loss("own_length").notes
    assert "Where all tokens of an answer are masked: the gradient is NaN." in normalized
    assert "Where all tokens of all answers are masked: the gradient is NaN." in normalized
    assert "For answers of one token: the gradient is finite (up to 0.250)." in normalized
    right = of_loss("sequence_ratio").notes
    assert "Where all tokens of all answers are masked: the gradient is zero." in right
    assert any(note.startswith("At log ratios of +50: the gradient is huge") for note in right)
    assert "At log ratios of +50: the gradient is finite (up to 0.125)." in normalized
    assert any(note.startswith("At log π/π_ref of -50: the gradient is huge") for note in of_loss("k3").notes)


def test_the_edges_of_a_loss_that_fails_there_are_said() -> None:
    def by_pairs(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        ratio = ((log_probs - old) * mask).sum(1).exp()
        return -(ratio * advantages).view(-1, 2).mean(1).mean()

    found = bench.certify_policy_loss(by_pairs, group_size=2)
    assert found.passed
    (note,) = [note for note in found.notes if note.startswith("For a single answer")]
    assert note.startswith("For a single answer: it raises RuntimeError")


@pytest.mark.slow
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_modes_of_the_caller_do_not_matter(mode: Callable[[], Any]) -> None:
    settings_of.cache_clear()
    outcomes_of.cache_clear()
    mean_of.cache_clear()
    with mode():
        assert bench.certify_advantage(trainers.rloo).passed
        assert bench.certify_advantage(trainers.grpo_1).objective == ARCSINE
        assert bench.certify_policy_loss(trainers.sequence_ratio, group_size=2).passed
    assert bench.certify_policy_loss(trainers.sequence_ratio, group_size=2).passed


def test_no_nan_is_carried_on_in_silence() -> None:
    table = of_advantage("undefined").table
    assert table["undefined"].max() > 0.5
    counted = table[table["counts"]]
    assert np.isfinite(counted["variance"]).all()
    assert all(np.isfinite(mean).all() for mean in counted["mean"])
    assert (of_advantage("rloo").table.query("counts")["undefined"] == 0).all()


def test_a_certificate_is_read() -> None:
    text = str(of_advantage("centered"))
    lines = text.splitlines()
    assert lines[0].startswith("failed: A multiple of the gradient")
    assert "- At G = 1: zero." in lines
    assert "P(undefined)" not in text
    assert "p = 0.3, G = 1 (not counted)" in text
    assert "P(undefined)" in str(of_advantage("undefined"))
    (shown,) = [line for line in lines if line.strip().startswith("p = 0.3, G = 3")]
    assert shown.split()[-5:] == ["0.210", "0.140", "-0.0700", "0.0115", "0.444"]
    assert "PolicyCertificate(passed=False, kind='multiple'" in repr(of_advantage("centered"))


# --- group sizes ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_group_size_may_come_from_the_closure() -> None:
    def of_eight(rewards: Tensor) -> Tensor:
        groups = rewards.reshape(-1, 8)
        return (groups - groups.mean(1, keepdim=True)).view_as(rewards)

    fault = bench.certify_advantage(of_eight)
    assert fault.kind == "faulty"
    assert "say group_size=" in fault.verdict
    assert bench.certify_advantage(of_eight, group_size=8, allow_multiple=True).passed

    def loss(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        ratio = ((log_probs - old) * mask).sum(1).exp()
        return -(ratio * advantages).view(-1, 8).mean(1).mean()

    assert bench.certify_policy_loss(loss, group_size=8).passed
    assert bench.certify_policy_loss(loss).kind == "faulty"


@pytest.mark.slow
def test_large_groups_are_enumerated_where_order_does_not_matter() -> None:
    found = bench.certify_advantage(trainers.rloo, group_size=64)
    assert found.passed
    assert found.table["group_size"].eq(64).all()
    assert bench.certify_advantage(trainers.grpo_1, group_size=16).objective == ARCSINE
    by_place = bench.certify_advantage(
        lambda rewards: rewards * torch.arange(rewards.shape[1]), group_size=16
    )
    assert by_place.kind == "faulty"
    assert "depends on the order of the answers" in by_place.verdict


def test_groups_in_order_and_sorted_groups_have_the_same_moments() -> None:
    setting = next(each for each in settings_of(OF_TOKENS) if each.name == "one or two tokens, G = 4")
    both = [
        outcomes_of(Setting(setting.name, setting.problem, setting.group_size, sorted=is_sorted))
        for is_sorted in (False, True)
    ]
    assert len(both[0].probability) == 81 > 15 == len(both[1].probability)
    moments = [each.moments(each.leave_one_out[..., None] * each.mask / 4) for each in both]
    assert torch.allclose(moments[0][0], moments[1][0], atol=1e-14)
    assert moments[0][1] == pytest.approx(moments[1][1], rel=1e-12)


def test_rewards_of_0_and_1_only_where_they_are_asked_for() -> None:
    def of_right_and_wrong(rewards: Tensor) -> Tensor:
        if not bool(((rewards == 0) | (rewards == 1)).all()):
            raise ValueError("rewards must be 0 or 1")
        return trainers.pass_at_2(rewards)

    assert "rewards must be 0 or 1" in bench.certify_advantage(of_right_and_wrong).verdict
    assert bench.certify_advantage(of_right_and_wrong, binary=True).objective == "pass@2"


def test_what_is_added_to_a_standard_deviation_is_found_out() -> None:
    def widened(rewards: Tensor) -> Tensor:
        return trainers.centered(rewards) / (rewards.std(1, keepdim=True) + 0.03)

    found = bench.certify_advantage(widened)
    assert found.objective == ARCSINE
    assert "(ddof 1, epsilon 0.03)" in found.verdict


def test_what_is_near_to_a_name_is_said_and_has_none() -> None:
    def within_root(rewards: Tensor) -> Tensor:
        return trainers.centered(rewards) / (rewards.var(1, keepdim=True) + 1e-5).sqrt()

    found = bench.certify_advantage(within_root)
    assert (found.kind, found.objective) == ("other", "")
    assert "which has no name here" in found.verdict
    assert re.search(r"it is within [\d.e-]+ of 2 arcsin √p", found.verdict)
    rounded = bench.certify_advantage(lambda rewards: trainers.rloo(rewards.bfloat16()))
    assert not rounded.passed
    assert "of the mean reward" in rounded.verdict
    assert "it is within" not in of_advantage("not_centered").verdict


def test_a_mask_of_truth_values_is_hinted_at() -> None:
    def loss(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        return -torch.where(mask, log_probs * advantages[:, None], 0.0).sum(1).mean()

    assert "mask.bool()" in bench.certify_policy_loss(loss).verdict


def test_advantages_of_tokens() -> None:
    def loss(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        assert advantages.shape == mask.shape
        assert not bool(advantages[mask == 0].any())
        ratio = ((log_probs - old) * mask).sum(1, keepdim=True).exp().detach()
        return -(ratio * log_probs * advantages).sum(1).mean()

    assert bench.certify_policy_loss(loss, token_advantages=True).passed
    assert bench.certify_policy_loss(loss).kind == "faulty"


def test_float32_is_good_enough() -> None:
    assert bench.certify_advantage(lambda rewards: trainers.rloo(rewards.float())).passed


def _weighed(weight: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def loss(log_probs: Tensor, old: Tensor, _: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        ratio = ((log_probs - old) * mask).sum(1, keepdim=True).exp().detach()
        return -((weight(ratio) * advantages[:, None] * log_probs) * mask).sum(1).mean()

    return loss


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "said"),
    [
        pytest.param(
            lambda ratio: ratio.clamp(max=4.0),
            "truncated ratio of sequences (at most 4)",
            marks=pytest.mark.slow,
        ),
        (lambda ratio: ratio.clamp(max=5.0), "truncated ratio of sequences (at most 5)"),
        pytest.param(
            lambda ratio: ratio.clamp(max=20.0),
            "truncated ratio of sequences (at most 20)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda ratio: torch.where(ratio > 4, 0.0, ratio),
            "masked ratio of sequences (none above 4)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda ratio: torch.where(ratio > 5, 0.0, ratio),
            "masked ratio of sequences (none above 5)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda ratio: ratio.log().clamp(-2, 2).exp(),
            "clipped weight of sequences, not differentiated",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda ratio: ratio.clamp(0.05, 1e3),
            "Unbiased on policy; it ascends something else",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_bounds_that_are_there_for_safety_are_seen(weight: Callable[[Tensor], Tensor], said: str) -> None:
    found = bench.certify_policy_loss(_weighed(weight))
    assert not found.passed
    assert said in found.verdict


def test_ratios_without_bounds_pass() -> None:  # the control
    assert bench.certify_policy_loss(_weighed(lambda ratio: ratio)).passed


@pytest.mark.slow
def test_a_wide_clip_of_the_whole_ratio_is_seen() -> None:
    def loss(log_probs: Tensor, old: Tensor, _: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        ratio = ((log_probs - old) * mask).sum(1).exp()
        return -torch.minimum(ratio * advantages, ratio.clamp(0.2, 5) * advantages).mean()

    found = bench.certify_policy_loss(loss)
    assert not found.passed
    assert "clipped ratio of sequences (-0.8, +4)" in found.verdict


def test_advantages_that_are_cut_off_do_not_pass() -> None:
    def others(rewards: Tensor) -> Tensor:
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)

    assert not bench.certify_advantage(lambda rewards: others(rewards).clamp(-3, 3)).passed
    assert bench.certify_advantage(others).passed

    def loss(log_probs: Tensor, old: Tensor, _: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
        ratio = ((log_probs - old) * mask).sum(1).exp()
        return -(ratio * advantages.clamp(-3, 3)).mean()

    assert not bench.certify_policy_loss(loss).passed


def test_binary_rewards_are_binary_at_the_edges_too() -> None:
    def others(rewards: Tensor) -> Tensor:
        assert bool(((rewards == 0) | (rewards == 1)).all())
        count = max(1, rewards.shape[1] - 1)
        return rewards - (rewards.sum(1, keepdim=True) - rewards) / count

    found = bench.certify_advantage(others, binary=True)
    assert found.passed
    assert not any("raises" in note for note in found.notes)
    assert not bench.certify_advantage(others).passed  # the control: it is given other rewards then
