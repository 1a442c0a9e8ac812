"""Texts of a run on itself: claims, a table for LaTeX, methods, a summary in Markdown."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.api import run as measure
from bench.errors import Invalid
from bench.results.run import Run
from bench.tables.summary import as_markdown
from bench.tables.tex import as_tex, tex, tex_number
from bench.text.claims import claims
from bench.text.methods import methods
from bench.text.ratio_text import ratio_text
from bench.text.words import NOTHING
from tests.parameters import some
from tests.test_report import HOSTILE

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
replicates: 300
"""
DIGITS = """\
schema: 1
name: small_vae
version: 1
problem: {name: vae, data: digits, batch_size: 2, latent: 1, hidden: 2}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2]}
replicates: 8
data: resampled
reference: {replicates: 16}
"""
WILD = (*HOSTILE, "\\", "}{", "a & b \\\\", "[1cm]", "*x", "%c", "~^_#{}$&", r"\input{a}", "- 1e-5\r\n# x")
TRIPLES = [(WILD[i], WILD[i - 1], WILD[i - 2]) for i in range(0, len(WILD), 3)]
"""Each of them at least once."""


def run_of(folder: Path, text: str) -> Run:
    (folder / "s.yaml").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.api.draw", lambda *_: ([], []))
        return measure(folder / "s.yaml", out=folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(tmp_path_factory.mktemp("paper"), SCENARIO)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(tmp_path_factory.mktemp("paper"), DIGITS)


def edited(run: Run, where: dict[str, Any] | None = None, **columns: Any) -> Run:
    """The run with other values in some columns, of the rows that have these values."""
    frame = run.measurements.copy()
    rows = np.logical_and.reduce([frame[key] == value for key, value in (where or {}).items()] or [True])
    for name, value in columns.items():
        frame[name] = frame[name].mask(pd.Series(rows, frame.index), value)
    return run.of(frame)


def scaled(run: Run, estimator: str, factors: dict[int, float]) -> Run:
    """The run with other variances, by N, of one estimator."""
    frame = run.measurements
    cells = frame[frame["estimator"] == estimator].set_index("cell")["sample_size"].map(factors)
    factor = run.replicates["cell"].map(cells).fillna(1.0)
    replicates = run.replicates.assign(squared_deviation=run.replicates["squared_deviation"] * factor)
    return Run(frame, replicates, run.record)


def about(said: list[str], words: str) -> str:
    (found,) = [sentence for sentence in said if words in sentence]
    return found


def renamed(run: Run, labels: tuple[str, str, str]) -> Run:
    """The run with other labels, which also stand wherever else words are given by somebody else."""
    first, second, third = labels
    scenario = {**run.record["scenario"], "question": second, "name": third}
    record = {**run.record, "scenario": scenario, "command": ["bench", first], "git": {"commit": second}}
    changed = edited(run, {"estimator": "reinforce"}, estimator=first)
    changed = edited(changed, {"estimator": "pathwise"}, estimator=second)
    failed = edited(changed, {"estimator": "rloo"}, estimator=third, status="error", reason=first)
    return Run(failed.measurements, failed.replicates, record)


# --- claims ---------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_comparison(run: Run) -> None:
    frame = compare(within(run, None), ("variance",)).frame.set_index(["estimator", "sample_size"])
    row = frame.loc["pathwise", 8]
    times = ratio_text(1 / row["ratio"], 1 / row["high"], 1 / row["low"]).replace("…", "to")
    assert f"pathwise has {times} times less variance than reinforce; " in about(claims(run), "8 pathwise")
    # Against the other one the same ratio is turned over.
    other = compare(within(run, "pathwise"), ("variance",)).frame.set_index(["estimator", "sample_size"])
    row = other.loc["reinforce", 8]
    times = ratio_text(row["ratio"], row["low"], row["high"]).replace("…", "to")
    said = about(claims(run, "pathwise"), "variance than pathwise")
    assert f"and reinforce has {times} times more variance; " in said


def test_all_ratios_hold_together(run: Run) -> None:
    level = compare(within(run, None), ("variance",)).level
    assert level == pytest.approx(1 - 0.05 / 4)
    assert "The intervals of all 4 ratios, 98.75 % each, hold together with 95 %." in claims(run)


@pytest.mark.slow
def test_nothing_is_claimed_where_the_interval_has_one(run: Run) -> None:
    variance = run.measurements.set_index(["estimator", "sample_size"])["variance"]
    equal = {N: variance["reinforce", N] / variance["pathwise", N] for N in (4, 8)}
    marks = compare(within(scaled(run, "pathwise", equal), None), ("variance",)).frame
    assert set(marks[marks["estimator"] == "pathwise"]["mark"]) == {"undecided"}
    said = about(claims(scaled(run, "pathwise", equal)), "At N = 8 pathwise")
    assert re.search(r"cannot be told apart from reinforce, with a ratio of 1\.0+ \(", said)
    assert said.endswith("; so it is at every N from 4 to 8.")
    assert not re.search(r"less|more", said)
    # The control: a variance that differs is claimed, and only where it does.
    mixed = about(claims(scaled(run, "pathwise", {**equal, 8: equal[8] * 9})), "At N = 8 pathwise")
    assert mixed.endswith("times more variance than reinforce; at N = 4 not told apart.")


def test_ratios_that_change_with_the_sample_size_are_told_as_a_range(run: Run) -> None:
    changed = scaled(run, "pathwise", {4: 0.1, 8: 1.0})
    frame = compare(within(changed, None), ("variance",)).frame.query("estimator == 'pathwise'")
    said = about(claims(changed), "At N = 8 pathwise")
    found = re.search(r"at every N from 4 to 8, ([\d.]+) to ([\d.]+) times less\.", said)
    assert found
    assert [float(end) for end in found.groups()] == pytest.approx(
        [1 / frame["high"].max(), 1 / frame["low"].min()], rel=0.06
    )
    assert "at every N from 4 to 8" in about(claims(run), "At N = 8 pathwise")


@pytest.mark.slow
def test_what_has_no_variance_is_told_without_a_number(run: Run) -> None:
    exact = scaled(run, "pathwise", {4: 0.0, 8: 0.0})
    assert "pathwise has no variance at all, where reinforce has some" in about(claims(exact), "8 pathwise")
    said = about(claims(exact, "pathwise"), "8 reinforce")
    alike = "reinforce and rloo have some variance, where pathwise has none at all; "
    assert f"{alike}so it is at every N from 4 to 8." in said


def test_two_replicates_give_no_interval(run: Run) -> None:
    few = Run(run.measurements, run.replicates[run.replicates["replicate"] < 2], run.record)
    said = claims(few)
    sentence = about(said, "(no interval) to reinforce in variance")
    assert re.match(
        r"At N = 8 (pathwise|rloo) has a ratio of .*, and (pathwise|rloo) has a ratio of ", sentence
    )
    assert sentence.count("(no interval)") == 2
    assert sentence.endswith("; so it is at every N from 4 to 8.")
    assert not any("hold together" in sentence for sentence in said)


@pytest.mark.slow
def test_verdicts_are_grouped_over_estimators(run: Run) -> None:
    fine = edited(run, verdict="within 1 %")
    assert about(claims(fine), "Unbiased within 1 %").endswith(": every estimator at every N.")
    some = edited(fine, {"estimator": "rloo", "sample_size": 4}, verdict="unresolved (needs R = 12 000)")
    said = claims(some)
    assert "Whether there is a bias is unresolved for rloo at N = 4 (needs R = 12 000)." in said
    assert about(said, "Unbiased").endswith("reinforce, pathwise; rloo at N = 8.")
    assert not any("unresolved" in sentence for sentence in claims(fine))


def more(run: Run, count: int, **columns: Any) -> Run:
    """The run with as many copies of pathwise, which have the same ratios."""
    frame, replicates = run.measurements, run.replicates
    mine = frame[frame["estimator"] == "pathwise"]
    frames, tables = [frame], [replicates]
    for i in range(count):
        frames.append(mine.assign(estimator=f"copy {i}", cell=mine["cell"] + str(i), **columns))
        tables.append(replicates.assign(cell=replicates["cell"] + str(i)))
    return Run(pd.concat(frames, ignore_index=True), pd.concat(tables, ignore_index=True), run.record)


def test_the_least_noisy_comes_first(run: Run) -> None:
    assert claims(run)[0].startswith("At N = 8 pathwise has ")
    assert claims(run)[1].startswith("At N = 8 rloo has ")
    assert claims(scaled(run, "pathwise", {4: 50.0, 8: 50.0}))[0].startswith("At N = 8 rloo has ")


def test_both_are_unbiased_only_where_both_are(run: Run) -> None:
    words = "times less variance than reinforce, both unbiased within 1 %; "
    fine = edited(run, verdict="within 1 %")
    assert words in claims(fine)[0]
    for estimator in ("reinforce", "pathwise"):
        some = edited(fine, {"estimator": estimator, "sample_size": 8}, verdict="unresolved (needs R = 9)")
        assert "both unbiased" not in claims(some)[0]
    assert words in claims(edited(fine, {"sample_size": 4}, verdict="biased"))[0]


def test_estimators_alike_are_told_together(run: Run) -> None:
    said = claims(scaled(more(run, 3), "copy 2", {4: 1.5, 8: 1.5}))
    times = re.search(r"pathwise has (.*) times less variance than reinforce; so it is at every", said[0])
    assert times
    alike = f"copy 0 and copy 1 have {times[1]} times less variance than reinforce, and copy 2 has "
    together = about(said, "copy")
    assert together.startswith(f"At N = 8 {alike}")
    assert together.endswith(" times less variance; so it is at every N from 4 to 8.")
    assert len(re.findall(r"\([\d.]+ to [\d.]+\)", together)) == 2


@pytest.mark.slow
def test_no_sentence_has_more_than_four_estimators_and_none_is_lost(run: Run) -> None:
    said = [sentence for sentence in claims(more(run, 9)) if "variance than" in sentence]
    assert [len(re.findall(r"copy \d|rloo|pathwise", sentence)) for sentence in said] == [1, 4, 4, 1, 1]
    found = [name for sentence in said for name in re.findall(r"copy \d|rloo|pathwise", sentence)]
    assert sorted(found) == sorted([f"copy {i}" for i in range(9)] + ["rloo", "pathwise"])


def test_what_cannot_be_told_apart_is_told_together(run: Run) -> None:
    variance = run.measurements.set_index(["estimator", "sample_size"])["variance"]
    equal = {N: variance["reinforce", N] / variance["pathwise", N] for N in (4, 8)}
    said = about(claims(more(scaled(run, "pathwise", equal), 1)), "copy 0")
    assert re.fullmatch(
        r"At N = 8 pathwise and copy 0 cannot be told apart from reinforce, with a ratio of 1\.0+ \(.*\); "
        r"so it is at every N from 4 to 8\.",
        said,
    )


def test_what_is_unresolved_is_one_sentence(run: Run) -> None:
    one = edited(run, {"sample_size": 4}, verdict="unresolved (needs R = 46 000)")
    one = edited(one, {"sample_size": 4, "estimator": "rloo"}, verdict="unresolved (needs R = 2100)")
    one = edited(one, {"sample_size": 8}, verdict="unresolved (needs a better reference)")
    one = edited(one, {"sample_size": 8, "estimator": "pathwise"}, verdict="within 1 %")
    assert about(claims(one), "unresolved") == (
        "Whether there is a bias is unresolved for every estimator at N = 4 (needs R = 2100 to 46 000); "
        "reinforce, rloo at N = 8 (needs a better reference)."
    )
    beyond = edited(one, {"sample_size": 4}, verdict="unresolved (needs R > 1 000 000 000)")
    assert "for every estimator at N = 4 (needs R > 1 000 000 000);" in about(claims(beyond), "unresolved")
    some = edited(beyond, {"sample_size": 4, "estimator": "rloo"}, verdict="unresolved (needs R = 2100)")
    assert "(needs R = 2100 to 1 000 000 000 and more);" in about(claims(some), "unresolved")


@pytest.mark.slow
def test_a_bias_is_told_with_its_interval_and_beside_the_variance(run: Run) -> None:
    numbers = {"bias": -0.5, "bias_low": -0.6, "bias_high": -0.4}
    wrong = edited(run, {"estimator": "pathwise"}, verdict="biased", contradiction="not unbiased", **numbers)
    said = claims(wrong)
    bias = about(said, "Biased is pathwise: at N = 8")
    assert bias.endswith("off by -0.500 (-0.60 to -0.40), where the gradient has norm 4.00.")
    assert about(said, "At N = 8 pathwise (biased there) has")
    assert not any("biased there" in sentence for sentence in claims(edited(run, verdict="within 1 %")))


@pytest.mark.slow
def test_a_bias_that_chance_may_have_made_is_told_as_such(run: Run) -> None:
    numbers = {"bias": -0.5, "bias_low": -0.6, "bias_high": -0.4, "bias_p": 0.0064}
    fine = edited(run, verdict="within 1 %", bias_p=0.5)
    said = claims(edited(fine, {"estimator": "pathwise", "sample_size": 8}, **numbers))
    assert about(said, "Not called biased") == (
        "Not called biased is pathwise at N = 8: at N = 8 the mean estimate is off by -0.500 (-0.60 to "
        "-0.40), where the gradient has norm 4.00: p = 0.0064, as expected among 6 tests."
    )
    assert not any("biased there" in sentence for sentence in said)
    admitted = edited(run, {"estimator": "pathwise"}, verdict="biased", claim="biased", **numbers)
    assert about(claims(admitted), "Biased is pathwise: at N = 8")


def test_a_bias_without_a_truth_is_not_known(run: Run) -> None:
    said = claims(edited(run, verdict="unknown", truth="none"))
    assert (
        "Nothing can be said of the bias of every estimator at every N: the true gradient is not known."
        in (said)
    )


def test_a_bias_against_a_disputed_truth_is_not_known(run: Run) -> None:
    said = claims(edited(run, verdict="unknown", truth="disputed"))
    assert any(sentence.endswith("at every N: the true gradient is disputed.") for sentence in said)
    assert any(sentence.startswith("Warning: the true gradient is disputed") for sentence in said)


@pytest.mark.slow
def test_what_could_not_be_measured_is_told(run: Run) -> None:
    lost = edited(run, {"estimator": "reinforce", "sample_size": 8}, status="error", reason="it broke")
    stopped = Run(lost.measurements, lost.replicates, {**run.record, "interrupted": True})
    said = claims(stopped)
    assert "Not measured: reinforce at N = 8: error (it broke)." in said
    assert "Not measured: what was left when the run was interrupted." in said
    assert "Not compared: rloo, pathwise at N = 8: the control was not measured there." in said
    assert about(said, "pathwise has").startswith("At N = 4 ")
    for text in (as_tex(lost.measurements), as_markdown(lost)):
        assert "it broke" in text


def test_several_devices_are_told_apart(run: Run) -> None:
    both = [run.measurements, run.measurements.assign(device="mps", cell=run.measurements["cell"] + "/mps")]
    replicates = [run.replicates, run.replicates.assign(cell=run.replicates["cell"] + "/mps")]
    said = claims(Run(pd.concat(both, ignore_index=True), pd.concat(replicates), run.record))
    assert about(said, "At N = 8 on mps pathwise has")
    assert about(said, "At N = 8 on cpu pathwise has")
    assert r" & On & " in as_tex(pd.concat(both, ignore_index=True))


@pytest.mark.slow
def test_one_estimator_has_a_variance_and_no_rival(run: Run) -> None:
    frame = run.measurements.query("estimator == 'rloo'").reset_index(drop=True)
    alone = Run(frame, run.replicates, run.record)
    said = claims(alone)
    assert said[0].startswith("At N = 8 one estimate of rloo has variance ")
    assert not any("variance than" in sentence for sentence in said)
    assert "nothing can be compared" in as_markdown(alone)
    assert "Ratios" not in methods(alone)
    assert "rloo" in as_tex(frame, said)


def nothing(run: Run) -> list[Run]:
    failed = edited(run, status="error", reason="it broke", verdict="", variance=math.nan)
    none = run.replicates.iloc[:0]
    return [
        Run(failed.measurements, none, run.record),
        Run(run.measurements.iloc[:0], none, run.record),
    ]


def test_a_run_that_measured_nothing_says_so(run: Run) -> None:
    for empty in nothing(run):
        said = claims(empty)
        assert said[0] == NOTHING
        assert not any("variance" in sentence for sentence in said)
        assert "Nothing was measured." in methods(empty)
        assert "Miller" not in methods(empty)
        assert "nothing can be compared" in as_markdown(empty)
        assert as_tex(empty.measurements, said).startswith("% ")


def test_an_unknown_control_is_refused(run: Run) -> None:
    for function in (claims, methods, as_markdown):
        with pytest.raises(Invalid, match="no estimator 'nobody' here"):
            function(run, "nobody")


# --- LaTeX ----------------------------------------------------------------------------------------


def braces(text: str) -> list[int]:
    """How deep each line ends, escaped braces left out; every line of a table must end where it began."""
    bare = re.sub(r"\\[\\{}]", "", text)
    depths, depth = [], 0
    for line in bare.splitlines():
        for c in line:
            depth += {"{": 1, "}": -1}.get(c, 0)
            assert depth >= 0
        depths.append(depth)
    return depths


@pytest.mark.slow
@pytest.mark.parametrize("labels", some([(each,) for each in TRIPLES], 2))
def test_a_hostile_label_is_harmless_in_latex(run: Run, labels: tuple[str, str, str]) -> None:
    changed = renamed(run, labels)
    said = claims(changed)
    text = as_tex(changed.measurements, said)
    assert all(sentence.isprintable() for sentence in said)
    assert set(braces(text)) == {0}
    assert all(c.isprintable() or c == "\n" for c in text)
    assert text.isascii()
    assert len(text.splitlines()) == len(as_tex(run.measurements, said).splitlines())
    commands = set(re.findall(r"\\[a-zA-Z]+", text))
    harmless = set(re.findall(r"\\[a-zA-Z]+", as_tex(run.measurements, [])))
    assert not commands - harmless - {
        r"\item", r"\textbackslash", r"\textless", r"\textgreater", r"\textbar", r"\textasciigrave",
        r"\textasciitilde", r"\textasciicircum", r"\char", r"\ldots", r"\texttt", r"\textemdash",
    }  # fmt: skip
    unescaped = re.sub(r"\\[\\%&#_${}]", "", "".join(text.splitlines(keepends=True)[1:]))
    assert "%" not in unescaped
    assert "#" not in unescaped
    assert unescaped.count("$") % 2 == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\\", r"\textbackslash{}"),
        ("$x_1^2$", r"\$x\_1\textasciicircum{}2\$"),
        ("50 % & #{~}", r"50 \% \& \#\{\textasciitilde{}\}"),
        ("[a]*", "{[}a{]}{*}"),
        ("<a|b>", r"\textless{}a\textbar{}b\textgreater{}"),
        ("a\x00\u202e\n\tb", "a b"),
        ("θ² − é", r"$\theta$$^{2}$ $-$ \'{e}"),
        ("漢", r"\texttt{U+6F22}"),
        ("leave-one-out -- x", r"leave-one-out -{}- x"),
        ("8.65e-4 (-1.5 to 2)", r"$8.65 \times 10^{-4}$ ($-1.5$ to 2)"),
        ("N = 100.", "N = 100."),
        ("N = 10, 100 000", r"N = 10, 100\,000"),
    ],
)
def test_text_for_latex(text: str, wanted: str) -> None:
    assert tex(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.0870 (0.078 … 0.097)", r"$0.0870\;(0.078, 0.097)$"),
        ("4.00e-5 (3.6e-5 … 4.4e-5)", r"$4.00\;(3.6, 4.4) \times 10^{-5}$"),
        ("0 (-8e-4 … 1e-4)", r"$0\;(-8, 1) \times 10^{-4}$"),
        ("100 000", r"$100\,000$"),
        ("1.00e9", r"$1.00 \times 10^{9}$"),
        ("inf", r"$\infty$"),
        ("—", "---"),
        ("1560 (1.7e-9 … 1.9e38)", r"$1560\;(1.7 \times 10^{-9}, 1.9 \times 10^{38})$"),
        ("1.0e37 (0 … 1.9e38)", r"$1.0 \times 10^{37}\;(0, 1.9 \times 10^{38})$"),
        ("5.00 (-inf … inf)", r"$5.00\;(-\infty, \infty)$"),
        ("~2e-8", r"$\sim 2 \times 10^{-8}$"),
    ],
)
def test_numbers_for_latex(text: str, wanted: str) -> None:
    assert tex_number(text) == wanted


