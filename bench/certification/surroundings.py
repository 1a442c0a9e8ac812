"""What lies around an estimator and is none of its business: watched, and put back."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.distributions import Distribution


@dataclass
class Changes:
    """What has been changed by what ran within `watched`.

    Attributes:
        names: in words; filled on leaving.
    """

    names: list[str] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Changes]:
    """Within it global state may be changed; on leaving that is noted, and undone."""
    changes = Changes()
    before = {name: read() for name, (read, _) in _STATE.items()}
    try:
        yield changes
    finally:
        for name, (read, write) in _STATE.items():
            if read() != before[name]:
                changes.names.append(name)
                write(before[name])


def _numpy_state() -> tuple[Any, ...]:
    state: Any = np.random.get_state()  # that one is watched
    name, words, *rest = state
    return (name, words.tobytes(), *rest)


def _set_numpy_state(state: tuple[Any, ...]) -> None:
    name, words, *rest = state
    np.random.set_state((name, np.frombuffer(words, dtype=np.uint32), *rest))


def _set_environment(wanted: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(wanted)


_STATE: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's default type": (torch.get_default_dtype, torch.set_default_dtype),
    "whether torch records gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "whether torch is deterministic": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "torch's precision of products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "torch's detection of anomalies": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "whether distributions check their arguments": (
        lambda: Distribution._validate_args,
        Distribution.set_default_validate_args,
    ),
    "Python's random numbers": (random.getstate, random.setstate),
    "NumPy's random numbers": (_numpy_state, _set_numpy_state),
    "the environment": (lambda: dict(os.environ), _set_environment),
    "the working folder": (Path.cwd, os.chdir),
}
