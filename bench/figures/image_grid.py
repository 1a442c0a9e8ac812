"""Rows of gray images: data, reconstructions, samples from the prior."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt
import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.figures.composition import Spec, config
from bench.figures.export import write
from bench.results.run import Run
from bench.text.labels import distinct, plain

SIZE = 58  # pixels of the side of an image, and two of a gap: 28 pixels of data are still told apart
BROKEN = (0.835, 0.369, 0.0)  # the color of pixels that are no number; white or black would hide them


def address(image: npt.NDArray[np.float64]) -> str:
    """Return one image, `[H, W]` in 0 (black) to 1 (white), as an address that holds a PNG file."""
    colored = np.repeat(np.clip(image, 0, 1)[:, :, None], 3, axis=2)  # [H, W, 3]
    colored[~np.isfinite(image)] = BROKEN
    file = io.BytesIO()
    Image.fromarray((255 * colored).round().astype(np.uint8)).save(file, format="png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def image_grid(rows: Mapping[str, npt.ArrayLike], title: str) -> Spec:
    """Return labeled rows of images `[K, H, W]` in 0 (black) to 1 (white), in columns, under a title.

    Raises:
        ValueError: if images are not `[K, H, W]`.
    """
    names = distinct(rows)
    values = []
    for label, stack in rows.items():
        images = np.asarray(stack, np.float64)
        if images.ndim != 3:
            raise ValueError(f"images {plain(label)!r} have shape {list(images.shape)}; wanted [K, H, W]")
        for column, image in enumerate(images):
            values.append({"label": names[label], "column": column, "url": address(image)})
    names_of = alt.Y("label:N", title=None, sort=None, axis=alt.Axis(domain=False, ticks=False))
    images_of = alt.Chart(alt.InlineData(values)).mark_image(width=SIZE, height=SIZE, smooth=False)
    chart = images_of.encode(alt.X("column:O", axis=None), names_of, url="url:N")
    chart = chart.properties(width=alt.Step(SIZE + 2), height=alt.Step(SIZE + 2), title=plain(title, 200))
    return {**chart.to_dict(), "config": config() | {"view": {"stroke": None}}}


def write_pictures(folder: Path, run: Run, formats: Sequence[str]) -> list[Path]:
    """Write the pictures of a run into a folder that exists, if there are any."""
    if not run.pictures:
        return []
    spec = image_grid(run.pictures, run.record["scenario"].get("name", ""))
    return write(spec, folder / "pictures", formats)