def test_a_table_has_a_line_for_each_cell(run: Run) -> None:
    text = as_tex(run.measurements)
    lines = [line for line in text.splitlines() if line.strip().startswith("$")]
    assert len(lines) == 6 + 1  # and the heading
    assert {line.count(" & ") for line in lines} == {5}
    for name in ("reinforce", "rloo", "pathwise"):
        assert rf"\multicolumn{{6}}{{l}}{{{name}}}" in text
    assert r"\item" not in text


def partly_finite(run: Run) -> Run:
    """The run, with two estimates of rloo that are not finite and timings of pathwise that spread."""
    some = edited(run, {"estimator": "rloo"}, status="nonfinite", nonfinite=2, reason="2 of 300 ...")
    return edited(some, {"estimator": "pathwise"}, seconds=3e-7, seconds_low=1e-7, seconds_high=9e-7)


def test_a_latex_table_says_what_is_not_finite_and_what_is_rough(run: Run) -> None:
    sure = edited(run, seconds_low=9e-8, seconds_high=1.1e-7)
    text = as_tex(partly_finite(sure).measurements)
    lines = [line for line in text.splitlines() if line.strip().startswith("$")]
    assert len(lines) == 6 + 1
    told = [line for line in lines if "2 of 300 not finite" in line]
    assert len(told) == 2
    assert all(line.count(r"\;(") == 2 for line in told)  # variance and bias
    assert sum(r"$\sim " in line for line in lines) == 2
    assert "Not finite: rloo: 2 of 300 estimates; the numbers are of the others." in text
    assert (
        "Not certain: timings spread by more than a factor of two in 2 of 6 cells: the machine was busy"
        in text
    )
    certain = as_tex(sure.measurements)
    assert not any(words in certain for words in ("not finite", "Not finite", r"\sim", "timings"))


