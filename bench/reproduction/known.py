"""The numbers that are known, from `numbers.toml`: what a source prints, and what a formula gives."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FILE = Path(__file__).with_name("numbers.toml")


@dataclass(frozen=True)
class Known:
    """A number that is known of an estimator.

    Attributes:
        estimator: its label.
        N: samples of one estimate.
        exact: the number.
        formula: where it comes from.
        quantity: the variance of one estimate, summed over parameters, or the mean of the only parameter.
        printed: what the source prints of a variance; None if it prints the formula.
        repetitions: from how many estimates that was computed; 0 if it was not sampled.
    """

    estimator: str
    N: int
    exact: float
    formula: str
    quantity: Literal["variance", "mean"] = "variance"
    printed: float | None = None
    repetitions: int = 0


@dataclass(frozen=True)
class Question:
    """A setting of which numbers are known.

    Attributes:
        name: of the scenario that measures it.
        source: who states the numbers.
        setting: the problem, in a line.
        scenario: as `bench.run` takes it.
        numbers: what is known.
    """

    name: str
    source: str
    setting: str
    scenario: Mapping[str, Any]
    numbers: tuple[Known, ...]


def questions() -> list[Question]:
    """Return the questions in the order of the file."""
    return [_question(**each) for each in tomllib.loads(FILE.read_text("utf-8"))["question"]]


def _question(
    name: str,
    source: str,
    setting: str,
    problem: Mapping[str, Any],
    estimators: list[Any],
    sample_sizes: list[int],
    replicates: int,
    numbers: list[Mapping[str, Any]],
    dtypes: list[str] | None = None,
) -> Question:
    sweep = {"sample_sizes": sample_sizes, **({"dtypes": dtypes} if dtypes else {})}
    scenario = {
        "schema": 1,
        "name": name,
        "version": 1,
        "problem": problem,
        "estimators": estimators,
        "sweep": sweep,
        "replicates": replicates,
        "coordinates": "all",
    }
    return Question(name, source, setting, scenario, tuple(Known(**each) for each in numbers))
