"""Run folders for tests of what is made of them: small, and without the figures that nobody looks at."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pandas as pd

from bench.api import run
from bench.results.columns import no_rows
from bench.results.run import Run


def in_memory(measurements: pd.DataFrame) -> Run:
    """A run of which there is nothing but measurements."""
    return Run(measurements, no_rows("replicates"), {"scenario": {"name": "example"}})


def run_of(root: Path, text: str, *overrides: str) -> Path:
    """The folder of a run of the scenario that a text describes."""
    path = root / "scenario.yaml"
    path.write_text(text)
    with patch("bench.api.draw", return_value=([], [])):
        folder = run(path, out=root, overrides=overrides).folder
    assert folder is not None
    return folder
