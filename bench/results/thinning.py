"""Runs that are small enough to be kept for good: `python -m bench.results.thinning RUN FOLDER`.

The page of a run and all other figures are made again by `bench report`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

from bench.results import folder as run_folder
from bench.results.run import Run

MOST_REPLICATES = 6000
"""Rows of replicates that are kept: of all cells, about 150 kilobytes."""

MOST_COORDINATES = 2000
"""Rows of coordinates that are kept, and besides those of which estimates are."""

FIGURES = ("variance", "bias", "variance_by_option", "bias_by_option", "by_parameter")
"""The figures that are kept as files, those that a run has."""

COLORS = 64
"""Colors of these files, which makes them a seventh as large; no difference is seen."""


def thinned(run: Run, folder: Path) -> Run:
    """Return a run for a folder, with the first replicates of each cell and some of its coordinates.

    Replicates are those of the whole gradient, at least one and at most `MOST_REPLICATES` in all;
    `run.thinned` says how many of each cell. What is computed from measurements alone does not change.
    """
    whole = run.replicates[run.replicates["parameter"] == "all"]
    most = max(1, MOST_REPLICATES // max(whole["cell"].nunique(), 1))
    step = max(1, math.ceil(len(run.coordinates) / MOST_COORDINATES))
    some = (run.coordinates["index"] % step == 0) | (run.coordinates["kept"] > 0)
    return Run(
        run.measurements,
        _narrow(whole[whole["replicate"] < most]),
        {**run.record, "thinned": {"replicates": most, "coordinates": step}},
        _narrow(run.coordinates[some]),
        run.pictures,
        folder,
    )


def _narrow(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers with seven digits, which are more than they are known to."""
    wide = frame.select_dtypes("float64").columns
    return frame.astype(dict.fromkeys(wide, "float32")).reset_index(drop=True)


def save_small(source: Path, target: Path) -> None:
    """Write a picture with few colors; the target may be the source."""
    with Image.open(source) as image:
        few = image.convert("RGB").quantize(COLORS)
    few.save(target, optimize=True)


def main(source: str, target: str) -> None:
    """Write a run thinned into another folder, with its figures."""
    run, figures = run_folder.load(Path(source)), Path(target) / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    run_folder.write(thinned(run, Path(target)))
    for path in (Path(source) / "figures").glob("*.png"):
        if path.stem in FIGURES:
            save_small(path, figures / path.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
