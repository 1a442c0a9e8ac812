"""The pytest plug-in, in tests of its own: what it asserts, what it says, how it is called."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench import catalogue, testing
from bench.errors import ScenarioError
from bench.regression.baseline import write
from bench.testing import GradientBench
from tests import gates

pytest_plugins = ["pytester"]

MINE = """
from dataclasses import dataclass
from bench.estimator import gradient_of
from estimators.reinforce import Reinforce

@dataclass(frozen=True)
class Mine(Reinforce):
    def gradient(self, problem, theta, sample_size):
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = problem.cost(x, theta).detach()
        return gradient_of(theta, (p.log_prob(x), cost)){change}

ESTIMATORS = {{"mine": Mine}}
"""
NOISE = " + 1.5 * (theta.new_empty(theta.shape).normal_())"
BIAS = " * 0.9"
TESTS = """
import pytest

@pytest.fixture
def cells(gradient_bench):
    gradient_bench.plugin("mine.py")
    return gradient_bench.run("example.yaml", estimators=["mine"])

def test_variance(cells):
    cells.assert_not_worse("variance", max_increase=0.10)

def test_bias(cells):
    cells.assert_unbiased(within=0.02)
"""
ARGUMENTS = ["-p", "no:cacheprovider", "-p", "no:randomly", "--bench-seed-epoch", "a"]


@pytest.fixture(scope="module", autouse=True)
def everything_is_loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests within tests forget the modules that they load, which numba does not survive."""
    folder = tmp_path_factory.mktemp("loaded")
    (folder / "example.yaml").write_text(gates.TEXT.format(estimator="reinforce", N=10, seed=0))
    cells = GradientBench(folder, folder, True, 1e-4, "a").run("example.yaml")
    cells.assert_not_worse()
    cells.assert_unbiased(within=0.1)
    (folder / "broken.yaml").write_text("{")
    with pytest.raises(ScenarioError):
        cells.bench.run("broken.yaml")


@pytest.fixture(autouse=True)
def no_plugins_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_ADDED", {"estimators": {}, "problems": {}})
    monkeypatch.setattr(testing, "_ADDED", [])
    testing._add_once.cache_clear()


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with an estimator, a scenario and two tests."""
    (pytester.path / "mine.py").write_text(MINE.format(change=""))
    (pytester.path / "example.yaml").write_text(gates.TEXT.format(estimator="mine", N=10, seed=0))
    (pytester.path / "test_mine.py").write_text(TESTS)
    return pytester


def broken(project: pytest.Pytester, change: str) -> None:
    (project.path / "mine.py").write_text(MINE.format(change=change))


def run(project: pytest.Pytester, *more: str) -> pytest.RunResult:
    """In this process, which has torch already; each time as if nothing had been added."""
    catalogue._ADDED.update(estimators={}, problems={})
    testing._ADDED.clear()
    testing._add_once.cache_clear()
    return project.runpytest_inprocess(*ARGUMENTS, *more)


def test_from_the_first_baseline_to_the_first_alarm(project: pytest.Pytester) -> None:
    run(project).assert_outcomes(passed=1, failed=1)  # without a baseline nothing is a pass
    run(project, "--bench-update").assert_outcomes(passed=2)
    baseline = project.path / "results" / "baselines" / "example.json"
    before = baseline.read_bytes()
    run(project).assert_outcomes(passed=2)
    broken(project, NOISE)
    done = run(project)
    done.assert_outcomes(passed=1, failed=1)
    text = done.stdout.str()
    assert "regression: example: mine, N = 10, cpu, float32: variance: it has grown by" in text
    assert "●" in text
    # What is worse is not written in silence.
    done = run(project, "--bench-update")
    done.assert_outcomes(errors=2)
    assert "--accept-regression" in done.stdout.str()
    assert baseline.read_bytes() == before


def test_the_command_that_is_printed_finds_the_same(project: pytest.Pytester) -> None:
    run(project, "--bench-update").assert_outcomes(passed=2)
    broken(project, NOISE)
    text = run(project).stdout.str()
    (line,) = {line.split("replay: ")[1] for line in text.splitlines() if "replay: " in line}
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "bench"]
    done = subprocess.run(
        [sys.executable, *words[1:]], capture_output=True, text=True, check=False, cwd=project.path
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "regression: example: mine" in done.stdout


def test_a_bias_is_told(project: pytest.Pytester) -> None:
    broken(project, BIAS)
    done = run(project, "-k", "bias")
    done.assert_outcomes(failed=1, deselected=1)
    told = re.search(r"mine, N = 10, cpu, float32: biased: the bias is (-0\.\d+) \(", done.stdout.str())
    assert told
    assert float(told[1]) == pytest.approx(-0.4, abs=0.07)  # five standard errors


def test_it_works_side_by_side(project: pytest.Pytester) -> None:
    many = TESTS + "\n".join(
        f"def test_again_{i}(cells):\n    cells.assert_not_worse('mse')\n" for i in range(4)
    )
    (project.path / "test_mine.py").write_text(many)
    apart = [*ARGUMENTS, "-n", "2"]
    project.runpytest_subprocess(*apart, "--bench-update").assert_outcomes(passed=6)
    assert json.loads((project.path / "results" / "baselines" / "example.json").read_text())["cells"]


def test_the_baseline_may_lie_elsewhere(project: pytest.Pytester) -> None:
    run(project, "--bench-update", "--bench-baseline", "here").assert_outcomes(passed=2)
    assert (project.path / "here" / "example.json").exists()
    assert not (project.path / "results").exists()


@pytest.mark.parametrize("alpha", ["0", "2", "x"])
def test_an_alpha_that_is_no_probability_is_refused(project: pytest.Pytester, alpha: str) -> None:
    done = run(project, "--bench-alpha", alpha)
    assert done.ret == pytest.ExitCode.USAGE_ERROR


BRIDGE = """
def test_speed(gradient_bench, benchmark):
    gradient_bench.plugin("mine.py")
    gradient_bench.run("example.yaml")
    benchmark(lambda: None)
