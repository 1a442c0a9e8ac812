"""The results of one run: tables, record and pictures, the same in memory and on disk."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from bench.results.columns import TYPES, no_rows
from bench.results.pictures import Pictures
from bench.results.replicates import InMemory, Replicates

if TYPE_CHECKING:
    from bench.figures import Figures

T = TypeVar("T")
Table = pd.DataFrame | Callable[[], pd.DataFrame]
"""A table, or what loads it when it is asked for."""


class Run:
    """The results of a run.

    Tables that are given as a function are loaded when they are first asked for, and kept. Frames are
    shared: who changes one copies it first.

    Attributes:
        record: the contents of `run.json`: the scenario, its text, commit, versions, machine, times.
        folder: where the run is on disk; None if it is in memory only.
        kept: what was computed from the run, by whom; see `bench.analysis.kept`.

    Example:
        >>> run = Run(no_rows("measurements"), no_rows("replicates"), {"scenario": {"name": "gaussian"}})
        >>> run
        <Run gaussian: 0 estimators, 0 cells>
    """

    def __init__(
        self,
        measurements: Table,
        replicates: Table | Replicates,
        record: Mapping[str, Any],
        coordinates: Table | None = None,
        pictures: Pictures | Callable[[], Pictures] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Put a run together; without a table of coordinates, that table has no rows."""
        self.record = record
        self.folder = folder
        self.kept: dict[Hashable, Any] = {}
        self._measurements = measurements
        self._replicates: Replicates = (
            InMemory(replicates)
            if isinstance(replicates, pd.DataFrame) or callable(replicates)
            else replicates
        )
        self._coordinates = no_rows("coordinates") if coordinates is None else coordinates
        self._pictures = {} if pictures is None else pictures

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """One row per cell and block of parameters."""
        return _loaded(self._measurements)

    @cached_property
    def coordinates(self) -> pd.DataFrame:
        """One row per cell and coordinate."""
        return _loaded(self._coordinates)

    @cached_property
    def replicates(self) -> pd.DataFrame:
        """One row per cell, block and replicate; see `replicates_of` where there are too many at once."""
        return self._replicates.whole()

    @property
    def findings(self) -> list[str]:
        """Faults of losses of one's own that were found, a sentence each."""
        every = self.record.get("findings", [])
        kept = [each for each in every if isinstance(each, dict)] if isinstance(every, list) else []
        return [f"{found.get('estimator')}: {found.get('text')}" for found in kept]

    @property
    def replicated(self) -> list[str]:
        """The cells that have replicates of the whole gradient, in order."""
        return self._replicates.cells

    def replicates_of(self, cell: str) -> pd.DataFrame:
        """Return the rows of one cell for the whole gradient, read alone, without `cell` and `parameter`."""
        columns = [name for name in TYPES["replicates"] if name not in ("cell", "parameter")]
        return pd.DataFrame({name: self.replicate_column(cell, name) for name in columns})

    def replicate_column(self, cell: str, name: str) -> np.ndarray:
        """Return a column of the replicates of one cell, for the whole gradient, read alone."""
        return self._replicates.column(cell, name)

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures of the problem by label, `[K, H, W]` in 0..1; empty without any."""
        return _loaded(self._pictures)

    @cached_property
    def figures(self) -> Figures:
        """The figures that have something to draw, by name, as Altair charts."""
        from bench.figures import Figures  # late: who shows no figure need not wait for what draws

        return Figures(self)

    def compare(self, control: str | None = None, metrics: Sequence[str] = ("variance",)) -> pd.DataFrame:
        """Return the ratios of the estimators to a control, by default the first; see `bench.compare`."""
        from bench.api import compare

        return compare(self, control=control, metrics=metrics)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page of the run, by default `report.html` in its folder, and return where it is."""
        from bench.arguments import place
        from bench.page.report import write_report

        out = None if path is None else Path(place("path", path, "the path of a file"))
        return write_report([self], out)[0][0]

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its end."""
        return bool(self.record.get("interrupted"))

    @property
    def thinned(self) -> int:
        """The replicates of each cell that were kept, where others were not; else 0."""
        return int(self.record.get("thinned", {}).get("replicates", 0))

    def of(self, measurements: pd.DataFrame) -> Run:
        """Return the same run of other measurements, such as some of its rows."""
        others = (self._replicates, self.record, lambda: self.coordinates, lambda: self.pictures)
        return Run(measurements, *others, self.folder)

    def __repr__(self) -> str:
        frame = self.measurements
        estimators, cells = frame["estimator"].nunique(), frame["cell"].nunique()
        numbers = f"{estimators} estimator{'s' * (estimators != 1)}, {cells} cell{'s' * (cells != 1)}"
        stopped = ", interrupted" if self.interrupted else ""
        where = "" if self.folder is None else f" in {self.folder}"
        return f"<Run {self.record['scenario'].get('name')}: {numbers}{stopped}{where}>"

    def _repr_html_(self) -> str:
        """Show the estimators from the best to the worst, and the results, in a notebook."""
        from bench.page.notebook import in_notebook

        return in_notebook(self)


def _loaded(part: T | Callable[[], T]) -> T:
    return part() if callable(part) else part
