"""Which cell is compared with which, in one run or in two, and which have no counterpart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.report import rows
from bench.results.runs import Run

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""


BEFORE = "before"
"""What the control is called where a run is compared with an earlier one."""


@dataclass(frozen=True)
class Pair:
    """A cell with the one it is compared with, and the replicates of both."""

    estimator: Row
    control: Row
    replicates: pd.DataFrame
    control_replicates: pd.DataFrame
    common: bool
    named: str


@dataclass(frozen=True)
class Pairs:
    """What can be compared, and why the rest cannot.

    Attributes:
        pairs: the pairs.
        control: with what all are compared.
        notes: what is left out.
        whole: the rows of measurements that were asked about.
    """

    pairs: tuple[Pair, ...]
    control: str
    notes: tuple[str, ...]
    whole: pd.DataFrame


def within(run: Run, control: str | None) -> Pairs:
    """Every estimator of a run against one of them.

    Args:
        run: the run.
        control: a label or a name; None for the first estimator of the scenario.

    Raises:
        Invalid: if there is no such estimator.
    """
    whole = rows.whole(run.measurements)
    label = _control(whole, control)
    cells = _cells(run)
    measured = whole[whole["cell"].isin(list(cells)) & (whole["status"] == "ok")]
    controls = {_place(row): row for row in _records(measured[measured["estimator"] == label])}
    others = measured[measured["estimator"] != label]
    pairs = tuple(
        Pair(row, known, cells[row.cell], cells[known.cell], same_draws(row, known), label)
        for row in _records(others)
        if (known := controls.get(_place(row))) is not None
    )
    notes = [f"not compared: {remark}" for remark in rows.not_ok(whole)]
    alone = others[[_place(row) not in controls for row in _records(others)]]
    if not alone.empty:
        notes.append(f"not compared: {rows.which(alone, whole)}: the control was not measured there")
    return Pairs(pairs, label, tuple(notes), whole)


def across(before: Run, after: Run) -> Pairs:
    """Every cell of a run against the same cell of an earlier one.

    Raises:
        Invalid: if the runs do not ask the same question.
    """
    _comparable(before.record["scenario"], after.record["scenario"])
    old, new = rows.whole(before.measurements), rows.whole(after.measurements)
    old_cells, new_cells = _cells(before), _cells(after)
    olds = {row.cell: row for row in _records(old) if row.status == "ok" and row.cell in old_cells}
    streams = _same_streams(before.record, after.record)
    pairs = tuple(
        Pair(row, known, new_cells[row.cell], old_cells[row.cell], streams and same_draws(row, known), BEFORE)
        for row in _records(new)
        if row.status == "ok" and row.cell in new_cells and (known := olds.get(row.cell)) is not None
    )
    notes = [
        *_only_in("before", old, new),
        *_only_in("after", new, old),
        *(f"not compared: before: {remark}" for remark in rows.not_ok(old)),
        *(f"not compared: after: {remark}" for remark in rows.not_ok(new)),
    ]
    if before.record.get("machine") != after.record.get("machine"):
        notes.append(
            "the runs are from two machines, or one that has changed: their seconds differ by that, too"
        )
    return Pairs(pairs, BEFORE, tuple(notes), pd.concat([old, new], ignore_index=True))


def of_sample_sizes(run: Run, sizes: Sequence[int]) -> Run:
    """A run less the other N.

    Raises:
        Invalid: if it has none of such an N.
    """
    known = sorted(run.measurements["sample_size"].unique())
    if faults := [
        Fault(f"no sample size {size} here; known: {', '.join(map(str, known))}")
        for size in sizes
        if size not in known
    ]:
        raise Invalid(*faults)
    kept = run.measurements[run.measurements["sample_size"].isin(sizes)]
    return run.of(kept.reset_index(drop=True))


def same_draws(row: Row, other: Row) -> bool:
    """Whether two cells took the same random numbers, each for the same purpose, as far as is recorded."""
    draws = getattr(row, "draws", "")
    return isinstance(draws, str) and draws != "" and draws == getattr(other, "draws", "")


def _same_streams(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    seeds = [record["scenario"].get("seed") for record in (before, after)]
    layouts = [record.get("stream_layout") for record in (before, after)]
    return seeds[0] == seeds[1] and layouts[0] == layouts[1] and None not in (*seeds, *layouts)


def _comparable(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    faults = [
        Fault(f"not comparable: {key} {shown(before.get(key))} before, {shown(after.get(key))} after")
        for key in ("name", "version", "problem")
        if before.get(key) != after.get(key)
    ]
    if faults:
        raise Invalid(*faults)


def _only_in(when: str, frame: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    part = frame[~frame["cell"].isin(other["cell"])]
    return [] if part.empty else [f"only in the run {when}: {rows.which(part, frame)}"]


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


def _cells(run: Run) -> dict[str, pd.DataFrame]:
    """The replicates of each cell, for the whole gradient."""
    frame = run.replicates[run.replicates["parameter"] == "all"]
    return {str(cell): part for cell, part in frame.groupby("cell", sort=False)}


def _place(row: Row) -> tuple[Any, ...]:
    return row.problem, row.sample_size, row.device, row.dtype


def _records(frame: pd.DataFrame) -> list[Row]:
    return list(frame.itertuples(index=False))
