"""Word of compilation, which takes half a minute, once after each installation."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_tellers: list[Callable[[], None]] = []


@contextmanager
def told(tell: Callable[[], None]) -> Iterator[None]:
    """Within it compilation is told of, when the first function is compiled that was not kept on disk."""
    _tellers.append(tell)
    try:
        yield
    finally:
        if tell in _tellers:
            _tellers.remove(tell)


@functools.cache
def watch_compilation() -> None:
    """Have numba, which is imported late, tell of what it compiles."""
    from numba.core import event

    class First(event.Listener):
        """Tells each who wants to know once."""

        def on_start(self, event: object) -> None:
            while _tellers:
                _tellers.pop()()

        def on_end(self, event: object) -> None:
            pass

    event.register("numba:compile", First())  # type: ignore[no-untyped-call]
