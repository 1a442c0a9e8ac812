"""Types of options, with messages that say what was wanted and what was given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from bench.errors import did_you_mean, shown


class Whole(click.IntRange):
    """A whole number of at least so much."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            least = f" of at least {self.min}" if self.min is not None else ""
            self.fail(f"wanted a whole number{least}, got {shown(value)}{self._instead(value)}", param, ctx)

    def _instead(self, value: Any) -> str:
        """Return how a number is written that is whole and was written otherwise, such as 1e3."""
        try:
            number = int(float(value)) if float(value).is_integer() else None
        except (ValueError, OverflowError):
            return ""
        least = -1 if self.min is None else self.min
        return f"; write {number}" if number is not None and least <= number < 10**15 else ""


class OneOf(click.Choice[str]):
    """A word of several; of those that are near to another the nearest is suggested.

    Args:
        words: the words.
        what: what they are, such as `list`.
    """

    def __init__(self, words: Iterable[str], what: str) -> None:
        super().__init__(list(words))
        self.what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            near = did_you_mean(value, self.choices)
            self.fail(f"no {self.what} is called {shown(value)}; {near}", param, ctx)
        return str(value)
