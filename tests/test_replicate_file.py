"""The table of replicates on disk: all rows are there, and each cell can be read alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bench
from bench.errors import Invalid
from bench.results import replicate_file
from bench.results.folder import replicates_in
from bench.results.replicate_file import ReplicateFile, Rows, rows_of_frame, write_replicates
from bench.results.replicate_rows import schema_of
from tests.parameters import some
from tests.small_scenario import SMALL

NUMBERS = ["squared_deviation", "squared_error", "cosine", "estimate_1"]


def frame_of(cell: str, rows: int, parameters: tuple[str, ...] = ("all", "mu")) -> pd.DataFrame:
    generator = np.random.default_rng(rows)
    parts = [
        pd.DataFrame(
            {"cell": cell, "parameter": name, "replicate": np.arange(rows)}
            | {number: generator.random(rows).astype("float32") for number in NUMBERS}
            | {f"estimate_{k}": np.float32(np.nan) for k in (2, 3, 4)}
        )
        for name in parameters
    ]
    return pd.concat(parts, ignore_index=True)


def written(folder: Path, *frames: pd.DataFrame) -> Path:
    def tables() -> Iterator[pa.Table]:
        for frame in frames:
            yield from rows_of_frame(frame).tables

    path = folder / "replicates.parquet"
    write_replicates(path, Rows(schema_of(pa.float32()), tables()))
    return path


def test_each_cell_is_read_alone_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small cells share a group of rows, large ones have several."""
    monkeypatch.setattr(replicate_file, "LEAST_ROWS", 100)
    monkeypatch.setattr(replicate_file, "MOST_ROWS", 150)
    frames = [frame_of(f"cell {i}", rows) for i, rows in enumerate((7, 30, 400, 1, 99))]
    path = written(tmp_path, *frames)
    assert pq.ParquetFile(path).metadata.num_row_groups > 5
    found = ReplicateFile(path)
    assert found.cells == [f"cell {i}" for i in range(5)]
    for i, frame in enumerate(frames):
        whole = frame[frame["parameter"] == "all"]
        for name in ("replicate", *NUMBERS):
            column = found.column(f"cell {i}", name)
            assert column.dtype == (np.int64 if name == "replicate" else np.float64)
            assert column.tolist() == whole[name].tolist()
        assert np.isnan(found.column(f"cell {i}", "estimate_4")).all()
    every = found.whole()
    assert len(every) == sum(map(len, frames))
    assert every["squared_deviation"].tolist() == pd.concat(frames)["squared_deviation"].tolist()


def test_rows_in_any_order_are_found(tmp_path: Path) -> None:
    frame = pd.concat([frame_of("a", 20), frame_of("b", 20)]).sample(frac=1, random_state=0)
    found = ReplicateFile(written(tmp_path, frame))
    for cell in "ab":
        own = frame[(frame["cell"] == cell) & (frame["parameter"] == "all")]
        assert found.column(cell, "replicate").tolist() == own["replicate"].tolist()


@pytest.mark.slow
def test_a_run_says_the_same_of_a_cell_as_its_whole_table(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    run = bench.run(tmp_path / "small.yaml", out=tmp_path, progress=False)
    again = bench.load(run.folder or "")
    whole = run.replicates
    assert run.replicated == again.replicated == list(whole["cell"].unique())
    for cell in run.replicated:
        own = whole[(whole["cell"] == cell) & (whole["parameter"] == "all")].reset_index(drop=True)
        for each in (run, again, again.of(again.measurements.head(1))):
            found = each.replicates_of(cell)
            pd.testing.assert_frame_equal(found, own[found.columns], check_dtype=False)
    assert whole["squared_deviation"].groupby(whole["cell"]).mean().to_dict() == pytest.approx(
        dict(zip(run.measurements["cell"], run.measurements["variance"], strict=True)), rel=1e-6
    )


@pytest.mark.parametrize("size", some([1e-20, 1e25], 1))
def test_numbers_beyond_float32_are_kept(tmp_path: Path, size: float) -> None:
    """Squares of gradients of 10^25 are no float32, and those of 10^-20 have lost their digits there."""
    scenario = SMALL.replace("cost: z**2", f"cost: {size:g}*z**2")
    (tmp_path / "small.yaml").write_text(scenario + "sweep: {sample_sizes: [10], dtypes: [float64]}\n")
    text = (tmp_path / "small.yaml").read_text().replace("sweep: {sample_sizes: [10, 30]}\n", "")
    (tmp_path / "small.yaml").write_text(text)
    run = bench.run(tmp_path / "small.yaml", out=tmp_path, progress=False)
    means = run.replicates.groupby("cell")["squared_deviation"].mean()
    for cell, variance in zip(run.measurements["cell"], run.measurements["variance"], strict=True):
        assert means[cell] == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="replicate"), "no column 'replicate'"),
        (lambda frame: frame.drop(columns="cell"), "no column 'cell'"),
        (lambda frame: frame.assign(cell=1), "'cell' does not hold what it should"),
        (lambda frame: frame.assign(cosine="x"), "'cosine' does not hold what it should"),
        (lambda frame: frame.assign(replicate=0.5), "'replicate' does not hold what it should"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, change: object, message: str) -> None:
    change(frame_of("a", 3)).to_parquet(tmp_path / "replicates.parquet")  # type: ignore[operator]
    with pytest.raises(Invalid, match=message):
        _ = replicates_in(tmp_path).cells


