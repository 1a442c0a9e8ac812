"""The gate: what passes at which stage, what does not, and what is said of it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from bench.engine.plan import Experiment, Planned, cell_id, plan
from bench.regression.baseline import PAIRS, WINDOW, WINDOWS, Accepted, Baseline
from bench.regression.epoch import key_of, window_of
from bench.regression.exports import as_annotations, as_json, as_junit, as_summary
from bench.regression.gate import judge_all
from bench.regression.gate_table import forest_line, lines
from bench.regression.gated import Gated
from bench.regression.make import history_entry
from bench.regression.verdicts import CellVerdict, Report, Test, gravest
from tests import gates
from tests.gates import FAULTS, experiment, gated, with_estimator

EXPERIMENT = experiment()
ALPHA = 1e-4


@pytest.fixture(scope="module")
def was() -> Baseline:
    return gates.baseline(EXPERIMENT)


def judged(
    now: Experiment, was: Baseline, epoch: str = "a", shortcuts: bool = True, **more: object
) -> Report:
    return judge_all([gated(now, was, **more)], epoch, ALPHA, shortcuts)  # type: ignore[arg-type]


def only(report: Report) -> CellVerdict:
    (cell,) = report.cells
    return cell


def stages(cell: CellVerdict) -> dict[str, str]:
    return {test.metric: test.stage for test in cell.tests}


# --- what passes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [gates.Reinforce(), gates.Refactored()], ids=["same", "refactored"])
def test_what_gives_the_same_numbers_passes_by_its_digest(was: Baseline, estimator: gates.Reinforce) -> None:
    cell = only(judged(with_estimator(EXPERIMENT, estimator), was))
    assert cell.verdict == "pass"
    assert set(stages(cell).values()) == {"digest"}
    assert cell.replicates == WINDOW


def test_each_epoch_looks_at_a_window_of_its_own(was: Baseline) -> None:
    (entry,) = was.cells.values()
    assert len(set(entry.digests)) == WINDOWS
    seen = {window_of(str(epoch), WINDOWS) for epoch in range(200)}
    assert seen == set(range(WINDOWS))
    for epoch in "abcdef":
        assert only(judged(EXPERIMENT, was, epoch)).stage == "digest"


def test_what_differs_by_rounding_passes_on_the_same_random_numbers(was: Baseline) -> None:
    cell = only(judged(with_estimator(EXPERIMENT, gates.Rounded()), was))
    assert cell.verdict == "pass"
    assert set(stages(cell).values()) == {"digest", "paired"}
    assert cell.replicates == PAIRS


def test_on_another_machine_nothing_is_decided_by_digests(was: Baseline) -> None:
    there = was.model_copy(update={"environment": {**was.environment, "torch": "1.0"}})
    cell = only(judged(EXPERIMENT, there))
    assert cell.verdict == "pass"
    assert cell.stage == "paired"


def test_with_other_random_numbers_nothing_is_decided_by_pairs(was: Baseline) -> None:
    there = was.model_copy(update={"stream_layout": "bench-stream-0"})
    report = judged(EXPERIMENT, there)
    assert only(report).verdict == "pass"
    assert set(stages(only(report)).values()) == {"screen"}
    assert any("bench-stream-0" in note for note in report.notes)


def test_fresh_numbers_depend_on_the_epoch_alone(was: Baseline) -> None:
    first, again, other = (only(judged(EXPERIMENT, was, e, shortcuts=False)) for e in ("a", "a", "b"))
    assert first.tests == again.tests
    assert first.tests != other.tests
    assert key_of("a") != key_of("b")


@pytest.mark.parametrize("metric", ["evaluations", "nonfinite", "bias", "mse"])
@pytest.mark.parametrize("shortcuts", [True, False])
def test_a_metric_may_be_tested_alone(was: Baseline, metric: str, shortcuts: bool) -> None:
    alone = replace(gated(EXPERIMENT, was), metrics=(metric,))
    report = judge_all([alone], "a", ALPHA, shortcuts)
    assert [test.metric for test in only(report).tests] == [metric]
    assert report.exit_code == 0
    assert report.count == (metric != "evaluations")


@pytest.mark.parametrize(("margin", "code"), [(0.05, 1), (0.2, 0)])
def test_a_bias_within_its_margin_is_let_be(margin: float, code: int) -> None:
    # The baseline that includes the own sample shrinks the gradient by a tenth at N = 10.
    biased = with_estimator(EXPERIMENT, FAULTS["a baseline that includes the own sample"][0])
    allowed = lambda label: replace(gates.defaults(label), bias_margin=margin)  # noqa: E731
    report = judge_all(
        [replace(gated(biased, gates.baseline(biased), allowed), metrics=("bias",))], "a", ALPHA, False
    )
    assert report.exit_code == code


def test_fewer_evaluations_or_less_variance_is_an_improvement(was: Baseline) -> None:
    report = judged(experiment("{reinforce: {baseline: leave_one_out}}"), was)
    assert only(report).verdict == "inconclusive"  # another cell: the baseline does not know it
    better = with_estimator(
        EXPERIMENT, experiment("{reinforce: {baseline: leave_one_out}}").estimators[0].estimator
    )
    report = judged(better, was)
    assert only(report).verdict == "improved"
    assert report.exit_code == 0
    assert "baseline update" in "\n".join(lines(report))


# --- what does not --------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_metric(was: Baseline, fault: str) -> None:
    estimator, metric = FAULTS[fault]
    report = judged(with_estimator(EXPERIMENT, estimator), was)
    assert report.verdict == "regression"
    assert report.exit_code == 1
    found = only(report).test_of(metric)
    assert found is not None
    assert found.verdict == "regression"
    assert found.message


def test_more_variance_is_confirmed_with_four_times_the_replicates(was: Baseline) -> None:
    cell = only(judged(with_estimator(EXPERIMENT, gates.Noisier()), was))
    found = cell.test_of("variance")
    assert found is not None
    assert (found.verdict, found.stage) == ("regression", "confirm")
    screened = only(judged(EXPERIMENT, was, shortcuts=False)).replicates
    assert found.replicates == 4 * screened
    assert found.low < 1.1 < found.high
    assert "grown by" in found.message
    bias = cell.test_of("bias")
    assert bias is not None
    assert bias.verdict == "pass"


def test_a_cell_that_fails_is_an_error_and_the_others_go_on(was: Baseline) -> None:
    broken = with_estimator(EXPERIMENT, gates.Failing())
    report = judge_all([gated(broken, was), gated(EXPERIMENT, was)], "a", ALPHA)
    assert [cell.verdict for cell in report.cells] == ["error", "pass"]
    assert "RuntimeError: out of luck" in report.cells[0].tests[0].message
    assert report.exit_code == 3


def test_a_budget_that_is_too_small_decides_nothing_and_says_what_would_do(was: Baseline) -> None:
    report = judged(EXPERIMENT, was, shortcuts=False, max_replicates=5000)
    test = only(report).test_of("variance")
    assert test is not None
    assert test.verdict == "inconclusive"
    assert test.replicates == 5000
    needed = int(test.message.split("R = ")[1].split(" ")[0])
    assert needed > 20_000
    assert "max_replicates is 5000" in test.message
    assert report.exit_code == 5
    # The control: a regression that is large enough is found with the same budget.
    halved = judged(with_estimator(EXPERIMENT, gates.Noisier(increase=1.0)), was, max_replicates=5000)
    assert halved.exit_code == 1


def test_what_was_always_partly_infinite_may_stay_so() -> None:
    infinite = with_estimator(EXPERIMENT, gates.OneNotANumber())
    was = gates.baseline(infinite)
    (entry,) = was.cells.values()
    assert entry.nonfinite > 0
    assert only(judged(infinite, was, shortcuts=False)).verdict == "pass"


# --- nothing compared is never a pass -------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scenario_version": 7}, "version 7"),
        ({"scenario": "other"}, "scenario 'other'"),
        ({"problem": "{}"}, "another problem"),
        ({"cells": {}}, "not in the baseline"),
    ],
)
def test_a_baseline_of_something_else_is_no_pass(was: Baseline, change: dict[str, object], told: str) -> None:
    report = judged(EXPERIMENT, was.model_copy(update=change))
    assert report.exit_code == 4
    assert report.verdict == "inconclusive"
    assert told in only(report).tests[0].message
    assert "nothing was compared" in lines(report)[-1]


def test_a_cell_that_cannot_run_any_more_is_undecided(was: Baseline) -> None:
    now = gated(EXPERIMENT, was)
    ((cell,),) = (planned.cells for planned in now.plans)
    absent = replace(cell, status="unavailable", reason="no such device")
    gone = replace(now, plans=(Planned(EXPERIMENT, [absent]),))
    report = judge_all([gone, now], "a", ALPHA)
    assert [cell.verdict for cell in report.cells] == ["inconclusive", "pass"]
    assert report.exit_code == 5


def test_a_cell_that_left_the_scenario_is_noted(was: Baseline) -> None:
    now = experiment("reparameterization")
    both = was.model_copy(update={"cells": {**was.cells, **gates.baseline(now).cells}})
    report = judged(now, both)
    assert report.exit_code == 0
    assert any("no longer in the scenario" in note for note in report.notes)


def test_verdicts_and_their_gravity() -> None:
    assert gravest([]) == "pass"
    assert gravest(["pass", "improved", "error", "inconclusive"]) == "error"
    assert gravest(["error", "regression"]) == "regression"
    assert Report("a", ALPHA, 0.01, 0, ()).exit_code == 4


# --- the anchor -----------------------------------------------------------------------------------


def grown(was: Baseline, factor: float) -> Baseline:
    cells = {
        name: entry.model_copy(update={"variance": entry.variance * factor})
        for name, entry in was.cells.items()
    }
    return was.model_copy(update={"cells": cells})


def test_what_grew_step_by_step_is_held_against_the_anchor(was: Baseline) -> None:
    report = judged(EXPERIMENT, grown(was, 1.1), anchor=was)
    found = [test for test in only(report).tests if test.stage == "anchor"]
    assert [test.metric for test in found] == ["variance"]
    assert found[0].verdict == "regression"
    assert "step by step" in found[0].message
    # The control: what grew too little is let be, and half of the tests are the anchor's.
    assert judged(EXPERIMENT, grown(was, 1.01), anchor=was).exit_code == 0
    assert judged(EXPERIMENT, was, anchor=was).count == judged(EXPERIMENT, was).count + 2


def test_an_anchor_of_another_version_is_not_compared(was: Baseline) -> None:
    before = was.model_copy(update={"scenario_version": 9})
    report = judged(EXPERIMENT, grown(was, 1.1), anchor=before)
    assert report.exit_code == 0
    assert any("version 9" in note for note in report.notes)


def test_what_was_accepted_is_not_held_against_the_anchor(was: Baseline) -> None:
    name = cell_id(EXPERIMENT, plan(EXPERIMENT)[0])
    accepted = history_entry("b", "faster", [Accepted(cell=name, metric="variance", ratio=1.1)])
    now = grown(was, 1.1).model_copy(update={"history": [*was.history, accepted]})
    assert judged(EXPERIMENT, now, anchor=was).exit_code == 0


# --- how it is told -------------------------------------------------------------------------------


def reported(now: Gated) -> Report:
    return judge_all([now], "a", ALPHA)


def test_reports_for_machines(was: Baseline) -> None:
    report = reported(gated(with_estimator(EXPERIMENT, gates.Noisier()), was))
    plain = json.loads(as_json(report))
    assert plain["verdict"] == "regression"
    assert plain["exit_code"] == 1
    assert {test["metric"] for test in plain["cells"][0]["tests"]} == {
        *("variance", "mse", "bias", "evaluations", "nonfinite")
    }
    xml = as_junit(report)
    assert xml.count("<testcase") == 5
    assert xml.count("<failure") == 2
    assert "●" in xml
    annotations = as_annotations(report)
    assert len(annotations) == 2
    assert all(line.startswith("::error file=example.yaml,title=regression%3A ") for line in annotations)
    summary = as_summary(report)
    assert "### bench gate: regression" in summary
    assert "| regression |" in summary


def test_labels_are_data_in_every_report(was: Baseline) -> None:
    label = "a\x1b[31m|<b>\n::error::x%,:`"
    (entry,) = was.cells.values()
    named = replace(EXPERIMENT.estimators[0], label=label)
    now = gated(replace(EXPERIMENT, estimators=(named,)), grown(was, 1 / 1.5))
    report = reported(now)
    there = report.cells[0]
    assert there.verdict == "pass"  # the digest does not look at what the baseline says of the variance
    wrong = replace(there, tests=(Test("variance", "regression", "confirm", f"grown {label}"),))
    report = replace(report, cells=(wrong,))
    for text in [*as_annotations(report), *lines(report)]:
        assert text.isprintable()
        assert not text.startswith("::error::x")
    assert "\x1b" not in as_junit(report) + as_summary(report)
    assert as_summary(report).count("\n|") == 3
    assert entry.estimator == "reinforce"


@pytest.mark.parametrize(
    ("ratio", "low", "high", "at"), [(1.0, 0.9, 1.1, 20), (2.0, 1.9, 3.0, 40), (0.5, 0.1, 0.6, 0)]
)
def test_a_forest_line_is_drawn_to_scale(ratio: float, low: float, high: float, at: int) -> None:
    line = forest_line(Test("variance", "pass", "screen", "", ratio, low, high))
    assert line.index("●") == at
    assert len(line.split(" ")[0]) == 41
    assert forest_line(Test("variance", "pass", "digest")) == ""
    assert math.isnan(Test("variance", "pass").ratio)
