"""Addressed random streams: a generator's whole state is a function of what is measured, not of the past."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import string_at
from dataclasses import dataclass

import numpy as np
import torch

from bench.engine.allocator import keep_freed_memory
from bench.noise import drawn_from
from bench.noise.draws import Draws
from bench.noise.twister import FIRST_WORD, WORDS, cpu_state

LAYOUT = "bench-stream-3"
"""Bumped by whatever changes which numbers an address stands for, or how many estimates are made at once."""


@dataclass(frozen=True)
class Address:
    """The address of a stream.

    The estimator's name is no part of the address of measured estimates: estimators
    that draw alike get the same draws, so that comparisons between them are paired.

    Attributes:
        seed: the scenario's.
        problem: the problem with its options, as canonical JSON.
        sample_size: N.
        role: what the numbers are for: "estimates", "reference", or private to one estimator.
        part: which of several independent streams for the same purpose.
    """

    seed: int
    problem: str
    sample_size: int
    role: str
    part: int = 0

    def words(self, count: int, *more: int) -> np.ndarray:
        """Words of 32 bits that stand for the address: its SHAKE-256, as long as is wanted."""
        name = repr((LAYOUT, self.seed, self.problem, self.sample_size, self.role, self.part, *more))
        return np.frombuffer(hashlib.shake_256(name.encode()).digest(4 * count), dtype="<u4")


@contextmanager
def stream(address: Address, device: torch.device, first: int = 0) -> Iterator[Draws]:
    """Within it all noise is of the addressed stream; afterwards torch's generators are as before.

    Noise by counter is a function of the address and the replicate. Those of torch's samplers that take what
    they need, such as that of a gamma distribution, and somebody's own, draw from torch's global generators:
    these are set to a state that is a function of the address and of the first replicate of the block, so
    that what they draw depends on the sizes of blocks. All seeding of the project happens here.

    Args:
        address: of the stream.
        device: whose generator is set beside that of the CPU.
        first: the replicate with which the block begins.
    """
    keep_freed_memory()
    generators = [torch.default_generator, *_generators_of(device)]
    before = [generator.get_state() for generator in generators]
    words = address.words(626, first)
    k0, k1 = address.words(2).tolist()
    draws = Draws((k0, k1), first)
    try:
        generators[0].set_state(cpu_state(words[:WORDS], int(words[624]) << 32 | int(words[625])))
        for generator in generators[1:]:
            generator.manual_seed(int(words[624]) << 32 | int(words[625]))
        with drawn_from(draws):
            yield draws
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


def fingerprint(draws: Draws, device: torch.device) -> bytes:
    """A fingerprint of what was drawn from a stream, by counter and from torch's generators."""
    # Without the seed, which takes no part in the numbers.
    digest = hashlib.sha256(bytes(_SEED_BYTES))
    digest.update(torch.default_generator.get_state().numpy()[_SEED_BYTES:].tobytes())
    digest.update(repr((draws.key, draws.drawn)).encode())
    for generator in _generators_of(device):
        digest.update(generator.get_state().numpy().tobytes())
    return digest.digest()


def position(device: torch.device) -> int:
    """A hash of where torch's generators are, in some microseconds."""
    state = torch.default_generator.get_state()
    # Some of it tells as much as all, and is read in a third of the time: a draw changes the counters before
    # the words or the spare numbers behind them, and when the words are used up all of them change.
    start = state.data_ptr()
    own = string_at(start, _SOME_BYTES) + string_at(start + _SPARE_NUMBERS, state.numel() - _SPARE_NUMBERS)
    if device.type == "cpu":
        return hash(own)
    return hash(b"".join([own, *(each.get_state().numpy().tobytes() for each in _generators_of(device))]))


def _generators_of(device: torch.device) -> list[torch.Generator]:
    """The global generator of a device other than the CPU."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        index = torch.cuda.current_device() if device.index is None else device.index
        return [torch.cuda.default_generators[index]]
    return [torch.mps._get_default_mps_generator()] if device.type == "mps" else []


_SEED_BYTES = 8
_SOME_BYTES = 8 * (FIRST_WORD + 8)
_SPARE_NUMBERS = 8 * (FIRST_WORD + WORDS)
