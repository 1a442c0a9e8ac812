"""The faults of estimators as lines: one for each kind, on whatever problems it was found."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.certification.verdicts import BiasFault, Certificate, Fault
from bench.text.labels import plain
from bench.text.numbers import significant
from bench.text.words import listed

_MOST_NAMED = 4
# Standard errors within which two constants are taken for the same.
_ALIKE = 4.0

CONSTANTS: Mapping[str, Callable[[int], float]] = {
    "1 − 1/N, as where each draw is in its own baseline": lambda N: 1 - 1 / N,
    "N, as where a sum stands for a mean": lambda N: N,
    "1/N": lambda N: 1 / N,
    "N/(N − 1)": lambda N: N / (N - 1) if N > 1 else math.nan,
    "−1: the sign is wrong": lambda _: -1.0,
    "2": lambda _: 2.0,
    "1/2": lambda _: 0.5,
    "0: nothing is estimated": lambda _: 0.0,
}
"""Constants by which people miss the gradient, as functions of N."""


def faults(certificates: Sequence[Certificate], labelled: bool = True) -> Iterator[str]:
    """Yield a line for each kind of fault."""
    for one in certificates:
        label = f"{plain(one.label)}: " if labelled else ""
        applied = [outcome.problem for outcome in one.outcomes if not outcome.not_applicable]
        kinds: dict[tuple[str, str], list[tuple[str, Fault]]] = {}
        for problem, fault in one.all_faults():
            kinds.setdefault(_kind(fault), []).append((problem, fault))
        for (check, message), found in kinds.items():
            where = _where([problem for problem, _ in found if problem], applied)
            biases = {problem: fault for problem, fault in found if isinstance(fault, BiasFault)}
            said = _biased(biases) if biases else plain(message, 400)
            yield f"{check}: {label}{where}{said}"
        yield from (f"bias: {label}{said}" for said in constant(one))


def _kind(fault: Fault) -> tuple[str, str]:
    """Faults of one kind differ in the problem, and in numbers alone."""
    return fault.check, f"N = {fault.sample_size}" if isinstance(fault, BiasFault) else fault.message


def _where(problems: Sequence[str], applied: Sequence[str]) -> str:
    """`on all 23 problems: `, `on gaussian, normal, normals, product and 3 more problems: `."""
    if not problems:
        return ""
    if len(problems) == 1:
        return f"problem {plain(problems[0])}: "
    if len(problems) == len(applied):
        return f"on all {len(problems)} problems: "
    names = listed([plain(name) for name in problems], most=_MOST_NAMED + 1)
    return f"on {names}{' problems' if len(problems) > _MOST_NAMED + 1 else ''}: "


def _biased(found: Mapping[str, BiasFault]) -> str:
    """Return the range of the bias, from the least biased problem to the most."""
    ordered = sorted(found.items(), key=lambda item: item[1].size)
    first = ordered[0][1]
    if len(ordered) == 1:
        return first.message
    (least, small), (most, large) = ordered[0], ordered[-1]
    p = max(fault.p for fault in found.values())
    return (
        f"biased at N = {first.sample_size}, by {_percent(small)} of the gradient's norm ({plain(least)}) to "
        f"{_percent(large)} ({plain(most)}): p = {_p(p)} or less in both stages"
    )


def constant(certificate: Certificate) -> Iterator[str]:
    """Yield a line if the estimates are the gradient times a constant, the same on most problems."""
    biases = [fault for _, fault in certificate.all_faults() if isinstance(fault, BiasFault)]
    sizes = sorted({fault.sample_size for fault in biases})
    told: dict[int, tuple[float, float]] = {}
    some: list[int] = []
    for N in sizes:
        found = [fault for fault in biases if fault.sample_size == N]
        multiples = [fault for fault in found if math.isfinite(fault.factor)]
        if not multiples:
            return
        middle = statistics.median(fault.factor for fault in multiples)
        alike = [each for each in multiples if abs(each.factor - middle) <= _ALIKE * each.factor_error]
        if 2 * len(alike) <= len(found):
            return
        some.append(len(alike))
        told[N] = _pooled(alike)
    if told:
        values = listed([f"{significant(value)} at N = {N}" for N, (value, _) in told.items()])
        of = f"on {min(some)} of {len(biases) // len(sizes)} problems " if len(biases) > len(sizes) else ""
        yield f"the mean is the gradient times a constant {of}({values}){_named(told)}"


def _pooled(found: Sequence[BiasFault]) -> tuple[float, float]:
    """The common constant of several problems, and its standard error."""
    weights = [max(fault.factor_error, 1e-12) ** -2 for fault in found]
    total = sum(weights)
    value = sum(w * fault.factor for w, fault in zip(weights, found, strict=True)) / total
    return value, float(total**-0.5)


def _named(told: Mapping[int, tuple[float, float]]) -> str:
    for words, of in CONSTANTS.items():
        if all(abs(value - of(N)) <= _ALIKE * max(error, 1e-9) for N, (value, error) in told.items()):
            return f": {words}"
    return ""


def _percent(fault: BiasFault) -> str:
    return f"{significant(100 * fault.size)} %"


def _p(p: float) -> str:
    return "1e-300" if p < 1e-300 else f"{p:.1e}"
