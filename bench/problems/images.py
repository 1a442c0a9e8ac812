"""Data sets of small pictures: the digits that come with scikit-learn, or a file of one's own."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bench.errors import invalid, shown
from bench.problems.seeds import generator_for


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


def digits() -> Images:
    """1797 handwritten digits of 8 × 8 pixels (Alpaydin & Kaynak, 1998), as scikit-learn ships them."""
    from sklearn.datasets import load_digits

    pixels = torch.from_numpy(load_digits().data / 16.0)  # [1797, 64]; grey levels are 0 to 16
    return Images(pixels, (8, 8))


def from_file(path: str) -> Images:
    """The array `images`, `[n, H, W]` or `[n, D]`, of an `.npz` file.

    Floats lie between 0 and 1. Whole numbers lie between 0 and 255, where 255 is white,
    unless none is larger than 1.

    Raises:
        Invalid: if the file cannot be read, or holds something else.
    """
    array = _array(path)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise invalid(f"{path}: 'images' has shape {list(array.shape)}; wanted [n, H, W] or [n, D]")
    if array.dtype.kind not in "biuf":
        raise invalid(f"{path}: 'images' holds {array.dtype}; wanted floats, whole numbers or booleans")
    values = array.astype(np.float64).reshape(len(array), -1)
    if not np.isfinite(values).all():
        raise invalid(f"{path}: 'images' holds values that are not finite")
    largest = 1 if array.dtype.kind in "bf" or values.max() <= 1 else 255
    if values.min() < 0 or values.max() > largest:
        raise invalid(
            f"{path}: 'images' has values between {values.min():g} and {values.max():g}; wanted floats "
            "between 0 and 1 or whole numbers between 0 and 255"
        )
    return Images(torch.from_numpy(values / largest), _shape(array))


def _array(path: str) -> np.ndarray[Any, Any]:
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            array: np.ndarray[Any, Any] = arrays["images"]
            return array
    except FileNotFoundError:
        raise invalid(f"no file {shown(path)}") from None
    except KeyError:
        raise invalid(f"{path} has no array 'images'") from None
    # A lone array is no archive (TypeError); objects would have to be unpickled (ValueError).
    except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise invalid(f"{path} cannot be read as an .npz file: {error}") from error


def _shape(array: np.ndarray[Any, Any]) -> tuple[int, int] | None:
    if array.ndim == 3:
        return array.shape[1], array.shape[2]
    side = math.isqrt(array.shape[1])
    return (side, side) if side * side == array.shape[1] else None