@pytest.mark.slow
def test_claims_are_of_finite_estimates_alone(run: Run) -> None:
    told = claims(partly_finite(run))
    assert "Not finite: rloo: 2 of 300 estimates; the numbers are of the others and are not compared." in told
    # What is to be known of its intervals is said all the same.
    judged = [claim for claim in told if not claim.startswith(("Not finite", "Warning"))]
    assert not any("rloo" in claim for claim in judged)
    assert any("rloo has" in claim for claim in claims(run))
    alone = edited(run, status="nonfinite", nonfinite=2)
    assert NOTHING not in claims(alone)
    assert NOTHING in claims(edited(run, status="nonfinite", nonfinite=300, replicates=300))
    assert "2 of 300 not finite" in as_markdown(partly_finite(run))


def wide(run: Run) -> pd.DataFrame:
    """Intervals as long as they are told without a power of ten."""
    numbers = {"variance": 9.27e-3, "variance_low": 8.51e-3, "variance_high": 1.01e-2, "mse": 9.26e-5}
    bias = {"bias": -3.3e-3, "bias_low": -4.16e-3, "bias_high": -2.22e-3, "work_normalized_variance": 4.4e-9}
    return edited(run, **numbers, **bias, verdict="unresolved", sample_size=100_000).measurements


def test_columns_yield_where_a_page_is_too_narrow(run: Run) -> None:
    assert r"$N$ & Bias & Variance & MSE & Var $\times$ time & Verdict \\" in as_tex(run.measurements)
    assert "left out" not in as_tex(run.measurements)
    text = as_tex(wide(run))
    assert "% left out, because the page is too narrow: MSE" in text
    assert r"$N$ & Bias & Variance & Var $\times$ time & Verdict \\" in text
    several = pd.concat([wide(run), wide(run).assign(device="a long name")], ignore_index=True)
    assert r"$N$ & On & Bias & Variance & Verdict \\" in as_tex(several)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_tables_fit_on_a_page(run: Run, tmp_path: Path) -> None:
    for i, frame in enumerate((run.measurements, wide(run), renamed(run, WILD[:3]).measurements)):
        (tmp_path / f"{i}.tex").write_text(as_tex(frame, claims(run)))
    body = "".join(rf"\input{{{i}}}" for i in range(3))
    page = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert not re.findall(r"Overfull \\hbox.*alignment|Overfull \\hbox.*paragraph", done.stdout)


