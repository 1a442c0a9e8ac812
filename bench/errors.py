"""Errors for users: what was given, what was wanted, and where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]

_PRINTED = 100


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: a message, and the keys that lead to it.

    Attributes:
        message: what was given, what was wanted, what to do.
        path: keys and list positions from the top of what was being read.
    """

    message: str
    path: Path = ()


@dataclass(frozen=True)
class KeyFault(Fault):
    """A fault of a key rather than of its value."""


class Invalid(ValueError):
    """The user's input is wrong, in one or more places.

    Attributes:
        faults: what is wrong.

    Example:
        >>> import bench
        >>> try:
        ...     bench.load("nowhere")
        ... except bench.Invalid as error:
        ...     print(len(error.lines))
        1
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__(*faults)
        self.faults = faults

    @property
    def lines(self) -> list[str]:
        """The messages, one for each fault."""
        return [fault.message for fault in self.faults]

    def __str__(self) -> str:
        """The messages one a line; after the first hundred, only their number."""
        more = len(self.faults) - _PRINTED
        return "\n".join([*self.lines[:_PRINTED], *([f"... and {more} more"] if more > 0 else [])])

    def under(self, *prefix: str | int) -> Invalid:
        """Return these faults with a path from further out."""
        return Invalid(*(replace(fault, path=(*prefix, *fault.path)) for fault in self.faults))

    def past(self, *prefix: str | int) -> Invalid:
        """Return these faults with a path from further in, where it begins with these keys."""
        n = len(prefix)
        return Invalid(
            *(replace(each, path=each.path[n:]) if each.path[:n] == prefix else each for each in self.faults)
        )


class ScenarioError(Invalid):
    """A scenario, or another file, cannot be understood; each message says where its fault is.

    Args:
        lines: the messages.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(*(Fault(line) for line in lines))
        self.args = (self.lines,)  # by which a copy from another process is made


def invalid(message: str, *path: str | int) -> Invalid:
    """An `Invalid` with a single fault."""
    return Invalid(Fault(message, path))


class FaultCollector:
    """Faults gathered from several steps, so that all are told at once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    @contextmanager
    def under(self, *path: str | int) -> Iterator[None]:
        """Within it what is wrong is gathered, with the path from further out, instead of raised."""
        try:
            yield
        except Invalid as error:
            self.faults += error.under(*path).faults


@contextmanager
def collected() -> Iterator[FaultCollector]:
    """Steps that may each go wrong; at the end one `Invalid` is raised for all that did."""
    faults = FaultCollector()
    yield faults
    if faults.faults:
        raise Invalid(*faults.faults)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A suggestion to append to a message about an unknown name; lists all when nothing is near."""
    names = sorted(known)
    ends = [name for name in names if name.endswith(f".{word}")]  # `k` where there is `problem.normal.k`
    near = ends or difflib.get_close_matches(str(word), names, n=1)
    if not near:
        near = difflib.get_close_matches(str(word).lower(), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"


def shown(value: object, limit: int = 60) -> str:
    """A value as it may be quoted in a message: printable and short."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
