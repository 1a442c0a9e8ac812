"""The cells of a run, measured one after the other and kept as they are finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.engine.cell_evidence import accusing
from bench.engine.plan import Cell, Experiment, Planned
from bench.engine.result import Result, result_of
from bench.engine.truth import Truth, confirmed_again, truth_of
from bench.results.keys import digest
from bench.results.state import FAILED
from bench.results.store import ATTEMPTS, CannotWrite, Store

Tell = Callable[[Truth | Result], None]
Wanted = Literal["missing", "failed", "nothing"]


@dataclass(frozen=True)
class Done:
    """The results at one point of a scenario."""

    experiment: Experiment
    truth: Truth
    results: list[Result]


class Work:
    """The cells of a run, measured one after the other and kept as they are finished.

    Args:
        plans: of all points, ready to be measured.
        store: where parts are kept, and those of earlier processes found.
        tell: is told of each truth and result.
        what: which cells are measured.
    """

    def __init__(self, plans: Sequence[Planned], store: Store, tell: Tell, what: Wanted = "missing") -> None:
        self._plans, self._store, self._tell, self._what = plans, store, tell, what
        self._truths: dict[int, Truth] = {}
        self._results: list[dict[int, Result]] = [{} for _ in plans]

    def done(self) -> bool:
        """Measure what is wanted; whether all is there then, or the user stopped it.

        Raises:
            KeyboardInterrupt: if there is nothing when it is stopped.
        """
        try:
            for point, place in self._in_order():
                self._finish(point, place)
        except CannotWrite:
            raise
        except KeyboardInterrupt:
            self._store.note_stop()
            if all(result.replication is None for results in self._results for result in results.values()):
                raise
            return False
        return all(
            len(found) == len(plan.cells) for found, plan in zip(self._results, self._plans, strict=True)
        )

    @property
    def truths(self) -> list[Truth]:
        """The truths of all points that were begun."""
        return [truth for _, truth in sorted(self._truths.items())]

    @property
    def parts(self) -> list[Done]:
        """The finished results, in the order of the plan."""
        return [
            Done(
                planned.experiment,
                self._truths[i],
                [result for _, result in sorted(self._results[i].items())],
            )
            for i, planned in enumerate(self._plans)
            if i in self._truths
        ]

    def _in_order(self) -> list[tuple[int, int]]:
        """All cells by point and place; those of estimators within which the process ended come last."""
        self._ended = self._store.ended()
        every = [(i, j) for i, planned in enumerate(self._plans) for j in range(len(planned.cells))]
        suspect = {self._label(*at) for at in every if self._times(*at)}
        return sorted(every, key=lambda at: self._label(*at) in suspect)

    def _label(self, point: int, place: int) -> str:
        return self._plans[point].cells[place].named.label

    def _times(self, point: int, place: int) -> int:
        if not self._ended:
            return 0
        planned = self._plans[point]
        key = self._store.key(planned.experiment, planned.cells[place])
        return 0 if key is None else self._ended[digest(key)]

    def _finish(self, point: int, place: int) -> None:
        experiment, cells = self._plans[point].experiment, self._plans[point].cells
        if point not in self._truths:
            truth = self._truth(experiment)
            if truth is None:
                return
            self._truths[point] = truth
            self._tell(self._truths[point])
        result = self._result(experiment, cells[place], self._truths[point], self._times(point, place))
        if result is None:
            return
        self._results[point][place] = result
        self._tell(result)
        if len(self._results[point]) == len(cells):
            self._look_again(point)

    def _truth(self, experiment: Experiment) -> Truth | None:
        found = self._store.truth(experiment)
        if found is None and self._what == "missing":
            return self._store.keep_truth(experiment, truth_of(experiment))
        return found

    def _result(self, experiment: Experiment, cell: Cell, truth: Truth, ended: int) -> Result | None:
        if cell.status != "ok":
            return Result(cell, cell.status, cell.reason)
        found = self._store.result(experiment, cell)
        failed = found is not None and found.status in FAILED
        if self._what == "nothing" or not (failed if self._what == "failed" else found is None):
            return found
        if ended >= ATTEMPTS and not failed:
            return self._store.keep(experiment, Result(cell, "crashed", CRASHED), None)
        kept = self._store.begin(experiment, cell)
        return self._store.keep(experiment, result_of(experiment, cell, truth, kept), kept)

    def _look_again(self, point: int) -> None:
        """Dispute the truth if as many draws as accuse an estimator refute it."""
        experiment, truth = self._plans[point].experiment, self._truths[point]
        if truth.kind in ("reference", "disputed", "none"):
            return
        results = self._results[point].values()
        count = max((accusing(experiment, truth, result) for result in results), default=0)
        if not count:
            return
        again = self._store.truth(experiment, count)
        if again is None:
            again = self._store.keep_truth(experiment, confirmed_again(experiment, truth, count), count)
        if again.kind != truth.kind:
            self._tell(again)
        self._truths[point] = again


CRASHED = f"the process ended {ATTEMPTS} times while this cell was measured; --only-failed tries it again"
