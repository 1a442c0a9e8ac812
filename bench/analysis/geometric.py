"""Ratios to a control, averaged over scenarios."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import FALSE_CLAIMS, mark, ratio_of
from bench.analysis.kept import kept_together
from bench.analysis.pairs import LeftOut, Pair, within
from bench.analysis.together import named, scenario_of, together
from bench.errors import Invalid, invalid
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED
from bench.statistics.tails import t_quantile

COLUMNS = {
    "estimator": "str", "control": "str", "metric": "str", "scenarios": "int64", "cells": "int64",
    "ratio": "float64", "low": "float64", "high": "float64", "least": "float64", "most": "float64",
    "level": "float64", "mark": "str",
}  # fmt: skip
"""The columns of mean ratios, in order, with their types."""

TERMS = {
    "metric": "str", "estimator": "str", "scenario": "str", "run": "int64", "draws": "str",
    "value": "float64", "center": "float64", "error": "float64", "degrees": "float64",
}  # fmt: skip
"""The columns of what is averaged: one row for each ratio, on the scale of logarithms."""

MOST_CONTROLS = 12
"""Estimators that may be the control."""

COMPETITOR = ["metric", "estimator"]


@dataclass(frozen=True)
class Means:
    """Ratios to a control, averaged over scenarios.

    Attributes:
        frame: one row for each metric and estimator, see `COLUMNS`.
        control: with what all are compared, as it is called in the scenarios.
        level: of each interval, such that all hold together in 95 % of cases.
        left_out: what is not averaged, and why.
    """

    frame: pd.DataFrame
    control: str
    level: float
    left_out: tuple[LeftOut, ...]


@kept_together
def geometric_means(
    runs: Sequence[Run], control: str | None = None, metrics: tuple[str, ...] = ("variance",)
) -> Means:
    """The geometric mean of each estimator's ratio to a control, over scenarios.

    The ratios are those of `bench compare`, paired where both took the same draws. They are averaged on
    the scale of logarithms: over the cells of a run (N, device, dtype), over the runs of a scenario, over
    scenarios; so each scenario counts the same. The geometric mean alone does not depend
    on which is the control; Fleming & Wallace (1986), How not to lie with statistics: the correct way to
    summarize benchmark results. What it is with its interval is a statement about these scenarios
    and no others; see `averaged` for the interval.

    Left out are ratios of a biased cell or to one (verdict "biased"), but for the mean squared
    error, because a low variance of a wrong gradient is no win; and ratios of zero and infinity, which
    have no logarithm.

    Args:
        runs: the runs.
        control: a label or a name; None for the label that most runs have, the first of those.
        metrics: of `bench.statistics.metric_table.COMPARED`.

    Raises:
        Invalid: if no run has such an estimator, or the name is that of several in all of them.
    """
    word = _most_common(runs) if control is None else control
    terms, left_out = _terms(runs, word, metrics)
    frame, level = averaged(terms, word)
    return Means(frame, word, level, tuple(left_out))


@kept_together
def means(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean ratios to each estimator as the control, of at most `MOST_CONTROLS`; see `COLUMNS`."""
    whole = together(runs)
    labels = list(dict.fromkeys(whole.loc[whole["status"] == "ok", "estimator"]))[:MOST_CONTROLS]
    found = [geometric_means(runs, label, tuple(COMPARED)).frame for label in labels]
    return pd.concat([pd.DataFrame(columns=list(COLUMNS)), *found])


def averaged(terms: pd.DataFrame, control: str) -> tuple[pd.DataFrame, float]:
    """The means of logarithms with their intervals, as ratios.

    Standard errors are propagated, and the deviation between scenarios is none of them: it is
    not noise, and `least` and `most` tell it. Cells of different N, problem or seed have streams of
    their own and are independent: their squared errors add. Cells that have all of these in common may
    share draws (those of several devices or dtypes, of a run and its repetition): their errors add
    without being squared, which holds under any dependence. Errors of a reference gradient, in ratios of
    mean squared errors, and what a machine does to all timings of a run, are shared by all N and are
    not in the interval. The quantile is that of t with the fewest degrees of freedom of all terms.

    Args:
        terms: see `TERMS`; `draws` is the same where random numbers may be shared.
        control: with what all are compared.

    Returns:
        The frame, see `COLUMNS`, and the level of its intervals.
    """
    means = _means(terms)
    level = 1 - FALSE_CLAIMS / max(int(means["error"].notna().sum()), 1)
    half = means["error"] * t_quantile((1 + level) / 2, means["degrees"])
    with np.errstate(over="ignore"):
        ends = {"low": np.exp(means["center"] - half), "high": np.exp(means["center"] + half)}
        ratios = {name: np.exp(means[name]) for name in ("ratio", "least", "most")}
    found = means.assign(control=control, level=level, **ends, **ratios)
    marks = [mark(low, high) for low, high in zip(found["low"], found["high"], strict=True)]
    return found.assign(mark=marks)[list(COLUMNS)].astype(COLUMNS), level


