"""Reports: the numbers in the tables, over every kind of measurements."""

from __future__ import annotations

import io
import math
import re
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from bench.tables.results_table import HEADLINES, plain_table, results_table
from bench.tables.table import WIDEST
from bench.text import labels, numbers
from bench.text.cell_words import setting_of

SIZES = (10, 100, 1000, 10_000, 100_000)
VARIANCES = {
    "reinforce": lambda N: 87 / N,
    "reinforce(baseline=leave_one_out)": lambda N: 42 / N + 34 / (N * (N - 1)),
    "reparameterization": lambda N: 4 / N,
}
BLOCKS = ("encoder", "encoder.hidden", "decoder", "prior")
HOSTILE = ("<script>alert(1)</script>", "$x_1", "$a$ and $b^{", "[bold]red[/bold]", "x" * 10_000,
           "x" * 10_001, "\x1b[31mred\x07\n\t\u202etxet", "漢字 🎲", "|`*_", "%s {0} \\", "")  # fmt: skip
NUMBERS = (
    "truth_norm", "truth_se", "mean", "bias", "bias_low", "bias_high", "bias_p", "variance", "variance_low",
    "variance_high", "variance_exact", "variance_z", "kurtosis", "kurtosis_exact",
    "effective_dof", "mse", "mse_low", "mse_high", "snr", "cosine",
    "seconds", "evaluations", "work_normalized_variance",
)  # fmt: skip


def cell(estimator: str, sample_size: int, variance: float, **changes: Any) -> dict[str, Any]:
    """One row of measurements, of an unbiased estimator unless told otherwise."""
    error = math.sqrt(variance / 1000)
    seconds = 8e-9 * sample_size
    row: dict[str, Any] = {
        "scenario": "gaussian", "scenario_version": 1, "problem": "expectation", "estimator": estimator,
        "estimator_name": "any", "options": "{}", "sample_size": sample_size, "device": "cpu",
        "dtype": "float32", "parameter": "all", "dim": 1, "replicates": 1000, "nonfinite": 0,
        "truth": "closed_form", "truth_norm": 4.0, "truth_se": 0.0, "mean": 4 + error / 2, "bias": error / 2,
        "bias_low": -1.5 * error, "bias_high": 2.5 * error, "bias_p": 0.6, "verdict": "within 1 %",
        "claim": "unbiased", "ascends": "", "contradiction": "",
        "variance": variance, "variance_low": 0.9 * variance, "variance_high": 1.12 * variance,
        "variance_exact": math.nan, "variance_z": math.nan, "kurtosis_exact": math.nan,
        "kurtosis": 3.2, "effective_dof": 900.0, "mse": variance, "mse_low": 0.9 * variance,
        "mse_high": 1.1 * variance, "snr": 1.0, "cosine": 0.9, "seconds": seconds,
        "evaluations": float(sample_size), "work_normalized_variance": variance * seconds,
        "status": "ok", "reason": "",
    }  # fmt: skip
    row |= changes
    if row["status"] != "ok":
        row |= dict.fromkeys(NUMBERS, math.nan) | {"replicates": 0, "verdict": ""}
    row["cell"] = "/".join(
        str(row[key]) for key in ("problem", "estimator", "sample_size", "device", "dtype")
    )
    return row


