"""The grid of images: every image is there in its row, and pixels that are no numbers are seen."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.figures.image_grid import BROKEN, image_grid, write_pictures
from bench.results.run import Run
from tests.runs import in_memory
from tests.scene import marks, words
from tests.test_report import ordinary

PIXELS = np.random.default_rng(0).random((6, 28, 28))


def test_every_image_is_shown_in_its_row() -> None:
    spec = image_grid({"data": PIXELS, "samples from the $prior$": PIXELS[:2, :14]}, "VAE")
    images = marks(spec, "image")
    places = [(item["x"], item["y"]) for item in images]
    assert len(set(places)) == len(places) == 8
    assert [sum(y == row for _, y in places) for row in sorted({y for _, y in places})] == [6, 2]
    for text in ("VAE", "data", "samples from the $prior$"):
        assert text in words(spec)


def test_pixels_are_those_of_the_images() -> None:
    broken = PIXELS.copy()
    broken[0, 0, 0] = np.nan
    (values,) = image_grid({"data": broken}, "")["datasets"].values()
    found = [np.asarray(Image.open(io.BytesIO(base64.b64decode(each["url"][22:])))) for each in values]
    np.testing.assert_array_equal(found[0][0, 0], np.round(np.multiply(255, BROKEN)))
    for i, pixels in enumerate(found[1:], 1):
        np.testing.assert_allclose(pixels[:, :, 0] / 255, PIXELS[i], atol=0.5 / 255 + 1e-9)
    assert len(found) == 6


def test_what_is_no_stack_of_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted \[K, H, W\]"):
        image_grid({"data": PIXELS[0]}, "")


def test_pictures_of_a_run_are_written(tmp_path: Path) -> None:
    run = in_memory(ordinary())
    assert write_pictures(tmp_path, run, ["png"]) == []
    run = Run(run.measurements, run.replicates, run.record, pictures={"data": PIXELS})
    written = write_pictures(tmp_path, run, ["png", "svg", "pdf"])
    assert [path.name for path in written] == ["pictures.png", "pictures.svg", "pictures.pdf"]
    for path, start in zip(written, (b"\x89PNG", b"<svg", b"%PDF"), strict=True):
        assert path.read_bytes().startswith(start)
