"""Axes of charts: scales, ticks, and labels as powers of ten, ordinary numbers or percents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from bench.analysis.rows import are_granted
from bench.text.size_words import EVALUATIONS

Settings = dict[str, Any]  # keyword arguments of `altair.X` or `altair.Y`
Title = str | Sequence[str] | None

SAMPLES = "samples per estimate, N"
MOST_NAMED = 8  # values of an axis that are named; of many more, round numbers are

_LOG: Settings = {"type": "log", "nice": False, "padding": 12}
_EXPONENT = "floor(log(datum.value) / LN10 + 1e-9)"
_DIGITS = f"format(datum.value / pow(10, {_EXPONENT}), '.2~f')"
_DIGIT = "substring('⁰¹²³⁴⁵⁶⁷⁸⁹', {0}, {0} + 1)"
_TENS, _ONES = f"floor(abs({_EXPONENT}) / 10)", f"abs({_EXPONENT}) % 10"
_RAISED = f"({_EXPONENT} < 0 ? '⁻' : '') + ({_TENS} ? {_DIGIT.format(_TENS)} : '') + {_DIGIT.format(_ONES)}"
_POWER = f"({_DIGITS} == '1' ? '' : {_DIGITS} + '·') + '10' + {_RAISED}"
NUMBER = f"datum.value >= 1e-3 && datum.value < 1e6 ? format(datum.value, '.6~r') : {_POWER}"
"""A label as an ordinary number, if it has few digits: N = 10000, as in the titles of panels."""
POWERS = f"{_DIGITS} != '1' && datum.value >= 1 && datum.value < 100 ? format(datum.value, '.3~r') : {_POWER}"
"""A label as a power of ten: 10⁻⁵, or 2·10⁻⁵; a small number that is none as it is."""
THREE_DIGITS = "format(datum.value, '.3~r')"  # a label of an option: 0.316, 1, 1000
PLAIN = (
    "datum.value == 0 || abs(datum.value) >= 1e-6 && abs(datum.value) < 1e6"
    f" ? format(datum.value, '.6~r') : {_POWER}"
)
"""A label of a linear axis that is positive."""
PERCENT = "format(100 * datum.value, '.3~r') + ' %'"  # a label of a share: 2.5 %


def size_title(rows: pd.DataFrame) -> str:
    """Return the title of the axis of `sample_size`."""
    return f"{EVALUATIONS} per estimate" if are_granted(rows) else SAMPLES


def plain(title: Title, **axis: Any) -> Settings:
    """Return a linear axis of numbers that need not begin at zero."""
    settings = {"tickCount": 5, "labelOverlap": "greedy", "grid": True, **axis}
    return {"title": title, "scale": alt.Scale(zero=False), "axis": alt.Axis(**settings)}


def logarithmic(title: Title, values: Iterable[float] = (), label: str = NUMBER) -> Settings:
    """Return a logarithmic axis whose ticks are the values themselves, or each second, if they are few."""
    axis: Settings = {"labelOverlap": "greedy", "labelSeparation": 8, "labelExpr": label, "grid": True}
    axis |= named(values)
    if "values" not in axis:
        # Vega leaves the labels of superfluous ticks empty: of a long axis it names the powers of ten only.
        seen = {"condition": {"test": "datum.label != ''", "value": 1}, "value": 0}
        axis |= {"tickCount": 5, "gridOpacity": seen, "tickOpacity": seen}
        axis["labelExpr"] = f"datum.label == '' ? '' : {label}"
    return {"title": title, "scale": alt.Scale(**_LOG), "axis": alt.Axis(**axis)}


def named(values: Iterable[float]) -> Settings:
    """Return as ticks the values, or each second of up to twice as many; nothing of more or of none."""
    taken = sorted({float(value) for value in values})
    step = math.ceil(len(taken) / MOST_NAMED)
    return {"values": taken[::step]} if step in (1, 2) else {}


def powers(title: Title, values: Iterable[float] = ()) -> Settings:
    """Return a logarithmic axis whose labels are powers of ten, if the values span three or more of them."""
    sizes = [value for value in map(float, values) if 0 < value < math.inf]
    few = sizes and max(sizes) < 1000 * min(sizes) and min(sizes) >= 1e-3 and max(sizes) < 1e4
    return logarithmic(title, label=NUMBER if few else POWERS)
