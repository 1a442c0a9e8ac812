"""The state of the process that foreign code must leave alone: read, compared and put back."""

from __future__ import annotations

import gc
import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.distributions import Distribution
from torch.overrides import _get_current_function_mode_stack, _pop_mode
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack
from torch.utils._python_dispatch import _pop_mode as _pop_dispatch_mode


@dataclass
class Changes:
    """The state that was changed within `watched`.

    Attributes:
        names: as text; filled on leaving.
    """

    names: list[str] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Changes]:
    """Record on leaving the state of the process that was changed within, and put it back.

    Gradients are recorded within, whatever the mode outside.
    """
    changes = Changes()
    with torch.inference_mode(False), torch.enable_grad():
        before, modules = [read() for read, _ in _STATE.values()], len(sys.modules)
        try:
            yield changes
        finally:
            changes.names += put_back(tuple(_STATE), before)
            if _SET_BY_IMPORTS & {*changes.names} and _is_imported_since(modules):
                # A package that is imported late sets what it needs, with no ill will of who imports it.
                changes.names = [name for name in changes.names if name not in _SET_BY_IMPORTS]


QUICK = (
    "torch's inference mode",
    "whether torch records gradients",
    "torch's default type",
    "torch's number of threads",
)
"""State that changes the numbers of the next call, and is read in a microsecond."""


def quick_state() -> tuple[Any, ...]:
    """Return the values of `QUICK`."""
    return (
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    )


def put_back(names: Sequence[str], before: Sequence[Any]) -> list[str]:
    """Put back the state that is no longer as it was before, and return its names."""
    changed = []
    for name, value in zip(names, before, strict=True):
        read, write = _STATE[name]
        if read() != value:
            changed.append(name)
            write(value)
    return changed


def _is_imported_since(count: int) -> bool:
    """Whether a package was imported after there were so many modules."""
    packages = {name.partition(".")[0] for name in list(sys.modules)[count:]}
    return bool(packages - {"torch"})


def _torch_state() -> bytes:
    return torch.default_generator.get_state().numpy().tobytes()


def _set_torch_state(state: bytes) -> None:
    torch.default_generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))


def numpy_state() -> bytes:
    """The state of NumPy's global functions, with the normal number that they keep for the next call."""
    return pickle.dumps(np.random.get_state(legacy=False))


def set_numpy_state(state: bytes) -> None:
    """Put NumPy's global functions into a state."""
    np.random.set_state(pickle.loads(state))


_DENORMAL = torch.tensor(1e-310, dtype=torch.float64)


def _set_environment(wanted: Mapping[bytes, bytes]) -> None:
    os.environ.clear()
    os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in wanted.items()})


def _leave_inference(_: bool) -> None:
    """Do nothing: torch has no setter, and `watched` leaves the mode that it entered."""


def _set_deterministic(state: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(state[0], warn_only=state[1])


def _cudnn_state() -> tuple[bool, bool]:
    return torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark


def _set_cudnn(state: tuple[bool, bool]) -> None:
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = state


def _set_device(device: torch.device) -> None:
    # Without a default device torch says cpu; setting cpu would slow each call down.
    torch.set_default_device(None if device.type == "cpu" else device)


def _flushes_denormals() -> bool:
    """Whether numbers below the normal ones are taken for zero; torch has no getter."""
    return not bool(_DENORMAL + _DENORMAL)


def _modes() -> list[Any]:
    """The modes of torch that see each function or operation, the innermost last."""
    functions: list[Any] = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return [*functions, *_get_current_dispatch_mode_stack()]


def _leave_modes(wanted: list[Any]) -> None:
    """Leave those that were entered since; what was left instead cannot be entered again from outside."""
    ways: list[tuple[Callable[[], list[Any]], Callable[[], Any]]] = [
        (_get_current_function_mode_stack, _pop_mode),
        (_get_current_dispatch_mode_stack, _pop_dispatch_mode),
    ]
    for stack, leave in ways:
        while (found := stack()) and not any(found[-1] is mode for mode in wanted):
            leave()


def _saved_tensors_hooks() -> Any:
    return torch._C._autograd._top_saved_tensors_default_hooks(True)


def _leave_hooks(wanted: Any) -> None:
    """Take away hooks that were put on what autograd saves, down to those that were there."""
    while (found := _saved_tensors_hooks()) is not None and found != wanted:
        torch._C._autograd._pop_saved_tensors_default_hooks()


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    with warnings.catch_warnings():
        pass  # tells the module that its filters are others


_STATE: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's inference mode": (torch.is_inference_mode_enabled, _leave_inference),
    "whether torch records gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's default type": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": (lambda: torch.empty(0).device, _set_device),  # get_default_device takes longer
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "whether torch casts automatically": (
        lambda: torch.is_autocast_enabled("cpu"),
        lambda enabled: torch.set_autocast_enabled("cpu", enabled),
    ),
    "whether torch is deterministic": (
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        _set_deterministic,
    ),
    "whether cuDNN is deterministic": (_cudnn_state, _set_cudnn),
    "torch's precision of products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "how torch treats denormal numbers": (_flushes_denormals, torch.set_flush_denormal),
    "torch's modes": (_modes, _leave_modes),
    "torch's hooks on saved tensors": (_saved_tensors_hooks, _leave_hooks),
    "torch's detection of anomalies": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "whether distributions check their arguments": (
        lambda: Distribution._validate_args,
        Distribution.set_default_validate_args,
    ),
    "torch's random numbers": (_torch_state, _set_torch_state),
    "NumPy's random numbers": (numpy_state, set_numpy_state),
    "Python's random numbers": (random.getstate, random.setstate),
    "how NumPy treats errors": (np.geterr, lambda errors: np.seterr(**errors)),
    "Python's garbage collection": (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    "the filters of warnings": (lambda: list(warnings.filters), _set_filters),
    # As bytes: to decode each value takes a hundred times as long.
    "the environment": (lambda: vars(os.environ)["_data"].copy(), _set_environment),
    "the working folder": (os.getcwd, os.chdir),
}

_SET_BY_IMPORTS = {"the filters of warnings", "the environment"}
