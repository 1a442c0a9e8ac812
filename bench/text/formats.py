"""The formats that figures are written in."""

from __future__ import annotations

from collections.abc import Iterable

from bench.errors import did_you_mean, invalid, shown

FORMATS = ("png", "svg", "pdf")


def formats_of(words: Iterable[str]) -> tuple[str, ...]:
    """The formats that are asked for, each once.

    Raises:
        Invalid: if there is none, or one that no figure is written in.
    """
    asked = dict.fromkeys(word.strip().lower() for word in words)
    for word in asked or [""]:
        if word not in FORMATS:
            raise invalid(f"figures have no format {shown(word)}; {did_you_mean(word, FORMATS)}")
    return tuple(asked)
