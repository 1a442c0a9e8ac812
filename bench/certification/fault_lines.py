"""The faults of an estimator as lines: one for each kind of claim, on whatever problems it was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.certification.verdicts import BiasFault, Certificate, Fault
from bench.text.labels import plain
from bench.text.numbers import significant
from bench.text.words import listed

_MOST_NAMED = 4


def fault_lines(certificate: Certificate) -> Iterator[str]:
    """Yield a line for each check that was not passed."""
    applied = [outcome.problem for outcome in certificate.outcomes if not outcome.not_applicable]
    kinds: dict[str, list[tuple[str, Fault]]] = {}
    for problem, fault in certificate.all_faults():
        kinds.setdefault(fault.check, []).append((problem, fault))
    for check, found in kinds.items():
        names = list(dict.fromkeys(problem for problem, _ in found if problem))
        yield f"{check}: {_where(names, applied)}{_said(found)}"


def _said(found: Sequence[tuple[str, Fault]]) -> str:
    biases = [(problem, fault) for problem, fault in found if isinstance(fault, BiasFault)]
    if biases:
        return _biased(biases)
    problem, fault = found[0]
    several = len({each.message for _, each in found}) > 1
    many = len({name for name, _ in found}) > 1
    return f"{plain(fault.message, 400)}{f' ({plain(problem)})' if several and many else ''}"


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


def _biased(found: Sequence[tuple[str, BiasFault]]) -> str:
    """Return the range of the bias, from the least biased problem and N to the most."""
    ordered = sorted(found, key=lambda item: item[1].size)
    if len(ordered) == 1:
        return ordered[0][1].message
    p, many = max(fault.p for _, fault in found), len({problem for problem, _ in found}) > 1
    least, most = (_percent(plain(name) if many else "", fault) for name, fault in (ordered[0], ordered[-1]))
    return f"biased by {least} to {most} of the gradient's norm: p = {_p(p)} or less in both stages"


def _percent(problem: str, fault: BiasFault) -> str:
    where = f"{problem}, " if problem else ""
    return f"{significant(100 * fault.size)} % ({where}N = {fault.sample_size})"


def _p(p: float) -> str:
    return "1e-300" if p < 1e-300 else f"{p:.1e}"
