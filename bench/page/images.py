"""Images as addresses that hold their data."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.report.pictures import BROKEN
from bench.text.labels import plain


def pictures_of(images: Mapping[str, npt.ArrayLike]) -> dict[str, list[str]]:
    """Return rows of images as addresses.

    Args:
        images: label -> `[K, H, W]` with values in 0 (black) to 1 (white).
    """
    return {plain(label): [_address(image) for image in np.asarray(stack, np.float64)]
            for label, stack in images.items()}  # fmt: skip


def _address(image: npt.NDArray[np.float64]) -> str:
    """Return a PNG file of one image, `[H, W]`; pixels that are no number have a color of their own."""
    colored = np.repeat(np.clip(image, 0, 1)[:, :, None], 3, axis=2)  # [H, W, 3]
    colored[~np.isfinite(image)] = BROKEN
    file = io.BytesIO()
    Image.fromarray((255 * colored).round().astype(np.uint8)).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
