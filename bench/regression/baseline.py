"""Baseline files: what estimators were like and how well that is known; read as untrusted input."""

from __future__ import annotations

import base64
import binascii
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from bench.engine.plan import cell_key
from bench.errors import Fault, KeyFault, ScenarioError, did_you_mean, invalid, shown
from bench.results.files import atomic_write, remove_abandoned
from bench.scenario.document import Document, parse, placed, printable
from bench.scenario.points import settings_text
from bench.scenario.strict_models import Part
from bench.scenario.tree import SIZE_LIMIT
from bench.statistics.gating import Size

FORMAT = "gradient-estimator-bench baseline"
SCHEMA = 2
"""From 2 on a cell may have a problem of its own, as those of a sweep have."""

PAIRS = 1024
"""Replicates whose squared deviations a baseline holds."""

WINDOW = 256
"""Replicates of which a digest is taken: few, so that a gate where nothing changed costs next to nothing."""

WINDOWS = 16
"""The number of such stretches of replicates that a baseline has digests of; each commit looks at another."""

_Number = Annotated[float, Field(allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Kurtosis = Annotated[float, Field(ge=1 - 1e-9, allow_inf_nan=False)]
_Word = Annotated[str, Field(max_length=1000)]
_Text = Annotated[str, Field(max_length=20_000)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
_CellId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Entry(Part):
    """One cell of a baseline."""

    estimator: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(description="Its label.")
    estimator_name: _Word
    options: _Text
    problem: _Text | None = Field(default=None, description="Of a sweep, that of its point.")
    settings: _Text = Field(default="{}", description="Of a sweep, the options that make the point.")
    sample_size: Annotated[int, Field(ge=1, le=10**9)]
    device: _Word
    dtype: Literal["float32", "float64"]
    replicates: Annotated[int, Field(ge=2, le=10**10)]
    nonfinite: Annotated[int, Field(ge=0)]
    variance: _NotNegative
    variance_kurtosis: _Kurtosis
    variance_error: _NotNegative = Field(description="Standard error of the logarithm of the variance.")
    mse: _NotNegative | None
    mse_kurtosis: _Kurtosis | None
    mse_error: _NotNegative | None
    mean: _Number | None = Field(description="Of the estimates, where there is one parameter.")
    bias: _Number | None = Field(description="Signed for one parameter, else the norm.")
    evaluations: _NotNegative
    gradient_evaluations: _NotNegative
    seconds: _NotNegative
    digests: Annotated[list[_Digest], Field(min_length=WINDOWS, max_length=WINDOWS)]
    deviations: str = Field(description=f"Squared, of {PAIRS} replicates: float32 in base64.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.nonfinite > self.replicates:
            raise invalid(f"more than the {self.replicates} replicates", "nonfinite")
        if len({self.mse is None, self.mse_kurtosis is None, self.mse_error is None}) > 1:
            raise invalid("mse, mse_kurtosis and mse_error are given together or not at all", "mse")
        self.squares()
        if not isinstance(_json(self.settings), dict):
            raise invalid("wanted a mapping from options to values, as JSON", "settings")
        return self

    @property
    def point(self) -> str:
        """The place in the sweep, as text; empty where there is none."""
        return settings_text(_json(self.settings))

    @property
    def place(self) -> tuple[tuple[float, str], ...]:
        """The place in the sweep to sort by: numbers as numbers, before words."""
        values = _json(self.settings).values()
        return tuple((v, "") if isinstance(v, int | float) else (math.inf, str(v)) for v in values)

    def squares(self) -> np.ndarray:
        """The squared deviations, `[PAIRS]`; NaN where an estimate was not finite."""
        wanted = f"wanted {PAIRS} float32 numbers in base64"
        try:
            content = base64.b64decode(self.deviations, validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid(f"{wanted}: {error}", "deviations") from None
        if len(content) != 4 * PAIRS:
            raise invalid(f"{wanted}, got {len(content)} bytes", "deviations")
        values = np.frombuffer(content, dtype="<f4").astype(np.float64)
        if bool((values < 0).any() or np.isinf(values).any()):
            raise invalid(f"{wanted}, none of them negative or infinite", "deviations")
        return values

    def sizes(self) -> dict[str, Size]:
        """Metric -> its value and what its error depends on; those that are known."""
        R = self.replicates - self.nonfinite
        found = {"variance": Size(self.variance, self.variance_kurtosis, R)}
        if self.mse is not None and self.mse_kurtosis is not None:
            found["mse"] = Size(self.mse, self.mse_kurtosis, R)
        return found


class Accepted(Part):
    """A worsening that somebody accepted."""

    cell: _CellId
    metric: Literal["variance", "mse"]
    ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class HistoryEntry(Part):
    """When the baseline was made or changed, and why."""

    when: _Word
    commit: _Word
    reason: Annotated[str, Field(max_length=2000)]
    accepted: list[Accepted] = Field(max_length=10_000)


class Baseline(Part):
    """Measurements of the estimators of a scenario, as later ones are compared with."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=True)

    format_: Literal["gradient-estimator-bench baseline"] = Field(alias="format")
    schema_: int = Field(alias="schema")
    scenario: _Word
    scenario_version: Annotated[int, Field(ge=1)]
    problem: _Text
    resampled: bool
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    stream_layout: _Word
    environment: dict[_Word, _Word] = Field(max_length=100)
    history: list[HistoryEntry] = Field(min_length=1, max_length=10_000)
    cells: dict[_CellId, Entry] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _cells_are_what_they_are_called(self) -> Self:
        for name, entry in self.cells.items():
            key = cell_key(
                self.problem if entry.problem is None else entry.problem,
                entry.estimator_name,
                entry.options,
                entry.sample_size,
                entry.device,
                entry.dtype,
                self.resampled,
            )
            if key != name:
                raise invalid(f"what this cell says of itself has the name {key}", "cells", name)
        return self

    @property
    def problems(self) -> set[str]:
        """Its own and those of its cells, as canonical JSON."""
        return {self.problem, *(entry.problem for entry in self.cells.values() if entry.problem is not None)}

    def accepted(self, cell: str, metric: str) -> float:
        """Return the factor by which, all in all, a metric of a cell was accepted to become worse."""
        product = 1.0
        for chapter in self.history:
            for one in chapter.accepted:
                if (one.cell, one.metric) == (cell, metric):
                    product *= one.ratio
        return product


def _json(text: str) -> Any:
    """Return the contents of a JSON text; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def encoded(deviations: np.ndarray) -> str:
    """Squared deviations as a baseline holds them, `[PAIRS]`."""
    return base64.b64encode(deviations.astype("<f4").tobytes()).decode()


def read(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        ScenarioError: with everything that is wrong with it, as `file:line:column: message`.
    """
    document = parse(_text(path), str(path))
    _check_format(document)
    try:
        return Baseline.model_validate(document.value)
    except ValidationError as error:
        faults = [fault for detail in error.errors(include_url=False) for fault in _faults(detail)]
        raise ScenarioError([_line(document, fault) for fault in faults]) from None


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline: sorted, one value a line, whole or not at all.

    Raises:
        Invalid: if it is too large to be read again, or cannot be written.
    """
    plain = baseline.model_dump(by_alias=True)
    text = json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    if len(text.encode()) > SIZE_LIMIT:
        raise invalid(f"{path}: {len(plain['cells'])} cells are too many for one file; gate fewer sizes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path)
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise ScenarioError(
            [f"{printable(str(path))}: no such baseline; `bench baseline save` makes one"]
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError([f"{printable(str(path))}: cannot be read: {reason}"]) from None
    if len(content) > SIZE_LIMIT:
        raise ScenarioError([placed(str(path), (1, 1), f"the file is larger than {SIZE_LIMIT} bytes")])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ScenarioError([placed(str(path), (1, 1), "the file is not text in UTF-8")]) from None


def _check_format(document: Document) -> None:
    value = document.value
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ScenarioError([placed(document.file, (1, 1), f'no baseline: wanted "format": "{FORMAT}"')])
    schema = value.get("schema")
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        message = f"written with layout {shown(schema)}, this version reads up to {SCHEMA}"
        raise ScenarioError([placed(document.file, document.position(("schema",)), message)])


def _faults(detail: Any) -> list[Fault]:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    cause = detail.get("ctx", {}).get("error")
    if hasattr(cause, "under"):
        return list(cause.under(*path).faults)
    if detail["type"] == "extra_forbidden":
        known = Entry.model_fields if path[:1] == ("cells",) else Baseline.model_fields
        return [KeyFault(f"unknown key {shown(path[-1])}; {did_you_mean(path[-1], known)}", path)]
    if detail["type"] == "missing":
        return [Fault(f"missing key {path[-1]!r}", path[:-1])]
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return [Fault(f"{message}, got {shown(detail['input'])}", path)]


def _line(document: Document, fault: Fault) -> str:
    position = document.position(fault.path, key=isinstance(fault, KeyFault))
    where = ".".join(printable(str(part), 60) for part in fault.path)
    return placed(document.file, position, f"{where}: {fault.message}" if where else fault.message)
