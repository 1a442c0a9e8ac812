"""Ratios of variances to a control as sentences, which say no more than their intervals do."""

from __future__ import annotations

import math
import re
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
"""A row of a comparison with `kind`, `text` of the ratio and `point` in words, by `itertuples`."""

NONE, SOME = "no variance", "some variance"
"""Kinds beside the marks: of the ratios zero and infinity."""

_AT_OTHERS = {
    NONE: "none at all",
    BETTER: "less",
    UNDECIDED: "not told apart",
    WORSE: "more",
    SOME: "some where the other has none",
    NO_INTERVAL: "no interval",
}
"""Kinds of ratios, the least first, and a few words for them at sample sizes other than the largest."""

_ORDER = list(_AT_OTHERS)
_MOST = 4
"""Estimators of one sentence, and stretches of a sweep in one; a matter of taste."""


@dataclass(frozen=True)
class _Finding:
    """The ratios of one estimator in a setting at its largest N.

    Attributes:
        name: its label, with where it is biased.
        biased: whether it is biased anywhere.
        where: N, the setting, and the points if one kind holds of them all, in words.
        parts: places in words, and the rows there, which are of one kind.
        others: what holds at other N.
        margin: within which it and the control are unbiased; empty where they are not both.
    """

    name: str
    biased: bool
    where: str
    parts: Sequence[tuple[str, list[Row]]]
    others: str
    margin: str

    @property
    def rows(self) -> list[Row]:
        """Return the rows of all parts."""
        return [row for _, part in self.parts for row in part]

    @property
    def shared(self) -> tuple[str, ...]:
        """Return what estimators have in common that share a sentence; along a sweep each has its own."""
        apart = self.name if len(self.rows) > 1 else ""
        return (self.where, self.rows[0].kind, self.others, self.margin, apart)

    @property
    def order(self) -> tuple[bool, float, float]:
        """Return a key by which those with the least variance come first, and biased ones last."""
        kinds = [_ORDER.index(row.kind) for row in self.rows]
        logs = [math.log(min(max(row.ratio, 1e-300), 1e300)) for row in self.rows]
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
    frame = _placed(found.frame, sweep)
    kinds = frame["mark"].mask(frame["ratio"] == 0, NONE).mask(frame["ratio"] == math.inf, SOME)
    frame = frame.assign(kind=kinds, margin=[unbiased.get(cell, "") for cell in frame["cell"]])
    frame = frame.assign(text=list(map(_text, frame.itertuples())), wrong=frame["cell"].isin(set(biased)))
    names = distinct(found.estimators)
    said = []
    for _, setting in frame.groupby("setting", sort=False):
        by_label = setting.groupby("estimator", sort=False)
        findings = [_finding(cells, names[str(label)], sweep) for label, cells in by_label]
        together = _together(sorted(findings, key=lambda each: each.order))
        said += [_sentence(group, names[group[0].rows[0].control]) for group in together]
    return [*said, *confidence(found)]


def scale_claims(whole: pd.DataFrame, sweep: Sweep, control: str) -> Iterator[str]:
    """Yield the variance of the control itself, of which ratios say nothing.

    Args:
        whole: the measurements of the whole gradient.
        sweep: as for `ratio_claims`.
        control: its label.
    """
    known = _placed(rows.measured(whole, "variance"), sweep)
    name = distinct(whole["estimator"])[control]
    for _, cells in known[known["estimator"] == control].groupby("setting", sort=False):
        at = cells[cells["sample_size"] == cells["sample_size"].max()].sort_values("variance")
        numbers = zip(at["variance"], at["variance_low"], at["variance_high"], strict=True)
        texts = [interval(*each).replace("…", "to") for each in numbers]
        where = _where(at, these(sweep, at["value"], sweep.values.values()))
        yield f"{where} one estimate of {name} has variance {between(zip(texts, at['point'], strict=True))}."


