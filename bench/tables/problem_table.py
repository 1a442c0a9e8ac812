"""Estimators against problems: ratios to a control, with their geometric mean at the end."""

from __future__ import annotations

from operator import itemgetter

import pandas as pd

from bench.analysis.comparison import Comparison
from bench.statistics.metric_table import COMPARED
from bench.tables.table import Column, Table
from bench.text.labels import distinct, plain
from bench.text.numbers import MISSING
from bench.text.ratio_text import TOGETHER, ratio_text


def problem_table(found: Comparison) -> pd.DataFrame:
    """Return a row of texts for each estimator, with a column for each problem, and the mean as the last.

    Args:
        found: as `ratios_by_problem` gives it.
    """
    frame, problems = found.frame, distinct(found.frame["problem"], 80)
    texts = frame.assign(text=list(map(ratio_text, frame["ratio"], frame["low"], frame["high"])))
    wide = texts.pivot(index="estimator", columns="problem", values="text").fillna(MISSING)
    names = distinct(frame["estimator"])
    return wide.reindex(index=list(names), columns=list(problems)).rename(index=names, columns=problems)


def title(found: Comparison) -> str:
    """Return what the table shows."""
    metric = COMPARED[found.frame["metric"].iloc[0]].label if len(found.frame) else "metrics"
    return f"Ratios of {metric} to {plain(found.control) or '(no name)'} on each problem"


def notice() -> str:
    """Return what a reader must know of the table."""
    return (
        f"Below 1 is better. The intervals of all problems hold together with {TOGETHER}, and so do those of "
        "the means; these count each scenario once, and speak of these scenarios only. "
        "Biased cells have no ratio."
    )


def as_markdown(found: Comparison) -> str:
    """Return the table in Markdown, and below it what a reader must know."""
    frame = problem_table(found)
    columns = [Column(str(name), itemgetter(i)) for i, name in enumerate(frame, 1)]
    table = Table(columns, list(frame.itertuples(name=None)), group=itemgetter(0), notes=[notice()])
    return table.markdown()
