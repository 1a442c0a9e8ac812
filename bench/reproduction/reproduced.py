"""Known numbers beside measured ones, each with a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.analysis.rows import whole
from bench.execution import execute
from bench.reproduction.known import Known, Question
from bench.results.run import Run
from bench.scenario.prepared import prepare
from bench.statistics.tails import normal_quantile

FALSE_ALARM = 1e-3
"""The probability that a number is called otherwise than exact though all are exact."""

EXACTNESS = AS_EXACT, OTHERWISE = "as exact", "otherwise"
"""What a measured number is."""

PRINTED = AS_PRINTED, EXPLAINED, NOT_REPRODUCED = "as exact", "within chance", "not reproduced"
"""What a printed number is."""

_EXPLAINED = 4.0  # standard errors of what was computed from few repetitions
_DIGITS = 5e-3  # what is printed is rounded


@dataclass(frozen=True)
class Reproduced:
    """A known number, measured.

    Attributes:
        question: of which it is one.
        known: the number.
        value: what was measured.
        low: the lower end of its 95 % interval.
        high: the upper end.
        verdict: whether it agrees with the exact number.
        of_printed: whether what is printed agrees with it; empty if nothing is.
    """

    question: Question
    known: Known
    value: float
    low: float
    high: float
    verdict: str
    of_printed: str


def reproduced(
    questions: Sequence[Question], tell: Callable[[Question], None] = lambda _: None
) -> list[Reproduced]:
    """Measure all numbers of some questions.

    Args:
        questions: what is known.
        tell: is told of each question before it is measured.

    Raises:
        KeyboardInterrupt: if it is stopped.
    """
    limit = limit_of(sum(len(each.numbers) for each in questions))
    found: list[Reproduced] = []
    for question in questions:
        tell(question)
        with TemporaryDirectory() as folder:
            run = execute(prepare(question.scenario, [], None, False), Path(folder))
            if run.interrupted:  # a run ends in good order where it is stopped; here nothing goes on with it
                raise KeyboardInterrupt
            found += _of_a_run(question, run, limit)
    return found


def limit_of(numbers: int) -> float:
    """Return how many standard errors any of the numbers exceeds with probability `FALSE_ALARM`, at most."""
    return float(normal_quantile(1 - FALSE_ALARM / (2 * max(1, numbers))))


def _of_a_run(question: Question, run: Run, limit: float) -> Iterator[Reproduced]:
    for known in question.numbers:
        cell = _cell(run, known)
        value, low, high = _variance(cell) if known.quantity == "variance" else _mean(run, cell)
        verdict = AS_EXACT if _agrees(known, value, low, high, limit) else OTHERWISE
        yield Reproduced(question, known, value, low, high, verdict, _of_printed(known, float(cell.kurtosis)))


def _agrees(known: Known, value: float, low: float, high: float, limit: float) -> bool:
    # The interval of a variance is one of its logarithm.
    scale = math.log if known.quantity == "variance" and low > 0 else float
    error = (scale(high) - scale(low)) / (2 * normal_quantile(0.975))
    return bool(abs(scale(value) - scale(known.exact)) <= limit * error)


def _cell(run: Run, known: Known) -> Any:
    frame = whole(run.measurements)
    (cell,) = frame[(frame["estimator"] == known.estimator) & (frame["sample_size"] == known.N)].itertuples()
    return cell


def _variance(cell: Any) -> tuple[float, float, float]:
    return float(cell.variance), float(cell.variance_low), float(cell.variance_high)


def _mean(run: Run, cell: Any) -> tuple[float, float, float]:
    (only,) = run.coordinates[run.coordinates["cell"] == cell.cell].itertuples()
    half = normal_quantile(0.975) * math.sqrt(only.variance / cell.replicates)
    return float(only.mean), float(only.mean - half), float(only.mean + half)


def _of_printed(known: Known, kurtosis: float) -> str:
    if known.printed is None:
        return ""
    away = math.log(known.printed / known.exact)
    if abs(away) <= _DIGITS:
        return AS_PRINTED
    error = math.sqrt((kurtosis - 1) / known.repetitions) if known.repetitions else 0.0
    return EXPLAINED if abs(away) <= _EXPLAINED * error else NOT_REPRODUCED
