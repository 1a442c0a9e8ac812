"""The cells of a run, measured and kept as they are finished."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from bench.engine.outcome import Outcome, accusing, outcome_of, without_truth
from bench.engine.plan import Experiment, Planned
from bench.engine.result import Result, result_of
from bench.engine.stopping import Stopped
from bench.engine.truth import Truth, confirmed_again, truth_of
from bench.results.folder_lock import CannotWrite
from bench.results.frames import Point
from bench.results.keys import digest
from bench.results.provenance import PACKAGES
from bench.results.store import ATTEMPTS, FAILED, Store
from bench.running.crew import Workers, crew
from bench.running.manner import OnError
from bench.running.workers import DONE, Task, died, differences, failure, measured_by, release, versions

Tell = Callable[[Truth | Result], None]
Wanted = Literal["missing", "failed", "nothing"]


class Work:
    """The cells of a run, measured and kept as they are finished.

    Args:
        plans: of all points, ready to be measured.
        store: where parts are kept, and those of earlier processes found.
        tell: is told of each truth and result.
        what: which cells are measured.
        stop: is called now and then, and may raise.
        workers: by which processes; None for this one, one cell after the other.
        on_error: whether to go on after a cell that failed, or to stop there.
    """

    def __init__(
        self,
        plans: Sequence[Planned],
        store: Store,
        tell: Tell,
        what: Wanted = "missing",
        stop: Callable[[], None] = lambda: None,
        workers: Workers | None = None,
        on_error: OnError = "continue",
    ) -> None:
        self._plans, self._store, self._tell, self._what = plans, store, tell, what
        self._stop, self._workers, self._on_error = stop, workers, on_error
        self._truths: dict[int, Truth] = {}
        self._outcomes: list[dict[int, Outcome]] = [{} for _ in plans]
        self._ended: Counter[str] = Counter()
        self.notes: list[str] = []
        self.stopped = ""  # why it ended before its end, if it did

    def done(self) -> bool:
        """Measure what is wanted; whether all is there then, and neither the user nor a failure stopped it.

        Raises:
            KeyboardInterrupt: if there is nothing when it is stopped.
        """
        try:
            (self._one_by_one if self._workers is None else self._by_workers)()
        except CannotWrite:
            raise
        except KeyboardInterrupt:
            self._store.journal.stop()
            self.stopped = self.stopped or BY_USER
            every = [outcome for outcomes in self._outcomes for outcome in outcomes.values()]
            if self.stopped == BY_USER and not any(each.estimates for each in every):
                raise
            return False
        return sum(map(len, self._outcomes)) == sum(len(planned.cells) for planned in self._plans)

    @property
    def truths(self) -> list[Truth]:
        """The truths of all points that were begun."""
        return [truth for _, truth in sorted(self._truths.items())]

    @property
    def parts(self) -> list[Point]:
        """The outcomes of what is finished, in the order of the plan."""
        return [
            Point(
                planned.experiment,
                self._truths[i],
                [outcome for _, outcome in sorted(self._outcomes[i].items())],
            )
            for i, planned in enumerate(self._plans)
            if i in self._truths
        ]

    def _one_by_one(self) -> None:
        """Measure in this process; cells of estimators within which it ended before come last."""
        self._ended = self._store.journal.deaths()
        every = self._places()
        suspect = {self._label(*at) for at in every if self._times(*at)}
        for point, place in sorted(every, key=lambda at: self._label(*at) in suspect):
            if not self._take_kept(point, place):
                self._take_new(point, place, self._measured(point, place))

    def _by_workers(self) -> None:
        """Have workers measure; they keep the results themselves."""
        assert self._workers is not None
        missing = [at for at in self._places() if not self._take_kept(*at)]
        if not missing:
            return
        workers, folder, here = self._workers, str(self._store.folder.parent.resolve()), str(Path.cwd())
        run = secrets.token_hex(4)
        with crew(workers) as client:
            self.notes += differences(client, versions(PACKAGES))
            beside = workers.scheduler is not None or workers.count > 1
            tasks = [
                Task(
                    folder,
                    here,
                    *at,
                    self._plans[at[0]].cells[at[1]].device,
                    beside,
                    workers.timeout,
                    self._store.cache_folder,
                    run,
                )
                for at in missing
            ]
            try:
                for task, how, reason in measured_by(client, tasks, self._stop):
                    self._take_new(task.point, task.place, self._of_worker(task, how, reason))
            finally:
                release(client)

    def _of_worker(self, task: Task, how: str, reason: str) -> Result:
        experiment, cells = self._plans[task.point].experiment, self._plans[task.point].cells
        if how == DONE:
            found = self._store.result(experiment, cells[task.place])
            return Result(cells[task.place], "error", _ELSEWHERE) if found is None else found
        return self._store.keep(experiment, failure(task, self._plans, how, reason), None)

    def _places(self) -> list[tuple[int, int]]:
        """All cells, by point and place."""
        return [(i, j) for i, planned in enumerate(self._plans) for j in range(len(planned.cells))]

    def _label(self, point: int, place: int) -> str:
        return self._plans[point].cells[place].named.label

    def _times(self, point: int, place: int) -> int:
        if not self._ended:
            return 0
        planned = self._plans[point]
        key = self._store.key(planned.experiment, planned.cells[place])
        return 0 if key is None else self._ended[digest(key)]

    def _take_kept(self, point: int, place: int) -> bool:
        """Take what is kept of a cell; whether nothing is left to be measured of it."""
        experiment, cell = self._plans[point].experiment, self._plans[point].cells[place]
        if point not in self._truths:
            truth = self._truth(experiment)
            if truth is None:
                return True
            self._truths[point] = truth
            self._tell(truth)
        if cell.status != "ok":
            found: Result | None = Result(cell, cell.status, cell.reason)
        else:
            found = self._store.result(experiment, cell)
            failed = found is not None and found.status in FAILED
            if (found is None and self._what == "missing") or (failed and self._what == "failed"):
                return False
        if found is not None:
            self._take(point, place, found)
        return True

    def _take_new(self, point: int, place: int, result: Result) -> None:
        """Take the result of a cell that was just measured; one that failed may be the last.

        Raises:
            Stopped: if it is.
        """
        self._take(point, place, result)
        if self._on_error == "stop" and result.status in FAILED:
            self.stopped = f"{result.cell.title}: {result.status}: {result.reason}"
            raise Stopped

    def _take(self, point: int, place: int, result: Result) -> None:
        self._outcomes[point][place] = outcome_of(self._plans[point].experiment, self._truths[point], result)
        self._tell(result)
        if len(self._outcomes[point]) == len(self._plans[point].cells):
            self._look_again(point)

    def _truth(self, experiment: Experiment) -> Truth | None:
        found = self._store.truth(experiment)
        if found is None and self._what == "missing":
            return self._store.keep_truth(experiment, truth_of(experiment))
        return found

    def _measured(self, point: int, place: int) -> Result:
        experiment, cell = self._plans[point].experiment, self._plans[point].cells[place]
        if self._times(point, place) >= ATTEMPTS and self._what == "missing":
            return self._store.keep(experiment, Result(cell, "crashed", CRASHED), None)
        kept = self._store.begin(experiment, cell)
        return self._store.keep(experiment, result_of(experiment, cell, self._truths[point], kept), kept)

    def _look_again(self, point: int) -> None:
        """Dispute the truth if as many draws as accuse an estimator refute it."""
        experiment, truth = self._plans[point].experiment, self._truths[point]
        if truth.kind in ("given", "reference", "disputed", "none"):
            return
        outcomes = self._outcomes[point]
        count = max((accusing(experiment, truth, outcome) for outcome in outcomes.values()), default=0)
        if not count:
            return
        again = self._store.truth(experiment, count)
        if again is None:
            again = self._store.keep_truth(experiment, confirmed_again(experiment, truth, count), count)
        if again.kind != truth.kind:
            self._tell(again)
        if again.gradient is None:
            self._outcomes[point] = {place: without_truth(each) for place, each in outcomes.items()}
        self._truths[point] = again


BY_USER = "by the user"

_ELSEWHERE = "a worker has finished it, but not in this folder, which must be the same for all"

CRASHED = died(ATTEMPTS)