def ordinary(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame([cell(e, N, v(N), **changes) for e, v in VARIANCES.items() for N in SIZES])


def several_devices() -> pd.DataFrame:
    lost = ordinary(device="cuda", status="unavailable", reason="no CUDA device was found")
    return pd.concat([ordinary(), ordinary(device="mps"), lost], ignore_index=True)


def with_blocks() -> pd.DataFrame:
    """A vector of parameters in blocks, and an estimator that needs two samples."""
    needs_two = {"status": "not_applicable", "reason": "it needs N of at least 2"}
    parts = [
        cell(e, N, v(max(N, 2)), parameter=block, dim=7, scenario="vae", bias_low=0.0, mean=math.nan)
        | (dict.fromkeys(NUMBERS, math.nan) | needs_two if "baseline" in e and N == 1 else {})
        for e, v in VARIANCES.items()
        for N in (1, 10, 100)
        for block in ("all", *BLOCKS)
    ]
    return pd.DataFrame(parts)


def everything_failed() -> pd.DataFrame:
    return ordinary(status="error", reason="ZeroDivisionError: [red] $1$ / 0\n" * 20)


def zero_variance() -> pd.DataFrame:
    exact = [cell("exact", N, 0.0) for N in SIZES]
    return pd.concat([ordinary(), pd.DataFrame(exact)], ignore_index=True)


def only_zero_variance() -> pd.DataFrame:
    return pd.DataFrame([cell("exact", N, 0.0) for N in SIZES])


def hostile() -> pd.DataFrame:
    return pd.DataFrame([cell(label, N, 1 / N, scenario=HOSTILE[1]) for label in HOSTILE for N in SIZES])


def many_estimators() -> pd.DataFrame:
    return pd.DataFrame([cell(f"estimator_{i}", N, (i + 1) / N) for i in range(25) for N in SIZES])


def single_size() -> pd.DataFrame:
    return ordinary().query("sample_size == 100").reset_index(drop=True)


def single_cell() -> pd.DataFrame:
    return single_size().head(1)


def without_intervals() -> pd.DataFrame:
    bounds = [name for name in NUMBERS if name.endswith(("_low", "_high"))]
    return ordinary().assign(**dict.fromkeys(bounds, math.nan))


def endless_intervals() -> pd.DataFrame:
    return ordinary().assign(bias_low=-math.inf, bias_high=math.inf, variance_low=0.0, variance_high=math.inf)


def unknown_truth() -> pd.DataFrame:
    return ordinary(truth="none", truth_norm=math.nan, bias=math.nan, bias_low=math.nan, bias_high=math.nan)


def partly_finite() -> pd.DataFrame:
    """Of the leave-one-out rows two of 20 000 estimates are not finite, of one row at N = 10 none is."""
    frame = ordinary(replicates=20_000)
    some = frame["estimator"].str.contains("leave_one_out")
    why = "2 of 20000 estimates are not finite; the numbers are of the others"
    frame.loc[some, ["status", "nonfinite", "reason"]] = ["nonfinite", 2, why]
    none = cell("nowhere", 10, 1.0, status="nonfinite", reason="none of 20000 estimates is finite")
    return pd.concat([frame, pd.DataFrame([none | {"replicates": 20_000, "nonfinite": 20_000}])])


def busy_machine() -> pd.DataFrame:
    """Two of fifteen timings are known to a factor of a hundred, the others to one percent."""
    frame = ordinary()
    frame = frame.assign(seconds_low=0.99 * frame["seconds"], seconds_high=1.01 * frame["seconds"])
    spread = (frame["estimator"] == "reinforce") & (frame["sample_size"] <= 100)
    frame.loc[spread, "seconds_high"] = 100 * frame["seconds"]
    return frame


CASES = [
    partly_finite, busy_machine,
    ordinary, several_devices, with_blocks, everything_failed, zero_variance, only_zero_variance, hostile,
    many_estimators, single_size, single_cell, without_intervals, endless_intervals, unknown_truth,
]  # fmt: skip


def test_a_table_of_no_rows_says_so():
    assert "no results" in plain_table(ordinary().iloc[:0])


def printed(measurements: pd.DataFrame, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    console.print(results_table(measurements))
    return console.export_text(styles=False)


@pytest.mark.parametrize(
    "width", [60, 80, 120, *(pytest.param(w, marks=pytest.mark.slow) for w in (100, 200))]
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_table_fits_its_terminal(case, width):
    lines = printed(case(), width).splitlines()
    assert max(map(len, lines)) <= min(width, WIDEST)
    assert not any("\x1b" in line or "\x07" in line for line in lines)


def test_a_table_has_the_numbers():
    text = printed(ordinary(), 120)
    assert "0.0870 (0.078 … 0.097)" in text
    assert "8.00 µs" in text
    assert "within 1 %" in text
    assert "0.0870 (0.078 … 0.097)" in printed(ordinary(), 80)
    assert "on" not in printed(ordinary(), 120).splitlines()[0].split()
    assert "on" in printed(several_devices(), 120).splitlines()[0].split()
    assert "on cuda: unavailable (no CUDA device was found)" in printed(several_devices(), 80)


def test_a_narrow_table_keeps_whole_columns():
    wide, narrow = printed(ordinary(), 120).splitlines(), printed(ordinary(), 80).splitlines()
    assert set(narrow[0].split()) < set(wide[0].split())
    assert not any("…" in line.replace(" … ", "") for line in narrow)


@pytest.mark.parametrize(("headline", "name"), HEADLINES.items())
def test_what_a_scenario_is_about_has_a_column_at_any_width(headline, name):
    for width in (60, 80, 200):
        console = Console(width=width, file=io.StringIO(), record=True)
        console.print(results_table(ordinary(), headline))
        head = console.export_text(styles=False).splitlines()[0]
        assert name in re.split(r"\s{2,}", head.strip())
    assert name not in ("SNR", "cosine") or name not in printed(ordinary(), 200).splitlines()[0]


def test_problems_that_differ_in_their_options_are_called_by_these():
    frame = several_devices().assign(device="cpu", dtype="float32", problem="bound (k = 2)")
    frame.loc[::2, "problem"] = "bound (k = 4)"
    assert set(setting_of(frame)) == {"k = 2", "k = 4"}
    assert set(
        setting_of(frame.assign(problem=frame["problem"].replace("bound (k = 2)", "other (k = 2)")))
    ) == {
        "bound (k = 4)",
        "other (k = 2)",
    }


def test_labels_are_not_markup_in_a_table():
    text = printed(hostile(), 120)
    assert "[bold]red[/bold]" in text
    assert "<script>alert(1)</script>" in text
    assert "x" * 26 + "…" + "x" * 13 in text


def test_an_exact_variance_stands_beside_the_measured_one_with_its_distance_in_errors():
    text = plain_table(ordinary(variance_exact=87.0, variance_z=-1.26))
    heading, _, *lines = text.splitlines()
    column = [name.strip() for name in heading.split("|")].index("exact")
    assert {line.split("|")[column].strip() for line in lines if line.startswith("|")} == {"87.0 (z = -1.3)"}
    assert " exact " not in plain_table(ordinary()).splitlines()[0]
    assert " exact " in printed(ordinary(variance_exact=87.0, variance_z=-1.26), 120)


def test_a_plain_table_is_one_line_a_row():
    text = plain_table(hostile())
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(hostile())
    unescaped = [line.replace(r"\|", "").count("|") for line in table]
    assert set(unescaped) == {12}
    assert len(set(map(cell_len, table))) == 1
    assert "0.0870 (0.078 … 0.097)" in plain_table(ordinary())
    assert "not measured: every estimator on cuda: unavailable" in plain_table(several_devices())


@pytest.mark.parametrize("width", [80, 120])
def test_rows_with_some_estimates_that_are_not_finite_have_their_numbers(width):
    text = printed(partly_finite(), width)
    rows_of_rloo = text.split("reinforce(baseline=leave_one_out)\n")[1].splitlines()[: len(SIZES)]
    assert [line.split()[0] for line in rows_of_rloo] == [str(N) for N in SIZES]
    assert "4.58 (4.1 … 5.1)" in rows_of_rloo[0]
    assert all(line.endswith("2 of 20 000 not finite") for line in rows_of_rloo)
    assert (
        text.split("nowhere\n")[1].splitlines()[0] == "    10  nonfinite: none of 20000 estimates is finite"
    )
    said = " ".join(text.partition("R = 20 000 ")[2].split())
    rloo = "reinforce(baseline=leave_one_out)"
    assert said.count("not finite: ") == 1
    assert f"not finite: {rloo}: 2 of 20 000 estimates; the numbers are of the others" in said
    assert "not measured: nowhere" in said


def test_the_plain_table_says_how_many_are_not_finite():
    text = plain_table(partly_finite())
    rows_of_rloo = [line for line in text.splitlines() if line.startswith("| `reinforce(baseline")]
    assert len(rows_of_rloo) == len(SIZES)
    assert all("2 of 20 000 not finite" in line for line in rows_of_rloo)
    assert "4.58 (4.1 … 5.1)" in rows_of_rloo[0]
    assert "not measured: nowhere" in text
    assert "not finite" not in plain_table(ordinary())


def test_a_time_that_spreads_is_marked_and_said_once():
    text = printed(busy_machine(), 120)
    said = "timings spread by more than a factor of two in 2 of 15 cells: the machine was busy"
    assert text.count("timings spread") == text.count(said) == 1
    marked = [
        line for line in text.splitlines() if " ~" in line and "timings" not in line and "marked" not in line
    ]
    assert len(marked) == 2
    assert "~80 ns" in marked[0]
    assert "~7e-7" in marked[0]
    assert "~800 ns" in marked[1]
    assert "8.00 µs" in text
    plain = plain_table(busy_machine())
    assert plain.count("timings spread") == 1
    assert r"\~80 ns" in plain
    for certain in (printed(ordinary(), 120), plain_table(ordinary())):
        assert "timings spread" not in certain
        assert "~" not in certain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.087, "0.0870"), (12345, "12300"), (4e-5, "4.00e-5"), (0.0, "0"), (999.9, "1000"), (1e9, "1.00e9"),
        (-2.5, "-2.50"), (math.nan, "—"), (math.inf, "inf"), (5e-324, "4.94e-324"), (1.7e308, "1.70e308"),
    ],
)  # fmt: skip
def test_significant_digits(value, text):
    assert numbers.significant(value) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.087, 0.0783, 0.0974, "0.0870 (0.078 … 0.097)"),
        (4e-5, 3.6e-5, 4.4e-5, "4.00e-5 (3.6e-5 … 4.4e-5)"),
        (0.00213, -0.0012, 0.0054, "0.0021 (-0.001 … 0.005)"),
        (1.0, 1.0, 1.0, "1.00 (1.00 … 1.00)"),
        (0.0, 0.0, 0.0, "0 (0 … 0)"),
        (1.5, math.nan, math.nan, "1.50"),
        (math.nan, 1.0, 2.0, "—"),
        (1562, 1.7e-9, 1.9e38, "1560 (1.7e-9 … 1.9e38)"),
        (-1562, -1.9e38, -1.7e-9, "-1560 (-1.9e38 … -1.7e-9)"),
        (1e37, 1.7e-9, 1.9e38, "1.0e37 (1.7e-9 … 1.9e38)"),
        (5.0, 1e-300, 12.0, "5.0 (1.0e-300 … 12)"),
        (3e-4, -0.08, 0.1, "3.00e-4 (-0.08 … 0.10)"),
        (5.123, 5.1229, 5.1231, "5.12300 (5.12290 … 5.12310)"),
        (1562, 1561, math.inf, "1560 (1560 … inf)"),
        (1.5, -math.inf, math.inf, "1.50 (-inf … inf)"),
        (1.5, 1.0, math.nan, "1.50"),
        (math.inf, 1.0, math.inf, "inf"),
        (0.0, -1e-9, 3.0, "0 (-1.0e-9 … 3.0)"),
        (5.0, -1.7e308, 1.7e308, "5.00 (-1.7e308 … 1.7e308)"),
    ],
)
def test_intervals(value, low, high, text):
    assert numbers.interval(value, low, high) == text


