"""The origin of numbers: code, versions, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import torch

from bench.engine.streams import LAYOUT

_PACKAGES = ("gradient-estimator-bench", "torch", "numpy", "scipy", "pandas", "scikit-learn")


def provenance() -> dict[str, Any]:
    """Return commit, versions, machine and devices, as they are now."""
    return {
        "git": _git(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "stream_layout": LAYOUT,
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "devices": _devices(),
        },
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Return the commit of the code that runs, and whether its files differ; None outside a checkout."""
    root = Path(__file__).parents[2]
    try:
        commit = _run("git", "-C", str(root), "rev-parse", "HEAD")
        dirty = bool(_run("git", "-C", str(root), "status", "--porcelain", "--", "bench", "estimators"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": dirty}


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _devices() -> list[str]:
    return ["cpu", *(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))]
