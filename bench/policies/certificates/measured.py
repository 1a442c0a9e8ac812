"""The exact moments of an update in each setting, and the table of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from bench.policies.certificates.known_updates import leave_one_out_moments
from bench.policies.certificates.multiples import Sizes
from bench.policies.certificates.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Measured:
    """An update in a setting.

    Attributes:
        outcomes: all batches of answers.
        weights: of the scores of tokens, `[M, B, G, T]`, some of which may be no numbers.
        mean: with 0 for weights that are no numbers, `[P]`.
        variance: the total, of the same.
        undefined: whether a weight of a batch is no number, `[M]`.
    """

    outcomes: Outcomes
    weights: Tensor
    mean: Tensor
    variance: float
    undefined: Tensor

    @property
    def sizes(self) -> Sizes:
        """B, G and T."""
        return self.outcomes.sizes

    @property
    def undefined_probability(self) -> float:
        """The probability of batches in which a weight is no number."""
        return float(self.outcomes.probability[self.undefined].sum())


def measured(outcomes: Outcomes, weights: Tensor) -> Measured:
    """Return the moments of an update by the weights of the scores of tokens, `[M, B, G, T]`."""
    undefined = ~weights.isfinite().flatten(1).all(1)  # [M]
    mean, variance = outcomes.moments(torch.where(weights.isfinite(), weights, 0.0))
    return Measured(outcomes, weights, mean, variance, undefined)


def table_of(found: Sequence[Measured], weight: float = 0.0) -> pd.DataFrame:
    """Return a row for each setting; see `PolicyCertificate`.

    Args:
        found: in each setting.
        weight: of the divergence from a reference policy in the truth.
    """
    return pd.DataFrame([_row(each, weight) for each in found])


def _row(each: Measured, weight: float) -> dict[str, object]:
    outcomes, setting = each.outcomes, each.outcomes.setting
    B, G, T = each.sizes
    truth = outcomes.of_rewards - weight * outcomes.of_divergence
    off = each.mean - truth
    return {
        "setting": setting.name,
        "prompts": B,
        "group_size": G,
        "tokens": T,
        "off_policy": outcomes.off_policy,
        "reference": outcomes.has_reference,
        "outcomes": len(outcomes.probability),
        "truth": tuple(truth.tolist()),
        "mean": tuple(each.mean.tolist()),
        "bias": float(off) if len(off) == 1 else float(off.norm()),
        "variance": each.variance,
        "variance_ratio": each.variance / _of_leave_one_out(outcomes, weight),
        "undefined": each.undefined_probability,
        "counts": setting.counts,
    }


def _of_leave_one_out(outcomes: Outcomes, weight: float) -> float:
    """The variance of leave-one-out; NaN for groups of a single answer."""
    found = leave_one_out_moments(outcomes, weight)
    return math.nan if found is None else found[1]
