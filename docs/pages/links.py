"""Links of a site that was built, of which each has a target; `python -m docs.pages.links FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """The links of a page, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for key, value in attributes:
            if value and key in ("href", "src"):
                self.links.append(value)
            if value and key in ("id", "name"):
                self.targets.add(value)


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def targets(path: Path) -> set[str]:
    """Return what can be linked to in a page; nothing if there is none."""
    return _read(path).targets if path.exists() else set()


_SCRIPTED = "made/gallery/runs"
"""Pages whose scripts make what they link to; the tests of pages try them in a browser."""


def broken(site: Path) -> Iterator[str]:
    """Yield each link without a target: the page, and where it leads."""
    for path in sorted(site.rglob("*.html")):
        for link in _read(path).links:
            parts = urlsplit(link)
            scripted = not parts.path and path.relative_to(site).as_posix().startswith(_SCRIPTED)
            if parts.scheme in ("data", "http", "https", "mailto") or scripted:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            target = target / "index.html" if target.is_dir() else target
            there = target.exists() and target.resolve().is_relative_to(site.resolve())
            if there and parts.fragment and target.suffix == ".html":
                there = unquote(parts.fragment) in targets(target)
            if not there:
                yield f"{path.relative_to(site)}: {link}"


if __name__ == "__main__":
    found = list(broken(Path(sys.argv[1])))
    print("\n".join([*found, f"links: {len(found)} without a target"]))
    sys.exit(bool(found))
