"""Several runs beside one another: labels, changes, ranks, profiles, mean ratios, budgets, sentences."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bench.api
from bench.analysis import budgets as budget
from bench.analysis import comparison, geometric, ranking
from bench.analysis import together as several
from bench.analysis.budgets import budgets, reached, wins
from bench.analysis.comparison import changes, compare
from bench.analysis.geometric import MEAN, averaged, geometric_means, ratios_by_problem
from bench.analysis.pairs import within
from bench.analysis.ranking import common_problems, mean_ranks, performance_profile, ranks
from bench.analysis.together import Varied, named, table, together, varied
from bench.results.columns import completed
from bench.results.run import Run
from bench.tables.comparison_table import problem_frame, problem_table
from bench.text.left_out import notes
from bench.text.together_claims import (
    MACHINE,
    NOT_RANKED,
    budget_claims,
    change_claims,
    claims,
    mean_claims,
    rank_claims,
)
from bench.text.words import NOTHING, few, listed
from tests.ratios import paired_ratio, unpaired_ratio
from tests.test_compare import SCENARIO, measured, noisy
from tests.test_report import HOSTILE, cell

METRICS = ["variance", "mse", "work_normalized_variance"]


def scenario(name: str = "gaussian", steps: object = 1, **changed: Any) -> dict[str, Any]:
    return {
        "name": name, "version": 1, "question": "Which?", "seed": 0, "replicates": 1000,
        "problem": {"name": "p", "theta": {"train": {"steps": steps}}},
    } | changed  # fmt: skip


def run(what: dict[str, Any], rows: list[dict[str, Any]] | None = None, **record: Any) -> Run:
    """A run of hand-made rows; replicates are proportional to one another."""
    rows = [{}, {"estimator": "b", "variance": 2.0}] if rows is None else rows
    made = measured([{"scenario": what["name"], **row} for row in rows], scenario=what, **record)
    return Run(completed(made.measurements, "measurements"), made.replicates, made.record)


def git(commit: str, dirty: bool = False) -> dict[str, Any]:
    return {"commit": commit * 40, "dirty": dirty}


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Measurements of a run "r", or of those that are told, without intervals' width unless told."""
    made = []
    for row in rows:
        value = row.get("variance", 1.0)
        given = {"estimator": "a", "sample_size": 10, "variance": value, "seconds": 1.0, "evaluations": 10.0}
        whole = cell(**{**given, "variance_low": value, "variance_high": value} | row)
        product = whole["variance"] * whole["seconds"]
        ends = {f"work_normalized_variance{end}": product for end in ("", "_low", "_high")}
        made.append({"run": "r", "claim": "unbiased", "gradient_evaluations": 0.0, **ends, **whole})
    return completed(pd.DataFrame(made), "measurements")


@pytest.fixture(scope="module")
def really_run(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A tiny scenario, once more, and the same numbers as if another seed had drawn them."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "s.yaml").write_text(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.api.draw", lambda *_: ([], []))
        some = [
            bench.api.run(folder / "s.yaml", overrides=["replicates=400"], out=folder / "out") for _ in "ab"
        ]
    record = {**some[0].record, "scenario": {**some[0].record["scenario"], "seed": 1}}
    return [*some, Run(some[0].measurements, some[0].replicates, record)]


# --- runs -----------------------------------------------------------------------------------------


def test_runs_of_a_scenario_are_called_by_what_differs() -> None:
    some = [run(scenario(steps=n)) for n in (100, 3000)]
    assert named(some) == ("steps = 100", "steps = 3000")
    assert varied(some) == Varied("problem.theta.train.steps", (100.0, 3000.0))
    assert list(table(some)["differs"]) == ["steps = 100", "steps = 3000"]


def test_runs_of_several_scenarios_are_called_by_their_names() -> None:
    some = [run(scenario(steps=1)), run(scenario(steps=2)), run(scenario("vae"))]
    assert named(some) == ("gaussian (steps = 1)", "gaussian (steps = 2)", "vae")
    assert varied(some) is None
    assert named(some[:1]) == ("gaussian",)
    assert named([]) == ()


def test_what_is_alike_is_called_by_commit_then_time_then_number() -> None:
    first, second = "2026-01-01T10:00:00.1+00:00", "2026-01-01T11:00:00.1+00:00"
    some = [
        run(scenario(), git=git("a"), finished=first),
        run(scenario(), git=git("a"), finished=second),
        run(scenario(), git=git("b", dirty=True), finished=second),
        run(scenario(), git=git("b", dirty=True), finished=second),
    ]
    assert named(some) == (
        "aaaaaaa, 2026-01-01 10:00:00",
        "aaaaaaa, 2026-01-01 11:00:00",
        "bbbbbbb, changed",
        "bbbbbbb, changed (2)",
    )
    assert list(table(some)["commit"]) == ["a" * 12] * 2 + [f"{'b' * 12}, changed"] * 2


