"""The tables that figures draw, of one run or of several; each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd

from bench.report import frames, rows
from bench.report.labels import plain
from bench.report.pairs import Measured
from bench.report.several.budget import reached
from bench.report.several.changes import changes
from bench.report.several.frames import means, profiles
from bench.report.several.runs import together, varied

Table = tuple[pd.DataFrame, str]
"""Rows, and what a reader must know where only some of them are there."""


class Tables(Mapping[str, pd.DataFrame]):
    """Tables by name, each made when it is first asked for and kept."""

    def __init__(self, makers: Mapping[str, Callable[[], Table]]) -> None:
        self._makers = makers
        self._made: dict[str, Table] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._table(name)[0]

    def notice(self, name: str) -> str:
        """Return what a reader must know where only some of the rows are there; empty elsewhere."""
        return self._table(name)[1]

    def _table(self, name: str) -> Table:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def of_a_run(run: Measured, coordinates: pd.DataFrame, control: str | None = None) -> Tables:
    """Return the tables of one run.

    Args:
        run: its results.
        coordinates: its table of coordinates.
        control: the label of the control where there are too many ratios for all; None for the first.
    """
    measurements = run.measurements
    return Tables(
        {
            "measurements": lambda: (measurements, ""),
            "ratios": lambda: frames.ratios(run, control),
            "spread": lambda: frames.spread(run),
            "coordinates": lambda: frames.scatter(run, coordinates),
            "costs": lambda: (frames.costs(measurements), ""),
            "rates": lambda: (frames.rate_fits(measurements), ""),
            "settings": lambda: (frames.settings(measurements), ""),
            "along": lambda: (frames.along(measurements), ""),
            "budget": lambda: (_budgets(measurements), ""),
        }
    )


def of_several_runs(runs: Sequence[Measured]) -> Tables:
    """Return the tables that several runs have together."""
    whole, differ = together(runs), varied(runs)

    def changed() -> Table:
        # Runs that were meant to differ in an option are not before and after.
        found = changes(runs[:1] if differ else runs)
        return found.frame.drop(columns=["control"]), _one_line(found.notes)

    def mean_ratios() -> Table:
        frame, notes = means(runs, whole)
        return frame, _one_line(notes)

    def along() -> Table:
        return _along_runs(whole, differ.option if differ else ""), ""

    return Tables(
        {
            "changes": changed,
            "along": along,
            "means": mean_ratios,
            "profile": lambda: (profiles(whole), ""),
            "budget": lambda: (reached(whole), ""),
        }
    )


def _budgets(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return what budgets reach, each problem of a scenario by itself."""
    found = reached(measurements.assign(run=measurements["problem"]))
    return found.assign(problem=found["run"]).drop(columns="run")


def _along_runs(whole: pd.DataFrame, option: str) -> pd.DataFrame:
    """Return the measurements of all runs along the number in which the runs differ."""
    if not option:
        return pd.DataFrame()
    return rows.measured(rows.whole(whole), "variance").assign(option=option, rest="")


def _one_line(notes: Sequence[str]) -> str:
    return "; ".join(plain(note, 1000) for note in notes)
