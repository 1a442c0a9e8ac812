"""What changed since the first run, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis.before_after import Changes
from bench.analysis.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, WORSE
from bench.statistics.metric_table import COMPARED
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.left_out import notes
from bench.text.numbers import count
from bench.text.ratio_text import level_text, ratio_text
from bench.text.words import few, listed, notes_on

Row = Any
"""A row of changes, by `itertuples`: one attribute a column."""

MACHINE = "What else the machine did during either run is in its seconds, and in no interval of them."


def change_claims(found: Changes) -> list[str]:
    """One sentence for each later run and metric: how many cells are worse, or better, and which.

    Text on one line each; labels are data and must be escaped for where they go.

    Args:
        found: as `changes` gives it.
    """
    names = distinct(found.frame["estimator"])
    parts = found.frame.groupby(["run", "against", "metric"], sort=False, dropna=False)
    said = few([_changed(part, names) for _, part in parts])
    intervals = int(found.frame["low"].notna().sum())
    if intervals > 1:
        said.append(
            f"All {intervals} intervals of changes hold together with {level_text(1 - FALSE_CLAIMS)}."
        )
    timed = found.frame["metric"].isin([name for name, metric in COMPARED.items() if metric.timed])
    if found.frame["mark"][timed].isin([BETTER, WORSE]).any():
        said.append(MACHINE)
    return [*said, *notes_on(notes(found.left_out))]


def _changed(part: pd.DataFrame, names: Mapping[str, str]) -> str:
    first = part.iloc[0]
    name = COMPARED[first["metric"]].label
    head = f"{name[:1].upper()}{name[1:]} of {plain(first['run'], 80)} against {plain(first['against'], 80)}"
    same = int(((part["ratio"] == 1) & (part["mark"] == UNDECIDED)).sum())
    if same == len(part):
        return f"{head}: exactly the same in {'the one cell' if same == 1 else f'all {same} cells'}."
    moved = [
        f"{len(cells)} {mark} ({_cells(cells, names)})"
        for mark in (WORSE, BETTER)
        if len(cells := part[part["mark"] == mark])
    ]
    numbers = {
        "not told apart": int((part["mark"] == UNDECIDED).sum()) - same,
        "exactly the same": same,
        "without an interval": int((part["mark"] == NO_INTERVAL).sum()),
    }
    rest = [f"{number} {words}" for words, number in numbers.items() if number]
    return f"{head}, of {len(part)} cell{'s' if len(part) > 1 else ''}: {'; '.join([*moved, *rest])}."


def _cells(cells: pd.DataFrame, names: Mapping[str, str]) -> str:
    """The cells that changed most, with their ratios."""
    sizes = [abs(math.log(ratio)) if 0 < ratio < math.inf else math.inf for ratio in cells["ratio"]]
    ordered = cells.assign(setting=cell_words.setting_of(cells), size=sizes)
    most: list[Row] = list(
        ordered.sort_values("size", ascending=False, kind="stable").itertuples(index=False)
    )
    return listed([_cell(row, names[row.estimator]) for row in most])


def _cell(row: Row, who: str) -> str:
    on = f" on {row.setting}" if row.setting else ""
    ratio = ratio_text(row.ratio, row.low, row.high).replace("…", "to")
    return f"{who} at N = {count(row.sample_size)}{on} by {ratio}"
