"""Exact truths held against plain Monte Carlo: a wrong `expectation` is found before it accuses anyone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.diagnosis import Stage, contradictions, coordinate, sentences, twice
from bench.engine.draws import Draws, jumps
from bench.engine.plan import Experiment
from bench.estimator import gradient_of
from bench.problem import NotApplicable, Problem
from bench.statistics.agreement import Disagreement, Means, less, means_of, with_spread

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


def confirm(experiment: Experiment, claim: Claim) -> Confirmation:
    """Compare an exact truth with plain draws: F with the mean cost, ∇F by the score and along the path.

    Each comparison is of all coordinates, at 4.5 standard errors for all comparisons together,
    and must fail on two independent sets of draws. The path is no evidence where the cost jumps,
    nor the score where its own mean is not zero.
    """
    spread = _spread_of(experiment.problem.to("cpu", torch.float64))
    stage, found = twice(experiment, lambda draws: contradictions(draws) | _against(draws, claim, spread))
    if stage is None:
        return Confirmation("", ("plain draws are too expensive to confirm it",))
    notes = sentences(found, stage.problem)
    if (wrong := found.get("cost")) is not None:
        return Confirmation(_cost_refuted(wrong, notes), tuple(notes))
    by_score = "by score" in found and "score" not in found
    by_path = "by path" in found and not _path_is_blind(stage)
    odd = "families" in found and "score" not in found and not _path_is_blind(stage)
    if by_score and (by_path or not odd):
        return Confirmation(_gradient_refuted(stage.problem, found["by score"], "score", notes), tuple(notes))
    if by_path and not odd:
        return Confirmation(_gradient_refuted(stage.problem, found["by path"], "path", notes), tuple(notes))
    if by_path:
        notes.append(_odd_path(stage.problem, found["by path"]))
    if by_score:
        notes.append(_odd_score(stage.problem, found["by score"]))
    return Confirmation("", (*notes, *_silence(stage)))


Spread = tuple[Tensor, Tensor]


def _against(stage: Stage, claim: Claim, spread: Spread | None) -> dict[str, Disagreement]:
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
    parts = (means.mean, means.variance, means.skewness, means.effective)
    return Means(*(part[where] for part in parts), means.count)


def _spread_of(problem: Problem) -> Spread | None:
    """Variance and skewness of one draw of the cost and of its share by the score, `[1 + P]`, if sums tell."""
    try:
        points = problem.points()
    except NotApplicable:
        return None
    with torch.enable_grad():
        theta = problem.theta.expand(len(points.weights), -1).requires_grad_()  # [S, P]
        x = points.x.transpose(0, 1)  # [1, S, *event]
        p = problem.distribution(theta)
        cost, w = problem.cost(x, theta), points.weights[:, None]  # [1, S, (B)], [S, 1]
        mean = (w.reshape(1, -1, *[1] * (cost.dim() - 2)) * cost.detach()).sum(1, keepdim=True)
        share = gradient_of(theta, (p.log_prob(x), cost.detach() - mean), cost)  # [S, P]
    value = cost.detach()[0].reshape(len(theta), -1).mean(1, keepdim=True)  # [S, 1]
    both = torch.cat([value, share], 1)  # [S, 1 + P]
    centered = both - (w * both).sum(0)
    variance = (w * centered.square()).sum(0)  # [1 + P]
    skewness = (w * centered**3).sum(0) / variance**1.5  # [1 + P]
    return variance, skewness if points.power > 2 else torch.zeros_like(skewness)


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
        f"expectation says {wrong.claimed:.6g}, and the mean cost of {wrong.count} draws is {wrong.mean:.6g}, "
        f"{wrong.errors:.3g} standard errors away: {cause}"
    )


def _gradient_refuted(problem: Problem, wrong: Disagreement, family: str, notes: list[str]) -> str:
    causes = "" if notes else ": usual causes are a part of expectation that is detached from θ, or constant"
    return (
        f"the gradient of expectation in {coordinate(problem, wrong.index)} is {wrong.claimed:.6g}, and by the "
        f"{family} of {wrong.count} draws {wrong.mean:.6g}, {wrong.errors:.3g} standard errors away{causes}"
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
