"""Cells that are compared with one another, in one run or in two, and cells that have no counterpart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.results.runs import Run

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""

BEFORE = "before"
"""The name of the control where a run is compared with an earlier one."""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Cells, or ratios of them, that are left out of a comparison.

    Attributes:
        why: the kind of reason: "status", "no control", "only there", "machine", "not known", "no interval",
            "no cell", "question", "refused", "not averaged" or "thinned".
        when: "before" or "after" where a run is compared with an earlier one.
        cells: the rows of the cells; empty if the reason is not about single cells.
        among: the rows among which these are.
        run: the label of the run that it is about, where there are several.
        what: the metric, the other run, or the refusal that the reason names.
        count: the number of ratios that are left out, or of replicates that are not.
        of: the number of ratios among which these are.
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
class Pair:
    """A cell with the one it is compared with, and the replicates of both."""

    estimator: Row
    control: Row
    replicates: pd.DataFrame
    control_replicates: pd.DataFrame
    common: bool
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, eq=False)
class Pairs:
    """The cells that can be compared, and why the others cannot.

    Attributes:
        pairs: the pairs.
        control: with what all are compared.
        left_out: the cells that are not compared.
        whole: the rows of measurements that were asked about.
        kept: what was computed from them.
    """

    pairs: tuple[Pair, ...]
    control: str
    left_out: tuple[LeftOut, ...]
    whole: pd.DataFrame
    kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def at(self, sizes: Sequence[int]) -> Pairs:
        """Return the pairs of some sample sizes; each pair keeps its ratios."""
        some = tuple(pair for pair in self.pairs if pair.estimator.sample_size in sizes)
        return replace(self, pairs=some, kept={})


def within(run: Run, control: str | None) -> Pairs:
    """Return every estimator of a run against one of them.

    Args:
        run: the run.
        control: a label or a name; None for the first estimator of the scenario.

    Raises:
        Invalid: if there is no such estimator.
    """
    return _within(run, _control(rows.whole(run.measurements), control))


@kept
def _within(run: Run, label: str) -> Pairs:
    whole = rows.whole(run.measurements)
    others = [row for row in _measured(run) if row.estimator != label]
    controls = {rows.place(row): row for row in _measured(run) if row.estimator == label}
    pairs = _matched(run, others, run, controls, rows.place)
    left_out = [LeftOut("status", among=whole), *_thinned(run)]
    if alone := [row.cell for row in others if rows.place(row) not in controls]:
        left_out.append(LeftOut("no control", cells=whole[whole["cell"].isin(alone)], among=whole))
    return Pairs(pairs, label, tuple(left_out), whole)


def across(before: Run, after: Run) -> Pairs:
    """Return every cell of a run against the same cell of an earlier one.

    Raises:
        Invalid: if the runs do not ask the same question.
    """
    _comparable(before.record["scenario"], after.record["scenario"])
    old, new = rows.whole(before.measurements), rows.whole(after.measurements)
    olds = {row.cell: row for row in _measured(before)}
    pairs = _matched(after, _measured(after), before, olds, attrgetter("cell"))
    if not _same_streams(before.record, after.record):
        pairs = tuple(replace(pair, common=False) for pair in pairs)
    left_out = [
        *_only_in("before", old, new),
        *_only_in("after", new, old),
        LeftOut("status", "before", among=old),
        LeftOut("status", "after", among=new),
        *_thinned(before, "before"),
        *_thinned(after, "after"),
    ]
    if before.record.get("machine") != after.record.get("machine"):
        left_out.append(LeftOut("machine"))
    return Pairs(pairs, BEFORE, tuple(left_out), pd.concat([old, new], ignore_index=True))


def _matched(
    run: Run, some: Sequence[Row], other: Run, controls: Mapping[Any, Row], key: Callable[[Row], Any]
) -> tuple[Pair, ...]:
    """Return the rows of a run for which the other run has a control with the same key."""
    cells, control_cells = _cells(run), _cells(other)
    return tuple(
        Pair(row, known, cells[row.cell], control_cells[known.cell], same_draws(row, known))
        for row in some
        if (known := controls.get(key(row))) is not None
    )


def of_sample_sizes(run: Run, sizes: Sequence[int]) -> Run:
    """Return a run without the other sample sizes.

    Raises:
        Invalid: if it has none of such an N.
    """
    known = sorted(run.measurements["sample_size"].unique())
    words = ", ".join(map(str, known))
    faults = [Fault(f"no sample size {size} here; known: {words}") for size in sizes if size not in known]
    if faults:
        raise Invalid(*faults)
    kept = run.measurements[run.measurements["sample_size"].isin(sizes)]
    return run.of(kept.reset_index(drop=True))


def same_draws(row: Row, other: Row) -> bool:
    """Return whether two cells took the same random numbers for the same purposes, as far as is recorded."""
    draws = getattr(row, "draws", "")
    return isinstance(draws, str) and draws != "" and draws == getattr(other, "draws", "")


def _same_streams(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    streams = [(each["scenario"].get("seed"), each.get("stream_layout")) for each in (before, after)]
    return streams[0] == streams[1] and None not in streams[0]


def _comparable(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    faults = [
        Fault(f"not comparable: {key} {shown(before.get(key))} before, {shown(after.get(key))} after")
        for key in ("name", "version", "problem")
        if before.get(key) != after.get(key)
    ]
    if faults:
        raise Invalid(*faults)


def _only_in(when: str, frame: pd.DataFrame, other: pd.DataFrame) -> list[LeftOut]:
    part = frame[~frame["cell"].isin(other["cell"])]
    return [] if part.empty else [LeftOut("only there", when, part, frame)]


def _thinned(run: Run, when: str = "") -> list[LeftOut]:
    return [LeftOut("thinned", when, count=run.thinned)] if run.thinned else []


def _control(whole: pd.DataFrame, control: str | None) -> str:
    labels = list(dict.fromkeys(whole["estimator"]))
    if control is None or control in labels:
        return labels[0] if control is None else control
    named = list(dict.fromkeys(whole.loc[whole["estimator_name"] == control, "estimator"]))
    if len(named) == 1:
        return str(named[0])
    if named:
        labels_named = ", ".join(map(shown, named))
        raise invalid(f"{shown(control)} names {len(named)} estimators; give a label: {labels_named}")
    near = did_you_mean(control, {*labels, *whole["estimator_name"]})
    raise invalid(f"no estimator {shown(control)} here; {near}")


@kept
def _cells(run: Run) -> dict[str, pd.DataFrame]:
    """Return the replicates of each cell, for the whole gradient."""
    frame = run.replicates[run.replicates["parameter"] == "all"]
    return {str(cell): part for cell, part in frame.groupby("cell", sort=False)}


@kept
def _measured(run: Run) -> list[Row]:
    """Return the rows that succeeded and have replicates."""
    whole, cells = rows.whole(run.measurements), _cells(run)
    found = whole[(whole["status"] == "ok") & whole["cell"].isin(list(cells))]
    return list(found.itertuples(index=False))
