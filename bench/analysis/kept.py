"""Results that are computed once and kept on what they were computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Compute a function of a run, or of several together, once for each of its further arguments.

    The first argument is a run, or something else with a dictionary `kept`, or a sequence of them, of which
    the first one keeps the result. It is shared by all who ask: who changes a frame copies it first.
    Arguments must be hashable.
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