def test_a_number_does_not_make_a_label_that_is_there() -> None:
    some = [run(scenario(steps=s)) for s in ("x", "x", "x (2)", "x (2)")]
    assert len(set(named(some))) == 4


def test_names_are_as_long_as_tells_them_apart() -> None:
    one = scenario(problem={"a": {"scale": 1, "loc": 0.5}, "b": {"scale": 1}})
    two = scenario(problem={"a": {"scale": 2, "loc": 1.5}, "b": {"scale": 3}})
    assert named([run(one), run(two)])[1] == "loc = 1.5, a.scale = 2, b.scale = 3"


@pytest.mark.parametrize(
    "values", [(1, 2, "three"), (1, 1, 1), (True, False, True), (1, 2, None), (1, 2, 10**400), (1, 2, [3])]
)
def test_only_numbers_vary(values: tuple[object, ...]) -> None:
    assert varied([run(scenario(steps=value)) for value in values]) is None


def test_noise_does_not_count_as_variation_and_a_second_option_does() -> None:
    seeds = [run(scenario(steps=n, seed=n)) for n in (1, 2)]
    assert varied(seeds) == Varied("problem.theta.train.steps", (1.0, 2.0))
    assert varied([run(scenario(seed=n)) for n in (1, 2)]) is None
    assert varied([run(scenario(steps=n, data=str(n))) for n in (1, 2)]) is None
    assert varied([]) is None


def test_records_that_lack_everything_have_a_row() -> None:
    bare = Run(pd.DataFrame([cell("a", 1, 1.0)]), pd.DataFrame(), {"scenario": {"name": "x"}})
    odd = Run(bare.measurements, bare.replicates, {"scenario": {"name": 3}, "git": [], "machine": 1})
    found = table([bare, odd])
    assert list(found.columns) == list(several.COLUMNS)
    assert list(found["run"]) == ["x", "3"]
    assert table([]).empty


@pytest.mark.slow
def test_labels_are_harmless() -> None:
    some = [run(scenario(text, steps=text)) for text in HOSTILE]
    some += [run(scenario(HOSTILE[0], steps="\x1b[31m\n" + "x" * 1000))]
    labels = named(some)
    assert len(set(labels)) == len(labels)
    assert all(label.isprintable() and len(label) <= several.LONGEST + 5 for label in labels)
    assert all(text.isprintable() for text in table(some).select_dtypes("str").to_numpy().ravel())


def test_together_has_all_rows_with_labels_and_values() -> None:
    some = [run(scenario(steps=n)) for n in (100, 3000)]
    found = together(some)
    assert list(found.columns[:3]) == ["run", "value", "scenario"]
    assert list(found["run"]) == ["steps = 100"] * 2 + ["steps = 3000"] * 2
    assert list(found["value"]) == [100.0, 100.0, 3000.0, 3000.0]
    assert "value" not in together(some[:1])
    assert together([]).empty


# --- changes --------------------------------------------------------------------------------------


def test_later_runs_are_compared_with_the_first() -> None:
    some = [run(scenario(), [{"variance": v}], git=git(g)) for v, g in ((1.0, "a"), (2.0, "b"), (0.5, "c"))]
    found = changes(some, ("variance",))
    assert list(found.frame.columns) == list(comparison.CHANGES)
    assert list(found.frame["run"]) == ["bbbbbbb", "ccccccc"]
    assert list(found.frame["against"]) == ["aaaaaaa"] * 2
    assert list(found.frame["ratio"]) == [2.0, 0.5]
    assert list(found.frame["mark"]) == ["worse", "better"]
    assert found.level == 1 - 0.05 / 2
    assert (found.frame["level"] == found.level).all()


def test_all_runs_share_one_level() -> None:
    some = [run(scenario(), git=git(g)) for g in "abc"]
    found = changes([noisy(each) for each in some], ("variance", "mse"))
    assert found.level == 1 - 0.05 / 8
    width = np.log(found.frame["high"] / found.frame["low"])
    alone = changes([noisy(each) for each in some[:2]], ("variance",)).frame
    assert width.iloc[0] >= np.log(alone["high"] / alone["low"]).iloc[0]


def test_runs_of_other_questions_are_noted() -> None:
    found = changes([run(scenario(steps=n)) for n in (1, 2)])
    assert found.frame.empty
    assert notes(found.left_out) == (
        "steps = 2: not compared with steps = 1: its problem or its version is another",
    )
    again = changes([run(scenario(steps=n), git=git(g)) for n, g in ((1, "a"), (2, "a"), (2, "b"))])
    assert set(again.frame["against"]) == {"steps = 2, aaaaaaa"}


def test_runs_without_a_cell_in_common_are_noted() -> None:
    some = [run(scenario(), [{"sample_size": N}], git=git(g)) for N, g in ((1, "a"), (2, "b"))]
    found = changes(some)
    assert found.frame.empty
    assert "bbbbbbb: no cell in common with aaaaaaa" in notes(found.left_out)
    said = claims(some, found)[-1]
    assert said.startswith("Note: bbbbbbb: only in the run before")
    assert said.endswith("bbbbbbb: no cell in common with aaaaaaa.")


