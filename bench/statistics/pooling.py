"""Tails of the cells of one estimator at different sample sizes, estimated together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.statistics.evidence import Evidence


def with_pooled_kurtosis(cells: Sequence[Evidence]) -> list[Evidence]:
    r"""Return the cells, each with the kurtosis that all of them together tell.

    The excess over a normal distribution's kurtosis falls as 1/N for an average of N independent
    terms, so that :math:`N (\kappa_N - \kappa_\infty)` is the same for all N. Its error is about
    N √(24/R): it is averaged with weights R/N², so that a cell learns from those of smaller
    N, and hardly anything from those of larger. A single cell learns nothing.
    """
    known = [cell for cell in cells if cell.replicates > 2 and cell.variance > 0]
    if len(known) < 2:
        return list(cells)
    weights = [cell.replicates / cell.sample_size**2 for cell in known]
    excess = [cell.sample_size * (cell.kurtosis - cell.normal_kurtosis) for cell in known]
    mean = sum(w * e for w, e in zip(weights, excess, strict=True)) / sum(weights)
    return [
        replace(cell, known_kurtosis=cell.normal_kurtosis + mean / cell.sample_size)
        if cell.variance > 0
        else cell
        for cell in cells
    ]
