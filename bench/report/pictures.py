"""Rows of gray images under one title: data, reconstructions, samples from the prior."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bench.report.canvas import save
from bench.report.style import style
from bench.results.runs import Run
from bench.text.labels import distinct, drawn, plain

Array = npt.NDArray[np.float64]

INCHES = 0.62
"""The width of one image: 28 pixels are still told apart."""

BROKEN = (0.835, 0.369, 0.0)
"""The color of pixels that are no number; white or black would hide them."""


def image_grid(rows: Mapping[str, npt.ArrayLike], title: str | None = None) -> Figure:
    """A labelled row for each set of images, aligned in columns.

    Args:
        rows: by label, images `[K, H, W]` with values in 0 (black) to 1 (white); K may differ.
        title: above them.

    Raises:
        ValueError: if there is no image, or one is not `[K, H, W]`.
    """
    images = {label: _checked(label, values) for label, values in rows.items()}
    most = max((len(stack) for stack in images.values()), default=0)
    if not most:
        raise ValueError("image_grid was given no image; give at least one row of shape [K, H, W] with K ≥ 1")
    heights = [stack.shape[1] / stack.shape[2] for stack in images.values()]
    beside = 0.2 + 0.085 * max(map(len, distinct(images).values()))
    heading = textwrap.wrap(plain(title, 200), max(20, int((most * INCHES + beside) / 0.09)))
    with style():
        layout = ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.04, hspace=0.02)
        height = sum(heights) * INCHES + 0.06 * len(images) + 0.1 + 0.2 * len(heading)
        figure = Figure(figsize=(most * INCHES + beside, height), layout=layout)
        axes = figure.subplots(len(images), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (label, name) in zip(axes, distinct(images).items(), strict=True):
            ax.imshow(_strip(images[label], most), interpolation="nearest", aspect="equal")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.set_ylabel(drawn(name), rotation=0, ha="right", va="center")
        if heading:
            figure.suptitle(drawn("\n".join(heading)), x=0.012, ha="left", fontsize=10.5)
    return figure


def write_pictures(folder: Path, run: Run, formats: Sequence[str]) -> list[Path]:
    """Write the pictures of a run into a folder that exists, if there are any."""
    if not run.pictures:
        return []
    paths = [folder / f"pictures.{kind}" for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        # Drawn anew for each format: once saved its layout has moved, and files would differ.
        save(image_grid(run.pictures, run.record["scenario"].get("name")), path, kind)
    return paths


def _checked(label: str, values: npt.ArrayLike) -> Array:
    stack = np.asarray(values, dtype=np.float64)
    if stack.ndim != 3 or 0 in stack.shape[1:]:
        raise ValueError(f"images {plain(label)!r} have shape {list(stack.shape)}; wanted [K, H, W]")
    return stack


def _strip(stack: Array, most: int) -> Array:
    """Images side by side in color, a gap of white between them and white where the row is short."""
    _, high, wide = stack.shape
    gap = max(1, wide // 14)
    strip = np.ones((high, most * (wide + gap) - gap, 3))  # [H, width, color]
    for i, image in enumerate(stack):
        colored = np.repeat(np.clip(image, 0, 1)[:, :, None], 3, axis=2)
        colored[~np.isfinite(image)] = BROKEN
        strip[:, i * (wide + gap) : i * (wide + gap) + wide] = colored
    return strip
