"""Results that are computed once and kept on what they were computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar


class Keeper(Protocol):
    """A thing with room for what was computed from it, such as a run.

    Attributes:
        kept: function and arguments -> result.
    """

    @property
    def kept(self) -> dict[Hashable, Any]: ...


K = TypeVar("K", bound=Keeper | Sequence[Keeper])
P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[Concatenate[K, P], T]) -> Callable[Concatenate[K, P], T]:
    """Compute a function of a keeper, or of several together, once for each of its further arguments.

    Of several the first one keeps the result. It is shared by all who ask: who changes a frame copies it
    first. Arguments must be hashable.
    """

    @functools.wraps(function)
    def once(subject: K, /, *args: P.args, **kwargs: P.kwargs) -> T:
        keepers = tuple(subject) if isinstance(subject, Sequence) else (subject,)
        results = keepers[0].kept if keepers else {}
        key = (function, keepers, args, tuple(sorted(kwargs.items())))
        if key not in results:
            results[key] = function(subject, *args, **kwargs)
        result: T = results[key]
        return result

    return once