def _means(terms: pd.DataFrame) -> pd.DataFrame:
    """For each metric and estimator the means, on the scale of logarithms, and the standard error."""
    terms = terms.assign(weight=_weights(terms))
    own = terms.assign(
        value=terms["weight"] * terms["value"],
        center=terms["weight"] * terms["center"],
        error=terms["weight"] * terms["error"],
    )
    whole = own.groupby(COMPETITOR, sort=False)
    # A scenario's own mean: its terms weigh one scenario-th of all.
    single = own.groupby([*COMPETITOR, "scenario"], sort=False)[["value", "weight"]].sum()
    scenarios = (single["value"] / single["weight"]).groupby(COMPETITOR, sort=False)
    shared = own.groupby([*COMPETITOR, "draws"], sort=False)["error"].sum().pow(2)
    known = own["error"].notna().groupby([own[name] for name in COMPETITOR], sort=False).all()
    means = {
        "scenarios": scenarios.size(),
        "cells": whole.size(),
        "ratio": scenarios.mean(),
        "least": scenarios.min(),
        "most": scenarios.max(),
        "center": whole["center"].sum().where(known),
        "error": shared.groupby(COMPETITOR, sort=False).sum().pow(0.5).where(known),
        "degrees": whole["degrees"].min(),
    }
    return pd.DataFrame(means).reindex(whole.size().index).reset_index()


def _weights(terms: pd.DataFrame) -> pd.Series[float]:
    """Of each term: scenarios count the same, so do the runs of a scenario, and the cells of a run."""
    scenarios = terms.groupby(COMPETITOR)["scenario"].transform("nunique")
    runs = terms.groupby([*COMPETITOR, "scenario"])["run"].transform("nunique")
    cells = terms.groupby([*COMPETITOR, "scenario", "run"])["run"].transform("size")
    return 1 / (scenarios * runs * cells)


def _terms(runs: Sequence[Run], control: str, metrics: Sequence[str]) -> tuple[pd.DataFrame, list[LeftOut]]:
    found: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    refusals: list[Invalid] = []
    for i, (run, label) in enumerate(zip(runs, named(runs), strict=True)):
        try:
            pairs = within(run, control)
        except Invalid as refusal:
            left_out.append(LeftOut("refused", run=label, what=str(refusal)))
            refusals.append(refusal)
            continue
        biased = rows.biased_cells(pairs.whole)
        terms = [
            _term(run, i, name, pair, not COMPARED[name].counts_bias and _is_biased(pair, biased))
            for name in metrics
            for pair in pairs.pairs
        ]
        found += [term for term in terms if math.isfinite(term["value"])]
        if lost := sum(not math.isfinite(term["value"]) for term in terms):
            left_out.append(LeftOut("not averaged", run=label, count=lost, of=len(terms)))
    if refusals and len(refusals) == len(runs):
        raise refusals[0]
    return pd.DataFrame(found, columns=list(TERMS)).astype(TERMS), left_out


def _term(run: Run, i: int, metric: str, pair: Pair, biased: bool) -> dict[str, Any]:
    ratio = ratio_of(pair, COMPARED[metric])
    known = not biased and 0 < ratio.value < math.inf
    return {
        "metric": metric, "estimator": pair.estimator.estimator, "scenario": scenario_of(run), "run": i,
        "draws": _draws(run, pair), "value": math.log(ratio.value) if known else math.nan,
        "center": ratio.log_center, "error": ratio.log_error, "degrees": ratio.degrees,
    }  # fmt: skip


def _draws(run: Run, pair: Pair) -> str:
    """What of the address of random streams is known: where it differs, they are independent."""
    scenario = run.record["scenario"]
    asked = [run.record.get("stream_layout"), scenario.get("seed"), scenario.get("problem")]
    return json.dumps([*asked, int(pair.estimator.sample_size)], sort_keys=True, default=str)


def _is_biased(pair: Pair, biased: set[str]) -> bool:
    return pair.estimator.cell in biased or pair.control.cell in biased


def _most_common(runs: Sequence[Run]) -> str:
    """The label that most runs have; of several the first."""
    labels = [label for run in runs for label in rows.whole(run.measurements)["estimator"].unique()]
    if not labels:
        raise invalid("nothing was measured in any of the runs, so there is no control")
    counts = pd.Series(labels).value_counts(sort=False)
    return str(counts.idxmax())
