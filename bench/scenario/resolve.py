"""Names of a scenario resolved: all is built and checked before a sample is drawn."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench import catalogue
from bench.engine.plan import Experiment, NamedEstimator
from bench.engine.precision import Precision
from bench.errors import Fault, FaultCollector, Invalid, ScenarioError, collected, invalid
from bench.estimator import Estimator
from bench.scenario import EstimatorSpec, NamedSpec, Point, Scenario, Source, points
from bench.scenario.labels import call_of, canonical, label_of
from bench.scenario.points import first_point
from bench.scenario.thresholds import faults_of as threshold_faults

# Those that give a reference, a family each: the path, nearly always less noisy, and the score.
_REFERENCES = (
    EstimatorSpec(name="reparameterization"),
    EstimatorSpec(name="reinforce", options={"baseline": "leave_one_out"}),
)
# A reference's standard error is at most a fifth of that of what it judges, if it is as
# noisy for each sample; every test of bias is then far from its nominal level.
_REFERENCE_EFFORT = 25

Own = Mapping[str, Estimator]
_NONE: Own = {}

_QUICK_REPLICATES = 16
_QUICK_SAMPLE_SIZE = 100


def experiments_of(scenario: Scenario, source: Source) -> list[Experiment]:
    """The experiments that a scenario describes, one for each point of its sweep.

    Raises:
        ScenarioError: with everything that is wrong, and where it was said.
    """
    found, lines = [], []
    try:
        every = points(scenario, source)
    except ScenarioError as error:
        lines, every = list(error.lines), [Point({}, scenario, source)]
        try:
            every = [first_point(scenario, source)]
        except ScenarioError as more:
            lines += more.lines
    for point in every:
        try:
            found.append(_experiment(point))
        except ScenarioError as error:
            lines += error.lines
    if lines:
        raise ScenarioError(list(dict.fromkeys(lines)))
    return found


def _experiment(point: Point) -> Experiment:
    scenario, source = point.scenario, point.source
    try:
        with collected() as wrong:
            own = _NONE
            with wrong.under("problem"):
                problem = _problem(scenario.problem)
                own = problem.own_estimators()
            estimators = list(_estimators(scenario, own, wrong))
            references = list(_references(scenario, own, wrong))
            wrong.faults += _sample_size_faults(scenario, estimators)
            wrong.faults += threshold_faults(scenario.gate, map(label_of, scenario.estimators))
    except Invalid as error:
        raise ScenarioError(source.lines(error.faults)) from None
    largest = max(scenario.sweep.sizes)
    return Experiment(
        scenario=scenario.name,
        version=scenario.version,
        problem_name=scenario.problem.name,
        problem_key=canonical(scenario.plain()["problem"]),
        problem=problem,
        estimators=tuple(estimators),
        references=tuple(references),
        reference_checks=_checks(scenario),
        named_within=catalogue.added_within(scenario.plain()["problem"]),
        sample_sizes=tuple(scenario.sweep.sizes),
        budgets=tuple(scenario.sweep.evaluations or ()),
        devices=tuple(scenario.sweep.devices),
        dtypes=tuple(scenario.sweep.dtypes),
        replicates=scenario.replicates,
        seed=scenario.seed,
        reference_sample_size=scenario.reference.sample_size or largest,
        reference_replicates=scenario.reference.replicates or _REFERENCE_EFFORT * scenario.replicates,
        precision=_precision(scenario),
        resampled=scenario.data == "resampled",
        coordinates=scenario.coordinates,
        settings=point.settings,
        point=point.label,
    )


def quick(scenario: Scenario) -> Scenario:
    """Return a small version of a scenario, to see whether it runs: its numbers are rough."""
    every = scenario.sweep.sizes
    sizes = [n for n in every if n <= _QUICK_SAMPLE_SIZE] or [min(every)]
    key = "sample_sizes" if scenario.sweep.evaluations is None else "evaluations"
    sweep = scenario.sweep.model_copy(update={key: sizes})
    replicates = min(_QUICK_REPLICATES, scenario.replicates)
    effort = min(_REFERENCE_EFFORT * replicates, scenario.reference.replicates or sys.maxsize)
    reference = scenario.reference.model_copy(update={"sample_size": None, "replicates": effort})
    gated = [n for n in scenario.gate.sample_sizes or [] if n in (sweep.sample_sizes or [])] or None
    gate = scenario.gate.model_copy(update={"sample_sizes": gated})
    few = {"replicates": replicates, "precision": None}
    return scenario.model_copy(update={"sweep": sweep, "reference": reference, "gate": gate, **few})


def _precision(scenario: Scenario) -> Precision | None:
    wanted = scenario.precision
    return None if wanted is None else Precision(wanted.variance, scenario.max_replicates)


def _estimators(scenario: Scenario, own: Own, wrong: FaultCollector) -> Iterator[NamedEstimator]:
    labels: set[str] = set()
    for i, spec in enumerate(scenario.estimators):
        label = label_of(spec)
        if label in labels:
            wrong.faults.append(
                Fault(f"two estimators are called {label!r}; give one a label", ("estimators", i))
            )
        labels.add(label)
        with wrong.under("estimators", i):
            yield _named(spec, label, own)


def _references(scenario: Scenario, own: Own, wrong: FaultCollector) -> Iterator[NamedEstimator]:
    wanted = scenario.reference.estimator
    for spec in _REFERENCES if wanted is None else (wanted,):
        with wrong.under("reference", "estimator"):
            named = _named(spec, label_of(spec), own)
            claim = getattr(named.estimator, "bias", "without a claim")
            if claim != "unbiased":
                raise Invalid(Fault(f"a reference must be unbiased; {spec.name} is {claim}"))
            yield named


def _checks(scenario: Scenario) -> tuple[NamedEstimator, ...]:
    """Those that a reference named by the scenario must agree with: the others of the usual ones."""
    own = scenario.reference.estimator
    if own is None:
        return ()
    return tuple(each for each in default_references() if each.label != call_of(own.name, own.options))


def default_references() -> tuple[NamedEstimator, ...]:
    """Those that give a reference where a scenario names none, in order."""
    return tuple(_named(spec, label_of(spec)) for spec in _REFERENCES)


def _problem(spec: NamedSpec) -> Any:
    try:
        catalogue.find("problems", spec.name)
    except Invalid as error:
        raise error.under("name") from error
    return _built("problems", spec.name, spec.options)


def _named(spec: EstimatorSpec, label: str, own: Own = _NONE) -> NamedEstimator:
    if spec.name in own:
        if spec.options:
            raise invalid(f"{spec.name} comes with the problem and has no options", spec.name)
        return NamedEstimator(label, spec.name, canonical({}), own[spec.name])
    try:
        name, options = catalogue.meant(spec.name, spec.options)
        estimator = _built("estimators", name, options)
    except Invalid as error:
        raise error.under(spec.name) from error
    return NamedEstimator(label, name, canonical(options), estimator)


def _built(kind: catalogue.Kind, name: str, options: Mapping[str, Any]) -> Any:
    try:
        return catalogue.build(kind, name, options)
    except Invalid:
        raise
    except Exception as error:
        raise invalid(f"{kind[:-1]} {name} cannot be made: {type(error).__name__}: {error}") from error


def _sample_size_faults(scenario: Scenario, estimators: list[NamedEstimator]) -> Iterator[Fault]:
    for i, sample_size in enumerate(scenario.sweep.sample_sizes or []):
        for named in estimators:
            least = named.estimator.minimum_sample_size
            if sample_size < least:
                message = f"{named.label} needs N of at least {least}, got {sample_size}"
                yield Fault(message, ("sweep", "sample_sizes", i))
