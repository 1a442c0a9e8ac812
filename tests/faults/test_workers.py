"""Runs by several processes: the numbers of one, whichever of them die, hang or are stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bench
from bench.results.runs import runs_in
from tests.faults.small_run import assert_same_numbers, numbers

PLUGIN = Path(__file__).with_name("hostile_plugin.py")
TEXT = """
schema: 1
name: shared
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [%s]
sweep: {sample_sizes: [10, 20, 30, 40]}
replicates: %d
"""
OURS = "reinforce, {reinforce: {baseline: leave_one_out}}, reparameterization"
LONG = 300_000
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def started(folder: Path, *words: str, **how: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,  # type: ignore[call-overload]
    )


def called(folder: Path, *words: str) -> tuple[int, str]:
    process = started(folder, *words)
    out, error = process.communicate(timeout=240)
    return process.returncode, out + error


def run_in(folder: Path, out: str) -> Path:
    (found,) = runs_in(folder / out)
    return found.folder


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario, and one undisturbed run of it by one process."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "shared.yaml").write_text(TEXT % (OURS, LONG))
    code, said = called(folder, "run", "shared.yaml", "--no-report", "-o", "one")
    assert code == 0, said
    return folder


@contextmanager
def cluster(workers: int) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler and workers that join it by its address, as on a cluster."""
    dask = Path(sys.executable).with_name("dask")
    processes: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [dask, *words],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    try:
        scheduler = start("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
        assert scheduler.stderr is not None
        address = next(found[0] for line in scheduler.stderr if (found := re.search(r"tcp://\S+:\d+", line)))
        every = [start("worker", address, "--nthreads", "1", "--no-dashboard") for _ in range(workers)]
        yield address, every
    finally:
        for process in processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.communicate()


def test_two_workers_give_the_numbers_of_one_process(scenario: Path) -> None:
    code, said = called(scenario, "run", "shared.yaml", "--no-report", "-o", "two", "-j", "2")
    assert code == 0, said
    assert_same_numbers(numbers(run_in(scenario, "two")), numbers(run_in(scenario, "one")))
    assert "timings spread by more than a factor of two in 12 of 12 cells" in said


def test_an_outside_scheduler_of_which_a_worker_is_killed_gives_the_same_numbers(scenario: Path) -> None:
    with cluster(2) as (address, workers):
        process = started(
            scenario, "run", "shared.yaml", "--no-report", "-o", "outside", "--scheduler", address
        )
        while not list((scenario / "outside").rglob("*.cell")):
            time.sleep(0.05)
        os.killpg(workers[0].pid, signal.SIGKILL)
        out, error = process.communicate(timeout=240)
    assert process.returncode == 0, out + error
    assert_same_numbers(numbers(run_in(scenario, "outside")), numbers(run_in(scenario, "one")))


def test_workers_that_are_killed_one_after_the_other_are_replaced(scenario: Path) -> None:
    process = started(scenario, "run", "shared.yaml", "--no-report", "-o", "killed", "-j", "2")
    kills = 0
    while process.poll() is None and kills < 3:
        time.sleep(0.7)
        children = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        if children and list((scenario / "killed").rglob("*.cell")):
            os.kill(int(children[-1]), signal.SIGKILL)
            kills += 1
    out, error = process.communicate(timeout=240)
    assert process.returncode == 0, out + error
    assert kills
    assert_same_numbers(numbers(run_in(scenario, "killed")), numbers(run_in(scenario, "one")))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_by_workers_that_is_stopped_goes_on(scenario: Path, number: signal.Signals) -> None:
    out = f"stopped-{number.name}"
    process = started(
        scenario, "run", "shared.yaml", "--no-report", "-o", out, "-j", "2", start_new_session=True
    )
    while len(list((scenario / out).rglob("*.cell"))) < 2:
        time.sleep(0.02)
    # As a terminal does, which sends Ctrl-C to all processes; a kill is of one.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    said = "".join(process.communicate(timeout=240))
    assert process.returncode in ((-9,) if number == signal.SIGKILL else (0, 130)), said
    folder = run_in(scenario, out)
    deadline = time.monotonic() + 30
    while subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.1)
    code, said = called(scenario, "resume", str(folder), "--no-report", "-j", "2")
    assert code == 0, said
    assert_same_numbers(numbers(folder), numbers(run_in(scenario, "one")))


def test_what_hangs_or_kills_is_a_row_and_the_others_complete(tmp_path: Path) -> None:
    names = "plain, hangs, kills_itself, exits_at_once, reparameterization"
    (tmp_path / "shared.yaml").write_text(TEXT % (names, 20))
    words = ["--plugin", str(PLUGIN), "run", "shared.yaml", "--no-report", "-j", "2", "--timeout", "2"]
    code, said = called(tmp_path, *words)
    assert code == 3, said
    frame = bench.load(run_in(tmp_path, "results")).measurements
    found = frame.groupby("estimator")["status"].agg(set).to_dict()
    assert found == {
        "plain": {"ok"},
        "hangs": {"timeout"},
        "kills_itself": {"crashed"},
        "exits_at_once": {"error"},
        "reparameterization": {"ok"},
    }
    assert frame["reason"].str.contains("it was given up after 2 seconds").sum() == 4


def test_an_address_where_nothing_answers_is_told(scenario: Path) -> None:
    code, said = called(scenario, "run", "shared.yaml", "-o", "nowhere", "--scheduler", "tcp://127.0.0.1:9")
    assert code == 2
    assert "--scheduler tcp://127.0.0.1:9: nothing answers there" in said
    assert "Traceback" not in said
