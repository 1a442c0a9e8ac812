"""Ratios of variances to a control as sentences, which say no more than their intervals do."""

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
from bench.text.ratio_text import Ratio, between, confidence
from bench.text.sweep_words import named_value, these
from bench.text.words import listed

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

NONE, SOME = "no variance", "some variance"
"""Kinds beside the marks: of the ratios zero and infinity."""

_ORDER = (NONE, BETTER, UNDECIDED, WORSE, SOME, NO_INTERVAL)
_MOST = 4
"""Estimators of one sentence, and stretches of a sweep in one; a matter of taste."""

_AT_OTHERS = {
    BETTER: "less",
    WORSE: "more",
    UNDECIDED: "not told apart",
    NO_INTERVAL: "no interval",
    NONE: "none at all",
    SOME: "some where the other has none",
}
"""What holds at sample sizes other than the largest, in a word or two."""


@dataclass(frozen=True)
class _Part:
    """Points of one kind.

    Attributes:
        rows: one for each point.
        place: where they lie, in words; empty for all points.
    """

    rows: Sequence[Row]
    place: str

    @property
    def kind(self) -> str:
        """Return the kind that all have."""
        return str(self.rows[0].kind)


@dataclass(frozen=True)
class _Estimator:
    """One estimator in a setting.

    Attributes:
        name: its label, with where it is biased.
        biased: whether it is biased anywhere at its largest N.
        at: the rows at its largest N, by their place along the sweep.
        parts: the same by kind.
        others: what holds at other N.
        margin: within which it and the control are unbiased; empty where they are not both.
    """

    name: str
    biased: bool
    at: Sequence[Row]
    parts: Sequence[_Part]
    others: str
    margin: str

    @property
    def alike(self) -> tuple[Any, ...]:
        """Return what estimators share that are told in one sentence; along a sweep each has its own."""
        apart = self.name if len(self.at) > 1 else ""
        return (self.at[0].sample_size, self.parts[0].kind, self.others, self.margin, apart)

    @property
    def order(self) -> tuple[bool, float, float]:
        """Return a key by which those with the least variance come first, and biased ones last."""
        kinds = [_ORDER.index(row.kind) for row in self.at]
        logs = [math.log(min(max(row.ratio, 1e-300), 1e300)) for row in self.at]
        return self.biased, sum(kinds) / len(kinds), sum(logs) / len(logs)


