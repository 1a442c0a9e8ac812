"""The manner in which a run is measured; no number depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.results.part_cache import PartCache
from bench.running.crew import Workers

OnError = Literal["continue", "stop"]


@dataclass(frozen=True)
class Manner:
    """The manner in which a run is measured.

    Attributes:
        threads: how many processor threads torch may use. Small tensors are slowed by a second one, and
            timings on one are comparable.
        workers: the processes that measure; None for this one.
        on_error: whether to go on after a cell that failed, or to stop there.
        cells: where finished cells are shared with other runs; None for nowhere.
        references: where long references are shared with other runs; None for nowhere.
    """

    threads: int = 1
    workers: Workers | None = None
    on_error: OnError = "continue"
    cells: PartCache | None = None
    references: PartCache | None = None


SERIAL = Manner()
"""One cell after the other in this process, with nothing shared."""
