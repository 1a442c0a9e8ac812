"""Generators of somebody's own, of torch, NumPy and Python: their states, also as functions of a seed."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import torch

GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
"""The classes of generators that people keep."""


def state_of(generator: Any) -> Any:
    """The state of a generator, to be compared and to be set again."""
    if isinstance(generator, torch.Generator):
        return generator.get_state().numpy().tobytes()
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):  # with the normal number that it keeps
        return pickle.dumps(generator.get_state(legacy=False))
    return pickle.dumps(generator.bit_generator.state)


def set_state(generator: Any, state: Any) -> None:
    """Set a generator to a state that it had."""
    if isinstance(generator, torch.Generator):
        generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    elif isinstance(generator, random.Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(pickle.loads(state))
    else:
        generator.bit_generator.state = pickle.loads(state)


def seed(generator: Any, number: int) -> None:
    """Set a generator to a state that is a function of a whole number."""
    if isinstance(generator, torch.Generator):
        generator.manual_seed(number)
    elif isinstance(generator, random.Random):
        generator.seed(number)
    elif isinstance(generator, np.random.RandomState):  # which forgets the normal number that it keeps
        generator.set_state(dict(type(generator._bit_generator)(number).state))
    else:
        own = generator.bit_generator
        own.state = type(own)(number).state
