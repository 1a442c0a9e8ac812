"""Untrusted text made harmless: labels, reasons and titles as they may be shown."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_NOTE = 1000  # characters of a note on the truth: who disagrees with whom, by how much, and why
LONGEST = 40  # characters of a label that are shown: enough for an estimator with two options


def plain(text: object, limit: int = LONGEST) -> str:
    """Return one printable line of at most `limit` characters.

    Control, formatting and unassigned characters could move a terminal's cursor or reverse a line. What is
    too long loses its middle, because labels differ in their last option as often as in their first word.
    """
    words = "" if text is None or text != text else str(text)
    if not (words.isascii() and words.isprintable()):
        spaced = (" " if c.isspace() else c for c in unicodedata.normalize("NFC", words))
        words = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    line = " ".join(words.split())
    tail = limit // 3
    return line if len(line) <= limit else f"{line[: limit - tail - 1]}…{line[-tail:]}"


def distinct(labels: Iterable[str], limit: int = LONGEST) -> dict[str, str]:
    """Return the shown form of each label, numbered where two labels would be shown alike."""
    shown: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for label in dict.fromkeys(labels):
        short = plain(label, limit) or "(no name)"
        seen[short] += 1
        shown[label] = short if seen[short] == 1 else f"{short} ({seen[short]})"
    return shown


def drawn(text: str) -> str:
    """Return a text for matplotlib: no mathematics, no characters its font lacks (they would warn)."""
    known = _characters()
    shown = (c if c == "\n" or ord(c) in known else "\N{REPLACEMENT CHARACTER}" for c in text)
    return "".join(shown).replace("$", r"\$")


def markdown(text: str) -> str:
    """Return a text for a Markdown page: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>|#$~])", r"\\\1", text)


def code(text: str) -> str:
    """Return a text as a Markdown code span in a table, where only two characters are special."""
    return "`" + text.replace("`", "'").replace("|", r"\|") + "`"


@functools.cache
def _characters() -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())
