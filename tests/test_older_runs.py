"""Runs that an earlier version wrote, or somebody damaged: reported, or refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from bench.analysis.first_screen import histograms
from bench.api import load, run
from bench.cli import main
from bench.results.columns import LATER, MEASUREMENTS, TYPES, completed
from tests.edited_run import forget_hashes
from tests.test_report import ordinary
from tests.test_report_command import SCENARIO

FIRST = [
    "scenario", "scenario_version", "problem", "estimator", "estimator_name", "options", "sample_size",
    "device", "dtype", "parameter", "dim", "replicates", "nonfinite", "truth", "truth_norm", "truth_se",
    "mean", "bias", "bias_low", "bias_high", "bias_p", "verdict", "variance", "variance_low",
    "variance_high", "kurtosis", "effective_dof", "mse", "mse_low", "mse_high", "snr", "cosine",
    "seconds", "evaluations", "gradient_evaluations", "work_normalized_variance", "status", "reason",
    "cell",
]  # fmt: skip
"""The columns of measurements that the first version wrote."""

NEEDED = sorted(
    name for name, kind in TYPES["measurements"].items() if kind != "float64" and name not in LATER
)
"""The columns of measurements that every version writes: words and counts."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("older")
    (root / "example.yaml").write_text(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.api.draw", lambda *_: ([], []))
        folder = run(root / "example.yaml", out=root, quick=True).folder
    assert folder is not None
    return folder


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def change(folder: Path, table: str, frame: pd.DataFrame) -> None:
    frame.to_parquet(folder / f"{table}.parquet", index=False)
    forget_hashes(folder)


def called(*words: object) -> Result:
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


@pytest.mark.slow
def test_a_run_of_the_first_version_is_reported(copied: Path, tmp_path: Path) -> None:
    frame, coordinates = load(copied).measurements, load(copied).coordinates
    change(copied, "measurements", frame[FIRST])
    change(copied, "coordinates", coordinates.drop(columns=["variance_low", "variance_high"]))
    words = ["--tex", tmp_path / "a.tex", "--markdown", tmp_path / "a.md"]
    done = called("report", copied, *words)
    assert done.exit_code == 0, done.output
    assert "variance than reinforce" in (tmp_path / "a.md").read_text()
    assert called("show", copied).exit_code == 0
    assert called("plot", copied, "-o", tmp_path / "a.svg").exit_code == 0


def test_what_was_not_recorded_is_not_known(copied: Path) -> None:
    frame = load(copied).measurements
    later = [name for name in MEASUREMENTS if name not in FIRST]
    change(copied, "measurements", frame[FIRST])
    read = load(copied).measurements
    pd.testing.assert_frame_equal(read[FIRST], frame[FIRST])
    assert list(read) == MEASUREMENTS
    words = [name for name in later if name in LATER]
    assert sorted(words) == ["ascends", "claim", "contradiction", "draws"]
    assert (read[words] == "").all(axis=None)
    assert read[[name for name in later if name not in LATER]].isna().all(axis=None)
    assert read.dtypes.to_dict() == frame.dtypes.to_dict()


def test_columns_of_a_later_version_stay(copied: Path) -> None:
    change(copied, "measurements", load(copied).measurements.assign(new=1.0))
    assert list(load(copied).measurements) == [*MEASUREMENTS, "new"]


def test_words_that_are_missing_are_empty(copied: Path) -> None:
    change(copied, "measurements", load(copied).measurements.assign(estimator=None, reason=None))
    assert (load(copied).measurements[["estimator", "reason"]] == "").all(axis=None)
    assert called("report", copied).exit_code == 0


@pytest.mark.parametrize("name", NEEDED)
def test_a_table_without_what_every_run_has_is_no_table(name: str) -> None:
    with pytest.raises(ValueError, match=f"it has no column '{name}'"):
        completed(ordinary().drop(columns=name), "measurements")


@pytest.mark.parametrize("table", TYPES)
@pytest.mark.parametrize("damage", ["missing", "words"])
def test_a_damaged_table_is_told(copied: Path, table: str, damage: str) -> None:
    name = {"measurements": "sample_size", "coordinates": "index", "replicates": "replicate"}[table]
    frame = getattr(load(copied), table)
    change(copied, table, frame.drop(columns=name) if damage == "missing" else frame.assign(**{name: "a"}))
    done = called("report", copied)
    assert done.exit_code == 2
    assert f"{table}.parquet: not this table of a run: it" in done.stderr
    assert f"column '{name}'" in done.stderr
    assert "run the scenario again" in done.stderr


def of_schema(folder: Path, schema: int) -> None:
    forget_hashes(folder)
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))


@pytest.mark.slow
def test_a_run_of_the_first_layout_is_read_as_later_ones_are(copied: Path) -> None:
    run = load(copied)
    change(copied, "measurements", run.measurements.assign(estimator_name="score_function"))
    for table, frame in (("coordinates", run.coordinates), ("replicates", run.replicates)):
        lacking = [name for name in frame if name == "kept" or name.startswith("estimate_")]
        assert lacking
        change(copied, table, pd.concat([frame, frame], ignore_index=True).drop(columns=lacking))
    of_schema(copied, 1)
    old = load(copied)
    assert set(old.measurements["estimator_name"]) == {"reinforce"}
    assert len(old.coordinates) == len(run.coordinates)
    assert len(old.replicates) == len(run.replicates)
    assert (old.coordinates["kept"] == 0).all()
    assert old.replicates[[f"estimate_{k}" for k in range(1, 5)]].isna().all(axis=None)
    assert histograms(old).empty
    assert called("report", copied).exit_code == 0