@pytest.mark.parametrize("some", [[], [run(scenario())], [run(scenario()), run(scenario("other"))]])
def test_without_a_second_run_nothing_changes(some: list[Run]) -> None:
    found = changes(some)
    assert found.frame.empty
    assert notes(found.left_out) == ()
    assert change_claims(found) == []


def test_changes_of_real_runs(really_run: list[Run]) -> None:
    found = changes(really_run)
    same = found.frame[(found.frame["run"] == named(really_run)[1]) & (found.frame["metric"] == "variance")]
    assert len(same) == 6
    assert (same["ratio"] == 1).all()
    text = "\n".join(change_claims(found))
    assert "variance of 12 cells: 12 exactly the same" in text


def test_changes_are_told_with_the_cells_that_moved_most() -> None:
    before = [{"estimator": e, "variance": 1.0, "draws": "x"} for e in "abcde"]
    values = {"a": 1.0, "b": 1.5, "c": 4.0, "d": 0.5}
    after = [{"estimator": e, "variance": v, "draws": "x"} for e, v in values.items()]
    some = [run(scenario(), before, git=git("a")), run(scenario(), after, git=git("b"))]
    found = changes(some, ("variance",))
    (said,) = change_claims(found)
    assert said.startswith("bbbbbbb against aaaaaaa: variance of 4 cells: 2 worse (c at N = 10 by 4.0")
    assert "), 1 better (d at N = 10 by 0.500" in said
    assert said.endswith("), 1 exactly the same; all 4 intervals hold together with 95 %.")
    assert MACHINE not in said
    assert "only in the run before: e" in claims(some, found)[-1]


def test_changes_of_several_later_runs_are_one_sentence() -> None:
    some = [run(scenario(), [{"variance": v}], git=git(g)) for v, g in ((1.0, "a"), (2.0, "b"), (0.5, "c"))]
    (said,) = change_claims(changes(some, ("variance",)))
    assert said.startswith(
        "2 later runs against the first: variance of 2 cells: 1 worse (a of bbbbbbb at N = 10"
    )
    assert "1 better (a of ccccccc at N = 10 by 0.500" in said


def test_a_change_of_time_is_told_with_what_the_interval_does_not_hold() -> None:
    quick = {f"seconds{end}": 1e-6 for end in ("", "_low", "_high")}
    slow = {name: 10 * value for name, value in quick.items()}
    some = [run(scenario(), [each], git=git(g)) for each, g in ((quick, "a"), (slow, "b"))]
    assert MACHINE in change_claims(changes(some))[0]


# --- ranks and profiles ---------------------------------------------------------------------------


def test_ranks_by_hand() -> None:
    found = ranks(
        frame_of(
            [
                {"variance": 1.0, "variance_low": 0.8, "variance_high": 1.2},
                {"estimator": "b", "variance": 1.5, "variance_low": 1.1, "variance_high": 1.9},
                {"estimator": "c", "variance": 3.0, "variance_low": 2.0, "variance_high": 4.0},
                {"estimator": "d", "status": "not_applicable", "reason": "x"},
                {"estimator": "e", "status": "error", "reason": "x"},
            ]
        ),
        "variance",
    )
    assert list(found.columns) == list(ranking.RANKS)
    assert list(found["rank"]) == [1, 2, 3, 4.5, 4.5]
    assert list(found["factor"]) == [1, 1.5, 3, math.inf, math.inf]
    assert list(found["told_apart"]) == [False, False, True, False, False]
    assert list(found["best"]) == [True, False, False, False, False]
    assert list(found["failed"]) == [False, False, False, True, True]


def test_equal_values_share_their_rank() -> None:
    found = ranks(frame_of([{}, {"estimator": "b"}, {"estimator": "c", "variance": 2.0}]), "variance")
    assert list(found["rank"]) == [1.5, 1.5, 3]
    assert list(found["best"]) == [True, True, False]


def test_a_low_variance_of_a_wrong_gradient_is_no_win() -> None:
    rows = [
        {"mse": 1.0},
        {"estimator": "b", "variance": 0.1, "mse": 0.5, "verdict": "biased"},
        {"estimator": "c", "variance": 0.5, "mse": 2.0},
    ]
    by_variance, by_mse = (ranks(frame_of(rows), metric) for metric in ("variance", "mse"))
    assert list(by_variance["rank"]) == [2, 3, 1]
    assert list(by_mse["rank"]) == [2, 1, 3]
    assert ranks(frame_of(rows), "work_normalized_variance")["failed"].sum() == 1


def test_problems_without_a_device_or_without_any_number_are_left_out() -> None:
    lost = {"device": "cuda", "status": "unavailable"}
    failed = {"sample_size": 1, "status": "error"}
    rows = [{"estimator": e, **change} for e in "ab" for change in ({}, lost, failed)]
    found = ranks(frame_of([*rows, {"estimator": "c", "device": "cuda"}]), "variance")
    assert list(found["estimator"]) == ["a", "b"]
    assert ranks(frame_of([{"mse": math.nan}, {"estimator": "b", "mse": math.nan}]), "mse").empty


