"""The tables that figures draw, of one run or of several: each is made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

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
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED
from bench.text.answer import headline_of
from bench.text.labels import plain
from bench.text.left_out import notes


class Tables(Mapping[str, pd.DataFrame]):
    """Tables by name, each made when it is first asked for and kept."""

    def __init__(self, makers: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
        self._makers = makers
        self._made: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def notice(self, name: str) -> str:
        """Return what a reader must know where only some of the rows are there; empty elsewhere."""
        return str(self[name].attrs.get("notice", ""))

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def of_a_run(run: Run, control: str | None = None) -> Tables:
    """Return the tables of one run.

    Args:
        run: the run.
        control: the label of the control where there are too many ratios for all; None for the first.
    """
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        name: partial(make, run) for name, make in FRAMES.items()
    }
    makers["ratios"] = partial(ratios, run, control)
    makers["histograms"] = lambda: pictured(run, headline_of(run), control)
    return Tables(makers)


def of_several_runs(runs: Sequence[Run]) -> Tables:
    """Return the tables that several runs have together."""
    return Tables(
        {
            "changes": partial(_changes, runs),
            "along": partial(_along, runs),
            "means": partial(_means, runs),
            "profile": partial(profiles, runs),
            "budget": partial(budgets_together, runs),
        }
    )


def _changes(runs: Sequence[Run]) -> pd.DataFrame:
    found = changes_shown(runs)
    # The page shows one control at a time, and a change has none.
    return _noted(found.frame.drop(columns=["control"]), found.left_out)


def _along(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the measurements of all runs along the number in which the runs differ."""
    differ = varied(runs)
    if differ is None:
        return pd.DataFrame()
    whole = rows.measured(rows.whole(together(runs)), "variance")
    return whole.assign(option=differ.option, rest="")


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
