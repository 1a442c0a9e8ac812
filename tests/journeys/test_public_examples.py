"""The examples of public docstrings: each runs in a process of its own, in an empty folder."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bench

CONTRACTS = ("Distribution", "NotApplicable")
"""What is torch's, or only raised: its documentation has no example of ours."""

NAMES = [name for name in bench.__all__ if name not in CONTRACTS]

PROGRAM = """
import doctest, inspect, sys
import bench

found = getattr(bench, {name!r})
thing = found if inspect.isclass(found) or inspect.isfunction(found) else type(found)
cases = doctest.DocTestFinder(recurse=False).find(thing, {name!r}, globs=dict(vars(inspect.getmodule(thing))))
failed, tried = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(cases[0]) if cases else (0, 0)
print(tried, "examples,", failed, "failed")
sys.exit(failed or not tried)
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


WRONG = """
def wrong(case):
    case.examples[-1].want = "False\\n"
    return case
"""


def test_an_example_that_is_wrong_is_found(tmp_path: Path) -> None:
    """The control."""
    program = PROGRAM.format(name="load").replace("run(cases[0])", "run(wrong(cases[0]))")
    done = subprocess.run(
        [sys.executable, "-c", WRONG + program], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert "3 examples, 1 failed" in done.stdout
    assert done.returncode == 1


def test_all_public_names_are_documented() -> None:
    assert all(inspect.getdoc(getattr(bench, name)) for name in bench.__all__)
