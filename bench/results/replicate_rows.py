"""Rows of the table of replicates: those of one range of the replicates of a cell, on each block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from bench.engine.kept_coordinates import MOST_COORDINATES
from bench.engine.outcome import Estimates, Outcome
from bench.engine.pieces import Piece

NUMBERS = ("squared_deviation", "squared_error", "cosine")
_LARGEST, _SMALLEST = 1e37, 1e-30  # squares that float32 holds, with the digits that they are known to


def is_within_float32(outcomes: Iterable[Outcome]) -> bool:
    """Return whether the numbers of all cells can be kept in float32."""
    every = [
        squares
        for outcome in outcomes
        if outcome.estimates is not None
        for evidence in outcome.estimates.evidence.values()
        for squares in (evidence.scalars.squares, evidence.scalars.errors)
        if squares.mean > 0
    ]
    return all(
        each.mean > _SMALLEST and each.largest_share * each.mean * each.count < _LARGEST for each in every
    )


def schema_of(numbers: pa.DataType) -> pa.Schema:
    """Return the columns of a file, with numbers of a type."""
    word = pa.dictionary(pa.int32(), pa.string())
    kinds = {"cell": word, "parameter": word, "replicate": pa.int64(), **dict.fromkeys(NUMBERS, numbers)}
    always = [pa.field(name, kind, nullable=False) for name, kind in kinds.items()]
    return pa.schema([*always, *(pa.field(name, pa.float32()) for name in _estimates())])


def rows_of(cell: str, estimates: Estimates, piece: Piece, schema: pa.Schema) -> Iterator[pa.Table]:
    """Return the rows of the finite replicates of a piece, a table for each block.

    Args:
        cell: its name.
        estimates: what all of its replicates together tell.
        piece: some of its replicates.
        schema: of the file.
    """
    finite = np.flatnonzero(piece.summary.finite.numpy())
    for name, evidence in estimates.evidence.items():
        scalars = evidence.scalars.of(piece.summary)
        columns = {
            "cell": _repeated(cell, len(finite)),
            "parameter": _repeated(name, len(finite)),
            "replicate": piece.start + finite,
            "squared_deviation": scalars.deviation.numpy(),
            "squared_error": scalars.error.numpy(),
            "cosine": scalars.cosine.clamp(-1, 1).numpy(),  # at most 1 but for rounding
            **_kept(piece if name == "all" else None, finite),
        }
        with np.errstate(over="ignore"):
            yield pa.table([_as(columns[field.name], field.type) for field in schema], schema=schema)


def _kept(piece: Piece | None, finite: np.ndarray) -> dict[str, pa.Array]:
    """The kept estimates of single coordinates, at the finite replicates of the whole gradient."""
    columns = {name: pa.nulls(len(finite), pa.float32()) for name in _estimates()}
    first = None if piece is None else piece.first.numpy()
    if first is not None and first.size:
        there = finite < len(first)
        for name, of_all in zip(columns, first.T, strict=False):
            values = np.full(len(finite), np.nan, dtype=np.float32)
            values[there] = of_all[finite[there]]
            columns[name] = pa.array(values)
    return columns


def _estimates() -> list[str]:
    return [f"estimate_{k}" for k in range(1, MOST_COORDINATES + 1)]


def _repeated(word: str, times: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(times, np.int32), [word])


def _as(values: np.ndarray | pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    return pa.array(values.astype(kind.to_pandas_dtype(), copy=False))