"""


def test_a_benchmark_is_told_the_variance(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # with which benchmarks are not run
    (project.path / "test_mine.py").write_text(BRIDGE)
    run(project, "--benchmark-json", "found.json").assert_outcomes(passed=1)
    (found,) = json.loads((project.path / "found.json").read_text())["benchmarks"]
    info = found["extra_info"]["mine, N = 10, cpu"]
    # Five standard errors of the variance 8.7 from 4096 replicates: √((5.4 − 1)/4096) each.
    assert abs(info["variance"] / 8.7 - 1) < 5 * (4.4 / 4096) ** 0.5
    assert 0 < info["work_normalized_variance"] < info["variance"]


def bench_at(folder: Path, epoch: str = "a") -> GradientBench:
    return GradientBench(folder, folder, False, 1e-4, epoch)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(gates.TEXT.format(estimator="reinforce", N=10, seed=0))
    write(tmp_path / "example.json", gates.baseline(gates.experiment()))
    cells = bench_at(tmp_path).run("example.yaml")
    cells.assert_not_worse("evaluations")
    with pytest.raises(ValueError, match="did you mean 'variance'"):
        cells.assert_not_worse("varience")
    with pytest.raises(AssertionError, match="of another problem"):
        bench_at(tmp_path).run("example.yaml", overrides=["problem.cost=z**3"]).assert_not_worse()


def test_a_bias_that_cannot_be_told_is_no_pass(tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(gates.TEXT.format(estimator="reinforce", N=10, seed=0))
    cells = bench_at(tmp_path).run("example.yaml", overrides=["gate.max_replicates=5000"])
    with pytest.raises(AssertionError, match=r"not shown to be within 1 %.*needs R"):
        cells.assert_unbiased(within=0.01)
    cells.assert_unbiased(within=0.10)


def test_an_unbiased_estimator_passes(tmp_path: Path) -> None:
    # By construction it fails with a probability of 1e-4.
    (tmp_path / "example.yaml").write_text(gates.TEXT.format(estimator="reinforce", N=10, seed=0))
    for epoch in "abcde":
        bench_at(tmp_path, epoch).run("example.yaml").assert_unbiased(within=0.01)
