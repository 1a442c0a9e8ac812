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
    """A field of a table: text, class in the style sheet, figure that it links to, note on hovering."""

    text: str
    kind: str = ""
    figure: str = ""
    note: str = ""


@dataclass(frozen=True)
class SmallTable:
    """A table that needs no script; its first column names the rows, and a note stands below it."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Field]]
    note: str = ""


@dataclass(frozen=True)
class View:
    """One run, or several together.

    Attributes:
        name: what comes before the names of its elements; different for each view of a page.
        claims: sentences beyond the answer.
        strip: the table beside the picture, if there is one.
        figures: what is drawn, the picture first.
        failed: a line for each part that could not be made.
        measurements: all numbers of a run, of which `columns` are seen at first; None for several.
        headline: the column of measurements that it is about.
        labels: of the estimators, in order.
        pictures: of the problem, label -> image files as addresses that hold their data.
        provenance: what it takes to repeat it, by name.
        remarks: what a reader must know of the measurements.
        rough: the cells whose times are known by their size alone.
    """

    name: str
    title: str
    question: str = ""
    answer: Sequence[str] = ()
    claims: Sequence[str] = ()
    strip: SmallTable | None = None
    tables: Sequence[SmallTable] = ()
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
