"""A run of many pieces, for all tests of faults."""

from __future__ import annotations

import pytest

from bench.engine import blocks, pieces
from bench.scenario.prepared import Prepared, prepare
from tests.faults.small_run import TEXT


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    path = tmp_path_factory.mktemp("scenario") / "small.yaml"
    path.write_text(TEXT)
    return prepare(path)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some pieces in each cell, the last of them perhaps a shorter one."""
    monkeypatch.setitem(blocks._CHUNK_NUMBERS, "cpu", 1 << 12)
    monkeypatch.setattr(pieces, "BLOCKS", 2)
