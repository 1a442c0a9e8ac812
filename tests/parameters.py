"""Parameters of which some are for the ordinary suite, and the others for the slow one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def some(values: Iterable[Any], ordinary: int) -> list[Any]:
    """The values, each one argument or a tuple of several, of which all but the first few are slow."""
    found = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*each, marks=[pytest.mark.slow] * (i >= ordinary)) for i, each in enumerate(found)]


def spread(values: Iterable[Any], ordinary: int) -> list[Any]:
    """The values as `some` has them; those that are not slow are the first and others at equal distances."""
    found = [value if isinstance(value, tuple) else (value,) for value in values]
    kept = {round(k * len(found) / ordinary) for k in range(ordinary)}
    return [pytest.param(*each, marks=[pytest.mark.slow] * (i not in kept)) for i, each in enumerate(found)]
