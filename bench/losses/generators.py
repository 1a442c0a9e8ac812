"""The global generators of torch, NumPy and Python, set for each row where a loss draws from them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch

from bench.engine.process_state import numpy_state, set_numpy_state
from bench.noise.draws import Draws
from bench.noise.twister import WORDS, cpu_state

# The draw that gives the seeds of a replicate: no loss makes so many calls.
_CALL_OF_SEEDS = (1 << 31) - 1
_NUMBERS = 4
_BITS = 52


class Seeds:
    """Seeds of the rows of a chunk, functions of the stream and the replicate.

    Args:
        draws: begun for the rows of the chunk.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    @cached_property
    def _keys(self) -> np.ndarray:
        """Four numbers for each row, `[R, 4]`; few losses need them."""
        draws = self._draws
        draws.calls = _CALL_OF_SEEDS
        numbers = draws.uniform((1, draws.rows, _NUMBERS), torch.float64, torch.device("cpu"))[0]
        return (numbers.numpy() * 2.0**_BITS).astype(np.uint64)

    def number(self, row: int) -> int:
        """A seed for a row that is one whole number, of 52 bits."""
        return int(self._keys[row, 0])

    def set(self, name: str, row: int) -> None:
        """Set one of the generators to the state of a row."""
        if name == "python":
            random.seed(int.from_bytes(self._keys[row].tobytes(), "little"))
            return
        # Each has words of its own: what numpy draws is not what torch draws.
        key = self._keys[row, :2] if name == "torch" else self._keys[row, 2:]
        words = np.random.Philox(key=key).random_raw(WORDS // 2).view(np.uint32)
        if name == "numpy":
            np.random.set_state(("MT19937", words, WORDS, 0, 0.0))
            return
        seed = torch.default_generator.initial_seed()  # another one would tell of a loss that reseeds
        torch.default_generator.set_state(cpu_state(words, seed))
        for device in range(torch.cuda.device_count() if _has_devices() else 0):
            torch.cuda.default_generators[device].manual_seed(int(self._keys[row, 0]))


def positions() -> dict[str, Any]:
    """The states of the generators by name, to be compared."""
    return {
        "torch": (torch.default_generator.get_state().numpy().tobytes(), _of_devices()),
        "numpy": numpy_state(),
        "python": random.getstate(),
    }


def moved(before: dict[str, Any]) -> set[str]:
    """Return the generators that are no longer where they were."""
    return {name for name, state in positions().items() if state != before[name]}


@contextmanager
def put_back() -> Iterator[None]:
    """Put the generators back on leaving."""
    before = positions()
    devices = [each.get_state() for each in _generators_of_devices()]
    try:
        yield
    finally:
        torch.default_generator.set_state(torch.frombuffer(bytearray(before["torch"][0]), dtype=torch.uint8))
        for generator, old in zip(_generators_of_devices(), devices, strict=False):
            generator.set_state(old)
        set_numpy_state(before["numpy"])
        random.setstate(before["python"])


def _generators_of_devices() -> list[torch.Generator]:
    return list(torch.cuda.default_generators) if _has_devices() else []


def _has_devices() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def _of_devices() -> list[bytes]:
    return [each.get_state().numpy().tobytes() for each in _generators_of_devices()]
