"""The parts that an update of a policy is composed of, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass

from estimators.divergences import Divergence, NoDivergence
from estimators.group_baselines import GroupBaseline, MeanReturn, Objective, OfOthers, WithOwn
from estimators.group_parts import BatchStd, Filter, Length, NoFilter, NoLength, NoScale, Scale
from estimators.ratio_rules import Clipped, NoRatio, Ratio, SelfNormalized


@dataclass(frozen=True)
class Composition:
    """The options of `GroupPolicy`, which tells what they are."""

    baseline: GroupBaseline = OfOthers()  # noqa: RUF009 - it is frozen, as are the others
    scale: Scale = NoScale()  # noqa: RUF009
    filter: Filter = NoFilter()  # noqa: RUF009
    length: Length = NoLength()  # noqa: RUF009
    ratio: Ratio = NoRatio()  # noqa: RUF009
    divergence: Divergence = NoDivergence()  # noqa: RUF009
    entropy: float = 0.0
    objective: Objective = MeanReturn()  # noqa: RUF009
    score_centering: bool = False

    def __post_init__(self) -> None:
        _check_pairs(self)


def _check_pairs(update: Composition) -> None:
    """Refuse parts that make no sense together.

    Raises:
        ValueError: with the name of the option that is to be changed.
    """
    if not isinstance(update.baseline, update.objective.baselines):
        raise ValueError("baseline of pass_at_k must be none or leave_one_out")
    if not isinstance(update.objective, MeanReturn) and not isinstance(update.scale, NoScale):
        raise ValueError("scale must be none with pass_at_k, whose weights are no deviations from a mean")
    if not isinstance(update.scale, NoScale) and update.baseline.of_tokens:
        raise ValueError("scale must be none with a baseline by enumeration: advantages are not 0 with it")
    if not isinstance(update.scale, NoScale | BatchStd) and not isinstance(
        update.baseline, WithOwn | OfOthers
    ):
        raise ValueError("scale by a group's own spread or mean needs the baseline mean or leave_one_out")
    if update.score_centering and update.ratio.level != "token":
        raise ValueError("score_centering needs ratios of single tokens: level must be token")
    if update.score_centering and isinstance(update.ratio, Clipped | SelfNormalized):
        raise ValueError("score_centering needs weights that depend on a token's ratio alone")
