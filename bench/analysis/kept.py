"""Results that are computed once and kept on what they were computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Compute a function of a run, or of a sequence of them, once for each of its further arguments.

    The first run, or what else has a dictionary `kept`, keeps the result. All who ask share it: who changes
    a frame copies it first. Arguments must be hashable.
    """

    @functools.wraps(function)
    def once(*args: P.args, **kwargs: P.kwargs) -> T:
        subject: Any = args[0]
        keepers = tuple(subject) if isinstance(subject, Sequence) else (subject,)
        results = keepers[0].kept if keepers else {}
        key = (function, keepers, args[1:], tuple(sorted(kwargs.items())))
        if key not in results:
            results[key] = function(*args, **kwargs)
        return cast(T, results[key])

    return once
