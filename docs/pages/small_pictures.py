"""Pictures of the site with few colors, which makes those of notebooks a fifth as large."""

from __future__ import annotations

from pathlib import Path

from bench.results.thinning import save_small

LARGE = 100_000
"""Bytes of a picture that is worth it."""


def shrink(site: Path) -> None:
    """Give pictures of a site that are large as many colors as those of reference runs have."""
    for path in (site / "_images").glob("*.png"):
        if path.stat().st_size > LARGE:
            save_small(path, path)