def _placed(frame: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Return rows with their value along the sweep, the same in words, and their other settings."""
    value = sweep.along(frame)
    point = [named_value(sweep, each) for each in value]
    return frame.assign(value=value, point=point, setting=cell_words.beside(frame, sweep))


def _text(row: Row) -> str:
    ratio = Ratio(row.ratio, row.low, row.high)
    return str(ratio.inverse if row.kind == BETTER else ratio)


def _finding(cells: pd.DataFrame, name: str, sweep: Sweep) -> _Finding:
    ordered = cells.sort_values(["sample_size", "value"])
    at = ordered[ordered["sample_size"] == ordered["sample_size"].max()]
    wrong, margins = at.loc[at["wrong"], "value"], at["margin"].unique()
    where = "there" if len(wrong) == len(at) else f"for {these(sweep, wrong, at['value'])}"
    parts = [
        (f"for {these(sweep, [row.value for row in part], at['value'])}", part)
        for part in _stretches(list(at.itertuples(index=False)))
    ]
    one = len(parts) == 1
    return _Finding(
        f"{name} (biased {where})" if len(wrong) else name,
        len(wrong) > 0,
        _where(at, these(sweep, at["value"], at["value"]) if one else ""),
        [("", parts[0][1])] if one else parts,
        "; ".join(_at_others(ordered, sweep)),
        plain(margins[0]) if len(margins) == 1 else "",
    )


def _stretches(at: list[Row]) -> list[list[Row]]:
    """Return neighbors of one kind; where these are many, all points of one kind."""
    stretches = [list(group) for _, group in groupby(at, key=lambda row: row.kind)]
    if len(stretches) <= _MOST:
        return stretches
    kinds = dict.fromkeys(row.kind for row in at)
    return [[row for row in at if row.kind == kind] for kind in kinds]


def _together(ordered: Sequence[_Finding]) -> Iterator[list[_Finding]]:
    best = ordered[:1] if {row.kind for row in ordered[0].rows} == {BETTER} else []
    if best:
        yield list(best)
    together: dict[tuple[str, ...], list[_Finding]] = {}
    for each in ordered[len(best) :]:
        together.setdefault(each.shared, []).append(each)
    for group in together.values():
        yield from (group[i : i + _MOST] for i in range(0, len(group), _MOST))


def _sentence(group: Sequence[_Finding], control: str) -> str:
    first = group[0]
    same: dict[tuple[str, ...], list[_Finding]] = {}
    for each in group:
        same.setdefault(tuple(_times(part) for _, part in each.parts), []).append(each)
    clauses: list[str] = []
    heads = []
    for alike in same.values():
        texts = []
        for place, part in alike[0].parts:
            clauses.append(_clause(part, control, clauses))
            texts.append(f"{clauses[-1]} {place}".rstrip())
        said = _joined(texts) if len(alike) == 1 else re.sub("^has ", "have ", _joined(texts))
        heads.append(f"{listed([each.name for each in alike], most=_MOST)} {said}")
    margin = f", {'both' if len(group) == 1 else 'all'} unbiased {first.margin}" if first.margin else ""
    others = f"; {first.others}" if first.others else ""
    return f"{first.where} {_joined(heads)}{margin}{others}."


def _where(at: pd.DataFrame, place: str) -> str:
    """Return the beginning of a sentence: `For k from 0.1 to 10, at N = 1000 on cuda`."""
    size, setting = at[["sample_size", "setting"]].iloc[0]
    where = f"t N = {grouped(size)}" + (f" on {setting}" if setting else "")
    return f"For {place}, a{where}" if place else f"A{where}"


def _joined(texts: Sequence[str]) -> str:
    return ", and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))


def _clause(part: Sequence[Row], control: str, said: Sequence[str]) -> str:
    """Return what holds of the points of one kind; the control is named where it was not yet."""
    kind = part[0].kind
    other, than = ("it", "") if said else (control, f" than {control}")
    noun = "" if any("variance" in each for each in said) else " variance"
    ratios = ("ratios " if len(part) > 1 else "a ratio of ") + _times(part)
    return {
        BETTER: f"has {_times(part)} times less{noun}{than}",
        WORSE: f"has {_times(part)} times more{noun}{than}",
        UNDECIDED: f"cannot be told apart from {other}, with {ratios}",
        NO_INTERVAL: f"has {ratios} to {control} in variance",
        NONE: "has no variance at all" + ("" if said else f", where {control} has some"),
        SOME: f"has some variance, where {control} has none at all",
    }[kind]


def _times(part: Sequence[Row]) -> str:
    """Return the least ratio and the largest, each with its interval and place; of less variance inverted."""
    ordered = sorted(part, key=lambda row: row.ratio, reverse=part[0].kind == BETTER)
    return between((row.text, row.point) for row in ordered)


def _at_others(cells: pd.DataFrame, sweep: Sweep) -> Iterator[str]:
    """Yield what holds at sample sizes other than the largest: the same, or where it differs."""
    sizes = cells["sample_size"]
    largest = cells[sizes == sizes.max()].set_index("value")["kind"]
    differ = cells[(sizes < sizes.max()) & (cells["kind"] != cells["value"].map(largest))]
    if differ.empty and sizes.nunique() > 1:
        yield f"so it is at every N from {grouped(sizes.min())} to {grouped(sizes.max())}{_range(cells)}"
    places: dict[tuple[str, str], list[str]] = {}
    for (size, kind), part in differ.groupby(["sample_size", "kind"], sort=False):
        place = these(sweep, part["value"], cells["value"])
        key = (_AT_OTHERS[str(kind)], f" for {place}" if place else "")
        places.setdefault(key, []).append(grouped(float(str(size))))
    yield from (f"at N = {', '.join(at)} {kind}{place}" for (kind, place), at in places.items())


def _range(cells: pd.DataFrame) -> str:
    """Return the ratios at all N, where no single one lies in all intervals of a point."""
    ends = cells.groupby("value").agg({"low": "max", "high": "min"})
    kinds = set(cells["kind"])
    if kinds not in ({BETTER}, {WORSE}) or not (ends["low"] > ends["high"]).any():
        return ""
    low, high = cells["low"].min(), cells["high"].max()
    less = kinds == {BETTER}
    text = str(Ratio(high, low, high).inverse if less else Ratio(low, low, high))
    return f", {text.partition('(')[2].rstrip(')')} times {'less' if less else 'more'}"