def test_columns_that_an_older_version_did_not_keep_are_not_known(tmp_path: Path) -> None:
    frame_of("a", 3).drop(columns=["estimate_1", "cosine"]).to_parquet(tmp_path / "replicates.parquet")
    found = replicates_in(tmp_path)
    assert np.isnan(found.column("a", "cosine")).all()
    assert np.isnan(found.whole()["estimate_1"]).all()


def test_groups_of_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, frame_of("a", 50))
    monkeypatch.setattr(replicate_file, "MOST_ROWS", 99)
    with pytest.raises(Invalid, match="100 rows in one group, and no more than 99 are read at once"):
        _ = replicates_in(path.parent).cells


@pytest.mark.slow
@pytest.mark.parametrize("name", ["measurements", "coordinates"])
def test_a_table_of_more_rows_than_it_has_bytes_is_refused(tmp_path: Path, name: str) -> None:
    """Thirty million rows of one value take some kilobytes, and gigabytes once they are read."""
    (tmp_path / "small.yaml").write_text(SMALL)
    folder = bench.run(tmp_path / "small.yaml", out=tmp_path, progress=False).folder
    assert folder is not None
    table = pa.table({"cell": pa.DictionaryArray.from_arrays(np.zeros(10**7, np.int8), ["x"])})
    pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    record = (folder / "run.json").read_text().split('"tables"')[0].rstrip().rstrip(",") + "}"
    (folder / "run.json").write_text(record)
    with pytest.raises(Invalid, match="10000000 rows in"):
        getattr(bench.load(folder), name)


@pytest.mark.slow
def test_what_is_written_needs_no_whole_table_in_memory(tmp_path: Path) -> None:
    """Ten million rows, written and read in a process that may take 300 megabytes more than it had."""
    script = """
import resource, sys
import numpy as np, pyarrow as pa
from pathlib import Path
from bench.results.replicate_file import ReplicateFile, Rows, write_replicates
from bench.results.replicate_rows import schema_of
schema, rows = schema_of(pa.float32()), 1 << 20
def table(i):
    word = lambda w: pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [w])
    numbers = [pa.array(np.full(rows, i, np.float32))] * 3
    empty = [pa.nulls(rows, pa.float32())] * 4
    return pa.table([word(str(i)), word("all"), np.arange(rows), *numbers, *empty], schema=schema)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20, -1))
path = Path(sys.argv[1])
write_replicates(path, Rows(schema, (table(i) for i in range(10))))
found = ReplicateFile(path)
assert [float(found.column(str(i), "cosine").mean()) for i in range(10)] == list(range(10))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "replicates.parquet")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_is_no_number_of_an_estimate_stays_nan(tmp_path: Path) -> None:
    frame = frame_of("a", 3, ("all",))
    frame.loc[1, "cosine"] = np.nan  # of an estimate that is zero
    found = ReplicateFile(written(tmp_path, frame)).column("a", "cosine")
    assert np.isnan(found).tolist() == [False, True, False]
