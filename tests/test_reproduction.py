"""Known numbers, measured again: what the file states, the two verdicts, the command and its page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from scipy.stats import norm

import bench
from bench.analysis.rows import whole
from bench.cli import main
from bench.reproduction import reproduced as measuring
from bench.reproduction.known import Known, Question, questions
from bench.reproduction.reproduced import AS_EXACT, OTHERWISE, reproduced
from bench.reproduction.reproduction_page import INTRODUCTION, page
from bench.reproduction.reproduction_table import COLUMNS, ending
from bench.text.labels import markdown
from bench.text.numbers import significant

PAGE = Path(__file__).parents[1] / "docs" / "reproduction.md"
QUESTIONS = {each.name: each for each in questions()}


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of all tables of a page, by the names of their columns."""
    found: list[dict[str, str]] = []
    names: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| estimator "):
            names = cells
        elif re.match(r"\| [^|]+\| +\d+ \|", line):
            found.append(dict(zip(names, cells, strict=True)))
    return found


def shorter(question: Question, R: int) -> Question:
    return replace(question, scenario={**question.scenario, "replicates": R})


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_exact_numbers_are_those_of_the_bench_where_it_knows_them(name: str, tmp_path: Path) -> None:
    question = shorter(QUESTIONS[name], 64)
    found = bench.run(dict(question.scenario), out=tmp_path)
    rows = whole(found.measurements).set_index(["estimator", "sample_size"])
    known = 0
    for number in question.numbers:
        row = rows.loc[(number.estimator, number.N)]
        if number.quantity == "variance" and math.isfinite(row["variance_exact"]):
            assert number.exact == pytest.approx(row["variance_exact"], rel=2e-6), number.estimator
            known += 1
    assert known > 0 or name == "directions"  # whose random directions are not the x of a problem


def test_a_number_that_is_wrong_is_told() -> None:
    counts = shorter(QUESTIONS["counts"], 20_000)
    (go, score) = counts.numbers
    wrong = replace(counts, numbers=(replace(go, exact=1.1 * go.exact), score))
    assert [row.verdict for row in reproduced([counts])] == [AS_EXACT, AS_EXACT]
    rows = reproduced([wrong])
    assert [row.verdict for row in rows] == [OTHERWISE, AS_EXACT]
    assert ending(rows) == "1 of 2 measured numbers are as exact; no printed one is off"


def test_a_mean_that_is_wrong_is_told() -> None:
    bit = shorter(QUESTIONS["one_bit"], 20_000)
    (soft,) = [
        known for known in bit.numbers if known.estimator == "Gumbel-softmax" and known.quantity == "mean"
    ]
    # The truth instead of the mean of a biased estimator, which is six percent above it.
    rows = reproduced([replace(bit, numbers=(soft, replace(soft, exact=0.13302772)))])
    assert [row.verdict for row in rows] == [AS_EXACT, OTHERWISE]
    assert rows[0].low < rows[0].value < rows[0].high


def test_all_numbers_together_raise_a_false_alarm_as_seldom_as_is_said() -> None:
    for numbers in (1, 57):
        assert 2 * norm.sf(measuring.limit_of(numbers)) * numbers == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize(("quantity", "of"), [("variance", math.exp), ("mean", float)])
def test_a_number_agrees_within_the_limit_and_no_further(quantity: str, of: Callable[[float], float]) -> None:
    low, high = (
        of(1 - 0.196),
        of(1 + 0.196),
    )  # a standard error of a tenth, of a variance that of its logarithm
    for away, agrees in ((0.29, True), (-0.29, True), (0.31, False), (-0.31, False)):
        known = Known("reinforce", 1, of(1 + away), "", quantity=quantity)  # type: ignore[arg-type]
        assert measuring._agrees(known, of(1.0), low, high, 3.0) is agrees


def test_what_is_printed_is_held_against_the_kurtosis_that_was_measured() -> None:
    lecture = shorter(QUESTIONS["lecture"], 2000)
    lecture = replace(lecture, scenario={**lecture.scenario, "sweep": {"sample_sizes": [10]}})
    # Of normal estimates the standard error of a logarithm is 14 % with 100 repetitions.
    numbers = [replace(known, printed=1.7 * known.exact) for known in lecture.numbers if known.N == 10]
    rows = reproduced([replace(lecture, numbers=tuple(numbers))])
    assert [row.known.estimator for row in rows] == ["reinforce", "reparameterization"]
    assert [row.of_printed for row in rows] == ["within chance", "within chance"]
    less = [replace(known, repetitions=10_000) for known in numbers]
    rows = reproduced([replace(lecture, numbers=tuple(less))])
    assert [row.of_printed for row in rows] == ["not reproduced", "not reproduced"]
    assert ending(rows) == "2 of 2 measured numbers are as exact; 2 printed ones are not reproduced"
    cells = [{column.name: column.text(row) for column in COLUMNS} for row in rows]
    assert [(each["printed"], each["exact"]) for each in cells] == [("14.8", "8.70"), ("0.680", "0.400")]
    assert [(each["measured is"], each["printed is"]) for each in cells] == 2 * [
        ("as exact", "not reproduced")
    ]


