"""Enough replicates and no more: cells go on until the variance is known as well as was asked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

import bench
import bench.engine.pieces as pieces
import bench.engine.replicate as engine
from bench.cli import main
from bench.engine.blocks import blocks_of
from bench.engine.pilot import Forecast, forecasts
from bench.engine.plan import Experiment, NamedEstimator, numbers, plan
from bench.engine.precision import (
    NOT_REACHED,
    Precision,
    blocks_up_to,
    needed_replicates,
    next_look,
    relative_half_width,
)
from bench.engine.result import Result, run
from bench.engine.truth import Truth, truth_of
from bench.errors import ScenarioError
from bench.estimator import Claim, Estimator
from bench.problem import Problem
from bench.scenario import json_schema, read_text
from bench.scenario.resolve import quick
from bench.statistics.moments import center_of
from bench.statistics.summary import Collection, Summary, summarize
from tests import tables
from tests.cases import experiment_of

# Blocks are cut by N: at this one they have 208 replicates, whatever the estimator draws.
N = 20_000

SCENARIO = """\
schema: 1
name: gaussian
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [20000]}
replicates: 300
"""


@dataclass(frozen=True)
class Drawn(Estimator):
    """A function of one sample from N(2, 1), however large N is."""

    bias: ClassVar[Claim] = "biased"
    function: Callable[[Tensor], Tensor]

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.function(problem.distribution(theta).sample((1,))[0][:, None])


def cube(x: Tensor) -> Tensor:
    """Its kurtosis is E z^12 / (E z^6)^2 = 10395 / 225 = 46.2."""
    return (x - 2) ** 3


def failing(x: Tensor) -> Tensor:
    raise ZeroDivisionError("nothing to divide by")


NORMAL = ("normal", Drawn(lambda x: x))
HEAVY = ("heavy", Drawn(cube))
CONSTANT = ("constant", Drawn(lambda x: 0 * x + 4))
NEVER = ("never", Drawn(lambda x: x * torch.nan))


def experiment(
    *estimators: tuple[str, Estimator], half_width: float | None = None, most: int = 1_000_000, **changes: Any
) -> Experiment:
    """That of the scenario, with other estimators if any are given."""
    scenario = experiment_of(*read_text(SCENARIO, "x.yaml"))
    named = tuple(NamedEstimator(label, label, "{}", estimator) for label, estimator in estimators)
    precision = None if half_width is None else Precision(half_width, most)
    return replace(scenario, estimators=named or scenario.estimators, precision=precision, **changes)


def results_of(chosen: Experiment) -> list[Result]:
    return list(run(chosen, plan(chosen), truth_of(chosen)))


def summary_of(result: Result) -> Summary:
    assert result.replication is not None
    return result.replication.summary


def measurements_of(chosen: Experiment) -> pd.DataFrame:
    truth: Truth = truth_of(chosen)
    return tables.measurements(chosen, truth, run(chosen, plan(chosen), truth))


def half_widths(frame: pd.DataFrame) -> pd.Series:
    # Where the exact variance lies above the interval, by chance in 1 of 40 cells, the upper end is open.
    is_open = np.isinf(frame["variance_high"]) & (frame["variance_exact"] > frame["variance"])
    above = (frame["variance_high"] / frame["variance"] - 1).mask(is_open, 0.0)
    return above.combine(1 - frame["variance_low"] / frame["variance"], max)


def replicates_of(chosen: Experiment) -> list[int]:
    return [len(summary_of(result).finite) for result in results_of(chosen)]


# --- the precision --------------------------------------------------------------------------------


@pytest.mark.parametrize("half_width", [0.05, 0.1])
def test_the_precision_is_reached_in_the_table(half_width: float) -> None:
    frame = measurements_of(experiment(half_width=half_width))
    assert set(frame["status"]) == {"ok"}
    assert set(frame["reason"]) == {""}
    assert half_widths(frame).le(half_width).all()


@pytest.mark.parametrize("half_width", [0.05, 0.1])
def test_without_a_precision_as_many_replicates_would_not_do(half_width: float) -> None:
    assert half_widths(measurements_of(experiment())).gt(half_width).all()


@pytest.mark.parametrize("half_width", [0.05, 0.1])
def test_there_are_no_more_replicates_than_it_takes(half_width: float) -> None:
    needed = needed_replicates(3, half_width)
    # The kurtosis of R normal estimates has the standard error √(24/R); looks are a tenth apart.
    spread = 4 * math.sqrt(24 / needed) / 2
    (replicates,) = replicates_of(experiment(NORMAL, half_width=half_width))
    assert (1 - spread) * needed < replicates < 1.1 * (1 + spread) * needed + 208


@pytest.mark.slow
def test_what_was_there_at_the_look_before_was_not_enough() -> None:
    (result,) = results_of(experiment(HEAVY, half_width=0.1))
    summary = summary_of(result)
    ends = [block.start + block.rows for block in blocks(len(summary.finite))]
    looks = [ends[1]]  # 300 replicates take two blocks
    while looks[-1] < ends[-1]:
        looks.append(next(end for end in ends if end >= next_look(looks[-1])))
    assert looks[-1] == ends[-1]
    (before,) = results_of(experiment(HEAVY, replicates=looks[-2]))
    assert relative_half_width(summary_of(before)) > 0.1 >= relative_half_width(summary)


@pytest.mark.slow
def test_heavier_tails_take_more_replicates() -> None:
    normal, heavy = replicates_of(experiment(NORMAL, HEAVY, half_width=0.1))
    # By the kurtosis 22 times as many; that of a sample is below it, mostly by less than a half.
    assert heavy > 8 * normal


def test_as_many_replicates_as_for_normal_estimates_would_leave_heavy_tails_unknown() -> None:
    (normal,) = replicates_of(experiment(NORMAL, half_width=0.1))
    (result,) = results_of(experiment(HEAVY, replicates=normal))
    assert relative_half_width(summary_of(result)) > 0.1


def blocks(replicates: int) -> list[Any]:
    return blocks_of(experiment().problem, N, "cpu", replicates)


def test_replicates_are_whole_blocks() -> None:
    whole = {block.start + block.rows for block in blocks(1_000_000)}
    found = replicates_of(experiment(NORMAL, HEAVY, CONSTANT, half_width=0.2))
    assert set(found) <= whole
    assert min(found) == 416  # the 300 that were asked for, rounded up


@pytest.mark.parametrize("most", [2, 4095, 4096, 4097, 4160, 4224, 8192, 20_001, 100_000])
@pytest.mark.parametrize("sample_size", [10, 1000, N, 100_000])
def test_blocks_that_are_made_as_they_are_asked_for_are_the_same(sample_size: int, most: int) -> None:
    problem = experiment().problem
    assert list(blocks_up_to(problem, sample_size, "cpu", most)) == blocks_of(
        problem, sample_size, "cpu", most
    )


def test_a_cap_that_is_far_away_costs_nothing() -> None:
    far = blocks_up_to(experiment().problem, N, "cpu", 10**15)
    assert [next(far).start for _ in range(100)] == list(range(0, 100 * 208, 208))


@pytest.mark.slow
def test_the_least_number_of_replicates_is_kept() -> None:
    assert replicates_of(experiment(NORMAL, half_width=0.9, replicates=5000)) == [25 * 208]


def test_what_does_not_vary_has_enough_at_once() -> None:
    (row,) = measurements_of(experiment(CONSTANT, half_width=0.01)).itertuples()
    assert (row.status, row.reason, row.replicates, row.variance) == ("ok", "", 416, 0)


def test_what_has_no_interval_is_not_tried_for_ever() -> None:
    (row,) = measurements_of(experiment(NEVER, half_width=0.01)).itertuples()
    assert (row.status, row.replicates) == ("nonfinite", 416)
    assert row.reason == (
        f"none of 416 estimates is finite; {NOT_REACHED}: the variance is wanted to 1 % and has no interval"
    )


def test_replicates_that_are_not_finite_do_not_count() -> None:
    half = ("half", Drawn(lambda x: torch.where(x > 2, x, torch.nan)))
    (result,) = results_of(experiment(half, half_width=0.1))
    assert result.status == "nonfinite"
    assert NOT_REACHED not in result.reason
    assert relative_half_width(summary_of(result)) <= 0.1


def test_without_a_truth_there_is_a_precision_too() -> None:
    chosen = experiment(NORMAL, half_width=0.1)
    nothing = Truth("none", None, torch.full((1,), torch.nan, dtype=torch.float64))
    (result,) = run(chosen, plan(chosen), nothing)
    assert relative_half_width(summary_of(result)) <= 0.1


# --- the cap --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("most", [300, 301, 416, 660, 1000, 1040])
def test_no_cell_has_more_replicates_than_it_may(most: int) -> None:
    frame = measurements_of(experiment(NORMAL, HEAVY, half_width=0.02, most=most))
    assert frame["replicates"].eq(most).all()
    assert set(frame["status"]) == {"ok"}


def test_a_cell_that_did_not_reach_the_precision_says_so() -> None:
    frame = measurements_of(experiment(NORMAL, HEAVY, half_width=0.1, most=1000))
    normal, heavy = frame.itertuples()
    assert (normal.status, normal.reason) == ("ok", "")
    assert heavy.status == "ok"
    known = re.fullmatch(
        rf"{NOT_REACHED}: the variance is wanted to 10 % and known to ([\d.]+) % after 1000 replicates",
        heavy.reason,
    )
    assert known
    # The table's interval may be wider: it learns the kurtosis of other sample sizes too.
    assert 0.1 < float(known[1]) / 100 <= half_widths(frame)[1] * 1.01


# --- the same numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["reinforce", "reparameterization"])
def test_the_first_blocks_are_those_of_a_run_without_a_precision(label: str) -> None:
    chosen = experiment(half_width=0.1)
    chosen = replace(chosen, estimators=tuple(e for e in chosen.estimators if e.label == label))
    (longer,) = results_of(chosen)
    (shorter,) = results_of(replace(chosen, replicates=3 * 208, precision=None))
    for name in ("distance", "error", "product", "norm"):
        first, whole = getattr(summary_of(shorter), name), getattr(summary_of(longer), name)
        assert len(whole) > len(first) == 3 * 208
        assert torch.equal(first, whole[: len(first)])


@pytest.mark.slow
def test_a_cell_is_the_same_as_one_that_was_given_its_replicates() -> None:
    (found,) = results_of(experiment(HEAVY, half_width=0.2))
    R = len(summary_of(found).finite)
    (given,) = results_of(experiment(HEAVY, replicates=R))
    assert torch.equal(summary_of(found).distance, summary_of(given).distance)
    # Added up by other pieces.
    torch.testing.assert_close(summary_of(found).moments.m4, summary_of(given).moments.m4, rtol=1e-12, atol=0)


TIMES = re.compile(r"(fit_)?seconds.*|work_normalized.*")


def untimed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[name for name in frame if not TIMES.fullmatch(str(name))]].reset_index(drop=True)


@pytest.mark.slow
def test_a_second_run_gives_the_same_numbers() -> None:
    torch.manual_seed(1)
    first = untimed(measurements_of(experiment(NORMAL, HEAVY, half_width=0.1)))
    torch.manual_seed(2)
    second = untimed(measurements_of(experiment(NORMAL, HEAVY, half_width=0.1)))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.slow
def test_other_estimators_change_no_number() -> None:
    both = measurements_of(experiment(HEAVY, NORMAL, half_width=0.1))
    alone = untimed(measurements_of(experiment(NORMAL, half_width=0.1)))
    own = untimed(both[both["estimator"] == "normal"])
    pd.testing.assert_frame_equal(own, alone, check_exact=True)


def test_evaluations_are_those_of_one_estimate() -> None:
    frame = measurements_of(experiment(half_width=0.1))
    assert frame["evaluations"].eq(N).all()


# --- what it costs --------------------------------------------------------------------------------


def looks_of(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """R at each look at a cell that never has enough."""
    looks: list[int] = []

    def never(summary: Summary, _: Precision) -> bool:
        looks.append(len(summary.finite))
        return False

    monkeypatch.setattr(engine, "is_enough", never)
    results_of(experiment(NORMAL, half_width=0.01, most=most))
    return looks


def are_few(looks: list[int], most: int) -> bool:
    """Whether they grow in number as the logarithm of R, and in cost as R."""
    return len(looks) <= 2 + math.log(most / 416) / math.log(1.1) and sum(looks) <= 12 * most


@pytest.mark.slow
@pytest.mark.parametrize("most", [10_000, 100_000])
def test_looks_grow_in_number_as_the_logarithm(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = looks_of(most, monkeypatch)
    assert looks[0] == 416
    assert are_few(looks, most)


@pytest.mark.slow
def test_a_look_after_every_block_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "next_look", lambda replicates: replicates + 1)
    assert not are_few(looks_of(100_000, monkeypatch), 100_000)


def test_a_collection_grows_as_it_must() -> None:
    torch.manual_seed(0)
    parts = [torch.randn(rows, 3) for rows in (5, 1, 40, 7)]
    center = center_of(torch.cat(parts))
    summaries = [summarize(part, None, [slice(0, 1), slice(1, 3)], center) for part in parts]
    exact, growing = Collection(53, 2), Collection(1, 2)
    for i, summary in enumerate(summaries):
        exact.add(summary)
        growing.add(summary)
        assert len(growing.whole().finite) == sum(map(len, parts[: i + 1]))
    for name in ("distance", "norm", "finite"):
        first, second = getattr(exact.whole(), name), getattr(growing.whole(), name)
        assert torch.equal(first.nan_to_num(-1.0), second.nan_to_num(-1.0))


# --- what it will cost ----------------------------------------------------------------------------


@pytest.mark.parametrize(("kurtosis", "replicates"), [(3, 3200), (5.4, 7100), (26.8, 41_600)])
def test_the_formula_for_5_percent(kurtosis: float, replicates: int) -> None:
    assert needed_replicates(kurtosis, 0.05) == pytest.approx(replicates, rel=0.01)


def told(chosen: Experiment) -> list[Forecast]:
    return list(forecasts(chosen, plan(chosen)))


def test_a_forecast_is_about_right_where_tails_are_light() -> None:
    chosen = experiment(half_width=0.1)
    for forecast, replicates in zip(told(chosen), replicates_of(chosen), strict=True):
        assert forecast.replicates in {block.start + block.rows for block in blocks(1_000_000)}
        # From 256 normal estimates the kurtosis has the standard error √(24/256) = 0.3 of 3.
        assert 0.5 < forecast.replicates / replicates < 2
        assert 0 < forecast.seconds < 60


def test_a_forecast_tells_heavy_tails_and_the_cap() -> None:
    normal, heavy = told(experiment(NORMAL, HEAVY, half_width=0.1, most=2000))
    assert heavy.kurtosis > 2 * normal.kurtosis
    assert (heavy.replicates, normal.reason) == (2000, "")
    assert re.fullmatch(r"about \S+ are needed", heavy.reason)


def test_a_forecast_says_why_there_is_none() -> None:
    failed, constant, never = told(experiment(("failing", Drawn(failing)), CONSTANT, NEVER, half_width=0.1))
    assert (failed.status, failed.reason) == ("error", "ZeroDivisionError: nothing to divide by")
    assert (constant.replicates, never.replicates) == (416, 416)
    absent = told(replace(experiment(NORMAL, half_width=0.1), devices=("cuda:99",)))
    assert [(f.status, f.replicates) for f in absent] == [("unavailable", 0)]


def test_a_forecast_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    told(experiment(NORMAL, half_width=0.1))
    assert torch.equal(before, torch.get_rng_state())


def test_a_precision_that_takes_very_many_numbers_is_known_beforehand() -> None:
    without, few, many, capped = (
        numbers(chosen, plan(chosen))
        for chosen in (
            experiment(),
            experiment(half_width=0.9),
            experiment(half_width=0.01),
            experiment(half_width=0.001),
        )
    )
    assert few == without
    assert many == pytest.approx(without * needed_replicates(3, 0.01) / 300, rel=0.001)
    assert capped == pytest.approx(without * 1_000_000 / 300, rel=0.001)


# --- what a scenario may say ----------------------------------------------------------------------


def precision_of(*lines: str) -> Precision | None:
    return experiment_of(*read_text(SCENARIO + "\n".join(lines) + "\n", "x.yaml")).precision


@pytest.mark.parametrize("said", ["5%", "'5%'", "5 %", "5.0%", "0.05", "5e-2", ".05"])
def test_a_precision_is_a_percentage_or_a_share(said: str) -> None:
    precision = precision_of(f"precision: {{variance: {said}}}", "max_replicates: 5000")
    assert precision == Precision(pytest.approx(0.05), 5000)


def test_without_a_precision_there_is_none() -> None:
    assert precision_of() is None
    assert precision_of("precision: null", "max_replicates: 5000") is None
    assert precision_of("precision: {variance: 5%}") == Precision(0.05, 1_000_000)


WANTED = "wanted a percentage such as 5%, or a number between 0 and 1, got"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        *(
            (f"precision: {{variance: {said}}}", f"8:23: precision.variance: {WANTED} {got}")
            for said, got in {
                "5": "5",
                "0": "0",
                "1": "1",
                "-0.1": "-0.1",
                "0%": "'0%'",
                "100%": "'100%'",
                "five": "'five'",
                "-5%": "'-5%'",
                "true": "True",
                "~": "None",
                "[5%]": "['5%']",
            }.items()
        ),
        ("precision: 5%", "8:12: precision: wanted a mapping such as {variance: 5%}, got '5%'"),
        ("precision: {}", "8:12: missing key 'variance' in precision"),
        (
            "precision: {variance: 5%, varience: 5%}",
            "8:27: unknown key 'varience' in precision; did you mean 'variance'?",
        ),
        ("max_replicates: 1", "8:17: max_replicates: wanted a whole number of at least 2, got 1"),
        (
            "max_replicates: 299\nprecision: {variance: 5%}",
            "8:17: max_replicates: wanted at least the 300 of replicates, got 299",
        ),
    ],
)
def test_what_is_wrong_is_found_where_it_stands(lines: str, complaint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_text(f"{SCENARIO}{lines}\n", "x.yaml")
    assert caught.value.lines == [f"x.yaml:{complaint}"]


def test_many_replicates_without_a_precision_need_no_cap() -> None:
    scenario, _ = read_text(SCENARIO, "x.yaml", ["replicates=2000000"])
    again, _ = read_text(json.dumps(scenario.plain()), "x.yaml")
    assert again == scenario


def test_a_precision_that_is_written_reads_back_equal() -> None:
    scenario, _ = read_text(SCENARIO + "precision: {variance: 7 %}\n", "x.yaml")
    again, _ = read_text(json.dumps(scenario.plain()), "x.yaml")
    assert again == scenario


def test_a_quick_run_has_no_precision() -> None:
    scenario, source = read_text(SCENARIO + "precision: {variance: 5%}\n", "x.yaml")
    assert experiment_of(quick(scenario), source).precision is None


@pytest.mark.parametrize(("given", "taken"), [("", 25 * 16), ("reference: {replicates: 32}\n", 32)])
def test_a_quick_run_has_no_longer_reference_than_the_scenario(given: str, taken: int) -> None:
    scenario, source = read_text(SCENARIO + given, "x.yaml")
    assert experiment_of(quick(scenario), source).reference_replicates == taken


def test_editors_know_the_keys() -> None:
    schema = json_schema()
    assert {"precision", "max_replicates"} <= set(schema["properties"])
    share = schema["$defs"]["Precision"]["properties"]["variance"]
    assert share["description"]
    pattern = share["anyOf"][0]["pattern"]
    assert all(re.search(pattern, word) for word in ("5%", "5 %", "0.5%", ".5%"))
    assert not any(re.search(pattern, word) for word in ("5", "five%", "5%x", "-5%"))


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the scenario; figures are not looked at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    (tmp_path / "x.yaml").write_text(SCENARIO)
    return tmp_path


def called(*words: str) -> Any:
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.slow
def test_a_run_reaches_a_precision(here: Path) -> None:
    result = called("run", "x.yaml", "--precision", "10%")
    assert result.exit_code == 0
    assert NOT_REACHED not in result.output
    (folder,) = here.glob("results/gaussian/*")
    frame = bench.load(folder).measurements
    assert half_widths(frame).le(0.1).all()
    assert frame["replicates"].gt(300).all()
    record = json.loads((folder / "run.json").read_text())
    assert record["scenario"]["precision"] == {"variance": 0.1}
    assert "precision.variance=10%" in record["overrides"]


@pytest.mark.slow
def test_a_run_that_misses_its_precision_says_so_at_the_end(here: Path) -> None:
    result = called("run", "x.yaml", "--precision", "1%", "--set", "max_replicates=400")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2] == f"{NOT_REACHED} in 2 of 2 cells: every cell"
    assert result.stderr.count(f"ok: {NOT_REACHED}: the variance is wanted to 1 % and known to ") == 2


def test_a_plan_tells_what_a_precision_costs(here: Path) -> None:
    result = called("plan", "x.yaml", "--precision", "10%")
    assert result.exit_code == 0
    last = result.stdout.splitlines()[-2:]
    assert re.fullmatch(r"2 of 2 cells can run; about \S+ m?s for the variance to 10 %", last[0])
    assert "biased low" in last[1]
    assert "kurtosis" in result.stdout
    assert [path.name for path in here.iterdir()] == ["x.yaml"]


def test_a_plan_tells_which_cells_will_be_cut_short(here: Path) -> None:
    result = called("plan", "x.yaml", "--precision", "1%", "--set", "max_replicates=400")
    assert "2 of them will end at max_replicates, less precise" in result.stdout
    assert result.stdout.count("are needed") == 2


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_a_precision_that_is_wrong_is_found_on_the_command_line(here: Path, verb: str) -> None:
    result = called(verb, "x.yaml", "--precision", "5")
    assert result.exit_code == 2
    assert result.stderr == f"--set precision.variance=5: precision.variance: {WANTED} 5\n"
