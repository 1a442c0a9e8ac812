"""The battery: every check on every problem, and the certificate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args

from bench.certification import cost, purity, relaxation, rows, shapes, sizes
from bench.certification.bias import JUMPS, is_consistent_only, no_bias, untested, vanishing
from bench.certification.causes import causes
from bench.certification.meanwhile import Meanwhile
from bench.certification.metamorphic import RELATIONS, metamorphic
from bench.certification.noise import agreeing, as_declared, falling
from bench.certification.trial import Setting, Trial
from bench.certification.verdicts import BiasFault, BiasTest, Certificate, Fault, Outcome
from bench.engine.devices import unavailable
from bench.engine.guard import contained, reason_of
from bench.engine.plan import NamedEstimator
from bench.engine.process_state import watched
from bench.estimator import Claim
from bench.problem import NotApplicable
from bench.statistics.gating import POWER, stage_level

# At either N the claim of its bias and its exact variance; that its noise falls; that float32 agrees; and
# the relations.
_TESTS_OF_A_PROBLEM = 6 + len(RELATIONS)

Check = Callable[[Trial], Iterator[Fault]]
STRUCTURE: Mapping[str, Check] = {
    "repeats": purity.purity,
    "inputs": purity.inputs,
    "rows": rows.rows,
    "theta": rows.theta,
    "data": rows.data,
    "cost": cost.cost,
    "relaxation": relaxation.relaxation,
    "smallest N": sizes.smallest,
}
"""Checks that need few estimates. An exception is a fault of the check's name."""


def battery(
    named: NamedEstimator,
    settings: Sequence[Setting],
    device: str,
    replicates: int,
    alpha: float,
    tell: Callable[[Outcome], None] = lambda _: None,
    meanwhile: Meanwhile | None = None,
) -> Certificate:
    """Try an estimator on problems, one after the other.

    Args:
        named: the estimator.
        settings: the problems.
        device: as torch names it.
        replicates: R of each test.
        alpha: the probability of a false alarm, over all tests.
        tell: is told of each problem.
        meanwhile: what another process finds of some of the problems.
    """
    start = time.perf_counter()
    tests, level = tests_of(len(settings)), level_of(alpha, len(settings))
    missing = unavailable(device, "float64") or ""
    own = list(value(named.estimator))
    outcomes: list[Outcome] = []
    # Without a claim there is nothing to hold it to.
    if not missing and not any(fault.check == "claim" for fault in own):
        trials = [Trial(named, setting, device, replicates) for setting in settings]
        outcomes += _outcomes(trials, level, tell, meanwhile or Meanwhile())
    return Certificate(
        named.label,
        getattr(named.estimator, "bias", "biased"),
        tuple(outcomes),
        (*own, *over_all(outcomes)),
        device,
        missing,
        tests,
        alpha,
        level,
        POWER,
        time.perf_counter() - start,
    )


def tests_of(problems: int) -> int:
    """The number of tests of statistics that may raise a false alarm."""
    return _TESTS_OF_A_PROBLEM * problems


def level_of(alpha: float, problems: int) -> float:
    """The level of each of the two stages of a test."""
    return stage_level(alpha, tests_of(problems))


def _outcomes(
    trials: Sequence[Trial], level: float, tell: Callable[[Outcome], None], meanwhile: Meanwhile
) -> list[Outcome]:
    found: dict[str, Outcome] = {}
    for trial in trials:
        if meanwhile.leaves(trial.setting.name):
            found[trial.setting.name] = outcome_of(trial, level)
            tell(found[trial.setting.name])
    for trial in trials:
        if trial.setting.name not in found:
            outcome = meanwhile.outcome(trial.setting.name)
            # A process that ended did so of what is found here, or of nothing that the estimator did.
            found[trial.setting.name] = outcome or outcome_of(trial, level)
            tell(found[trial.setting.name])
    return [found[trial.setting.name] for trial in trials]


def value(estimator: Any) -> Iterator[Fault]:
    """An estimator is a value: frozen, compared and hashed by its options, with a claim."""
    if getattr(estimator, "bias", None) not in get_args(Claim):
        yield Fault("claim", f"bias must be one of {', '.join(get_args(Claim))}")
    parameters = getattr(type(estimator), "__dataclass_params__", None)
    if not (is_dataclass(estimator) and getattr(parameters, "frozen", False)):
        yield Fault("value", "it is no frozen dataclass: two with the same options are not equal")
        return
    options = {each.name: getattr(estimator, each.name) for each in fields(estimator) if each.init}
    try:
        cls: Any = type(estimator)
        same = cls(**options)
        if same != estimator or hash(same) != hash(estimator):
            yield Fault("value", "two with the same options are not equal")
    except TypeError as error:
        yield Fault("value", f"its options cannot be hashed: {error}")


