"""Values of a swept option in words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pandas as pd

from bench.analysis.sweeps import Sweep, sweep_of
from bench.text.numbers import grouped
from bench.text.words import listed

_FEW, _MOST = 2, 6
"""So many values are named one by one: of those that follow on one another, and of others."""


def sweep_or_point(whole: pd.DataFrame) -> Sweep:
    """Return the sweep of a run; of one without any, a sweep of a single point that has no name.

    Args:
        whole: measurements, with a column for each option over which the scenario ranges.
    """
    problems = whole["problem"].unique()
    return sweep_of(whole) or Sweep("", dict.fromkeys(problems, 0.0), {each: each for each in problems})


def named_value(sweep: Sweep, value: float) -> str:
    """Return the option with a value: `k = 0.316`; empty for a single point."""
    return f"{sweep.name} = {_number(sweep, value)}" if sweep.name else ""


def these(sweep: Sweep, some: Iterable[float], every: Iterable[float]) -> str:
    """Return some of the values among which they lie: `k from 0.1 to 10`, `k = 0.1, 1 and 3 to 10`."""
    if not sweep.name:
        return ""
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
