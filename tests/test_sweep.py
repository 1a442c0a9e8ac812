"""Sweeps over options: what they expand to, what is refused and where, and what a run makes of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from bench.analysis.frames import along, rate_fits
from bench.api import load
from bench.cli import main
from bench.errors import ScenarioError
from bench.scenario import read_text
from bench.scenario.points import points
from bench.scenario.prepared import prepare
from bench.scenario.resolve import experiments_of
from tests.runs import run_of

SCENARIO = """\
schema: 1
name: example
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators:
  - {reinforce: {baseline: {constant: {value: 1.0}}}, label: fixed}
  - reparameterization
sweep:
  sample_sizes: [4, 16]
"""
LOC, SCALE = "problem.distribution.normal.loc", "problem.distribution.normal.scale"
VALUE = "estimators.fixed.baseline.constant.value"
TRAINED = """\
schema: 1
name: along
version: 1
problem:
  name: vae
  batch_size: 3
  latent: 2
  hidden: 4
  theta: {train: {learning_rate: 0.01}, checkpoints: [0, 3, 10]}
estimators: [reparameterization]
sweep: {sample_sizes: [2]}
replicates: 20
"""


def expanded(more: str) -> list[dict[str, object]]:
    return [dict(point.settings) for point in points(*read_text(SCENARIO + more, "x.yaml"))]


def test_without_options_there_is_one_point_without_a_name() -> None:
    (point,) = points(*read_text(SCENARIO, "x.yaml"))
    assert (dict(point.settings), point.label) == ({}, "")


def test_options_are_crossed_with_the_last_varying_fastest() -> None:
    found = expanded(f"  options: {{{LOC}: [1.0, 3.0], {SCALE}: [0.5, 2.0]}}\n")
    assert [tuple(one.values()) for one in found] == [(1.0, 0.5), (1.0, 2.0), (3.0, 0.5), (3.0, 2.0)]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [("{log: [0.1, 10, 3]}", [0.1, 1.0, 10.0]), ("{linear: [0, 1, 5]}", [0.0, 0.25, 0.5, 0.75, 1.0])],
)
def test_ranges_are_written_out(values: str, wanted: list[float]) -> None:
    assert [one[LOC] for one in expanded(f"  options: {{{LOC}: {values}}}\n")] == wanted


def test_zipped_options_go_side_by_side() -> None:
    more = f"  options: {{{LOC}: [1.0, 3.0], {SCALE}: [0.5, 2.0]}}\n  zip: [[{LOC}, {SCALE}]]\n"
    assert [tuple(one.values()) for one in expanded(more)] == [(1.0, 0.5), (3.0, 2.0)]


def test_excluded_combinations_are_left_out() -> None:
    more = (
        f"  options: {{{LOC}: [1.0, 3.0], {SCALE}: [0.5, 2.0]}}\n  exclude: [{{{LOC}: 1.0, {SCALE}: 2.0}}]\n"
    )
    assert [tuple(one.values()) for one in expanded(more)] == [(1.0, 0.5), (3.0, 0.5), (3.0, 2.0)]


def test_options_of_an_estimator_make_estimators() -> None:
    (experiment,) = experiments_of(*read_text(SCENARIO + f"  options: {{{VALUE}: [1.0, 4.0]}}\n", "x.yaml"))
    labels = [named.label for named in experiment.estimators]
    assert labels == ["fixed (value = 1)", "fixed (value = 4)", "reparameterization"]
    assert [named.estimator.baseline.value for named in experiment.estimators[:2]] == [1.0, 4.0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (f"  options: {{{LOC}: []}}\n", "wanted 1 to 1000 values, got 0"),
        (f"  options: {{{LOC}: [1, 1]}}\n", "1 is given twice"),
        (f"  options: {{{LOC}: {{log: [0, 1, 3]}}}}\n", "wanted positive ends"),
        (f"  options: {{{LOC}: {{log: [1, 2]}}}}\n", "wanted [from, to, count]"),
        (f"  options: {{{LOC}: {{steps: [1, 2, 3]}}}}\n", "wanted a list of values"),
        ("  options: {replicates: [1, 2]}\n", "x.yaml:10:13: 'replicates': no such option"),
        ("  options: {estimators.nobody.x: [1, 2]}\n", "no such option"),
        ("  options: {problem.cost: [z, z + nothing]}\n", "x.yaml:10:13: at problem.cost = 'z + nothing'"),
        (f"  options: {{{SCALE}: [1.0, -1.0]}}\n", "-1.0: scale of a normal must be positive"),
        (f"  options: {{{LOC}: [1, 2]}}\n  zip: [[{LOC}, {SCALE}]]\n", "is no swept option"),
        (f"  options: {{{LOC}: [1, 2], {SCALE}: [1, 2, 3]}}\n  zip: [[{LOC}, {SCALE}]]\n", "as many values"),
        (f"  options: {{{LOC}: [1, 2]}}\n  exclude: [{{{LOC}: 1}}, {{{LOC}: 2}}]\n", "nothing is left"),
        (f"  options: {{{LOC}: [1, 2]}}\n  exclude: [{{problem.cost: z}}]\n", "no swept option"),
        (f"  options: {{{LOC}: {{log: [1, 2, 99]}}, {SCALE}: {{log: [1, 2, 99]}}}}\n", "more than 1000"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_where_it_stands(more: str, told: str) -> None:
    with pytest.raises(ScenarioError) as error:
        experiments_of(*read_text(SCENARIO + more, "x.yaml"))
    assert told in str(error.value)
    assert str(error.value).startswith("x.yaml:1")


@pytest.mark.parametrize("steps", ["[]", "[1, 1]", "[-1]", "3", "[1.5]"])
def test_checkpoints_are_steps(steps: str) -> None:
    with pytest.raises(ScenarioError, match=r"x\.yaml:9:.*checkpoints: wanted"):
        experiments_of(*read_text(TRAINED.replace("[0, 3, 10]", steps), "x.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    more = f"  options: {{{LOC}: [1.0, 2.0, 3.0], problem.cost: [z**2, sin(z)]}}\nreplicates: 400\n"
    return run_of(tmp_path_factory.mktemp("sweep"), SCENARIO + more)


def test_a_run_has_a_column_for_each_option_and_a_row_for_each_point(folder: Path) -> None:
    frame = load(folder).measurements
    assert len(frame) == frame["cell"].nunique() == 2 * 3 * 2 * 2
    assert set(frame[LOC]) == {1.0, 2.0, 3.0}
    assert set(frame["problem.cost"]) == {"z**2", "sin(z)"}
    squares = frame[(frame["problem.cost"] == "z**2") & (frame["estimator"] == "reparameterization")]
    assert squares["truth_norm"].tolist() == pytest.approx((2 * squares[LOC]).tolist())
    assert set(load(folder).replicates["cell"]) == set(frame["cell"])


def test_points_do_not_share_random_numbers(folder: Path) -> None:
    frame = load(folder).measurements
    draws = frame[frame["sample_size"] == 4].groupby("problem")["draws"].unique()
    assert len({value for values in draws for value in values}) >= 6


def test_each_problem_has_its_own_rate(folder: Path) -> None:
    found = rate_fits(load(folder))
    assert len(found) == 0 or found.groupby(["problem", "estimator"]).size().eq(1).all()
    assert found["problem"].nunique() in (0, 6)


def test_the_curve_along_an_option(folder: Path) -> None:
    found = along(load(folder))
    assert set(found["option"]) == {"loc"}
    assert set(found["rest"]) == {"cost = z**2", "cost = sin(z)"}
    assert len(found) == 24


def test_a_plan_prints_the_expansion(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(SCENARIO + f"  options: {{{LOC}: [1.0, 3.0]}}\n")
    done = CliRunner().invoke(main, ["plan", str(path)])
    assert done.exit_code == 0, done.output
    assert "loc = 3" in done.output
    assert "8 of 8 cells can run" in done.output


def test_checkpoints_lie_on_one_trajectory() -> None:
    several = {
        e.settings["problem.theta.train.steps"]: e.prepared.problem.theta
        for e in experiments_of(*read_text(TRAINED, "x.yaml"))
    }
    one = TRAINED.replace(", checkpoints: [0, 3, 10]", "").replace(
        "{learning_rate", "{steps: 3, learning_rate"
    )
    (alone,) = experiments_of(*read_text(one, "x.yaml"))
    assert list(several) == [0, 3, 10]
    assert several[3].equal(alone.prepared.problem.theta)
    assert not several[0].equal(several[3])


def test_pictures_of_each_checkpoint_are_kept(tmp_path: Path) -> None:
    from bench.results.folder import load_pictures

    found = load_pictures(run_of(tmp_path, TRAINED))
    assert next(iter(found)) == "data"
    assert sum(label.endswith("steps = 10") for label in found) == 2
    assert len(found) == 1 + 2 * 3


def test_a_sweep_is_prepared_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(SCENARIO + f"  options: {{{LOC}: [1.0, 3.0]}}\n")
    ready = prepare(path)
    assert [planned.experiment.point for planned in ready.plans] == ["loc = 1", "loc = 3"]
    assert isinstance(pd.Series([cell.status for cell in ready.cells]).unique().tolist(), list)
