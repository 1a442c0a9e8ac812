"""Folders of runs: written once, and read again by other commands."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import Invalid, invalid
from bench.results.columns import TYPES, completed, of_layout_1
from bench.results.files import atomic_write
from bench.results.pictures import load_pictures, write_pictures
from bench.results.replicate_file import ReplicateFile, Rows, rows_of_frame, write_replicates
from bench.results.replicates import Replicates, WhenAsked
from bench.results.run import Run

SCHEMA = 2
"""The version of the layout of a run folder.

1 is the first. Since 2 estimators have their own names, each cell is there once, and some estimates are kept.
"""

TABLES = tuple(TYPES)


@contextmanager
def new_folder(root: Path, scenario: str) -> Iterator[Path]:
    """Make an empty folder `root/<scenario>/<time>-<random>`, named so that names sort by time.

    If what is done within fails, the folders that were made for it and are still empty go.

    Raises:
        Invalid: if it cannot be made.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    folder = root / scenario / f"{stamp}-{secrets.token_hex(3)}"
    try:
        os.fspath(folder).encode()
    except UnicodeEncodeError:
        raise invalid(f"{os.fsencode(root)!r}: wanted a folder for results whose name is UTF-8") from None
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True)
    except OSError as error:
        raise invalid(f"{root}: no folder can be made here for the results: {error.strerror}") from error
    try:
        yield folder
    except BaseException:
        with suppress(OSError):  # the first that is not empty
            for path in made:
                path.rmdir()
        raise


def write(run: Run, replicates: Rows | None = None) -> None:
    """Write a run into its folder: each table as parquet, and the measurements as CSV too.

    Args:
        run: with its folder.
        replicates: the rows of its replicates; None where they are in memory.

    The record follows the tables: a folder without it is not a run. Pictures, which are anybody's code,
    come last.
    """
    assert run.folder is not None
    hashes = {}
    for name in ("measurements", "coordinates"):
        with atomic_write(run.folder / f"{name}.parquet") as path:
            getattr(run, name).to_parquet(path, compression="zstd", index=False)
            hashes[name] = _hash_of(path)
    with atomic_write(run.folder / "replicates.parquet") as path:
        write_replicates(path, rows_of_frame(run.replicates) if replicates is None else replicates)
        hashes["replicates"] = _hash_of(path)
    with atomic_write(run.folder / "measurements.csv") as path:
        run.measurements.to_csv(path, index=False)
    record = {"schema": SCHEMA, **run.record, "tables": hashes}
    with atomic_write(run.folder / "run.json") as path:
        path.write_text(_text({**record, "sha256": _hash_of_record(record)}) + "\n")
    write_pictures(run.folder, run.pictures)


def load(folder: Path) -> Run:
    """Return the run in a folder; its tables and pictures are read when they are asked for.

    A column that the version that wrote the run did not have is there, and nothing in it is known.

    Raises:
        Invalid: if the folder is not that of a run, or was written by a newer version. A table that is
            missing or damaged raises it when it is asked for, and so does a damaged archive of pictures.
    """
    record = read_record(folder)
    hashes = record.pop("tables", {})
    record.pop("sha256", None)
    wanted = hashes if isinstance(hashes, dict) else {}
    schema = int(record["schema"])
    read = {name: partial(_read, folder, name, schema, wanted.get(name)) for name in TABLES}
    return Run(
        read["measurements"],
        read["replicates"] if schema == 1 else replicates_in(folder, wanted.get("replicates")),
        record,
        read["coordinates"],
        partial(load_pictures, folder),
        folder,
    )


def replicates_in(folder: Path, wanted: str | None = None) -> Replicates:
    """Return the replicates of the run in a folder, which are read when they are asked for.

    Args:
        folder: of the run.
        wanted: the hash of their file; None where it is not known, or was written just now.
    """

    def opened() -> ReplicateFile:
        with _readable(folder, "replicates", wanted) as path:
            return ReplicateFile(path)

    return WhenAsked(opened, partial(_readable, folder, "replicates"))


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, allow_nan=False)


def _hash_of_record(record: Mapping[str, Any]) -> str:
    """A hash of all but itself."""
    others = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(_text(others).encode()).hexdigest()


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, table: str, schema: int, wanted: Any) -> pd.DataFrame:
    with _readable(folder, table, wanted) as path:
        file = pq.ParquetFile(path)
        rows, size = file.metadata.num_rows, path.stat().st_size
        if rows > size:
            raise ValueError(f"{rows} rows in {size} bytes")
        # What pandas says of its columns is not needed, and may be anything.
        frame = completed(file.read().to_pandas(ignore_metadata=True), table)
    return of_layout_1(frame, table) if schema == 1 else frame


@contextmanager
def _readable(folder: Path, table: str, wanted: Any = None) -> Iterator[Path]:
    """Give the file of a table, whose hash may be known; what is wrong with it is told as `Invalid`."""
    path = folder / f"{table}.parquet"
    try:
        if wanted is not None and _hash_of(path) != wanted:
            raise invalid(
                f"{path}: not as it was written, damaged perhaps; bench collect {folder} makes it anew"
            )
        yield path
    except Invalid:
        raise
    except FileNotFoundError as error:
        raise invalid(f"{path}: this table of the run is missing") from error
    except (OSError, pa.ArrowException) as error:
        raise invalid(f"{path}: cannot be read as parquet; it may be damaged") from error
    except ValueError as error:
        raise invalid(f"{path}: not this table of a run: {error}; run the scenario again") from error


def read_record(folder: Path) -> dict[str, Any]:
    """Return the contents of `run.json`.

    Raises:
        Invalid: if there is none, it is no JSON, or a newer version wrote it.
    """
    path = folder / "run.json"
    try:
        record = dict(json.loads(path.read_text()))
        schema = int(record["schema"])
        if schema <= SCHEMA:
            record["scenario"]["name"]
    except OSError as error:
        raise invalid(f"{folder}: not the folder of a run: it has no readable run.json") from error
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError) as error:
        raise invalid(f"{path}: not the record of a run") from error
    if "sha256" in record and _hash_of_record(record) != record["sha256"]:
        raise invalid(f"{path}: not as it was written")
    if schema > SCHEMA:
        raise invalid(f"{path}: written with layout {schema}, this version reads up to {SCHEMA}")
    return record
