"""Verdicts on bias, and contradictions to claims of estimators, by all rows of a run together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.statistics.rate import limiting_bias, standard_error
from bench.statistics.verdict import BIASED_BELOW


def judged(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the measurements of a whole run with the verdicts and contradictions that all of its rows give.

    Before, a verdict says what is known of a row if it is not biased.
    """
    biased = is_biased(measurements["bias_p"])
    inconsistent = against_consistency(measurements)
    contradiction = inconsistent.mask(biased & (measurements["claim"] == "unbiased"), "not unbiased")
    verdict = measurements["verdict"].mask(biased, "biased")
    return measurements.assign(verdict=verdict, contradiction=contradiction)


def is_biased(p: pd.Series[float]) -> pd.Series[bool]:
    """Return whether each row of a run is biased, by the p-values of no bias in all; NaN were not tested.

    An unbiased estimator is called biased in at most 1 % of runs, however many rows they have. Holm (1979), A
    simple sequentially rejective multiple test procedure.
    """
    ordered = p.dropna().sort_values(kind="stable")
    left = np.arange(len(ordered), 0, -1)
    rejected = np.logical_and.accumulate(ordered.to_numpy() * left < BIASED_BELOW)
    return p.index.to_series().isin(ordered.index[rejected])


def against_consistency(measurements: pd.DataFrame) -> pd.Series:
    """Return whether rows contradict a claim to be consistent, in words; empty if not.

    The bias of a consistent estimator vanishes with N: the fit b(N) = b∞ + c/N, of a single
    parameter and four sample sizes at least, must have b∞ = 0.
    """
    contradiction = pd.Series("", measurements.index)
    claimed = measurements[(measurements["claim"] == "consistent") & (measurements["dim"] == 1)]
    but_for_N = ["problem", "estimator", "device", "dtype", "parameter"]
    for _, cells in claimed.groupby(but_for_N, sort=False):
        errors = list(map(standard_error, cells["bias_low"], cells["bias_high"]))
        fit = limiting_bias(cells["sample_size"].tolist(), cells["bias"].tolist(), errors)
        if fit.intercept.p_of_zero() < BIASED_BELOW:
            contradiction[cells.index] = "not consistent"
    return contradiction
