"""Findings about losses: each usual fault is named, by its own name, and nothing where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence
from torch.nn import functional

from bench.auditing.findings import causes
from bench.auditing.question import question
from bench.diagnosing.factor import Size, constants, factor
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.diagnosing.some_blocks import biased_blocks, without_gradient
from bench.engine.truth import truth_of
from bench.statistics.fieller import fieller
from tests.losses_at_hand import leaf, vae
from tests.parameters import some

R, P = 4000, 6
TRUTH = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 0.2], dtype=torch.float64)
SIZES = (Size("N", 4, "the samples"), Size("B", 10, "the batch"))


def noise(seed: int) -> Tensor:
    return torch.randn(R, P, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def fresh(mean: Tensor, seed: int = 1, exact: bool = True, blocks: dict[str, slice] | None = None) -> Fresh:
    """Estimates with a mean, beside what is right: exactly, or with noise that is partly shared."""
    right = TRUTH.expand(R, -1) if exact else TRUTH + noise(seed) + 0.3 * noise(seed + 100)
    return Fresh(mean + noise(seed), right, TRUTH, blocks or {"a": slice(0, 2), "b": slice(2, P)})


# --- multiples of the truth ---------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("value", "names"),
    [
        (-1.0, {"−1"}),
        (0.5, {"½"}),
        (2.0, {"2"}),
        (0.75, {"(N−1)/N for N = 4"}),
        (4 / 3, {"N/(N−1) for N = 4"}),
        (4.0, {"N for N = 4"}),
        (0.25, {"1/N for N = 4"}),
        (10.0, {"B for B = 10"}),
        (0.9, {"(B−1)/B for B = 10"}),
    ],
)
def test_a_multiple_of_the_truth_is_named(value: float, names: set[str], exact: bool) -> None:
    found = factor("mine", fresh(value * TRUTH, exact=exact), SIZES)
    assert found is not None
    assert set(found.names) == names


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_no_multiple_is_not_called_one(exact: bool) -> None:
    half = TRUTH.clone()
    half[2:] /= 2
    assert factor("mine", fresh(half, exact=exact), SIZES) is None
    assert factor("mine", fresh(TRUTH, exact=exact), SIZES) is None


def test_a_multiple_by_no_usual_constant_is_told_without_a_name() -> None:
    found = factor("mine", fresh(0.6 * TRUTH), SIZES)
    assert found is not None
    assert found.names == ()
    assert "none of the usual" in found.text


def test_a_multiple_in_each_estimate_is_named_in_spite_of_rounding() -> None:
    right = (TRUTH + noise(1)).float()
    one = Fresh((right * torch.tensor(0.75)).double() * (1 + 1e-8), right.double(), TRUTH, {})
    found = factor("mine", one, SIZES)
    assert found is not None
    assert found.names == ("(N−1)/N for N = 4",)
    off = Fresh(one.suspect * (1 + 1e-3), one.right, TRUTH, {})  # the control
    assert (factor("mine", off, SIZES) or found).names == ()


def test_a_gradient_with_mean_zero_is_told() -> None:
    found = factor("mine", fresh(0 * TRUTH), SIZES)
    assert found is not None
    assert found.names == ("0",)


def test_a_factor_that_is_hardly_known_is_not_named() -> None:
    one = Fresh(0.75 * TRUTH + 60 * noise(3), TRUTH.expand(R, -1), TRUTH, {})
    found = factor("mine", one, SIZES)
    assert found is None or found.names == ()


def test_constants_have_one_value_each_and_other_words() -> None:
    every = list(constants(SIZES))
    assert len({each.value for each in every}) == len(every)
    assert len({each.name for each in every}) == len(every)


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_fieller_covers_the_ratio_as_often_as_it_says(level: float) -> None:
    """Of 1000 intervals as many miss as the level says, to 4.5 of the binomial's standard errors."""
    generator, missed, half = torch.Generator().manual_seed(5), 0, 0
    for _ in range(1000):
        y = 1 + 2 * torch.randn(60, dtype=torch.float64, generator=generator)
        x = 0.6 * y + 0.5 * torch.randn(60, dtype=torch.float64, generator=generator) + 0.15
        found = fieller(x, y, level)
        missed += not found.low <= 0.75 <= found.high
        half += not found.low <= 1.0 <= found.high
    error = math.sqrt(1000 * level * (1 - level))
    assert abs(missed - 1000 * (1 - level)) < 4.5 * error
    assert abs(half - 1000 * (1 - level)) > 4.5 * error, "another ratio must be missed more often"


