"""The minimum detectable bias of a test: without it, a test that was passed says nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.statistics.tails import normal_quantile
from bench.statistics.unbiasedness import Difference, least_p


@dataclass(frozen=True)
class Reach:
    """The biases that a test can see.

    Attributes:
        bias: the smallest bias of one coordinate, whichever it is, that is seen; infinite if
            some coordinate cannot be seen at all.
        skewed: coordinates too skewed to be tested by themselves, on the side of their skewness.
    """

    bias: float
    skewed: int


def reach_of(difference: Difference, level: float, power: float) -> Reach:
    r"""The bias of the noisiest coordinate that `bias_p` finds with this probability.

    With m coordinates that vary and half of the level for the vector as a whole,

    .. math:: b = (z_{1 - \alpha / (4m)} + z_{\text{power}})\, \max_j SE_j,

    and twice the level for a single one. A bias of the same norm that is spread over several
    coordinates meets the test of the whole vector, too. By normality: a skewed
    coordinate is seen later on one side, and sooner on the other.

    Args:
        difference: the mean estimate less the truth.
        level: of the test.
        power: the probability.
    """
    live = difference.error > 0
    count = int(live.sum())
    if not count:
        return Reach(0.0, 0)
    share = level if len(live) == 1 else level / 2 / count
    against = replace(difference, value=-difference.skew)  # on the side where the test cannot be trusted
    skewed = live & (least_p(against) > share)
    tested = live & ~skewed
    if not bool(tested.any()):
        return Reach(float("inf"), int(skewed.sum()))
    z = normal_quantile(power) - normal_quantile(share / 2)
    return Reach(z * float(difference.error[tested].max()), int(skewed.sum()))
