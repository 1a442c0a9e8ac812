"""Writes the pages that are made, where Sphinx looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docs.pages import api, catalogue, changelog, families, gallery, scenario_keys, verdict_words

MADE = "made"
"""The folder of the pages that are made, within that of the others."""


def pages() -> Mapping[str, str]:
    """Return all pages that are made, as Markdown, by their paths."""
    found: dict[str, str] = {}
    for part in (api, catalogue, changelog, families, gallery, scenario_keys, verdict_words):
        found |= part.pages()
    return found


def write(folder: Path) -> None:
    """Write them, and remove those that are made no more; what is unchanged is left as it is."""
    made = {folder / MADE / path: text for path, text in pages().items()}
    for path in (folder / MADE).rglob("*.md"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")
