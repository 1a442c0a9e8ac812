"""A scenario whose sweep ranges over options, expanded: one scenario without them for each point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from bench.errors import (
    Invalid,
    KeyFault,
    Path,
    ScenarioError,
    collected,
    did_you_mean,
    invalid,
    shown,
)
from bench.scenario.document import printable
from bench.scenario.labels import label_of, places_of
from bench.scenario.messages import faults_of
from bench.scenario.overrides import Override
from bench.scenario.reading import Source, Swept, Variant
from bench.scenario.schema import EstimatorSpec, Scenario

MOST_POINTS = 1000

Settings = Mapping[str, Any]
"""Dotted option -> its value."""

CHECKPOINTS = "problem.theta.train.steps"
"""The option over which `checkpoints` of a training range."""


@dataclass(frozen=True)
class Point:
    """One of the problems that a scenario ranges over.

    Attributes:
        settings: the options of the problem that are swept, with their values here.
        scenario: the scenario with these values, whose estimators are written out.
        source: where its parts were said.
    """

    settings: Settings
    scenario: Scenario
    source: Source

    @property
    def label(self) -> str:
        """The settings as text: `k = 0.1, loc = 2`; empty where nothing of the problem is swept."""
        return settings_text(self.settings)


def settings_text(settings: Settings) -> str:
    """`k = 0.1, loc = 2`: each option by its last word."""
    return ", ".join(f"{key.rpartition('.')[2]} = {_text(value)}" for key, value in settings.items())


def points(scenario: Scenario, source: Source) -> list[Point]:
    """All points, in the order in which their options are written, the last varying fastest.

    Raises:
        ScenarioError: with everything that is wrong with the sweep, and where.
    """
    data = _without_sweep(scenario)
    try:
        with collected() as wrong:
            with wrong.under():
                steps = _checkpoints(data)
                swept = ({} if steps is None else {CHECKPOINTS: steps}) | dict(scenario.sweep.options)
            if wrong.faults:
                swept = dict(scenario.sweep.options)
            with wrong.under("sweep"):
                variants = _estimators(scenario.estimators, swept)
                data["estimators"] = [variant.data for variant in variants]
                source = replace(source, variants=tuple(variants))
            with wrong.under("sweep"):
                of_problem = {key: values for key, values in swept.items() if key.startswith("problem.")}
                settings = _settings(scenario, of_problem)
    except Invalid as error:
        raise ScenarioError(source.lines(error.faults)) from None
    if not swept and not scenario.sweep.zip and not scenario.sweep.exclude:
        return [Point({}, scenario, source)]
    return [_point(data, chosen, source) for chosen in settings]


def first_point(scenario: Scenario, source: Source) -> Point:
    """The point of all first values of the problem, at which the rest is checked if the sweep is wrong.

    Raises:
        ScenarioError: if a value has no place, or does not fit.
    """
    first = {key: values[0] for key, values in scenario.sweep.options.items() if key.startswith("problem.")}
    return _point(_without_sweep(scenario), first, source)


def _point(data: Mapping[str, Any], settings: Settings, source: Source) -> Point:
    applied: Any = data
    at: list[Swept] = []
    for key, value in settings.items():
        try:
            applied, path = Override(key, tuple(key.split(".")), value).applied(applied)
        except Invalid as error:
            raise ScenarioError(source.lines(error.under("sweep", "options", key).faults)) from None
        at.append(Swept(f"{printable(key, 60)} = {shown(value)}", ("sweep", "options", key), path))
    here = replace(source, swept=tuple(at))
    try:
        return Point(settings, Scenario.model_validate(applied), here)
    except ValidationError as error:
        raise ScenarioError(here.lines(faults_of(error))) from None


def _without_sweep(scenario: Scenario) -> dict[str, Any]:
    data = scenario.plain()
    return data | {"sweep": data["sweep"] | {"options": {}, "zip": [], "exclude": []}}


def _checkpoints(data: dict[str, Any]) -> list[Any] | None:
    """The steps at which a training is stopped, taken out of the problem; None if there are none."""
    theta = data["problem"].get("theta")
    if not isinstance(theta, Mapping) or "checkpoints" not in theta:
        return None
    steps = theta["checkpoints"]
    rest = {key: value for key, value in theta.items() if key != "checkpoints"}
    data["problem"] = data["problem"] | {"theta": rest}
    whole = isinstance(steps, list) and steps and all(type(step) is int and step >= 0 for step in steps)
    if not whole or len(set(steps)) < len(steps) or set(rest) != {"train"}:
        message = (
            f"checkpoints: wanted {{train: {{...}}, checkpoints: [0, 10, ...]}}, got {shown(dict(theta))}"
        )
        raise invalid(message, "problem", "theta")
    return list(steps)


def _settings(scenario: Scenario, swept: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations, those zipped together side by side, less the excluded ones."""
    excluded = scenario.sweep.exclude
    with collected() as wrong:
        with wrong.under():
            axes = list(_axes(scenario.sweep.zip, swept))
            if math.prod(len(axis) for axis in axes) > MOST_POINTS:
                raise invalid(f"more than {MOST_POINTS} combinations", "options")
        wrong.faults += [
            KeyFault(
                f"{shown(key)} is no swept option of the problem; {did_you_mean(key, swept)}",
                ("exclude", i, key),
            )
            for i, entry in enumerate(excluded)
            for key in entry
            if key not in swept
        ]
    found = [
        {key: value for part in combination for key, value in part.items()}
        for combination in itertools.product(*axes)
    ]
    kept = [one for one in found if not any(_matches(one, entry) for entry in excluded)]
    if not kept:
        raise invalid("nothing is left of the sweep", "exclude")
    return kept


