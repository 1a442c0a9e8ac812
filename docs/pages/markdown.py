"""Parts of pages: text of the program as Markdown that shows it as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bench.text.labels import code, markdown

__all__ = ["anchor", "code", "contents", "literal", "prose", "table"]


def literal(text: str, language: str = "text") -> str:
    """Return text as a block that is shown letter by letter."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def prose(text: str) -> str:
    """Return sentences: what stands between backquotes is code, or mathematics where it is marked so."""
    parts = re.split(r"((?::\w+:)?`[^`]+`)", " ".join(text.split()))
    return "".join(_marked(part) if part.endswith("`") else markdown(part) for part in parts)


def _marked(text: str) -> str:
    mark, _, said = text.rstrip("`").partition("`")
    return f"${said}$" if mark == ":math:" else f"`{said}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def contents(pages: Iterable[str], **options: str) -> str:
    """Return a table of contents, which also says which page comes after which."""
    said = [f":{key}: {value}".rstrip() for key, value in options.items()]
    return "\n".join(["```{toctree}", *said, "", *pages, "```"])


def anchor(name: str) -> str:
    """Return the line that gives what follows a name to link to."""
    return f"({name})="
