"""Parts of what is shown that cannot be made, as lines that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from bench.errors import Invalid
from bench.text.labels import plain

T = TypeVar("T")


def attempt(
    fault: str,
    make: Callable[[], T],
    otherwise: T,
    failed: list[str],
    passed: tuple[type[Exception], ...] = (Invalid,),
) -> T:
    """Return what a function makes, or something else if it fails; no number depends on it.

    A line in `failed` then begins with the fault. Errors that are passed are raised: a user can mend them.
    """
    try:
        return make()
    except passed:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: the numbers do not depend on it
        failed.append(f"{fault}: {type(error).__name__}: {plain(error, 200)}")
        return otherwise


def attempted(what: str, make: Callable[[], Iterable[str]], escaped: Callable[[str], str] = str) -> list[str]:
    """Return the lines that a function makes; one that says so if it fails, escaped for where it goes."""
    failed: list[str] = []
    found: list[str] = attempt(f"{what} could not be written", lambda: list(make()), [], failed)
    return [*found, *map(escaped, failed)]
