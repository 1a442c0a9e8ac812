"""Certificates as tables: a row a problem, or a row an estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.certification.certificate_lines import applied, tested
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
    Column("problems", lambda one: f"{len(applied(one))} of {len(one.outcomes)}", yields=2),
    Column("bias tested on", lambda one: count(len(tested(one))), yields=1),
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


def ending(certificates: Sequence[Certificate]) -> str:
    """Return the number of estimators with each verdict."""
    verdicts = [one.verdict for one in certificates]
    told = ", ".join(f"{verdicts.count(word)} {word}" for word in _COLORS if word in verdicts)
    one = certificates[0]
    return (
        f"{told}, in {duration(sum(each.seconds for each in certificates))}; "
        f"of each, a false alarm has probability {one.alpha:g} over all tests"
    )


def _reason(outcome: Outcome) -> str:
    return f"does not apply: {plain(outcome.not_applicable, 80)}" if outcome.not_applicable else ""


def _result(outcome: Outcome) -> str:
    if outcome.faults:
        return "failed: " + ", ".join(dict.fromkeys(fault.check for fault in outcome.faults))
    return f"ok; bias not tested: {plain(outcome.untested, 80)}" if outcome.untested else "ok"


def _range(certificate: Certificate) -> str:
    seen = sorted(min(test.seen for test in outcome.bias) for outcome in tested(certificate))
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
