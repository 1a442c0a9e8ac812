"""The estimators that an argument of the command line names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench import catalogue
from bench.engine.plan import NamedEstimator
from bench.errors import Invalid, invalid, shown
from bench.options import construct
from bench.scenario import EstimatorSpec
from bench.scenario.labels import label_of
from bench.scenario.overrides import understood


def named_estimators(place: str, settings: Sequence[str] = ()) -> list[NamedEstimator]:
    """The estimators that an argument names: a name, `module:Class`, `file.py` or `file.py:Class`.

    Args:
        place: the argument.
        settings: options as `key=value`, with dots where they are nested.

    Raises:
        Invalid: if there is none, or its options are wrong.
    """
    options = _options(settings)
    named = (
        {place: catalogue.find("estimators", place)} if _is_name(place) else catalogue.estimators_at(place)
    )
    return [_named(name, cls, options) for name, cls in named.items()]


def _is_name(place: str) -> bool:
    return not (place.endswith(".py") or ":" in place)


def _named(name: str, cls: type, options: Mapping[str, Any]) -> NamedEstimator:
    own, every = catalogue.meant(name, options)
    estimator = construct(cls, every, f"estimator {name}")
    label = label_of(EstimatorSpec(name=name, options=dict(options)))
    return NamedEstimator(label, own, json.dumps(every, sort_keys=True), estimator)


def _options(settings: Sequence[str]) -> dict[str, Any]:
    options: Any = {}
    for text in settings:
        try:
            options, _ = understood(text).applied(options)
        except Invalid as error:
            raise invalid(f"--set {shown(text)}: {error}") from error
    found: dict[str, Any] = options
    return found
