"""The certificate of an advantage function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from bench import arguments
from bench.arguments import refused
from bench.policies.certificates.advantage_edges import LEAK, PLACE, edges_of
from bench.policies.certificates.certificate import Kind, PolicyCertificate
from bench.policies.certificates.foreign_calls import Faulty, alone
from bench.policies.certificates.known_rewards import known_rewards
from bench.policies.certificates.known_updates import Known, mean_of
from bench.policies.certificates.measured import Measured, measured, table_of
from bench.policies.certificates.multiples import Multiple, multiple_of
from bench.policies.certificates.outcomes import outcomes_of
from bench.policies.certificates.recognition import (
    largest_bias,
    nearest_to,
    noise_of,
    recognized_in,
    vanish,
)
from bench.policies.certificates.spreads import epsilons_of
from bench.policies.certificates.tried import MOST_ANSWERS, Family, Setting, settings_of
from bench.policies.certificates.tried import OF_REWARDS as FAMILIES
from bench.policies.certificates.undefined import lowered, where_undefined
from bench.policies.certificates.update_weights import weights_of_advantages


def certify_advantage(
    fn: Callable[[Tensor], Tensor],
    *,
    group_size: int | None = None,
    binary: bool = False,
    allow_multiple: bool = False,
) -> PolicyCertificate:
    r"""Say what a policy's update ascends, given its function from rewards to advantages.

    The update is the mean over prompts and their answers of an advantage times the score of the answer,

    .. math:: \hat g = \frac{1}{BG} \sum_{b,i} A_{bi}\, \nabla \log \pi(o_{bi}),

    with answers drawn from π itself. Its mean and variance are sums over all batches of answers, in some
    forty settings with rewards of 0 and 1, graded, negative and shifted ones, one or two prompts, and one
    or two tokens.

    Args:
        fn: of rewards, `[B, G]`, a row for each prompt; it returns advantages in the same shape.
        group_size: the only G that it is tried with, up to 64; None for several.
        binary: whether its rewards are 0 and 1 only.
        allow_multiple: whether a positive multiple of the gradient passes, (G − 1)/G of it say: a matter of
            the step size.

    Returns:
        The certificate; `bench.certify_advantage(mine).passed` is what a test asserts.

    Raises:
        Invalid: if an argument is of the wrong kind. A function that fails has a certificate that says so.

    Example:
        >>> import bench
        >>> def grpo(rewards):
        ...     mean, std = rewards.mean(1, keepdim=True), rewards.std(1, keepdim=True)
        ...     return (rewards - mean) / (std + 1e-4)
        >>> bench.certify_advantage(grpo).kind
        'other'
    """
    settings = settings_tried(fn, FAMILIES, group_size, binary)
    multiples_pass = arguments.truth("allow_multiple", allow_multiple)
    try:
        with alone(settings[0].problem):
            return _certificate(fn, settings, group_size, multiples_pass, binary)
    except Faulty as fault:
        return faulty(fault, group_size)


def _certificate(
    fn: Callable[[Tensor], Tensor],
    settings: Sequence[Setting],
    group_size: int | None,
    multiples_pass: bool,
    binary: bool,
) -> PolicyCertificate:
    found = [_measured(fn, each) for each in settings if each.counts]
    single = [each for each in (_single(fn, one) for one in settings) if each is not None]
    notes = edges_of(fn, group_size, binary)
    kind, verdict, objective = _verdict(found, known_rewards(epsilons_of(fn, group_size or 4)))
    undefined = where_undefined(found)
    if undefined:
        kind, verdict = "undefined", f"Undefined: {undefined}. With 0 there: {lowered(verdict)}"
    worst = [note for note in notes if note in (LEAK, PLACE) or "huge" in note]
    passed = kind == "unbiased" or (multiples_pass and kind == "multiple")
    table = table_of([*single, *found])
    return PolicyCertificate(passed, kind, " ".join([verdict, *worst]), objective, notes, table)


def faulty(fault: Faulty, group_size: int | None) -> PolicyCertificate:
    """Return the certificate of a function of which nothing can be said."""
    hint = "; if it needs groups of one size, say group_size=" if group_size is None and fault.raised else ""
    hint = "; the mask is made of 0 and 1, and mask.bool() of truth values" if "bool" in str(fault) else hint
    return PolicyCertificate(False, "faulty", f"It cannot be used: {fault}{hint}.")


def settings_tried(
    fn: object, families: tuple[Family, ...], group_size: int | None, binary: bool, older: bool = True
) -> tuple[Setting, ...]:
    """Return the settings that arguments ask for.

    Raises:
        Invalid: if an argument is of the wrong kind.
    """
    if not callable(fn) or isinstance(fn, type):
        raise refused("fn", "a function", fn)
    if group_size is not None:
        group_size = arguments.whole_number("group_size", group_size, 1, MOST_ANSWERS)
    return settings_of(families, group_size, arguments.truth("binary", binary), older)


def _measured(fn: Callable[[Tensor], Tensor], setting: Setting) -> Measured:
    outcomes = outcomes_of(setting)
    return measured(outcomes, weights_of_advantages(fn, outcomes))


def _single(fn: Callable[[Tensor], Tensor], setting: Setting) -> Measured | None:
    """Return the moments for groups of a single answer, which do not count; None if it fails there."""
    if setting.counts:
        return None
    try:
        return _measured(fn, setting)
    except Faulty:  # told of by `edges_of`
        return None


def _verdict(found: Sequence[Measured], known: Sequence[Known]) -> tuple[Kind, str, str]:
    """Return the kind, the verdict and the name of what is ascended."""
    means, sizes = [each.mean for each in found], [each.sizes for each in found]
    if vanish(found):
        return "zero", "Zero gradient: the mean of the update is 0 in all settings.", ""
    multiple = multiple_of(means, [each.outcomes.of_rewards for each in found], sizes)
    if multiple is not None:
        return _of_multiple(multiple, found)
    recognized = recognized_in(found, known, mean_of)
    if recognized is None:
        near = nearest_to(found, known, mean_of)
        return "other", f"Ascends something else, which has no name here: {largest_bias(found)}{near}.", ""
    return "other", f"{recognized.ascends}, not the mean reward: {recognized.by}.", recognized.name


def _of_multiple(multiple: Multiple, found: Sequence[Measured]) -> tuple[Kind, str, str]:
    name = "the mean reward"
    if multiple.is_one:
        return "unbiased", f"Unbiased: it ascends {name}, {noise_of(found)}.", name
    if multiple.factor < 0:
        times = "" if multiple.text == "-1" else f", {multiple.text} of it"
        return "minus", f"Minus the gradient{times}: it descends {name} (a sign error).", f"minus {name}"
    reason = f": {multiple.reason}" if multiple.reason else ""
    return "multiple", f"A multiple of the gradient of {name}, {multiple.text} of it{reason}.", name
