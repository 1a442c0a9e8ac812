"""Exact truths held against plain Monte Carlo: a wrong `expectation` is found before it accuses anyone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.diagnosis import Stage, contradictions, coordinate, sentences, twice
from bench.engine.gradient_draws import Draws, by_sample, jumps
from bench.engine.known_moments import KnownMoments
from bench.engine.plan import Experiment
from bench.exact import SingleDraws
from bench.problem import Problem
from bench.statistics.agreement import Disagreement, Means, disagreement, less, means_of, with_spread

# The part of itself that a truth may be off: rounding, and the rules of somebody's own quadrature.
_SLACK = 1e-6


@dataclass(frozen=True)
class Confirmation:
    """The outcome of plain draws about an exact truth.

    Attributes:
        refuted: what disagrees with what; empty if the truth stands.
        notes: of faults of the problem that leave the truth as it is.
    """

    refuted: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """An exact truth: F(θ), its gradient, and the error of that, `[P]`."""

    value: float
    gradient: Tensor
    error: Tensor


def confirm(experiment: Experiment, claim: Claim, count: int | None = None) -> Confirmation:
    """Compare an exact truth with plain draws: F with the mean cost, ∇F by the score and along the path.

    Each comparison is of all coordinates, at 4.5 standard errors for all comparisons together,
    and must fail on two independent sets of draws. The path is no evidence where the cost jumps,
    nor the score where its own mean is not zero.

    Args:
        experiment: the problem with its streams.
        claim: the exact truth.
        count: how many draws; None for as many as take a few hundredths of a second.
    """
    known = experiment.known_moments
    spread = None if known is None else _spread(known)
    stage, found = twice(
        experiment, lambda draws: contradictions(draws) | against(draws, claim, spread), count
    )
    if stage is None:
        return Confirmation("", ("plain draws are too expensive to confirm it",))
    notes = sentences(found, stage.problem)
    if (wrong := found.get("cost")) is not None:
        return Confirmation(_cost_refuted(wrong, notes), tuple(notes))
    problem = stage.problem
    blind = ("by path" in found or "families" in found) and _path_is_blind(stage)
    score = None if "score" in found else found.get("by score")
    path = None if blind else found.get("by path")
    odd = "families" in found and "score" not in found and not blind
    if score is None and path is not None and not odd and _score_counts(stage, found):
        score, odd = _decided(experiment, stage, claim, path)
    if score is not None and (path is not None or not odd):
        return Confirmation(_gradient_refuted(problem, score, "score", notes), tuple(notes))
    if path is not None and not odd:
        return Confirmation(_gradient_refuted(problem, path, "path", notes), tuple(notes))
    if path is not None:
        notes.append(_odd_path(problem, path))
    if score is not None:
        notes.append(_odd_score(problem, score))
    return Confirmation("", (*notes, *_silence(stage)))


def _score_counts(stage: Stage, found: dict[str, Disagreement]) -> bool:
    """Whether the score is evidence: its own mean is zero, and enough draws contribute to its share."""
    gradient = stage.sampled.gradient
    return gradient is not None and "score" not in found and bool(means_of(gradient).speaks.all())


def _decided(
    experiment: Experiment, stage: Stage, claim: Claim, path: Disagreement
) -> tuple[Disagreement | None, bool]:
    """Draw by the score until it can tell the truth from the path: its verdict on the truth, and on the path.

    A path that is differentiated wrongly must not refute a truth, and the score is noisier.
    """
    assert stage.sampled.gradient is not None
    i, count = path.index, len(stage.sampled.x)
    error = float(means_of(stage.sampled.gradient).variance[i].sqrt())
    needed = (_SURE * error / (path.mean - path.claimed)) ** 2
    parts = range(2, 2 + min(_MOST_TIMES, math.ceil(needed)))
    addresses = [experiment.address(count, "confirmation", part) for part in parts]
    drawn = [by_sample(stage.problem, count, address).gradient for address in addresses]
    means = means_of(torch.cat([share[:, i : i + 1] for share in drawn if share is not None]))
    slack = (claim.error + _SLACK * claim.gradient.norm())[i : i + 1]  # [1]
    of_truth, of_path = (
        disagreement(means, slack.new_tensor([value]), slack, 2) for value in (path.claimed, path.mean)
    )
    verdict = None if of_truth is None else replace(of_truth, index=i)
    return verdict, of_path is not None and of_truth is None


# Standard errors by which the score shall be able to tell the truth from the path, and how much
# longer than the first draws it may take for that.
_SURE, _MOST_TIMES = 10.0, 64


Spread = tuple[Tensor, Tensor]
# Numbers of the shares of all values of x in all coordinates, beyond which none is formed.
_MOST_SHARES = 1 << 26


def against(stage: Stage, claim: Claim, spread: Spread | None) -> dict[str, Disagreement]:
    """The comparisons with the truth that fail: "cost", "by score", "by path"; and "families" of both."""
    found: dict[str, Disagreement | None] = {}
    value = claim.gradient.new_tensor([claim.value])  # [1]
    sampled = _means(stage.sampled, spread)
    cost = _part(sampled, slice(0, 1))
    found["cost"] = stage.disagreement(cost, value, _SLACK * value.abs())
    slack = claim.error + _SLACK * claim.gradient.norm()  # [P]
    score = _part(sampled, slice(1, None))
    path = None
    if stage.sampled.gradient is not None:
        found["by score"] = stage.disagreement(score, claim.gradient, slack)
    if stage.path is not None and stage.path.gradient is not None:
        path = means_of(stage.path.gradient)
        found["by path"] = stage.disagreement(path, claim.gradient, slack)
    if path is not None and stage.sampled.gradient is not None:
        zero = torch.zeros_like(slack)
        found["families"] = stage.disagreement(less(score, path), zero, slack)
    return {name: wrong for name, wrong in found.items() if wrong is not None}


def _means(draws: Draws, spread: Spread | None) -> Means:
    """The means of the cost and of the gradient by the score, `[1 + P]`."""
    gradient = draws.cost[:, None][:, :0] if draws.gradient is None else draws.gradient
    means = means_of(torch.cat([draws.cost[:, None], gradient], 1))
    if spread is None or len(spread[0]) != len(means.mean):
        return means
    return with_spread(means, *spread)


def _part(means: Means, where: slice) -> Means:
    mean, variance = means.mean[where], means.variance[where]
    return Means(mean, variance, means.skewness[where], means.effective[where], means.count)


def _spread(known: KnownMoments) -> Spread | None:
    """Variance and skewness of one draw of x, for all items together; None where they are not known."""
    if known.draws is not None:
        return _spread_of(known.draws[0])
    items = known.items
    if not items or sum(len(draws.x) for draws in items) * len(items[0].problem.theta) > _MOST_SHARES:
        return None
    each = [_spread_of(draws) for draws in items]
    # Items are independent: cumulants of their sum add up.
    variance = torch.stack([one for one, _ in each]).sum(0)  # [1 + P]
    third = torch.stack([skewness.nan_to_num(0.0) * one**1.5 for one, skewness in each]).sum(0)
    return variance / len(items) ** 2, third / variance**1.5


def _spread_of(draws: SingleDraws) -> Spread:
    """Variance and skewness of one draw of the cost and of its share by the score, `[1 + P]`, by sums."""
    share = (draws.cost - draws.mean_cost)[:, None] * draws.score + draws.cost_gradient  # [S, P]
    both = torch.cat([draws.cost[:, None], share], 1)  # [S, 1 + P]
    centered = both - draws.expectation(both)
    variance = draws.expectation(centered.square())  # [1 + P]
    skewness = draws.expectation(centered**3) / variance**1.5  # [1 + P]
    return variance, skewness if draws.power > 2 else torch.zeros_like(skewness)


def _path_is_blind(stage: Stage) -> bool:
    """Whether the path is no evidence: the cost jumps, and its derivative cannot know."""
    return jumps(stage.problem, stage.sampled.x.to(torch.float64))


def _silence(stage: Stage) -> list[str]:
    """The remark that nothing was confirmed, where nothing was."""
    shares = [draws.gradient for draws in (stage.sampled, stage.path) if draws and draws.gradient is not None]
    if any(bool(means_of(share).speaks.any()) for share in shares):
        return []
    return ["plain draws neither confirm nor refute it: too few of them contribute"]


_CAUSES = "usual causes are a missing term, a sign, or exp(log σ) for exp(2 log σ)"


def _cost_refuted(wrong: Disagreement, notes: list[str]) -> str:
    cause = "the samples and the expectation are not of the same distribution" if notes else _CAUSES
    return (
        f"expectation says {wrong.claimed:.6g}, and the mean cost of {wrong.count} draws is "
        f"{wrong.mean:.6g}, {wrong.errors:.3g} standard errors away: {cause}"
    )


def _gradient_refuted(problem: Problem, wrong: Disagreement, family: str, notes: list[str]) -> str:
    causes = "" if notes else ": a usual cause is a part of expectation that is detached from θ"
    return (
        f"the gradient of expectation in {coordinate(problem, wrong.index)} is {wrong.claimed:.6g}, and by "
        f"the {family} of {wrong.count} draws {wrong.mean:.6g}, {wrong.errors:.3g} standard errors "
        f"away{causes}"
    )


def _odd_path(problem: Problem, wrong: Disagreement) -> str:
    return (
        f"rsample() does not follow θ as the distribution does: the mean gradient along its path in "
        f"{coordinate(problem, wrong.index)} is {wrong.mean:.6g}, {wrong.errors:.3g} standard errors from "
        f"{wrong.claimed:.6g}, with which the score agrees"
    )


def _odd_score(problem: Problem, wrong: Disagreement) -> str:
    return (
        f"log_prob is not the log density of sample(): the gradient by the score in "
        f"{coordinate(problem, wrong.index)} is {wrong.mean:.6g}, {wrong.errors:.3g} standard errors from "
        f"{wrong.claimed:.6g}, with which the path agrees"
    )
