"""Gradients of any size in float64: what is off by as much as the gradient is biased, however small it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import bench
from tests.parameters import some

PLUGIN = """
from dataclasses import dataclass
from estimators.reparameterization import Reparameterization


@dataclass(frozen=True)
class Double(Reparameterization):
    def gradient(self, problem, theta, sample_size):
        return 2 * super().gradient(problem, theta, sample_size)


ESTIMATORS = {"double": Double}
"""
SCENARIO = """
schema: 1
name: tiny
version: 1
problem:
  {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc, scale], cost: COST}
estimators: [reinforce, double, exact]
sweep: {sample_sizes: [10], dtypes: [float64]}
replicates: 400
"""


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("plugin") / "doubling.py"
    path.write_text(PLUGIN)
    bench.plugin(path)


@pytest.mark.slow
@pytest.mark.parametrize("size", some(["1e-25", "1", "1e-6", "1e-12", "1e-60", "1e25"], 1))
def test_a_verdict_does_not_depend_on_the_unit(tmp_path: Path, size: str) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO.replace("COST", f"{size}*z**2"))
    run = bench.run(tmp_path / "tiny.yaml", out=tmp_path, progress=False)
    found = run.measurements[run.measurements["parameter"] == "all"].set_index("estimator")
    assert found.loc["double", "verdict"] == "biased"
    assert found.loc["double", "contradiction"] == "not unbiased"
    assert found.loc["reinforce", "verdict"].startswith("unresolved (needs R")
    assert found.loc["exact", "verdict"] == "within 1 %"


@pytest.mark.parametrize("size", ["1e-160", "1e160"])
def test_gradients_whose_squares_are_no_numbers_are_rows(tmp_path: Path, size: str) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO.replace("COST", f"{size}*z**2"))
    run = bench.run(tmp_path / "tiny.yaml", out=tmp_path, progress=False)
    assert set(run.measurements["estimator"]) == {"reinforce", "double", "exact"}
    assert "within 1 %" not in set(run.measurements.set_index("estimator").loc["double", "verdict"])


@pytest.mark.slow
def test_a_gradient_that_is_zero_but_for_rounding_is_met_by_what_is_exact(tmp_path: Path) -> None:
    """Nothing tells rounding from a bias there but an absolute limit."""
    (tmp_path / "tiny.yaml").write_text(
        SCENARIO.replace("COST", "(z - 2)**2").replace("[loc, scale]", "[loc]")
    )
    run = bench.run(tmp_path / "tiny.yaml", out=tmp_path, progress=False)
    assert run.measurements.set_index("estimator").loc["exact", "verdict"] == "within 1 %"
