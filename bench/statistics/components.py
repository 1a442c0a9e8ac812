"""Variance in two parts: what sampling adds for a given batch, and what the choice of the batch adds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.statistics.contributions import of_mean
from bench.statistics.evidence import blocks_reported, segments_of
from bench.statistics.intervals import UNKNOWN, Interval, mean_interval, normal_interval
from bench.statistics.summary import Summary, deviations


@dataclass(frozen=True)
class Pairs:
    """Pairs of estimates that share a batch, summarized; float64 on the CPU.

    Attributes:
        means: of the pairs' means m, one row for each pair.
        within: w, half the squared distance between the two estimates, `[pairs, segments]`;
            NaN where one of them is not finite.
    """

    means: Summary
    within: Tensor


@dataclass(frozen=True)
class Components:
    """The two parts of the variance of one estimate, each with its 95 % interval.

    Attributes:
        sampling: E_batch[Var[g | batch]], the trace.
        data: Var_batch[E[g | batch]], the trace; below zero by chance where there is little of it.
    """

    sampling: Interval
    data: Interval


def components(within: Tensor, deviation: Tensor, between: float) -> Components:
    r"""The analysis of variance of n pairs.

    Two estimates with one batch differ by sampling alone, and the mean m of the two keeps
    half of its variance:

    .. math:: E[w] = E_{\text{batch}} \operatorname{Var}[g | \text{batch}], \quad
        w = \tfrac{1}{2} |g_1 - g_2|^2; \qquad
        \operatorname{Var}_{\text{batch}} E[g | \text{batch}] = \operatorname{Var}[m] - \tfrac{1}{2} E[w]

    With u the squared deviations of m, unbiased, the second is the mean of u − w/2, whose
    spread over the pairs gives its standard error.

    Searle, Casella & McCulloch (1992), Variance components, §3.

    Args:
        within: w, `[n]`.
        deviation: u, `[n]`.
        between: the trace of the covariance of m.
    """
    if len(within) < 2:
        return Components(mean_interval(of_mean(within)), UNKNOWN)
    error = float((deviation - within / 2).std()) / math.sqrt(len(within))
    data = normal_interval(between - float(within.mean()) / 2, error)
    return Components(mean_interval(of_mean(within)), data)


def components_of(pairs: Pairs, parameters: Mapping[str, slice]) -> Iterator[tuple[str, Components]]:
    """The components of each reported block of parameters, "all" first."""
    variances, finite = pairs.means.moments.variance, pairs.means.finite
    segments = segments_of(parameters, len(variances))
    for name, block in blocks_reported(parameters, len(variances)).items():
        inside = torch.tensor([block.start <= s.start and s.stop <= block.stop for s in segments])
        within, distance = (of[finite][:, inside].sum(1) for of in (pairs.within, pairs.means.distance))
        between = float(variances[block].sum())
        yield name, components(within, deviations(distance, between), between)
