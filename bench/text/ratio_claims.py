"""Ratios of variances to a control as sentences, which say no more than their intervals do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import BETTER, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.analysis.rows import are_granted
from bench.analysis.sweeps import Sweep
from bench.text.cell_words import placed, span, there
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped, interval_said
from bench.text.ratio_text import between, confidence, inverse, ratio_said
from bench.text.size_words import size_said
from bench.text.words import MOST_WORDS, listed

NONE, SOME = "no variance", "some variance"
"""Kinds beside the marks: of the ratios zero and infinity."""

_WORDS = {
    NONE: ("none at all", "has no variance at all, where {control} has some"),
    BETTER: ("less", "has {times} times less variance than {control}"),
    UNDECIDED: ("not told apart", "cannot be told apart from {control}, with {ratios}"),
    WORSE: ("more", "has {times} times more variance than {control}"),
    SOME: ("some where the other has none", "has some variance, where {control} has none at all"),
    NO_INTERVAL: ("no interval", "has {ratios} to {control} in variance"),
}
"""Kinds of ratios, the least first: a few words for them, and a clause."""


def ratio_claims(
    found: Comparison, sweep: Sweep, unbiased: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return in each setting the least noisy estimator first, and how far all may be believed together.

    Estimators of which the same can be said share a sentence; the least noisy stands alone. The cells in
    `unbiased` have the margin within which both they and the control are unbiased.
    """
    names, frame = distinct(found.estimators), placed(found.frame, sweep)
    frame = frame.assign(
        estimator=frame["estimator"].map(names),
        control=frame["control"].map(names),
        kind=frame["mark"].mask(frame["ratio"] == 0, NONE).mask(frame["ratio"] == np.inf, SOME),
        margin=[plain(unbiased.get(cell, "")) for cell in frame["cell"]],
        wrong=frame["cell"].isin(found.biased),
    )
    settings = frame.groupby("setting", sort=False)
    return [*(text for _, cells in settings for text in _sentences(cells, sweep)), *confidence(found)]


def _finding(cells: pd.DataFrame, sweep: Sweep) -> dict[str, Any]:
    """Return what holds of an estimator at its largest N: a clause for each kind of ratio along the sweep."""
    cells = cells.sort_values(["sample_size", "value"])
    at = cells[cells["sample_size"] == cells["sample_size"].max()]
    wrong, kinds, name = at["wrong"], at["kind"], at["estimator"].iloc[0]
    if wrong.any():
        name += f" (biased{' there' if wrong.all() else there(sweep, at.loc[wrong, 'value'], at['value'])})"
    return {
        "name": name,
        "clauses": tuple(
            _clause(part) + there(sweep, part["value"], at["value"])
            for _, part in at.groupby("kind", sort=False)
        ),
        "size": _size(at),
        "kind": kinds.iloc[0],
        "margin": at["margin"].iloc[0] if at["margin"].nunique() == 1 else "",
        "others": _at_others(cells, sweep),
        "alone": name if len(at) > 1 else "",
        "wrong": wrong.any(),
        "rank": kinds.map(list(_WORDS).index).mean(),
        "ratio": np.log(at["ratio"].clip(1e-300, 1e300)).mean(),
    }


def _sentences(cells: pd.DataFrame, sweep: Sweep) -> Iterator[str]:
    """Yield sentences on estimators of which the same can be said, not too many in each; biased ones last."""
    found = pd.DataFrame([_finding(part, sweep) for _, part in cells.groupby("estimator", sort=False)])
    found = found.sort_values(["wrong", "rank", "ratio"], ignore_index=True)
    best = (found.index == 0) & (found["kind"] == BETTER)
    found["alone"] = found["alone"].mask(best, found["name"])
    for _, alike in found.groupby(["size", "kind", "margin", "others", "alone"], sort=False):
        for i in range(0, len(alike), MOST_WORDS):
            yield _sentence(alike[i : i + MOST_WORDS], cells["control"].iloc[0])


