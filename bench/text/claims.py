"""All sentences on a run: ratios of variances, biases, missing cells, warnings."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.kept import kept
from bench.analysis.pairs import LeftOut, within
from bench.results.run import Run
from bench.statistics.verdict import BIASED_BELOW
from bench.text import cell_words
from bench.text.failures import attempted
from bench.text.labels import plain
from bench.text.left_out import notes
from bench.text.numbers import grouped, interval_said, significant
from bench.text.ratio_claims import ratio_claims, scale_claims
from bench.text.remarks import remarks
from bench.text.size_words import size_said
from bench.text.words import NOTHING, capital, few, joined

_MOST_PHRASES = 6
_MORE = r"(?<=needs R )([=>]) (\d[\d ]*)(?=\))"
_NO_TRUTH = {"none": ": the true gradient is not known", "disputed": ": the true gradient is disputed"}


@kept
def claims(run: Run, control: str | None = None) -> list[str]:
    """Return the sentences behind the answer: variances, biases, what is missing, warnings.

    Estimators, or points of a sweep, of which the same holds share a sentence. Ratios are those of
    `compare`, at the level at which all hold together. Sentences that cannot be made leave a line that
    says so. Plain text on one line each; labels are data and must be escaped for where they go.

    Raises:
        Invalid: if there is no estimator with the label or name `control`; None is the first of all.
    """
    whole = rows.whole(run.measurements)
    if whole.empty:
        return [NOTHING]
    pairs = within(run, control)
    found, sweep = compare(pairs, ("variance",)), cell_words.sweep_or_point(whole)
    unbiased = rows.unbiased_beside(whole, pairs.control)
    return [
        *([] if rows.with_numbers(whole).any() else [NOTHING]),
        *attempted("the sentences on ratios", lambda: few(ratio_claims(found, sweep, unbiased))),
        *attempted("the sentences on variances", lambda: few([*scale_claims(whole, sweep, pairs.control)])),
        *attempted("the sentences on biases", lambda: few([*bias_claims(whole)])),
        *attempted("the sentences on missing cells", lambda: _missing(run, whole, found.left_out)),
        *attempted("the warnings", lambda: (f"Warning: {remark}." for remark in remarks(run.measurements))),
    ]


def _missing(run: Run, whole: pd.DataFrame, left_out: tuple[LeftOut, ...]) -> Iterator[str]:
    """Yield what was not measured, and what was but is not compared."""
    yield from (f"{capital(remark)} and are not compared." for remark in cell_words.not_finite(whole))
    yield from (f"Not measured: {remark}." for remark in cell_words.not_measured(whole))
    if run.record.get("interrupted"):
        yield "Not measured: what was left when the run was interrupted."
    yield from (f"{capital(note)}." for note in notes(each for each in left_out if each.why != "status"))


def bias_claims(whole: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence on the unbiased cells, one for each biased estimator, one on unresolved cells."""
    frame = whole[whole["status"] == "ok"]
    verdict = frame["verdict"]
    # The test errs in one of twenty cells, which a reader of many should know.
    test = "of the gradient's norm, by a test of equivalence at 5 % in each cell"
    for margin, part in frame[verdict.str.startswith("within")].groupby("verdict", sort=False):
        yield f"Unbiased {plain(margin)} {test}: {_which(part, frame)}."
    yield from (f"Biased is {said}." for said, _ in _off(frame, verdict == "biased"))
    tested = int(frame["bias_p"].notna().sum())
    for said, p in _off(frame, (frame["bias_p"] < BIASED_BELOW) & (verdict != "biased")):
        yield f"Not called biased is {said}: p = {significant(p, 2)}, as expected among {tested} tests."
    if phrases := list(_unresolved(frame[verdict.str.startswith("unresolved")], frame)):
        yield f"Whether there is a bias is unresolved for {joined(phrases, '; ', _MOST_PHRASES)}."
    unknown = frame[verdict.isin(["unknown", ""])]
    if len(unknown):
        kinds = unknown["truth"].unique()
        why = _NO_TRUTH.get(kinds[0], "") if len(kinds) == 1 else ""
        yield f"Nothing can be said of the bias of {_which(unknown, frame)}{why}."


def _off(frame: pd.DataFrame, chosen: pd.Series[bool]) -> Iterator[tuple[str, float]]:
    """Yield for each estimator where it is off and by how much, with the least p of its chosen cells."""
    placed = cell_words.placed(frame, cell_words.sweep_or_point(frame))
    for _, cells in placed[chosen].groupby(["setting", "estimator"], sort=False):
        last = cells.sort_values(["sample_size", "value"]).iloc[-1]
        at = " and ".join(filter(None, (size_said(frame, grouped(last["sample_size"])), last["point"])))
        off = interval_said(last["bias"], last["bias_low"], last["bias_high"])
        norm = f"where the gradient has norm {significant(last['truth_norm'])}"
        who = _which(frame.loc[cells.index], frame)
        yield f"{who}: at {at} the mean estimate is off by {off}, {norm}", cells["bias_p"].min()


def _unresolved(part: pd.DataFrame, frame: pd.DataFrame) -> Iterator[str]:
    """Yield cells in need of the same with what they need: of more R those of one N, and the range of R."""
    found = part["verdict"].str.extract(_MORE)
    needed = part["verdict"].mask(found[0].notna(), "unresolved")
    size = part["sample_size"].where(found[0].notna(), 0)
    for (need, _), cells in part.groupby([needed, size], sort=False):
        beyond = found.loc[cells.index, 0] == ">"
        replicates = found.loc[cells.index, 1].str.replace(" ", "").astype(float)
        if beyond.all():
            need = f"(needs R > {grouped(replicates.max())})"
        elif replicates.notna().all():
            need = f"(needs R = {cell_words.span(replicates)}{' and more' if beyond.any() else ''})"
        yield _which(cells, frame).replace("; ", " and ") + " " + plain(need, 80).removeprefix("unresolved ")


def _which(part: pd.DataFrame, frame: pd.DataFrame) -> str:
    cells = cell_words.which(part, frame)
    return "every estimator at every N" if cells == "every cell" else cells
