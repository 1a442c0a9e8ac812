"""The table of replicates on disk: written piece by piece, and read cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import invalid
from bench.results.columns import TYPES, completed
from bench.results.replicate_rows import NUMBERS, schema_of
from bench.results.replicates import joined

LEAST_ROWS = 1 << 17
"""Rows of a row group but for the last one: a cell of a few replicates does not have one of its own."""

MOST_ROWS = 1 << 22
"""Rows of a row group that are read at once; what this version writes has fewer."""


class Rows(NamedTuple):
    """The rows of a table of replicates, in tables one after the other, with the columns of all."""

    schema: pa.Schema
    tables: Iterable[pa.Table]


def rows_of_frame(frame: pd.DataFrame) -> Rows:
    """Return the rows of a frame."""
    numbers = pa.float32() if frame["squared_deviation"].dtype == np.float32 else pa.float64()
    schema = schema_of(numbers)
    loose = pa.schema([field.with_nullable(True) for field in schema])
    table = pa.Table.from_pandas(frame, loose, preserve_index=False)
    # What is nan, as the cosine of an estimate that is zero, is a number here, and pandas takes it for none.
    columns = [
        table[field.name]
        if field.nullable or not pa.types.is_floating(field.type)
        else pa.array(frame[field.name].to_numpy(), field.type)
        for field in schema
    ]
    return Rows(schema, [pa.Table.from_arrays(columns, schema=schema)])


def write_replicates(path: Path, rows: Rows) -> None:
    """Write rows into one file; no more than a few tables are in memory at once."""
    schema = rows.schema
    words = ["cell", "parameter", *(name for name in schema.names if name.startswith("estimate_"))]
    plain = dict.fromkeys(NUMBERS, "PLAIN")
    # What is random hardly gets smaller, and takes time.
    compression = {name: "NONE" if name in plain else "ZSTD" for name in schema.names}
    with pq.ParquetWriter(
        path,
        schema,
        use_dictionary=words,
        column_encoding={**plain, "replicate": "DELTA_BINARY_PACKED"},
        compression=compression,
        write_statistics=False,
    ) as writer:
        waiting: list[pa.Table] = []
        count = 0
        for table in rows.tables:
            waiting.append(table)
            count += len(table)
            if count >= LEAST_ROWS:
                _write(writer, waiting)
                waiting, count = [], 0
        if waiting:
            _write(writer, waiting)


def _write(writer: pq.ParquetWriter, tables: Sequence[pa.Table]) -> None:
    table = pa.concat_tables(tables).unify_dictionaries()
    for start in range(0, len(table), MOST_ROWS):
        some = table.slice(start, MOST_ROWS)
        writer.write_table(some, row_group_size=len(some))


class ReplicateFile:
    """The replicates of a run in its folder.

    Args:
        path: of the file, whose contents are those that were written.

    Raises:
        OSError: if it cannot be read.
        pa.ArrowException: if it is not parquet.
        ValueError: if it is not a table of replicates.
        Invalid: if it holds more than is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if absent := [name for name in _NEEDED if name not in pq.read_schema(path).names]:
            raise ValueError(f"it has no column {absent[0]!r}")
        self._file = pq.ParquetFile(path, read_dictionary=["cell", "parameter"])
        _check(self._file.schema_arrow)
        metadata = self._file.metadata
        groups = range(metadata.num_row_groups)
        rows = max((metadata.row_group(group).num_rows for group in groups), default=0)
        if rows > MOST_ROWS:
            raise invalid(f"{path}: {rows} rows in one group, and no more than {MOST_ROWS} are read at once")
        self._last: tuple[tuple[int, str], np.ndarray] = (-1, ""), np.empty(0)
        self._places: dict[str, list[tuple[int, np.ndarray | slice]]] = {}
        for group in groups:
            self._find(group)

    @property
    def cells(self) -> list[str]:
        """The cells that have replicates of the whole gradient, in order."""
        return list(self._places)

    def column(self, cell: str, name: str) -> np.ndarray:
        """Return a column of the replicates of a cell, for the whole gradient."""
        return joined([self._read(group, name)[places] for group, places in self._places[cell]], name)

    def whole(self) -> pd.DataFrame:
        """Return all rows."""
        return completed(self._file.read().to_pandas(ignore_metadata=True), "replicates")

    def _find(self, group: int) -> None:
        table = self._file.read_row_group(group, columns=["cell", "parameter"])
        cells, parameters = (table[name].combine_chunks() for name in ("cell", "parameter"))
        whole = parameters.dictionary.to_numpy(zero_copy_only=False) == "all"
        of_all = np.append(whole, False)[_codes(parameters)]
        codes, names = _codes(cells), cells.dictionary.to_pylist()
        if len(names) == 1 and bool(of_all.all()) and not codes.any():
            self._places.setdefault(str(names[0]), []).append((group, slice(0, len(table))))
            return
        places = np.flatnonzero(of_all & (codes >= 0))
        ordered = places[np.argsort(codes[places], kind="stable")]
        edges = np.flatnonzero(np.diff(codes[ordered], prepend=-1))
        for same in np.split(ordered, edges[1:]) if len(ordered) else ():
            self._places.setdefault(str(names[codes[same[0]]]), []).append((group, _as_slice(same)))

    def _read(self, group: int, name: str) -> np.ndarray:
        if self._last[0] != (group, name):
            if name not in self._file.schema_arrow.names:  # an older version did not keep it
                rows = self._file.metadata.row_group(group).num_rows
                return np.full(rows, np.nan)
            table = self._file.read_row_group(group, columns=[name])
            self._last = (group, name), table[name].combine_chunks().to_numpy(zero_copy_only=False)
        return self._last[1]


_NEEDED: dict[str, Callable[[pa.DataType], bool]] = {
    "cell": pa.types.is_dictionary,
    "parameter": pa.types.is_dictionary,
    "replicate": pa.types.is_integer,
}
"""Columns that every version writes -> whether they hold what they should."""


def _check(schema: pa.Schema) -> None:
    for name in filter(TYPES["replicates"].__contains__, schema.names):
        if not _NEEDED.get(name, pa.types.is_floating)(schema.field(name).type):
            raise ValueError(f"its column {name!r} does not hold what it should")


def _codes(words: pa.DictionaryArray) -> np.ndarray:
    """The place of each word among the different ones, `[rows]`; -1 where there is none."""
    return np.asarray(words.indices.fill_null(-1).to_numpy(zero_copy_only=False))


def _as_slice(places: np.ndarray) -> np.ndarray | slice:
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places
