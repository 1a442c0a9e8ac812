"""Seconds as they pass on a device."""

from __future__ import annotations

import time

import torch


def now(device: torch.device) -> float:
    """The clock, in seconds, once all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()
