"""What the battery found, for a terminal: a row a problem, or a row an estimator, then a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from bench.certification.verdicts import BiasTest, Certificate, Outcome
from bench.tables.faults import faults
from bench.text.labels import plain
from bench.text.numbers import MISSING, count, duration, grouped, significant

_COLORS = {"certified": "green", "failed": "red", "nothing applied": "yellow", "unavailable": "yellow"}


def table(certificate: Certificate) -> Table:
    """One row a problem, with two numbers for the two N; what does not apply stands with its reason."""
    made = _table("problem", "R", "p of no bias", "would have seen", "f", "")
    for outcome in certificate.outcomes:
        first = outcome.bias[0] if outcome.bias else None
        made.add_row(
            Text(plain(outcome.problem)),
            Text(grouped(first.replicates) if first else MISSING),
            Text("  ".join(_p(test.p) for test in outcome.bias) or MISSING),
            Text(",  ".join(_seen(test) for test in outcome.bias) or MISSING),
            Text(_evaluations(outcome)),
            _word(outcome),
        )
    return made


def lines(certificate: Certificate) -> list[str]:
    """What failed, a line each; by what all was judged, and the verdict."""
    label = plain(certificate.label)
    found = [*faults([certificate], labelled=False)]
    if certificate.unavailable:
        found.append(f"{certificate.device} is unavailable: {plain(certificate.unavailable)}")
    else:
        found += [_claim(certificate), *_method(certificate)]
    applied = [one for one in certificate.outcomes if not one.not_applicable]
    found.append(
        f"{certificate.verdict}: {label}, on {len(applied)} of {len(certificate.outcomes)} problems, "
        f"{certificate.device}, in {duration(certificate.seconds)}"
    )
    return found


def summary(certificates: Sequence[Certificate]) -> Table:
    """One row an estimator."""
    made = _table("estimator", "claim", "problems", "bias tested on", "would have seen", "time", "verdict")
    for one in certificates:
        applied = [outcome for outcome in one.outcomes if not outcome.not_applicable]
        tested = [outcome for outcome in applied if outcome.bias]
        seen = sorted(min(test.seen for test in outcome.bias) for outcome in tested)
        made.add_row(
            Text(plain(one.label)),
            Text(one.claim),
            Text(f"{len(applied)} of {len(one.outcomes)}"),
            Text(str(len(tested))),
            Text(f"{_percent(seen[0])} to {_percent(seen[-1])}" if seen else MISSING),
            Text(duration(one.seconds)),
            Text(one.verdict, style=_COLORS[one.verdict]),
        )
    return made


def unclaimed(certificates: Sequence[Certificate]) -> Iterator[str]:
    """Of which nothing was said about bias, a line each."""
    for one in certificates:
        applied = [outcome for outcome in one.outcomes if not outcome.not_applicable]
        if applied and not any(outcome.bias for outcome in applied) and one.claim != "consistent":
            yield f"{plain(one.label)}: {_claim(one)}"


def ending(certificates: Sequence[Certificate]) -> str:
    """How many got which verdict."""
    verdicts = [one.verdict for one in certificates]
    told = ", ".join(f"{verdicts.count(word)} {word}" for word in _COLORS if word in verdicts)
    one = certificates[0]
    return (
        f"{told}, in {duration(sum(each.seconds for each in certificates))}; "
        f"of each, a false alarm has probability {one.alpha:g} over all tests"
    )


def _claim(certificate: Certificate) -> str:
    tested = [outcome for outcome in certificate.outcomes if outcome.bias]
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
        told += (
            f"; a bias as large as the gradient itself would not surely have been seen on {', '.join(blind)}"
        )
    return told


def _method(certificate: Certificate) -> Iterator[str]:
    sizes = sorted({test.sample_size for one in certificate.outcomes for test in one.bias})
    yield f"bias is tested at N = {' and '.join(map(str, sizes))}" if sizes else "bias is tested at no N"
    yield (
        "would have seen: a bias of a single coordinate, as a part of the gradient's norm, that is found "
        f"with probability {100 * certificate.power:g} %, whichever it is"
    )
    yield (
        f"{certificate.tests} tests of statistics, all together with a probability of a false alarm below "
        f"{certificate.alpha:g}: each in two stages of {certificate.level:.2g}, the second with fresh random "
        f"numbers and four times R"
    )


def _table(*columns: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in columns:
        made.add_column(
            name, justify="left" if name in ("problem", "estimator", "claim", "verdict", "") else "right"
        )
    return made


def _word(outcome: Outcome) -> Text:
    if outcome.not_applicable:
        return Text(f"does not apply: {plain(outcome.not_applicable, 80)}", style="dim")
    if outcome.faults:
        return Text(
            "failed: " + ", ".join(dict.fromkeys(fault.check for fault in outcome.faults)), style="red"
        )
    return Text(f"ok; bias not tested: {plain(outcome.untested, 80)}" if outcome.untested else "ok")


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
