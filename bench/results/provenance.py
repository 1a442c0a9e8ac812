"""The origin of numbers: code, versions, machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import torch

from bench.engine.streams import LAYOUT

PACKAGES = ("gradient-estimator-bench", "torch", "numpy", "scipy", "pandas", "scikit-learn")


def provenance() -> dict[str, Any]:
    """Return commit, versions, machine and devices, as they are now."""
    accelerators = (torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return {
        "git": _git(),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "stream_layout": LAYOUT,
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "devices": ["cpu", *accelerators],
        },
    }


def version_of(package: str) -> str | None:
    """The version of a package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Return the commit of the code that runs, and whether its files differ; None outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parents[2])]
    told = partial(subprocess.check_output, text=True, stderr=subprocess.DEVNULL, timeout=10)
    try:
        commit = told([*git, "rev-parse", "HEAD"])
        changed = told([*git, "status", "--porcelain", "--", "bench", "estimators"])
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.strip(), "dirty": bool(changed)}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    named = re.search(r"^model name\s*:\s*(.*)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return named[1].strip() if named else platform.processor()
