"""The report of a certificate: the verdict with its cause, a line for each kind of claim, and the method."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.certification.fault_lines import fault_lines
from bench.certification.headline import causes
from bench.certification.metamorphic import FEW, RELATIONS, REPLICATES
from bench.certification.verdicts import Certificate, Outcome
from bench.text.labels import plain
from bench.text.numbers import duration, significant
from bench.text.words import listed


def lines(certificate: Certificate) -> list[str]:
    """Return the verdict with its cause or where it was tried, a line for each kind of claim, the level."""
    tried, every = len(applied(certificate)), len(certificate.outcomes)
    where = f"on {tried} of {every} problems, {certificate.device}, in {duration(certificate.seconds)}"
    told, last = [f"{_verdict(certificate)}, {where}"], []
    if certificate.verdict == "failed":
        first, *others = causes(certificate)
        told = [f"{_verdict(certificate)}: {first}", *(f"also: {cause}" for cause in others)]
        told += fault_lines(certificate)
        last = [where]
    if certificate.unavailable:
        told.append(f"{certificate.device} is unavailable: {plain(certificate.unavailable)}")
    elif certificate.outcomes:
        told += _claims(certificate)
    last.append(
        f"a false alarm has probability {certificate.alpha:g} at most, over {certificate.tests} tests"
    )
    return [*told, "; ".join(last)]


def short(certificate: Certificate) -> Iterator[str]:
    """Yield the lines on a failed certificate among others."""
    if certificate.verdict == "failed":
        first, *others = causes(certificate)
        yield f"{_verdict(certificate)}: {first}"
        yield from (f"  also: {cause}" for cause in others)
        yield from (f"  {line}" for line in fault_lines(certificate))
    elif applied(certificate) and not tested(certificate) and certificate.claim != "consistent":
        yield f"{plain(certificate.label)}: {claim(certificate)}"


def _verdict(certificate: Certificate) -> str:
    return f"{certificate.verdict}: {plain(certificate.label)}"


def _claims(certificate: Certificate) -> Iterator[str]:
    """Yield what is known of the claim of its bias, and of the relations, where they did not fail."""
    failed = certificate.failed_checks
    if "bias" not in failed:
        yield claim(certificate)
    yield from _left_out("bias not tested", {one.problem: one.untested for one in applied(certificate)})
    if not failed & RELATIONS.keys() and (told := _relations(certificate)):
        yield told
    outside = {one.problem: one.not_applicable for one in certificate.outcomes}
    yield from _left_out("does not apply", outside)


def _left_out(what: str, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each reason, with the problems that have it; those without one are passed over."""
    for reason in dict.fromkeys(filter(None, reasons.values())):
        names = [plain(problem) for problem, why in reasons.items() if why == reason]
        yield f"{what} on {listed(names)}: {plain(reason, 200)}"


def claim(certificate: Certificate) -> str:
    """Return what is claimed of the bias, and what the tests of it could see."""
    done = tested(certificate)
    told = f"it claims to be {certificate.claim}"
    if certificate.claim == "consistent":
        return f"{told}: the bias at sixteen times the smallest N is less than half of that at the smallest"
    if not done:
        return f"{told}: its bias was tested on no problem, only the rest of its contract"
    if certificate.claim != "unbiased":
        told += ": no bias is claimed, and tested, only where F is a polynomial of low degree in θ"
    best = sorted(min(test.seen for test in one.bias) for one in done)
    to = "" if len(best) == 1 else f" to {_percent(best[-1])}"
    where = "1 problem" if len(done) == 1 else f"{len(done)} problems"
    told += f"; on {where} a bias of {_percent(best[0])}{to} of the gradient's norm is detectable"
    blind = [
        f"{one.problem} (N = {test.sample_size})" for one in done for test in one.bias if not test.seen < 1
    ]
    if blind:
        told += f"; one as large as the gradient itself might not be detected on {', '.join(blind)}"
    return told


def _relations(certificate: Certificate) -> str:
    """Return on how many problems relations hold to rounding, and on how many by a test of statistics."""
    seen = Counter(
        "exact" if how == "exact" else "tested"
        for one in certificate.outcomes
        for how in one.relations.values()
        if not how.startswith("not tried")
    )
    if not seen:
        return ""
    names = [name for name in RELATIONS if any(_was_tried(one, name) for one in certificate.outcomes)]
    return (
        f"relations between changed problems hold ({listed(names, most=len(names))}): {seen['exact']} to "
        f"rounding, {seen['tested']} by their means"
    )


def _was_tried(outcome: Outcome, name: str) -> bool:
    return name in outcome.relations and not outcome.relations[name].startswith("not tried")


def method(certificate: Certificate) -> Iterator[str]:
    """Yield how the tests were made."""
    sizes = sorted({test.sample_size for one in certificate.outcomes for test in one.bias})
    yield f"bias is tested at N = {' and '.join(map(str, sizes))}" if sizes else "bias is tested at no N"
    yield (
        "detectable bias: that of a single coordinate, as a part of the gradient's norm, that is found "
        f"with probability {100 * certificate.power:g} %, whichever it is"
    )
    yield (
        f"relations are exact where {FEW} estimates agree to rounding on common random numbers; "
        f"elsewhere R = {REPLICATES} at most"
    )
    yield (
        f"{certificate.tests} tests of statistics, all together with a probability of a false alarm below "
        f"{certificate.alpha:g}: each in two stages of {certificate.level:.2g}, the second with fresh random "
        f"numbers and four times R"
    )


def applied(certificate: Certificate) -> list[Outcome]:
    """The problems that the estimator applies to."""
    return [outcome for outcome in certificate.outcomes if not outcome.not_applicable]


def tested(certificate: Certificate) -> Sequence[Outcome]:
    """The problems on which its bias was tested."""
    return [outcome for outcome in certificate.outcomes if outcome.bias]


def _percent(share: float) -> str:
    return "nothing" if math.isinf(share) else f"{significant(100 * share, 2)} %"
