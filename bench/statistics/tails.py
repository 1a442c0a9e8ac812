"""Quantiles and tail probabilities of the distributions behind intervals and tests.

Those of the normal distribution need torch alone. The others are of scipy.special, which takes a third of a
second to import and is left until one is asked for: a plan, or a gate where nothing changed, asks for none.
scipy.stats has the same values behind classes whose import takes a second.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

Numbers = Any  # a number or an array; the answer has its shape


def normal_quantile(p: float) -> float:
    """Return the z that a standard normal variable is below with probability p."""
    return float(torch.special.ndtri(torch.tensor(p, dtype=torch.float64)))


def normal_tail(z: float) -> float:
    """Return the probability that a standard normal variable is above z."""
    return 0.5 * math.erfc(z / math.sqrt(2))  # torch.special.ndtr loses the tail


def t_quantile(p: float, degrees: Numbers) -> Any:
    """Return the value that Student's t is below with probability p; NaN without degrees of freedom."""
    return _special().stdtrit(_positive(degrees), p)


def t_tail(t: Numbers, degrees: float) -> Any:
    """Return the probability that Student's t is above a value; NaN without degrees of freedom."""
    return _special().stdtr(_positive(degrees), -np.asarray(t))


def f_tail(value: float, above: float, below: float) -> float:
    """Return the probability that Fisher's F is above a value.

    Args:
        value: at least 0.
        above: the degrees of freedom of the numerator.
        below: those of the denominator.
    """
    return float(_special().fdtrc(_positive(above), _positive(below), value))


def chi_square_tail(value: float, degrees: float) -> float:
    """Return the probability that χ² is above a value, at least 0; NaN without degrees of freedom."""
    return float(_special().chdtrc(_positive(degrees), value))


def noncentral_chi_square(value: float, degrees: float, noncentrality: float) -> float:
    """Return the probability that a noncentral χ² variable is at most a value."""
    return float(_special().chndtr(value, _positive(degrees), noncentrality))


def binomial_tail(count: int, trials: int, share: float) -> float:
    """Return the probability of more than `count` successes; of at least one where `count` is 0 or less."""
    return float(_special().bdtrc(count, trials, share))


def binomial_quantile(p: float, trials: int, share: float) -> int:
    """Return the least count that the number of successes is at most with probability p or more."""
    count = int(np.ceil(_special().bdtrik(p, trials, share)))
    # The inverse is that of a continuous function, and rounding may have carried it past a count.
    return count - 1 if count > 0 and _special().bdtr(count - 1, trials, share) >= p else count


def _positive(degrees: Numbers) -> Any:
    return np.where(np.asarray(degrees) > 0, degrees, np.nan)


def _special() -> Any:
    from scipy import special  # late: see above

    return special
