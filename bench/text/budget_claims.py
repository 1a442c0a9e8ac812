"""Which estimator to take at which budget, in sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.analysis.budgets import SECONDS, Market, Range, answers
from bench.text.labels import distinct, plain
from bench.text.numbers import count, duration
from bench.text.words import few, listed

LESS_THAN_SURE = (
    "Estimators that are joined by 'or' are not told apart: the intervals of their errors overlap."
)


def budget_claims(found: pd.DataFrame) -> list[str]:
    """A sentence for each answer, with all the runs and settings that give it.

    Consecutive budgets with the same answer are one range. Text on one line, of plain characters;
    labels are data and must be escaped for where they go.

    Args:
        found: as `reached` gives it.
    """
    names = distinct(found["estimator"].unique())
    several = found[["device", "dtype"]].drop_duplicates().shape[0] > 1
    places: dict[tuple[str, str], list[str]] = {}
    doubtful = False
    for market, ranges in answers(found):
        doubtful |= any(len(each.estimators) > 1 for each in ranges)
        answer = (market[-1], _answer(ranges, names, market[-1]))
        places.setdefault(answer, []).append(_place(market, several))
    sentences = [
        f"By {currency}, on {listed(where)}: {answer}." for (currency, answer), where in places.items()
    ]
    return [*few(sentences), *([LESS_THAN_SURE] if doubtful else [])]


def _answer(ranges: Sequence[Range], names: Mapping[str, str], currency: str) -> str:
    whos = [listed([names[label] for label in each.estimators], "or") for each in ranges]
    if len(ranges) == 1:
        return f"{whos[0]} at every budget"
    parts = [f"up to {_budget(e.most, currency)} {who}" for e, who in zip(ranges, whos, strict=True)][:-1]
    return "; ".join([*parts, f"from {_budget(ranges[-1].least, currency)} on {whos[-1]}"])


def _place(market: Market, several: bool) -> str:
    run, _, device, dtype, _ = market
    return f"{plain(run, 80)} ({plain(device)}, {plain(dtype)})" if several else plain(run, 80)


def _budget(value: float, currency: str) -> str:
    if currency == SECONDS:
        return re.sub(r"\.0+ ", " ", duration(value))  # budgets are round
    return f"{count(value)} {plain(currency)}"
