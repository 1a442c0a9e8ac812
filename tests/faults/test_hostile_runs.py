"""Runs with estimators that raise, exit, kill, fork, allocate or print: each is a row, no other suffers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import bench
from bench.results.runs import runs_in

PLUGIN = Path(__file__).with_name("hostile_plugin.py")
TEXT = """
schema: 1
name: hostile
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [%s]
sweep: {sample_sizes: [4, 8]}
replicates: 20
"""
REASONS = {
    "raises": "ValueError: no",
    "exits": "SystemExit: 0",
    "exits_at_once": "os._exit(5)",
    "allocates": "RuntimeError",
    "not_finite": "none of 20 estimates is finite",
    "wrong_shape": "gave float32 of shape [1, 20]",
}


def called(folder: Path, *words: str, kilobytes: int | None = None) -> subprocess.CompletedProcess[str]:
    limit = [] if kilobytes is None else ["bash", "-c", f'ulimit -v {kilobytes}; exec "$@"', "bash"]
    return subprocess.run(
        [*limit, sys.executable, "-m", "bench", "--plugin", str(PLUGIN), *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def only_run(folder: Path) -> Path:
    (found,) = runs_in(folder / "results")
    return found.folder


def statuses(folder: Path) -> dict[str, set[str]]:
    frame = bench.load(only_run(folder)).measurements
    return frame.groupby("estimator")["status"].agg(set).to_dict()


def test_each_is_a_row_with_its_reason_and_the_others_complete(tmp_path: Path) -> None:
    names = ["plain", *REASONS, "forks", "prints", "reparameterization"]
    (tmp_path / "hostile.yaml").write_text(TEXT % ", ".join(names))
    done = called(tmp_path, "run", "hostile.yaml", "--no-report")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    found = statuses(tmp_path)
    for name in ("plain", "forks", "prints", "reparameterization"):
        assert found[name] == {"ok"}, name
    frame = bench.load(only_run(tmp_path)).measurements
    for name, words in REASONS.items():
        rows = frame[frame["estimator"] == name]
        assert len(rows) == 2
        assert not rows["status"].eq("ok").any()
        assert rows["reason"].str.contains(words, regex=False).all(), rows["reason"].tolist()
    assert len(done.stdout.splitlines()) < 100
    for name, deed in {
        "prints": "lines, the first of which is '0'",
        "forks": "it forked the process",
    }.items():
        assert frame[frame["estimator"] == name]["reason"].str.contains(deed, regex=False).all()
    told = called(tmp_path, "status", str(only_run(tmp_path)))
    assert "20 cells: 10 done, 10 failed, 0 missing; 0 stale" in told.stdout
    assert "run hostile.yaml -e raises -n 4 --devices cpu" in told.stdout


def test_a_cell_that_takes_all_memory_is_a_row_too(tmp_path: Path) -> None:
    """Within `ulimit -v`, which a shell or a cluster sets, the system refuses more and kills nobody."""
    (tmp_path / "hostile.yaml").write_text(TEXT % "plain, devours, reparameterization")
    done = called(tmp_path, "run", "hostile.yaml", "--no-report", kilobytes=6_000_000)
    assert done.returncode == 3, done.stderr
    found = statuses(tmp_path)
    assert found == {"plain": {"ok"}, "devours": {"error"}, "reparameterization": {"ok"}}
    assert bench.load(only_run(tmp_path)).measurements["reason"].max() == "MemoryError"


def test_a_cell_that_kills_the_process_is_left_for_last_and_given_up_then(tmp_path: Path) -> None:
    (tmp_path / "hostile.yaml").write_text(TEXT % "plain, kills_itself, reparameterization")
    first = called(tmp_path, "run", "hostile.yaml", "--no-report")
    assert first.returncode == -9
    run = str(only_run(tmp_path))
    again = 0
    while (done := called(tmp_path, "resume", run, "--no-report")).returncode == -9:
        again += 1
        assert again < 6
        finished = list((Path(run) / "parts").glob("*.cell"))
        assert len(finished) >= 4, "what does not kill is measured first"
    assert done.returncode == 3, done.stderr
    found = statuses(tmp_path)
    assert found == {"plain": {"ok"}, "kills_itself": {"crashed"}, "reparameterization": {"ok"}}
    assert "the process ended 2 times" in bench.load(Path(run)).measurements["reason"].max()
    assert called(tmp_path, "resume", run, "--only-failed").returncode == -9
    assert called(tmp_path, "resume", run, "--no-report").returncode == 3


def test_an_unfinished_run_is_told_of_and_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "hostile.yaml").write_text(TEXT % "plain, kills_itself")
    called(tmp_path, "run", "hostile.yaml", "--no-report")
    run = only_run(tmp_path)
    listed = called(tmp_path, "runs")
    assert "unfinished" in listed.stdout
    told = called(tmp_path, "run", "hostile.yaml", "--no-report", "-e", "plain")
    assert told.returncode == 0
    assert "unfinished" not in told.stderr, "another question"
    told = called(tmp_path, "run", "hostile.yaml", "--no-report")
    assert (
        f"a run of this scenario is unfinished: bench --plugin {PLUGIN} resume {run.relative_to(tmp_path)}"
        in told.stderr
    )
