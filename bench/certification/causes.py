"""The causes of a bias on one problem: each is tested on fresh random numbers, or not told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from bench.certification.trial import Trial
from bench.diagnosing.factor import Constant, Size, constants, fitting, is_unclear, multiple_of
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh, fresh_of
from bench.diagnosing.jump import path_across_a_jump
from bench.diagnosing.some_blocks import biased_blocks, without_gradient
from bench.engine.guard import reason_of
from bench.engine.plain_estimates import affordable
from bench.engine.plan import Experiment
from bench.engine.trials import not_applicable
from bench.problem import Problem
from bench.statistics.intervals import Interval

_ROLE = "certify cause"
_REPLICATES, _MORE, _ENOUGH = 4000, 4, 64_000
# Of so few coordinates every one is looked at, where no block is biased alone.
_FEW_COORDINATES = 16


@dataclass(frozen=True)
class Seen:
    """The cause of a bias on one problem at one N, as far as it was seen.

    Attributes:
        sample_size: N.
        finding: the cause, which is "bias" if none was found.
        factor: by which the mean is a multiple of the gradient; None if it is none.
        fits: the usual constants that the factor may be.
        depends: whether the cost depends on θ itself, at fixed x.
    """

    sample_size: int
    finding: Finding
    factor: Interval | None = None
    fits: tuple[Constant, ...] = ()
    depends: bool = False


def causes(trial: Trial, sample_size: int) -> Seen:
    """Look for the cause of a bias that was found at an N."""
    label = trial.named.label
    try:
        with trial.sampler(sample_size).guarded():
            return replace(_seen(trial, sample_size, label), depends=_depends(trial.experiment.problem))
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        said = f"no cause was found: the search failed with {reason_of(error)}"
        return Seen(sample_size, Finding(label, "unknown", said))


def _seen(trial: Trial, N: int, label: str) -> Seen:
    experiment = trial.experiment
    most = affordable(len(experiment.problem.theta), _ENOUGH)
    jump = path_across_a_jump(
        label, experiment.problem, experiment.address(1, _ROLE), most, lambda count: _fresh(trial, N, count)
    )
    if jump is not None:
        return Seen(N, jump)
    fresh, sizes = _clear(trial, N), [*_sizes(trial, N)]
    if (none := without_gradient(label, fresh)) is not None:
        # A constant that is zero at this N leaves no gradient, too.
        zero = [each for each in constants(sizes) if each.value == 0] if none.names == ("all",) else []
        return Seen(N, none, fits=tuple(zero))
    if (found := multiple_of(fresh)) is not None:
        return Seen(N, Finding(label, "factor", ""), found, tuple(fitting(fresh, found, sizes)))
    return Seen(N, _some(label, fresh) or Finding(label, "bias", ""))


def _depends(problem: Problem) -> bool:
    """Whether the cost depends on θ at fixed x; the draws are of no consequence."""
    theta = problem.theta[None].clone().requires_grad_()
    with torch.random.fork_rng(devices=[]):
        x = problem.distribution(theta).sample((1,))
    return problem.cost(x, theta).requires_grad


def _clear(trial: Trial, N: int) -> Fresh:
    """So many estimates that they tell whether the mean is a multiple of the gradient, if possible."""
    P, count = len(trial.experiment.problem.theta), _REPLICATES
    fresh = _fresh(trial, N, affordable(P, count))
    while is_unclear(fresh) and count < _ENOUGH and affordable(P, _MORE * count) > len(fresh.suspect):
        count *= _MORE
        fresh = _fresh(trial, N, affordable(P, count))
    return fresh


def _fresh(trial: Trial, N: int, count: int) -> Fresh:
    """Estimates beside what is right."""
    cell, truth = trial.sampler(N).cell, trial.setting.truths()
    return fresh_of(_with_reference(trial), truth, cell, count, _ROLE)


def _with_reference(trial: Trial) -> Experiment:
    """The experiment with the estimator beside which estimates are told from the truth, if it needs one."""
    experiment = trial.experiment
    if trial.truth_is_exact:
        return experiment
    # The path is less noisy, and the score sees a cost that jumps.
    jumps = "jumps" in trial.setting.truths().note
    seeing = [each for each in experiment.references if not (jumps and each.estimator.needs_continuity)]
    fit = next(each for each in seeing if not not_applicable(each.estimator, experiment))
    return replace(experiment, references=(fit,)).at(experiment.problem)


def _some(label: str, fresh: Fresh) -> Finding | None:
    """The finding that some blocks are biased alone; else some coordinates, where there are few."""
    if (found := biased_blocks(label, fresh)) is not None or len(fresh.truth) > _FEW_COORDINATES:
        return found
    each = {
        f"{name}[{i - place.start}]" if place.stop - place.start > 1 else name: slice(i, i + 1)
        for name, place in fresh.blocks.items()
        for i in range(place.start, place.stop)
    }
    return biased_blocks(label, replace(fresh, blocks=each))


def _sizes(trial: Trial, N: int) -> Iterator[Size]:
    """The sizes that may occur in a factor, each number once."""
    problem = trial.experiment.problem
    p = problem.distribution(problem.theta[None])
    every = (
        Size("N", N, "the samples"),
        Size("B", p.batch_shape[1:].numel(), "the items"),
        Size("K", trial.samples_per_cost, "the samples of a bound"),
        Size("D", p.event_shape.numel(), "the coordinates of x"),
        Size("P", len(problem.theta), "the parameters"),
    )
    met = {1.0, 2.0}  # of which 2 and ½ are constants without a size
    for size in every:
        if size.symbol == "N" or size.value not in met:
            yield size
        met.add(size.value)
