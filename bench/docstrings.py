"""The documentation of a class, taken apart: what a card says of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass

_SECTION = re.compile(r"^(Args|Attributes|Example|References|Raises|Returns):\n", re.MULTILINE)


@dataclass(frozen=True)
class Docstring:
    """The documentation of a class.

    Attributes:
        summary: the first paragraph, on one line.
        text: the paragraphs after it, in which formulas keep their marks.
        options: each argument -> what it is, on one line.
        references: the papers, one a line.
    """

    summary: str
    text: str
    options: Mapping[str, str]
    references: list[str]

    @property
    def needs(self) -> str:
        """The text after the word "Needs", up to the next stop; empty if there is none."""
        words = " ".join(f"{self.summary} {unmarked(self.text)}".split())
        found = re.search(r"\bNeeds (.+?)[.:;](?: |$)", words)
        return found[1] if found else ""


def docstring_of(thing: object) -> Docstring:
    """Return the documentation of a class, of which only the text has marks; empty if there is none."""
    body, *sections = _SECTION.split(inspect.getdoc(thing) or "")
    named = dict(zip(sections[::2], map(unmarked, sections[1::2]), strict=True))
    first, _, rest = body.partition("\n\n")
    first = unmarked(first)
    options = _entries(named.get("Args", "") + "\n" + named.get("Attributes", ""))
    described = {name: text for name, colon, text in (each.partition(": ") for each in options) if colon}
    return Docstring(" ".join(first.split()), rest.strip(), described, _papers(named.get("References", "")))


def unmarked(text: str) -> str:
    """Return a text without the marks of reStructuredText: a formula on lines of its own is indented."""
    text = re.sub(r"^\.\. math:: *\n?(?=.)", "    ", text, flags=re.MULTILINE)
    return re.sub(r":\w+:`([^`]+)`", r"\1", text)


def _entries(section: str) -> list[str]:
    """Return entries of a section, each on one line: an entry goes on where lines are further in."""
    found: list[str] = []
    for line in filter(str.strip, section.splitlines()):
        if line.startswith(" " * 5) and found:
            found[-1] += " " + line.strip()
        else:
            found.append(line.strip())
    return found


def _papers(section: str) -> list[str]:
    """Return references, each on one line: one goes on up to its stop."""
    found: list[str] = []
    for line in filter(None, map(str.strip, section.splitlines())):
        if found and not re.match(r"[^()]+ \(\d{4}\)", line):
            found[-1] += " " + line
        else:
            found.append(line)
    return found
