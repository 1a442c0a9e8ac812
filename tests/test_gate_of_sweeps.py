"""The gate of a scenario with several problems: each point has cells of its own, and is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.engine.plan import Planned, cell_id, plan
from bench.regression.baseline import Baseline, read, write
from bench.regression.exports import as_json, as_junit
from bench.regression.gate import judge_all
from bench.regression.gate_table import lines
from bench.regression.gated import Gated
from bench.regression.make import baseline_of, make
from bench.regression.verdicts import Report
from bench.scenario import read_text
from bench.scenario.resolve import experiments_of
from bench.testing import GradientBench
from tests import gates

LOC = "problem.distribution.normal.loc"
TEXT = gates.TEXT.format(estimator="reinforce", N=10, seed=0).replace(
    "sample_sizes: [10]", f"sample_sizes: [10], options: {{{LOC}: [1.0, 3.0]}}"
)


def plans_of(text: str = TEXT) -> tuple[Planned, ...]:
    return tuple(Planned(each, plan(each)) for each in experiments_of(*read_text(text, "example.yaml")))


@pytest.fixture(scope="module")
def was() -> Baseline:
    plans = plans_of()
    made = make(plans, gates.defaults, 1_000_000)
    return baseline_of(plans[0].experiment, {one.name: one.entry for one in made if one.entry}, "test")


def judged(plans: tuple[Planned, ...], was: Baseline) -> Report:
    return judge_all([Gated("example.yaml", plans, gates.defaults, 1_000_000, was)], "a", 1e-4)


def test_each_point_has_cells_of_its_own(was: Baseline) -> None:
    assert {json.loads(entry.settings)[LOC] for entry in was.cells.values()} == {1.0, 3.0}
    assert {entry.point for entry in was.cells.values()} == {"loc = 1", "loc = 3"}
    assert set(was.cells) == {cell_id(each.experiment, each.cells[0]) for each in plans_of()}
    # d⁴ + 14 d² + 15 by N, with d = 1 and 3.
    variances = {entry.point: entry.variance for entry in was.cells.values()}
    assert variances["loc = 1"] == pytest.approx(3.0, rel=0.1)
    assert variances["loc = 3"] == pytest.approx(22.2, rel=0.1)


def test_what_has_not_changed_passes_at_every_point(was: Baseline) -> None:
    report = judged(plans_of(), was)
    assert [(cell.point, cell.stage, cell.verdict) for cell in report.cells] == [
        ("loc = 1", "digest", "pass"),
        ("loc = 3", "digest", "pass"),
    ]
    # Variance, MSE, bias and what is not finite, of two cells that share one probability of a false alarm.
    assert report.count == 8


def test_an_estimator_that_is_worse_at_one_point_is_named_with_it(was: Baseline) -> None:
    first, second = plans_of()
    worse = gates.with_estimator(second.experiment, gates.Noisier(increase=0.5))
    report = judged((first, Planned(worse, plan(worse))), was)
    assert [cell.verdict for cell in report.cells] == ["pass", "regression"]
    told = [line for line in lines(report) if line.startswith("regression: example")]
    assert told
    assert all(line.startswith("regression: example (loc = 3): reinforce, N = 10, cpu") for line in told)
    assert [cell["point"] for cell in json.loads(as_json(report))["cells"]] == ["loc = 1", "loc = 3"]
    assert "example (loc = 3): reinforce" in as_junit(report)


def test_a_point_that_is_new_or_gone_is_told(was: Baseline) -> None:
    report = judged(plans_of(TEXT.replace("[1.0, 3.0]", "[3.0, 4.0]")), was)
    assert [(cell.point, cell.verdict) for cell in report.cells] == [
        ("loc = 3", "pass"),
        ("loc = 4", "inconclusive"),
    ]
    assert "it is not in the baseline" in report.cells[1].tests[0].message
    gone = "reinforce (loc = 1), N = 10, cpu, float32 is in the baseline and no longer in the scenario"
    assert report.notes == (f"example.yaml: {gone}",)


def test_a_sweep_over_other_points_is_of_another_problem(was: Baseline) -> None:
    report = judged(plans_of(TEXT.replace("[1.0, 3.0]", "[5.0, 6.0]")), was)
    assert not report.compared
    assert "of another problem" in report.cells[0].tests[0].message
    (one,) = plans_of(TEXT.replace(f", options: {{{LOC}: [1.0, 3.0]}}", "").replace("loc: 2.0", "loc: 3.0"))
    assert judged((one,), was).cells[0].verdict == "pass"


def bench(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path) -> None:
    scenario, path = tmp_path / "example.yaml", tmp_path / "example.json"
    scenario.write_text(TEXT)
    saved = bench("baseline", "save", scenario, "-o", tmp_path)
    assert saved.exit_code == 0, saved.output
    assert {"loc = 1", "loc = 3"} <= {entry.point for entry in read(path).cells.values()}
    done = bench("gate", scenario, "--baseline", tmp_path)
    assert done.exit_code == 0, done.output
    assert "pass: 2 pass" in done.output
    # As if the variance at one point had been less.
    was = read(path)
    changed = {
        name: entry.model_copy(update={"variance": entry.variance / 2}) if entry.point == "loc = 1" else entry
        for name, entry in was.cells.items()
    }
    path.write_text(json.dumps(was.model_copy(update={"cells": changed}).model_dump(by_alias=True)))
    refused = bench("baseline", "update", scenario, "-o", tmp_path)
    assert refused.exit_code == 1
    worse = [line for line in refused.output.splitlines() if line.endswith("worse")]
    assert len(worse) == 1
    assert worse[0].split("  ")[0] == "loc = 1"
    differ = bench("baseline", "diff", tmp_path / "example.anchor.json", path)
    assert [line.split("  ")[0] for line in differ.output.splitlines() if "variance" in line] == [
        "loc = 1",
        "loc = 3",
    ]


def test_assertions_in_tests_are_about_every_point(was: Baseline, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(TEXT)
    halved = {
        name: entry.model_copy(update={"variance": entry.variance / 2}) if entry.point == "loc = 3" else entry
        for name, entry in was.cells.items()
    }
    write(tmp_path / "example.json", was.model_copy(update={"cells": halved, "stream_layout": "another"}))
    cells = GradientBench(tmp_path, tmp_path, False, 1e-4, "a").run("example.yaml")
    cells.assert_unbiased(within=0.2)
    assert [label.split(":")[0] for label in cells.extra_info()] == ["loc = 1", "loc = 3"]
    with pytest.raises(AssertionError) as told:
        cells.assert_not_worse("variance")
    assert "regression: example (loc = 3): reinforce" in str(told.value)
    assert "regression: example (loc = 1)" not in str(told.value)


def test_points_are_sorted_by_their_values(was: Baseline) -> None:
    entry = next(iter(was.cells.values()))
    values = [2, "b", 10.5, "a", 1]
    entries = [entry.model_copy(update={"settings": json.dumps({LOC: value})}) for value in values]
    assert [each.point.split(" = ")[1] for each in sorted(entries, key=lambda e: e.place)] == [
        *("1", "2", "10.5", "a", "b"),
    ]
