"""Cells that fail and what follows them, and deeds of foreign code that are told of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bench
from bench.cli import main
from tests.small_scenario import SMALL

PLUGIN = """
import os
from dataclasses import dataclass
from estimators.reparameterization import Reparameterization


@dataclass(frozen=True)
class Fails(Reparameterization):
    def gradient(self, problem, theta, sample_size):
        if not os.path.exists("mended"):
            raise RuntimeError("not yet")
        return super().gradient(problem, theta, sample_size)


@dataclass(frozen=True)
class Chats(Reparameterization):
    def gradient(self, problem, theta, sample_size):
        print("first of " + "many " * 30)
        print("half a line", end="")
        print(" and the other half\\n" + "\\n" * 40)
        return super().gradient(problem, theta, sample_size)


@dataclass(frozen=True)
class Forks(Reparameterization):
    def gradient(self, problem, theta, sample_size):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        return super().gradient(problem, theta, sample_size)


ESTIMATORS = {"breaks": Fails, "chats": Chats, "forks": Forks}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(PLUGIN)
    return tmp_path


def called(*words: str) -> Result:
    return CliRunner().invoke(main, ["--plugin", "plugin.py", *words], catch_exceptions=False)


def scenario(*estimators: str) -> str:
    old = "estimators: [reinforce, {reinforce: {baseline: leave_one_out}}, reparameterization]"
    assert old in SMALL
    Path("small.yaml").write_text(SMALL.replace(old, f"estimators: [{', '.join(estimators)}]"))
    return "small.yaml"


def statuses(result: Result) -> dict[str, list[str]]:
    folder = result.stdout.split("results  ")[1].split()[0]
    frame = bench.load(folder).measurements
    return frame.groupby("estimator", sort=False)["status"].agg(list).to_dict()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("workers", [[], pytest.param(["-j", "1"], marks=pytest.mark.slow)])
def test_a_run_stops_at_a_cell_that_fails_and_goes_on_when_it_is_mended(workers: list[str]) -> None:
    words = [
        "run",
        scenario("reinforce", "breaks", "reparameterization"),
        "--no-report",
        *workers,
    ]
    stopped = called(*words, "--on-error", "stop")
    assert stopped.exit_code == 3
    said, command = stopped.stderr.splitlines()[-2:]
    assert said.startswith(
        "stopped at a cell that failed: breaks, N = 10, cpu, float32: error: RuntimeError: not yet"
    )
    assert statuses(stopped)["breaks"][0] == "error"
    assert workers or statuses(stopped) == {"reinforce": ["ok", "ok"], "breaks": ["error"]}

    def again(*more: str) -> Result:
        return called(*command.removeprefix("bench --plugin plugin.py ").split(), "--no-report", *more)

    # A failure that was there before does not stop again, only a new one.
    assert again("--on-error", "stop", *workers).exit_code == 3
    Path("mended").touch()
    mended = again("--only-failed", *workers)
    if not workers:  # a worker may have finished the next cells before it is told
        assert mended.exit_code == 3
        assert mended.stderr.splitlines()[-2:] == ["some cells are missing; to go on:", command]
    every = again(*workers)
    assert statuses(every) == {name: ["ok", "ok"] for name in ("reinforce", "breaks", "reparameterization")}


@pytest.mark.usefixtures("here")
def test_by_default_a_run_goes_on() -> None:
    result = called("run", scenario("breaks", "reinforce"), "--no-report")
    assert result.exit_code == 3
    assert "stopped" not in result.stderr
    assert statuses(result) == {"breaks": ["error", "error"], "reinforce": ["ok", "ok"]}


@pytest.mark.usefixtures("here")
def test_what_is_printed_is_told_of_and_kept_out_of_the_way() -> None:
    result = called("run", scenario("chats", "reinforce"), "--no-report", "-n", "10")
    assert result.exit_code == 0
    assert "first of" not in result.stdout.split("results  ")[0].replace("the first of which", "")
    assert 0 < result.stderr.count("half a line and the other half") < 20
    folder = result.stdout.split("results  ")[1].split()[0]
    reason = bench.load(folder).measurements.set_index("estimator")["reason"]
    assert reason["reinforce"] == ""
    assert reason["chats"].startswith("it printed ")
    assert reason["chats"].endswith(" lines, the first of which is 'first of " + 6 * "many " + "m…'")
    lines = int(reason["chats"].split()[2])
    assert lines % 43 == 0, "43 lines in each call"


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_forks_are_told_of() -> None:
    result = called("run", scenario("forks", "reinforce"), "--no-report", "-n", "10")
    folder = result.stdout.split("results  ")[1].split()[0]
    reason = bench.load(folder).measurements.set_index("estimator")["reason"]
    assert reason["reinforce"] == ""
    assert reason["forks"].startswith("it forked the process ")


@pytest.mark.slow
def test_workers_from_python_give_the_same_numbers(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    options: dict[str, Any] = {"out": tmp_path, "progress": False}
    alone, beside = (bench.run(tmp_path / "small.yaml", workers=count, **options) for count in (None, 1))
    same = ["cell", "mean", "variance", "variance_low", "kurtosis", "mse", "draws"]
    assert alone.measurements[same].equals(beside.measurements[same])
    for wrong in (0, -1, True, "two", 1.5):
        with pytest.raises(bench.Invalid, match="workers: wanted a whole number from 1 to"):
            bench.run(tmp_path / "small.yaml", workers=wrong, **options)
