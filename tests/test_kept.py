"""Results that are computed from a run once, and kept on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.analysis import comparison
from bench.analysis.comparison import changes
from bench.analysis.frames import FRAMES
from bench.analysis.geometric import means
from bench.analysis.kept import kept
from bench.figures.figure_tables import of_a_run
from bench.results.columns import no_rows
from bench.results.folder import load
from bench.results.run import Run
from bench.tables.summary import as_markdown
from bench.text.claims import claims
from bench.text.methods import methods
from tests.runs import run_of

SCENARIO = """\
schema: 1
name: example
version: 1
problem: {name: expectation, distribution: {normal: {loc: 0.3, scale: 1.0}}, parameters: [loc], cost: "z**2"}
estimators: [reinforce, {reinforce: {baseline: leave_one_out}, label: rloo}, reparameterization]
sweep: {sample_sizes: [2, 5]}
replicates: 40
"""
PAIRS = 3 * 2 * 2
"""Estimator and control, at each N."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("kept"), SCENARIO)


@pytest.fixture
def formed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the ratios that are formed, as they are."""
    found: list[str] = []

    def counted(name: str) -> None:
        made = getattr(comparison, name)

        def count(*args: Any, **kwargs: Any) -> Any:
            found.append(name)
            return made(*args, **kwargs)

        monkeypatch.setattr(comparison, name, count)

    counted("common_ratio")
    counted("unpaired_ratio")
    return found


def figured(run: Run) -> None:
    """Ask for all tables that figures draw."""
    tables = of_a_run(run)
    assert {name for name in tables if tables[name] is not None} == {*FRAMES, "histograms"}


@pytest.mark.slow
def test_each_ratio_of_a_run_is_formed_once(folder: Path, formed: list[str]) -> None:
    run = load(folder)
    figured(run)
    assert len(formed) == PAIRS * 2  # of variances and of squared errors
    claims(run), methods(run, "rloo"), as_markdown(run), means([run]), figured(run)
    assert len(formed) == PAIRS * 2


def test_changes_are_formed_once(folder: Path, formed: list[str]) -> None:
    runs = [load(folder), load(folder)]
    assert changes(runs) is changes(list(runs))
    assert len(formed) == 3 * 2 * 2


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_kept(folder: Path, name: str) -> None:
    run = load(folder)
    assert FRAMES[name](run) is FRAMES[name](run)
    assert FRAMES[name](load(folder)) is not FRAMES[name](run)


def test_what_is_kept_depends_on_the_arguments_and_on_the_run() -> None:
    asked: list[tuple[int, str]] = []

    @kept
    def asking(run: Run, number: int, word: str = "") -> int:
        asked.append((number, word))
        return number

    runs = [Run(no_rows("measurements"), no_rows("replicates"), {}) for _ in "ab"]
    assert [asking(run, n) for run in runs for n in (1, 2, 1)] == [1, 2, 1] * 2
    assert asking(runs[0], 1, word="a") == 1
    assert asked == [(1, ""), (2, ""), (1, ""), (2, ""), (1, "a")]


def test_a_part_of_a_run_keeps_nothing_of_the_whole(folder: Path) -> None:
    run = load(folder)
    some = run.of(run.measurements[run.measurements["sample_size"] == 2])
    assert set(FRAMES["costs"](run)["sample_size"]) == {2, 5}
    assert set(FRAMES["costs"](some)["sample_size"]) == {2}
    assert isinstance(some.replicates, pd.DataFrame)
