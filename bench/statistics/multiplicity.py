"""Many tests of one run at a joint level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def holm(p: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.bool_]:
    """Return which hypotheses are rejected, `[K]`, by their p-values `[K]`; NaN is never.

    A true one among them is rejected with at most the probability `level`, however many there are. Holm
    (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p, kind="stable")  # NaN last
    left = np.arange(np.isfinite(p).sum(), 0, -1)
    rejected = np.zeros(len(p), dtype=bool)
    rejected[order[: len(left)]] = np.logical_and.accumulate(p[order[: len(left)]] * left < level)
    return rejected
