"""Ratios to a control along a sweep: one sentence an estimator, by stretches where points agree."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import BETTER, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.analysis.sweeps import Sweep
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped, interval
from bench.text.ratio_claims import confidence
from bench.text.ratio_text import ratio_text
from bench.text.sweep_words import named_value, these

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

NONE, SOME = "no variance", "some variance"
"""Kinds beside the marks: of the ratios zero and infinity."""

_MOST_PARTS = 4
"""Stretches of the sweep in a sentence; where there are more, points of one kind are told together."""

_AT_OTHERS = {
    BETTER: "it has less",
    WORSE: "it has more",
    UNDECIDED: "the two cannot be told apart",
    NO_INTERVAL: "the ratio has no interval",
    NONE: "it has none at all",
    SOME: "only the other has none",
}


@dataclass(frozen=True)
class _Part:
    """Points of one kind, and in words where they lie."""

    kind: str
    rows: Sequence[Row]
    place: str


def sweep_claims(
    found: Comparison,
    sweep: Sweep,
    biased: Collection[str] = (),
    unbiased: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """The least noisy estimator first, as a mean over the points, and how far all may be believed together.

    Args:
        found: ratios of variances.
        sweep: along what.
        biased: the cells that are, which is said beside their variance.
        unbiased: cells -> within which margin both they and the control are unbiased.
    """
    frame = found.frame.assign(
        value=sweep.along(found.frame),
        setting=cell_words.beside(found.frame, sweep),
        kind=[_kind(row) for row in found.frame.itertuples(index=False)],
    )
    names = distinct(found.estimators)
    told: list[tuple[float, str]] = []
    for (_, label), cells in frame.groupby(["setting", "estimator"], sort=False):
        ordered = cells.sort_values(["sample_size", "value"])
        text = _sentence(ordered, names[str(label)], names, sweep, biased, unbiased)
        told.append((_mean_log(ordered), text))
    told.sort(key=lambda each: each[0])
    return [*(text for _, text in told), *confidence(found)]


def scale_claims(whole: pd.DataFrame, sweep: Sweep, control: str) -> Iterator[str]:
    """The variance of the control itself, of which ratios say nothing."""
    known = rows.measured(whole, "variance")
    known = known[known["estimator"] == control]
    name = distinct(whole["estimator"])[control]
    known = known.assign(value=sweep.along(known), setting=cell_words.beside(known, sweep))
    for setting, cells in known.groupby("setting", sort=False):
        at = cells[cells["sample_size"] == cells["sample_size"].max()]
        place = these(sweep, at["value"], sweep.values.values())
        where = _begin(place, f"at N = {grouped(at['sample_size'].iloc[0])}{_on(str(setting))}")
        yield f"{where} one estimate of {name} has variance {_range(at, sweep)}."


def _range(at: pd.DataFrame, sweep: Sweep) -> str:
    """The least variance and the largest."""
    ordered = at.sort_values("variance")
    numbers = zip(ordered["variance"], ordered["variance_low"], ordered["variance_high"], strict=True)
    texts = [interval(*each) for each in numbers]
    if len(texts) == 1:
        return texts[0].replace("…", "to")
    least, most = (_with(texts[i], sweep, ordered["value"].iloc[i]) for i in (0, -1))
    return f"between {least} and {most}"


def _sentence(
    cells: pd.DataFrame,
    name: str,
    names: Mapping[str, str],
    sweep: Sweep,
    biased: Collection[str],
    unbiased: Mapping[str, str],
) -> str:
    largest = cells[cells["sample_size"] == cells["sample_size"].max()]
    at = list(largest.itertuples(index=False))
    who, control = f"{name}{_biased(at, sweep, biased)}", names[at[0].control]
    parts = _parts(at, sweep)
    where = f"at N = {grouped(at[0].sample_size)}{_on(at[0].setting)}"
    if len(parts) == 1:
        head = f"{_begin(parts[0].place, where)} {who} {_clause(parts[0], control, sweep, [])}"
        head += _undecided(parts[0], sweep)
    else:
        said: list[str] = []
        for part in parts:
            said.append(f"{_clause(part, control, sweep, said)} {part.place}")
        head = f"{where[:1].upper()}{where[1:]} {who} {', '.join(said[:-1])}, and {said[-1]}"
    margins = {unbiased.get(row.cell, "") for row in at}
    if len(margins) == 1 and "" not in margins:
        head += f", both unbiased {plain(margins.pop())}"
    return "; ".join([head, *_at_others(cells, sweep)]) + "."


def _parts(at: Sequence[Row], sweep: Sweep) -> list[_Part]:
    """Neighbors of one kind; where these are many, all points of one kind."""
    stretches = [list(group) for _, group in groupby(at, key=lambda row: row.kind)]
    every = [row.value for row in at]
    if len(stretches) > _MOST_PARTS:
        kinds = dict.fromkeys(row.kind for row in at)
        stretches = [[row for row in at if row.kind == kind] for kind in kinds]
        return [_Part(part[0].kind, part, f"for {_these(part, sweep, every)}") for part in stretches]
    if len(stretches) == 1:
        return [_Part(at[0].kind, at, _these(at, sweep, every))]
    return [_Part(part[0].kind, part, _place(part, sweep, every)) for part in stretches]


def _place(part: Sequence[Row], sweep: Sweep, every: Sequence[float]) -> str:
    first, last = part[0].value, part[-1].value
    if len(part) == 1:
        return f"at {named_value(sweep, first)}"
    if first == every[0]:
        return f"up to {named_value(sweep, last)}"
    return (
        f"from {named_value(sweep, first)} on" if last == every[-1] else f"for {_these(part, sweep, every)}"
    )


def _these(part: Sequence[Row], sweep: Sweep, every: Sequence[float]) -> str:
    return these(sweep, [row.value for row in part], every)


def _clause(part: _Part, control: str, sweep: Sweep, said: Sequence[str]) -> str:
    """What holds of the points of one kind; the control is named where it was not yet."""
    other, of = ("it", "") if said else (control, f" than {control}")
    noun = "" if any("variance" in each for each in said) else " variance"
    if part.kind in (BETTER, WORSE):
        return f"has {_times(part, sweep)} times {'less' if part.kind == BETTER else 'more'}{noun}{of}"
    return {
        UNDECIDED: f"cannot be told apart from {other}",
        NO_INTERVAL: f"has a ratio of variances to that of {control} without an interval",
        NONE: "has no variance at all" + ("" if said else f" where {control} has some"),
        SOME: f"has some variance where {control} has none at all",
    }[part.kind]


def _undecided(part: _Part, sweep: Sweep) -> str:
    if part.kind != UNDECIDED:
        return ""
    return f": the ratio of their variances is {_between(part.rows, sweep, inverted=False)}"


def _times(part: _Part, sweep: Sweep) -> str:
    return _between(part.rows, sweep, inverted=part.kind == BETTER)


def _between(at: Sequence[Row], sweep: Sweep, inverted: bool) -> str:
    """The least ratio and the largest, each with its interval and where it is."""
    ordered = sorted(at, key=lambda row: row.ratio, reverse=inverted)
    if len(ordered) == 1:
        return _ratio(ordered[0], inverted).replace("…", "to")
    ends = [_with(_ratio(row, inverted), sweep, row.value) for row in (ordered[0], ordered[-1])]
    return f"between {ends[0]} and {ends[1]}"


def _ratio(row: Row, inverted: bool) -> str:
    if not inverted:
        return ratio_text(row.ratio, row.low, row.high)
    return ratio_text(1 / row.ratio, 1 / row.high, 1 / row.low if row.low else math.inf)


def _with(text: str, sweep: Sweep, value: float) -> str:
    """`3.1 (2.9 to 3.3; k = 0.1)`."""
    text = text.replace("…", "to")
    place = named_value(sweep, value)
    return f"{text[:-1]}; {place})" if text.endswith(")") else f"{text} ({place})"


def _biased(at: Sequence[Row], sweep: Sweep, biased: Collection[str]) -> str:
    wrong = [row.value for row in at if row.cell in biased]
    if not wrong:
        return ""
    every = [row.value for row in at]
    where = "there" if len(wrong) == len(every) else f"for {these(sweep, wrong, every)}"
    return f", which is biased {where},"


def _at_others(cells: pd.DataFrame, sweep: Sweep) -> Iterator[str]:
    """What differs at sample sizes other than the largest."""
    sizes = cells["sample_size"]
    largest = cells[sizes == sizes.max()].set_index("value")["kind"]
    others = cells[sizes < sizes.max()]
    if others.empty:
        return
    differ = others[others["kind"] != others["value"].map(largest)]
    if differ.empty:
        yield f"so it is at every N from {grouped(sizes.min())} to {grouped(sizes.max())}"
    for (size, kind), part in differ.groupby(["sample_size", "kind"], sort=False):
        where = these(sweep, part["value"], cells["value"])
        yield f"at N = {grouped(float(str(size)))} {_AT_OTHERS[str(kind)]} for {where}"


def _kind(row: Row) -> str:
    return NONE if row.ratio == 0 else SOME if math.isinf(row.ratio) else str(row.mark)


def _mean_log(cells: pd.DataFrame) -> float:
    """The mean logarithm of the ratios, by which sentences are ordered."""
    ratios = cells["ratio"].clip(1e-300, 1e300)
    return float(ratios.map(math.log).mean())


def _begin(place: str, where: str) -> str:
    """How a sentence on all points begins: `For k from 0.1 to 10, at N = 1`."""
    return f"For {place}, {where}"


def _on(setting: str) -> str:
    return f" on {setting}" if setting else ""
