"""Functions of rewards that go by a name, in which the score of an answer counts as it is."""

from __future__ import annotations

from collections.abc import Iterator

from bench.policies.certificates.known_updates import Known, composed
from bench.policies.certificates.spreads import Epsilons

ARCSINE = "2 arcsin √p (the limit of large groups)"
LOG_P = "log p cut after G - 1 terms"
OF_BATCH = "the mean reward over its spread in the batch"

_MOST_OF_BEST = 8


def known_rewards(epsilons: Epsilons) -> tuple[Known, ...]:
    """Return the functions that one may be.

    Args:
        epsilons: what may be added to what it divides by; 0 is looked at in any case.
    """
    return tuple(dict.fromkeys(_known(epsilons)))


def _known(epsilons: Epsilons) -> Iterator[Known]:
    for ddof in (0, 1):
        for epsilon in (*epsilons.std[ddof], 0.0):
            said = f"(ddof {ddof}, epsilon {epsilon:g})" if epsilon else f"(ddof {ddof})"
            given = {"ddof": ddof, "epsilon": epsilon}
            by = f"division by the standard deviation of the group {said}"
            yield composed(ARCSINE, by, {"baseline": "mean", "scale": {"std": given}})
            by = f"division by the standard deviation over all prompts {said}"
            yield composed(OF_BATCH, by, {"baseline": "none", "scale": {"batch_std": given}})
    for epsilon in (*epsilons.mean, 0.0):
        said = f" (epsilon {epsilon:g})" if epsilon else ""
        by = f"division by the mean of the group{said}, by the settings with rewards of at least 0"
        scale = {"mean": {"epsilon": epsilon}}
        yield composed(LOG_P, by, {"baseline": "mean", "scale": scale}, nonnegative=True)
    for k in range(2, _MOST_OF_BEST + 1):
        options = {"baseline": "none", "objective": {"pass_at_k": {"k": k}}}
        yield composed(
            f"pass@{k}",
            f"weights of the best of {k} answers, by the settings with rewards of 0 and 1",
            options,
        )
