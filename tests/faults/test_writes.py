"""Writes, syncs, renames and openings that fail, each in turn: the old state or the new, never another."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.execution import execute
from bench.results.folder_lock import CannotWrite
from bench.scenario.prepared import Prepared
from tests.faults.small_run import (
    assert_same_numbers,
    numbers,
    only_folder,
    parts_in,
    resumed,
)


class Disk:
    """Counts the operations on files below a folder, and lets one of them fail, as if there were no room."""

    def __init__(self, root: Path, fails_at: int) -> None:
        self.root, self.fails_at, self.count = str(root), fails_at, 0

    def touch(self, path: Any) -> None:
        if str(path).startswith(self.root):
            self.count += 1
            if self.count == self.fails_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@contextmanager
def disk(root: Path, fails_at: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(root, fails_at)

    def failing(function: Callable[..., Any], writes: Callable[..., bool] = lambda *_, **__: True) -> Any:
        def called(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, int):
                made.touch(Path(f"/proc/self/fd/{path}").readlink())
            elif writes(path, *args, **kwargs):
                made.touch(path)
            return function(path, *args, **kwargs)

        return called

    def for_writing(_: Any, mode: str = "r", *__: Any, **___: Any) -> bool:
        return not set(mode).isdisjoint("wax+")

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", failing(io.open, for_writing))
        patch.setattr(builtins, "open", failing(builtins.open, for_writing))
        patch.setattr(os, "fsync", failing(os.fsync))
        patch.setattr(os, "replace", failing(os.replace))
        patch.setattr(os, "rename", failing(os.rename))
        patch.setattr(os, "mkdir", failing(os.mkdir))
        yield made


def test_each_operation_that_fails_leaves_the_old_state_or_the_new_one(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = numbers(execute(prepared, tmp_path / "whole").folder)  # type: ignore[arg-type]
    with disk(tmp_path / "counted", 0, monkeypatch) as counted:
        execute(prepared, tmp_path / "counted")
    assert counted.count > 100
    resumes = 0
    for k in range(1, counted.count + 1):
        out = tmp_path / str(k)
        with disk(out, k, monkeypatch), pytest.raises((CannotWrite, ValueError)):
            execute(prepared, out)
        folder = only_folder(out)
        if folder is None:
            continue
        before = parts_in(folder)
        run = resumed(prepared, folder)
        resumes += 1
        assert not run.interrupted
        assert run.record["notes"] == []
        assert_same_numbers(numbers(folder), whole)
        after = parts_in(folder)
        assert {name: after[name] for name in before} == before
        assert list(folder.rglob(".*")) == []
    print(f"{counted.count} operations failed in turn, {resumes} runs went on")
    assert resumes > 0.8 * counted.count
