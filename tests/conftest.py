"""Settings of all tests."""

from __future__ import annotations

import gc
import os
import tempfile

import pytest
import torch

from bench import catalogue

# Tensors here are small: a second thread costs more than it brings, above all when
# several test processes share two cores.
torch.set_num_threads(1)

# Nothing that a user has kept takes part, and nothing is left to one; processes of tests see it, too.
os.environ["BENCH_CACHE"] = tempfile.mkdtemp(prefix="bench-cache-")

# Tables are as wide as it says; pytest sets it in its worker processes.
os.environ.pop("COLUMNS", None)


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without the plug-ins of earlier tests, and leave none: commands and lists name them."""
    monkeypatch.setattr("bench.catalogue.PLUGINS", [])
    added = {kind: dict(names) for kind, names in catalogue._ADDED.items()}
    monkeypatch.setattr("bench.catalogue._ADDED", added)


def pytest_collection_finish() -> None:
    """Tell the garbage collector that what was imported and collected stays: it need not look at it again."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all tests that need a browser, where there is none."""
    from tests.browser import BROWSER

    if BROWSER is None:
        terminalreporter.write_line("pages are not tested: there is no Chromium (apt-get install chromium)")