finite = st.floats(allow_nan=False, allow_infinity=False)
ends = st.floats(allow_nan=False)


def half_a_unit(text: str) -> Decimal:
    """Half of what the last digit stands for; of `1560` the last that is not a zero to be filled up."""
    digits, _, power = text.partition("e")
    fraction = len(digits.partition(".")[2])
    filled = 0 if fraction else len(digits) - len(digits.rstrip("0"))
    return Decimal(5).scaleb(int(power or 0) - fraction + filled - 1)


def stands_for(text: str, value: float) -> bool:
    """Whether a number as it is printed is a value to within its last digit, and zero only for zero."""
    if math.isinf(value):
        return float(text) == value
    near = abs(Decimal(text) - Decimal(value)) <= half_a_unit(text) * (1 + Decimal("1e-20"))
    return near and (not Decimal(text) if value == 0 else bool(Decimal(text)))


def test_half_a_unit_of_the_last_digit():
    wanted = {"0.0870": "0.00005", "1560": "5", "1.7e-9": "5e-11", "12": "0.5", "-1.90e38": "5e35"}
    assert {text: half_a_unit(text) for text in wanted} == {k: Decimal(v) for k, v in wanted.items()}
    assert stands_for("1560", 1562)
    assert not stands_for("0.00e38", 1562)  # the controls
    assert not stands_for("0.0e38", 1.7e-9)
    assert not stands_for("1.5", 1562)


