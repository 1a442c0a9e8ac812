"""Runs that are kept for good: what is left out of them is said, and those in git are read and compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from bench.analysis.comparison import compare
from bench.analysis.frames import FRAMES
from bench.analysis.pairs import across, within
from bench.cli import main
from bench.figures import FIGURES
from bench.results import thinning
from bench.results.folder import load
from bench.statistics.metric_table import COMPARED
from bench.text.answer import answer, headline_of
from bench.text.left_out import notes
from tests.parameters import spread
from tests.runs import run_of

REFERENCE = Path(__file__).parent.parent / "results" / "reference"
FOLDERS = [path.parent for path in sorted(REFERENCE.glob("*/run.json"))]

LARGEST = 18_000_000
"""Bytes of all of them, 36 scenarios'; those of one may have a tenth."""

SCENARIO = """\
schema: 1
name: example
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: [0.3, -0.2, 0.1], scale: 1.0}}
  parameters: [loc, scale]
  cost: "sum(z**2)"
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2, 5]}
replicates: 40
"""


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("whole"), SCENARIO)


@pytest.fixture
def small(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run with ten replicates of each of its four cells, and every other coordinate."""
    monkeypatch.setattr(thinning, "MOST_REPLICATES", 40)
    monkeypatch.setattr(thinning, "MOST_COORDINATES", 8)
    thinning.main(str(whole), str(tmp_path / "small"))
    return tmp_path / "small"


def test_a_thinned_run_has_all_measurements_and_the_first_replicates(whole: Path, small: Path) -> None:
    before, after = load(whole), load(small)
    pd.testing.assert_frame_equal(after.measurements, before.measurements, check_exact=True)
    first = before.replicates[
        (before.replicates["parameter"] == "all") & (before.replicates["replicate"] < 10)
    ]
    pd.testing.assert_frame_equal(after.replicates, first.reset_index(drop=True), rtol=1e-6)
    assert after.thinned == 10
    assert before.thinned == 0
    kept = after.coordinates[after.coordinates["kept"] > 0]
    assert len(kept) == (before.coordinates["kept"] > 0).sum()
    assert {**after.record, "thinned": None} == {**before.record, "thinned": None}


def test_a_small_run_stays_as_it_is_but_for_its_blocks(whole: Path, tmp_path: Path) -> None:
    thinning.main(str(whole), str(tmp_path / "all"))
    before, after = load(whole), load(tmp_path / "all")
    assert len(after.coordinates) == len(before.coordinates)
    assert len(after.replicates) == (before.replicates["parameter"] == "all").sum()
    frames = [compare(within(run, None), ("variance",)).frame for run in (before, after)]
    np.testing.assert_allclose(frames[0]["high"], frames[1]["high"], rtol=1e-4)


def test_the_figures_that_are_kept_are_figures() -> None:
    assert set(thinning.FIGURES) <= set(FIGURES)


def test_what_a_thinned_run_lacks_is_said(whole: Path, small: Path) -> None:
    run = load(small)
    words = "the run keeps the first 10 replicates of each cell only"
    assert words in notes(compare(within(run, None), ("variance",)).left_out)
    assert "the run before keeps the first 10" in " ".join(notes(across(run, load(whole)).left_out))
    for name in ("spread", "coordinates", "ratios"):
        assert "10 replicates of each cell" in FRAMES[name](run).attrs["notice"]
        assert "replicates of each cell" not in FRAMES[name](load(whole)).attrs["notice"]


@pytest.mark.slow
def test_a_thinned_run_is_reported_and_compared(whole: Path, small: Path) -> None:
    for words in (["report", small], ["compare", small], ["compare", small, whole], ["show", small]):
        done = CliRunner().invoke(main, [*map(str, words)])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("folder", spread(FOLDERS, 9), ids=lambda folder: folder.name)
def test_a_run_in_git_is_read_and_compared(folder: Path) -> None:
    run = load(folder)
    assert run.record["scenario"]["name"] == folder.name
    assert not run.interrupted
    found = compare(within(run, None), ("variance",))
    alone = run.measurements["estimator"].nunique() == 1  # it is compared with nothing
    assert found.frame["ratio"].notna().any() or alone
    assert run.coordinates["cell"].isin(run.measurements["cell"]).all()
    assert run.replicates.groupby("cell").size().max() <= run.thinned
    again = across(run, load(folder))
    assert len(again.pairs) == run.replicates["cell"].nunique()
    assert (compare(again, ("variance",)).frame["ratio"] == 1).all()


@pytest.mark.parametrize("folder", spread(FOLDERS, 9), ids=lambda folder: folder.name)
def test_the_answer_in_git_is_that_of_the_run(folder: Path) -> None:
    run = load(folder)
    biases, *best = answer(run)[len(run.findings) :]
    # Ratios are of all replicates, of which some are kept: the best by a ratio is not told again.
    told = [biases] if headline_of(run) in COMPARED else [biases, *best]
    summary = (folder / "summary.md").read_text("utf-8").replace("\\", "")
    assert [each for each in told if f"- {each}\n" not in summary] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_run_in_git_is_small(folder: Path) -> None:
    assert size_of(folder) <= LARGEST / 10
    assert (folder / "summary.md").exists()
    assert not (folder / "report.html").exists()


def test_all_runs_in_git_are_small_together() -> None:
    assert FOLDERS
    assert sum(map(size_of, FOLDERS)) <= LARGEST