# --- methods --------------------------------------------------------------------------------------


def test_the_methods_of_an_exact_truth(run: Run) -> None:
    text = methods(run)
    assert "\n" not in text
    for words in (
        "The scenario tiny, version 1,", "reinforce, rloo, pathwise", "N = 4, 8", "float32", "cpu", "R = 300",
        "seed (0)", "bench-stream-3", "exact by quadrature", "(Miller, 1974, §4)", "Bonett",
        "(Hall, 1992, §2)",
        "98.75 %", "torch ",
    ):  # fmt: skip
        assert words in text
    for words in ("reference", "Searle", "Bai", "Bonferroni's correction"):
        assert words not in text


def test_the_methods_of_a_reference(digits: Run) -> None:
    text = methods(digits)
    for words in (
        "is a reference, the mean of a long run", "whose standard error", "Searle, Casella & McCulloch, 1992",
        "Buckley & Eagleson, 1988", "Bonferroni's correction",
    ):  # fmt: skip
        assert words in text
    for words in ("exact", "Bonett"):
        assert words not in text


def test_the_methods_say_no_more_than_was_done(run: Run, digits: Run) -> None:
    unknown = {**run.record, "truth": {"kind": "none", "note": "nobody knows"}}
    text = methods(Run(edited(run, verdict="unknown").measurements, run.replicates, unknown))
    assert "The true gradient is not known (nobody knows)." in text
    assert "Hall" not in text
    disputed = {**run.record, "truth": {"kind": "disputed", "note": "a says 4, b says 5"}}
    text = methods(Run(edited(run, verdict="unknown").measurements, run.replicates, disputed))
    assert "disputed: two ways to obtain it disagree (a says 4, b says 5), and no estimator is judged" in text
    noted = {**run.record, "truth": {"kind": "quadrature", "note": "log_prob is wrong"}}
    assert "and autograd (log_prob is wrong)." in methods(Run(run.measurements, run.replicates, noted))
    precise = {**run.record, "scenario": {**run.record["scenario"], "precision": {"variance": 0.05}}}
    assert "was within 5 % or" in methods(Run(run.measurements, run.replicates, precise))
    assert "within 5 %" not in methods(run)
    fixed = Run(digits.measurements.assign(sampling_variance=math.nan), digits.replicates, digits.record)
    assert "Searle" not in methods(fixed)