def test_a_ratio_to_what_may_be_zero_has_no_ends() -> None:
    y = torch.tensor([1.0, -1.0, 2.0, -2.1], dtype=torch.float64)
    found = fieller(y + 1, y, 0.95)
    assert found.low == -math.inf
    assert found.high == math.inf


# --- blocks -------------------------------------------------------------------------------------------


def test_blocks_that_no_gradient_reaches_are_told_by_the_largest_name() -> None:
    one = fresh(
        TRUTH, blocks={"net": slice(0, 4), "net.a": slice(0, 2), "net.b": slice(2, 4), "c": slice(4, P)}
    )
    suspect = one.suspect.clone()
    suspect[:, :4] = 0
    found = without_gradient("mine", Fresh(suspect, one.right, TRUTH, one.blocks))
    assert found is not None
    assert found.names == ("net",)
    assert without_gradient("mine", one) is None


def test_zeros_where_the_truth_is_zero_are_right() -> None:
    truth = TRUTH.clone()
    truth[:2] = 0
    rows = truth + noise(2)
    rows[:, :2] = 0
    one = Fresh(rows, truth.expand(R, -1), truth, {"a": slice(0, 2), "b": slice(2, P)})
    assert without_gradient("mine", one) is None


def test_a_block_that_alone_is_biased_is_told() -> None:
    mean = TRUTH.clone()
    mean[:2] *= 1.5
    found = biased_blocks("mine", fresh(mean))
    assert found is not None
    assert found.names[0] == "a"
    assert biased_blocks("mine", fresh(TRUTH)) is None
    assert biased_blocks("mine", fresh(1.5 * TRUTH)) is None


# --- losses -------------------------------------------------------------------------------------------

W = leaf(0.4, -0.6)
TABLE = torch.tensor([1.0, 3.0])
NET = vae().model
DATA = (torch.rand(8, 12, generator=torch.Generator().manual_seed(1)) > 0.5).float()


def encoded() -> Normal:
    loc, log_scale = NET["enc"](DATA).chunk(2, -1)
    return Normal(loc, log_scale.exp())


def likelihood(z: Tensor) -> Tensor:
    return Bernoulli(logits=NET["dec"](z)).log_prob(DATA).sum(-1)


def divergence(q: Normal) -> Tensor:
    return kl_divergence(q, Normal(0.0, 1.0))


def right() -> Tensor:
    q = encoded()
    return (divergence(q).sum(-1) - likelihood(q.rsample())).mean()


def score(change: str = "") -> Callable[[], Tensor]:
    """The score of two numbers, with one fault; the mean cost is Σ w²."""

    def loss() -> Tensor:
        p = Normal(W, 1.0)
        z = p.sample((6,))
        cost = z.square().sum(-1) - 2
        if change == "other draw":
            return (p.log_prob(p.sample((6,))).sum(-1) * cost).mean()
        log_p = p.log_prob(z).sum(-1, keepdim=change == "spread")
        return (log_p * cost).mean()

    return loss


def no_path() -> Tensor:
    q = encoded()
    z = q.sample()
    return (divergence(q).sum(-1) - likelihood(z)).mean()


def term_sign() -> Tensor:
    q = encoded()
    z = q.rsample()
    return (-divergence(q).sum(-1) - likelihood(z)).mean()


