"""The processes that measure, by Dask: those of this machine, or those of a cluster."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import invalid

if TYPE_CHECKING:
    from distributed import Client

RETRIES = 1
"""The number of times that a cell is given to another worker after one has died of it."""

_PATIENCE = 5.0  # seconds in which workers may end by themselves


@dataclass(frozen=True)
class Workers:
    """Processes that measure cells.

    Attributes:
        count: how many there are on this machine.
        scheduler: the address of a Dask scheduler whose workers are to be taken; None for processes here.
        timeout: seconds after which a cell is given up; None for never.
    """

    count: int = 1
    scheduler: str | None = None
    timeout: float | None = None


@contextmanager
def crew(workers: Workers) -> Iterator[Client]:
    """The workers, started if they are of this machine, and ended afterwards.

    Raises:
        Invalid: if Dask is not installed, or nothing answers at the address.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise invalid("workers need Dask: pip install 'gradient-estimator-bench[distributed]'") from error
    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        # One cell at a time: who waits behind one that kills is not to blame.
        "distributed.scheduler.worker-saturation": 1.0,
    }
    with dask.config.set(settings):
        cluster = _of_this_machine(workers) if workers.scheduler is None else nullcontext(workers.scheduler)
        with cluster as reached:
            try:
                client: Any = Client(reached, timeout=10)  # type: ignore[no-untyped-call]
            except (OSError, ValueError) as error:
                raise invalid(f"--scheduler {workers.scheduler}: nothing answers there") from error
            with client:
                yield client


@contextmanager
def _of_this_machine(workers: Workers) -> Iterator[Any]:
    """Workers here, which Ctrl-C does not reach: a terminal sends it to all processes."""
    import psutil
    from distributed import LocalCluster

    others = set(psutil.Process().children(recursive=True))
    # Processes that are started now inherit it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        cluster: Any = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=workers.count,
            threads_per_worker=1,
            memory_limit=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any port: the usual one may be taken
            silence_logs=50,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield cluster
    finally:
        with suppress(TimeoutError):
            cluster.close(timeout=_PATIENCE)
        for child in set(psutil.Process().children(recursive=True)) - others:
            with suppress(psutil.Error):  # it has ended
                if "resource_tracker" not in " ".join(child.cmdline()):
                    child.kill()  # whatever it does: what is finished is kept
