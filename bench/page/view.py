"""Parts of a page: what a reader sees of one run, or of several together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bench.page.charts import Chart

LONG = 1000
"""Characters of a text that are shown; beyond it nobody reads."""


@dataclass(frozen=True)
class Field:
    """A field of a table.

    Attributes:
        text: what it says.
        kind: its class in the style sheet: within, biased, unresolved, failed; empty for none.
        figure: the figure that it links to; empty for none.
        note: what is shown of it on hovering.
    """

    text: str
    kind: str = ""
    figure: str = ""
    note: str = ""


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
class View:
    """One run, or several together.

    Attributes:
        name: what comes before the names of its elements; different for each view of a page.
        title: a line.
        question: what was to be found out.
        answer: in a sentence or two.
        claims: further sentences.
        strip: the table beside the picture, if there is one.
        tables: small tables.
        figures: what is drawn, the picture first.
        failed: a line for each part that could not be made.
        measurements: all numbers of a run; None for several.
        columns: those of the measurements that are seen at first.
        headline: the metric that it is about.
        labels: of the estimators, in order.
        pictures: of the problem, label -> image files as addresses that hold their data.
        provenance: what it takes to repeat it, by name.
        methods: by what statistics.
        remarks: what a reader must know of the measurements.
        rough: the cells whose times are known by their size alone.
    """

    name: str
    title: str
    question: str = ""
    answer: Sequence[str] = ()
    claims: Sequence[str] = ()
    strip: Table | None = None
    tables: Sequence[Table] = ()
    figures: Sequence[Chart] = ()
    failed: Sequence[str] = ()
    measurements: pd.DataFrame | None = None
    columns: Sequence[str] = ()
    headline: str = "variance"
    labels: Sequence[str] = ()
    pictures: Mapping[str, Sequence[str]] = field(default_factory=dict)
    provenance: Sequence[tuple[str, str]] = ()
    methods: str = ""
    remarks: Sequence[str] = ()
    rough: Sequence[str] = ()
