"""Stopping a run: asked once it ends at the next part that is finished, asked twice at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_SAID = b"\nstopping as soon as what is being measured is kept; once more stops at once\n"


class Stopped(KeyboardInterrupt):
    """A run ends here, at a part that is finished."""


class Stop:
    """Whether the user has asked a run to stop."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """To be called where a run can end.

        Raises:
            Stopped: if it is to.
        """
        if self.asked:
            raise Stopped

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _SAID)


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within it Ctrl-C, SIGTERM and SIGHUP ask to stop; in other threads than the first nothing changes."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):  # as `nohup` has it
                signal.signal(number, stop._ask)
        yield stop
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
