"""The times of looks at a training: every so many steps, within a budget of its time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.errors import invalid

_RESERVE = 2.0


class Pace:
    """The pace of a monitor.

    The first look is taken at once. Each later one waits until what all took, and twice the longest
    of them, is within the budget: a disk may be slow at times.

    Args:
        every: steps from one look to the next.
        budget: the share of the training's own time that looking may take.
        clock: gives seconds.
    """

    def __init__(self, every: int, budget: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self.every, self.budget, self._clock = every, budget, clock
        self._began: float | None = None
        self._spent = self._longest = 0.0
        self._now: float | None = None  # when a look began that is not over
        self._next, self._step = -math.inf, -math.inf

    def is_due(self, step: int) -> bool:
        """Whether to look now.

        Raises:
            Invalid: if the steps go back.
        """
        if step < self._step:
            raise invalid(
                f"step: wanted steps of the whole training, none below {self._step:.0f}, got {step}"
            )
        again, self._step = step == self._step, step
        if self._began is None:
            self._began = self._clock()
            return True
        return (
            not again
            and step >= self._next
            and self._spent + _RESERVE * self._longest <= self.budget * self.training
        )

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Count the time that is spent within as that of looking."""
        start = self._now = self._clock()
        try:
            yield
        finally:
            took, self._now = self._clock() - start, None
            self._spent, self._longest = self._spent + took, max(self._longest, took)
            self._next = (self._step // self.every + 1) * self.every

    @property
    def training(self) -> float:
        """Seconds since the first look that were not spent on looking."""
        if self._began is None:
            return 0.0
        return (self._clock() if self._now is None else self._now) - self._began - self._spent

    @property
    def overhead(self) -> float:
        """The seconds of looking as a share of the training's own; infinite before there was any."""
        spent = self._spent + (0.0 if self._now is None else self._clock() - self._now)
        return spent / self.training if self.training > 0 else math.inf