def ratio_claims(
    found: Comparison,
    sweep: Sweep,
    biased: Collection[str] = (),
    unbiased: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Return in each setting the least noisy estimator first, and how far all may be believed together.

    Estimators of which the same can be said share a sentence; the least noisy stands alone.

    Args:
        found: ratios of variances.
        sweep: along what the points lie; of a single point where there is no sweep.
        biased: the cells that are, which is said beside their variance.
        unbiased: cells -> within which margin both they and the control are unbiased.
    """
    frame = found.frame.assign(
        value=sweep.along(found.frame),
        setting=cell_words.beside(found.frame, sweep),
        kind=[_kind(row) for row in found.frame.itertuples(index=False)],
    )
    names = distinct(found.estimators)
    said = []
    for _, setting in frame.groupby("setting", sort=False):
        estimators = [
            _estimator(cells, names[str(label)], sweep, biased, unbiased)
            for label, cells in setting.groupby("estimator", sort=False)
        ]
        ordered = sorted(estimators, key=lambda each: each.order)
        said += [_sentence(alike, names[alike[0].at[0].control], sweep) for alike in _alike(ordered)]
    return [*said, *confidence(found)]


def scale_claims(whole: pd.DataFrame, sweep: Sweep, control: str) -> Iterator[str]:
    """Yield the variance of the control itself, of which ratios say nothing.

    Args:
        whole: the measurements of the whole gradient.
        sweep: as for `ratio_claims`.
        control: its label.
    """
    known = rows.measured(whole, "variance")
    name = distinct(whole["estimator"])[control]
    known = known.assign(value=sweep.along(known), setting=cell_words.beside(known, sweep))
    for setting, cells in known[known["estimator"] == control].groupby("setting", sort=False):
        at = cells[cells["sample_size"] == cells["sample_size"].max()].sort_values("variance")
        numbers = zip(at["variance"], at["variance_low"], at["variance_high"], at["value"], strict=True)
        texts = [(interval(*each).replace("…", "to"), named_value(sweep, value)) for *each, value in numbers]
        where = _where(at.iloc[0], str(setting), these(sweep, at["value"], sweep.values.values()))
        yield f"{where} one estimate of {name} has variance {between(texts)}."


def _kind(row: Row) -> str:
    return NONE if row.ratio == 0 else SOME if math.isinf(row.ratio) else str(row.mark)


def _estimator(
    cells: pd.DataFrame, name: str, sweep: Sweep, biased: Collection[str], unbiased: Mapping[str, str]
) -> _Estimator:
    ordered = cells.sort_values(["sample_size", "value"])
    at: list[Row] = list(
        ordered[ordered["sample_size"] == ordered["sample_size"].max()].itertuples(index=False)
    )
    wrong = [row.value for row in at if row.cell in biased]
    where = "there" if len(wrong) == len(at) else f"for {_these(sweep, wrong, at)}"
    margins = {unbiased.get(row.cell, "") for row in at}
    return _Estimator(
        f"{name} (biased {where})" if wrong else name,
        bool(wrong),
        at,
        list(_parts(at, sweep)),
        "; ".join(_at_others(ordered, sweep)),
        margins.pop() if len(margins) == 1 else "",
    )


def _these(sweep: Sweep, values: Sequence[float], at: Sequence[Row]) -> str:
    return these(sweep, values, [row.value for row in at])


def _parts(at: Sequence[Row], sweep: Sweep) -> Iterator[_Part]:
    """Yield neighbors of one kind; where these are many, all points of one kind."""
    stretches = [list(group) for _, group in groupby(at, key=lambda row: row.kind)]
    if len(stretches) > _MOST:
        kinds = dict.fromkeys(row.kind for row in at)
        stretches = [[row for row in at if row.kind == kind] for kind in kinds]
    for part in stretches:
        place = f"for {_these(sweep, [row.value for row in part], at)}"
        yield _Part(part, place if len(stretches) > 1 else "")


def _alike(ordered: Sequence[_Estimator]) -> Iterator[list[_Estimator]]:
    best = ordered[:1] if {row.kind for row in ordered[0].at} == {BETTER} else []
    if best:
        yield list(best)
    together: dict[tuple[Any, ...], list[_Estimator]] = {}
    for each in ordered[len(best) :]:
        together.setdefault(each.alike, []).append(each)
    for group in together.values():
        yield from (group[i : i + _MOST] for i in range(0, len(group), _MOST))


def _sentence(alike: Sequence[_Estimator], control: str, sweep: Sweep) -> str:
    first = alike[0]
    every = "" if len(first.parts) > 1 else _these(sweep, [row.value for row in first.at], first.at)
    same: dict[tuple[str, ...], list[_Estimator]] = {}
    for each in alike:
        same.setdefault(tuple(_times(part, sweep) for part in each.parts), []).append(each)
    clauses: list[str] = []
    heads = []
    for group in same.values():
        texts = []
        for part in group[0].parts:
            clauses.append(_clause(part, control, sweep, clauses))
            texts.append(f"{clauses[-1]} {part.place}".rstrip())
        who = listed([each.name for each in group], most=_MOST)
        heads.append(f"{who} {_verb(_joined(texts), len(group) > 1)}")
    both = "both" if len(alike) == 1 else "all"
    margin = f", {both} unbiased {plain(first.margin)}" if first.margin else ""
    others = f"; {first.others}" if first.others else ""
    return f"{_where(first.at[0], first.at[0].setting, every)} {_joined(heads)}{margin}{others}."


def _where(row: Row, setting: str, place: str) -> str:
    """Return the beginning of a sentence: `For k from 0.1 to 10, at N = 1000 on cuda`."""
    at = f"t N = {grouped(row.sample_size)}" + (f" on {setting}" if setting else "")
    return f"For {place}, a{at}" if place else f"A{at}"


def _joined(texts: Sequence[str]) -> str:
    return ", and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]


def _verb(clause: str, several: bool) -> str:
    return f"have{clause.removeprefix('has')}" if several and clause.startswith("has ") else clause


def _clause(part: _Part, control: str, sweep: Sweep, said: Sequence[str]) -> str:
    """Return what holds of the points of one kind; the control is named where it was not yet."""
    other, of = ("it", "") if said else (control, f" than {control}")
    noun = "" if any("variance" in each for each in said) else " variance"
    if part.kind in (BETTER, WORSE):
        return f"has {_times(part, sweep)} times {'less' if part.kind == BETTER else 'more'}{noun}{of}"
    of = ("ratios " if len(part.rows) > 1 else "a ratio of ") + _times(part, sweep)
    return {
        UNDECIDED: f"cannot be told apart from {other}, with {of}",
        NO_INTERVAL: f"has {of} to {control} in variance",
        NONE: "has no variance at all" + ("" if said else f", where {control} has some"),
        SOME: f"has some variance, where {control} has none at all",
    }[part.kind]


def _times(part: _Part, sweep: Sweep) -> str:
    """Return the least ratio and the largest, each with its interval and place; of less variance inverted."""
    less = part.kind == BETTER
    ordered = sorted(part.rows, key=lambda row: row.ratio, reverse=less)
    ratios = [Ratio(row.ratio, row.low, row.high) for row in ordered]
    texts = [str(ratio.inverse if less else ratio) for ratio in ratios]
    return between((text, named_value(sweep, row.value)) for text, row in zip(texts, ordered, strict=True))


def _at_others(cells: pd.DataFrame, sweep: Sweep) -> Iterator[str]:
    """Yield what holds at sample sizes other than the largest: the same, or where it differs."""
    sizes = cells["sample_size"]
    largest = cells[sizes == sizes.max()].set_index("value")["kind"]
    others = cells[sizes < sizes.max()]
    if others.empty:
        return
    if (others["kind"] == others["value"].map(largest)).all():
        yield f"so it is at every N from {grouped(sizes.min())} to {grouped(sizes.max())}{_range(cells)}"
        return
    differ = others[others["kind"] != others["value"].map(largest)]
    places: dict[tuple[str, str], list[str]] = {}
    for (size, kind), part in differ.groupby(["sample_size", "kind"], sort=False):
        place = these(sweep, part["value"], cells["value"])
        key = (_AT_OTHERS[str(kind)], f" for {place}" if place else "")
        places.setdefault(key, []).append(grouped(float(str(size))))
    yield from (f"at N = {', '.join(at)} {kind}{place}" for (kind, place), at in places.items())


def _range(cells: pd.DataFrame) -> str:
    """Return the ratios at all N, where no single one lies in all intervals of a point."""
    at_points = cells.groupby("value")[["low", "high"]].agg({"low": "max", "high": "min"})
    kinds = set(cells["kind"])
    if kinds not in ({BETTER}, {WORSE}) or not (at_points["low"] > at_points["high"]).any():
        return ""
    low, high = cells["low"].min(), cells["high"].max()
    all_of_them = Ratio(low, low, high) if kinds == {WORSE} else Ratio(high, low, high).inverse
    return (
        f", {str(all_of_them).partition('(')[2].rstrip(')')} times {'less' if kinds == {BETTER} else 'more'}"
    )
