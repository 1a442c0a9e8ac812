"""The verdict on a policy loss: on what it ascends, and on how it holds the policy near a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bench.policies.certificates.certificate import Kind
from bench.policies.certificates.known_divergences import NOTHING, OF_DIVERGENCES, divergence_mean
from bench.policies.certificates.known_losses import known_losses
from bench.policies.certificates.known_updates import mean_of
from bench.policies.certificates.loss_parts import Parts, heeds_padding, without_padding
from bench.policies.certificates.measured import Measured
from bench.policies.certificates.multiples import TOLERANCE, Multiple, multiple_of
from bench.policies.certificates.ratio_bounds import Bounds
from bench.policies.certificates.recognition import (
    Recognized,
    largest_bias,
    nearest_to,
    noise_of,
    recognized_in,
    vanish,
)
from bench.policies.certificates.undefined import lowered, where_undefined
from bench.text.words import capital


class Verdict(NamedTuple):
    """A verdict on a loss.

    Attributes:
        kind: see `PolicyCertificate`.
        text: one line.
        objective: what is ascended, by name.
        weight: β of the truth.
    """

    kind: Kind
    text: str
    objective: str
    weight: float


class Part(NamedTuple):
    """Findings on one part of a loss.

    Attributes:
        kind: as of a certificate; `zero` if there is no such part.
        text: without a capital.
        objective: by name.
        multiple: of the right gradient, or of that of a known part.
    """

    kind: Kind
    text: str
    objective: str = ""
    multiple: Multiple | None = None


def verdict_of(found: Sequence[Parts], weight: float | None, reached: bool, bounds: Bounds) -> Verdict:
    """Return the verdict on a loss.

    Args:
        found: its parts in each setting.
        weight: β as its author says; None if that is to be found out.
        reached: whether a gradient ever reached the log probabilities.
        bounds: of the ratio in it.
    """
    if not reached:
        text = "Zero gradient: none reaches log_probs, as where they are detached or not used."
        return Verdict("zero", text, "", weight or 0.0)
    undefined = where_undefined([each.whole for each in found])
    padding = any(heeds_padding(each.whole) for each in found)
    policy = _of_policy([without_padding(each.policy) for each in found], bounds)
    held = _of_divergence([without_padding(each.held) for each in found])
    verdict = _joined(policy, held, weight, [each.whole for each in found])
    if padding:
        forgotten = "The mask is forgotten: tokens after the end of an answer count. Without them: "
        verdict = verdict._replace(kind="other", text=f"{forgotten}{lowered(verdict.text)}")
    if undefined:
        text = f"Undefined: {undefined}. With 0 there: {lowered(verdict.text)}"
        verdict = verdict._replace(kind="undefined", text=text)
    return verdict


def _of_policy(found: Sequence[Measured], bounds: Bounds) -> Part:
    """Say what the advantages do."""
    if vanish(found):
        return Part("zero", "zero gradient: the advantages have no effect on average")
    means, sizes = [each.mean for each in found], [each.sizes for each in found]
    multiple = multiple_of(means, [each.outcomes.of_rewards for each in found], sizes)
    if multiple is not None:
        return _of_multiple(multiple)
    recognized = recognized_in(found, known_losses(bounds), mean_of)
    on = [each for each in found if not each.outcomes.off_policy]
    on_policy = multiple_of(
        [each.mean for each in on], [each.outcomes.of_rewards for each in on], [each.sizes for each in on]
    )
    start = _on_policy(on_policy) if len(on) < len(found) else ""
    sign: Kind = "minus" if start.startswith("minus") else "other"
    if recognized is not None:
        return Part(sign, f"{start}{_recognized(recognized)}", recognized.name, recognized.multiple)
    said = f"{largest_bias(found)}{nearest_to(found, known_losses(bounds), mean_of)}"
    return Part(sign, f"{start}it ascends something else, which has no name here: {said}")


def _on_policy(multiple: Multiple | None) -> str:
    if multiple is None:
        return ""
    if multiple.factor < 0:
        return "minus the gradient on policy (a sign error); "
    return "unbiased on policy; " if multiple.is_one else f"on policy {multiple.text} of the gradient; "


def _recognized(recognized: Recognized) -> str:
    if recognized.multiple.is_one:
        return recognized.name
    return f"{recognized.name} ({recognized.multiple.text} times that)"


def _of_multiple(multiple: Multiple) -> Part:
    name = "the mean reward"
    if multiple.is_one:
        return Part("unbiased", f"unbiased: it ascends {name}", name, multiple)
    if multiple.factor < 0:
        times = "" if multiple.text == "-1" else f", {multiple.text} of it"
        text = f"minus the gradient{times}: it descends {name} (a sign error)"
        return Part("minus", text, f"minus {name}", multiple)
    reason = f" ({multiple.reason})" if multiple.reason else ""
    return Part(
        "multiple", f"a multiple of the gradient of {name}, {multiple.text} of it{reason}", name, multiple
    )


def _of_divergence(found: Sequence[Measured]) -> Part:
    """Say what is done without advantages."""
    means, sizes = [each.mean for each in found], [each.sizes for each in found]
    if not any(bool((each.weights != 0).any()) for each in found):
        return Part("zero", "")
    multiple = multiple_of(means, [-each.outcomes.of_divergence for each in found], sizes)
    if multiple is not None:
        kind: Kind = "minus" if multiple.factor < 0 else "unbiased"
        return Part(kind, "KL(π‖π_ref)", "KL(π‖π_ref)", multiple)
    recognized = recognized_in(found, OF_DIVERGENCES, divergence_mean)
    if recognized is not None:
        text = f"{recognized.name} ({recognized.by})"
        return Part("other", text, recognized.name, recognized.multiple)
    if vanish(found):
        return Part("other", "nothing on average", "nothing on average")
    return Part("other", "something that has no name here")


def _joined(policy: Part, held: Part, weight: float | None, whole: Sequence[Measured]) -> Verdict:
    """The verdict on both parts together."""
    if held.kind == "zero":
        return _without_divergence(policy, weight, whole)
    beta = _beta(policy, held)
    shown = weight if weight is not None else max(0.0, beta or 0.0)
    if policy.kind == "zero":
        text = f"The advantages have no effect; alone it {_descends(held, beta)}."
        return Verdict("other", text, f"minus {held.objective}", shown)
    objective = f"{policy.objective} less {_times(held, beta)}{held.objective}"
    if held.kind != "unbiased" or beta is None or policy.kind not in ("unbiased", "multiple"):
        start = "Ascends the mean reward, but" if policy.kind == "unbiased" else f"{capital(policy.text)};"
        kind: Kind = policy.kind if policy.kind == "minus" else "other"
        end = "" if held.kind in ("unbiased", "minus") else ", not KL(π‖π_ref)"
        part = "what it adds to the advantages"
        return Verdict(kind, f"{start} {part} {_descends(held, beta)}{end}.", objective, shown)
    text = f"{capital(policy.text)} less {_times(held, beta)}KL(π‖π_ref)"
    if weight is not None and abs(beta - weight) > TOLERANCE * max(1.0, weight):
        text += f", but the weight of the divergence is {beta:.6g}, not {weight:.6g}."
        return Verdict("other", text, objective, shown)
    noise = f", {noise_of(whole, beta)}" if policy.kind == "unbiased" else ""
    return Verdict(policy.kind, f"{text}{noise}.", objective, shown)


def _without_divergence(policy: Part, weight: float | None, whole: Sequence[Measured]) -> Verdict:
    """The verdict on a loss that does nothing without advantages."""
    if weight and policy.kind != "zero":
        missing = f"but it has no divergence part, for which the weight {weight:g} is given"
        return Verdict("other", f"{capital(policy.text)}, {missing}.", policy.objective, weight)
    noise = f", {noise_of(whole)}" if policy.kind == "unbiased" else ""
    return Verdict(policy.kind, f"{capital(policy.text)}{noise}.", policy.objective, weight or 0.0)


def _descends(held: Part, beta: float | None) -> str:
    """The end of a sentence on the divergence part."""
    if held.objective.startswith(NOTHING):
        return f"does {held.text}"
    if beta is not None and beta < 0:
        return f"ascends {_times(held, -beta)}{held.text}, so that the policy is driven away (a sign error)"
    return f"descends {_times(held, beta)}{held.text}"


def _times(held: Part, beta: float | None) -> str:
    plain = beta is None or abs(beta - 1) <= TOLERANCE or held.objective.startswith(NOTHING)
    return "" if plain else f"{beta:.4g} × "


def _beta(policy: Part, held: Part) -> float | None:
    """β, where both parts are the same multiples but for it; None if it is not known."""
    if held.multiple is None:
        return None
    if policy.multiple is None:
        return held.multiple.factor
    if not set(policy.multiple.sizes) & set(held.multiple.sizes):
        return None
    return held.multiple.factor / abs(policy.multiple.factor)
