"""The verb `compare`: what it prints in each format, what it refuses, and the figure."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from bench.analysis.comparison import COLUMNS, Comparison, compare, mark
from bench.analysis.pairs import across, of_sample_sizes, within
from bench.cli import main
from bench.commands.compare import METRICS as CHOICES
from bench.errors import Invalid
from bench.figures.export import chart_of_a_comparison
from bench.figures.rendering import picture
from bench.results.folder import load
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED
from bench.tables.comparison_table import as_json, comparison_table
from bench.text.left_out import notes
from bench.text.ratio_text import level_text, ratio_text
from tests.parameters import some
from tests.scene import words
from tests.test_report import HOSTILE, cell

SCENARIO = """\
schema: 1
name: tiny
version: 1
question: Which is best?
problem:
  name: expectation
  distribution: {normal: {loc: 2.0, scale: 1.0}}
  parameters: [loc]
  cost: "z**2"
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: rloo}
  - pathwise
sweep:
  sample_sizes: [4, 8]
replicates: 60
"""


def called(*words: str) -> Result:
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def refused(*words: str) -> str:
    result = called("compare", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def run_of(folder: Path, *words: str, text: str = SCENARIO) -> str:
    """The folder of a run."""
    folder.mkdir()
    (folder / "s.yaml").write_text(text)
    result = called("run", str(folder / "s.yaml"), "-o", str(folder / "out"), *words)
    assert result.exit_code == 0, result.output
    return str(next((folder / "out").glob("*/*/run.json")).parent)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.api.draw", lambda *_: ([], []))
        patch.setattr("bench.page.report.write_report", lambda *_: ([], []))
        return run_of(tmp_path_factory.mktemp("compare") / "a")


@pytest.fixture(autouse=True)
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    monkeypatch.setattr("bench.page.report.write_report", lambda *_: ([], []))


def strict(text: str) -> dict[str, Any]:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def compared(*words: str) -> dict[str, Any]:
    result = called("compare", *words, "--format", "json")
    assert result.exit_code == 0, result.output
    return strict(result.stdout)


def measured(changes: list[dict[str, Any]], R: int = 1000, **record: Any) -> Run:
    """A run with one row of measurements for each of the changes, and normal estimates in common."""
    rows = [cell(**{"estimator": "a", "sample_size": 10, "variance": 1.0} | change) for change in changes]
    x = np.random.default_rng(0).normal(size=R) ** 2
    parts = [
        pd.DataFrame(
            {
                "cell": row["cell"],
                "parameter": "all",
                "replicate": np.arange(R),
                "squared_deviation": u,
                "squared_error": u,
                "cosine": 1.0,
            }
        )
        for row in rows
        for u in [row["variance"] * x]
        if row["status"] == "ok"
    ]
    scenario = {"name": "gaussian", "version": 1, "problem": {"loc": 2.0}, "seed": 0}
    whole = {"scenario": scenario, "stream_layout": 1, **record}
    return Run(pd.DataFrame(rows), pd.concat(parts), whole)


def noisy(run: Run) -> Run:
    """Replicates that are no longer proportional to one another."""
    factor = np.random.default_rng(1).uniform(0.5, 1.5, len(run.replicates))
    replicates = run.replicates.assign(squared_deviation=run.replicates["squared_deviation"] * factor)
    return Run(run.measurements, replicates, run.record)


def test_a_low_variance_of_a_biased_estimator_is_no_win() -> None:
    wrong = {"estimator": "b", "variance": 0.0, "verdict": "biased"}
    found = compare(within(noisy(measured([{}, wrong, {"estimator": "c", "variance": 0.1}])), None), CHOICES)
    records = {(row["estimator"], row["metric"]): row for row in strict(as_json(found))["rows"]}
    assert (records["b", "variance"]["mark"], records["c", "variance"]["mark"]) == ("biased", "better")
    assert records["b", "variance"]["equivalent_samples"] is None
    assert records["c", "variance"]["equivalent_samples"] > 10
    # A bias is in the squared error.
    assert records["b", "mse"]["mark"] == "better"
    text = comparison_table(found).markdown()
    assert text.count("| biased") == 2
    assert "inf" not in text


# --- within a run ---------------------------------------------------------------------------------


def test_a_run_is_compared_with_its_first_estimator(run: str) -> None:
    found = compared(run)
    assert found["control"] == "reinforce"
    assert found["level"] == pytest.approx(1 - 0.05 / 4)
    assert [(row["estimator"], row["sample_size"]) for row in found["rows"]] == [
        ("rloo", 4), ("rloo", 8), ("pathwise", 4), ("pathwise", 8),
    ]  # fmt: skip
    variance = load(Path(run)).measurements.set_index(["estimator", "sample_size"])["variance"]
    for row in found["rows"]:
        exact = variance[row["estimator"], row["sample_size"]] / variance["reinforce", row["sample_size"]]
        assert row["ratio"] == pytest.approx(exact, rel=1e-7)  # replicates are kept with seven digits
        assert row["low"] < row["ratio"] < row["high"]
        assert not row["paired"]  # 60 replicates are too few
    assert {row["mark"] for row in found["rows"] if row["estimator"] == "pathwise"} == {"better"}


def test_another_control_gives_the_inverse(run: str) -> None:
    one = compared(run, "--sample-sizes", "4", "--format", "json")["rows"]
    other = compared(run, "--sample-sizes", "4", "--control", "reparameterization")["rows"]
    assert {row["control"] for row in other} == {"pathwise"}
    ratio = {row["estimator"]: row["ratio"] for row in (*one, *other) if row["estimator"] != "rloo"}
    assert ratio["pathwise"] * ratio["reinforce"] == pytest.approx(1)
    assert next(row["mark"] for row in other if row["estimator"] == "reinforce") == "worse"


def test_all_metrics_share_one_level(run: str) -> None:
    found = compared(run, "--metric", "all")
    assert {row["metric"] for row in found["rows"]} == set(COMPARED)
    with_interval = [row for row in found["rows"] if row["mark"] != "no interval"]
    assert found["level"] == pytest.approx(1 - 0.05 / len(with_interval))


@pytest.mark.parametrize("kind", ["table", "markdown"])
def test_a_table_says_level_and_control(run: str, kind: str) -> None:
    result = called("compare", run, "--format", kind)
    assert result.exit_code == 0
    for word in ("ratio to reinforce", "98.75 %", "rloo", "unpaired", "better"):
        assert word in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120


@pytest.mark.slow
def test_many_replicates_in_common_are_paired(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "b", "-r", "1300", "-n", "8")
    rows = compared(folder)["rows"]
    assert [row["paired"] for row in rows] == [True, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--control", "rlo"], "did you mean 'rloo'"),
        (["--control", "\x1b[31m"], "no estimator '\\x1b[31m'"),
        (["--sample-sizes", "5"], "no sample size 5 here; known: 4, 8"),
        (["--sample-sizes", "four"], "no list of whole numbers"),
        (["--figure", "a.txt"], ".png"),
        (["--figure", "nowhere/a.png"], "no such folder"),
        (["--metric", "speed"], "work_normalized_variance"),
        (["elsewhere"], "not the folder of a run"),
    ],
)
def test_what_makes_no_sense_is_refused(run: str, words: list[str], told: str) -> None:
    assert told in refused(run, *words)


def test_a_name_of_several_is_refused() -> None:
    some = measured([{"estimator": name, "estimator_name": "reinforce"} for name in "ab"])
    with pytest.raises(ValueError, match="names 2 estimators; give a label: 'a', 'b'"):
        within(some, "reinforce")


def test_a_lonely_estimator_is_compared_with_nothing(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "b", "-e", "rloo")
    result = called("compare", folder)
    assert result.exit_code == 4
    assert "nothing can be compared" in result.stderr


# --- pairs, marks ---------------------------------------------------------------------------------


def test_equal_draws_are_paired_and_others_are_not() -> None:
    draws = [
        {"estimator": name, "draws": d} for name, d in zip("abcde", ["x", "x", "y", "", None], strict=True)
    ]
    frame = compare(within(measured(draws), None), ("variance",)).frame
    assert dict(zip(frame["estimator"], frame["paired"], strict=True)) == {
        "b": True, "c": False, "d": False, "e": False,
    }  # fmt: skip
    same = frame.iloc[0]
    assert (same["ratio"], same["low"], same["high"], same["mark"]) == (1, 1, 1, "undecided")


def test_other_replicates_are_not_paired() -> None:
    some = measured([{"draws": "x"}, {"estimator": "b", "draws": "x"}])
    lost = Run(some.measurements, some.replicates.iloc[:-1], some.record)
    assert not compare(within(lost, None), ("variance",)).frame["paired"].any()


def test_marks() -> None:
    marks = [mark(0.5, 0.9), mark(1.1, 2), mark(0.9, 1.1), mark(1, 1), mark(math.nan, math.nan)]
    assert marks == ["better", "worse", "undecided", "undecided", "no interval"]
    assert [mark(0, 0), mark(math.inf, math.inf)] == ["better", "worse"]


def test_seconds_without_interval_give_none() -> None:
    frame = compare(within(measured([{}, {"estimator": "b", "seconds": 1.0}]), None), tuple(COMPARED)).frame
    assert list(frame["mark"]) == ["undecided", "undecided", "no interval"]
    assert (frame["level"] == 1 - 0.05 / 2).all()
    timed = [{"estimator": e, "seconds": s, "seconds_low": s / 1.1, "seconds_high": s * 1.1}
             for e, s in (("a", 1.0), ("b", 3.0))]  # fmt: skip
    slower = compare(within(measured(timed), None), ("work_normalized_variance",)).frame.iloc[0]
    assert slower["ratio"] == pytest.approx(3)
    assert slower["mark"] == "worse"


def test_what_failed_or_has_no_control_is_told() -> None:
    failed = {"status": "error", "reason": "it broke"}
    some = measured(
        [{}, {"estimator": "b"}, {"sample_size": 20, **failed}, {"estimator": "b", "sample_size": 20}]
    )
    found = compare(within(some, None), ("variance",))
    assert list(found.frame["sample_size"]) == [10]
    assert any("it broke" in note for note in notes(found.left_out))
    assert any("b at N = 20: the control was not measured there" in note for note in notes(found.left_out))


def test_a_zero_is_null_or_zero_in_json() -> None:
    some = measured([{}, {"estimator": "exact", "variance": 0.0}])
    better = strict(as_json(compare(within(some, None), ("variance",))))["rows"][0]
    worse = strict(as_json(compare(within(some, "exact"), ("variance",))))["rows"][0]
    assert (better["ratio"], better["mark"]) == (0, "better")
    assert (worse["ratio"], worse["mark"]) == (None, "worse")


# --- two runs -------------------------------------------------------------------------------------


def test_a_run_equals_its_repetition(run: str, tmp_path: Path) -> None:
    again = run_of(tmp_path / "b")
    found = compared(run, again)
    assert [(row["ratio"], row["mark"], row["control"]) for row in found["rows"]] == [
        (1, "undecided", "before")
    ] * 6
    assert "before" in found["control"]


def test_cells_of_one_run_only_are_told(run: str, tmp_path: Path) -> None:
    other = run_of(tmp_path / "b", "-n", "8,16", "--seed", "1")
    result = called("compare", run, other)
    assert result.exit_code == 0
    assert "only in the run before: every estimator at N = 4" in result.stdout
    assert "only in the run after: every estimator at N = 16" in result.stdout


def test_runs_without_a_cell_in_common_compare_nothing(run: str, tmp_path: Path) -> None:
    result = called("compare", run, run_of(tmp_path / "b", "-n", "16"))
    assert result.exit_code == 4
    assert "only in the run after: every cell" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: tiny", "name: other", "name 'tiny' before, 'other' after"),
        ("version: 1", "version: 2", "version 1 before, 2 after"),
        ("loc: 2.0", "loc: 2.5", "problem"),
        ("z**2", "z**4", "problem"),
    ],
)
def test_runs_of_other_questions_are_refused(run: str, tmp_path: Path, old: str, new: str, told: str) -> None:
    other = run_of(tmp_path / "b", text=SCENARIO.replace(old, new))
    assert f"not comparable: {told}" in refused(run, other)


def test_two_runs_take_no_control(run: str) -> None:
    assert "--control" in refused(run, run, "--control", "rloo")


def test_two_runs_are_paired_by_seed_layout_and_draws() -> None:
    one = measured([{"draws": "x"}])
    scenario = {**one.record["scenario"], "seed": 1}
    pairs = {
        "same": noisy(one),
        "seed": measured([{"draws": "x"}], scenario=scenario),
        "layout": measured([{"draws": "x"}], stream_layout=2),
        "draws": measured([{"draws": "y"}]),
    }
    paired = {
        name: compare(across(one, other), ("variance",)).frame["paired"].item()
        for name, other in pairs.items()
    }
    assert paired == {"same": True, "seed": False, "layout": False, "draws": False}


def test_a_damaged_run_is_refused(run: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "replicates.parquet").write_text("no parquet")
    assert "damaged" in refused(str(broken))


# --- how it looks ---------------------------------------------------------------------------------


def of(changes: list[dict[str, Any]], metrics: list[str] | None = None) -> Comparison:
    return compare(within(noisy(measured(changes)), None), tuple(metrics or ["variance"]))


def said(spec: dict[str, Any]) -> str:
    """The words of a chart in one line."""
    return " ".join(words(spec).split())


def drawable(found: Comparison) -> bool:
    ratio = found.frame["ratio"].astype(float)
    return bool(((ratio > 0) & np.isfinite(ratio)).any())


CASES: dict[str, list[dict[str, Any]]] = {
    "one": [{}, {"estimator": "b"}],
    "hostile": [{"estimator": label, "scenario": HOSTILE[1]} for label in HOSTILE],
    "devices": [{"estimator": e, "device": d} for e in "ab" for d in ("cpu", "mps")],
    "exact": [{}, {"estimator": "exact", "variance": 0.0}],
    "extreme": [{}, {"estimator": "b", "variance": 1e-200}, {"estimator": "c", "variance": 1e12}],
    "pairs": [{"estimator": e, "draws": "x" if e < "c" else ""} for e in "abcd"],
    "nothing": [{}],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", some(CASES, 3))
@pytest.mark.parametrize("metrics", [["variance"], list(COMPARED)])
def test_every_comparison_can_be_shown(name: str, metrics: list[str], tmp_path: Path) -> None:
    found = of(CASES[name], metrics)
    assert list(found.frame.columns) == list(COLUMNS)
    if drawable(found):
        picture(chart_of_a_comparison(found), "svg")
    text = comparison_table(found).markdown()
    assert (
        len({line.count("|") - line.count(r"\|") for line in text.splitlines() if line.startswith("|")}) == 1
    )
    assert "\x1b" not in text
    assert len(comparison_table(found).rows) == len(found.frame)
    strict(as_json(found))


def test_a_figure_is_written(run: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    result = called("compare", run, "--figure", str(path), "--format", "json")
    strict(result.stdout)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_pairs_are_told_from_others() -> None:
    same = "the pairs have the same random numbers"
    assert "1 of 3 pairs have the same random numbers" in said(chart_of_a_comparison(of(CASES["pairs"])))
    assert same in said(chart_of_a_comparison(of([{**c, "draws": "x"} for c in CASES["one"]])))


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(Invalid, match="nothing that could be drawn"):
        chart_of_a_comparison(of([{}, {"estimator": "exact", "variance": 0.0}]))


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.119, 1.1012, 1.1413, "1.12 (1.10 … 1.14)"),
        (0.5, 0.0123, 98.7, "0.50 (0.012 … 99)"),
        (0.99, 0.98, 0.9996, "0.9900 (0.9800 … 0.9996)"),
        (1, 1, 1, "1.00 (1.00 … 1.00)"),
        (0, 0, 0, "0 (0 … 0)"),
        (math.inf, math.inf, math.inf, "inf (inf … inf)"),
        (2, math.nan, math.nan, "2.00 (no interval)"),
    ],
)
def test_ratios_are_written_with_the_digits_they_deserve(
    value: float, low: float, high: float, text: str
) -> None:
    assert ratio_text(value, low, high) == text


def test_levels_keep_what_tells_them_from_certainty() -> None:
    assert [level_text(1 - 0.05 / n) for n in (1, 4, 20)] == ["95 %", "98.75 %", "99.75 %"]
    assert level_text(1 - 0.05 / 1000) == "99.995 %"


def test_other_sample_sizes_are_left_out() -> None:
    some = measured([{"sample_size": N} for N in (1, 2, 4)])
    assert list(of_sample_sizes(some, [4, 1]).measurements["sample_size"]) == [1, 4]


def test_what_may_be_asked_for_is_what_cells_are_compared_by() -> None:
    assert list(CHOICES) == list(COMPARED)
