"""Folders of runs that a test writes into."""

from __future__ import annotations

import json
from pathlib import Path


def forget_hashes(folder: Path) -> None:
    """Let the files of a run be read though they are not as they were written: as of an earlier version."""
    path = folder / "run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({key: record[key] for key in record if key not in ("sha256", "tables")}))
