"""Values of a swept option in words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from bench.analysis.sweeps import Sweep
from bench.text.numbers import grouped
from bench.text.words import listed

_FEW, _MOST = 2, 6
"""So many values are named one by one: of those that follow on one another, and of others."""


def named_value(sweep: Sweep, value: float) -> str:
    """Return the option with a value: `k = 0.316`."""
    return f"{sweep.name} = {_number(sweep, value)}"


def these(sweep: Sweep, some: Iterable[float], every: Iterable[float]) -> str:
    """Return some of the values among which they lie: `k from 0.1 to 10`, `k = 0.1, 1 and 3 to 10`."""
    places = {value: i for i, value in enumerate(sorted(set(every)))}
    # Where they follow on one another, place and count grow together.
    steps = groupby(enumerate(sorted(set(some))), key=lambda pair: places[pair[1]] - pair[0])
    stretches = [[_number(sweep, value) for _, value in pairs] for _, pairs in steps]
    if len(stretches) == 1 and len(stretches[0]) > _FEW:
        return f"{sweep.name} from {stretches[0][0]} to {stretches[0][-1]}"
    words = [w for one in stretches for w in ([f"{one[0]} to {one[-1]}"] if len(one) > _FEW else one)]
    return f"{sweep.name} = {listed(words, most=_MOST)}"


def _number(sweep: Sweep, value: float) -> str:
    if value == round(value):
        return grouped(value)
    short = [f"{each:.3g}" for each in sorted(set(sweep.values.values()))]
    return f"{value:.3g}" if len(set(short)) == len(short) else f"{value:g}"
