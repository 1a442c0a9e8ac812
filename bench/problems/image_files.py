"""Arrays of pictures in files of one's own: NumPy's formats, and the one in which MNIST is handed out."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from bench.errors import Invalid, invalid, shown

Array = np.ndarray[Any, Any]

# Whoever made the file says how large it is: 2^27 numbers are 1 GiB once they are float64.
_LARGEST = 1 << 27
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}
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
        with Path(path).open("rb") as file:
            return _read(file)
    except FileNotFoundError:
        raise invalid(f"no file {shown(path)}") from None
    except Invalid as error:
        raise invalid(f"{path} {error}") from None
    # Objects would have to be unpickled (ValueError); an archive may want a password (RuntimeError).
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise invalid(f"{path} cannot be read: {error}") from error


def _read(file: BinaryIO) -> Array:
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        return _member(file)
    if start == npy.MAGIC_PREFIX[:4]:
        return _npy(file)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(file) as unpacked:
            return _idx(unpacked)  # type: ignore[arg-type]
    if start[:2] == b"\0\0":
        return _idx(file)
    raise invalid("cannot be read: it is no .npz, .npy or IDX file")


def _member(file: BinaryIO) -> Array:
    with zipfile.ZipFile(file) as archive:
        if "images.npy" not in archive.namelist():
            raise invalid("has no array 'images'")
        with archive.open("images.npy") as member:
            return _npy(member)  # type: ignore[arg-type]


def _npy(file: BinaryIO) -> Array:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format is not known")
    shape, _, dtype = _HEADERS[version](file)
    _check_size(shape, dtype.itemsize)
    file.seek(0)
    array: Array = npy.read_array(file, allow_pickle=False)
    return array


def _idx(file: BinaryIO) -> Array:
    """Two zeros, the type, how many axes, their lengths (4 bytes each, the highest first), the numbers."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTES:
        raise ValueError("it is no IDX file of unsigned bytes")
    lengths = file.read(4 * start[3])
    if len(lengths) < 4 * start[3]:
        raise EOFError("it is cut short")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    _check_size(shape, 1)
    count = math.prod(shape)
    content = file.read(count + 1)
    if len(content) != count:
        there = "fewer" if len(content) < count else "more"
        raise ValueError(f"its header gives {count} bytes, and the file has {there}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _check_size(shape: tuple[int, ...], item: int) -> None:
    if math.prod(shape) * max(item, 8) > 8 * _LARGEST:
        raise ValueError(f"shape {list(shape)} is too large; at most {_LARGEST} numbers are read")
