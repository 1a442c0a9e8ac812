"""Parts of a run: read as they were written, by later versions too, and not believed where damaged."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.catalogue import build
from bench.engine.blocks import Block
from bench.engine.counting import Counts
from bench.engine.pieces import Piece, pieces_of
from bench.engine.plan import Cell, NamedEstimator
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.errors import Invalid
from bench.results import parts
from bench.results.part_file import SCHEMA, Damaged, read_part, write_part
from bench.statistics.summary import Summary, summarize

GOLDEN = Path(__file__).parent / "golden" / "layout-1.piece"
ROWS = ("distance", "error", "product", "norm")


def summary(scale: float = 1.0, truth: bool = True) -> Summary:
    x = scale * torch.randn(500, 3, generator=torch.Generator().manual_seed(1)).double()
    known = torch.tensor([0.1, 0.2, 0.3]).double() * scale if truth else None
    return summarize(x, known, [slice(0, 1), slice(1, 3)], x[0])


def piece(scale: float = 1.0, truth: bool = True) -> Piece:
    first = torch.randn(500, 2, generator=torch.Generator().manual_seed(2))
    return Piece(
        100, summary(scale, truth), torch.tensor([1e-6, 3e-6]).double(), Counts(10, 5.5), b"\x07" * 32, first
    )


def assert_same(found: Piece, wanted: Piece) -> None:
    assert (found.start, found.replicates, found.draws) == (wanted.start, wanted.replicates, wanted.draws)
    assert found.counts == wanted.counts
    for name in ("seconds", "first"):
        assert torch.equal(getattr(found, name), getattr(wanted, name))
    a, b = found.summary, wanted.summary
    assert torch.equal(a.moments.m4, b.moments.m4)
    assert torch.equal(a.finite, b.finite)
    assert all(torch.equal(x, y) for x, y in zip(a.batches, b.batches, strict=True))
    for name in ROWS:
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-7, atol=0, equal_nan=True)


@pytest.mark.parametrize("truth", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30, 0.0])
def test_a_piece_is_read_as_it_was_written(scale: float, truth: bool, tmp_path: Path) -> None:
    wanted = piece(scale, truth)
    write_part(tmp_path / "x.piece", *parts.of_piece(wanted))
    found = parts.to_piece(read_part(tmp_path / "x.piece"))
    assert_same(found, wanted)
    # What is read and kept again is the same to the bit: runs that are gone on with do not drift.
    again = parts.to_piece(parts.of_piece(found))
    assert all(
        torch.equal(getattr(again.summary, name).nan_to_num(-1), getattr(found.summary, name).nan_to_num(-1))
        for name in ROWS
    )


def test_infinite_scalars_leave_the_digits_of_the_others(tmp_path: Path) -> None:
    x = torch.tensor([[1e30, 2e30], [math.inf, 0.0], [3e30, 1e30]]).double()
    rows = torch.tensor([[1e60], [math.inf], [2e60]], dtype=torch.float64)
    wanted = replace(piece(), summary=replace(summarize(x, None, [slice(0, 2)], x[0]), norm=rows))
    found = parts.to_piece(parts.of_piece(wanted)).summary.norm
    torch.testing.assert_close(found, rows, rtol=1e-7, atol=0)


def test_whether_a_cell_was_measured_beside_others_is_kept() -> None:
    named = NamedEstimator("reinforce", "reinforce", "{}", build("estimators", "reinforce", {}))
    cell = Cell(named, 10, "cpu", "float32")
    for contended in (True, False):
        kept = parts.of_result(Result(cell, "error", "no", contended=contended))
        assert parts.to_result(kept, cell, []).contended is contended


def test_a_piece_of_the_first_layout_is_read() -> None:
    found = parts.to_piece(read_part(GOLDEN))
    assert (found.start, found.replicates) == (8, 4)
    assert found.counts == Counts(40, 20)
    assert found.summary.finite.tolist() == [True, True, True, False]
    assert found.summary.distance[:3].tolist() == [[0.0, 1.0], [4.0, 4.0], [0.25, 0.5625]]
    assert found.summary.sums.count == 3


def test_a_cell_of_the_second_layout_is_read_with_its_last_piece() -> None:
    part = read_part(GOLDEN.with_name("layout-2.cell"))
    end = parts.last_piece(part)
    assert end is not None
    assert (end.start, end.replicates, part[0]["pieces"]) == (0, 4, [[0, 4]])
    cell = Cell(
        NamedEstimator("reinforce", "reinforce", "{}", build("estimators", "reinforce", {})),
        10,
        "cpu",
        "float32",
    )
    found = parts.to_result(part, cell, [end])
    assert (found.status, found.reason, found.bytes, found.contended) == (
        "nonfinite",
        "one of four",
        64.0,
        False,
    )
    assert found.replication is not None
    assert found.replication.summary.distance[:3].tolist() == [[0.0, 1.0], [4.0, 4.0], [0.25, 0.5625]]
    assert (found.replication.evaluations, found.replication.gradient_evaluations) == (10, 5)
    assert parts.last_piece(read_part(GOLDEN)) is None


@pytest.mark.parametrize("gradient", [None, torch.tensor([1.0, math.inf]).double()])
def test_a_truth_is_read_as_it_was_written(gradient: torch.Tensor | None, tmp_path: Path) -> None:
    wanted = Truth(
        "reference", gradient, torch.tensor([0.1, math.nan]).double(), "two families, é", math.nan, 2
    )
    write_part(tmp_path / "x.truth", *parts.of_truth(wanted))
    found = parts.to_truth(read_part(tmp_path / "x.truth"))
    assert (found.kind, found.note, found.families) == (wanted.kind, wanted.note, wanted.families)
    assert math.isnan(found.value)
    assert torch.equal(found.standard_error.nan_to_num(-1), wanted.standard_error.nan_to_num(-1))
    assert found.gradient is None if gradient is None else torch.equal(found.gradient, gradient)  # type: ignore[arg-type]


def test_no_byte_may_be_another(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    write_part(path, {"a": 1}, {"x": np.arange(5.0)})
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Damaged):
            read_part(path)
        path.write_bytes(whole[:at])
        with pytest.raises(Damaged):
            read_part(path)
    path.write_bytes(whole)
    assert read_part(path)[0] == {"a": 1}


def test_a_newer_layout_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.results.part_file.SCHEMA", SCHEMA + 1)
    write_part(tmp_path / "x.part", {}, {})
    monkeypatch.undo()
    with pytest.raises(
        Invalid, match=f"written with layout {SCHEMA + 1} of parts, this version reads up to {SCHEMA}"
    ):
        read_part(tmp_path / "x.part")


@pytest.mark.parametrize("kind", ["O", "U3", "c16"])
def test_arrays_of_other_kinds_are_no_parts(kind: str, tmp_path: Path) -> None:
    write_part(tmp_path / "x.part", {}, {"x": np.zeros(2, kind)} if kind != "O" else {"x": np.zeros(2, "c8")})
    with pytest.raises(Damaged, match="not a part of a run"):
        read_part(tmp_path / "x.part")


# --- pieces ---------------------------------------------------------------------------------------


def blocks(count: int) -> list[Block]:
    return [Block(10 * i, 10, 5) for i in range(count)]


def test_pieces_are_those_of_fewer_replicates_but_for_the_last() -> None:
    few, many = (list(pieces_of(blocks(count))) for count in (40, 100))
    assert few[:-1] == many[: len(few) - 1]
    assert [block for piece in many for block in piece.blocks] == blocks(100)
    assert not any(piece.look or piece.last for piece in many[:-1])
    assert [few[-1].last, many[-1].last] == [True, True]


def test_a_piece_ends_where_is_looked() -> None:
    found = list(pieces_of(blocks(100), look=50))
    ends = [piece.blocks[-1].start + piece.blocks[-1].rows for piece in found if piece.look]
    assert ends[:3] == [50, 60, 70]
    assert [block for piece in found for block in piece.blocks] == blocks(100)
