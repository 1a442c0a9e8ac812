"""Claims that only several sample sizes together can contradict."""

from __future__ import annotations

import pandas as pd

from bench.statistics.rate import limiting_bias, standard_error
from bench.statistics.verdict import BIASED_BELOW

NOT_CONSISTENT = "not consistent"


def against_consistency(measurements: pd.DataFrame) -> pd.Series:
    """The column of contradictions, with those of a claim to be consistent filled in.

    The bias of a consistent estimator vanishes with N: the fit b(N) = b∞ + c/N, of a single
    parameter and four sample sizes at least, must have b∞ = 0.
    """
    contradiction = measurements["contradiction"].copy()
    claimed = measurements[(measurements["claim"] == "consistent") & (measurements["dim"] == 1)]
    for _, cells in claimed.groupby(["estimator", "device", "dtype", "parameter"], sort=False):
        ends = zip(cells["bias_low"].tolist(), cells["bias_high"].tolist(), strict=True)
        errors = [standard_error(low, high) for low, high in ends]
        fit = limiting_bias(cells["sample_size"].tolist(), cells["bias"].tolist(), errors)
        if fit.intercept.p_of_zero() < BIASED_BELOW:
            contradiction[cells.index] = NOT_CONSISTENT
    return contradiction
