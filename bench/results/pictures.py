"""The pictures of a problem in the folder of a run, which cannot be made again without the problem."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import Invalid, invalid
from bench.results.files import atomic_write

NAME = "pictures.npz"
LARGEST = 256 * 2**20
"""Bytes of pictures that are read, once unpacked; a matter of taste."""

# All that numpy and zipfile raise at bytes that somebody made up.
_BROKEN = (OSError, ValueError, EOFError, KeyError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error)

Pictures = dict[str, npt.NDArray[np.float64]]
"""Label -> images `[K, H, W]` in 0 (black) to 1 (white)."""


def pictures_in_range(pictures: Mapping[str, npt.NDArray[Any]]) -> Pictures:
    """Return pictures as they are when read again: in its precision, cut to 0..1, without empty stacks."""
    return {label: _checked(np.asarray(stack, np.float32)) for label, stack in pictures.items() if len(stack)}


def write_pictures(folder: Path, pictures: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write the pictures of a problem into the folder of a run, if there are any."""
    stacks = pictures_in_range(pictures)
    if not stacks:
        return
    # Labels are data: as names of files within the archive they would have to be safe.
    named = {f"pictures_{i}": stack.astype(np.float32) for i, stack in enumerate(stacks.values())}
    with atomic_write(folder / NAME) as path, path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, labels=np.array(list(stacks)), **named)


def load_pictures(folder: Path) -> Pictures:
    """Return the pictures of a run in the order of the problem, if any.

    Raises:
        Invalid: if the file is no archive of pictures, is damaged, or too large.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > LARGEST:
            raise invalid(f"{path}: holds {size} bytes of pictures, and no more than {LARGEST} are read")
        with np.load(path, allow_pickle=False) as arrays:
            labels = [str(label) for label in arrays["labels"]]
            return {label: _checked(arrays[f"pictures_{i}"]) for i, label in enumerate(labels)}
    except Invalid:
        raise
    except _BROKEN as error:
        raise invalid(f"{path}: not the pictures of a run; the file may be damaged") from error


def _checked(stack: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    if stack.ndim != 3 or 0 in stack.shape or stack.dtype.kind != "f":
        raise ValueError(f"pictures of shape {stack.shape} and type {stack.dtype}")
    return np.clip(stack.astype(np.float64), 0.0, 1.0)
