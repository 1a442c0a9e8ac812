"""All sentences on a run: ratios of variances, biases, missing cells, warnings."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.kept import kept
from bench.analysis.pairs import LeftOut, within
from bench.results.runs import Run
from bench.text import cell_words
from bench.text.bias_claims import bias_claims
from bench.text.failures import attempted
from bench.text.left_out import notes
from bench.text.ratio_claims import ratio_claims, scale_claims
from bench.text.remarks import remarks
from bench.text.words import NOTHING, capital, few


@kept
def claims(run: Run, control: str | None = None) -> list[str]:
    """Return the sentences behind the answer: variances, biases, what is missing, what to beware of.

    Estimators, or points of a sweep, of which the same holds share a sentence. Ratios are those of
    `compare`, at the level at which all hold together. Sentences that cannot be made leave a line that
    says so. Plain text on one line each; labels are data and must be escaped for where they go.

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
    found, sweep = compare(pairs, ("variance",)), cell_words.sweep_or_point(whole)
    unbiased = rows.unbiased_beside(whole, pairs.control)
    return [
        *([] if rows.with_numbers(whole).any() else [NOTHING]),
        *attempted("the sentences on ratios", lambda: few(ratio_claims(found, sweep, unbiased))),
        *attempted("the sentences on variances", lambda: few([*scale_claims(whole, sweep, pairs.control)])),
        *attempted("the sentences on biases", lambda: few([*bias_claims(whole)])),
        *attempted("the sentences on missing cells", lambda: _missing(run, whole, found.left_out)),
        *attempted("the warnings", lambda: (f"Beware: {remark}." for remark in remarks(run.measurements))),
    ]


def _missing(run: Run, whole: pd.DataFrame, left_out: tuple[LeftOut, ...]) -> Iterator[str]:
    """Yield what was not measured, and what was but is not compared."""
    yield from (f"{capital(remark)} and are not compared." for remark in cell_words.not_finite(whole))
    yield from (f"Not measured: {remark}." for remark in cell_words.not_measured(whole))
    if run.record.get("interrupted"):
        yield "Not measured: what was left when the run was interrupted."
    yield from (f"{capital(note)}." for note in notes(each for each in left_out if each.why != "status"))