def test_a_zero_is_the_best_and_beyond_any_factor() -> None:
    found = ranks(frame_of([{"variance": 0.0}, {"estimator": "b"}]), "variance")
    assert list(found["factor"]) == [1, math.inf]
    assert list(found["told_apart"]) == [False, True]


def ranked(values: dict[int, tuple[float | None, ...]], labels: str) -> list[dict[str, Any]]:
    """Rows of estimators of one letter with their variances at each N; None is an error."""
    failed = {"status": "error"}
    return [
        {"estimator": e, "sample_size": N, **(failed if v is None else {"variance": v})}
        for N, some in values.items()
        for e, v in zip(labels, some, strict=True)
    ]


def test_mean_ranks_by_hand() -> None:
    values = {1: (1.0, 2.0, 3.0, None), 2: (2.0, 1.0, 3.0, 9.0), 3: (1.0, 2.0, 3.0, 0.5)}
    some = [run(scenario(), ranked(values, "abcd"))]
    common, means = common_problems(some), mean_ranks(some)
    assert list(means.columns) == [
        "metric", "estimator", "best", "told_apart", "failed", "mean_rank", "problems",
    ]  # fmt: skip
    found = means[means["metric"] == "variance"].set_index("estimator")
    assert dict(found["mean_rank"]) == {"a": 2.0, "b": 2.0, "c": 3.5, "d": 2.5}
    assert dict(found["best"]) == {"a": 0, "b": 1, "c": 0, "d": 1}
    assert list(found.index) == ["a", "b", "d", "c"]
    assert set(found["problems"]) == {2}
    assert (common.problems, common.left_out, common.without) == (2, 1, ())
    assert rank_claims(common, means) == [
        "Mean ranks by variance over the 2 problems on which all 4 were measured (1 left out), 1 is best: "
        "a 2.00, b 2.00, d 2.50 and c 3.50."
    ]


def test_ranks_are_over_problems_that_all_runs_have_in_common() -> None:
    first = [{}, {"estimator": "b", "variance": 2.0}, {"estimator": "c", "variance": 0.5}]
    second = [{"variance": 3.0}, {"estimator": "b", "variance": 2.0}, {"estimator": "d", "status": "error"}]
    lost = [{"estimator": e, "device": "cuda", "status": "unavailable"} for e in "ab"]
    some = [run(scenario(), [*first, *lost]), run(scenario("vae"), [*second, *lost])]
    common = common_problems(some)
    assert common.estimators == ("a", "b")
    assert common.without == ("c", "d")
    assert (common.problems, common.left_out) == (2, 0)
    means = mean_ranks(some)
    assert list(means.loc[means["metric"] == "variance", "mean_rank"]) == [1.5, 1.5]
    assert rank_claims(common, means)[0].endswith("; not measured in every run: c and d.")


def test_a_biased_estimator_is_last_and_said_to_be() -> None:
    wrong = {"estimator": "b", "variance": 0.1, "verdict": "biased"}
    some = [run(scenario(), [{}, wrong, {"estimator": "c", "variance": 2.0}])]
    (said,) = rank_claims(common_problems(some), mean_ranks(some))
    assert "1 is best: a 1.00, c 2.00 and b 3.00; last there as failed or biased: b on 1." in said
    assert "the one problem on which all 3 were measured, " in said


def test_runs_without_estimators_in_common_are_not_ranked() -> None:
    some = [run(scenario()), run(scenario("vae"), [{"estimator": "c"}, {"estimator": "d"}])]
    assert rank_claims(common_problems(some), mean_ranks(some)) == [NOT_RANKED]


