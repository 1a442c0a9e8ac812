"""Repairs of losses: the change that mends a fault is named by its kind, and none where nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal, RelaxedBernoulli, kl_divergence
from torch.nn import functional

from bench.auditing.edits import Made
from bench.auditing.findings import causes
from bench.auditing.question import question
from bench.auditing.scores import discrete, with_score
from bench.diagnosing.finding import Finding
from bench.engine.truth import truth_of
from tests.losses_at_hand import leaf

LOGITS, CODES = leaf(0.4, -0.6, 0.2), leaf(0.5, -1.0, 1.5)
COSTS = torch.tensor([1.0, -0.5, 2.0])
BEHAVIOUR = torch.tensor([0.5, 0.2, 0.3])
LOC, LOG_SCALE = leaf(0.3, -0.2), leaf(0.4, 0.2)
POINTS = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
STEPS, DISCOUNT = 4, 0.6
BONUS = torch.tensor([[0.5, 1.0, -1.0], [2.0, 0.0, 0.5], [1.0, -0.5, 0.0], [0.0, 1.5, 1.0]])


def expected_cost() -> Tensor:
    return (LOGITS.softmax(0) * COSTS).sum()


def off_policy(sign: float) -> Tensor:
    a = torch.multinomial(BEHAVIOUR, 8, replacement=True)
    logp = LOGITS.log_softmax(0)[a]
    ratio = torch.exp(sign * (BEHAVIOUR.log()[a] - logp)).detach()
    return (ratio * COSTS[a] * logp).mean()


def clamped(least: float) -> Tensor:
    a = Categorical(logits=LOGITS).sample((8,))
    logp = LOGITS.log_softmax(0)[a].clamp(min=least)
    return (logp * COSTS[a]).mean()


def spread(half: float) -> Tensor:
    scale = torch.exp(half * LOG_SCALE)
    z = LOC + scale * torch.randn(8, 2)
    return (z - POINTS[0]).square().sum(1).mean()


def expected_square() -> Tensor:
    return (LOC - POINTS[0]).square().sum() + LOG_SCALE.exp().sum()


def choice(score: float) -> Tensor:
    a = Categorical(logits=LOGITS).sample((8,))
    cost = (CODES[a] - 1).square()
    logp = LOGITS.log_softmax(0)[a]
    return (cost + score * cost.detach() * (logp - logp.detach())).mean()


def choice_without_score(by_function: bool = False) -> Tensor:
    if by_function:
        a = torch.multinomial(LOGITS.softmax(0), 8, replacement=True)
    else:
        a = Categorical(logits=LOGITS).sample((8,))
    return (CODES[a] - 1).square().mean() + 0.1 * LOGITS.square().sum()


def expected_choice() -> Tensor:
    return (LOGITS.softmax(0) * (CODES - 1).square()).sum()


def expected_choice_with_penalty() -> Tensor:
    return expected_choice() + 0.1 * LOGITS.square().sum()


def relaxed() -> Tensor:
    y = functional.gumbel_softmax(LOGITS.expand(8, -1), tau=1.0)
    return (y @ CODES - 1).square().mean()


def path_of(rewards: Tensor, backward: bool) -> Tensor:
    return rewards.flip(1).cumsum(1).flip(1) if backward else rewards.cumsum(1)


def episode(backward: bool) -> Tensor:
    a = Categorical(logits=LOGITS).sample((16, STEPS))
    before = torch.cat([torch.zeros(16, 1), a[:, :-1]], 1)  # what was chosen in the step before
    rewards = BONUS[torch.arange(STEPS), a] * (1 + before)
    return -(LOGITS.log_softmax(0)[a] * path_of(rewards, backward)).sum(1).mean()


def episodes() -> Tensor:
    """The expectation: a reward is a product of what two steps, which are independent, choose."""
    p = LOGITS.softmax(0)
    before = 1 + (p * torch.arange(3.0)).sum()
    return -((p * BONUS[0]).sum() + before * (p * BONUS[1:]).sum())


def along_episodes() -> Tensor:
    a = Categorical(logits=LOGITS).sample((16, STEPS))
    before = torch.cat([torch.zeros(16, 1), a[:, :-1]], 1)
    rewards = BONUS[torch.arange(STEPS), a] * (1 + before)
    togo = rewards.flip(0).cumsum(0).flip(0)
    return -(LOGITS.log_softmax(0)[a] * togo).sum(1).mean()


def with_baseline(of_draw: float) -> Tensor:
    a = Categorical(logits=LOGITS).sample((8,))
    baseline = 0.3 + of_draw * (a == 2)
    return ((COSTS[a] - baseline) * LOGITS.log_softmax(0)[a]).mean()


def discounted(power: bool) -> Tensor:
    a = Categorical(logits=LOGITS).sample((16, STEPS))
    togo, rewards = torch.zeros(16), []
    for t in reversed(range(STEPS)):
        togo = BONUS[t][a[:, t]] + DISCOUNT * togo
        rewards.insert(0, togo)
    weights = torch.stack(rewards, 1)
    if power:
        weights = weights * DISCOUNT ** torch.arange(STEPS)
    return -(weights * LOGITS.log_softmax(0)[a]).sum(1).mean()


def discounts() -> Tensor:
    return -(LOGITS.softmax(0) * (BONUS * DISCOUNT ** torch.arange(STEPS)[:, None]).sum(0)).sum()


def divergence() -> Tensor:
    return kl_divergence(Normal(LOC, LOG_SCALE.exp()), Normal(0.0, 1.0)).sum()


def penalized(share: float) -> Tensor:
    z = LOC + LOG_SCALE.exp() * torch.randn(4, 2)
    penalty = divergence()
    if share != 1:
        penalty = penalty * share
    return (z[:, None] - POINTS).square().mean() + penalty


def expected_penalized() -> Tensor:
    error = ((LOC - POINTS).square() + (2 * LOG_SCALE).exp()).mean()
    return error + divergence() / 12


def gumbel(sign: float) -> Tensor:
    noise = sign * torch.log(-torch.log(torch.rand(8, 3).clamp(1e-6, 1 - 1e-6)))
    return (((LOGITS + noise) / 0.7).softmax(1) @ CODES - 1).square().mean()


def many_gumbels() -> Tensor:
    noise = -torch.rand(256, 3).clamp(1e-6, 1 - 1e-6).log().neg().log()
    return (((LOGITS + noise) / 0.7).softmax(1) @ CODES - 1).square().mean()


def twice() -> Tensor:
    q = Normal(LOC, LOG_SCALE.exp())
    z = q.rsample((8,))
    ratio = (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(1).mean()
    return (z[:, None] - POINTS).square().mean() - ratio + divergence() / 12


def mean_of_logarithms(k: int = 5) -> Tensor:
    q = Normal(LOC, LOG_SCALE.exp())
    z = q.rsample((k,))
    log_w = (Normal(0.5, 0.7).log_prob(z) - q.log_prob(z)).sum(1)
    return -log_w.mean(0)


def logarithm_of_mean(k: int = 5, copies: int = 200) -> Tensor:
    q = Normal(LOC, LOG_SCALE.exp())
    z = q.rsample((copies, k))
    log_w = (Normal(0.5, 0.7).log_prob(z) - q.log_prob(z)).sum(2)
    return -(log_w.logsumexp(1) - math.log(k)).mean()


Loss = Callable[[], Tensor]


def found_in(model: Any, loss: Loss, truth: Loss) -> list[Finding]:
    """The findings about a loss, whether its estimates look wrong or not."""
    prepared = question({"mine": loss, "truth": truth}, model, "truth", None, None, 2, "auto", replicates=300)
    experiment = prepared.plans[0].experiment.prepared
    return causes(experiment, truth_of(experiment), prepared.cells[0])


CHOICE, NORMAL = {"logits": LOGITS, "codes": CODES}, {"loc": LOC, "log_scale": LOG_SCALE}

FAULTS: dict[str, tuple[Any, Loss, Loss, str]] = {
    "a ratio upside down": (LOGITS, lambda: off_policy(1.0), expected_cost, "upside down"),
    "values that are cut off": (LOGITS, lambda: clamped(-1.1), expected_cost, "cut"),
    "a variance for a deviation": (NORMAL, lambda: spread(1.0), expected_square, "variance"),
    "no score": (CHOICE, choice_without_score, expected_choice_with_penalty, "no score"),
    "no score of a function": (
        CHOICE,
        lambda: choice_without_score(True),
        expected_choice_with_penalty,
        "no score",
    ),
    "a relaxation": (CHOICE, relaxed, expected_choice, "relaxation"),
    "along episodes": (LOGITS, along_episodes, episodes, "wrong axis"),
    "a baseline of the draw": (LOGITS, lambda: with_baseline(0.8), expected_cost, "dependent baseline"),
    "what comes before": (LOGITS, lambda: episode(False), episodes, "direction"),
    "no power of the discount": (LOGITS, lambda: discounted(False), discounts, "discount"),
    "a term that is too large": (NORMAL, lambda: penalized(1.0), expected_penalized, "term factor"),
    "the sign of the noise": (CHOICE, lambda: gumbel(1.0), many_gumbels, "term sign"),
    "a mean of logarithms": (NORMAL, mean_of_logarithms, logarithm_of_mean, "mean of logarithms"),
    "a term twice": (NORMAL, twice, expected_penalized, "missing detach"),
}

SOUND: dict[str, tuple[Any, Loss, Loss]] = {
    "a ratio": (LOGITS, lambda: off_policy(-1.0), expected_cost),
    "values that are not cut off": (LOGITS, lambda: clamped(-99.0), expected_cost),
    "a deviation": (NORMAL, lambda: spread(0.5), expected_square),
    "a score": (CHOICE, lambda: choice(1.0), expected_choice),
    "what comes after": (LOGITS, lambda: episode(True), episodes),
    "a power of the discount": (LOGITS, lambda: discounted(True), discounts),
    "a baseline": (LOGITS, lambda: with_baseline(0.0), expected_cost),
    "a term of its size": (NORMAL, lambda: penalized(1 / 12), expected_penalized),
    "the noise": (CHOICE, lambda: gumbel(-1.0), many_gumbels),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_change_that_mends_is_named(name: str) -> None:
    model, loss, truth, kind = FAULTS[name]
    (found,) = found_in(model, loss, truth)
    assert found.cause == "repair", found.text
    assert all(each.startswith(f"{kind}, line") for each in found.names), found.text


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_no_change_is_named_where_nothing_is_wrong(name: str) -> None:
    """A loss that is right is not looked into at all, but by chance; then it is found to be right."""
    model, loss, truth = SOUND[name]
    assert found_in(model, loss, truth) == []


@pytest.mark.slow
def test_the_factor_of_a_term_has_its_interval_and_the_size_that_fits() -> None:
    model, loss, truth, _ = FAULTS["a term that is too large"]
    (found,) = found_in(model, loss, truth)
    assert "the second term is" in found.text
    assert "perhaps 12" in found.text


def test_distributions_of_relaxations_are_mended_as_well() -> None:

    made = Made(RelaxedBernoulli.rsample, (RelaxedBernoulli(torch.tensor(0.5), logits=LOGITS),), {}, [])
    drawn = discrete(made)
    assert set(drawn.tolist()) <= {0.0, 1.0}
    value = with_score(drawn.sum(), made.drawn)
    (gradient,) = torch.autograd.grad(value, LOGITS)
    wanted = drawn.sum() * (drawn - LOGITS.sigmoid())
    torch.testing.assert_close(gradient, wanted.detach())
    assert isinstance(made.drawn[0][1], Bernoulli)