def _sentence(group: pd.DataFrame, control: str) -> str:
    texts: list[str] = []
    clauses: Any
    for clauses, who in group.groupby("clauses", sort=False)["name"]:
        first, *rest = clauses
        texts += [f"{listed([*who])} {re.sub('^has', 'have', first) if len(who) > 1 else first}", *rest]
    # The control is named once.
    for words, brief in ((f" than {control}", ""), (f" from {control},", " from it,")):
        texts[1:] = [text.replace(words, brief) for text in texts[1:]]
    joint = ", and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
    size, margin, others = group[["size", "margin", "others"]].iloc[0]
    both = f", {'both' if len(group) == 1 else 'all'} unbiased {margin}" if margin else ""
    return f"{size} {joint}{both}{others}."


def _clause(part: pd.DataFrame) -> str:
    """Return what holds of points of one kind: the least ratio and the largest, inverted of less variance."""
    kind, control = part[["kind", "control"]].iloc[0]
    ordered = (inverse(part) if kind == BETTER else part).sort_values("ratio", kind="stable")
    texts = map(ratio_said, ordered["ratio"], ordered["low"], ordered["high"])
    times = between(zip(texts, ordered["point"], strict=True))
    several = "ratios" if len(part) > 1 else "a ratio of"
    return _WORDS[kind][1].format(times=times, ratios=f"{several} {times}", control=control)


def _at_others(cells: pd.DataFrame, sweep: Sweep) -> str:
    """Return what holds at sample sizes other than the largest: the same, or where it differs."""
    sizes = cells["sample_size"]
    largest = cells[sizes == sizes.max()].set_index("value")["kind"]
    differ = cells[(cells["kind"] != cells["value"].map(largest)) & (sizes < sizes.max())]
    if differ.empty:
        every = "budget" if are_granted(cells) else "N"
        return f"; so it is at every {every} from {span(sizes)}{_range(cells)}" if sizes.nunique() > 1 else ""
    kinds = differ.groupby(["sample_size", "kind"], sort=False)["value"]
    places = kinds.agg(lambda values: there(sweep, values, cells["value"])).reset_index("sample_size")
    return "".join(
        f"; at {size_said(cells, ', '.join(map(grouped, at)))} {_WORDS[kind][0]}{place}"
        for (kind, place), at in places.groupby(["kind", "value"], sort=False)["sample_size"]
    )


def _range(cells: pd.DataFrame) -> str:
    """Return the ratios at all N, where no single one lies in all intervals of a point."""
    ends = cells.groupby("value").agg({"low": "max", "high": "min"})
    kinds = set(cells["kind"])
    if kinds not in ({BETTER}, {WORSE}) or not (ends["low"] > ends["high"]).any():
        return ""
    found = inverse(cells) if kinds == {BETTER} else cells
    least, most = found["low"].min(), found["high"].max()
    text = ratio_said(least, least, most).partition("(")[2].rstrip(")")
    return f", {text} times {_WORDS[kinds.pop()][0]}"


def scale_claims(whole: pd.DataFrame, sweep: Sweep, control: str) -> Iterator[str]:
    """Yield the variance of the control itself, of which ratios say nothing."""
    known = placed(rows.measured(whole, "variance"), sweep)
    name = distinct(whole["estimator"])[control]
    for _, cells in known[known["estimator"] == control].groupby("setting", sort=False):
        at = cells[cells["sample_size"] == cells["sample_size"].max()].sort_values("variance")
        texts = map(interval_said, at["variance"], at["variance_low"], at["variance_high"])
        place = there(sweep, at["value"], sweep.values.values())
        variance = between(zip(texts, at["point"], strict=True))
        yield f"{_size(at)} one estimate of {name} has variance {variance}{place}."


def _size(at: pd.DataFrame) -> str:
    """Return the beginning of a sentence: `At N = 1000 on cuda`."""
    size, setting = at[["sample_size", "setting"]].iloc[0]
    return f"At {size_said(at, grouped(size))}" + (f" on {setting}" if setting else "")
