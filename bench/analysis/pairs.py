"""Cells that are compared with one another, in one run or in two, and cells that have no counterpart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.results.run import Run
from estimators import called

BEFORE = "before"
"""The name of the control where a run is compared with an earlier one."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Cells, or ratios of them, that are left out of a comparison.

    `bench.text.left_out` has words for each reason. They need the `cells` and those `among` which these are,
    "before" or "after", a run, what is named (a metric, another run), and a `count` of ratios or replicates.
    """

    why: str
    when: str = ""
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    among: pd.DataFrame = field(default_factory=pd.DataFrame)
    run: str = ""
    what: str = ""
    count: int = 0
    of: int = 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """The cells that can be compared, and why the others, of the `whole` measurements, are left out.

    There is one row for each pair, with the columns of its control as `NAME_control`, and with `common`:
    whether both took the same draws. The runs are that of the cells, and that of their controls.
    """

    pairs: pd.DataFrame
    control: str
    left_out: tuple[LeftOut, ...]
    whole: pd.DataFrame
    runs: tuple[Run, Run]
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def of(self, column: str, values: Iterable[Any]) -> Pairs:
        """Return the pairs with some values in a column."""
        return replace(self, pairs=self.pairs[self.pairs[column].isin(list(values))], kept={})


@kept
def within(run: Run, control: str | None) -> Pairs:
    """Return every estimator against one, by label or name; None for the first. `Invalid` without such."""
    whole, cells = rows.whole(run.measurements), _cells(run)
    label = _control(whole, control)
    of_control = cells["estimator"] == label
    pairs = _matched(cells[~of_control], cells[of_control], rows.PLACE)
    left_out = [LeftOut("status", among=whole)] + [LeftOut("thinned", count=run.thinned)] * bool(run.thinned)
    alone = cells.loc[~of_control & ~cells["cell"].isin(pairs["cell"]), "cell"]
    if len(alone):
        left_out.append(LeftOut("no control", cells=whole[whole["cell"].isin(alone)], among=whole))
    return Pairs(pairs, label, tuple(left_out), whole, (run, run))


def across(before: Run, after: Run) -> Pairs:
    """Return every cell of a run against the same cell of an earlier one; `Invalid` if questions differ."""
    asked, asks = (run.record["scenario"] for run in (before, after))
    faults = [
        Fault(f"not comparable: {key} {shown(asked.get(key))} before, {shown(asks.get(key))} after")
        for key in ("name", "version", "problem")
        if asked.get(key) != asks.get(key)
    ]
    if faults:
        raise Invalid(*faults)
    pairs = _matched(_cells(after), _cells(before), ["cell"])
    streams = (asks.get("seed"), after.record.get("stream_layout"))
    if None in streams or streams != (asked.get("seed"), before.record.get("stream_layout")):
        pairs["common"] = False
    old, new = rows.whole(before.measurements), rows.whole(after.measurements)
    left_out = []
    for when, run, frame, other in (("before", before, old, new), ("after", after, new, old)):
        alone = frame[~frame["cell"].isin(other["cell"])]
        left_out += [] if alone.empty else [LeftOut("only there", when, alone, frame)]
        left_out.append(LeftOut("status", when, among=frame))
        left_out += [LeftOut("thinned", when, count=run.thinned)] * bool(run.thinned)
    if before.record.get("machine") != after.record.get("machine"):
        left_out.append(LeftOut("machine"))
    return Pairs(pairs, BEFORE, tuple(left_out), pd.concat([old, new], ignore_index=True), (after, before))


def _matched(cells: pd.DataFrame, controls: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    beside = controls.add_suffix("_control")
    pairs = cells.merge(beside, left_on=on, right_on=[f"{name}_control" for name in on])
    # Cells of older runs have nothing recorded of their draws.
    recorded = pairs["draws"].notna() & (pairs["draws"] != "")
    return pairs.assign(common=recorded & (pairs["draws"] == pairs["draws_control"]))


@kept
def _cells(run: Run) -> pd.DataFrame:
    """Return the cells that succeeded and have replicates, as objects: rows are read one by one."""
    whole = rows.whole(run.measurements)
    found = whole[(whole["status"] == "ok") & whole["cell"].isin(run.replicated)]
    read = [*rows.CELL, "parameter", "draws", "seconds", "seconds_low", "seconds_high"]
    return found.reindex(columns=read).astype(object)


def _control(whole: pd.DataFrame, control: str | None) -> str:
    labels = list(dict.fromkeys(whole["estimator"]))
    if not labels:
        raise invalid("the run has no measurements")
    if control is None or control in labels:
        return labels[0] if control is None else control
    different = whole.drop_duplicates("estimator")[["estimator", "estimator_name", "options"]]
    named = [label for label, *names in different.itertuples(index=False) if control in called(*names)]
    if len(named) > 1:
        every = ", ".join(map(shown, named))
        raise invalid(f"{shown(control)} names {len(named)} estimators; give a label: {every}")
    if not named:
        near = did_you_mean(control, {*labels, *whole["estimator_name"]})
        raise invalid(f"no estimator {shown(control)} here; {near}")
    return str(named[0])


def of_sample_sizes(run: Run, sizes: Sequence[int]) -> Run:
    """Return a run without the other sample sizes; there is `Invalid` if it has none of such an N."""
    frame = rows.at_equal_size(run.measurements)
    known = sorted(frame["sample_size"].unique())
    words = ", ".join(map(str, known))
    if faults := [Fault(f"no sample size {N} here; known: {words}") for N in sizes if N not in known]:
        raise Invalid(*faults)
    return run.of(run.measurements[frame["sample_size"].isin(sizes)].reset_index(drop=True))
