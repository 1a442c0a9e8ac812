"""Words in sentences: lists with the first few and how many more, a capital at the beginning."""

from __future__ import annotations

from collections.abc import Sequence

NOTHING = "Nothing was measured."

MOST_WORDS = 4
"""Names in a sentence; the others are counted."""

MOST_SENTENCES = 8
"""Sentences of one kind; the others are counted, and tables have them all."""


def listed(words: Sequence[str], last: str = "and", most: int = MOST_WORDS) -> str:
    """Return `a`, `a and b`, `a, b and c`; of more than the most the first, and how many more."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    comma = "; " if any(", " in word for word in words) else ", "
    return f" {last} ".join([comma.join(words[:-1]), words[-1]] if len(words) > 1 else words)


def joined(words: Sequence[str], separator: str, most: int = MOST_WORDS) -> str:
    """Return the first of some words with a separator, and how many more: `a; b; 3 more`."""
    rest = len(words) - most
    return separator.join([*words[:most], *([f"{rest} more"] if rest > 0 else [])])


def few(said: Sequence[str]) -> list[str]:
    """Return the first sentences, and how many more there are."""
    left = len(said) - MOST_SENTENCES
    return [*said[:MOST_SENTENCES], *([f"({left} more)"] if left > 0 else [])]


def capital(text: str) -> str:
    """Return a text with a capital at the beginning."""
    return text[:1].upper() + text[1:]
