"""The changelog as a page."""

from __future__ import annotations

from pathlib import Path

FILE = Path(__file__).parents[2] / "CHANGELOG.md"


def pages() -> dict[str, str]:
    """Return the changelog."""
    return {
        "changelog.md": FILE.read_text("utf-8")
        .replace("](docs/", "](../")
        .replace("](results/", "](../../results/")
    }
