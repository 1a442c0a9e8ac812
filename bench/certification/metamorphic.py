"""Relations between gradients of changed problems, which hold whatever the gradient is.

Each follows from the claim to be unbiased, and needs no truth. Estimates of both problems are on common
random numbers: where they agree to rounding the relation is exact, elsewhere their means are compared, in two
stages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.certification import changed_problems, parameterizations
from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.diagnosing.fresh import Fresh
from bench.engine.blocks import chunk_rows
from bench.engine.guard import contained, reason_of
from bench.engine.plain_estimates import affordable
from bench.engine.process_state import watched
from bench.engine.streams import stream
from bench.estimator import Estimator
from bench.problem import NotApplicable, Problem
from bench.statistics.gating import CONFIRMATION

REPLICATES = 8000
"""R of the first stage of each relation, at most."""

LARGE, SMALL, OFFSET = -1000.0, 1e-3, -3.0
"""Factors of the cost, and what is added to it as a multiple of its root mean square."""

FEW = 128
"""Estimates that are held to agree to rounding."""

# Rounding, as a part of their size; and draws that tell the size of the cost.
_ROUNDED = 1e-9
_DRAWS = 256


@dataclass(frozen=True)
class Changed:
    """A changed problem, with what its gradient has to do with that of the problem itself.

    Attributes:
        problem: the changed one.
        back: its estimates, as estimates of what is wanted, `[R, P'] -> [R, Q]`.
        wanted: estimates of the problem itself, as estimates of the same, `[R, P] -> [R, Q]`.
    """

    problem: Problem
    back: Callable[[Tensor], Tensor]
    wanted: Callable[[Tensor], Tensor] = lambda rows: rows


@dataclass(frozen=True)
class Relation:
    """A relation.

    Attributes:
        change: the changed problem, of a trial and of the size of its cost.
        broken: what is said where it does not hold.
        contract_only: whether an exception tells only that the estimator asks for more than the contract has.
    """

    change: Callable[[Trial, float], Changed]
    broken: str
    contract_only: bool = False


def _constant(trial: Trial, size: float) -> Changed:
    problem = changed_problems.constant(trial.problem(), size)
    return Changed(problem, lambda rows: rows / size, lambda rows: 0 * rows)


def _offset(trial: Trial, size: float) -> Changed:
    return Changed(changed_problems.shifted(trial.problem(), OFFSET * size), lambda rows: rows)


def _times(factor: float) -> Callable[[Trial, float], Changed]:
    return lambda trial, _: Changed(
        changed_problems.scaled(trial.problem(), factor), lambda rows: rows / factor
    )


def _copies(trial: Trial, _: float) -> Changed:
    problem = changed_problems.twice(trial.problem())
    return Changed(problem, lambda rows: 2 * rows, lambda rows: torch.cat([rows, rows], 1))


def _otherwise(trial: Trial, _: float) -> Changed:
    other, moved = parameterizations.otherwise(trial.setting.reference.options)
    problem = trial.problem()

    def back(rows: Tensor) -> Tensor:
        theta = problem.theta.expand(len(rows), -1).detach().clone().requires_grad_()
        (found,) = torch.autograd.grad(moved(theta), theta, rows)
        return found

    return Changed(other.to(trial.device, problem.theta.dtype), back)


RELATIONS: Mapping[str, Relation] = {
    "constant cost": Relation(_constant, "of a constant f the mean estimate is not zero"),
    "offset": Relation(_offset, "of f plus a constant the mean estimate is not that of f"),
    "scale": Relation(
        _times(LARGE), f"of f times {LARGE:g} the mean estimate is not {LARGE:g} times that of f"
    ),
    "small scale": Relation(
        _times(SMALL), f"of f times {SMALL:g} the mean estimate is not {SMALL:g} times that of f"
    ),
    "copies": Relation(
        _copies,
        "with each coordinate of θ twice the mean estimate of either is not half of that of one",
        contract_only=True,
    ),
    "parameterization": Relation(
        _otherwise, "by logits and by probabilities the mean estimates differ after the chain rule"
    ),
}
"""Relations by the name of the check; each is a test of statistics where it does not hold to rounding."""


def untested(trial: Trial) -> str:
    """Return why the relations are not claimed of an estimator here; empty if they are."""
    if (claim := trial.estimator.claim(trial.problem())) != "unbiased":
        return f"it claims to be {claim}"
    if trial.estimator.needs_continuity and trial.setting.reference.continuous is False:
        return "the cost jumps"
    return ""


def metamorphic(trial: Trial, level: float) -> tuple[list[Fault], dict[str, str]]:
    """Test every relation on one problem.

    Args:
        trial: the estimator on the problem.
        level: of each of two stages of each relation.

    Returns:
        The faults, and what was seen of each relation: "exact", a p-value, or why it was not tried.
    """
    if untested(trial):
        return [], {}
    pairs, faults, seen = _Pairs(trial), list[Fault](), dict[str, str]()
    for name, relation in RELATIONS.items():
        try:
            with watched(), contained():
                seen[name] = pairs.tested(relation, level)
        except NotApplicable as reason:
            seen[name] = f"not tried: {reason_of(reason)}"
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            seen[name] = f"not tried: {reason_of(error)}"
            if not relation.contract_only:
                faults.append(Fault(name, f"it fails with {reason_of(error)}"))
        else:
            if seen[name].startswith(_BROKEN):
                faults.append(Fault(name, seen[name].removeprefix(_BROKEN)))
    return faults, seen


_BROKEN = "broken: "


@dataclass(frozen=True)
class _Pairs:
    """Estimates of one problem beside those of changed ones."""

    trial: Trial

    def tested(self, relation: Relation, level: float) -> str:
        """Return "exact", a p-value, or that it is broken."""
        changed = relation.change(self.trial, self._size)
        few = self._fresh(changed, 0, self._few)
        if bool(few.suspect.isfinite().all()) and _agree(few):
            return "exact"
        first = self._fresh(changed, 1, self._count)
        if not all(bool(self._own(*stage).isfinite().all()) for stage in ((0, self._few), (1, self._count))):
            raise NotApplicable("its estimates are not finite")
        for rows in (few.suspect, first.suspect):
            if lost := int((~rows.isfinite()).any(1).sum()):
                return f"{_BROKEN}{relation.broken}: {lost} of {len(rows)} estimates are not finite"
        if not (p := first.p()) < level:
            return f"p = {p:.2g}"
        again = self._fresh(changed, 2, CONFIRMATION * self._count)
        if not (second := again.p()) < level:
            return f"p = {p:.2g}, then {second:.2g}"
        off = float((again.suspect - again.right).mean(0).norm() / again.truth.norm().clamp(min=1e-300))
        return f"{_BROKEN}{relation.broken}, but off by {100 * off:.3g} % of its norm: {_p(max(p, second))}"

    @property
    def _sample_size(self) -> int:
        return self.trial.sizes[1]

    @property
    def _few(self) -> int:
        return min(FEW, self._count)

    @property
    def _count(self) -> int:
        # Estimates are kept, in the second stage of each coordinate twice.
        numbers = 2 * CONFIRMATION * len(self.trial.problem().theta)
        return affordable(numbers, min(REPLICATES, self.trial.test_replicates))

    @cached_property
    def _size(self) -> float:
        """The root mean square of the cost, 1 if it is zero."""
        problem = self.trial.problem()
        theta = problem.theta.expand(_DRAWS, -1)
        address = self.trial.experiment.address(1, "certify size")
        with stream(address, theta.device), torch.no_grad():
            cost = problem.cost(problem.distribution(theta).sample((1,)), theta)
        size = float(cost.square().mean().sqrt())
        return size if size > 0 and math.isfinite(size) else 1.0

    def _fresh(self, changed: Changed, stage: int, count: int) -> Fresh:
        """Estimates of the changed problem beside those of the problem itself, as of the same quantity."""
        own = self._own(stage, count)
        suspect = changed.back(self._rows(changed.problem, stage, count)).cpu()
        # Also of a gradient that must be zero, what is rounding is a part of that of the problem itself.
        size = own.mean(0) if stage else own.abs().amax(0)
        wide = size.repeat(suspect.shape[1] // len(size))
        return Fresh(suspect, changed.wanted(own), wide, {})

    def _own(self, stage: int, count: int) -> Tensor:
        if stage not in self._kept:
            self._kept[stage] = self._rows(self.trial.problem(), stage, count).cpu()
        return self._kept[stage]

    @cached_property
    def _kept(self) -> dict[int, Tensor]:
        return {}

    def _rows(self, problem: Problem, stage: int, count: int) -> Tensor:
        """Estimates of a stage, `[count, P]`; streams are those of the problem itself."""
        N, trial = self._sample_size, self.trial
        estimator = self._learned(problem)
        chunk = min(count, chunk_rows(trial.problem(), N, problem.theta.device.type))
        starts = range(0, count, chunk)
        return torch.cat(
            [
                trial.drawn(
                    estimator,
                    problem,
                    problem.theta.expand(min(chunk, count - start), -1),
                    N,
                    part=_PARTS * (stage + 1) + i,
                ).estimates
                for i, start in enumerate(starts)
            ]
        )

    def _learned(self, problem: Problem) -> Estimator:
        """The estimator with what it learns of a problem, on the same random numbers whichever it is."""
        # By identity, as one's own problem may have no hash; kept, so that no other takes its number.
        if id(problem) not in self._fitted:
            self._fitted[id(problem)] = problem, self.trial.learned(problem, self._sample_size)
        return self._fitted[id(problem)][1]

    @cached_property
    def _fitted(self) -> dict[int, tuple[Problem, Estimator]]:
        return {}


# Streams of one stage; below them are those of the other checks.
_PARTS = 100_000


def _agree(few: Fresh) -> bool:
    """Whether estimates agree to rounding, row by row."""
    return bool((few.suspect - few.right).abs().max() <= _ROUNDED * few.truth.max())


def _p(p: float) -> str:
    return f"p = {max(p, 1e-300):.1e} or less in both stages"
