"""Tables on terminals of 80 and 120 columns: columns give way, and no number is cut."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.certification.certificate_table import certificate_table, summary_table
from bench.certification.certify import certify
from bench.certification.naming import named_estimators
from bench.certification.problems import PROBLEMS
from bench.cli import main
from bench.commands.plan_table import plan_table
from bench.regression.baseline import read
from bench.regression.baseline_table import baseline_table, difference_table
from bench.regression.differences import differences
from bench.regression.gate import gate
from bench.regression.gate_table import threshold_table, verdict_table
from bench.results.folder import load
from bench.scenario.gate_section import Gate
from bench.scenario.prepared import prepare
from bench.scenario.thresholds import thresholds_of
from bench.statistics.metric_table import COMPARED
from bench.tables.comparison_table import comparison_table
from bench.tables.results_table import results_table
from bench.tables.table import WIDEST, Column, Table
from tests.runs import run_of

ROOT = Path(__file__).parent.parent
WIDTHS = (80, 120)

SCENARIO = """\
schema: 1
name: example
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: 2.0, scale: 1.0}}
  parameters: [loc]
  cost: "z**2"
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: reinforce (leave-one-out)}
  - reparameterization
sweep: {sample_sizes: [10, 1000, 100000], devices: [cpu, "cuda:99"]}
replicates: 100
"""


def printed(table: Table, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text(styles=False).splitlines()


def tables(folder: Path) -> dict[str, Table]:
    """One of each kind that a terminal shows."""
    run = load(run_of(folder, SCENARIO))
    baseline = read(ROOT / "results" / "baselines" / "gaussian.json")
    thresholds = {label: thresholds_of(Gate(), label) for label in ("a" * 40, "b")}
    report = gate(
        [ROOT / "scenarios" / "gaussian.yaml"],
        ROOT / "results" / "baselines",
        overrides=["gate.sample_sizes=[10]"],
        only=["pathwise"],
        shortcuts=False,
    )
    found = [certify(named, replicates=1000) for named in named_estimators("reparameterization", ())]
    return {
        "results": results_table(run.measurements),
        "comparison": comparison_table(compare(within(run, None), tuple(COMPARED))),
        "plan": plan_table(prepare(ROOT / "scenarios" / "gaussian_bump.yaml").plans),
        "thresholds": threshold_table(thresholds),
        "gate": verdict_table(report),
        "baseline": baseline_table(baseline),
        "difference": difference_table(
            differences(baseline, baseline.cells, lambda label: thresholds_of(Gate(), label))
        ),
        "certificate": certificate_table(found[0]),
        "certificates": summary_table(found),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    few = {name: PROBLEMS[name] for name in ("gaussian", "jump", "bernoulli")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.certification.certify.PROBLEMS", few)
        return tables(tmp_path_factory.mktemp("tables"))


NAMES = (
    "results", "comparison", "plan", "thresholds", "gate", "baseline", "difference", "certificate",
    "certificates",
)  # fmt: skip


@pytest.mark.parametrize("width", [60, *WIDTHS, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_and_no_number_is_cut(made: dict[str, Table], name: str, width: int) -> None:
    lines = printed(made[name], width)
    assert max(map(len, lines)) <= min(width, WIDEST)
    # Between two ends of an interval it has spaces about it.
    assert not any("…" in line.replace(" … ", "") for line in lines if "a" * 20 not in line)


SHOWN = {
    "results": {80: ["N", "bias", "variance", "verdict"], 120: ["N", "bias", "variance", "time", "verdict"]},
    "comparison": {80: ["N", "metric", "ratio", "mark"], 120: ["equivalent samples", "comparison"]},
    "plan": {80: ["problems", "N", "R", "cells", "status"], 120: ["device", "type"]},
    "thresholds": {80: ["metric", "found with 99 %", "no alarm up to"], 120: ["as said by"]},
    "gate": {80: ["N", "variance", "MSE", "verdict"], 120: ["R", "time", "stage"]},
    "baseline": {80: ["N", "R", "variance", "±", "MSE", "bias"], 120: ["f", "time"]},
    "difference": {80: ["N", "metric", "ratio"], 120: ["N", "metric", "ratio"]},
    "certificate": {80: ["problem", "p (no bias)", "detectable bias", "result"], 120: ["R", "f"]},
    "certificates": {80: ["estimator", "claim", "detectable bias", "verdict"], 120: ["problems", "time"]},
}
"""Columns that a terminal so wide has."""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_the_columns_that_matter_find_room(made: dict[str, Table], name: str, width: int) -> None:
    table = made[name]
    lines = printed(table, width)
    heading = re.split(r" {2,}", lines[0].strip())
    wanted = SHOWN[name][80] + (SHOWN[name][120] if width == 120 else [])
    assert [column for column in wanted if column not in heading] == []
    assert len(set(lines[1])) == 1
    # All texts of a column that is shown in full are there, whole.
    text = "\n".join(lines)
    for column in table.fitted(width, len, 2):
        if not column.wraps:
            assert all(column.text(row) in text for row in table.rows if column.key or not table.across(row))


def test_a_comparison_at_80_columns_has_its_numbers(made: dict[str, Table]) -> None:
    table = made["comparison"]
    text = "\n".join(printed(table, 80))
    assert text.count("(") >= len(table.rows)
    assert "    10  variance" in text
    assert "100000  variance" in text
    assert "\nreinforce (leave-one-out)\n" in text


def test_words_are_broken_into_lines_and_numbers_are_not() -> None:
    columns = [
        Column("N", lambda row: row[0]),
        Column("why", lambda row: row[1], align="left", wraps=True),
        Column("much", lambda _: "0.0870 (0.078 … 0.097)", brief=lambda _: "0.0870", yields=0),
    ]
    table = Table(columns, [("10", "many words " * 9), ("1000", "few")])
    wide, narrow = printed(table, 80), printed(table, 40)
    assert "0.0870 (0.078 … 0.097)" in wide[2]
    assert narrow[2].split()[-1] == "0.0870"
    assert narrow[-1].split() == ["1000", "few", "0.0870"]
    assert " ".join("".join(narrow).split()).count("many") == 9
    # What is written across a row widens no column, and keeps what identifies it.
    failed = replace(table, columns=[replace(columns[0], key=True), *columns[1:]], across=lambda row: row[1])
    assert printed(failed, 40)[2].startswith("  10  many words")
    assert printed(failed, 40)[-1] == "1000  few"


def test_labels_are_data() -> None:
    table = Table([Column("x", lambda _: "[bold]b[/bold]|")], [0], group=lambda _: "[red]`|`")
    assert printed(table, 80)[-2:] == ["[red]`|`", "[bold]b[/bold]|"]
    assert r"| `[red]'\|'` | \[bold\]b\[/bold\]\| |" in table.markdown()


@pytest.mark.parametrize("kind", ["estimators", "problems", "metrics"])
@pytest.mark.parametrize("width", WIDTHS)
def test_lists_fit(kind: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.list.console", lambda: Console(width=width))
    result = CliRunner().invoke(main, ["list", kind])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= width
