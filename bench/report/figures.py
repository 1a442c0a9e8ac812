"""All figures of a run: its plots, and the pictures of a problem that has some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from bench.report.canvas import save
from bench.report.pictures import image_grid
from bench.report.plots import draw_all


def draw_run(
    folder: Path,
    measurements: pd.DataFrame,
    pictures: Mapping[str, npt.ArrayLike],
    scenario: Mapping[str, Any],
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """Writes every figure that applies into a folder, and says which files these are.

    Args:
        folder: made if it is missing.
        measurements: one row per cell and block of parameters.
        pictures: of the problem, by label, `[K, H, W]`.
        scenario: as the record of the run has it; its question is the title.
        formats: of `bench.report.formats.FORMATS`.
    """
    written = draw_all(measurements, folder, scenario.get("question"), formats)
    for kind in formats if pictures else ():
        path = folder / f"pictures.{kind}"
        save(image_grid(pictures, scenario.get("name")), path, kind)
        written.append(path)
    return written
