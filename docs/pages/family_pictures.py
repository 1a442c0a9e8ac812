"""Draws the pictures of families of estimators: `make families`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import bench
from bench.figures.captions import caption_of_run
from bench.figures.export import draw
from bench.figures.figure_tables import of_a_run
from bench.results.thinning import save_small
from docs.pages.families import PICTURES, Family, families


def main() -> None:
    """Measure each toy, draw its histograms, and remove pictures of families that are no more."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    every = families()
    for path in PICTURES.glob("*.png"):
        if path.stem not in {family.name for family in every}:
            path.unlink()
    for family in every:
        picture(family, PICTURES)


def picture(family: Family, target: Path) -> None:
    """Draw the picture of a family, in a folder."""
    with TemporaryDirectory() as folder:
        run = bench.run(family.scenario(), out=folder)
        drawn, failed = draw(
            Path(folder), of_a_run(run), caption_of_run(run), ["png"], titled=False, names=["histograms"]
        )
        if failed or not drawn:
            raise RuntimeError(f"{family.name}: no histograms: {failed}")
        save_small(drawn[0], target / f"{family.name}.png")


if __name__ == "__main__":
    main()
