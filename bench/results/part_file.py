"""Files of arrays that are written once: whole, or known to be damaged before they are believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.errors import Fault, Invalid, invalid
from bench.results.files import atomic_write

SCHEMA = 2
"""The version of what is in a part; a newer one is refused. Since 2 a cell may hold its last piece."""

_MAGIC = b"bench part\n"
_FOOTER = len(_MAGIC) + 4 + hashlib.sha256().digest_size
_KINDS = {"f4", "f8", "i8", "b1", "u1"}


class Damaged(Invalid):
    """A file that is not what was written."""


def write_part(path: Path, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write plain data and arrays: an Arrow stream, then the version and a hash of all before it.

    Raises:
        OSError: if it cannot be written; nothing of that name is there then.
    """
    flat = [np.ascontiguousarray(array) for array in arrays.values()]
    table = pa.table(
        {
            "name": list(arrays),
            "kind": [array.dtype.str[1:] for array in flat],
            "shape": pa.array([list(array.shape) for array in arrays.values()], pa.list_(pa.int64())),
            "data": pa.array([array.tobytes() for array in flat], pa.large_binary()),
        }
    )
    said = {"meta": json.dumps(meta, allow_nan=False)}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.with_metadata(said)) as writer:
        writer.write_table(table.replace_schema_metadata(said))
    body = sink.getvalue()
    footer = _MAGIC + SCHEMA.to_bytes(4, "little")
    digest = _digest(body, footer)
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(body)
        file.write(footer + digest)


def read_part(path: Path, known: bool = False) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The plain data and the arrays of a file; none is parsed before its hash is found to be right.

    Args:
        path: of the file.
        known: whether this process has written it, or found its hash right; it is not looked at again then.

    Raises:
        FileNotFoundError: if there is none.
        Damaged: if it is not as it was written.
        Invalid: if a newer version wrote it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _damaged(f"{path}: cannot be read: {error.strerror}") from error
    body, footer = content[:-_FOOTER], content[-_FOOTER:]
    if len(footer) < _FOOTER or not footer.startswith(_MAGIC):
        raise _damaged(f"{path}: its end is missing")
    told = footer[: len(_MAGIC) + 4]
    if not known and _digest(body, told) != footer[len(told) :]:
        raise _damaged(f"{path}: its contents are not those that were written")
    schema = int.from_bytes(told[len(_MAGIC) :], "little")
    if schema > SCHEMA:
        raise invalid(f"{path}: written with layout {schema} of parts, this version reads up to {SCHEMA}")
    return _parsed(path, body)


def _digest(body: bytes | pa.Buffer, told: bytes) -> bytes:
    digest = hashlib.sha256(body)
    digest.update(told)
    return digest.digest()


def _parsed(path: Path, body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    # Somebody may have made a file up, with its hash.
    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
        meta = json.loads(table.schema.metadata[b"meta"])
        arrays = {}
        for row in table.to_pylist():
            if row["kind"] not in _KINDS:
                raise ValueError(f"an array of type {row['kind']}")
            arrays[row["name"]] = np.frombuffer(row["data"], f"<{row['kind']}").reshape(row["shape"])
    except (pa.ArrowException, ValueError, LookupError, TypeError, OSError, RecursionError) as error:
        raise _damaged(f"{path}: not a part of a run: {type(error).__name__}") from error
    if not isinstance(meta, dict):
        raise _damaged(f"{path}: not a part of a run")
    return meta, arrays


def _damaged(message: str) -> Damaged:
    return Damaged(Fault(message))