def _axes(zipped: Sequence[Sequence[str]], swept: Mapping[str, Sequence[Any]]) -> Iterator[list[Settings]]:
    """Return the options that vary together, each as a list of settings."""
    together: dict[str, int] = {}
    for i, group in enumerate(zipped):
        for k, key in enumerate(group):
            if key not in swept or key in together:
                why = "is zipped twice" if key in together else "is no swept option of the problem"
                near = "" if key in together else f"; {did_you_mean(key, swept)}"
                raise invalid(f"{shown(key)} {why}{near}", "zip", i, k)
            together[key] = i
        lengths = {key: len(swept[key]) for key in group}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            raise invalid(f"zipped options have as many values: {told}", "zip", i)
    done: set[int] = set()
    for key, values in swept.items():
        if key not in together:
            yield [{key: value} for value in values]
        elif together[key] not in done:
            done.add(together[key])
            group = zipped[together[key]]
            yield [dict(zip(group, row, strict=True)) for row in zip(*(swept[k] for k in group), strict=True)]


def _matches(settings: Settings, entry: Settings) -> bool:
    return all(settings[key] == value for key, value in entry.items())


def _estimators(specs: Sequence[EstimatorSpec], swept: Mapping[str, Sequence[Any]]) -> list[Variant]:
    """The estimators, one for each combination of their swept options."""
    options: dict[int, dict[str, Sequence[Any]]] = {}
    for key, values in swept.items():
        first, _, rest = key.partition(".")
        if first == "problem" and rest:
            continue
        which = _meant(rest, specs) if first == "estimators" else []
        if len({label_of(specs[i]) for i in which}) != 1:  # that two have one label is told elsewhere
            names = dict.fromkeys(spec.label or spec.name for spec in specs)
            known = ["problem.OPTION", *(f"estimators.{name}.OPTION" for name in names)]
            some = "several estimators have that name" if which else "no such option"
            message = f"{shown(key)}: {some}; wanted {' or '.join(known[:6])}"
            raise Invalid(KeyFault(message, ("options", key)))
        options.setdefault(which[0], {})[key] = values
    return [
        Variant(i, written, said)
        for i, spec in enumerate(specs)
        for written, said in (_variants(spec, options[i]) if i in options else [(spec.model_dump(), {})])
    ]


def _meant(rest: str, specs: Sequence[EstimatorSpec]) -> list[int]:
    """Return which estimators `NAME.OPTION` is of; names may have dots."""
    found = (places_of(name, specs) for name in _names_in(rest))
    return next((places for places in found if places), [])


def _names_in(rest: str) -> list[str]:
    """Return the beginnings of `NAME.OPTION` that may be the name, the longest first."""
    parts = rest.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _variants(
    spec: EstimatorSpec, options: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[Any, dict[Path, str]]]:
    """Return an estimator as a file would say it, and path within it -> the key of the sweep that said it."""
    for values in itertools.product(*options.values()):
        chosen: Any = {spec.name: dict(spec.options)}
        words, said = {}, {}
        for key, value in zip(options, values, strict=True):
            rest = key.removeprefix("estimators.")
            name = next(name for name in _names_in(rest) if places_of(name, [spec]))
            inner: Path = tuple(rest[len(name) + 1 :].split("."))
            chosen, path = Override(key, (spec.name, *map(str, inner)), value).applied(chosen)
            words[key], said[path] = value, key
        yield chosen | {"label": f"{spec.label or spec.name} ({settings_text(words)})"}, said


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(shown(value)).strip("'\"")
