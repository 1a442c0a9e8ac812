"""The methods of a run as a paragraph for a paper: only those that really apply to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.analysis.rows import are_granted
from bench.results.run import Run
from bench.text.cell_words import span
from bench.text.failures import attempted
from bench.text.labels import LONGEST_NOTE, distinct, plain
from bench.text.numbers import grouped
from bench.text.provenance import versions_of
from bench.text.ratio_text import TOGETHER, level_text
from bench.text.words import NOTHING, joined

_LONG = 300

_TRUTHS = {
    "closed_form": "known in closed form{because}",
    "quadrature": "exact by quadrature, where two rules agree to eight digits, and autograd{because}",
    "enumeration": "exact by enumeration and autograd{because}",
    "given": "one that was given, and is taken for exact{because}",
    "disputed": "disputed{where}: two ways to obtain it disagree{because}, and no estimator is judged by it",
    "reference": (
        "a reference, the mean of a long run on random numbers of its own{because}, whose standard "
        "error{error} counts in every test of bias"
    ),
}
"""Kinds of truth -> how they are known."""


def methods(run: Run, control: str | None = None) -> str:
    """Return one paragraph of plain text on one line: what was measured, and with which statistics.

    Raises:
        Invalid: if there is no estimator with the label or name `control`; None is the first of all.
    """
    return " ".join(attempted("the methods", lambda: _sentences(run, control)))


def _sentences(run: Run, control: str | None) -> Iterator[str]:
    record, whole = run.record, rows.whole(run.measurements)
    known = whole[whole["status"].isin(["ok", "nonfinite"]) & whole["variance"].notna()]
    yield _subject(record["scenario"], whole)
    yield _cells(record["scenario"], whole, known) if len(known) else NOTHING
    layout, seed = plain(record.get("stream_layout")), plain(record["scenario"].get("seed", "unknown"))
    yield (
        f"Random numbers are addressed by seed ({seed}), problem, N, purpose and block of replicates (stream "
        f"layout {layout or 'unknown'}), so that estimators that draw alike share their draws."
    )
    yield _truth(record.get("truth") or {}, known)
    if len(known):
        yield from _statistics(known)
    if len(whole):
        yield from _ratios(run, control)
    if known["seconds"].notna().any():
        threads = record.get("threads")
        on = f", with {plain(threads)} processor thread{'' if threads == 1 else 's'}" if threads else ""
        yield (
            f"Seconds for one estimate are the median over timed chunks after a first that is left out{on}; "
            "variance × time is their product with the variance (Glynn & Whitt, 1992)."
        )
    machine = record.get("machine") or {}
    processor, system = plain(machine.get("processor"), _LONG), plain(machine.get("platform"), _LONG)
    yield (
        f"It ran with {versions_of(record) or 'unknown versions'} on {processor or 'an unknown processor'} "
        f"under {system or 'an unknown system'}."
    )


def _subject(scenario: Mapping[str, Any], whole: pd.DataFrame) -> str:
    problem = dict(scenario.get("problem") or {})
    name = plain(problem.pop("name", "")) or "(no name)"
    options = f" with the options {plain(json.dumps(problem, ensure_ascii=False), _LONG)}" if problem else ""
    names = joined(list(distinct(whole["estimator"]).values()), ", ", 12)
    return (
        f"The scenario {plain(scenario.get('name'), _LONG)}, version {plain(scenario.get('version', '?'))}, "
        f"estimates the gradient of the problem {name}{options} by {names or 'no estimator'}."
    )


def _cells(scenario: Mapping[str, Any], whole: pd.DataFrame, known: pd.DataFrame) -> str:
    sizes = ", ".join(map(grouped, sorted(known["sample_size"].unique())))
    size = f"one sample size (N = {sizes})"
    if are_granted(known):
        size = f"the largest sample size that some evaluations of f ({sizes}) pay for"
    where, dtypes = (" and ".join(map(plain, known[name].unique())) for name in ("device", "dtype"))
    missing = "" if len(known) == len(whole) else f", of {len(whole)} planned"
    wanted = (scenario.get("precision") or {}).get("variance")
    until = ", until the 95 % interval of its variance was within {:.3g} % or R had reached its bound"
    bound = "" if wanted is None else until.format(100 * float(wanted))
    return (
        f"In {len(known)} cells{missing}, each an estimator at {size} on {where} in "
        f"{dtypes}, it was estimated independently R = {span(known['replicates'])} times{bound}."
    )


def _truth(told: Mapping[str, Any], known: pd.DataFrame) -> str:
    kind, note = plain(told.get("kind")), plain(told.get("note"), LONGEST_NOTE)
    size = (known["truth_se"] / known["truth_norm"]).max()
    said = _TRUTHS.get("disputed" if "disputed" in kind else kind, "not known{because}").format(
        because=f" ({note})" if note else "",
        error=f", {100 * size:.2g} % of its norm," if 0 < size < float("inf") else "",
        # Kinds of the points of a sweep are joined.
        where="" if kind == "disputed" else " at some points of the sweep",
    )
    return f"The true gradient is {said}."


def _statistics(known: pd.DataFrame) -> Iterator[str]:
    """Yield the methods by which variance and bias of these rows are found."""
    several = known[known["variance"] > 0].groupby(["estimator", "device", "dtype"])["sample_size"].nunique()
    pooled = "; its standard error is at least that of the kurtosis pooled over sample sizes (Bonett, 2006)"
    yield (
        "The variance is the trace of the covariance of one estimate, with a 95 % interval by the jackknife "
        "on its logarithm and Student's t quantile (Miller, 1974, §4)"
        f"{pooled if (several > 1).any() else ''}."
    )
    if "sampling_variance" in known and known["sampling_variance"].notna().any():
        yield (
            "Each replicate has a batch of data of its own, and pairs of estimates that share one split the "
            "variance into a part of sampling and one of the data (Searle, Casella & McCulloch, 1992, §3)."
        )
    if not known["verdict"].isin(["unknown", ""]).all():
        vector = (
            " of the worst coordinate with Bonferroni's correction, or an F-type test of the whole vector "
            "(Buckley & Eagleson, 1988, §2), together"
        )
        yield (
            "An estimator is called biased if Hall's skewness-corrected t (Hall, 1992, §2)"
            f"{vector if known['dim'].max() > 1 else ''} says so, at 1 % over all rows of the run (Holm, "
            "1979), and unbiased within 1 % of the gradient's norm only if a test of equivalence at 5 % "
            "does. Noise that did not show in the draws counts as unknown, unless it is known without "
            "sampling."
        )


def _ratios(run: Run, control: str | None) -> Iterator[str]:
    frame = compare(within(run, control), ("variance",)).frame
    frame = frame[frame["low"].notna()]
    if frame.empty:
        return
    name = distinct(run.measurements["estimator"])[str(frame["control"].iloc[0])]
    pairs, cells = int(frame["paired"].sum()), len(frame)
    some = f", in {pairs} of {cells} cells, and unpaired in the others" if pairs < cells else ""
    same = "paired replicate by replicate, since both estimators drew the same random numbers"
    pairing = f"{same}{some}" if pairs else "unpaired"
    hold = f", so that all {cells} hold together with {TOGETHER} (Bonferroni)" if cells > 1 else ""
    yield (
        f"Ratios of variances to that of {name} have {level_text(frame['level'].iloc[0])} intervals by the "
        f"jackknife on their logarithm (Miller, 1974), {pairing}{hold}."
    )
