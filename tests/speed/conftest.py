"""Ratios of times taken in turn, in one run; a table of them at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

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
        """Assert that ours is `least` times as fast: the median over rounds of times taken in turn."""
        ours()
        theirs()
        ratios = []
        for _ in range(rounds):
            ours_took, theirs_took = _seconds(ours), _seconds(theirs)
            ratios.append(theirs_took / ours_took)
        ratio = median(ratios)
        self.benchmark.extra_info |= {"ratio": ratio, "least": least}  # type: ignore[attr-defined]
        self.benchmark.pedantic(ours, rounds=3)  # type: ignore[attr-defined]
        _ROWS.append((what, ratio, least))
        assert ratio >= least, f"{what}: {ratio:.2f} times as fast, wanted {least}"


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


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
