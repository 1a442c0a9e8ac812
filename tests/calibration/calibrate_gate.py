"""Rates of alarms of the gate where nothing changed, and where something did."""

from __future__ import annotations

import pytest
from scipy import stats

from bench.regression.baseline import Baseline
from bench.regression.gate import judge_all
from bench.regression.gated import Gated
from bench.regression.verdicts import Report
from bench.scenario import read_text
from estimators.reinforce import Reinforce
from tests import gates
from tests.calibration.runs import runs_of
from tests.calibration.table import Rate, Table, rate_of
from tests.cases import experiment_of, problem_of
from tests.gates import FAULTS, experiment, gated, with_estimator

ALPHA = 1e-4
CELLS = 10
EPOCHS = 2000
WHERE = "score function, z², N = 10"
RATIOS = ("variance", "mse")


@pytest.fixture(scope="module")
def baselines() -> list[Baseline]:
    return [gates.baseline(experiment(seed=seed)) for seed in range(CELLS)]


def changed(baselines: list[Baseline], estimator: gates.Reinforce) -> list[Gated]:
    return [
        gated(with_estimator(experiment(seed=seed), estimator), was) for seed, was in enumerate(baselines)
    ]


def reports(scenarios: list[Gated], epochs: int, shortcuts: bool = False) -> list[Report]:
    return [judge_all(scenarios, f"epoch {i}", ALPHA, shortcuts) for i in range(epochs)]


def flagged(found: list[Report], metrics: tuple[str, ...]) -> Rate:
    """How many tests of these metrics needed the second stage."""
    tests = [t for report in found for cell in report.cells for t in cell.tests if t.metric in metrics]
    return rate_of([test.stage == "confirm" for test in tests])


def alarms(found: list[Report]) -> Rate:
    return rate_of([report.verdict == "regression" for report in found])


def test_false_alarms_of_the_whole_gate(table: Table, baselines: list[Baseline]) -> None:
    found = reports(changed(baselines, gates.Reinforce()), EPOCHS)
    nominal = found[0].level
    every = ("variance", "mse", "bias", "nonfinite")
    twice = f"at the first stage, of {nominal:.1e} nominal"
    table.hold(
        f"tests that are flagged {twice}: unchanged code, {WHERE}", flagged(found, every), most=2 * nominal
    )
    of_bias = flagged(found, ("bias",))
    table.hold(f"tests of bias that are flagged {twice}: unchanged code, {WHERE}", of_bias, most=2 * nominal)
    confirmed = alarms(found)
    table.hold(f"gates of {CELLS} cells that raise an alarm: unchanged code, {WHERE}", confirmed, most=ALPHA)
    assert confirmed.count == 0


