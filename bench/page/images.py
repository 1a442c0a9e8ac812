"""Images as addresses that hold their data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bench.figures.image_grid import address
from bench.text.labels import plain


def pictures_of(images: Mapping[str, npt.ArrayLike]) -> dict[str, list[str]]:
    """Return rows of images as addresses.

    Args:
        images: label -> `[K, H, W]` with values in 0 (black) to 1 (white).
    """
    return {plain(label): [address(image) for image in np.asarray(stack, np.float64)]
            for label, stack in images.items()}  # fmt: skip
