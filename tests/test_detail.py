"""The finest detail that a scenario keeps: every coordinate, blocks of parameters, or the whole gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.results.keys import key_of_cell, unlike
from bench.results.run import Run
from bench.scenario.prepared import prepare

SCENARIO = """
schema: 1
name: detail
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: [1.0, 2.0, 0.5], scale: [1.0, 1.0, 2.0]}}
  parameters: [loc, scale]
  cost: sum(z**2)
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [10]}
replicates: 100
"""
BLOCKS = {"all": ["all", "loc", "scale"], "blocks": ["all", "loc", "scale"], "none": ["all"]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("detail")
    (folder / "detail.yaml").write_text(SCENARIO)
    options: dict[str, Any] = {"out": folder, "progress": False}
    return {
        detail: bench.run(folder / "detail.yaml", overrides=[f"coordinates={detail}"], **options)
        for detail in BLOCKS
    }


@pytest.mark.parametrize("detail", BLOCKS)
def test_blocks_are_those_that_are_wanted(runs: dict[str, Run], detail: str) -> None:
    for table in (runs[detail].measurements, runs[detail].replicates):
        assert list(table["parameter"].unique()) == BLOCKS[detail]
    assert len(runs[detail].replicates) == 2 * 100 * len(BLOCKS[detail])


@pytest.mark.parametrize("detail", BLOCKS)
def test_coordinates_are_all_or_those_whose_estimates_are_kept(runs: dict[str, Run], detail: str) -> None:
    every, found = runs["all"].coordinates, runs[detail].coordinates
    wanted = every if detail == "all" else every[every["kept"] > 0]
    assert 0 < len(every[every["kept"] > 0]) < len(every) == 2 * 6
    pd.testing.assert_frame_equal(
        found.astype({"parameter": str}), wanted.reset_index(drop=True).astype({"parameter": str})
    )


@pytest.mark.parametrize("detail", ["blocks", "none"])
def test_the_numbers_of_the_whole_gradient_are_the_same(runs: dict[str, Run], detail: str) -> None:
    """Sums over blocks are formed in another order: to rounding."""
    every, found = (
        run.measurements[run.measurements["parameter"] == "all"] for run in (runs["all"], runs[detail])
    )
    for name in ("mean", "bias", "variance", "variance_low", "variance_high", "kurtosis", "mse", "cosine"):
        assert found[name].tolist() == pytest.approx(every[name].tolist(), rel=1e-5, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("detail", BLOCKS)
def test_figures_draw_what_is_there(runs: dict[str, Run], detail: str) -> None:
    drawn = set(runs[detail].figures)
    assert {"variance", "bias", "histograms", "spread"} <= drawn
    assert ("scatter" in drawn) == (detail == "all")


def test_without_blocks_a_cell_is_another_one(tmp_path: Path) -> None:
    """What was kept with blocks has more numbers of each replicate than one without them."""
    (tmp_path / "detail.yaml").write_text(SCENARIO)
    prepared = [
        prepare(tmp_path / "detail.yaml", [f"coordinates={detail}"], None, False) for detail in BLOCKS
    ]
    keys = [key_of_cell(plan.experiment, plan.cells[0], None) for each in prepared for plan in each.ready()]
    assert keys[0] == keys[1]
    assert unlike(keys[0], keys[2]) == ['blocks [] -> ["loc", "scale"]']


@pytest.mark.parametrize("given", ["some", "ALL", "1", "[all]"])
def test_other_details_are_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "detail.yaml").write_text(SCENARIO + f"coordinates: {given}\n")
    with pytest.raises(bench.Invalid, match="coordinates: wanted all, blocks or none"):
        bench.run(tmp_path / "detail.yaml", out=tmp_path, progress=False)
