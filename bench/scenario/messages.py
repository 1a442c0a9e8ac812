"""Messages about the structure of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bench.errors import Fault, Invalid, KeyFault, Path, did_you_mean, shown
from bench.scenario.document import printable
from bench.scenario.gate_section import Bias, Gate, Ratio, Thresholds
from bench.scenario.schema import Precision, Reference, Scenario
from bench.scenario.strict_models import Missing
from bench.scenario.sweep_section import Sweep

_SAMPLE_SIZE = "a whole number from 1 to 1000000000"
_REPLICATES = "a whole number of at least 2"
_RATIO = "a mapping such as {max_increase: 10%}"
_LABEL = "one line of 1 to 10000 characters"

# Keyed by the path with list positions left out.
_WANTED: dict[tuple[str, ...], str] = {
    (): "a mapping with the keys schema, name, version, problem, estimators and sweep",
    ("schema",): "1, the version of the layout of scenario files",
    ("name",): "up to 64 small letters, digits, '_', '.' and '-', the first a letter or a digit",
    ("version",): "a whole number of at least 1",
    ("question",): "one line of at most 200 characters",
    ("headline",): "the name of a metric",
    ("problem",): "a mapping such as {name: expectation, option: value}",
    ("problem", "name"): "the name of a problem",
    ("estimators",): "a list of 1 to 1000 estimators",
    ("estimators", "label"): _LABEL,
    ("sweep",): "a mapping such as {sample_sizes: [10, 100]}",
    ("sweep", "sample_sizes"): "a list of 1 to 1000 sample sizes",
    ("sweep", "sample_sizes", "*"): _SAMPLE_SIZE,
    ("sweep", "evaluations"): "a list of 1 to 1000 budgets",
    ("sweep", "evaluations", "*"): _SAMPLE_SIZE,
    ("sweep", "devices"): "a list of 1 to 1000 devices",
    ("sweep", "devices", "*"): "cpu, mps, cuda, or one of several such as cuda:0",
    ("sweep", "dtypes"): "a list of one or more of float32 and float64",
    ("sweep", "dtypes", "*"): "float32 or float64",
    ("sweep", "options"): "a mapping such as {problem.OPTION: [1, 2]}",
    ("sweep", "zip"): "a list of lists of options",
    ("sweep", "exclude"): "a list of mappings such as {problem.OPTION: 1}",
    ("replicates",): _REPLICATES,
    ("precision",): "a mapping such as {variance: 5%}",
    ("data",): "fixed or resampled",
    ("coordinates",): "all, blocks or none",
    ("precision", "variance"): "a percentage such as 5%, or a number between 0 and 1",
    ("max_replicates",): _REPLICATES,
    ("seed",): "a whole number from 0 to 2**64 - 1",
    ("reference",): "a mapping such as {sample_size: 1000, replicates: 1000}",
    ("reference", "estimator", "label"): _LABEL,
    ("reference", "sample_size"): _SAMPLE_SIZE,
    ("reference", "replicates"): _REPLICATES,
    ("gate",): "a mapping such as {variance: {max_increase: 10%}, sample_sizes: [10, 100]}",
    ("gate", "sample_sizes"): "a list of 1 to 1000 sample sizes",
    ("gate", "sample_sizes", "*"): _SAMPLE_SIZE,
    ("gate", "max_replicates"): _REPLICATES,
    ("gate", "estimators"): "a mapping such as {reinforce: {variance: {max_increase: 20%}}}",
    ("gate", "variance"): _RATIO,
    ("gate", "mse"): _RATIO,
    ("gate", "bias"): "a mapping such as {margin: 1%}",
}

_KEYS: dict[Path, list[str]] = {
    (): [field.alias or name for name, field in Scenario.model_fields.items()],
    ("sweep",): list(Sweep.model_fields),
    ("precision",): list(Precision.model_fields),
    ("reference",): list(Reference.model_fields),
    ("gate",): list(Gate.model_fields),
    ("gate", "variance"): list(Ratio.model_fields),
    ("gate", "mse"): list(Ratio.model_fields),
    ("gate", "bias"): list(Bias.model_fields),
}


def faults_of(
    error: ValidationError, place: Callable[[Path], Path] = lambda path: path, but: Collection[str] = ()
) -> list[Fault]:
    """Everything that is wrong, each with its path from the top of the scenario.

    Args:
        error: what pydantic found.
        place: the path of a part where it was said, if the parts have moved.
        but: types of errors that are left out.
    """
    details = [detail for detail in error.errors(include_url=False) if detail["type"] not in but]
    return [fault for detail in details for fault in _faults(detail, place)]


def wanted(path: Path) -> str:
    """Return a description of the value that should have stood at a path."""
    return _WANTED.get(_pattern(path), "something else")


def _faults(detail: Any, place: Callable[[Path], Path]) -> list[Fault]:
    path = place(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return [_unknown_key(path)]
    if detail["type"] == "missing":
        return [Fault(f"missing key {path[-1]!r}{_where(path[:-1])}", path[:-1])]
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, Missing):
        return [Fault(str(cause), path)]
    if isinstance(cause, Invalid):
        faults = cause.under(*detail["loc"]).faults
        return [_named(replace(fault, path=place(fault.path))) for fault in faults]
    given = detail["input"]
    return [_named(Fault(f"wanted {wanted(path)}, got {shown(given)}{_hint(detail)}", path))]


def _unknown_key(path: Path) -> Fault:
    suggestion = did_you_mean(path[-1], _keys(path[:-1]))
    return KeyFault(f"unknown key {shown(path[-1])}{_where(path[:-1])}; {suggestion}", path)


def _keys(path: Path) -> list[str]:
    """The keys that a mapping may have."""
    if path[:2] == ("gate", "estimators"):  # of an estimator's label
        return list(Thresholds.model_fields) if len(path) == 3 else _KEYS.get(("gate", *path[3:]), [])
    return _KEYS.get(path, [])


def _hint(detail: Any) -> str:
    given = detail["input"]
    if detail["type"] != "int_type":
        return ""
    if isinstance(given, float) and given.is_integer() and abs(given) < 2**64:
        return f"; write {int(given)}"
    if isinstance(given, str) and given.isdecimal() and given.isascii():
        return "; leave out the quotes"
    return ""


def _named(fault: Fault) -> Fault:
    path = fault.path[:-1] if isinstance(fault, KeyFault) else fault.path
    return replace(fault, message=f"{_dotted(path)}: {fault.message}") if path else fault


def _where(path: Path) -> str:
    return f" in {_dotted(path)}" if path else ""


def _dotted(path: Path) -> str:
    return ".".join(printable(str(part), 60) for part in path)


def _pattern(path: Path) -> tuple[str, ...]:
    """The path with `*` for list positions, those of estimators left out."""
    if path[:2] == ("gate", "estimators") and len(path) > 3:
        path = ("gate", *path[3:])
    parts = ["*" if isinstance(part, int) else part for part in path]
    return tuple(
        part for i, part in enumerate(parts) if i == 0 or parts[i - 1 : i + 1] != ["estimators", "*"]
    )
