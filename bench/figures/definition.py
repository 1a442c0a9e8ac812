"""The definition of a figure: its rows, its interval, its chart; and rows of measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from bench.analysis.rows import are_granted, at_equal_size, whole
from bench.text.cell_words import setting_of

Chart = alt.LayerSpec | alt.FacetSpec | alt.HConcatSpecGenericSpec | alt.FacetChart

CELL = ["problem", "estimator", "sample_size", "device", "dtype"]  # the columns that together name one
REACH = 1000  # times a value: an end of its interval beyond that is not followed by a logarithmic axis


@dataclass(frozen=True)
class Figure:
    """A figure: which rows it draws of which table, and the chart of these rows.

    Attributes:
        name: of its file, of its element on a page, and in the address of a page.
        title: one line.
        description: the caption, and the text for readers who cannot see the chart.
        table: the table of a run, or of several runs, from which the rows are taken.
        chart: a function of the rows; its data are named `rows`.
        interval: the column of the values that are drawn, with those of the lower and upper ends of
            their intervals; the first alone where no interval is drawn.
        rows: a function of that table; a row for each point, empty if there is nothing to draw.
        against: a column of numbers on the other axis; empty if that axis holds names.
        logarithmic: channels whose axis is logarithmic.
        switched: columns of each of which a page shows one value at a time, and a file has a panel for each.
        apart: further columns for each of whose values a file has a panel.
        several: a column of which two different values are needed.
        fitted: title and description as they fit some rows, where that is not one and the same.
    """

    name: str
    title: str
    description: str
    table: str
    chart: Callable[[pd.DataFrame], Chart]
    interval: Sequence[str]
    rows: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    against: str = ""
    logarithmic: Sequence[str] = ()
    switched: Sequence[str] = ()
    apart: Sequence[str] = ()
    several: str = ""
    fitted: Callable[[Figure, pd.DataFrame], tuple[str, str]] | None = None

    def drawn(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Return the rows that can be drawn, with the ends of their intervals as they are drawn.

        The columns `lower` and `upper` are these ends; `below` and `above` say that the true end lies
        beyond the axis. There are no rows where the column `several` has a single value.
        """
        if self.table not in tables or tables[self.table].empty:
            return pd.DataFrame()
        found = self.rows(tables[self.table])
        numbers = found[[self.interval[0], *filter(None, [self.against])]].astype(float)
        found = found[np.isfinite(numbers.to_numpy()).all(axis=1)]
        if found.empty or (self.several and found[self.several].nunique() < 2):
            return pd.DataFrame()
        return with_ends(found, self.interval, self.is_logarithmic).reset_index(drop=True)

    def words(self, rows: pd.DataFrame) -> tuple[str, str]:
        """Return title and description as they fit the rows that are drawn."""
        return self.fitted(self, rows) if self.fitted else (self.title, self.description)

    @property
    def is_logarithmic(self) -> bool:
        """Return whether the axis of the values is logarithmic."""
        return ("y" if self.against else "x") in self.logarithmic

    @property
    def positive(self) -> dict[str, str]:
        """Return the columns that must be above zero while their channel is logarithmic."""
        columns = {"x": self.against or self.interval[0], "y": self.interval[0]}
        return {channel: columns[channel] for channel in self.logarithmic}

    def panels(self, rows: pd.DataFrame) -> list[str]:
        """Return the columns that vary among rows and have a panel for each of their values in a file."""
        names = [name for name in ("problem", *self.switched, *self.apart) if name in rows]
        return [name for name in dict.fromkeys(names) if rows[name].nunique() > 1]


def interval_of(name: str) -> tuple[str, str, str]:
    """Return the columns of a metric and of the ends of its interval."""
    return name, f"{name}_low", f"{name}_high"


def with_ends(rows: pd.DataFrame, interval: Sequence[str], logarithmic: bool) -> pd.DataFrame:
    """Add the ends of intervals as they are drawn, in the columns `lower`, `upper`, `below` and `above`.

    An end that is missing is the value itself. One that is not finite, or has no place on a logarithmic
    axis, becomes the edge of the axis, just beyond all other ends.
    """
    if len(interval) < 3:
        return rows
    value, low, high = (rows[name].astype(float).to_numpy() for name in interval)
    low, high = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    if logarithmic:
        below, above, shown = low <= value / REACH, high >= value * REACH, value > 0
    else:
        below, above, shown = np.isneginf(low), np.isposinf(high), np.isfinite(value)
    least = np.min(np.where(below, value, low)[shown], initial=math.inf)
    most = np.max(np.where(above, value, high)[shown], initial=-math.inf)
    room = 0.05 * (most - least) or 1.0
    edges = (least / 1.5, most * 1.5) if logarithmic else (least - room, most + room)
    return rows.assign(
        lower=np.where(below, edges[0], low),
        upper=np.where(above, edges[1], high),
        below=below & shown,
        above=above & shown,
    )


def cells(measurements: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return the cells that succeeded, with these columns of theirs and their `setting`."""
    return blocks(whole(measurements), columns).drop(columns="parameter")


def blocks(measurements: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return the same for each block of parameters, the whole gradient included as `all`."""
    frame = measurements if "samples" in measurements else at_equal_size(measurements)
    known = [name for name in (*CELL, "granted", "parameter", *columns) if name in frame]
    if not are_granted(frame):
        known = [name for name in known if name != "granted"]
    return with_setting(frame.loc[frame["status"] == "ok", known].reset_index(drop=True))


def with_setting(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a column `setting`: device and type of numbers as text, where they vary among the rows."""
    return frame.assign(setting=setting_of(frame.assign(problem="")))
