"""The folder of a run while it is written: by one process alone, and with words where that fails."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.engine.stopping import Stopped
from bench.errors import invalid


class CannotWrite(Stopped):
    """A part that could not be written, as where the disk is full: what was written before is as it was.

    Attributes:
        folder: of the run.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"{error.filename or folder}: {error.strerror or error}")
        self.folder = folder


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say of errors of the system within that nothing can be written into the folder of a run.

    Raises:
        CannotWrite: if there is one.
    """
    try:
        yield
    except OSError as error:
        raise CannotWrite(folder, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let no other process write into the folder of a run; the lock of a process ends with it.

    Raises:
        Invalid: if another process does.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise invalid(f"{folder}: another process writes into it") from error
        yield
    finally:
        os.close(handle)
