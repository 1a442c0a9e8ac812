"""Outcomes that another process finds meanwhile: from the last problem on, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress

from bench.certification.verdicts import Outcome


class Meanwhile:
    """The problems of which an outcome is found elsewhere; without any, all are left to this process.

    A problem is given out when the one before is done: none waits there that this process could take.

    Args:
        submit: has the outcome on a problem found, by its name.
        names: of the problems.
    """

    def __init__(
        self, submit: Callable[[str], Future[Outcome]] | None = None, names: Sequence[str] = ()
    ) -> None:
        self._submit = submit
        self._left = list(names)
        self._begun: dict[str, Future[Outcome]] = {}
        self._lock = threading.Lock()
        self._next()

    def leaves(self, name: str) -> bool:
        """Whether nobody has begun with a problem; from now on nobody else will."""
        with self._lock:
            if name in self._left:
                self._left.remove(name)
            return name not in self._begun

    def outcome(self, name: str) -> Outcome | None:
        """The outcome on a problem that was begun elsewhere, waited for; None if that process has ended."""
        with suppress(BrokenExecutor):
            return self._begun[name].result()
        return None

    def _next(self) -> None:
        with self._lock:
            if not self._left or self._submit is None:
                return
            name = self._left[-1]
            with suppress(BrokenExecutor, RuntimeError):  # it has ended: the rest is left to this process
                self._begun[name] = self._submit(name)
                self._left.pop()
        if name in self._begun:  # not within the lock: what is done by now is called at once
            self._begun[name].add_done_callback(lambda _: self._next())
