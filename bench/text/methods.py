"""The methods of a run as a paragraph for a paper: only those that really apply to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import FALSE_CLAIMS, compare
from bench.analysis.pairs import within
from bench.results.runs import Run
from bench.text.failures import attempted
from bench.text.labels import LONGEST_NOTE, distinct, plain
from bench.text.numbers import grouped
from bench.text.ratio_text import level_text

_MOST_NAMES = 12
_LONG = 300

_EXACT = {
    "closed_form": "known in closed form",
    "quadrature": "exact by quadrature, where two rules agree to eight digits, and autograd",
    "enumeration": "exact by enumeration and autograd",
}
"""Kinds of truth that need no sampling -> how they are known."""


def methods(run: Run, control: str | None = None) -> str:
    """Return one paragraph of plain text on one line: what was measured, and with which statistics.

    Args:
        run: the run.
        control: a label or a name, with which all are compared; None for the first estimator.

    Raises:
        Invalid: if there is no such estimator.
    """
    return " ".join(attempted("the methods", lambda: filter(None, _sentences(run, control))))


def _sentences(run: Run, control: str | None) -> list[str]:
    whole = rows.whole(run.measurements)
    known = whole[whole["status"].isin(["ok", "nonfinite"]) & whole["variance"].notna()]
    return [
        _subject(run.record, whole),
        _cells(run.record, whole, known),
        _streams(run.record),
        _truth(run.record, known),
        *([_variance(known), _parts(known), _bias(known)] if len(known) else []),
        _ratios(run, control) if len(whole) else "",
        _cost(run.record, known),
        _software(run.record),
    ]


def _subject(record: Mapping[str, Any], whole: pd.DataFrame) -> str:
    scenario = record["scenario"]
    problem = dict(scenario.get("problem") or {})
    name = plain(problem.pop("name", "")) or "(no name)"
    options = f" with the options {plain(json.dumps(problem, ensure_ascii=False), _LONG)}" if problem else ""
    asked = (
        f"The scenario {plain(scenario.get('name'), _LONG)}, version {plain(scenario.get('version', '?'))},"
    )
    labels = list(distinct(whole["estimator"]).values())
    rest = len(labels) - _MOST_NAMES
    names = ", ".join(labels[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
    return f"{asked} estimates the gradient of the problem {name}{options} by {names or 'no estimator'}."


def _cells(record: Mapping[str, Any], whole: pd.DataFrame, known: pd.DataFrame) -> str:
    if known.empty:
        return "Nothing was measured."
    sizes = ", ".join(map(grouped, sorted(known["sample_size"].unique())))
    where = " and ".join(plain(device) for device in known["device"].unique())
    dtypes = " and ".join(plain(dtype) for dtype in known["dtype"].unique())
    missing = "" if len(known) == len(whole) else f", of {len(whole)} planned"
    return (
        f"In {len(known)} cells{missing}, each an estimator at one sample size (N = {sizes}) on {where} in "
        f"{dtypes}, it was estimated independently {_replicates(record, known)}."
    )


def _replicates(record: Mapping[str, Any], known: pd.DataFrame) -> str:
    least, most = int(known["replicates"].min()), int(known["replicates"].max())
    often = grouped(least) if least == most else f"{grouped(least)} to {grouped(most)}"
    times = f"R = {often} times"
    wanted = (record["scenario"].get("precision") or {}).get("variance")
    if wanted is None:
        return times
    bound = f"{100 * float(wanted):.3g} %"
    return f"{times}, until the 95 % interval of its variance was within {bound} or R had reached its bound"


def _streams(record: Mapping[str, Any]) -> str:
    seed = plain(record["scenario"].get("seed", "unknown"))
    layout = plain(record.get("stream_layout")) or "unknown"
    shared = "so that estimators that draw alike share their draws"
    return (
        f"Random numbers are addressed by seed ({seed}), problem, N, purpose and block of replicates "
        f"(stream layout {layout}), {shared}."
    )


def _truth(record: Mapping[str, Any], known: pd.DataFrame) -> str:
    told = record.get("truth") or {}
    kind, note = plain(told.get("kind")), plain(told.get("note"), LONGEST_NOTE)
    because = f" ({note})" if note else ""
    if kind in _EXACT:
        return f"The true gradient is {_EXACT[kind]}{because}."
    if "disputed" in kind:
        where = "" if kind == "disputed" else " at some points of the sweep"
        return (
            f"The true gradient is disputed{where}: two ways to obtain it disagree{because}, and no "
            "estimator is judged by it."
        )
    if kind != "reference":
        return f"The true gradient is not known{because}."
    size = (known["truth_se"] / known["truth_norm"]).max()
    error = f", {100 * size:.2g} % of its norm," if 0 < size < float("inf") else ""
    return (
        f"The true gradient is a reference, the mean of a long run on random numbers of its own{because}, "
        f"whose standard error{error} counts in every test of bias."
    )


def _variance(known: pd.DataFrame) -> str:
    several = known[known["variance"] > 0].groupby(["estimator", "device", "dtype"])["sample_size"].nunique()
    pooled = "; its standard error is at least that of the kurtosis pooled over sample sizes (Bonett, 2006)"
    return (
        "The variance is the trace of the covariance of one estimate, with a 95 % interval by the jackknife "
        "on its logarithm and Student's t quantile (Miller, 1974, §4)"
        f"{pooled if (several > 1).any() else ''}."
    )


def _parts(known: pd.DataFrame) -> str:
    """The two parts of the variance, where each replicate has a batch of its own."""
    if "sampling_variance" not in known or not known["sampling_variance"].notna().any():
        return ""
    return (
        "Each replicate has a batch of data of its own, and pairs of estimates that share one split the "
        "variance into a part of sampling and one of the data (Searle, Casella & McCulloch, 1992, §3)."
    )


def _bias(known: pd.DataFrame) -> str:
    if known["verdict"].isin(["unknown", ""]).all():
        return ""
    hall = "Hall's skewness-corrected t (Hall, 1992, §2)"
    test = (
        f"{hall} of the worst coordinate with Bonferroni's correction, or an F-type test of the whole "
        "vector (Dempster, 1958; Bai & Saranadasa, 1996), together"
        if known["dim"].max() > 1
        else hall
    )
    return (
        f"An estimator is called biased if {test} says so, at 1 % over all rows of the run (Holm, 1979), and "
        "unbiased within 1 % of the gradient's norm only if a test of equivalence at 5 % does. Noise that "
        "did not show in the draws counts as unknown, unless it is known without sampling."
    )


def _ratios(run: Run, control: str | None) -> str:
    frame = compare(within(run, control), ("variance",)).frame
    frame = frame[frame["low"].notna()]
    if frame.empty:
        return ""
    name = distinct(run.measurements["estimator"])[str(frame["control"].iloc[0])]
    level, together = level_text(frame["level"].iloc[0]), level_text(1 - FALSE_CLAIMS)
    all_of_them = f", so that all {len(frame)} hold together with {together} (Bonferroni)"
    return (
        f"Ratios of variances to that of {name} have {level} intervals by the jackknife on their logarithm "
        f"(Miller, 1974), {_pairing(frame)}{all_of_them if len(frame) > 1 else ''}."
    )


def _pairing(frame: pd.DataFrame) -> str:
    pairs, cells = int(frame["paired"].sum()), len(frame)
    if not pairs:
        return "unpaired"
    why = "paired replicate by replicate, since both estimators drew the same random numbers"
    return why if pairs == cells else f"{why}, in {pairs} of {cells} cells, and unpaired in the others"


def _cost(record: Mapping[str, Any], known: pd.DataFrame) -> str:
    if not known["seconds"].notna().any():
        return ""
    threads = record.get("threads")
    on = f", with {plain(threads)} processor thread{'' if threads == 1 else 's'}" if threads else ""
    return (
        f"Seconds for one estimate are the median over timed chunks after a first that is left out{on}; "
        "variance × time is their product with the variance (Glynn & Whitt, 1992)."
    )


def _software(record: Mapping[str, Any]) -> str:
    machine = record.get("machine") or {}
    packages = (record.get("versions") or {}).items()
    versions = ", ".join(f"{plain(name)} {plain(version)}" for name, version in packages if version)
    processor = plain(machine.get("processor"), _LONG) or "an unknown processor"
    system = plain(machine.get("platform"), _LONG) or "an unknown system"
    return f"It ran with {versions or 'unknown versions'} on {processor} under {system}."
