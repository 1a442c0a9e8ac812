"""Processes that are killed or asked to stop at any moment: nothing finished is lost or measured twice."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from bench.execution import execute
from bench.scenario.prepared import Prepared
from tests.faults.small_run import (
    assert_same_numbers,
    child,
    ended,
    numbers,
    only_folder,
    parts_in,
    resumed,
)

KILLS, STOPS = 200, 30


@pytest.mark.parametrize(
    ("number", "count"),
    [(signal.SIGKILL, KILLS), (signal.SIGTERM, STOPS), (signal.SIGINT, STOPS), (signal.SIGHUP, STOPS)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_run_that_is_stopped_anywhere_goes_on_to_the_same_numbers(
    number: signal.Signals, count: int, prepared: Prepared, tmp_path: Path
) -> None:
    whole = numbers(execute(prepared, tmp_path / "whole").folder)  # type: ignore[arg-type]
    measuring, length = seconds(prepared, tmp_path / "timed")
    generator = random.Random(int(number))
    stopped_within = finished_before = 0
    for i in range(count):
        out = tmp_path / str(i)
        pid = child(partial(execute, prepared, out))
        time.sleep(generator.uniform(0, generator.choice([measuring, measuring, 1.2 * length])))
        os.kill(pid, number)
        code = ended(pid)
        assert code in (0, 130, 131, -number), code
        folder = only_folder(out)
        if folder is None:
            continue
        before = parts_in(folder)
        finished_before += code == 0
        stopped_within += len(before) > 0 and code != 0
        run = resumed(prepared, folder)
        assert not run.interrupted
        assert_same_numbers(numbers(folder), whole)
        after = parts_in(folder)
        assert {name: after[name] for name in before} == before
        assert list(folder.rglob(".*")) == []
    print(f"{number.name}: {count} times, {stopped_within} within the run, {finished_before} after its end")
    assert stopped_within > count / 4


def seconds(prepared: Prepared, out: Path) -> tuple[float, float]:
    """How long a child measures, and how long it takes with all tables."""
    start = time.time()
    assert ended(child(partial(execute, prepared, out))) == 0
    length = time.time() - start
    folder = only_folder(out)
    assert folder is not None
    return max(path.stat().st_mtime for path in (folder / "parts").glob("*.cell")) - start, length


def test_two_signals_stop_at_once_and_lose_nothing(prepared: Prepared, tmp_path: Path) -> None:
    whole = numbers(execute(prepared, tmp_path / "whole").folder)  # type: ignore[arg-type]
    pid = child(partial(execute, prepared, tmp_path / "out"))
    while (folder := only_folder(tmp_path / "out")) is None or not list(folder.glob("parts/*.cell")):
        time.sleep(0.001)
    os.kill(pid, signal.SIGTERM)
    time.sleep(0.005)
    os.kill(pid, signal.SIGTERM)
    assert ended(pid) in (0, 130, 131)
    resumed(prepared, folder)
    assert_same_numbers(numbers(folder), whole)


def test_two_processes_do_not_write_into_one_run(prepared: Prepared, tmp_path: Path) -> None:
    from bench.errors import Invalid
    from bench.results.folder_lock import locked

    folder = execute(prepared, tmp_path).folder
    assert folder is not None
    with locked(folder), pytest.raises(Invalid, match="another process writes into it"):
        resumed(prepared, folder)
    assert not resumed(prepared, folder).interrupted