def test_the_methods_tell_pairs_from_others(run: Run) -> None:
    assert "unpaired" in methods(run)  # 300 replicates are too few
    many = pd.concat(
        [run.replicates.assign(replicate=run.replicates["replicate"] + 300 * i) for i in range(9)]
    )
    text = methods(Run(run.measurements, many, run.record))
    assert "paired replicate by replicate" in text


def test_methods_are_some_sentences_long(run: Run, digits: Run) -> None:
    for each in (run, digits):
        sentences = re.split(r"\.\s+(?=[A-Z])", methods(each))
        assert 6 <= len(sentences) <= 11


# --- Markdown -------------------------------------------------------------------------------------


def test_a_summary_has_everything(run: Run) -> None:
    text = as_markdown(run)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["# tiny", "## Results", "## Comparison", "## Methods", "## Provenance"]
    for words in ("**Question.** Which is best?", "- At N = 8 one", "| `rloo`", "- commit: ", "- versions: "):
        assert words in text
    assert "- machine: " in text
    assert "- command: `" in text


@pytest.mark.slow
def test_a_summary_leaves_out_devices_that_are_absent(run: Run) -> None:
    lost = run.measurements.assign(
        device="cuda",
        status="unavailable",
        reason="no CUDA",
        verdict="",
        cell=run.measurements["cell"] + "/c",
    )
    both = Run(pd.concat([run.measurements, lost], ignore_index=True), run.replicates, run.record)
    text = as_markdown(both)
    assert "- Not measured: every estimator on cuda: unavailable (no CUDA)." in text
    assert text.count("| `rloo`") == as_markdown(run).count("| `rloo`")


