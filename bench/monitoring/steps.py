"""Rows of a table of measurements, of what was seen along a training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.losses.weights import Weights
from bench.monitoring.looks import Look
from bench.monitoring.reduction import Reduction
from bench.results.columns import TYPES, WORDS
from bench.statistics.intervals import Interval
from bench.statistics.noise_scale import GradientNoise

STEP = "training.step"
"""The column of the step."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of the batches that were looked at, and of the batch of the training.

    Attributes:
        looked: examples in a batch that was looked at; None if unknown.
        trained: examples in a batch of the training.
        reduction: of the loss over its examples.
    """

    looked: int | None
    trained: int | None
    reduction: Reduction = "mean"

    @property
    def parts(self) -> float:
        """The number of batches that were looked at that make one of the training."""
        if self.looked is None or self.trained is None or self.reduction == "neither":
            return 1.0
        return self.trained / self.looked

    @property
    def variance(self) -> float:
        """The variance with a batch of the training, in units of that with one that was looked at."""
        return self.parts if self.reduction == "sum" else 1 / self.parts


def rows(
    name: str, label: str, step: int, look: Look, sizes: Sizes, weights: Weights
) -> list[dict[str, Any]]:
    """The rows of one step, one for each block of parameters, "all" first."""
    leaf = weights.tensors[0]
    estimates = look.products["all"].flatten(0, 1).flatten(1)  # [R, R]
    row = {
        **dict.fromkeys(WORDS, ""),
        "scenario": name,
        "scenario_version": 1,
        "problem": f"{name} (step = {step})",
        "estimator": label,
        "estimator_name": label,
        "options": "{}",
        "sample_size": 1,
        "device": str(leaf.device),
        "dtype": str(leaf.dtype).removeprefix("torch."),
        "replicates": len(estimates),
        "nonfinite": int((~estimates.diagonal().isfinite()).sum()),
        "truth": "none",
        "verdict": "unknown",
        "status": "ok" if look.is_finite else "nonfinite",
        "cell": f"{name} step {step}",
        STEP: float(step),
    }
    if not look.is_finite:
        row["reason"] = "estimates are not finite"
        return [{**row, "parameter": block, "dim": dim} for block, dim in look.dims.items()]
    return [
        {**row, "parameter": block, "dim": look.dims[block], **dict(_columns(noise, sizes))}
        for block, noise in look.noise()
    ]


def _columns(noise: GradientNoise, sizes: Sizes) -> Iterator[tuple[str, float]]:
    examples = np.nan if sizes.looked is None or sizes.reduction == "neither" else float(sizes.looked)
    found = {
        "variance": noise.variance.through(lambda x: x * sizes.variance),
        "sampling_variance": noise.sampling.through(lambda x: x * sizes.variance),
        "data_variance": noise.data.through(lambda x: x * sizes.variance),
        "snr": noise.snr.through(lambda x: x * sizes.parts**0.5),
        "noise_scale": noise.scale.through(lambda x: x * examples),
        "batch_cosine": noise.cosine,
    }
    for name, interval in found.items():
        yield from _named(name, interval)


def _named(name: str, interval: Interval) -> Iterator[tuple[str, float]]:
    yield from ((name, interval.value), (f"{name}_low", interval.low), (f"{name}_high", interval.high))


def table(found: list[dict[str, Any]]) -> pd.DataFrame:
    """The table of measurements of some rows."""
    types = {**TYPES["measurements"], STEP: "float64"}
    return pd.DataFrame(found, columns=list(types)).astype(types)
