"""Arrays of pictures in files of one's own: NumPy's formats, and the one in which MNIST is handed out."""

from __future__ import annotations

import ast
import gzip
import math
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from bench.errors import Invalid, invalid, shown

Array = np.ndarray[Any, Any]
Stream = IO[bytes] | gzip.GzipFile

# Whoever made the file says how large it is: 2^26 numbers are half a GiB once they are float64.
_LARGEST = 1 << 26

_NPY = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # of the length of the header, by version
_LONGEST_HEADER = 4096  # bytes; what NumPy writes of such an array has 118
_NUMBERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")
_UNSIGNED_BYTES = 8  # the code of their type in an IDX file


def read_array(path: str) -> Array:
    """The array in a file: `.npy`, `images` of an `.npz`, or an IDX of bytes, as it is or gzipped.

    The first bytes tell which, not the name. Nothing is unpickled, and sizes are looked at
    before the numbers are.

    LeCun, Cortes & Burges (1998), The MNIST database of handwritten digits, for IDX.

    Raises:
        Invalid: if there is no such file, or it cannot be read.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise invalid("is no file")  # one would wait for a pipe for ever
        with Path(path).open("rb") as file:
            return _read(file)
    except FileNotFoundError:
        raise invalid(f"no file {shown(path)}") from None
    except Invalid as error:
        raise invalid(f"{path} {error}") from None
    # An archive may want a password (RuntimeError), or be packed in a way of its own (NotImplementedError).
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise invalid(f"{path} cannot be read: {error}") from error


def _read(file: IO[bytes]) -> Array:
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        return _member(file)
    if start == _NPY[:4]:
        return _npy(file)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(file) as unpacked:
            return _idx(unpacked)
    if start[:2] == b"\0\0":
        return _idx(file)
    raise invalid("cannot be read: it is no .npz, .npy or IDX file")


def _member(file: IO[bytes]) -> Array:
    with zipfile.ZipFile(file) as archive:
        if "images.npy" not in archive.namelist():
            raise invalid("has no array 'images'")
        member = archive.getinfo("images.npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("'images' is packed in a way that NumPy does not use")
        if member.file_size > 8 * _LARGEST + _LONGEST_HEADER:
            raise ValueError(f"'images' is too large; at most {_LARGEST} numbers are read")
        with archive.open(member) as unpacked:
            return _npy(unpacked)


def _npy(file: IO[bytes]) -> Array:
    """The magic, the version, the length of the header, the header as a Python literal, the numbers.

    NumPy enhancement proposal 1 (2007), A simple file format for NumPy arrays.
    """
    start = file.read(len(_NPY) + 2)
    length_bytes = _LENGTH_BYTES.get(start[-2]) if len(start) == len(_NPY) + 2 else None
    if not start.startswith(_NPY) or length_bytes is None:
        raise ValueError("it is no .npy file of a known version")
    length = int.from_bytes(_exactly(file, length_bytes), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes")
    shape, kind, by_columns = _understood(_exactly(file, length))
    _check_size(shape, kind.itemsize)
    values = np.frombuffer(_rest(file, math.prod(shape) * kind.itemsize), kind)
    return values.reshape(shape, order="F" if by_columns else "C")


def _understood(header: bytes) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, type of the numbers, and whether columns come one after the other."""
    try:
        said = ast.literal_eval(header.decode("latin-1").strip())
        kind, by_columns, shape = said["descr"], said["fortran_order"], said["shape"]
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError, MemoryError) as error:
        raise ValueError("its header is no description of an array") from error
    if not isinstance(kind, str) or not _NUMBERS.fullmatch(kind):
        raise ValueError(f"it holds {shown(kind)}; wanted floats, whole numbers or booleans")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its shape is {shown(shape)}")
    if not isinstance(by_columns, bool):
        raise ValueError("its header does not tell the order of the numbers")
    return shape, np.dtype(kind), by_columns


def _idx(file: Stream) -> Array:
    """Two zeros, the type, how many axes, their lengths (4 bytes each, the highest first), the numbers."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTES:
        raise ValueError("it is no IDX file of unsigned bytes")
    shape = tuple(int(length) for length in np.frombuffer(_exactly(file, 4 * start[3]), ">u4"))
    _check_size(shape, 1)
    return np.frombuffer(_rest(file, math.prod(shape)), np.uint8).reshape(shape)


def _exactly(file: Stream, count: int) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise EOFError("it is cut short")
    return content


def _rest(file: Stream, count: int) -> bytes:
    """The rest of a file, which has so many bytes as its header says."""
    content = file.read(count + 1)
    if len(content) != count:
        there = "fewer" if len(content) < count else "more"
        raise ValueError(f"its header gives {count} bytes, and the file has {there}")
    return content


def _check_size(shape: tuple[int, ...], item: int) -> None:
    # An axis of length zero hides how long the others are; no array has so many axes.
    if len(shape) > 8 or math.prod(shape) * max(item, 8) > 8 * _LARGEST:
        raise ValueError(f"shape {list(shape)} is too large; at most {_LARGEST} numbers are read")
