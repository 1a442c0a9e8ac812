"""Judgments of the reference runs on estimators: where each came first, lost, and was biased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bench.text.numbers import significant

KEPT = Path(__file__).with_name("choosing.json")
"""Facts of the shipped scenarios: the order in which the estimators came out."""

_MOST = 3
_COMPARED = "variance × evaluations of f"


def judgments(estimator: str) -> dict[str, str]:
    """Return what the reference runs say of an estimator, by its name in the catalogue.

    Compared is the variance times the evaluations of f, at the size at which most of a run were measured,
    of those that have some and are not shown to be biased there; a win or loss is told where the intervals
    of both lie apart. Biased is what was found to be so in any cell.
    """
    said = {
        "wins": _listed(_wins(estimator), "; "),
        "loses": _lost(estimator),
        "biased": _listed(_biased(estimator), "; "),
    }
    found = {key: text for key, text in said.items() if text}
    return found if found or _is_measured(estimator) else {"measured": "in no reference run"}


def _is_measured(estimator: str) -> bool:
    return any(row["name"] == estimator for run in _runs().values() for row in run["order"])


def _wins(estimator: str) -> Iterator[str]:
    """Yield the runs in which it came first, and by how much."""
    for name, run in _runs().items():
        others = [row for row in run["order"] if not row["biased"] and row["factor"] > 0]
        if len(others) > 1 and others[0]["name"] == estimator:
            second = next((row for row in others if row["name"] != estimator), None)
            if second is not None and second["low"] > others[0]["high"]:
                times = f"{_factor(second['factor'])} times less {_COMPARED} than {second['estimator']}"
                yield f"{name} ({_at(run)}): {times}"


def _lost(estimator: str) -> str:
    """Return where it lost most to another, and by how much; empty if it never did."""
    worst, text = 1.0, ""
    for name, run in _runs().items():
        own = [row for row in run["order"] if row["name"] == estimator and not row["biased"]]
        others = [row for row in run["order"] if row["name"] != estimator and not row["biased"]]
        best = next((row for row in others if row["factor"] > 0), None)
        if not own or best is None or own[-1]["low"] <= best["high"]:
            continue
        if own[-1]["factor"] / best["factor"] > worst:
            worst = own[-1]["factor"] / best["factor"]
            times = f"{_factor(worst)} times the {_COMPARED} of {best['estimator']}"
            text = f"{name} ({_at(run)}): {own[-1]['estimator']} has {times}"
    return text


def _biased(estimator: str) -> Iterator[str]:
    """Yield the runs in which it was shown to be biased."""
    for name, run in _runs().items():
        labels = [_in_cells(each) for each in run["biased"] if each["name"] == estimator]
        if labels:
            yield f"{name} ({_listed(labels, ', ')})"


def _in_cells(found: Mapping[str, Any]) -> str:
    some = f" in {found['cells']} of {found['of']} cells" if found["cells"] < found["of"] else ""
    return f"{found['estimator']}{some}"


def _factor(times: float) -> str:
    return f"{times:.3g}" if times < 1000 else significant(times)


def _at(run: Mapping[str, Any]) -> str:
    _, _, point = run["problem"].partition(" (")
    return ", ".join(filter(None, [run["size"], point.rstrip(")")]))


def _listed(found: Iterable[str], between: str) -> str:
    texts = list(found)
    more = len(texts) - _MOST
    return between.join([*texts[:_MOST], *([f"and {more} more"] if more > 0 else [])])


@cache
def _runs() -> dict[str, Any]:
    runs: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return runs
