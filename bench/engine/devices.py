"""The devices that this machine has, and why it lacks the others."""

from __future__ import annotations

import torch


def unavailable(device: str, dtype: str) -> str | None:
    """The reason why nothing can be measured on a device in a type, or None if it can."""
    kind, _, index = device.partition(":")
    if kind == "cuda":
        return _no_cuda(int(index or 0))
    if kind == "mps":
        if not torch.backends.mps.is_available():
            return "this machine has no Apple GPU that torch can use"
        return "mps has no float64" if dtype == "float64" else None
    return None


def _no_cuda(index: int) -> str | None:
    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    if not torch.cuda.is_available():
        return "no CUDA device was found"
    count = torch.cuda.device_count()
    return None if index < count else f"this machine has {count} CUDA device(s), counted from 0"
