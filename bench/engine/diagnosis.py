"""The parts of a problem held against one another: sample(), rsample() and log_prob, without any truth."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.gradient_draws import Draws, affordable, by_path, by_sample, followed
from bench.engine.plain_draws import gives_draws
from bench.engine.plan import Experiment
from bench.problem import Problem
from bench.statistics.agreement import LEVEL, Disagreement, Means, disagreement, less, means_of

# What contradicts is drawn again, so many times as often: it must contradict both times.
AGAIN = 4
_FEWEST_DRAWS = 100
# A row may take more time than its width tells: the number of draws grows from few, at most by such
# a factor at a time, to those that take about so many seconds.
_TRIAL_DRAWS, _GROWTH, _SECONDS = 1 << 14, 8, 0.06
# A path is less noisy than the score nearly always, and costs more: so much less often it is drawn.
_PATH_PART = 4
# Numbers of x whose moments are compared; all of a wide x would take too long.
_MOST_MOMENTS = 64


@dataclass(frozen=True)
class Stage:
    """Plain draws of a problem, from random numbers of their own.

    Attributes:
        problem: in float64 on the CPU.
        sampled: by `sample()`.
        path: by `rsample()`; None if there is none.
        followed: whether x moves with each coordinate of θ along the path, `[P]`; None if there is none.
        level: the probability of a false contradiction, over all comparisons.
    """

    problem: Problem
    sampled: Draws
    path: Draws | None
    followed: Tensor | None = None
    level: float = LEVEL

    @property
    def comparisons(self) -> int:
        """An upper bound of the number of all comparisons that are made of the draws."""
        return 4 * len(self.problem.theta) + 2 + 2 * min(_MOST_MOMENTS, self.sampled.x[0].numel())

    def disagreement(self, means: Means, claimed: Tensor, slack: Tensor) -> Disagreement | None:
        """The worst of the means that refute their values, at the level of the stage."""
        return disagreement(means, claimed, slack, self.comparisons, self.level)


Checks = Callable[[Stage], dict[str, Disagreement]]
"""From draws to the disagreements that they show, by name."""


def twice(
    experiment: Experiment, checks: Checks, count: int | None = None
) -> tuple[Stage | None, dict[str, Disagreement]]:
    """The first draws, and what both they and four times as many others contradict.

    There are no draws where too few can be afforded for any to count.

    Args:
        experiment: the problem with its streams.
        checks: from draws to the disagreements that they show.
        count: how many first draws; None for as many as take a few hundredths of a second.
    """
    problem = experiment.problem.to("cpu", torch.float64)
    if not gives_draws(problem):
        return None, {}
    first = _draw(experiment, problem, count) if count is not None else _first(experiment, problem)
    found = {} if first is None else checks(first)
    if first is None or not found:
        return first, {}
    confirmed = checks(_draw(experiment, problem, AGAIN * len(first.sampled.x)))
    return first, {name: confirmed[name] for name in found if name in confirmed}


def _first(experiment: Experiment, problem: Problem) -> Stage | None:
    """As many draws as the width and the time of the problem allow."""
    most = affordable(problem)
    if most < _FEWEST_DRAWS:
        return None
    # The first call of anything takes longer: it compiles, and loads.
    _draw(experiment, problem, _FEWEST_DRAWS)
    count = min(most, _TRIAL_DRAWS)
    while True:
        start = time.process_time()
        stage = _draw(experiment, problem, count)
        room = _SECONDS / max(time.process_time() - start, _SECONDS / _GROWTH)
        if count == most or room < 2:
            return stage
        count = min(most, count << int(math.log2(room)))


def _draw(experiment: Experiment, problem: Problem, count: int) -> Stage:
    sampled = by_sample(problem, count, experiment.address(count, "confirmation", 0))
    path = by_path(problem, max(2, count // _PATH_PART), experiment.address(count, "confirmation", 1))
    moving = followed(problem, experiment.address(count, "confirmation of the path"))
    return Stage(problem, sampled, path, moving)


def contradictions(stage: Stage) -> dict[str, Disagreement]:
    """All that contradicts itself whatever the cost is: "score", "samplers" and "still"."""
    found = {}
    if stage.sampled.score is not None:
        score = means_of(stage.sampled.score)
        zero = torch.zeros_like(score.mean)  # [P]
        if (wrong := stage.disagreement(score, zero, zero) or _constant(stage, score)) is not None:
            found["score"] = wrong
    if stage.path is not None and (wrong := _samplers(stage, stage.path)) is not None:
        found["samplers"] = wrong
    if (wrong := _still(stage)) is not None:
        found["still"] = wrong
    return found


def _still(stage: Stage) -> Disagreement | None:
    """A coordinate of θ on which log p depends, and with which x does not move."""
    if stage.followed is None or stage.sampled.score is None:
        return None
    sizes = stage.sampled.score.abs().mean(0)  # [P]
    wrong = ~stage.followed & (sizes > _TINY)
    if not bool(wrong.any()):
        return None
    worst = int(torch.where(wrong, sizes, -1.0).argmax())
    return Disagreement(worst, 0.0, float(sizes[worst]), math.inf, _FEWEST_DRAWS)


def _constant(stage: Stage, score: Means) -> Disagreement | None:
    """A score that is the same in all draws, and not zero, where no two draws are the same.

    Of draws that repeat, rare ones may be missing that make up for the others.
    """
    x = stage.sampled.x.reshape(len(stage.sampled.x), -1)
    wrong = (score.effective == 0) & (score.mean.abs() > _TINY)  # [P]
    if not bool(wrong.any()) or len(torch.unique(x[:, 0])) < len(x):
        return None
    worst = int(torch.where(wrong, score.mean.abs(), -1.0).argmax())
    return Disagreement(worst, float(score.mean[worst]), 0.0, math.inf, score.count)


def _samplers(stage: Stage, path: Draws) -> Disagreement | None:
    """Moments of x, and its cost, by `sample()` and by `rsample()`."""
    first, second = _features(stage.sampled, path)
    means = less(means_of(first), means_of(second))
    zero = torch.zeros_like(means.mean)
    return stage.disagreement(means, zero, zero)


def _features(first: Draws, second: Draws) -> tuple[Tensor, Tensor]:
    """The cost, and bounded functions of x to which heavy tails do no harm, `[n, 1 + 2 D]` each."""
    flat = [each.x.double().reshape(len(each.x), -1)[:, :_MOST_MOMENTS] for each in (first, second)]
    median = flat[0].median(0).values  # [D]
    scale = (flat[0] - median).abs().median(0).values.clamp(min=_TINY)  # [D]
    bounded = [torch.tanh((x - median) / scale) for x in flat]  # [n, D]
    one, other = (
        torch.cat([each.cost[:, None], u, u.square()], 1)
        for u, each in zip(bounded, (first, second), strict=True)
    )
    return one, other


_TINY = 1e-300


def sentences(found: dict[str, Disagreement], problem: Problem) -> list[str]:
    """A sentence for each contradiction, with what it shows."""
    said = []
    if (wrong := found.get("score")) is not None:
        where = "" if len(problem.theta) == 1 else f" in {coordinate(problem, wrong.index)}"
        far = f"{wrong.errors:.3g} standard errors from zero" if wrong.errors < math.inf else "in every draw"
        said.append(
            f"log_prob is not the log density of sample(): the mean of its gradient{where} is "
            f"{wrong.mean:.3g} ({far}), or the support of x depends on θ: estimators by the score are wrong"
        )
    if (wrong := found.get("samplers")) is not None:
        what = "the distribution of x" if wrong.index else "the mean cost"
        said.append(
            f"sample() and rsample() do not draw from the same distribution: {what} differs by "
            f"{wrong.errors:.3g} standard errors"
        )
    if (wrong := found.get("still")) is not None:
        said.append(
            f"rsample() does not follow θ: x does not move with {coordinate(problem, wrong.index)}, on which "
            "log_prob depends: estimators along the path are wrong"
        )
    return said


def coordinate(problem: Problem, index: int) -> str:
    """A coordinate of θ as text: the smallest block that it is in, with its place there."""
    around = [(b.stop - b.start, name) for name, b in problem.parameters.items() if b.start <= index < b.stop]
    if not around:
        return f"coordinate {index}"
    size, name = min(around)
    return name if size == 1 else f"{name}[{index - problem.parameters[name].start}]"
