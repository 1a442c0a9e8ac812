"""Estimates of single coordinates that are kept as they are, and their histograms about the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bench.analysis.first_screen import BINS, COLUMNS, histograms
from bench.engine.block_collector import MOST_REPLICATES, BlockCollector
from bench.engine.blocks import Block
from bench.execution import execute
from bench.results.folder import load
from bench.results.run import Run
from bench.scenario.prepared import prepare
from tests.runs import in_memory, run_of

WIDE = """\
schema: 1
name: wide
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: [0.3, -0.2, 0.1, 0.5, 1.0, 0.2], scale: 1.0}}
  parameters: [loc]
  cost: "COST"
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2, 5]}
replicates: 50
"""


def scenario(cost: str = "sum(z**2)") -> str:
    return WIDE.replace("COST", cost)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return load(run_of(tmp_path_factory.mktemp("wide"), scenario()))


def test_a_few_coordinates_are_kept_the_same_in_all_cells(run: Run) -> None:
    kept = run.coordinates[run.coordinates["kept"] > 0]
    assert kept.groupby("cell")["kept"].apply(list).tolist() == [[1, 2, 3, 4]] * 4
    assert kept.groupby("cell")["index"].apply(tuple).nunique() == 1


def test_the_coordinates_of_largest_variance_are_kept(tmp_path: Path) -> None:
    # By the path the derivative is 4 z³, which varies with loc.
    text = scenario("sum(z**4)").replace("[0.3, -0.2, 0.1, 0.5, 1.0, 0.2]", "[0, 8, 0, 6, 10, 7]")
    run = load(run_of(tmp_path, text, "estimators=[reparameterization]"))
    kept = run.coordinates[run.coordinates["kept"] > 0]
    assert kept.groupby("cell")["index"].apply(list).tolist() == [[1, 3, 4, 5]] * 2


def test_kept_estimates_have_the_moments_of_their_coordinate(run: Run) -> None:
    whole = run.replicates[run.replicates["parameter"] == "all"].groupby("cell")
    for row in run.coordinates[run.coordinates["kept"] > 0].itertuples():
        estimates = whole.get_group(row.cell)[f"estimate_{row.kept}"]
        assert len(estimates) == 50
        assert estimates.mean() == pytest.approx(row.mean, rel=1e-5)
        assert estimates.var() == pytest.approx(row.variance, rel=1e-4)


def test_a_problem_of_few_coordinates_keeps_all(tmp_path: Path) -> None:
    text = scenario().replace("[0.3, -0.2, 0.1, 0.5, 1.0, 0.2]", "[0.3, -0.2]")
    run = load(run_of(tmp_path, text))
    assert run.coordinates["kept"].tolist() == [1, 2] * 4
    assert run.replicates[["estimate_3", "estimate_4"]].isna().all(axis=None)


# --- the first of many, however they are gathered ------------------------------------------------


@pytest.mark.parametrize("size", [3, 20_000])
def test_the_first_estimates_are_kept_and_no_others(size: int) -> None:
    x = torch.randn(3 * MOST_REPLICATES // 2, size, generator=torch.Generator().manual_seed(0))
    collector = BlockCollector(x[0], None, [slice(0, size)], torch.zeros(size), keep=[2, 0])
    half = MOST_REPLICATES // 2
    for i in range(3):
        block = Block(i * half, half, 50)
        collector.begin(block)
        for rows in block.chunks():
            collector.add(rows, x[i * half :][rows])
        collector.end()
    assert torch.equal(collector.first(0, len(x)), x[:MOST_REPLICATES, [2, 0]])
    assert torch.equal(collector.first(0, 7), x[:7, [2, 0]])


# --- histograms -----------------------------------------------------------------------------------


def test_histograms_hold_all_estimates_but_the_tails(run: Run) -> None:
    found = histograms(run)
    assert list(found.columns) == list(COLUMNS)
    assert found["cell"].nunique() == 4
    assert found["index"].nunique() == 1
    for _, cell in found.groupby("cell"):
        assert len(cell) <= BINS
        assert cell["share"].sum() + cell["beyond"].iloc[0] == pytest.approx(1)
        assert (cell["low"] < cell["high"]).all()
        row = run.coordinates[
            (run.coordinates["cell"] == cell["cell"].iloc[0])
            & (run.coordinates["index"] == cell["index"].iloc[0])
        ].iloc[0]
        assert cell["sd"].iloc[0] == math.sqrt(row["variance"])
        assert cell["truth"].iloc[0] == row["truth"]
        middle = (cell["share"] * (cell["low"] + cell["high"]) / 2).sum() / cell["share"].sum()
        assert middle == pytest.approx(row["mean"], abs=0.3 * cell["sd"].iloc[0])


def test_it_is_the_coordinate_of_the_largest_variance(run: Run) -> None:
    known = run.coordinates[run.coordinates["kept"] > 0].merge(
        run.measurements.loc[run.measurements["parameter"] == "all", ["cell", "sample_size"]], on="cell"
    )
    smallest = known[known["sample_size"] == 2]
    assert set(histograms(run)["index"]) == {smallest.loc[smallest["variance"].idxmax(), "index"]}


def with_estimates(run: Run, estimates: np.ndarray) -> Run:
    """The run with the same estimates in all cells."""
    values = np.resize(estimates, len(run.replicates)).astype(np.float32)
    columns = {f"estimate_{k}": values for k in range(1, 5)}
    return Run(run.measurements, run.replicates.assign(**columns), run.record, run.coordinates)


def test_estimates_that_are_all_the_same_are_a_bin_without_width(run: Run) -> None:
    found = histograms(with_estimates(run, np.array([2.5])))
    assert len(found) == 4
    assert (found[["low", "high"]] == 2.5).all(axis=None)
    assert (found["share"] == 1).all()


def test_rare_values_far_off_are_in_the_bins_where_all_others_are_the_same(run: Run) -> None:
    estimates = np.zeros(1000)
    estimates[7] = 1000
    one = run.of(run.measurements.head(1))
    cell = one.measurements["cell"].iloc[0]
    rows = run.replicates[(run.replicates["cell"] == cell) & (run.replicates["parameter"] == "all")]
    many = rows.iloc[np.zeros(1000, int)].assign(replicate=np.arange(1000))
    found = histograms(with_estimates(Run(one.measurements, many, run.record, run.coordinates), estimates))
    assert found["share"].tolist() == [0.999, 0.001]
    assert found["high"].max() == 1000


def test_tails_are_beyond_the_bins(run: Run) -> None:
    estimates = np.tile(np.linspace(-1, 1, 50), 200)
    estimates[:20] = 1e6
    one = run.of(run.measurements.head(1))
    cell = one.measurements["cell"].iloc[0]
    rows = run.replicates[(run.replicates["cell"] == cell) & (run.replicates["parameter"] == "all")]
    many = rows.iloc[np.zeros(10_000, int)].assign(replicate=np.arange(10_000))
    found = histograms(with_estimates(Run(one.measurements, many, run.record, run.coordinates), estimates))
    assert found["beyond"].iloc[0] == pytest.approx(0.002)
    assert found["high"].max() < 1.3


def test_a_run_that_kept_no_estimates_has_no_histograms(run: Run) -> None:
    older = run.coordinates.assign(kept=0)
    assert histograms(Run(run.measurements, run.replicates, run.record, older)).empty
    assert list(histograms(in_memory(run.measurements)).columns) == list(COLUMNS)


def test_not_finite_estimates_are_left_out(run: Run) -> None:
    estimates = np.arange(50.0)
    estimates[3] = np.nan
    found = histograms(with_estimates(run, estimates))
    assert set(found["replicates"]) <= {49, 48}
    assert isinstance(found, pd.DataFrame)


def test_no_estimator_that_can_take_the_pilot_keeps_the_first_coordinates(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(scenario())
    prepared = prepare(tmp_path / "s.yaml", small=True)
    experiment = prepared.plans[0].experiment
    alone = replace(experiment, references=(), estimators=())
    assert alone.kept_coordinates == (0, 1, 2, 3)
    assert len(execute(prepared, tmp_path).coordinates)
