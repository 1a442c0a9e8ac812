"""Processes that are killed while they write a baseline: the old or the new one is there, and its anchor."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.regression import writing
from bench.regression.baseline import read
from bench.regression.files import anchor_of
from bench.regression.make import Made
from bench.scenario.prepared import Prepared, prepare
from tests.faults.small_run import ended
from tests.small_scenario import SMALL

KILLS = 100


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(SMALL)
    return prepare(path, ["gate.max_replicates=4096"], None, False)


@pytest.fixture(scope="module")
def made(scenario: Prepared) -> list[Made]:
    return writing.measure(scenario)


def killed(work: Callable[[], object], after: float) -> None:
    """Have a child do some work, and kill it after so many seconds, within it or just after."""
    pid = begun(work)
    time.sleep(after)
    os.kill(pid, signal.SIGKILL)
    ended(pid)


def seconds(work: Callable[[], object]) -> float:
    """How long a child takes that is not killed."""
    start = time.perf_counter()
    assert ended(begun(work)) == 0
    return time.perf_counter() - start


def begun(work: Callable[[], object]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def test_a_first_baseline_is_there_with_its_anchor_or_not_at_all(
    scenario: Prepared, made: list[Made], tmp_path: Path
) -> None:
    path = tmp_path / "known.json"
    length = seconds(lambda: writing.save(scenario, path, made, "small.yaml"))
    whole = read(path).cells
    generator, seen = random.Random(5), set()
    for i in range(KILLS):
        folder = tmp_path / str(i)
        path = folder / "small.json"

        def save(path: Path = path) -> None:
            writing.save(scenario, path, made, "small.yaml")

        killed(save, generator.uniform(0, 1.5 * length))
        there = tuple(each.exists() for each in (anchor_of(path), path))
        seen.add(there)
        assert there != (False, True), "a baseline whose growth nobody would see"
        assert all(read(each).cells == whole for each in (anchor_of(path), path) if each.exists())
        if not path.exists():
            save()
        assert read(path).cells == read(anchor_of(path)).cells == whole
        assert sorted(each.name for each in folder.iterdir()) == [anchor_of(path).name, path.name]
    print(f"save: {KILLS} kills left {sorted(seen)}")
    assert {(False, False), (True, True)} <= seen


def test_an_updated_baseline_is_the_old_one_or_the_new_one(
    scenario: Prepared, made: list[Made], tmp_path: Path
) -> None:
    path = tmp_path / "small.json"
    old = writing.save(scenario, path, made, "small.yaml")
    before = path.read_bytes()

    def update() -> None:
        writing.update(scenario, path, old, made, None, "small.yaml")

    length = seconds(update)
    new = read(path)
    assert len(new.history) == len(old.history) + 1
    generator, seen = random.Random(6), []
    for _ in range(KILLS):
        path.write_bytes(before)
        killed(update, generator.uniform(0, 1.5 * length))
        found = read(path)
        is_new = len(found.history) == len(new.history)
        assert path.read_bytes() == before or (is_new and found.cells == new.cells)
        seen.append(is_new)
        update()
        assert read(path).cells == new.cells
        assert sorted(each.name for each in tmp_path.iterdir()) == [anchor_of(path).name, path.name]
    print(f"update: {sum(seen)} of {KILLS} new, the others old")
    assert 0 < sum(seen) < KILLS