def test_false_alarms_at_the_edge_of_what_is_let_be(table: Table, baselines: list[Baseline]) -> None:
    found = reports(changed(baselines, gates.Noisier(increase=0.02)), EPOCHS // 4)
    nominal = found[0].level
    rate = flagged(found, RATIOS)
    table.hold(f"ratios that are flagged at the first stage: variance + 2 %, {WHERE}", rate, most=2 * nominal)
    table.control(
        f"ratios that are flagged at the first stage: variance + 10 %, {WHERE}",
        flagged(reports(changed(baselines, gates.Noisier(increase=0.1)), 10), RATIOS),
        most=2 * nominal,
    )


def test_what_is_naive_alarms_all_the_time(table: Table) -> None:
    # Two runs of 200 replicates of the same code, as one would compare them by hand.
    estimates = runs_of(Reinforce(), problem_of("gaussian"), 10, 200, 2 * 1000, seed=41)[..., 0]  # [runs, R]
    before, after = estimates.var(1).reshape(2, -1)  # [1000] each
    ratio = after / before
    rule = rate_of((ratio > 1.1).tolist())
    table.control(
        f"alarms of a rule 'more than 10 % worse': the same code, R = 200, {WHERE}", rule, most=0.01
    )
    upper = float(stats.f.isf(0.025, 199, 199))
    test = rate_of(((ratio > upper) | (ratio < 1 / upper)).tolist())
    table.control(f"alarms of an F-test at 5 %: the same code, R = 200, {WHERE}", test, most=0.05)


def test_ten_percent_more_variance_is_found(table: Table, baselines: list[Baseline]) -> None:
    found = reports(changed(baselines[:1], gates.Noisier(increase=0.1)), 100, shortcuts=True)
    rate = alarms(found)
    table.hold(f"alarms at variance + 10 %: {WHERE}", rate, least=0.98)
    assert rate.count >= 98


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(table: Table, baselines: list[Baseline], fault: str) -> None:
    estimator, metric = FAULTS[fault]
    found = reports(changed(baselines[:1], estimator), 20, shortcuts=True)
    told = []
    for report in found:
        test = report.cells[0].test_of(metric)
        told.append(report.exit_code == 1 and test is not None and test.verdict == "regression")
        assert test is not None
        assert test.message
    table.hold(f"alarms that name {metric}: {fault}, {WHERE}", rate_of(told), least=1.0)


@pytest.mark.parametrize(("shortcuts", "least"), [(True, 0.0), (False, 0.98)], ids=["digests first", "full"])
def test_what_is_rare_and_changes_nothing_else(
    table: Table, baselines: list[Baseline], shortcuts: bool, least: float
) -> None:
    found = reports(changed(baselines, gates.RarelyNotANumber()), 50, shortcuts)
    how = "digests first" if shortcuts else "all on fresh random numbers"
    what = f"alarms where an estimate in 10 000 is NaN at random, and else nothing: {how}, {CELLS} cells"
    table.hold(f"{what}, {WHERE}", alarms(found), least=least)


def test_half_a_percent_is_let_be_however_many_replicates_there_are(table: Table) -> None:
    thresholds = gates.strict(increase=0.03, indifference=0.02)
    before = experiment()
    was = gates.baseline(before, thresholds, 2_000_000)
    now = gated(
        with_estimator(before, gates.Noisier(increase=0.005)), was, thresholds, max_replicates=2_000_000
    )
    found = reports([now], 20)
    R = found[0].cells[0].replicates
    assert R > 1_000_000
    table.hold(
        f"gates that pass: variance + 0.5 %, R = {R}, {WHERE}",
        Rate(sum(report.verdict == "pass" for report in found), len(found)),
        least=1.0,
    )
    # The control: twice the margin is found with as many.
    wrong = with_estimator(before, gates.Noisier(increase=0.04))
    control = reports([gated(wrong, was, thresholds, max_replicates=2_000_000)], 5)
    table.control(
        f"gates that pass: variance + 4 %, R = {R}",
        Rate(sum(report.verdict == "pass" for report in control), len(control)),
        least=1.0,
    )


RARE = """
schema: 1
name: rare
version: 1
problem: {{name: expectation, distribution: {{{law}}}, parameters: [{parameter}], cost: "{cost}"}}
estimators: [reinforce, {{reinforce: {{baseline: leave_one_out}}, label: rloo}}]
sweep: {{sample_sizes: [8]}}
seed: {seed}
"""
RARELY = [
    ("bernoulli: {probs: 0.0001}", "probs", "z"),
    ("bernoulli: {probs: 0.001}", "probs", "z"),
    ("categorical: {logits: [1.0, 0.5, -8.0]}", "logits", "z + 5000 * (z == 2)"),
    ("normal: {loc: 0.0, scale: 1.0}", "loc", "z > 4"),
]


@pytest.mark.parametrize(("law", "parameter", "cost"), RARELY)
def test_what_is_rare_raises_no_alarm(table: Table, law: str, parameter: str, cost: str) -> None:
    scenarios = []
    for seed in range(2):
        text = RARE.format(law=law, parameter=parameter, cost=cost, seed=seed)
        now = experiment_of(*read_text(text, "rare.yaml"))
        scenarios.append(gated(now, gates.baseline(now, max_replicates=10_000), max_replicates=10_000))
    found = alarms(reports(scenarios, 100))
    table.hold(f"gates that raise an alarm: unchanged code, {cost} under {law}, N = 8", found, most=ALPHA)
    assert found.count == 0