def test_the_interval_of_a_mean_has_its_standard_error() -> None:
    qubit = shorter(QUESTIONS["qubit"], 4096)
    (row,) = reproduced([replace(qubit, numbers=qubit.numbers[:1])])
    (variance,) = [known.exact for known in qubit.numbers if known.quantity == "variance"]
    assert (row.high - row.low) / (2 * 1.96 * math.sqrt(variance / 4096)) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize(
    ("printed", "repetitions", "said"),
    [
        (None, 0, ""),
        (1.004, 0, "as exact"),  # rounded
        (1.01, 0, "not reproduced"),  # more than rounding
        (1.1, 0, "not reproduced"),
        (1.1, 100, "within chance"),  # a standard error of a variance from 100 estimates: 14 %
        (1.4, 100, "within chance"),
        (1.9, 100, "not reproduced"),
        (1.1, 100_000, "not reproduced"),
    ],
)
def test_what_is_printed_is_held_against_the_exact_number(
    printed: float | None, repetitions: int, said: str
) -> None:
    known = Known("reinforce", 1, 1.0, "", printed=printed, repetitions=repetitions)
    assert measuring._of_printed(known, 3.0) == said


def test_the_page_states_the_numbers_of_the_file_and_all_are_reproduced() -> None:
    shipped = PAGE.read_text("utf-8")
    every = [known for question in questions() for known in question.numbers]
    rows = rows_of(shipped)
    assert len(rows) == len(every)
    for row, known in zip(rows, every, strict=True):
        assert (row["N"], row["what"]) == (str(known.N), known.quantity)
        assert (row["exact"], row["formula"]) == (significant(known.exact), markdown(known.formula))
        assert row.get("printed", "") == ("" if known.printed is None else significant(known.printed))
        assert row["measured is"] == AS_EXACT
        # Few replicates would agree with anything.
        value, low, high = map(float, re.findall(r"-?[\d.]+(?:e-\d+)?", row["measured"]))
        assert low <= value <= high
        assert high - low < (0.4 if known.quantity == "variance" else 0.02) * abs(known.exact)
    for question in questions():
        assert f"\n## {markdown(question.setting)}\n\n{markdown(question.source)}.\n" in shipped
    assert shipped.startswith(INTRODUCTION)
    assert shipped.endswith(
        f"{len(every)} of {len(every)} measured numbers are as exact; no printed one is off.\n"
    )


def test_the_command_measures_writes_and_exits(tmp_path: Path) -> None:
    made = CliRunner().invoke(main, ["reproduce", "--only", "qubit", "--markdown", str(tmp_path / "made.md")])
    assert made.exit_code == 0
    assert "2 of 2 measured numbers are as exact" in made.output
    text = (tmp_path / "made.md").read_text("utf-8")
    assert re.search(r"parameter.?_shift +\| +20 \| mean +\|", text)
    assert "| -0.565 |" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "qubits"], "there is no question of this name; did you mean 'qubit'?"),
        (["--only", "qubit", "--markdown", "nowhere/made.md"], "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(main, ["reproduce", *arguments])
    assert refused.exit_code == 2
    assert said in " ".join(refused.output.split())


@pytest.mark.slow
def test_questions_may_be_named_several_times() -> None:
    made = CliRunner().invoke(main, ["reproduce", "--only", "qubit", "--only", "directions"])
    assert made.exit_code == 0
    assert "5 of 5 measured numbers are as exact" in made.output


def test_types_of_numbers_are_those_of_the_file() -> None:
    assert QUESTIONS["directions"].scenario["sweep"]["dtypes"] == ["float64"]


def test_a_wrong_number_makes_the_command_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    qubit = QUESTIONS["qubit"]
    wrong = replace(qubit, numbers=(replace(qubit.numbers[0], exact=0.56464247), qubit.numbers[1]))
    monkeypatch.setattr("bench.reproduction.known.questions", lambda: [wrong])
    failed = CliRunner().invoke(main, ["reproduce"])
    assert failed.exit_code == 1
    assert "1 of 2 measured numbers are as exact" in failed.output


def test_a_stop_ends_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = bench.run(dict(shorter(QUESTIONS["qubit"], 64).scenario), out=tmp_path)
    monkeypatch.setitem(made.record, "interrupted", True)
    monkeypatch.setattr(measuring, "execute", lambda *_: made)
    stopped = CliRunner().invoke(main, ["reproduce", "--only", "qubit"])
    assert stopped.exit_code == 130
    assert "measured numbers" not in stopped.output


def test_the_page_has_a_part_for_each_question() -> None:
    rows = reproduced([shorter(QUESTIONS["qubit"], 256), shorter(QUESTIONS["counts"], 256)])
    made = page(rows)
    assert made.count("\n## ") == 2
    assert "\n## f(z) = z², z \\~ Poisson(2.5)\n" in made or "\n## f(z) = z², z ~ Poisson(2.5)\n" in made
