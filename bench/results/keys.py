"""Keys, of all that numbers depend on: cells with the same key have the same numbers, wherever measured."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.engine.plan import Cell, Experiment, NamedEstimator
from bench.engine.streams import LAYOUT
from bench.engine.truth import Truth

Key = dict[str, Any]
"""All that a number depends on, by name, as plain data."""

_OURS = ("bench", "estimators")


def key_of_cell(experiment: Experiment, cell: Cell, truth: Truth | None) -> Key:
    """All that changes the numbers of a cell but R: more replicates add to what is there.

    The truth counts as it is, however it was found: errors of replicates are distances from it. As long as
    it is not known the key has none.
    """
    precision = experiment.precision
    return {
        **_shared(experiment),
        "estimator": _of_estimator(cell.named),
        "sample_size": cell.sample_size,
        "device": cell.device.partition(":")[0],
        "dtype": cell.dtype,
        "precision": None if precision is None else [precision.half_width, precision.max_replicates],
        "precise_from": None if precision is None else experiment.replicates,
        "blocks": list(experiment.blocks),
        "truth": None if truth is None else _of_truth(truth),
    }


def key_of_truth(experiment: Experiment) -> Key:
    """All that changes the truth at one point of a scenario."""
    references = (*experiment.references, *experiment.reference_checks)
    return {
        **_shared(experiment),
        "references": [_of_estimator(named) for named in references],
        "reference_sample_size": experiment.reference_sample_size,
        "reference_replicates": experiment.reference_replicates,
    }


def is_ours(experiment: Experiment) -> bool:
    """Whether problem and references are of this package, and their code is known by its version."""
    named = (*experiment.references, *experiment.reference_checks)
    every = [type(experiment.problem), *experiment.named_within, *(type(each.estimator) for each in named)]
    return not any(map(source_of, every))


def digest(key: Key) -> str:
    """A name for a key, of 20 hexadecimal digits."""
    text = json.dumps(key, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def unlike(key: Key, other: Key) -> list[str]:
    """In which parts two keys differ, as text: `seed 0 -> 1`."""
    return [
        f"{name} {_short(other.get(name))} -> {_short(key.get(name))}"
        for name in dict.fromkeys([*key, *other])
        if key.get(name) != other.get(name) and not (name == "truth" and key.get(name) is None)
    ]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60


def _shared(experiment: Experiment) -> Key:
    """The part of the keys of an experiment that all its cells share; kept with it, since files are read."""
    kept: dict[str, Any] = vars(experiment)
    if "shared key" not in kept:
        kept["shared key"] = _found_in_common(experiment)
    shared: Key = kept["shared key"]
    return shared


def _found_in_common(experiment: Experiment) -> Key:
    problem = experiment.problem
    held = {"problem_fingerprint": problem.fingerprint} if problem.fingerprint else {}
    return {
        **held,
        "layout": LAYOUT,
        "package": _package(),
        "scenario_version": experiment.version,
        "problem": experiment.problem_key,
        "problem_version": problem.version,
        "problem_source": [source_of(type(problem)), *map(source_of, experiment.named_within)],
        "data": dict(_files_in(json.loads(experiment.problem_key))),
        "resampled": experiment.resampled,
        "seed": experiment.seed,
    }


def _of_truth(truth: Truth) -> Key:
    gradient = b"" if truth.gradient is None else truth.gradient.numpy().tobytes()
    return {"kind": truth.kind, "gradient": hashlib.sha256(gradient).hexdigest()[:20]}


def _of_estimator(named: NamedEstimator) -> Key:
    cls = type(named.estimator)
    own = {"name": named.name, "options": named.options, "version": getattr(cls, "version", 1)}
    return {**own, "source": source_of(cls)}


@functools.cache
def source_of(cls: type) -> str:
    """A hash of the source of somebody's own class: of its file, else of itself; empty for one of ours.

    What its file imports is not looked at.
    """
    if cls.__module__.partition(".")[0] in _OURS:
        return ""
    module = sys.modules.get(cls.__module__)
    path = getattr(module, "__file__", None)
    try:
        text = inspect.getsource(cls).encode() if path is None else Path(path).read_bytes()
    except (OSError, TypeError):
        text = cls.__qualname__.encode()
    return hashlib.sha256(text).hexdigest()[:20]


def _files_in(said: Any) -> Iterator[tuple[str, str]]:
    """Each file of data that the options of a problem name, with a hash of what is in it."""
    if isinstance(said, Mapping):
        for name, value in said.items():
            if name == "file" and isinstance(value, str):
                yield value, _hash_of(value)
            yield from _files_in(value)
    elif isinstance(said, list):
        for value in said:
            yield from _files_in(value)


def _hash_of(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()[:20]
    except (OSError, ValueError):
        return ""


@functools.cache
def _package() -> str:
    try:
        return importlib.metadata.version("gradient-estimator-bench")
    except importlib.metadata.PackageNotFoundError:
        return ""
