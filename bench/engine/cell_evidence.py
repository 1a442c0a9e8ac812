"""The evidence of the cells of a run: moments, errors and costs, and what is known of them exactly."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from bench.engine.plan import Experiment
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.pooling import with_pooled_kurtosis
from bench.statistics.verdict import BIASED_BELOW, bias_p


def evidence_of_cell(experiment: Experiment, truth: Truth, result: Result) -> dict[str, Evidence]:
    """The evidence of a cell on each reported block; of one that was not measured there is none."""
    replication, seconds = result.replication, result.seconds
    if replication is None or seconds is None:
        return {}
    found = evidence_of(
        replication.summary,
        truth.gradient,
        truth.standard_error,
        _contended(seconds) if result.contended else seconds,
        replication.evaluations,
        result.cell.sample_size,
        experiment.problem.parameters,
        np.nan if result.bytes is None else result.bytes,
        result.exact,
        replication.cost_varied,
        result.missed,
    )
    return dict(found)


def _contended(seconds: Tensor) -> Tensor:
    """Timings that were taken beside other cells: of their median they tell the size alone."""
    if not len(seconds):
        return seconds
    spread = torch.tensor([1 / _FACTOR] * _MANY + [1.0] + [_FACTOR] * _MANY, dtype=seconds.dtype)
    return seconds.median() * spread


_FACTOR, _MANY = 4.0, 5


def pooled(results: list[Result], evidence: list[dict[str, Evidence]]) -> list[dict[str, Evidence]]:
    """The evidence on each cell's blocks; cells of one estimator know of one another's kurtosis."""
    alike: dict[tuple[str, str, str, str], list[dict[str, Evidence]]] = defaultdict(list)
    for result, blocks in zip(results, evidence, strict=True):
        for name in blocks:
            alike[result.cell.named.label, result.cell.device, result.cell.dtype, name].append(blocks)
    for (*_, name), cells in alike.items():
        for blocks, known in zip(cells, with_pooled_kurtosis([each[name] for each in cells]), strict=True):
            blocks[name] = known
    return evidence


def accusing(experiment: Experiment, truth: Truth, result: Result) -> int:
    """N R of a cell whose estimates contradict its claim to be unbiased, by themselves; else 0."""
    claim = getattr(result.cell.named.estimator, "bias", "")
    if result.replication is None or truth.gradient is None or claim != "unbiased":
        return 0
    evidence = evidence_of_cell(experiment, truth, result)["all"]
    return result.cell.sample_size * evidence.replicates if bias_p(evidence) < BIASED_BELOW else 0