def test_a_profile_by_hand() -> None:
    rows = [
        {"estimator": e, "sample_size": N, "variance": v}
        for N, values in ((1, (1.0, 2.0)), (2, (1.0, 2.0)), (3, (4.0, 1.0)))
        for e, v in zip("ab", values, strict=True)
    ]
    rows += [{"estimator": "c", "sample_size": N, "status": "not_applicable"} for N in (1, 2, 3)]
    found = performance_profile(frame_of(rows), "variance")
    assert list(found.columns) == list(ranking.PROFILE)
    points = [
        (row.estimator, row.factor, round(row.share, 9), row.problems)
        for row in found.itertuples(index=False)
    ]
    third = round(1 / 3, 9)
    assert points == [
        ("a", 1.0, round(2 / 3, 9), 3), ("a", 4.0, 1.0, 3),
        ("b", 1.0, third, 3), ("b", 2.0, 1.0, 3),
        ("c", 1.0, 0.0, 3),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_nothing_gives_nothing(metric: str) -> None:
    all_failed = frame_of([{"status": "error"}, {"estimator": "b", "status": "not_applicable"}])
    for frame in (together([]), frame_of([{}]).iloc[:0], all_failed):
        assert ranks(frame, metric).empty
        assert performance_profile(frame, metric).empty
        assert reached(frame).empty
    some = [run(scenario(), [{"status": "error"}, {"estimator": "b"}])]
    for nothing in ([], [Run(some[0].measurements.iloc[:1], some[0].replicates, some[0].record)]):
        assert mean_ranks(nothing).empty
        assert wins(nothing).empty
        assert common_problems(nothing).problems == 0


# --- geometric means ------------------------------------------------------------------------------


def term(log: float, **changed: Any) -> dict[str, Any]:
    return {
        "metric": "variance", "estimator": "b", "scenario": "s", "run": 0, "draws": str(changed),
        "value": log, "center": log, "error": 0.1, "degrees": 1e9,
    } | changed  # fmt: skip


def test_a_mean_by_hand() -> None:
    two, half, eight = math.log(2), -math.log(2), math.log(8)
    terms = pd.DataFrame(
        [term(two, draws="1"), term(half, draws="2", error=0.2), term(eight, scenario="t", draws="3", run=1)]
    )
    frame, level = averaged(terms, "a")
    row = frame.iloc[0]
    assert list(frame.columns) == list(geometric.COLUMNS)
    assert level == 0.95
    assert row["ratio"] == pytest.approx(math.sqrt(8))  # the mean of 1, of two cells, and 8
    assert (row["scenarios"], row["cells"]) == (2, 3)
    assert (row["least"], row["most"]) == (pytest.approx(1), pytest.approx(8))
    error = math.sqrt((0.1 / 4) ** 2 + (0.2 / 4) ** 2 + (0.1 / 2) ** 2)
    assert math.log(row["high"] / row["ratio"]) == pytest.approx(1.959964 * error, rel=1e-4)
    assert math.log(row["ratio"] / row["low"]) == pytest.approx(1.959964 * error, rel=1e-4)


def test_shared_draws_do_not_average_out() -> None:
    def width(*draws: str) -> float:
        terms = [term(0.0, run=i, draws=each) for i, each in enumerate(draws)]
        row = averaged(pd.DataFrame(terms), "a")[0].iloc[0]
        return math.log(row["high"] / row["low"])

    assert width("1", "1") == pytest.approx(width("1"))
    assert width("1", "2") == pytest.approx(width("1") / math.sqrt(2))


def test_an_unknown_error_gives_no_interval() -> None:
    frame, level = averaged(pd.DataFrame([term(0.5), term(0.5, error=math.nan, draws="2")]), "a")
    assert frame["low"].isna().all()
    assert frame["mark"].item() == "no interval"
    assert frame["ratio"].item() == pytest.approx(math.exp(0.5))
    assert level == 0.95


def test_means_over_runs_by_hand() -> None:
    def rows(v: float) -> list[dict[str, Any]]:
        return [{}, {"estimator": "b", "variance": v}, {"estimator": "c", "variance": 0.0}]

    some = [run(scenario(), rows(2.0)), run(scenario("vae", problem={"name": "q"}), rows(0.5))]
    found = geometric_means(some)
    assert found.control == "a"
    assert list(found.frame["estimator"]) == ["b"]
    row = found.frame.iloc[0]
    assert (row["ratio"], row["least"], row["most"]) == (pytest.approx(1), pytest.approx(0.5), 2)
    assert all("1 of 2 ratios: biased, zero or not known" in note for note in notes(found.left_out))
    (said,) = mean_claims(found)
    assert (
        "In variance, in the geometric mean over 2 scenarios, relative to a: b is undecided, at 1.0" in said
    )


def test_biased_cells_are_not_averaged_but_by_error() -> None:
    wrong = {"verdict": "biased", "contradiction": "not unbiased"}
    some = [run(scenario(), [{}, {"estimator": "b", "variance": 0.1, **wrong}])]
    assert geometric_means(some).frame.empty
    assert list(geometric_means(some, None, ("mse",)).frame["estimator"]) == ["b"]


def test_a_control_may_be_missing_in_some_runs_and_not_in_all() -> None:
    some = [run(scenario()), run(scenario("vae"), [{"estimator": "c"}, {"estimator": "d"}])]
    found = geometric_means(some, "a")
    assert list(found.frame["estimator"]) == ["b"]
    assert len(notes(found.left_out)) == 1
    assert notes(found.left_out)[0].startswith("vae: not averaged: no estimator 'a'")
    with pytest.raises(ValueError, match="no estimator 'zz' here"):
        geometric_means(some, "zz")
    with pytest.raises(ValueError, match="no control"):
        geometric_means([])


def test_repeated_runs_count_once(really_run: list[Run]) -> None:
    once, twice = geometric_means(really_run[:1]).frame, geometric_means(really_run[:2]).frame
    for column in ("ratio", "low", "high"):
        np.testing.assert_allclose(once[column], twice[column])
    fresh = geometric_means([really_run[0], really_run[2]]).frame
    assert (fresh["high"] / fresh["low"] < once["high"] / once["low"]).all()


def test_ratios_by_problem_by_hand() -> None:
    def rows(*variances: float) -> list[dict[str, Any]]:
        return [{"estimator": e, "variance": v} for e, v in zip("abc", variances, strict=False)]

    some = [
        noisy(run(scenario(), rows(1, 2, 3))),
        noisy(run(scenario("vae", problem={"name": "q"}), rows(1, 8))),
    ]
    found = ratios_by_problem(some)
    table = found.frame.pivot(index="estimator", columns="problem", values="ratio")
    assert list(dict.fromkeys(found.frame["problem"])) == ["gaussian", "vae", MEAN]
    single = [compare(within(each, "a"), ("variance",)).frame.set_index("estimator") for each in some]
    for problem, frame in zip(("gaussian", "vae"), single, strict=True):
        np.testing.assert_allclose(table[problem].dropna(), frame["ratio"])
    assert table.loc["b", MEAN] == pytest.approx(
        math.sqrt(table.loc["b", "gaussian"] * table.loc["b", "vae"])
    )
    assert math.isnan(table.loc["c", "vae"])
    assert found.level == 1 - 0.05 / 3
    means = found.frame[found.frame["problem"] == MEAN].set_index("estimator")
    assert dict(means["high"]) == dict(geometric_means(some).frame.set_index("estimator")["high"])
    shown = problem_frame(found)
    assert list(shown.columns) == ["gaussian", "vae", MEAN]
    assert list(shown.index) == ["b", "c"]
    assert shown.loc["c", "vae"] == "—"
    assert shown.loc["b", "gaussian"].startswith("2.")
    assert re.fullmatch(r"\| -+ \|( -+: \|){3}", problem_table(found).markdown().splitlines()[1])


def test_problems_of_a_run_stand_apart_if_they_are_few() -> None:
    def points(number: int) -> Run:
        rows = [
            {"problem": f"p{i}", "estimator": e, "variance": v}
            for i in range(number)
            for e, v in (("a", 1.0), ("b", i + 1.0))
        ]
        return run(scenario(), rows)

    few, many = (ratios_by_problem([points(number)]).frame for number in (8, 9))
    assert list(few["problem"]) == [*(f"gaussian, p{i}" for i in range(8)), MEAN]
    assert list(few["ratio"][:8]) == pytest.approx(list(range(1, 9)))
    assert list(many["problem"]) == ["gaussian", MEAN]
    assert many["ratio"][0] == pytest.approx(math.factorial(9) ** (1 / 9)) == many["ratio"][1]


REPETITIONS = 600


def simulated_terms(generator: np.random.Generator, repetition: int) -> list[dict[str, Any]]:
    """Ratios of variances, of which the truth is `TRUTHS`, in three scenarios at two N."""
    terms = []
    for i, truth in enumerate(TRUTHS):
        for N in (1, 2):
            a, b = generator.normal(size=(2, 100)) ** 2
            ratio = unpaired_ratio(a, truth * b)
            known = {"center": ratio.log_center, "error": ratio.log_error, "degrees": ratio.degrees}
            where = {"scenario": str(i), "run": i, "draws": f"{i} {N}", "estimator": str(repetition)}
            terms.append(term(math.log(ratio.value), **known, **where))
    return terms


TRUTHS = (2.0, 0.5, 3.0)


@pytest.mark.slow
def test_the_interval_covers() -> None:
    """Coverage 95 % within four standard errors, which is 3.6 %; half the width must cover less than that."""
    generator = np.random.default_rng(0)
    terms = [term for i in range(REPETITIONS) for term in simulated_terms(generator, i)]
    frame, level = averaged(pd.DataFrame(terms), "a")
    low, high = np.log(frame["low"]), np.log(frame["high"])
    wider = stats.t.ppf((1 + level) / 2, 99) / stats.t.ppf(0.975, 99)  # they hold together; each at 95 %
    off = (np.mean(np.log(TRUTHS)) - (low + high) / 2).abs() / ((high - low) / 2 / wider)
    tolerance = 4 * math.sqrt(0.95 * 0.05 / REPETITIONS)
    assert len(frame) == REPETITIONS
    assert abs((off < 1).mean() - 0.95) < tolerance
    assert (off < 0.5).mean() < 0.95 - tolerance


def test_different_sample_sizes_are_independent(really_run: list[Run]) -> None:
    """Replicates of two N do not go together, |r| < 4/√R; those of two estimators at one N do."""
    whole = really_run[0].measurements.set_index(["estimator", "sample_size"])["cell"]
    replicates = really_run[0].replicates

    def correlation(one: tuple[str, int], other: tuple[str, int]) -> float:
        parts = [
            replicates.loc[replicates["cell"] == whole[each], "squared_deviation"] for each in (one, other)
        ]
        return float(np.corrcoef(np.log(parts[0]), np.log(parts[1]))[0, 1])

    limit = 4 / math.sqrt(400)
    assert abs(correlation(("pathwise", 4), ("pathwise", 8))) < limit
    assert abs(correlation(("pathwise", 4), ("reinforce", 8))) < limit
    assert correlation(("reinforce", 4), ("rloo", 4)) > limit


def test_a_single_ratio_is_that_of_the_comparison() -> None:
    some = noisy(run(scenario(), [{"draws": "x"}, {"estimator": "b", "variance": 3.0, "draws": "x"}]))
    row = geometric_means([some]).frame.iloc[0]
    cells = [part["squared_deviation"].to_numpy() for _, part in some.replicates.groupby("cell", sort=False)]
    pair = paired_ratio(*cells)
    assert (row["ratio"], row["low"], row["high"]) == pytest.approx((pair.value, pair.low, pair.high))


# --- budgets --------------------------------------------------------------------------------------


def test_budgets_are_round() -> None:
    assert budgets(1.0, 1.0) == [1.0]
    assert budgets(2e-4, 1.1e-2) == [3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    assert budgets(10.0, 100.0) == [10.0, 30.0, 100.0]


def test_errors_by_hand() -> None:
    rows = [
        {"sample_size": 1, "variance": 8.0, "seconds": 1.0, "evaluations": 1.0},
        {"sample_size": 10, "variance": 0.5, "seconds": 4.0, "evaluations": 10.0},
        {"estimator": "b", "sample_size": 1, "variance": 2.0, "seconds": 3.0, "evaluations": 1.0,
         "gradient_evaluations": 1.0},
    ]  # fmt: skip
    found = reached(frame_of(rows))
    assert list(found.columns) == list(budget.COLUMNS)
    seconds = found[found["currency"] == "seconds"]
    told = [
        (row.budget, row.estimator, row.sample_size, row.error, row.best)
        for row in seconds.itertuples(index=False)
    ]
    assert told == [
        (1.0, "a", 1, 8.0, True),
        (3.0, "a", 1, pytest.approx(8 / 3), False),
        (3.0, "b", 1, 2.0, True),
        (10.0, "a", 10, pytest.approx(0.2), True),
        (10.0, "b", 1, pytest.approx(0.6), False),
    ]
    assert not seconds["tied"].any()
    by_evaluations = found[(found["currency"] == "evaluations") & (found["budget"] == 3.0)]
    assert list(by_evaluations["error"]) == [pytest.approx(8 / 3), pytest.approx(4 / 3)]


def test_the_error_of_the_time_is_in_the_interval_of_a_budget_of_seconds() -> None:
    wide = {"work_normalized_variance_low": 0.5, "work_normalized_variance_high": 8.0}
    frame = frame_of([{"variance": 2.0, "variance_low": 1.5, "variance_high": 3.0, "seconds": 1.0}])
    found = reached(frame.assign(**wide))
    ends = found.groupby("currency")[["error", "low", "high"]].first()
    assert list(ends.loc["seconds"]) == [2.0, 0.5, 8.0]
    assert list(ends.loc["evaluations"]) == [2.0, 1.5, 3.0]


def test_a_bias_stays_where_it_is() -> None:
    biased = {"estimator": "b", "variance": 0.1, "verdict": "biased", "bias": -0.5, "bias_low": -0.6,
              "bias_high": -0.4}  # fmt: skip
    rows = [
        {"variance": 4.0, "seconds": 1.0},
        {**biased, "seconds": 1.0},
        {"seconds": 100.0, "sample_size": 20},
    ]
    found = reached(frame_of(rows))
    part = found[(found["estimator"] == "b") & (found["currency"] == "seconds")].set_index("budget")
    assert part.loc[1.0, "error"] == pytest.approx(0.25 + 0.1)
    assert part.loc[100.0, "error"] == pytest.approx(0.25 + 0.001)
    assert part.loc[100.0, "low"] == pytest.approx(0.16 + 0.001)
    assert part.loc[100.0, "high"] == pytest.approx(0.36 + 0.001)
    best = found[found["best"] & (found["currency"] == "seconds")].set_index("budget")["estimator"]
    assert (best[1.0], best[100.0]) == ("b", "a")


@pytest.mark.parametrize(
    "left_out",
    [
        {"verdict": "biased", "bias": math.nan},
        {"verdict": "unknown", "claim": "biased"},
        {"verdict": "unknown", "claim": "consistent"},
        {"variance": math.nan},
        {"seconds": 0.0, "evaluations": math.nan},
        {"status": "error"},
    ],
)
def test_what_is_not_known_is_left_out(left_out: dict[str, Any]) -> None:
    found = reached(frame_of([{}, {"estimator": "b", **left_out}]))
    assert set(found["estimator"]) == {"a"}


def test_no_gradient_evaluations_are_none() -> None:
    frame = frame_of([{"verdict": "unknown", "gradient_evaluations": math.nan}])
    assert set(reached(frame)["currency"]) == {"seconds", "evaluations"}
    older = frame.drop(columns=["gradient_evaluations", "claim"])
    assert len(reached(completed(older, "measurements"))) == 2


def test_ties_are_of_intervals_that_overlap() -> None:
    wide = {"estimator": "b", "variance": 1.5, "variance_low": 0.9, "variance_high": 2.0}
    rows = [
        {},
        wide,
        {"estimator": "c", "variance": 3.0},
        {"estimator": "d", "variance": 4.0, "variance_low": math.nan},
    ]
    found = reached(frame_of(rows))
    by = found[found["currency"] == "evaluations"]
    assert list(by["best"]) == [True, False, False, False]
    assert list(by["tied"]) == [False, True, False, True]


def test_who_is_to_be_taken_at_the_largest_budget() -> None:
    rows = [
        {"estimator": e, "variance": v, "variance_low": v, "variance_high": v,
         **{f"work_normalized_variance{end}": v for end in ("", "_low", "_high")}, "seconds": 1.0}
        for e, v in (("a", 4.0), ("b", 1.0))
    ]  # fmt: skip
    tied = [rows[0], {**rows[1], "variance_high": 5.0, "work_normalized_variance_high": 5.0}]
    some = [run(scenario(), rows), run(scenario("vae"), tied)]
    found = wins(some).set_index(["currency", "estimator"])
    assert dict(found["taken"]) == {
        ("seconds", "b"): 2, ("evaluations", "b"): 2, ("seconds", "a"): 1, ("evaluations", "a"): 1,
    }  # fmt: skip
    assert set(found["of"]) == {2}
    assert budget_claims(wins(some)) == [
        "At the largest budget, the least error, or one not told apart from it, on so many problems: "
        "in seconds b on 2 of 2 and a on 1 of 2; in evaluations b on 2 of 2 and a on 1 of 2."
    ]


def test_the_largest_budget_decides_and_not_the_smallest() -> None:
    def priced(label: str, sample_size: int, variance: float, seconds: float) -> dict[str, Any]:
        product = variance * seconds
        ends = {f"work_normalized_variance{end}": product for end in ("", "_low", "_high")}
        ends |= {f"variance{end}": variance for end in ("", "_low", "_high")}
        return {"estimator": label, "sample_size": sample_size, "seconds": seconds, **ends}

    # With one second only a can be paid; with a hundred b reaches 0.1 and a 0.16.
    found = wins([run(scenario(), [priced("a", 1, 16.0, 1.0), priced("b", 1, 0.1, 100.0)])])
    taken = found[found["currency"] == "seconds"].set_index("estimator")["taken"]
    assert dict(taken) == {"a": 0, "b": 1}


def test_lists_are_short() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"], "or") == "a, b or c"
    assert listed(list("abcdef")) == "a, b, c and 3 more"
    assert listed(["a, b", "c", "d"]) == "a, b; c and d"
    assert len(few(["x"] * 20)) == 9


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_real_runs_say_all(really_run: list[Run]) -> None:
    said = claims(really_run, changes(really_run))
    assert len(said) <= 6
    text = "\n".join(said)
    for words in (
        "In variance, in the geometric mean over the cells of one scenario, relative to reinforce: pathwise",
        "Mean ranks by variance",
        "exactly the same",
        "At the largest budget",
    ):
        assert words in text
    assert claims(really_run[:1], changes(really_run[:1]), "rloo")


def test_nothing_measured_is_said() -> None:
    failed = run(scenario(), [{"status": "error"}, {"estimator": "b"}])
    empty = Run(failed.measurements.iloc[:1], failed.replicates.iloc[:0], failed.record)
    assert claims([], changes([])) == [NOTHING]
    assert claims([empty], changes([empty])) == [NOTHING]
    nan = run(scenario(), [{"variance": 1.0}, {"estimator": "b"}])
    lost = Run(nan.measurements.assign(variance=math.nan), nan.replicates, nan.record)
    assert all("nan" not in text for text in claims([lost, lost], changes([lost, lost])))


@pytest.mark.slow
def test_sentences_are_harmless() -> None:
    some = [
        run(scenario(text), [{"estimator": label, "sample_size": N} for label in HOSTILE for N in (1, 2)])
        for text in HOSTILE[:2]
    ]
    said = claims([*some, *some], changes([*some, *some]))
    assert said
    assert all(text.isprintable() for text in said)


def test_many_rows_take_no_time() -> None:
    """10 000 rows within five seconds, on a busy machine; it takes well below one."""
    generator = np.random.default_rng(0)
    base = frame_of([{"estimator": e, "sample_size": N} for e in "abcdefghij" for N in range(1, 51)])
    frame = pd.concat([base.assign(run=str(i)) for i in range(20)], ignore_index=True)
    frame["variance"] = generator.uniform(size=len(frame))
    start = time.perf_counter()
    performance_profile(frame, "variance")
    reached(frame)
    assert time.perf_counter() - start < 5
