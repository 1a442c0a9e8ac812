"""Ratios of times taken in turn, in one run; a table of them at the end."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from bench.engine.timing import threads

_ROWS: list[tuple[str, float, float]] = []


class Ratio:
    """Compares two ways to do a thing, and holds the result against its bound."""

    def __init__(self, benchmark: object) -> None:
        self.benchmark = benchmark

    def __call__(
        self,
        what: str,
        ours: Callable[[], object],
        theirs: Callable[[], object],
        least: float,
        rounds: int = 15,
    ) -> None:
        """Assert that ours is `least` times as fast."""
        self.of_seconds(what, ours, seconds_of(theirs), least, rounds)

    def of_seconds(
        self,
        what: str,
        ours: Callable[[], object],
        theirs: Callable[[], float],
        least: float,
        rounds: int = 15,
    ) -> None:
        """The same, where theirs tells the seconds that it took."""
        ratio = median_ratio(seconds_of(ours), theirs, rounds)
        self.benchmark.extra_info |= {"ratio": ratio, "least": least}  # type: ignore[attr-defined]
        self.benchmark.pedantic(ours, rounds=3)  # type: ignore[attr-defined]
        record(what, ratio, least)
        assert ratio >= least, f"{what}: {ratio:.2f} times as fast, wanted {least}"


def median_ratio(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> float:
    """The median, over rounds in which two ways to do a thing take turns, of theirs to our seconds."""
    ours()
    theirs()
    return statistics.median(theirs() / ours() for _ in range(rounds))


def seconds_of(work: Callable[[], object]) -> Callable[[], float]:
    """How long it takes, as a function: once, from doing it several times in a row."""
    times = _times(work)
    return lambda: _seconds(work, times)


def _times(work: Callable[[], object]) -> int:
    """How often it must be done to take a hundredth of a second; it is then warm."""
    work()
    return max(1, round(0.01 / _seconds(work, 1)))


def _seconds(work: Callable[[], object], times: int) -> float:
    """How long it takes once, from doing it several times in a row."""
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


@pytest.fixture
def ratio(benchmark: object) -> Ratio:
    return Ratio(benchmark)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threads(1):
        assert torch.get_num_threads() == 1
        yield


def record(what: str, value: float, bound: float) -> None:
    """Add a line to the table."""
    _ROWS.append((what, value, bound))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("ratios, one thread")
    for what, value, bound in _ROWS:
        terminalreporter.write_line(f"{what:<76}{value:10.3f}   bound {bound:g}")