def mean_for_sum() -> Tensor:
    q = encoded()
    z = q.rsample()
    return (divergence(q).mean(-1) - likelihood(z)).mean()


def cut_off() -> Tensor:
    q = encoded()
    z = q.rsample()
    return (divergence(q).sum(-1) - likelihood(z.detach())).mean()


def without_recording() -> Tensor:
    with torch.no_grad():
        z = encoded().rsample()
    return (divergence(encoded()).sum(-1) - likelihood(z)).mean()


def missing_detach() -> Tensor:
    q = encoded()
    z = q.sample()
    cost = -likelihood(z)
    surrogate = q.log_prob(z).sum(-1) * (cost + 1) + cost
    return (surrogate + divergence(q).sum(-1)).mean()


def twice() -> Tensor:
    q = encoded()
    z = q.rsample()
    cost = -likelihood(z)
    surrogate = q.log_prob(z).sum(-1) * cost.detach() + cost
    return (surrogate + divergence(q).sum(-1)).mean()


def dropped() -> Tensor:
    return -likelihood(encoded().rsample()).mean()


def reduced() -> Tensor:
    q = encoded()
    logits = NET["dec"](q.rsample())
    return functional.binary_cross_entropy_with_logits(logits, DATA) + divergence(q).sum(-1).mean()


def jump() -> Tensor:
    z = Normal(W, 1.0).rsample()
    return (z > 0.3).float().sum() + z.square().sum()


def of_the_jump() -> Tensor:
    return (1 - Normal(0.0, 1.0).cdf(0.3 - W)).sum() + W.square().sum()


def standardized() -> Tensor:
    p = Categorical(logits=W)
    a = p.sample((8,))
    reward = TABLE[a] + 0.3 * torch.randn(8)
    return (p.log_prob(a) * (reward - reward.mean()) / reward.std()).mean()


def of_the_choice() -> Tensor:
    return (W.softmax(-1) * TABLE).sum()


def of_the_squares() -> Tensor:
    return W.square().sum()


FAULTS: dict[str, tuple[Any, Callable[[], Tensor], Any, str]] = {
    "no path": (NET, no_path, right, "no path"),
    "term sign": (NET, term_sign, right, "term sign"),
    "mean for sum": (NET, mean_for_sum, right, "mean for sum"),
    "reduction": (NET, reduced, right, "mean for sum"),
    "cut off": (NET, cut_off, right, "detach too many"),
    "without recording": (NET, without_recording, right, "detach too many"),
    "missing detach": (NET, missing_detach, right, "missing detach"),
    "twice": (NET, twice, right, "double counting"),
    "dropped": (NET, dropped, right, "enc.weight"),
    "spread": (W, score("spread"), of_the_squares, "wrong axis"),
    "other draw": (W, score("other draw"), of_the_squares, "wrong distribution"),
    "jump": (W, jump, of_the_jump, "jump"),
    "standardized": (W, standardized, of_the_choice, "division"),
}
SOUND: dict[str, tuple[Any, Callable[[], Tensor], Any]] = {
    "score": (W, score(), of_the_squares),
    "path": (NET, right, right),
}


def found_in(model: Any, loss: Callable[[], Tensor], truth: Any) -> list[Finding]:
    """The findings about a loss, whether its estimates look wrong or not."""
    losses, named = {"mine": loss}, truth
    if truth is right:
        losses["right"], named = truth, "right"
    prepared = question(losses, model, named, None, None, 2, "auto", replicates=300)
    experiment = prepared.plans[0].experiment.prepared
    return causes(experiment, truth_of(experiment), prepared.cells[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", some(FAULTS, 1))
def test_a_fault_is_named(name: str) -> None:
    model, loss, truth, wanted = FAULTS[name]
    names = [each for found in found_in(model, loss, truth) for each in found.names]
    assert any(each.startswith(wanted) for each in names), names


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_found_where_nothing_is_wrong(name: str) -> None:
    assert found_in(*SOUND[name]) == []
