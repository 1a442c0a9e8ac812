"""The certificate of a policy loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bench import arguments
from bench.arguments import refused
from bench.policies.certificates.advantage import faulty, settings_tried
from bench.policies.certificates.certificate import PolicyCertificate
from bench.policies.certificates.foreign_calls import Faulty, LossCalls, alone
from bench.policies.certificates.loss_edges import edges_of
from bench.policies.certificates.loss_parts import Parts, parts_of
from bench.policies.certificates.loss_verdict import verdict_of
from bench.policies.certificates.measured import table_of
from bench.policies.certificates.outcomes import outcomes_of
from bench.policies.certificates.ratio_bounds import bounds_of
from bench.policies.certificates.tried import OF_TOKENS, Setting


def certify_policy_loss(
    fn: Callable[..., Any],
    *,
    group_size: int | None = None,
    kl_weight: float | None = None,
    off_policy: bool = True,
    token_advantages: bool = False,
    allow_multiple: bool = False,
) -> PolicyCertificate:
    r"""Say what a policy loss ascends when it is descended.

    Minus the gradient of the loss is taken by autograd in the log probabilities, and its mean and variance
    are sums over all batches of answers, in some forty settings: with answers of the policy itself and of an
    older one, with and without a reference policy, of one and of two tokens. Wanted is the gradient of

    .. math:: E[r(o)] - \beta\, \mathrm{KL}(\pi \,\|\, \pi_{\text{ref}}).

    Args:
        fn: `fn(log_probs, old_log_probs, ref_log_probs, mask, advantages)`, which returns a scalar. The
            first four are `[answers, tokens]`, in float64; the G answers to a prompt follow one another. The
            mask is 1 where there is a token, else 0, and what stands under a 0 is the log probability of a
            padding token. `ref_log_probs` are those of the policy itself where there is no reference.
            `advantages`, `[answers]`, are rewards less the mean of the other answers of the group (for
            G = 1 the rewards).
        group_size: the only G that it is tried with, up to 64, as where the loss has it from its closure;
            None for several.
        kl_weight: β; None to find it out, 0 where the loss holds no divergence.
        off_policy: whether answers may come from an older policy.
        token_advantages: whether the loss takes an advantage of each token, `[answers, tokens]`: that of its
            answer, and 0 for padding.
        allow_multiple: whether a positive multiple of the gradient passes.

    Returns:
        The certificate; `bench.certify_policy_loss(mine).passed` is what a test asserts.

    Raises:
        Invalid: if an argument is of the wrong kind. A loss that fails has a certificate that says so.

    Example:
        >>> import bench
        >>> def loss(log_probs, old_log_probs, ref_log_probs, mask, advantages):
        ...     return -((log_probs * mask).sum(1) * advantages).mean()
        >>> bench.certify_policy_loss(loss, off_policy=False).passed
        True
    """
    older = arguments.truth("off_policy", off_policy)
    settings = settings_tried(fn, OF_TOKENS, group_size, False, older)
    multiples_pass = arguments.truth("allow_multiple", allow_multiple)
    weight = _weight(kl_weight)
    calls = LossCalls(fn, arguments.truth("token_advantages", token_advantages))
    try:
        with alone(settings[0].problem):
            found = [parts_of(calls, outcomes_of(each)) for each in settings if each.counts]
            single = [each for each in (_single(calls, one) for one in settings) if each is not None]
            notes = edges_of(calls, group_size or 4)
            bounds = bounds_of(calls, group_size or 1)
            verdict = verdict_of(found, weight, calls.reached, bounds)
            table = table_of([each.whole for each in (*single, *found)], verdict.weight)
    except Faulty as fault:
        return faulty(fault, group_size)
    passed = verdict.kind == "unbiased" or (multiples_pass and verdict.kind == "multiple")
    return PolicyCertificate(passed, verdict.kind, verdict.text, verdict.objective, notes, table)


def _single(calls: LossCalls, setting: Setting) -> Parts | None:
    """Return the parts for groups of a single answer, which do not count; None if the loss fails there."""
    if setting.counts:
        return None
    try:
        return parts_of(calls, outcomes_of(setting))
    except Faulty:  # told of by `edges_of`
        return None


def _weight(given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise refused("kl_weight", "a number of at least 0, or None", given)
    return float(given)
