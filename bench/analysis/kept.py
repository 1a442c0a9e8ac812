"""Results that are computed once and kept on what they were computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bench.results.runs import Run


class Keeper(Protocol):
    """A thing with room for what was computed from it.

    Attributes:
        kept: function and arguments -> result.
    """

    @property
    def kept(self) -> dict[Hashable, Any]: ...


K = TypeVar("K", bound=Keeper)
P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[Concatenate[K, P], T]) -> Callable[Concatenate[K, P], T]:
    """Compute a function of one run, or of another keeper, once for each of its further arguments.

    The result is shared by all who ask: who changes a frame copies it first. Arguments must be hashable.
    """

    @functools.wraps(function)
    def once(keeper: K, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return _once(keeper.kept, (function, args, _key(kwargs)), lambda: function(keeper, *args, **kwargs))

    return once


def kept_together(
    function: Callable[Concatenate[Sequence[Run], P], T],
) -> Callable[Concatenate[Sequence[Run], P], T]:
    """Compute a function of several runs once; the first of them keeps it."""

    @functools.wraps(function)
    def once(runs: Sequence[Run], /, *args: P.args, **kwargs: P.kwargs) -> T:
        key = (function, tuple(runs), args, _key(kwargs))
        return _once(runs[0].kept if runs else {}, key, lambda: function(runs, *args, **kwargs))

    return once


def _key(kwargs: Mapping[str, Any]) -> Hashable:
    return tuple(sorted(kwargs.items()))


def _once(kept: dict[Hashable, Any], key: Hashable, compute: Callable[[], T]) -> T:
    if key not in kept:
        kept[key] = compute()
    result: T = kept[key]
    return result
