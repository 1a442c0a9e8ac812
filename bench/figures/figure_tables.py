"""The tables that figures draw, of one run or of several: each is made when it is first asked for."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.budgets import budgets_together
from bench.analysis.comparison import changes_shown, ratios
from bench.analysis.first_screen import pictured
from bench.analysis.frames import FRAMES
from bench.analysis.geometric import geometric_means, means
from bench.analysis.pairs import LeftOut
from bench.analysis.ranking import profiles
from bench.analysis.together import together, varied
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED
from bench.text.answer import headline_of
from bench.text.labels import plain
from bench.text.left_out import notes


class Tables(UserDict[str, Any]):
    """Tables by name; a function in the place of one makes it when it is first asked for."""

    def __getitem__(self, name: str) -> pd.DataFrame:
        if callable(self.data[name]):
            self.data[name] = self.data[name]()
        found: pd.DataFrame = self.data[name]
        return found

    def notice(self, name: str) -> str:
        """Return what a reader must know where only some of the rows are there; empty elsewhere."""
        return str(self[name].attrs.get("notice", ""))


def of_a_run(run: Run, control: str | None = None) -> Tables:
    """Return the tables of one run; the label of the control counts where not all ratios are kept."""
    frames = {name: partial(make, run) for name, make in FRAMES.items()}
    frames["ratios"] = partial(ratios, run, control)
    return Tables({**frames, "histograms": lambda: pictured(run, headline_of(run), control)})


def of_several_runs(runs: Sequence[Run]) -> Tables:
    """Return the tables that several runs have together."""
    makers = {"changes": _changes, "along": _along, "means": _means}
    makers |= {"profile": profiles, "budget": budgets_together}
    return Tables({name: partial(make, runs) for name, make in makers.items()})


def _changes(runs: Sequence[Run]) -> pd.DataFrame:
    found = changes_shown(runs)
    # The page shows one control at a time, and a change has none.
    return _noted(found.frame.drop(columns=["control"]), found.left_out)


def _along(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the measurements of all runs along the number in which the runs differ."""
    if (differ := varied(runs)) is None:
        return pd.DataFrame()
    return rows.measured(rows.whole(together(runs)), "variance").assign(option=differ.option, rest="")


def _means(runs: Sequence[Run]) -> pd.DataFrame:
    found = means(runs)
    if found.empty:
        return found
    first = geometric_means(runs, str(found["control"].iloc[0]), tuple(COMPARED))
    return _noted(found, first.left_out)


def _noted(frame: pd.DataFrame, left_out: Iterable[LeftOut]) -> pd.DataFrame:
    """Return a frame with notes on what it leaves out as its notice."""
    frame = frame.copy(deep=False)
    frame.attrs["notice"] = "; ".join(plain(note, 1000) for note in notes(left_out))
    return frame
