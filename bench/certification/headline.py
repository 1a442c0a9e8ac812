"""The cause of a failed certificate in a sentence, from what was seen on each problem."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.certification.causes import Seen
from bench.certification.verdicts import BiasFault, Certificate, Fault
from bench.diagnosing.factor import factor_words
from bench.statistics.intervals import Interval
from bench.text.labels import plain
from bench.text.numbers import significant
from bench.text.words import listed

_MOST_NAMED = 4
# A constant that has no name is one where its interval is so narrow, as a part of it.
_KNOWN = 0.15

_FORM = ("runs", "claim", "shape", "type", "device", "graph")
_CONTRACT = ("repeats", "seed", "globals", "inputs", "rows", "theta")
_LAST = ("value",)
"""Checks whose fault is a cause by itself, in the order in which they are told."""

_NOT_LINEAR = ("scale", "small scale")
_OF_A_CONSTANT = ("offset", "constant cost")
_OF_COORDINATES = ("copies", "parameterization")

_WORDS = {
    "rows": "as where a mean runs over replicates, dim 1, and not samples, dim 0, or they share noise",
    "scale": (
        "it is not linear in the cost, as where costs are clipped, normalized, or count by their sign alone"
    ),
    "offset": (
        "it depends on a constant added to the cost, as where the score has not mean zero (log p without its "
        "normalizer, or logits taken for log p), or the sign of a cost matters"
    ),
    "constant cost": "it is wrong where the cost does not vary, as where costs are divided by their spread",
    "copies": "it depends on the number of parameters or on their places",
    "parameterization": "it takes one parameterization for another, as logits for probabilities",
}


@dataclass(frozen=True)
class _Place:
    """A bias on a problem, with its cause as far as it was seen."""

    problem: str
    seen: Seen


def causes(certificate: Certificate) -> Iterator[str]:
    """Yield the causes, the first one first; at least one where something failed."""
    found = list(_all(certificate))
    yield from found or [_rest(certificate)]


def _all(certificate: Certificate) -> Iterator[str]:
    places = [_Place(one.problem, seen) for one in certificate.outcomes for seen in one.causes]
    rest = [place for place in places if place.seen.finding.cause != "jump"]
    # An estimate that is zero at one N alone follows no path.
    other = {place.problem for place in rest}
    jumps = [p for p in places if p.seen.finding.cause == "jump" and p.problem not in other]
    yield from _of_checks(certificate, _FORM)
    # Too few samples leave no numbers.
    few = {"smallest N", "finite"} <= certificate.failed_checks
    yield from _of_checks(certificate, ["smallest N"] if few else ["finite"])
    # The later ones follow from the first.
    yield from islice(_of_checks(certificate, _CONTRACT), 1)
    yield from _of_bias(certificate, rest)
    # Where nothing is estimated, nothing follows a path either.
    zero = sum(place.seen.finding.cause == "no gradient" for place in rest)
    if jumps and (not rest or 2 * zero < len(rest)):
        yield f"{jumps[0].seen.finding.text} ({_problems(jumps)})"
    yield from _of_checks(certificate, _LAST)


def _of_checks(certificate: Certificate, checks: Iterable[str]) -> Iterator[str]:
    faults = list(certificate.all_faults())
    for check in checks:
        found = [(problem, fault) for problem, fault in faults if fault.check == check]
        if found:
            yield _told(check, found)


def _told(check: str, found: Sequence[tuple[str, Fault]]) -> str:
    """Return a fault by its message on the first problem, and on how many others there is one of its kind."""
    problem, fault = found[0]
    others = len({name for name, _ in found}) - 1
    where = f"on problem {plain(problem)}{f' and {others} more' if others else ''}: " if problem else ""
    message = plain(fault.message, 400)
    return f"{where}{message}{f': {_WORDS[check]}' if check in _WORDS else ''}"


def _of_bias(certificate: Certificate, places: Sequence[_Place]) -> Iterator[str]:
    """Yield the cause of a bias, or of a relation that does not hold."""
    if relation := next(_broken(certificate, (*_NOT_LINEAR, *_OF_A_CONSTANT)), ""):
        yield relation
    elif places and (said := _multiple(places) or _blocks(places) or _unnamed(places)):
        yield said
    elif relation := next(_broken(certificate, _OF_COORDINATES), ""):
        yield relation
    elif places:
        yield _unknown(certificate, places)


def _broken(certificate: Certificate, names: Sequence[str]) -> Iterator[str]:
    """Yield what a relation that does not hold tells; the other one of its kind tells the same."""
    for name in names:
        found = [(problem, fault) for problem, fault in certificate.all_faults() if fault.check == name]
        if found:
            words = _WORDS.get(name, _WORDS["scale"])
            problem, fault = found[0]
            others = len(found) - 1
            more = f" and {others} more" if others else ""
            yield f"{words} (problem {plain(problem)}{more}: {plain(fault.message, 400)})"


def _multiple(places: Sequence[_Place]) -> str:
    """The constant that most places have in common, as far as it has a name; else nothing."""
    votes = Counter(each.formula for place in places for each in place.seen.fits)
    zero = [place for place in places if place.seen.finding.cause == "no gradient"]
    if 2 * len(zero) > len(places) and len(zero) >= max(votes.values(), default=0):
        return f"{zero[0].seen.finding.text} ({_problems(zero)})"
    best = [formula for formula, count in votes.items() if count == max(votes.values())]
    if not best or 2 * votes[best[0]] <= len(places):
        return ""
    having = [place for place in places if any(each.formula == best[0] for each in place.seen.fits)]
    words = {each.formula: each.words for place in having for each in place.seen.fits if each.formula in best}
    # One number may be many a constant by chance: a cause is named where several agree on one.
    sure = len(best) == 1 and len(having) > 1
    name = best[0] if sure else listed(best, "or", most=_MOST_NAMED)
    how = f": {words[best[0]]}" if sure and words[best[0]] else ""
    is_ = "is" if sure else "may be"
    return f"the mean {is_} the gradient times {name} ({_values(having)}; {_problems(having)}){how}"


def _values(places: Sequence[_Place]) -> str:
    """Return the factor at each N, from the place that knows it best."""
    told = []
    for N in sorted({place.seen.sample_size for place in places}):
        here = [place.seen for place in places if place.seen.sample_size == N]
        found = [seen.factor for seen in here if seen.factor is not None]
        best = min(found, key=lambda each: each.high - each.low, default=None)
        exact = len(found) < len(here)  # some left no gradient at all
        told.append(f"{'0' if exact or best is None else factor_words(best)} at N = {N}")
    return listed(told)


def _blocks(places: Sequence[_Place]) -> str:
    """The blocks without gradient, or that are biased alone, where more places have such than a constant."""
    multiples = [place for place in places if place.seen.finding.cause == "factor"]
    several = len(places) - len(multiples)
    for cause in ("no gradient", "blocks"):
        found = [place for place in places if place.seen.finding.cause == cause]
        if found and len(found) >= len(multiples) and 2 * len(found) > several:
            text = Counter(place.seen.finding.text for place in found).most_common(1)[0][0]
            same = [place for place in found if place.seen.finding.text == text]
            met = {place.problem for place in same}
            others = [place for place in found if place.problem not in met]
            return f"{text} ({_problems(same)}{f'; other blocks {_problems(others)}' if others else ''})"
    return ""


def _unnamed(places: Sequence[_Place]) -> str:
    """A constant without a name that several problems have in common at each N; else nothing."""
    found: list[_Place] = []
    for N in sorted({place.seen.sample_size for place in places}):
        here = [place for place in places if place.seen.sample_size == N]
        alike = _alike([place for place in here if _is_narrow(place.seen.factor)])
        if len(alike) < 2 or 2 * len(alike) <= len(here):
            return ""
        found += alike
    of = f"{_values(found)}; {_problems(found)}"
    return f"the mean is the gradient times a constant that is none of the usual ({of})" if found else ""


def _alike(places: Sequence[_Place]) -> list[_Place]:
    """Those whose interval has the median of all factors."""
    factors = [place.seen.factor for place in places if place.seen.factor is not None]
    if not factors:
        return []
    middle = statistics.median(each.value for each in factors)
    return [place for place, each in zip(places, factors, strict=True) if each.low <= middle <= each.high]


def _is_narrow(factor: Interval | None) -> bool:
    return factor is not None and factor.high - factor.low <= _KNOWN * abs(factor.value)


def _unknown(certificate: Certificate, places: Sequence[_Place]) -> str:
    """Return the size of a bias of which no cause was found."""
    found = [(name, fault) for name, fault in certificate.all_faults() if isinstance(fault, BiasFault)]
    name, worst = max(found, key=lambda each: each[1].size)
    size, most = significant(100 * worst.size), " at worst" if len(found) > 1 else ""
    where = f"{plain(name)} at N = {worst.sample_size}{most}"
    said = f"it is biased, by {size} % of the gradient's norm on {where}"
    for place in places:
        factor = place.seen.factor
        if place.problem == name and place.seen.sample_size == worst.sample_size and factor is not None:
            said += f", where the mean is {factor_words(factor)} of the gradient"
    tested = [one for one in certificate.outcomes if one.bias]
    biased = [one for one in tested if one.causes]
    if len(biased) < len(tested) and all(seen.depends for one in biased for seen in one.causes):
        return (
            f"{said}, and only where the cost depends on θ itself: as where a weight of the score is not "
            "detached, or the gradient of the cost at fixed x is left out"
        )
    failed = [place.seen.finding.text for place in places if place.seen.finding.cause == "unknown"]
    return f"{said}; {plain(failed[0], 400) if failed else 'no usual cause was found'}"


def _rest(certificate: Certificate) -> str:
    """Return the first of the faults of which no cause is told."""
    faults = list(certificate.all_faults())
    check = faults[0][1].check
    return _told(check, [each for each in faults if each[1].check == check])


def _problems(places: Sequence[_Place]) -> str:
    names = list(dict.fromkeys(place.problem for place in places))
    return f"on {listed([plain(name) for name in names], most=_MOST_NAMED)}"
