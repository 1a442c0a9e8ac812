"""The page of a run of ten thousand cells."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from bench.api import run
from bench.page.one_run import one_run
from bench.page.render import page
from tests.speed.conftest import record
from tests.test_report_command import SCENARIO, large

MOST = 25.0
"""Times of writing the measurements as JSON and reading them."""


def test_ten_thousand_cells_are_few_times_their_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("answer", "claims"):
        monkeypatch.setattr(f"bench.page.one_run.{name}", lambda *_: [])
    monkeypatch.setattr("bench.page.one_run.methods", lambda *_: "")
    (tmp_path / "example.yaml").write_text(SCENARIO)
    folder = run(tmp_path / "example.yaml", out=tmp_path).folder
    assert folder is not None
    many = large(folder, 10_000)
    begin = time.process_time()
    json.loads(many.measurements.to_json())
    middle = time.process_time()
    page([one_run(many)])
    ratio = (time.process_time() - middle) / (middle - begin)
    record("page of 10 000 cells without sentences: time / time of its measurements as JSON", ratio, MOST)
    assert ratio < MOST
