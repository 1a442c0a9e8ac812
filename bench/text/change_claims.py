"""Changes since the first run, in a sentence."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from bench.analysis.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.statistics.metric_table import COMPARED
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import count
from bench.text.ratio_text import level_text, ratio_text
from bench.text.words import listed

Row = Any
"""A row of changes, by `itertuples`: one attribute a column."""

MACHINE = "what else the machine did during either run is in its seconds, and in no interval of them"


def change_claims(found: Comparison) -> list[str]:
    """Return a sentence: for each metric how many cells are worse, or better, and which most.

    Text on one line; labels are data and must be escaped for where they go.

    Args:
        found: as `changes` gives it.
    """
    frame = found.frame
    if frame.empty:
        return []
    runs = frame[["run", "against"]].drop_duplicates()
    first = f"{plain(runs['run'].iloc[0], 80)} against {plain(runs['against'].iloc[0], 80)}"
    head = first if len(runs) == 1 else f"{len(runs)} later runs against the first"
    names = distinct(frame["estimator"])
    whos = frame["estimator"].map(names) + ("" if len(runs) == 1 else " of " + frame["run"].map(plain))
    moved = frame.assign(who=whos, setting=cell_words.setting_of(frame))
    parts = [_changed(str(metric), part) for metric, part in moved.groupby("metric", sort=False)]
    if (intervals := int(frame["low"].notna().sum())) > 1:
        parts.append(f"all {intervals} intervals hold together with {level_text(1 - FALSE_CLAIMS)}")
    timed = frame["metric"].map(lambda metric: COMPARED[metric].timed)
    if frame.loc[timed, "mark"].isin([BETTER, WORSE]).any():
        parts.append(MACHINE)
    return [f"{head}: {'; '.join(parts)}."]


def _changed(metric: str, cells: pd.DataFrame) -> str:
    name = COMPARED[metric].label
    same = int(((cells["ratio"] == 1) & (cells["mark"] == UNDECIDED)).sum())
    if same == len(cells):
        return f"{name} exactly the same in {'the one cell' if same == 1 else f'all {same} cells'}"
    undecided = cells[cells["mark"] == UNDECIDED]
    worse, better = (cells[cells["mark"] == mark] for mark in (WORSE, BETTER))
    numbers = {
        f"worse ({_most(worse)})": len(worse),
        f"better ({_most(better)})": len(better),
        "not told apart": len(undecided) - same,
        "exactly the same": same,
        "without an interval": int((cells["mark"] == NO_INTERVAL).sum()),
    }
    told = [f"{number} {words}" for words, number in numbers.items() if number]
    return f"{name} of {len(cells)} cell{'s' if len(cells) > 1 else ''}: {', '.join(told)}"


def _most(cells: pd.DataFrame) -> str:
    """Return the cells that changed most, with their ratios; empty without any."""
    sizes = [abs(math.log(ratio)) if 0 < ratio < math.inf else math.inf for ratio in cells["ratio"]]
    ordered = cells.assign(size=sizes).sort_values("size", ascending=False, kind="stable")
    return listed([_cell(row) for row in ordered.itertuples(index=False)]) if len(cells) else ""


def _cell(row: Row) -> str:
    on = f" on {row.setting}" if row.setting else ""
    ratio = ratio_text(row.ratio, row.low, row.high).replace("…", "to")
    return f"{row.who} at N = {count(row.sample_size)}{on} by {ratio}"
