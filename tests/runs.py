"""Run folders for tests of what is made of them: small, and without the figures that nobody looks at."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from bench.api import run


def run_of(root: Path, text: str, *overrides: str) -> Path:
    """The folder of a run of the scenario that a text describes."""
    path = root / "scenario.yaml"
    path.write_text(text)
    with patch("bench.api.draw", return_value=([], [])):
        return Path(run(path, out=root, overrides=overrides).attrs["run"])
