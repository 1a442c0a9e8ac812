"""What contradicts the claims of estimators, by all cells of a run together."""

from __future__ import annotations

import pandas as pd

from bench.statistics.rate import limiting_bias, standard_error
from bench.statistics.verdict import BIASED_BELOW

KEYS = ["problem", "estimator", "device", "dtype", "parameter"]
"""The columns within which rows differ by their N alone."""

NOT_UNBIASED, NOT_CONSISTENT = "not unbiased", "not consistent"


def contradictions(measurements: pd.DataFrame) -> pd.Series:
    """For each row what of its estimator's claim it contradicts; empty if nothing."""
    unbiased = against_unbiasedness(measurements)
    return unbiased.where(unbiased != "", against_consistency(measurements))


def against_unbiasedness(measurements: pd.DataFrame) -> pd.Series:
    """Rows whose bias contradicts a claim to be unbiased: p below 1 % over all rows that were tested.

    A verdict is of its row alone, and calls 1 % of unbiased ones biased. That an estimator is not
    what it claims to be is said of a run, so that Bonferroni's inequality bounds all of these by 1 %.
    """
    tested = (measurements["claim"] == "unbiased") & measurements["bias_p"].notna()
    level = BIASED_BELOW / max(int(tested.sum()), 1)
    wrong = tested & (measurements["verdict"] == "biased") & (measurements["bias_p"] < level)
    return pd.Series(NOT_UNBIASED, measurements.index).where(wrong, "")


def against_consistency(measurements: pd.DataFrame) -> pd.Series:
    """Rows that contradict a claim to be consistent.

    The bias of a consistent estimator vanishes with N: the fit b(N) = b∞ + c/N, of a single
    parameter and four sample sizes at least, must have b∞ = 0.
    """
    contradiction = pd.Series("", measurements.index)
    claimed = measurements[(measurements["claim"] == "consistent") & (measurements["dim"] == 1)]
    for _, cells in claimed.groupby(KEYS, sort=False):
        ends = zip(cells["bias_low"].tolist(), cells["bias_high"].tolist(), strict=True)
        errors = [standard_error(low, high) for low, high in ends]
        fit = limiting_bias(cells["sample_size"].tolist(), cells["bias"].tolist(), errors)
        if fit.intercept.p_of_zero() < BIASED_BELOW:
            contradiction[cells.index] = NOT_CONSISTENT
    return contradiction