def over_all(outcomes: Sequence[Outcome]) -> Iterator[Fault]:
    """Return the findings that need all problems together."""
    applied = [one for one in outcomes if not one.not_applicable and not one.faults]
    if applied and not any(one.follows for one in outcomes):
        yield Fault("theta", "estimates are the same whatever θ, on every problem")
    if applied and not any(one.fine for one in outcomes):
        yield Fault("type", "in float64 estimates have no more digits than float32 holds")


def outcome_of(trial: Trial, level: float) -> Outcome:
    """Every check on one problem; the costly ones only if the others found nothing."""
    outcome = Outcome(trial.setting.name)
    try:
        with contained():
            problem = trial.problem()
            estimator = trial.fitted(problem, trial.sizes[1])
            trial.drawn(estimator, problem, problem.theta.expand(2, -1), trial.sizes[1])
    except NotApplicable as reason:
        return replace(outcome, not_applicable=reason_of(reason))
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return replace(outcome, faults=(_raised("runs", error),))
    faults = _guarded("form", shapes.form, trial)
    if faults:  # nothing else can be said of what is no estimate
        return replace(outcome, faults=tuple(faults))
    faults = [fault for name, check in STRUCTURE.items() for fault in _guarded(name, check, trial)]
    if not faults:
        outcome = _with_facts(outcome, trial)
    # What is not repeatable, say, still has a mean.
    bias, found, why = _tested(trial, level)
    seen = tuple(causes(trial, each.sample_size) for each in found if isinstance(each, BiasFault))
    if trial.estimator.needs_continuity and seen and all(one.finding.cause == "jump" for one in seen):
        # Of a problem of one's own nobody said that its cost jumps.
        found = [each for each in found if not isinstance(each, BiasFault)]
        bias, seen, why = (), (), JUMPS
    # A changed problem tells nothing of what asks another, or does not repeat itself.
    broken, relations = metamorphic(trial, level) if _may_be_changed(faults) else ([], {})
    return replace(
        outcome,
        bias=bias,
        faults=(*faults, *found, *broken),
        untested=why,
        causes=seen,
        relations=relations,
    )


def _may_be_changed(faults: Sequence[Fault]) -> bool:
    """Whether what was found leaves sense in estimates of changed problems."""
    return {fault.check for fault in faults} <= {"smallest N"}


def _with_facts(outcome: Outcome, trial: Trial) -> Outcome:
    problem, N = trial.problem(), trial.sizes[1]
    estimates = trial.drawn(trial.fitted(problem, N), problem, problem.theta.expand(64, -1), N).estimates
    return replace(
        outcome,
        evaluations=cost.counted_per_estimate(trial, N) or None,
        declared=trial.estimator.evaluations(problem, N) is not None,
        follows=rows.follows(trial),
        fine=shapes.is_fine(estimates),
    )


def _tested(trial: Trial, level: float) -> tuple[tuple[BiasTest, ...], list[Fault], str]:
    """The tests of statistics: what they said of the bias, what they flagged, and why they did not test."""
    bias: list[BiasTest] = []
    faults: list[Fault] = []
    try:
        why = untested(trial)
        if not why and is_consistent_only(trial):
            faults += vanishing(trial, level)
        elif not why:
            for N in dict.fromkeys(trial.sizes):
                test, found = no_bias(trial, N, level)
                bias.append(test)
                faults += found
        if not faults and bias:
            faults += falling(trial, level)
            faults += as_declared(trial, level)
        if not faults and (not why or trial.is_small):
            faults += agreeing(trial, level)
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return tuple(bias), [*faults, _raised("runs", error)], ""
    return tuple(bias), faults, why


def _guarded(name: str, check: Check, trial: Trial) -> list[Fault]:
    try:
        with watched(), contained():
            return list(check(trial))
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return [_raised(name, error)]


def _raised(check: str, error: Exception) -> Fault:
    text = reason_of(error)
    return Fault(check, text if len(text) <= 300 else text[:299] + "…")
