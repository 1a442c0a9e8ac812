"""Certificates as tables: a row a problem, or a row an estimator, with lines on verdict and method."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.certification.fault_lines import faults
from bench.certification.verdicts import BiasTest, Certificate, Outcome
from bench.tables.table import Column, Table
from bench.text.labels import plain
from bench.text.numbers import MISSING, count, duration, grouped, significant

_COLORS = {"certified": "green", "failed": "red", "nothing applied": "yellow", "unavailable": "yellow"}


def _color(text: str) -> str:
    return "red" if text.startswith("failed") else ""


COLUMNS = (
    Column("problem", lambda one: plain(one.problem), align="left", key=True),
    Column("R", lambda one: grouped(one.bias[0].replicates) if one.bias else MISSING, yields=2),
    Column("p (no bias)", lambda one: "  ".join(_p(test.p) for test in one.bias) or MISSING, yields=3),
    Column(
        "detectable bias",
        lambda one: ",  ".join(_seen(test) for test in one.bias) or MISSING,
        brief=lambda one: ",  ".join(_percent(test.seen) for test in one.bias) or MISSING,
        yields=1,
    ),
    Column("f", lambda one: _evaluations(one), yields=0),
    Column("result", lambda one: _result(one), align="left", wraps=True, style=_color),
)

SUMMARY = (
    Column("estimator", lambda one: plain(one.label), align="left"),
    Column("claim", lambda one: one.claim, align="left", yields=3),
    Column("problems", lambda one: f"{len(_applied(one))} of {len(one.outcomes)}", yields=2),
    Column("bias tested on", lambda one: count(len(_tested(one))), yields=1),
    Column("detectable bias", lambda one: _range(one)),
    Column("time", lambda one: duration(one.seconds), yields=0),
    Column("verdict", lambda one: one.verdict, align="left", style=lambda text: _COLORS.get(text, "")),
)


def certificate_table(certificate: Certificate) -> Table:
    """Return one row a problem, with two numbers for the two N; a reason stands where it does not apply."""
    return Table(COLUMNS, certificate.outcomes, across=_reason)


def summary_table(certificates: Sequence[Certificate]) -> Table:
    """Return one row an estimator."""
    return Table(SUMMARY, certificates)


def lines(certificate: Certificate) -> list[str]:
    """Return a line for each fault, then the claim, the method and the verdict."""
    label = plain(certificate.label)
    found = [*faults([certificate], labelled=False)]
    if certificate.unavailable:
        found.append(f"{certificate.device} is unavailable: {plain(certificate.unavailable)}")
    else:
        found += [_claim(certificate), *_method(certificate)]
    found.append(
        f"{certificate.verdict}: {label}, on {len(_applied(certificate))} of {len(certificate.outcomes)} "
        f"problems, {certificate.device}, in {duration(certificate.seconds)}"
    )
    return found


def unclaimed(certificates: Sequence[Certificate]) -> Iterator[str]:
    """Yield a line for each estimator whose bias was not tested."""
    for one in certificates:
        if _applied(one) and not _tested(one) and one.claim != "consistent":
            yield f"{plain(one.label)}: {_claim(one)}"


def ending(certificates: Sequence[Certificate]) -> str:
    """Return the number of estimators with each verdict."""
    verdicts = [one.verdict for one in certificates]
    told = ", ".join(f"{verdicts.count(word)} {word}" for word in _COLORS if word in verdicts)
    one = certificates[0]
    return (
        f"{told}, in {duration(sum(each.seconds for each in certificates))}; "
        f"of each, a false alarm has probability {one.alpha:g} over all tests"
    )


def _claim(certificate: Certificate) -> str:
    tested = _tested(certificate)
    told = f"it claims to be {certificate.claim}"
    if certificate.claim == "consistent":
        return f"{told}: the bias at sixteen times the smallest N is less than half of that at the smallest"
    blind = [
        f"{one.problem} (N = {test.sample_size})" for one in tested for test in one.bias if not test.seen < 1
    ]
    if not tested:
        return f"{told}: its bias was tested on no problem, only the rest of its contract"
    if certificate.claim != "unbiased":
        told += ": no bias is claimed, and tested, only where F is a polynomial of low degree in θ"
    if blind:
        told += f"; a bias as large as the gradient itself might not be detected on {', '.join(blind)}"
    return told


def _method(certificate: Certificate) -> Iterator[str]:
    sizes = sorted({test.sample_size for one in certificate.outcomes for test in one.bias})
    yield f"bias is tested at N = {' and '.join(map(str, sizes))}" if sizes else "bias is tested at no N"
    yield (
        "detectable bias: that of a single coordinate, as a part of the gradient's norm, that is found "
        f"with probability {100 * certificate.power:g} %, whichever it is"
    )
    yield (
        f"{certificate.tests} tests of statistics, all together with a probability of a false alarm below "
        f"{certificate.alpha:g}: each in two stages of {certificate.level:.2g}, the second with fresh random "
        f"numbers and four times R"
    )


def _applied(certificate: Certificate) -> list[Outcome]:
    return [outcome for outcome in certificate.outcomes if not outcome.not_applicable]


def _tested(certificate: Certificate) -> list[Outcome]:
    return [outcome for outcome in certificate.outcomes if outcome.bias]


def _reason(outcome: Outcome) -> str:
    return f"does not apply: {plain(outcome.not_applicable, 80)}" if outcome.not_applicable else ""


def _result(outcome: Outcome) -> str:
    if outcome.faults:
        return "failed: " + ", ".join(dict.fromkeys(fault.check for fault in outcome.faults))
    return f"ok; bias not tested: {plain(outcome.untested, 80)}" if outcome.untested else "ok"


def _range(certificate: Certificate) -> str:
    seen = sorted(min(test.seen for test in outcome.bias) for outcome in _tested(certificate))
    return f"{_percent(seen[0])} to {_percent(seen[-1])}" if seen else MISSING


def _evaluations(outcome: Outcome) -> str:
    if outcome.evaluations is None:
        return MISSING
    return count(outcome.evaluations) + ("" if outcome.declared else " (not declared)")


def _p(p: float) -> str:
    return MISSING if math.isnan(p) else f"{p:.2f}" if p > 0.01 else f"{p:.1e}"


def _seen(test: BiasTest) -> str:
    return _percent(test.seen) + (f" ({test.skewed} too skewed)" if test.skewed else "")


def _percent(share: float) -> str:
    return "nothing" if math.isinf(share) else f"{significant(100 * share, 2)} %"
