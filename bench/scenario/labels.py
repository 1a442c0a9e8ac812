"""Names of the estimators of a scenario: labels, and the other names by which they are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench.scenario.schema import Estimator, EstimatorSpec, Scenario
from estimators import called, meaning


def label_of(spec: EstimatorSpec) -> str:
    """Return the label of an estimator; of one that was given none `name(option=value)`."""
    return spec.label or call_of(spec.name, spec.options)


def call_of(name: str, options: Any) -> str:
    """Return a name with options: `name(option=value)`."""
    arguments = ", ".join(f"{key}={_text(value)}" for key, value in options.items())
    return f"{name}({arguments})" if arguments else name


def _text(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((name, options),) = value.items()
        return call_of(name, options) if isinstance(options, dict) else str(name)
    return str(value)


def canonical(value: Any) -> str:
    """Return plain data as JSON: sorted, without spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def places_of(name: str, specs: Sequence[EstimatorSpec]) -> list[int]:
    """Return which estimators a name means: by label, or as they are written, else by their other names."""
    own = [i for i, spec in enumerate(specs) if name in (label_of(spec), spec.label or spec.name)]
    if own:
        return own
    return [i for i, spec in enumerate(specs) if name in _other_names(spec)]


def _other_names(spec: EstimatorSpec) -> set[str]:
    name, options = meaning(spec.name, spec.options)
    return {spec.name, *called(name, canonical(options))}


def specs_of(items: Any) -> list[EstimatorSpec] | None:
    """Return the estimators that plain data describe; None if some of them describe none."""
    try:
        return TypeAdapter(list[Estimator]).validate_python(items)
    except ValidationError:
        return None


def by_label(scenario: Scenario) -> Scenario:
    """Return a scenario whose thresholds stand under labels, whatever names they were given by."""
    labels = [label_of(spec) for spec in scenario.estimators]
    moved = {}
    for key, thresholds in scenario.gate.estimators.items():
        places = places_of(key, scenario.estimators)
        label = labels[places[0]] if len(places) == 1 else key
        moved[key if label in scenario.gate.estimators or label in moved else label] = thresholds
    gate = scenario.gate.model_copy(update={"estimators": moved})
    return scenario.model_copy(update={"gate": gate})
