"""Estimators against problems: ratios to a control, with their geometric mean at the end."""

from __future__ import annotations

import pandas as pd

from bench.analysis.comparison import FALSE_CLAIMS, Comparison
from bench.statistics.metric_table import COMPARED
from bench.text.labels import distinct, markdown, plain
from bench.text.numbers import MISSING
from bench.text.ratio_text import level_text, ratio_text


def problem_table(found: Comparison) -> pd.DataFrame:
    """Return a row of texts for each estimator, with a column for each problem, and the mean as the last.

    Args:
        found: as `ratios_by_problem` gives it.
    """
    frame, problems = found.frame, distinct(found.frame["problem"], 80)
    ends = zip(frame["ratio"], frame["low"], frame["high"], strict=True)
    texts = frame.assign(text=[ratio_text(*each) for each in ends])
    wide = texts.pivot(index="estimator", columns="problem", values="text").fillna(MISSING)
    names = distinct(frame["estimator"])
    return wide.reindex(index=list(names), columns=list(problems)).rename(index=names, columns=problems)


def title(found: Comparison) -> str:
    """Return what the table shows."""
    metric = COMPARED[found.frame["metric"].iloc[0]].label if len(found.frame) else "metrics"
    return f"Ratios of {metric} to {plain(found.control) or '(no name)'} on each problem"


def notice() -> str:
    """Return what a reader must know of the table."""
    together = level_text(1 - FALSE_CLAIMS)
    return (
        f"Below 1 is better. The intervals of all problems hold together with {together}, and so do those of "
        "the means; these count each scenario once, and speak of these scenarios only. "
        "Biased cells have no ratio."
    )


def as_markdown(found: Comparison) -> str:
    """Return the table in Markdown, and below it what a reader must know."""
    frame = problem_table(found)
    rows = [
        ["estimator", *frame.columns],
        *([label, *texts] for label, texts in zip(frame.index, frame.to_numpy(), strict=True)),
    ]
    lines = [f"| {' | '.join(markdown(text) for text in row)} |" for row in rows]
    lines.insert(1, f"|---|{'---:|' * len(frame.columns)}")
    return "\n".join([*lines, "", notice()]) + "\n"
