"""Folders of runs: complete files that say what they are and can be read again."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import yaml
from torch import Tensor

import bench
from bench.api import draw
from bench.engine.plan import NamedEstimator, Planned, cell_id, plan
from bench.engine.streams import LAYOUT
from bench.errors import Invalid
from bench.estimator import Claim, Estimator
from bench.execution import execute
from bench.problem import Problem
from bench.results.columns import MEASUREMENTS, TYPES
from bench.results.files import atomic_write
from bench.results.folder import TABLES, new_folder, read_record
from bench.results.run import Run
from bench.scenario import read_text
from bench.scenario.prepared import Prepared, prepare
from tests.edited_run import forget_hashes

HOSTILE = [
    "comma, \"quote\" 'apostrophe'",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script> [bold]x[/bold]",
    "../../../etc/passwd",
    "$x^2$ \\frac %s {0} θ∇",
    "😀 \N{LATIN SMALL LETTER A}\N{COMBINING ACUTE ACCENT}",
    "null",
    "x" * 10_000,
]

NORMAL = """\
schema: 1
name: normal
version: 3
question: Does it, as "asked", survive? <b>{0}</b> $x$ %s
problem:
  name: expectation
  distribution: {normal: {loc: [0.3, -0.2], log_scale: 0.4}}
  parameters: [loc, log_scale]
  cost: "sum(z**2)"
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [10, 20]}
replicates: 30
seed: 5
"""


@dataclass(frozen=True)
class Failing(Estimator):
    """Says what no file can hold."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        raise ValueError("line one\nline two, \x1b[31mred\x1b[0m \ud800 \x00 end")


def prepared(folder: Path, text: str = NORMAL, *overrides: str) -> Prepared:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return prepare(path, overrides)


def with_estimators(ready: Prepared, *named: NamedEstimator) -> Prepared:
    experiment = replace(ready.plans[0].experiment, estimators=named)
    return replace(ready, plans=(Planned(experiment, plan(experiment)),))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared(tmp_path_factory.mktemp("scenario"), NORMAL, "replicates=20", "seed=6")


@pytest.fixture(scope="module")
def done(ready: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run, of which most tests here look at the remains."""
    return execute(ready, tmp_path_factory.mktemp("results"))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- files and folders ----------------------------------------------------------------------------


def test_a_file_appears_under_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "x.txt") as path:
        path.write_text("half")
        assert not (tmp_path / "x.txt").exists()
    assert (tmp_path / "x.txt").read_text() == "half"
    assert names_in(tmp_path) == ["x.txt"]


def test_writing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_write(tmp_path / "x.txt") as path:
            path.write_text("half")
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        fail()
    assert not any(tmp_path.iterdir())


def test_writing_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("old")

    def fail() -> None:
        with atomic_write(tmp_path / "x.txt") as path:
            path.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_names_of_run_folders_sort_by_time(tmp_path: Path) -> None:
    made = []
    for _ in range(5):
        with new_folder(tmp_path, "gaussian") as folder:
            made.append(folder)
        time.sleep(0.001)
    assert sorted(made) == made
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{6}", folder.name) for folder in made)
    assert {folder.parent for folder in made} == {tmp_path / "gaussian"}


def test_folders_that_stay_empty_go_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "a" / "b", "gaussian") as folder:
        1 / folder.is_file()
    assert not any(tmp_path.iterdir())


def test_folders_that_were_there_before_stay_when_the_run_fails(tmp_path: Path) -> None:
    (tmp_path / "gaussian").mkdir()
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path, "gaussian"):
        raise KeyboardInterrupt
    assert names_in(tmp_path) == ["gaussian"]
    assert not any((tmp_path / "gaussian").iterdir())


def test_what_was_written_stays_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path, "gaussian") as folder:
        1 / ((folder / "x.txt").write_text("something") - len("something"))
    assert (folder / "x.txt").exists()


@pytest.mark.parametrize("in_the_way", ["out", "out/normal"])
def test_a_file_in_the_way_is_found_before_anything_is_measured(
    tmp_path: Path, ready: Prepared, in_the_way: str
) -> None:
    path = tmp_path / in_the_way
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    told: list[Any] = []
    with pytest.raises(Invalid, match="no folder can be made here"):
        execute(ready, tmp_path / "out", told.append)
    assert told == []
    assert path.read_text() == "mine"


def test_a_run_leaves_these_files_and_no_others(done: Run) -> None:
    files = {path.relative_to(done.folder).as_posix() for path in done.folder.rglob("*") if path.is_file()}
    tables = {f"{table}.parquet" for table in TABLES}
    parts = {name for name in files if re.fullmatch(r"parts/[0-9a-f]{20}-[0-9-]+\.(piece|cell|truth)", name)}
    assert len(parts) == 1 + done.measurements["cell"].nunique()
    assert files == {*tables, *parts, "measurements.csv", "run.json", "plan.json", "journal.jsonl"}


DESIGNED = [
    "scenario", "scenario_version", "problem", "estimator", "estimator_name", "options", "sample_size",
    "device", "dtype", "parameter", "dim", "replicates", "nonfinite", "truth", "truth_norm", "truth_se",
    "mean", "bias", "bias_low", "bias_high", "bias_p", "verdict", "variance", "variance_low",
    "variance_high", "kurtosis", "effective_dof", "mse", "mse_low", "mse_high", "snr", "cosine", "seconds",
    "evaluations", "work_normalized_variance", "status", "reason", "cell",
]  # fmt: skip


# --- tables ---------------------------------------------------------------------------------------


def test_measurements_have_the_columns_of_the_design_in_order(done: Run) -> None:
    assert list(done.measurements.columns) == MEASUREMENTS
    # As the design lists them; others, such as more intervals, stand between.
    assert [name for name in MEASUREMENTS if name in DESIGNED] == DESIGNED


def test_each_cell_has_a_row_for_the_whole_and_for_each_block_of_parameters(
    done: Run, ready: Prepared
) -> None:
    expected = [
        (cell.named.label, cell.sample_size, parameter, dim)
        for cell in ready.cells
        for parameter, dim in (("all", 3), ("loc", 2), ("log_scale", 1))
    ]
    columns = done.measurements[["estimator", "sample_size", "parameter", "dim"]]
    assert list(columns.itertuples(index=False, name=None)) == expected


def test_variances_of_the_blocks_sum_to_that_of_the_whole(done: Run) -> None:
    for _, cell in done.measurements.groupby("cell"):
        everything, *parts = cell["variance"]
        assert sum(parts) == pytest.approx(everything)


def test_a_mean_is_given_where_there_is_one_coordinate(done: Run) -> None:
    known = done.measurements["mean"].notna()
    assert (known == (done.measurements["dim"] == 1)).all()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_read_as_it_was_written(ready: Prepared, done: Run, table: str) -> None:
    frame = getattr(bench.load(done.folder), table)
    assert len(frame)
    pd.testing.assert_frame_equal(frame, getattr(done, table), check_exact=True)


def test_a_run_is_the_same_in_memory_and_on_disk(done: Run) -> None:
    read = bench.load(done.folder)
    assert isinstance(read, bench.Run)
    assert repr(read) == repr(done) == f"<Run normal: 2 estimators, 4 cells in {done.folder}>"
    assert read.record == done.record
    assert (read.folder, read.interrupted, read.pictures) == (done.folder, False, {})
    assert "<table" in read._repr_html_()
    assert "&lt;Run normal" in read._repr_html_()


def test_tables_are_loaded_when_they_are_asked_for_and_once(done: Run) -> None:
    asked: list[str] = []

    def loaded() -> pd.DataFrame:
        asked.append("replicates")
        return done.replicates

    run = Run(done.measurements, loaded, done.record)
    some = run.of(run.measurements.head(1))
    assert asked == []
    assert some.replicates is run.replicates is done.replicates
    assert asked == ["replicates"]
    assert len(run.coordinates) == 0
    assert len(some.measurements) == 1


def test_a_folder_whose_name_is_no_text_is_refused(ready: Prepared, tmp_path: Path) -> None:
    """Parquet has no way to write there, and what was measured would be lost."""
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))
    with pytest.raises(Invalid, match=r"\\xff\\xfe': wanted a folder for results whose name is UTF-8"):
        execute(ready, out)
    assert list(tmp_path.iterdir()) == []


def test_the_csv_says_the_same_as_the_parquet(done: Run) -> None:
    frame = bench.load(done.folder).measurements
    words = [name for name in frame if frame[name].dtype == "str"]
    read = pd.read_csv(
        done.folder / "measurements.csv",
        dtype=dict.fromkeys(words, "str"),
        keep_default_na=False,
        na_values={name: [""] for name in frame if name not in words},
    )
    pd.testing.assert_frame_equal(read, frame, rtol=1e-14, atol=0)


def test_coordinates_name_their_block_and_hold_truth_and_moments(done: Run, ready: Prepared) -> None:
    frame = bench.load(done.folder).coordinates
    assert list(frame.columns) == list(TYPES["coordinates"])
    assert frame["cell"].unique().tolist() == [
        cell_id(ready.plans[0].experiment, cell) for cell in ready.cells
    ]
    for _, cell in frame.groupby("cell"):
        assert cell["index"].tolist() == [0, 1, 2]
        assert cell["parameter"].tolist() == ["loc", "loc", "log_scale"]
    # ∇ E Σ z² = (2 μ₁, 2 μ₂, 4 e^{2 log σ}).
    truth = frame["truth"].to_numpy().reshape(-1, 3)
    assert truth == pytest.approx(np.tile([0.6, -0.4, 4 * np.exp(0.8)], (4, 1)))
    whole_rows = done.measurements[done.measurements["parameter"] == "all"]
    assert frame.groupby("cell", sort=False)["variance"].sum().to_numpy() == pytest.approx(
        whole_rows["variance"].to_numpy()
    )


def test_replicates_hold_one_row_for_each_estimate_and_block(done: Run) -> None:
    frame = bench.load(done.folder).replicates
    assert list(frame.columns) == list(TYPES["replicates"])
    for (cell, parameter), group in frame.groupby(["cell", "parameter"]):
        assert group["replicate"].tolist() == list(range(20))
        of_block = (done.measurements["cell"] == cell) & (done.measurements["parameter"] == parameter)
        row = done.measurements[of_block].iloc[0]
        assert group["squared_deviation"].mean() == pytest.approx(row["variance"])
        assert group["squared_error"].mean() == pytest.approx(row["mse"])
        assert group["cosine"].mean() == pytest.approx(row["cosine"])
        assert group["cosine"].abs().max() <= 1 + 1e-12


FAILED = NamedEstimator("failed", "failed", "{}", Failing())


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_same_types_when_nothing_was_measured(
    done: Run, ready: Prepared, tmp_path: Path, table: str
) -> None:
    empty = execute(with_estimators(ready, FAILED), tmp_path)
    assert set(empty.measurements["status"]) == {"error"}
    frame, full = getattr(bench.load(empty.folder), table), getattr(bench.load(done.folder), table)
    assert len(frame) == (6 if table == "measurements" else 0)
    assert [str(t) for t in frame.dtypes] == [str(t) for t in full.dtypes]
    assert list(frame.columns) == list(full.columns)


def test_what_a_failing_estimator_says_survives(ready: Prepared, tmp_path: Path) -> None:
    run = execute(with_estimators(ready, FAILED), tmp_path)
    (reason,) = bench.load(run.folder).measurements["reason"].unique()
    assert reason == "ValueError: line one\nline two, \x1b[31mred\x1b[0m \\ud800 \x00 end"


@pytest.mark.slow
def test_hostile_labels_and_questions_survive(tmp_path: Path) -> None:
    text = NORMAL.replace(
        "[reinforce, reparameterization]",
        json.dumps([{"reinforce": {}, "label": label} for label in HOSTILE], ensure_ascii=False),
    )
    # A font that lacks a character would warn, and warnings are errors here.
    run = execute(prepared(tmp_path, text, "replicates=3", "sweep.sample_sizes=[2]"), tmp_path / "out")
    frame = bench.load(run.folder).measurements
    assert frame.loc[frame["parameter"] == "all", "estimator"].tolist() == HOSTILE
    assert (
        read_record(run.folder)["scenario"]["question"] == 'Does it, as "asked", survive? <b>{0}</b> $x$ %s'
    )
    figures, failed = draw(run)
    assert [path.name for path in figures] == ["variance.png", "bias.png"]
    assert failed == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"normal"}


# --- the record -----------------------------------------------------------------------------------


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(scope="module")
def record(done: Run) -> dict[str, Any]:
    return dict(json.loads((done.folder / "run.json").read_text(), parse_constant=refuse))


def test_the_record_holds_the_scenario_as_it_was_written(record: dict[str, Any]) -> None:
    assert record["text"] == NORMAL
    assert record["hash"] == sha256(NORMAL.encode()).hexdigest()
    assert record["overrides"] == ["replicates=20", "seed=6"]


def test_the_record_holds_the_scenario_as_it_was_run(record: dict[str, Any], ready: Prepared) -> None:
    text = yaml.safe_dump(record["scenario"], allow_unicode=True, sort_keys=False)
    again, _ = read_text(text, "run.json")
    assert again == ready.scenario
    assert again.replicates == 20
    assert again.seed == 6


def test_the_record_says_where_the_numbers_come_from(record: dict[str, Any]) -> None:
    assert record["schema"] == 2
    assert record["stream_layout"] == LAYOUT
    assert {"python", "torch", "numpy", "scipy", "pandas"} <= record["versions"].keys()
    assert all(isinstance(record["versions"][name], str) for name in ("python", "torch", "numpy"))
    assert record["machine"]["cores"] >= 1
    assert record["machine"]["devices"][0] == "cpu"
    assert record["threads"] == 1
    assert record["truth"] == {"kind": "quadrature", "note": ""}
    assert record["started"] < record["finished"]
    assert record["interrupted"] is False


def test_the_record_names_the_commit(record: dict[str, Any]) -> None:
    if not (Path(bench.__file__).parents[1] / ".git").exists():
        pytest.skip("this is no checkout")
    assert re.fullmatch("[0-9a-f]{40}", record["git"]["commit"])
    assert isinstance(record["git"]["dirty"], bool)


# --- reading again --------------------------------------------------------------------------------


@pytest.fixture
def copied(done: Run, tmp_path: Path) -> Path:
    """A run without its figures, to be spoiled."""
    for path in done.folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert len(bench.load(tmp_path).measurements)
    return tmp_path


def test_a_folder_that_is_not_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="nowhere: not the folder of a run"):
        bench.load(tmp_path / "nowhere")


def test_a_folder_without_a_record_is_no_run(copied: Path) -> None:
    (copied / "run.json").unlink()
    with pytest.raises(Invalid, match=r"not the folder of a run: it has no readable run\.json"):
        bench.load(copied)


def test_a_file_is_no_run(copied: Path) -> None:
    with pytest.raises(Invalid, match="not the folder of a run"):
        bench.load(copied / "measurements.parquet")


BROKEN = [
    "", "{", "[]", "[1]", "null", "17", '"run"', "{}", '{"schema": 1}', '{"schema": "a"}', '{"schema": {}}',
    '{"schema": 1, "scenario": {}}', '{"schema": 1, "scenario": null}', '{"schema": 1, "scenario": []}',
    "[" * 100_000, "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN, ids=[text[:40] for text in BROKEN])
def test_a_broken_record_is_called_one(copied: Path, text: str) -> None:
    (copied / "run.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(Invalid, match=r"run\.json: not the record of a run"):
        bench.load(copied)


def test_a_record_of_a_newer_layout_is_not_guessed_at(copied: Path) -> None:
    (copied / "run.json").write_text('{"schema": 3, "anything": "else"}')
    with pytest.raises(Invalid, match="written with layout 3, this version reads up to 2"):
        bench.load(copied)


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_table_is_called_missing(copied: Path, table: str) -> None:
    (copied / f"{table}.parquet").unlink()
    with pytest.raises(Invalid, match=rf"{table}\.parquet: this table of the run is missing"):
        getattr(bench.load(copied), table)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "end"])
def test_a_damaged_table_is_called_damaged(copied: Path, damage: str) -> None:
    forget_hashes(copied)
    path = copied / "measurements.parquet"
    good = path.read_bytes()
    half = len(good) // 2
    path.write_bytes(
        {
            "empty": b"",
            "text": b"not a table",
            "cut": good[:half],
            "end": good[:-200] + bytes(200),
        }[damage]
    )
    with pytest.raises(Invalid, match=r"measurements\.parquet: cannot be read as parquet"):
        len(bench.load(copied).measurements)
