"""Cells measured by other processes, here or on a cluster: Dask gives them out, and replaces what dies.

Each worker reads the plan of the run, and writes what it has finished into the run's folder itself: that must
be the same folder for all. What comes back is how it ended.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from bench.catalogue import add_plugin
from bench.engine.plan import Planned
from bench.engine.result import Result, result_of
from bench.results.part_cache import PartCache
from bench.results.plan_file import read_plan
from bench.results.store import CellPieces, Store
from bench.running.again import prepared_of
from bench.running.crew import RETRIES

if TYPE_CHECKING:
    from distributed import Client

DONE, CRASHED, TIMEOUT = "done", "crashed", "timeout"
_PATIENCE = 0.2  # seconds between looks whether the user wants to stop, or a worker has ended


@dataclass(frozen=True)
class Task:
    """A cell by its place in the plan of a run, as a worker is told of it.

    Attributes:
        folder: of the run.
        here: the working folder, from which paths of plug-ins and of data are meant.
        point: of the sweep.
        place: among the cells of the point.
        device: of the cell.
        contended: whether other cells are measured beside it.
        timeout: seconds after which it is given up; None for never.
        cache: the folder in which cells are shared with other runs; None for nowhere.
        run: a name for this going on of the run: what a worker has read for another is not its.
    """

    folder: str
    here: str
    point: int
    place: int
    device: str
    contended: bool
    timeout: float | None
    cache: str | None
    run: str

    @property
    def name(self) -> str:
        """A name for it among all that a scheduler may have."""
        return f"cell-{self.run}-{self.point}-{self.place}"


def measured_by(
    client: Client, tasks: Sequence[Task], check: Callable[[], None]
) -> Iterator[tuple[Task, str, str]]:
    """Give cells to workers; each as it ends, how, and the reason if it did not go well.

    Args:
        client: of the workers.
        tasks: the cells.
        check: is called now and then, and may raise to stop.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    by_key = {task.name: task for task in tasks}
    futures = [
        # Those of devices go to workers that say that they have one.
        client.submit(work, task, key=key, pure=False, resources=None if task.device == "cpu" else {"GPU": 1})
        for key, task in by_key.items()
    ]
    ended: queue.Queue[Any] = queue.Queue()

    def collect() -> None:
        for future in as_completed(futures):  # type: ignore[no-untyped-call]
            ended.put(future)

    threading.Thread(target=collect, daemon=True).start()
    for _ in tasks:
        while True:
            check()
            try:
                future = ended.get(timeout=_PATIENCE)
                break
            except queue.Empty:
                continue
        task, error = by_key[future.key], future.exception()
        if error is None or isinstance(error, KilledWorker):
            yield task, CRASHED if error else str(future.result()), died(1 + RETRIES)
        else:
            yield task, CRASHED, f"a worker cannot measure it: {type(error).__name__}: {error}"


def work(task: Task) -> str:
    """Have a cell measured, by a process of this worker that does nothing else; how it ended.

    The worker itself has threads that draw random numbers and answer the scheduler: beside them what an
    estimator does to its process could not be told from what they do. A process that hangs is killed, and
    one that died is replaced; a second one may try.
    """
    global _run
    if _run != task.run:
        # Plug-ins are imported anew: their files may be others than those of an earlier run.
        _replace()
        _run = task.run
    for _ in range(1 + RETRIES):
        try:
            _process().submit(get_ready, task).result()
            return _process().submit(measure, task).result(task.timeout)
        except TimeoutError:
            _replace()
            return TIMEOUT
        except BrokenExecutor:
            _replace()
    return CRASHED


def release(client: Client) -> None:
    """Have workers end the processes in which they measured: without, they end sooner, or serve others."""
    with suppress(OSError, TimeoutError):  # those that are gone have none
        client.run(_replace, on_error="ignore")


def get_ready(task: Task) -> None:
    """Read the plan of the run, which takes a while, once in each process; it takes no part in a timeout."""
    _at_hand(task.folder, task.here, task.cache)


def measure(task: Task) -> str:
    """Measure a cell, and keep its result in the run's folder."""
    plans, store = _at_hand(task.folder, task.here, task.cache)
    experiment, cell = plans[task.point].experiment, plans[task.point].cells[task.place]
    truth, key = store.truth(experiment), store.key(experiment, cell)
    assert truth is not None, "the truth comes before the cells"
    assert key is not None
    kept = CellPieces(store, key)
    result = replace(result_of(experiment, cell, truth, kept), contended=task.contended)
    store.keep(experiment, result, kept)
    return DONE


_run = ""
"""The run for which the process of this worker has read what it needs."""


@functools.cache
def _process() -> ProcessPoolExecutor:
    """The process of this worker that measures."""
    # A worker that a nanny started is a daemon, of which Python wants no children: this one ends with it.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin, (os.getpid(),))


def _replace() -> None:
    """End that process, whatever it does; the next cell has another one."""
    for child in multiprocessing.active_children():
        child.kill()
    _process().shutdown(wait=False, cancel_futures=True)
    _process.cache_clear()


def _begin(worker: int) -> None:
    """Let a process that measures end with its worker, one thread its number."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(worker,), daemon=True).start()


def _end_with(worker: int) -> None:
    while os.getppid() == worker:
        time.sleep(_PATIENCE)
    os.kill(os.getpid(), signal.SIGKILL)


@functools.lru_cache(maxsize=1)
def _at_hand(folder: str, here: str, cache: str | None) -> tuple[tuple[Planned, ...], Store]:
    """The plans of a run and its parts, read once in each process."""
    os.chdir(here)
    plan = read_plan(Path(folder))
    for plugin in plan.words:
        add_plugin(plugin)
    shared = None if cache is None else PartCache(Path(cache))
    return prepared_of(plan).ready(), Store(Path(folder), cache=shared)


def died(times: int) -> str:
    """Say that a cell was given up since the process ended so often while it was measured."""
    again = "bench resume RUN --only-failed tries it again"
    return f"the process ended {times} times while this cell was measured; {again}"


def failure(task: Task, plans: Sequence[Planned], how: str, reason: str) -> Result:
    """The result of a cell that a worker did not finish."""
    cell = plans[task.point].cells[task.place]
    said = f"it was given up after {task.timeout:g} seconds" if how == TIMEOUT else reason
    return Result(cell, how, said)


def differences(client: Client, own: Mapping[str, str | None]) -> list[str]:
    """A line for each package of which workers have another version than this process."""
    found = client.run(versions, list(own))
    lines = {
        f"worker {address}: {name} {version}, here {own[name]}"
        for address, others in found.items()
        for name, version in others.items()
        if version != own[name]
    }
    return sorted(lines)


def versions(names: Sequence[str]) -> dict[str, str | None]:
    """The versions of some packages in this process."""
    from bench.results.provenance import version_of

    return {name: version_of(name) for name in names}
