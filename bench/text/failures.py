"""Sentences and tables that cannot be made, as lines that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.errors import Invalid
from bench.text.labels import plain


def attempted(what: str, make: Callable[[], Iterable[str]], escaped: Callable[[str], str] = str) -> list[str]:
    """Return the lines that a function makes; one that says so if it fails, for no number depends on it.

    Args:
        what: the subject of the lines, such as "the table".
        make: the function.
        escaped: how the line that says so is written where it goes.

    Raises:
        Invalid: as the function raises it, of the user's own words.
    """
    try:
        return list(make())
    except Invalid:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: the numbers do not depend on it
        return [escaped(f"{what} could not be written: {type(error).__name__}: {plain(error, 200)}")]
