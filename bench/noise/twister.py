"""States of torch's CPU generator, a Mersenne twister, filled with words that are given."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

WORDS = 624
FIRST_WORD = 3


def cpu_state(words: np.ndarray, seed: int) -> Tensor:
    """A state of torch's CPU generator whose 624 words are the given ones, of 32 bits each.

    `manual_seed` would keep 32 bits of a seed, and hashed seeds of 10^5 cells collide
    with probability 0.69; so the state is filled, not the seed. Its layout: the seed,
    three counters packed in two words, then the twister's words, one in each 64 bits.

    Args:
        words: `[624]`.
        seed: takes no part in the numbers; by another one it is told that the generator was seeded since.
    """
    state = _template().copy()
    state[0] = seed
    state[FIRST_WORD : FIRST_WORD + WORDS] = words
    return torch.from_numpy(state.view(np.uint8))


@functools.cache
def _template() -> np.ndarray:
    """The state of a freshly seeded generator, which twists before the first number and has no spare one."""
    return torch.Generator().manual_seed(0).get_state().numpy().view(np.uint64)
