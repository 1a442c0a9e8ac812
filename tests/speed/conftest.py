"""Ratios of times taken in turn, in one run; a table of them at the end."""

from __future__ import annotations

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
        ours_least, theirs_least = least_seconds(ours, theirs, rounds)
        ratio = theirs_least / ours_least
        self.benchmark.extra_info |= {"ratio": ratio, "least": least}  # type: ignore[attr-defined]
        self.benchmark.pedantic(ours, rounds=3)  # type: ignore[attr-defined]
        _ROWS.append((what, ratio, least))
        assert ratio >= least, f"{what}: {ratio:.2f} times as fast, wanted {least}"


def least_seconds(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """How long each of two ways to do a thing takes at least.

    The two take turns. What another process takes from either only ever adds to its
    time, so that the least of each is compared (Chen & Revels, 2016).
    """
    ours_times, theirs_times = _times(ours), _times(theirs)
    seconds = [(_seconds(ours, ours_times), _seconds(theirs, theirs_times)) for _ in range(rounds)]
    ours_least, theirs_least = (min(side) for side in zip(*seconds, strict=True))
    return ours_least, theirs_least


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
