"""The findings of the gate for machines: JUnit's XML, GitHub's annotations and summary, JSON."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import asdict
from typing import Any

from bench.regression.gate_table import forest_line, place
from bench.regression.verdicts import CellVerdict, Report, Test
from bench.tables.table import Column, Table
from bench.text.labels import code, markdown, plain
from bench.text.numbers import interval

_LONG = 1000


def as_json(report: Report) -> str:
    """Return it as strict JSON: what is not a finite number is null."""
    whole = {
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "epoch": report.epoch,
        "alpha": report.alpha,
        "stage_level": report.level,
        "tests": report.count,
        "seconds": report.elapsed,
        "notes": list(report.notes),
        "cells": [_plain_cell(cell) for cell in report.cells],
    }
    return json.dumps(whole, indent=1, allow_nan=False)


def as_junit(report: Report) -> str:
    """Return the XML that CI servers read: one case a test; what is undecided counts as an error there."""
    suites = ET.Element("testsuites", name="bench gate")
    for scenario in dict.fromkeys(cell.scenario for cell in report.cells):
        cells = [cell for cell in report.cells if cell.scenario == scenario]
        tests = [test for cell in cells for test in cell.tests]
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=scenario,
            tests=str(len(tests)),
            failures=str(sum(test.verdict == "regression" for test in tests)),
            errors=str(sum(test.verdict in ("error", "inconclusive") for test in tests)),
            time=f"{sum(cell.elapsed for cell in cells):.3f}",
        )
        for cell in cells:
            for test in cell.tests:
                _case(suite, cell, test)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def as_annotations(report: Report) -> list[str]:
    """Return GitHub's workflow commands: errors, warnings and notices at the scenario's file."""
    kinds = {"regression": "error", "error": "error", "inconclusive": "warning", "improved": "notice"}
    found = []
    for cell in report.cells:
        for test in cell.tests:
            if test.verdict in kinds:
                title = _property(f"{test.verdict}: {test.metric} of {plain(cell.cell.named.label)}")
                message = _data(f"{place(cell)}: {plain(test.message, _LONG)}")
                found.append(f"::{kinds[test.verdict]} file={_property(cell.file)},title={title}::{message}")
    if not report.compared:
        found.append("::error title=bench gate::nothing was compared")
    return found


def as_summary(report: Report) -> str:
    """Return a page in Markdown, for the summary of a job."""
    ending = report.verdict if report.compared else "nothing was compared"
    rows = [(cell, test) for cell in report.cells for test in cell.tests if test.verdict != "pass"]
    table = Table(SUMMARY, rows, group=lambda row: place(row[0]), heading="cell")
    return "\n".join(
        [
            f"### bench gate: {ending}",
            "",
            table.markdown() if rows else f"All {len(report.cells)} cells pass.\n",
            f"{report.count} tests, false alarms below {report.alpha:g} all together; "
            f"random numbers of {code(plain(report.epoch))}.",
            *(f"- {markdown(plain(note, _LONG))}" for note in report.notes),
            "",
        ]
    )


SUMMARY = (
    Column("metric", lambda row: row[1].metric, align="left"),
    Column("verdict", lambda row: row[1].verdict, align="left"),
    Column("ratio", lambda row: _ratio(row[1])),
    Column("message", lambda row: plain(row[1].message, _LONG), align="left"),
)
"""The columns of the summary; a row is a cell and one of its tests."""


def _ratio(test: Test) -> str:
    return interval(test.ratio, test.low, test.high) if math.isfinite(test.ratio) else ""


def _plain_cell(cell: CellVerdict) -> dict[str, Any]:
    return {
        "scenario": cell.scenario,
        "point": cell.point,
        "cell": cell.name,
        "estimator": cell.cell.named.label,
        "sample_size": cell.cell.sample_size,
        "device": cell.cell.device,
        "dtype": cell.cell.dtype,
        "verdict": cell.verdict,
        "stage": cell.stage,
        "seconds": _finite(cell.seconds),
        "seconds_before": _finite(cell.seconds_before),
        "tests": [
            {name: _finite(v) if isinstance(v, float) else v for name, v in asdict(test).items()}
            for test in cell.tests
        ],
    }


def _case(suite: ET.Element, cell: CellVerdict, test: Test) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=f"bench.gate.{cell.scenario}", name=f"{place(cell)}: {test.metric}"
    )
    if test.verdict in ("pass", "improved"):
        return
    kind = "failure" if test.verdict == "regression" else "error"
    found = ET.SubElement(case, kind, type=test.verdict, message=plain(test.message, _LONG))
    found.text = "\n".join(part for part in (plain(test.message, _LONG), forest_line(test)) if part)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
