"""Results that are computed once and kept on what they were computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
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
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in keeper.kept:
            keeper.kept[key] = function(keeper, *args, **kwargs)
        result: T = keeper.kept[key]
        return result

    return once


def kept_together(
    function: Callable[Concatenate[Sequence[Run], P], T],
) -> Callable[Concatenate[Sequence[Run], P], T]:
    """Compute a function of several runs once; the first of them keeps it."""

    @functools.wraps(function)
    def once(runs: Sequence[Run], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not runs:
            return function(runs, *args, **kwargs)
        key = (function, tuple(runs), args, tuple(sorted(kwargs.items())))
        kept = runs[0].kept
        if key not in kept:
            kept[key] = function(runs, *args, **kwargs)
        result: T = kept[key]
        return result

    return once
