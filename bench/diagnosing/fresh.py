"""Fresh estimates of a suspect and of what it is held against, on common random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.cell import CellSampler
from bench.engine.plain_estimates import plain_estimates
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth
from bench.statistics.evidence import Evidence, evidence_of, segments_of
from bench.statistics.summary import summarize
from bench.statistics.verdict import bias_p


@dataclass(frozen=True)
class Fresh:
    """Rows of a suspect beside rows of what is right, paired; float64 on the CPU.

    Attributes:
        suspect: `[R, P]`.
        right: `[R, P]`, with the true gradient as its mean; all rows alike where that is known exactly.
        truth: the true gradient as it was known before, `[P]`.
        blocks: of coordinates, by name.
    """

    suspect: Tensor
    right: Tensor
    truth: Tensor
    blocks: Mapping[str, slice]

    def off(self, factor: float = 1.0, suspect: Tensor | None = None) -> dict[str, Evidence]:
        """The evidence on the difference between the suspect and a multiple of what is right, by block.

        The rows are shifted by the truth, so that what counts as rounding is a part of its size.
        """
        rows = (self.suspect if suspect is None else suspect) - factor * self.right + self.truth  # [R, P]
        rows = rows[rows.isfinite().all(1)]
        summary = summarize(rows, self.truth, segments_of(self.blocks, len(self.truth)))
        nothing = torch.zeros_like(self.truth)
        return dict(
            evidence_of(summary, self.truth, nothing, torch.empty(0), 0.0, 1, self.blocks, cost_varied=True)
        )

    def p(self, factor: float = 1.0, suspect: Tensor | None = None) -> float:
        """The p-value of the suspect being the multiple of what is right."""
        return bias_p(self.off(factor, suspect)["all"])


def fresh_of(experiment: Experiment, truth: Truth, cell: Cell, count: int, role: str) -> Fresh:
    """Estimates of a cell beside those of the loss that gives the truth, or beside the truth itself.

    Args:
        experiment: to which the cell belongs; calls belong within a guard of its problem.
        truth: the gradient, which is known.
        cell: of the suspect.
        count: R.
        role: the purpose of the random numbers.
    """
    assert truth.gradient is not None
    rows = plain_estimates(CellSampler(experiment, cell), role, count)
    right = truth.gradient.expand(count, -1)
    if truth.kind == "reference":
        named = experiment.references[0]
        least = max(cell.sample_size, named.estimator.minimum_sample_size)
        beside = replace(cell, named=named, sample_size=least)
        right = plain_estimates(CellSampler(experiment, beside), role, count)
    return Fresh(rows, right, truth.gradient, experiment.problem.parameters)
