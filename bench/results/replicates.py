"""The replicates of a run, read cell by cell, wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd


class Replicates(Protocol):
    """The replicates of a run: one row per cell, block of parameters and finite replicate."""

    @property
    def cells(self) -> list[str]:
        """The cells that have replicates of the whole gradient, in order."""

    def column(self, cell: str, name: str) -> np.ndarray:
        """Return a column of the replicates of a cell, for the whole gradient: `replicate`, or numbers."""

    def whole(self) -> pd.DataFrame:
        """Return all rows."""


def joined(parts: Sequence[np.ndarray], name: str) -> np.ndarray:
    """Return parts of a column of this name as one: whole numbers for `replicate`, else in float64."""
    return np.concatenate(parts, dtype=np.int64 if name == "replicate" else np.float64)


class InMemory:
    """Replicates in a frame, or in one that is loaded when it is first needed."""

    def __init__(self, frame: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
        self._frame = frame

    @property
    def cells(self) -> list[str]:
        """See `Replicates`."""
        return list(self._places)

    def column(self, cell: str, name: str) -> np.ndarray:
        """See `Replicates`."""
        return joined([self.whole()[name].to_numpy()[self._places[cell]]], name)

    def whole(self) -> pd.DataFrame:
        """See `Replicates`."""
        if not isinstance(self._frame, pd.DataFrame):
            self._frame = self._frame()
        return self._frame

    @cached_property
    def _places(self) -> dict[str, Any]:
        frame = self.whole()
        cells = frame["cell"].where(frame["parameter"] == "all")
        return {str(cell): places for cell, places in cells.groupby(cells, sort=False).indices.items()}


class WhenAsked:
    """Replicates that are opened when they are first asked for.

    Args:
        open: opens them.
        reading: a context in which they are read, which says what is wrong with them.
    """

    def __init__(
        self, open: Callable[[], Replicates], reading: Callable[[], AbstractContextManager[object]]
    ) -> None:
        self._open, self._reading = open, reading

    @property
    def cells(self) -> list[str]:
        """See `Replicates`."""
        return self._opened.cells

    def column(self, cell: str, name: str) -> np.ndarray:
        """See `Replicates`."""
        with self._reading():
            return self._opened.column(cell, name)

    def whole(self) -> pd.DataFrame:
        """See `Replicates`."""
        with self._reading():
            return self._opened.whole()

    @cached_property
    def _opened(self) -> Replicates:
        return self._open()
