"""Fingerprints of what a problem of a module depends on: its tensors, and the code of its classes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

_NOT_OF_THE_USER = ("torch", "bench", "builtins")


def fingerprint_of(owner: object, net: nn.Module, tensors: Iterable[Tensor]) -> str:
    """A hash, of 20 hexadecimal digits.

    Args:
        owner: the person's object.
        net: the module, with its buffers and with parameters that are fixed.
        tensors: all else that numbers depend on, such as theta and the data.
    """
    digest = hashlib.sha256()
    fixed = (p for p in net.parameters() if not p.requires_grad)
    for tensor in (*tensors, *net.buffers(), *fixed):
        values = tensor.detach().cpu().contiguous().flatten()
        digest.update(values.view(torch.uint8).numpy().tobytes())
    classes = {cls for thing in (owner, *net.modules()) for cls in type(thing).__mro__}
    own = {cls for cls in classes if cls.__module__.partition(".")[0] not in _NOT_OF_THE_USER}
    for source in sorted({_source(cls) for cls in own}):
        digest.update(source)
    return digest.hexdigest()[:20]


def _source(cls: type) -> bytes:
    """The file of a class, else its own lines, else its name."""
    try:
        file = inspect.getsourcefile(cls)
        return inspect.getsource(cls).encode() if file is None else Path(file).read_bytes()
    except (OSError, TypeError):
        return cls.__qualname__.encode()
