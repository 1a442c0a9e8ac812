"""A run of some cells of many pieces, in a tenth of a second, its numbers, and children that run it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bench.execution import continued
from bench.results.folder import TABLES
from bench.results.run import Run
from bench.results.runs import runs_in
from bench.scenario.prepared import Prepared
from tests.small_scenario import SMALL

TEXT = SMALL.replace("replicates: 20", "replicates: 9000")
TIMES = re.compile(r"(fit_)?seconds.*|work_normalized.*")


def numbers(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a run without times."""
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    return {
        name: frame[[column for column in frame if not TIMES.fullmatch(column)]]
        for name, frame in frames.items()
    }


def assert_same_numbers(first: dict[str, pd.DataFrame], second: dict[str, pd.DataFrame]) -> None:
    """Bit for bit."""
    for name in TABLES:
        pd.testing.assert_frame_equal(first[name], second[name], check_exact=True)


def only_folder(out: Path) -> Path | None:
    """The folder of the only run in a folder of results; None if there is none."""
    found = [each.folder for each in runs_in(out)]
    assert len(found) <= 1
    return found[0] if found else None


def parts_in(folder: Path) -> dict[str, tuple[int, int]]:
    """The parts of a run, each with the time at which it was written, and its place on the disk."""
    every = {path.name: path.stat() for path in (folder / "parts").glob("[!.]*")}
    return {name: (found.st_mtime_ns, found.st_ino) for name, found in every.items()}


def child(work: Callable[[], Run]) -> int:
    """Start a process that runs something, and return its number; it ends with 0, or 130 if interrupted."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = 130 if work().interrupted else 0
    except KeyboardInterrupt:
        code = 131
    finally:
        os._exit(code)


def ended(pid: int, within: float = 30.0) -> int:
    """How a child ended: its exit code, or minus the signal that killed it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    raise AssertionError("the process did not end")


def resumed(prepared: Prepared, folder: Path) -> Run:
    """The run, gone on with."""
    return continued(prepared, folder)
