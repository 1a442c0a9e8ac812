"""Claims of updates of a policy: whether their mean is the gradient, and of which objective if it is not."""

from __future__ import annotations

from bench.estimator import Claim
from bench.policy import STATES, PolicyProblem
from bench.problem import NotApplicable
from estimators.divergences import K1, K2, K3, NoDivergence
from estimators.group_baselines import MeanReturn, OfOthers, PassAtK, WithOwn
from estimators.group_composition import Composition
from estimators.group_parts import ConstantLength, GroupMean, GroupStd, Redraw
from estimators.ratio_rules import Importance, NoRatio


def claim_of(update: Composition, problem: PolicyProblem) -> Claim:
    """Return whether the mean of an update is the gradient of a problem's F."""
    return "unbiased" if not _parts(update, problem) and _ratio_is_right(update, problem) else "biased"


def _parts(update: Composition, problem: PolicyProblem) -> set[str]:
    """The parts that move the mean, but for the ratio: names of options."""
    moved = {
        "baseline": not update.baseline.unbiased,
        "scale": not update.scale.unbiased,
        "filter": not update.filter.unbiased,
        "length": not (update.length.unbiased or _by_length(update, problem)),
        "entropy": update.entropy != 0,
        "objective": not isinstance(update.objective, MeanReturn),
        "divergence": problem.kl_weight != 0 and not _divergence_is_right(update, problem),
    }
    return {name for name, wrong in moved.items() if wrong}


def _by_length(update: Composition, problem: PolicyProblem) -> bool:
    return _one_token(problem) and not isinstance(update.length, ConstantLength)


def _one_token(problem: PolicyProblem) -> bool:
    return problem.distribution(problem.theta[None]).length == 1


def _ratio_is_right(update: Composition, problem: PolicyProblem) -> bool:
    if not problem.off_policy:
        return update.ratio.exact_on_policy
    if _one_token(problem):
        return isinstance(update.ratio, Importance)
    return update.ratio.unbiased


def _divergence_is_right(update: Composition, problem: PolicyProblem) -> bool:
    divergence = update.divergence
    if divergence.place == "reward":
        return isinstance(divergence, K1)
    if not _one_token(problem):
        return False
    right = {K1: "live", K2: "detached", K3: "live"}.get(type(divergence))
    # On policy the ratio is 1, which matters only where it is differentiated.
    free = not problem.off_policy and isinstance(divergence, K2) and divergence.ratio == "none"
    return divergence.ratio == right or free


def ascended_by(update: Composition, problem: PolicyProblem, sample_size: int) -> str:
    """Return the objective whose gradient the mean of a biased update is, if it is known.

    The formulas are of this project's own enumeration, with the exact means that tests hold them to; for the
    truncated logarithm see also MaxRL (2026).
    """
    parts = _parts(update, problem)
    if not _ratio_is_right(update, problem):
        plain = not parts and isinstance(update.ratio, NoRatio) and not update.score_centering
        plain = plain and not _has_loss(update, problem)
        return "E_old[(r − b) log π], the likelihood of older answers by their worth" if plain else ""
    if parts == {"divergence"}:
        return _with_divergence(update, problem)
    return _of_all(update, problem, sample_size, parts) or _of_binary(update, problem, sample_size, parts)


def _has_loss(update: Composition, problem: PolicyProblem) -> bool:
    """Whether the divergence is a term of its own, beside the returns."""
    return problem.kl_weight != 0 and update.divergence.place == "loss"


def _of_all(update: Composition, problem: PolicyProblem, N: int, parts: set[str]) -> str:
    """Names whatever the returns are."""
    if parts == {"baseline"} and isinstance(update.baseline, WithOwn) and not _has_loss(update, problem):
        return f"{N - 1}/{N} of F"
    if parts == {"length"} and isinstance(update.length, ConstantLength):
        return f"F divided by {update.length.tokens:g}"
    if parts == {"entropy"} and _one_token(problem):
        return f"F + {update.entropy:g} times the entropy of π"
    return ""


def _of_binary(update: Composition, problem: PolicyProblem, N: int, parts: set[str]) -> str:
    """Names where p is the probability of a return of 1, else 0, and all of F; on policy."""
    if problem.off_policy or problem.kl_weight or not _returns_are_binary(problem):
        return ""
    p, q, scale, others = "p", "(1 − p)", update.scale, isinstance(update.baseline, OfOthers)
    if isinstance(update.objective, PassAtK) and parts == {"objective"}:
        return f"the probability that one of {update.objective.k} answers is right"
    if isinstance(scale, GroupStd) and scale.epsilon <= _SMALL and parts <= {"scale", "baseline"}:
        return f"2 arcsin √{p}, in the limit of large groups"
    if isinstance(scale, GroupMean) and not scale.epsilon and parts == {"scale", "baseline"}:
        return f"log {p} cut after {N - 1} terms, −Σ {q}^k / k"
    # With another baseline groups that are alike would count, too; few stay so.
    if isinstance(update.filter, Redraw) and update.filter.most >= _MANY and others and parts == {"filter"}:
        return f"F with each prompt's gradient weighed by 1 / (1 − {p}^{N} − {q}^{N})"
    return ""


# What may be added to a standard deviation; and how often groups are drawn
# again that hardly any stays alike.
_SMALL, _MANY = 1e-4, 100


def _with_divergence(update: Composition, problem: PolicyProblem) -> str:
    divergence = update.divergence
    if isinstance(divergence, NoDivergence):
        return "E[r] alone, without the divergence"
    if not _one_token(problem):
        return ""
    if isinstance(divergence, K3) and divergence.place == "reward":
        return "E[r] − β [KL(π‖ref) − KL(ref‖π)], which vanishes to first order near ref"
    if isinstance(divergence, K3) and divergence.ratio == ("detached" if problem.off_policy else "none"):
        return "E[r] − β KL(ref‖π), the forward divergence"
    if isinstance(divergence, K1) and not problem.off_policy:
        return "E[r] alone: the slope of this loss has mean zero"
    return ""


def _returns_are_binary(problem: PolicyProblem) -> bool:
    """Whether every answer returns 0 or 1, as far as answers can be enumerated."""
    p = problem.distribution(problem.theta[None])
    try:
        x = p.states(STATES)  # [S, T]
    except NotApplicable:
        return False
    batch = p.batch_shape
    every = x.view(len(x), *[1] * len(batch), -1).expand(-1, *batch, -1)
    returns = problem.discounted(every, problem.theta[None]).sum(-1)
    return bool(((returns == 0) | (returns == 1)).all())
