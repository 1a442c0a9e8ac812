"""Known numbers, measured again: what the file states, the two verdicts, the command and its page."""

from __future__ import annotations

import math
import re
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
from bench.reproduction.reproduction_page import page
from bench.reproduction.reproduction_table import ending

PAGE = Path(__file__).parents[1] / "docs" / "reproduction.md"
QUESTIONS = {each.name: each for each in questions()}


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
    rows = [line for line in shipped.splitlines() if re.match(r"\| [^|]+\| +\d+ \|", line)]
    assert len(rows) == len(every)
    for line, known in zip(rows, every, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1:3] == [str(known.N), known.quantity]
        assert AS_EXACT in cells
    for question in questions():
        assert f"\n{question.source}.\n" in shipped
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


def test_a_wrong_number_makes_the_command_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    qubit = QUESTIONS["qubit"]
    wrong = replace(qubit, numbers=(replace(qubit.numbers[0], exact=0.56464247),))
    monkeypatch.setattr("bench.reproduction.known.questions", lambda: [wrong])
    failed = CliRunner().invoke(main, ["reproduce"])
    assert failed.exit_code == 1
    assert "0 of 1 measured numbers are as exact" in failed.output


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
