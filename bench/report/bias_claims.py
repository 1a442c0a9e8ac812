"""Verdicts on bias as sentences, grouped over estimators and sample sizes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.report import rows
from bench.report.labels import distinct, plain
from bench.report.numbers import count, interval, significant


def bias_claims(whole: pd.DataFrame) -> list[str]:
    """One sentence on all that is unbiased, one for each estimator that is biased or may be.

    Args:
        whole: the measurements of the whole gradient.
    """
    frame = whole[whole["status"] == "ok"]
    return [*_within(frame), *_biased(frame), *_unresolved(frame), *_unknown(frame)]


def biased_cells(whole: pd.DataFrame) -> set[str]:
    """The cells whose verdict is that they are biased."""
    return set(whole.loc[(whole["status"] == "ok") & (whole["verdict"] == "biased"), "cell"])


def _within(frame: pd.DataFrame) -> Iterator[str]:
    shown = frame[frame["verdict"].str.startswith("within")]
    for verdict, part in shown.groupby("verdict", sort=False):
        # The test errs in one of twenty cells, which a reader of many should know.
        test = "by a test of equivalence at 5 % in each cell"
        yield f"Unbiased {plain(verdict)} of the gradient's norm, {test}: {_which(part, frame)}."


def _biased(frame: pd.DataFrame) -> Iterator[str]:
    for who, cells in _by_estimator(frame, frame["verdict"] == "biased"):
        last = cells.iloc[-1]
        off = interval(last["bias"], last["bias_low"], last["bias_high"]).replace("…", "to")
        at = f"at N = {count(last['sample_size'])} the mean estimate is off by {off}"
        norm = significant(last["truth_norm"])
        yield f"Biased is {who} at {_sizes(cells)}: {at}, where the gradient has norm {norm}."


def _unresolved(frame: pd.DataFrame) -> Iterator[str]:
    for who, cells in _by_estimator(frame, frame["verdict"].str.startswith("unresolved")):
        parts = [
            f"at {_sizes(part)}{plain(verdict).removeprefix('unresolved')}"
            for verdict, part in cells.groupby("verdict", sort=False)
        ]
        yield f"Whether {who} is biased is unresolved {'; '.join(parts)}."


def _unknown(frame: pd.DataFrame) -> Iterator[str]:
    part = frame[frame["verdict"].isin(["unknown", ""])]
    if len(part):
        why = ": the true gradient is not known" if (part["truth"] == "none").all() else ""
        yield f"Nothing can be said of the bias of {_which(part, frame)}{why}."


def _by_estimator(frame: pd.DataFrame, chosen: pd.Series[bool]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each estimator with its setting in words, and its chosen cells by N."""
    names, settings = distinct(frame["estimator"]), rows.setting_of(frame)
    for (setting, label), cells in frame[chosen].groupby([settings[chosen], "estimator"], sort=False):
        on = f" on {setting}" if setting else ""
        yield names[str(label)] + on, cells.sort_values("sample_size")


def _which(part: pd.DataFrame, frame: pd.DataFrame) -> str:
    cells = rows.which(part, frame)
    return "every estimator at every N" if cells == "every cell" else cells


def _sizes(cells: pd.DataFrame) -> str:
    return "N = " + ", ".join(map(count, cells["sample_size"]))
