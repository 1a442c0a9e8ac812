"""Variance in two parts: what sampling adds for a given batch, and what the choice of the batch adds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.statistics.contributions import of_mean, of_variance
from bench.statistics.evidence import blocks_reported, segments_of
from bench.statistics.intervals import UNKNOWN, Interval, mean_interval, variance_interval
from bench.statistics.summary import Summary, deviations


@dataclass(frozen=True)
class Groups:
    """Groups of estimates that share a batch, summarized; float64 on the CPU.

    Attributes:
        means: of the means m of groups, one row for each group.
        within: w, the variance within each group, `[groups, segments]`; NaN where an estimate is not finite.
        size: estimates in a group, n.
    """

    means: Summary
    within: Tensor
    size: int = 2


@dataclass(frozen=True)
class Components:
    """The two parts of the variance of one estimate, each with its 95 % interval.

    Attributes:
        sampling: E_batch[Var[g | batch]], the trace.
        data: Var_batch[E[g | batch]], the trace; below zero by chance where there is little of it.
    """

    sampling: Interval
    data: Interval


def components(within: Tensor, deviation: Tensor, between: float, size: int = 2) -> Components:
    r"""The analysis of variance of groups of n estimates each.

    Estimates with one batch differ by sampling alone, and their mean m keeps an nth of its variance:

    .. math:: E[w] = E_{\text{batch}} \operatorname{Var}[g | \text{batch}], \quad
        w = \tfrac{1}{n - 1} \sum_i |g_i - m|^2; \qquad
        \operatorname{Var}_{\text{batch}} E[g | \text{batch}] = \operatorname{Var}[m] - \tfrac{1}{n} E[w]

    The interval of the first, and that of Var[m], are those of the jackknife on their logarithms. The
    ends of the second are as far from it as the ends of both, squared and added: a symmetric interval by its
    standard error has too low an upper end (coverage .86 of .95 for eight normal groups of one coordinate,
    and .94 so).

    Searle, Casella & McCulloch (1992), Variance components, §3; Zou & Donner (2008), Construction of
    confidence limits about effect measures, §2.

    Args:
        within: w, `[groups]`.
        deviation: u, `[groups]`.
        between: the trace of the covariance of m.
        size: n.
    """
    sampling = mean_interval(of_mean(within))
    if len(within) < 2:
        return Components(sampling, UNKNOWN)
    whole = variance_interval(of_variance(deviation), value=between)
    value, mean = between - float(within.mean()) / size, float(within.mean())
    below = math.hypot(between - whole.low, (sampling.high - mean) / size)
    above = math.hypot(whole.high - between, (mean - sampling.low) / size)
    error = float((deviation - within / size).std()) / math.sqrt(len(within))
    return Components(sampling, Interval(value, value - below, value + above, error))


def components_of(groups: Groups, parameters: Mapping[str, slice]) -> Iterator[tuple[str, Components]]:
    """The components of each reported block of parameters, "all" first."""
    variances, finite = groups.means.moments.variance, groups.means.finite
    segments = segments_of(parameters, len(variances))
    for name, block in blocks_reported(parameters, len(variances)).items():
        inside = torch.tensor([block.start <= s.start and s.stop <= block.stop for s in segments])
        within, distance = (of[finite][:, inside].sum(1) for of in (groups.within, groups.means.distance))
        between = float(variances[block].sum())
        yield name, components(within, deviations(distance, between), between, groups.size)
