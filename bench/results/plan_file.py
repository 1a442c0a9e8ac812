"""The plan of a run, written before anything is measured: all that it takes to go on with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import Invalid, invalid
from bench.results.files import atomic_write

NAME = "plan.json"
SCHEMA = 1


@dataclass(frozen=True)
class Plan:
    """The question of a run.

    Attributes:
        file: the name of the scenario's file in complaints.
        text: what is in it.
        overrides: `dotted.key=value`, instead of what the file says.
        only: labels or names of the estimators to keep; None keeps all.
        small: whether it was made small.
        started: when, as ISO 8601 has it.
        words: those of the command line that named plug-ins.
    """

    file: str
    text: str
    overrides: tuple[str, ...]
    only: tuple[str, ...] | None
    small: bool
    started: str
    words: tuple[str, ...] = ()

    def asks_the_same(self, other: Plan) -> bool:
        """Whether another plan is of the same scenario, but for how many replicates there are."""
        return self._question == other._question

    @property
    def _question(self) -> tuple[Any, ...]:
        others = [text for text in self.overrides if not text.startswith(("replicates=", "max_replicates="))]
        return hashlib.sha256(self.text.encode()).digest(), others, self.only, self.small


def write_plan(folder: Path, plan: Plan) -> None:
    """Write the plan into the folder of a run."""
    with atomic_write(folder / NAME) as path:
        path.write_text(json.dumps({"schema": SCHEMA, **vars(plan)}, indent=1) + "\n", encoding="utf-8")


def read_plan(folder: Path) -> Plan:
    """The plan in the folder of a run.

    Raises:
        Invalid: if there is none, it is damaged, or a newer version wrote it.
    """
    path = folder / NAME
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        schema = int(said["schema"])
        if schema > SCHEMA:
            raise invalid(f"{path}: written with layout {schema}, this version reads up to {SCHEMA}")
        only = said["only"]
        return Plan(
            _text(said["file"]),
            _text(said["text"]),
            _texts(said["overrides"]),
            None if only is None else _texts(only),
            bool(said["small"]),
            _text(said["started"]),
            _texts(said["words"]),
        )
    except Invalid:
        raise
    except OSError as error:
        raise invalid(f"{folder}: not a run that can be resumed: it has no readable {NAME}") from error
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError) as error:
        raise invalid(f"{path}: not the plan of a run") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(values)
    return tuple(map(_text, values))
