"""What a reader sees at a time: one run, or several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bench.page.charts import Chart


@dataclass(frozen=True)
class Field:
    """A field of a table.

    Attributes:
        text: what it says.
        kind: its class in the style sheet: within, biased, unresolved, failed; empty for none.
        figure: the figure that it links to; empty for none.
    """

    text: str
    kind: str = ""
    figure: str = ""


@dataclass(frozen=True)
class Table:
    """A small table that needs no script; its first column names the rows.

    Attributes:
        name: of its element.
        title: what it shows.
        head: the names of its columns.
        rows: its fields.
        notice: what a reader must know of it.
    """

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Field]]
    notice: str = ""


@dataclass(frozen=True)
class Pictures:
    """Images of a problem, in labelled rows.

    Attributes:
        rows: label -> image files as addresses that hold their data.
    """

    rows: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class View:
    """One run, or several together.

    Attributes:
        name: what comes before the names of its elements; different for each view of a page.
        title: a line.
        question: what was to be found out.
        claims: the answer, a sentence each.
        tables: small tables.
        figures: what is drawn.
        failed: a line for each figure that could not be drawn.
        frames: further tables, by name.
        labels: of the estimators, in order.
        pictures: of the problem.
        provenance: what it takes to repeat it, by name.
        methods: by what statistics.
        run: whether it is one run, with a table of all its numbers.
        value: what the run differs in from others, if that is a number.
        remarks: what a reader must know of the table of all its numbers.
        rough: the cells whose times are known by their size alone.
    """

    name: str
    title: str
    question: str = ""
    claims: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Chart] = ()
    failed: Sequence[str] = ()
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    labels: Sequence[str] = ()
    pictures: Pictures = Pictures({})
    provenance: Sequence[tuple[str, str]] = ()
    methods: str = ""
    run: bool = True
    value: float | None = None
    remarks: Sequence[str] = ()
    rough: Sequence[str] = ()
