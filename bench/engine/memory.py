"""The most memory that the tensors of one estimate hold at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.engine.blocks import Block, chunk_rows
from bench.engine.origin import forks_watched
from bench.engine.replicate import problems_of_chunks, timed
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import Problem

# A matter of taste: the peak grows with the rows, so that a few tell as much as a chunk.
_ROWS = 64


def peak_of(
    estimator: Estimator, problem: Problem, sample_size: int, address: Address, resampled: bool = False
) -> float:
    """The peak of one estimate, in bytes, from a small chunk with a stream of its own.

    The rows do not depend on R, nor does the peak. Since the chunk is not timed, its operations
    are watched for a generator that is seeded in a fork, too.
    """
    device = problem.theta.device
    rows = min(_ROWS, chunk_rows(problem, sample_size, device.type))
    (problem,) = problems_of_chunks(problem, Block(0, rows, rows), address, resampled)
    with stream(address, device) as draws, forks_watched():
        draws.begin(0, rows)
        return peak_bytes(estimator, problem, sample_size, rows)


def peak_bytes(estimator: Estimator, problem: Problem, sample_size: int, rows: int) -> float:
    """The most memory that the tensors of one chunk hold at once, in bytes, divided by its rows.

    What was there before, θ and the data of the problem, is left out. What the rows
    share counts the less the more of them there are. On CUDA the allocator tells, with
    its rounding and the workspaces of the kernels; elsewhere the outputs of all
    operations are added up while they live, the memory within an operation is not seen.
    torch's profiler would see it on the CPU, but writes lines of its own to the standard
    error and cannot run within another profiler.

    Args:
        estimator: already fitted; on CUDA it must have run once, or what its libraries keep counts too.
        problem: on the device and in the type that is measured.
        sample_size: N.
        rows: of the chunk.
    """
    device = problem.theta.device
    peak = _peak_allocated if device.type == "cuda" else _peak_alive
    with _without_collection():
        return peak(lambda: timed(estimator, problem, sample_size, rows), device) / rows


def _peak_allocated(chunk: Callable[[], Any], device: torch.device) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    chunk()
    return int(torch.cuda.max_memory_allocated(device) - before)


def _peak_alive(chunk: Callable[[], Any], _: torch.device) -> int:
    alive = _Alive()
    with alive:
        chunk()
    return alive.peak


@contextmanager
def _without_collection() -> Iterator[None]:
    # When cycles are collected depends on all that ran before, and the peak must not.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Alive(TorchDispatchMode):
    """Adds up the storages that operations make, from when each is made until it is freed.

    Attributes:
        peak: the most there were at once, in bytes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._total = 0
        self._sizes: dict[int, int] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled within; to keep Dynamo away torch would import it, which takes a second.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note the storages that it made."""
        kwargs = kwargs or {}
        given = {storage._cdata for storage in _storages((args, kwargs))}
        result = func(*args, **kwargs)
        for storage in _storages(result):
            if storage._cdata not in given and storage._cdata not in self._sizes:
                self._add(storage)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        self._sizes[storage._cdata] = storage.nbytes()
        self._total += storage.nbytes()
        self.peak = max(self.peak, self._total)
        # torch keeps the Python object for as long as its storage lives, in a graph, too.
        weakref.finalize(storage, self._remove, storage._cdata).atexit = False

    def _remove(self, key: int) -> None:
        self._total -= self._sizes.pop(key)


def _storages(values: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
