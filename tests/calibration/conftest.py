"""Collection of the rows of all checks, which are written at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.calibration.table import Table

_TABLE = Table()


@pytest.fixture
def table() -> Table:
    return _TABLE


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--table", type=Path, default=None, help="where to write the table of calibration")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for what, required, measured, runs in _TABLE.rows:
        terminalreporter.write_line(f"{what:<106}{required:<18}{measured:<30}{runs:>6}")
    path = config.getoption("table", None)
    if path is not None and _TABLE.rows:
        path.write_text(_TABLE.markdown(), encoding="utf-8")
