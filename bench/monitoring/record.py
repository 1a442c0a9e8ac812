"""Texts of a monitored training: the record of its run, and a line for each look."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from bench.monitoring.steps import STEP
from bench.results import folder
from bench.text.numbers import interval_said, significant


def record_of(
    name: str, label: str, origin: Mapping[str, Any], notes: Sequence[str], overhead: float
) -> dict[str, Any]:
    """The contents of `run.json`.

    Args:
        name: of the run.
        label: of the loss.
        origin: when and by what it was started.
        notes: what went wrong.
        overhead: the time of looking as a share of the training's own.
    """
    return {
        "schema": folder.SCHEMA,
        "scenario": {
            "schema": 1,
            "name": name,
            "version": 1,
            "question": "How noisy is the gradient of a batch along the training, and why?",
            "headline": "snr",
            "problem": {"name": name},
            "estimators": [label],
        },
        "text": "",
        "hash": sha256(b"").hexdigest(),
        "overrides": [],
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "threads": torch.get_num_threads(),
        "truth": {"kind": "none", "note": ""},
        "finished": datetime.now(UTC).isoformat(),
        "interrupted": False,
        "notes": [*_overhead(overhead), *notes],
        "findings": [],
        "stopped": False,
        **origin,
    }


def told(rows: Sequence[Mapping[str, Any]], overhead: float) -> str:
    """The last look as a line of text."""
    row = next(row for row in reversed(rows) if row["parameter"] == "all")
    words = [f"step {row[STEP]:.0f}"]
    if row["status"] != "ok":
        words.append(f"{row['nonfinite']} of {row['replicates']} gradients are not finite")
    else:
        words.append(f"signal to noise {_named(row, 'snr')}")
        if math.isfinite(row["noise_scale"]):
            words.append(f"noise scale {_named(row, 'noise_scale')} examples")
        elif math.isinf(row["noise_scale"]):
            words.append(f"noise scale above {significant(row['noise_scale_low'], 2)} examples")
        if row["variance"] > 0:
            share = min(1.0, max(0.0, row["data_variance"] / row["variance"]))
            words.append(f"{100 * share:.0f} % of the variance from the data")
    if rows[0][STEP] != rows[-1][STEP]:  # the first look has no training before it
        words.append(f"looking took {_share(overhead)} of the training's time")
    return ", ".join(words)


def _named(row: Mapping[str, Any], name: str) -> str:
    return interval_said(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _overhead(overhead: float) -> list[str]:
    """A line on the time of looking; none before there was any training."""
    return [f"looking took {_share(overhead)} of the training's own time"] if overhead < 1 else []


def _share(overhead: float) -> str:
    return f"{100 * overhead:.2g} %"