@given(finite, ends, ends)
@example(1562.0, 1.7e-9, 1.9e38)
@example(5e-324, -1.7e308, 1.7e308)
@example(1.0, 1.0, 1.0)
@example(1e300, 1e-300, 2e-300)
@example(999.6, 999.5, 1000.4)
@example(0.0009996, 1e-5, 99999.6)
def test_numbers_stand_for_what_they_were(value, one, other):
    low, high = min(one, other), max(one, other)
    text = numbers.interval(value, low, high)
    estimate, below, above = re.fullmatch(r"(\S+) \((\S+) … (\S+)\)", text).groups()
    assert stands_for(estimate, value), text
    assert stands_for(below, low), text
    assert stands_for(above, high), text
    assert Decimal(below) <= Decimal(above), text
    if math.isfinite(low) and math.isfinite(high) and low <= value <= high:
        slack = half_a_unit(below) + half_a_unit(above)
        assert Decimal(below) - slack <= Decimal(estimate) <= Decimal(above) + slack, text
    assert len(text) < 100
    assert numbers.bounds(low, high, value) == text.partition(" ")[2]
    assert stands_for(numbers.significant(value), value)


@pytest.mark.parametrize(
    ("seconds", "low", "high", "text"),
    [
        (2.16e-7, 2e-7, 2e-5, "~200 ns"),
        (8e-6, 7.9e-6, 8.1e-6, "8.00 µs"),
        (8e-6, 6e-6, 10e-6, "8.0 µs"),
        (1.234e-3, 1e-3, 1.9e-3, "1.2 ms"),
        (9.6e-7, 1e-7, 2e-6, "~1 µs"),
        (8e-6, math.nan, math.nan, "8.00 µs"),
        (math.nan, math.nan, math.nan, "—"),
    ],
)
def test_a_duration_has_the_digits_that_its_interval_allows(seconds, low, high, text):
    assert numbers.measured_duration(seconds, low, high) == text


def test_a_number_of_which_the_size_is_known():
    told = [numbers.rough(value) for value in (0.0163, 9.7e-9, 0.0, math.nan)]
    assert told == ["~0.02", "~1e-8", "~0", "—"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (8e-8, "80.0 ns"),
        (1.234e-6, "1.23 µs"),
        (0.0456, "45.6 ms"),
        (2, "2.00 s"),
        (0.99999, "1.00 s"),
        (math.nan, "—"),
    ],
)
def test_durations(seconds, text):
    assert numbers.duration(seconds) == text


def test_labels_are_made_harmless():
    assert labels.plain("a\x1b[31m\nb\u202ec") == "a[31m bc"
    assert len(labels.plain("x" * 10_000)) == 40
    assert labels.plain(None) == labels.plain(math.nan) == ""
    assert labels.drawn("$x$ 漢") == r"\$x\$ " + "\N{REPLACEMENT CHARACTER}"
    assert list(labels.distinct(["x" * 50, "x" * 60]).values())[1].endswith(" (2)")
