"""The answer of a run in plain sentences: who is less noisy, who is biased, what is not known."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.pairs import within
from bench.analysis.sweeps import sweep_of
from bench.results.runs import Run
from bench.text import cell_words
from bench.text.bias_claims import bias_claims
from bench.text.labels import distinct
from bench.text.left_out import notes
from bench.text.numbers import grouped, interval
from bench.text.ratio_claims import ratio_claims
from bench.text.remarks import remarks
from bench.text.sweep_claims import scale_claims, sweep_claims
from bench.text.words import few

NOTHING = "Nothing was measured."


def claims(run: Run, control: str | None = None) -> list[str]:
    """The answer first, with its interval: variances, biases, what is missing, what to beware of.

    What holds of several estimators alike is said once, and so is what holds of an estimator along
    a sweep. Ratios are those of `compare`, at the level at
    which all hold together. Plain text on one line each; labels are data and must be escaped for where
    they go.

    Args:
        run: the run.
        control: a label or a name, with which all are compared; None for the first estimator.

    Raises:
        Invalid: if there is no such estimator.
    """
    whole = rows.whole(run.measurements)
    if whole.empty:
        return [NOTHING]
    pairs = within(run, control)
    found, sweep = compare(pairs, ("variance",)), sweep_of(whole)
    believed = rows.biased_cells(whole), rows.unbiased_beside(whole, pairs.control)
    ratios = ratio_claims(found, *believed) if sweep is None else sweep_claims(found, sweep, *believed)
    control = pairs.control
    scale = _scale(whole, control) if sweep is None else scale_claims(whole, sweep, control)
    return [
        *([] if rows.with_numbers(whole).any() else [NOTHING]),
        *few(ratios),
        *few(list(scale)),
        *few(bias_claims(whole)),
        *_missing(run, whole, notes(found.left_out)),
        *(f"Beware: {remark}." for remark in remarks(run.measurements)),
    ]


def _scale(whole: pd.DataFrame, control: str) -> Iterator[str]:
    """The variance of the control itself, of which ratios say nothing."""
    known = rows.measured(whole, "variance")
    name, settings = distinct(whole["estimator"])[control], cell_words.setting_of(known)
    chosen = known["estimator"] == control
    for setting, cells in known[chosen].groupby(settings[chosen], sort=False):
        row = cells.sort_values("sample_size").iloc[-1]
        on = f" on {setting}" if setting else ""
        value = interval(row["variance"], row["variance_low"], row["variance_high"]).replace("…", "to")
        yield f"At N = {grouped(row['sample_size'])}{on} one estimate of {name} has variance {value}."


def _missing(run: Run, whole: pd.DataFrame, left_out: tuple[str, ...]) -> Iterator[str]:
    """What was not measured, and what was but is not compared."""
    yield from (f"N{remark[1:]} and are not compared." for remark in cell_words.not_finite(whole))
    yield from (f"Not measured: {remark}." for remark in cell_words.not_measured(whole))
    if run.record.get("interrupted"):
        yield "Not measured: what was left when the run was interrupted."
    told = {f"not compared: {remark}" for remark in cell_words.not_ok(whole)}
    yield from (f"{note[:1].upper()}{note[1:]}." for note in left_out if note not in told)