@pytest.mark.slow
def test_a_commit_is_told_with_its_state(run: Run) -> None:
    for git, words in (
        (None, ""),
        ({"commit": "abc", "dirty": True}, "- commit: abc, with changes\n"),
        ({"commit": "abc", "dirty": False}, "- commit: abc\n"),
    ):
        text = as_markdown(Run(run.measurements, run.replicates, {**run.record, "git": git}))
        assert words in text
        assert ("- commit: " in text) == bool(git)


@pytest.mark.slow
def test_a_command_does_not_tell_where_the_program_is(run: Run) -> None:
    record = {**run.record, "command": ["/home/me/bench/__main__.py", "run", "a b.yaml"]}
    text = as_markdown(Run(run.measurements, run.replicates, record))
    assert "- command: `python -m bench run 'a b.yaml'`" in text
    assert "/home/me" not in text


@pytest.mark.slow
@pytest.mark.parametrize("labels", some([(each,) for each in TRIPLES], 2))
def test_a_hostile_label_is_harmless_in_markdown(run: Run, labels: tuple[str, str, str]) -> None:
    changed = renamed(run, labels)
    text = as_markdown(changed)
    assert methods(changed).isprintable()
    assert all(c.isprintable() or c == "\n" for c in text)
    prefixes = r"(# |## |\*\*Question\.\*\* |- |\| |\|-|R = |ratio to |not |The scenario |$)"
    assert all(re.match(prefixes, line) for line in text.splitlines())
    assert sum(line.startswith("#") for line in text.splitlines()) == 5
    # From left to right: within a code span a backslash escapes nothing.
    outside = re.sub(r"\\[\\`*_\[\]<>|#$~]|`[^`]*`", "", text)
    assert not re.search(r"[<\[`$]", outside)
    assert len({line.count("|") - line.count(r"\|") for line in text.splitlines() if line[:1] == "|"}) <= 2
