"""Ratios to a control, averaged over scenarios, and of each problem beside one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import Comparison, estimated, intervals, level_of
from bench.analysis.kept import kept
from bench.analysis.pairs import LeftOut, within
from bench.analysis.together import canonical, named, scenario_of, together
from bench.errors import Invalid, invalid
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED

COLUMNS = {
    "estimator": "str", "control": "str", "metric": "str", "scenarios": "int64", "cells": "int64",
    "ratio": "float64", "low": "float64", "high": "float64", "least": "float64", "most": "float64",
    "level": "float64", "mark": "str",
}  # fmt: skip

MOST_CONTROLS, MOST_PROBLEMS = 12, 8
"""Estimators that may be the control, and problems beside one another; of more, a run has one mean."""

MEAN = "geometric mean"
"""The column of the mean over all problems."""


@kept
def geometric_means(
    runs: Sequence[Run], control: str | None = None, metrics: tuple[str, ...] = ("variance",)
) -> Comparison:
    """Return the geometric mean of each estimator's ratio to a control, over scenarios; see `COLUMNS`.

    The ratios are those of `bench compare`. They are averaged on the scale of logarithms: over the cells of a
    run (N, device, dtype), over the runs of a scenario, over scenarios; so each scenario counts the same. The
    geometric mean alone does not depend on which is the control; Fleming & Wallace (1986), How not to lie
    with statistics: the correct way to summarize benchmark results. With its interval, see `averaged`, it is
    a statement about these scenarios and no others.

    Left out are ratios of a biased cell or to one (verdict "biased"), but for the mean squared error, because
    a low variance of a wrong gradient is no win; and ratios of zero and infinity, which have no logarithm.

    The control is a label or a name; None for the label that most runs have, the first of those. There is
    `Invalid` if no run has such an estimator, or the name is that of several in all of them.
    """
    if control is None:
        labels = [label for run in runs for label in run.measurements["estimator"].unique()]
        if not labels:
            raise invalid("nothing was measured in any of the runs, so there is no control")
        control = str(pd.Series(labels).value_counts(sort=False).idxmax())
    terms, left_out = _terms(runs, control, metrics)
    frame, level = averaged(terms, control)
    return Comparison(frame, control, level, left_out)


@kept
def means(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean ratios to each estimator as the control, of at most `MOST_CONTROLS`; see `COLUMNS`."""
    whole = together(runs)
    labels = list(whole.loc[whole["status"] == "ok", "estimator"].unique())[:MOST_CONTROLS]
    return rows.stacked([geometric_means(runs, label, tuple(COMPARED)).frame for label in labels], COLUMNS)


@kept
def ratios_by_problem(
    runs: Sequence[Run], control: str | None = None, metric: str = "variance"
) -> Comparison:
    """Return the mean ratio of each estimator to a control on each `problem`, and over all, called `MEAN`.

    Ratios are averaged as in `geometric_means`, on one problem over its cells. Of more than `MOST_PROBLEMS`
    problems, those of a run are averaged, too. The intervals of all problems hold together, and so do those
    of the means.
    """
    mean = geometric_means(runs, control, (metric,))
    terms, left_out = _terms(runs, mean.control, (metric,))
    if terms["problem"].nunique() > MOST_PROBLEMS:
        terms["problem"] = terms["run"].map(dict(enumerate(named(runs))))
    single, level = averaged(terms, mean.control, ["metric", "estimator", "problem"])
    frame = pd.concat([single, mean.frame.assign(problem=MEAN)], ignore_index=True)
    return Comparison(frame, mean.control, level, left_out)


def averaged(
    terms: pd.DataFrame, control: str, by: Sequence[str] = ("metric", "estimator")
) -> tuple[pd.DataFrame, float]:
    """Return the means of logarithms with their intervals, as ratios, and the level of these; see `COLUMNS`.

    Standard errors are propagated; the deviation between scenarios, from `least` to `most`, is no noise.
    Cells of different N, problem or seed have streams of their own and are independent: their squared errors
    add. Cells that have all of these in common may share draws (those of several devices or dtypes, of a run
    and its repetition): their errors add without being squared, which holds under any dependence. Errors of
    a reference gradient, in ratios of mean squared errors, and what a machine does to all timings of a run,
    are shared by all N and are not in the interval. The t quantile has the fewest degrees of freedom of all.

    Terms have a row for each ratio with its `metric`, `estimator`, `scenario` and `run`; on the scale of
    logarithms its `value`, and `center` and `error` of its interval with `degrees` of freedom; and `draws`,
    which is the same where random numbers may be shared. They are averaged apart `by` some columns.
    """
    means = _means(terms, list(by))
    level = level_of(int(means["error"].notna().sum()))
    with np.errstate(over="ignore"):
        ratios = {name: np.exp(means[name]) for name in ("ratio", "least", "most")}
    found = means.assign(control=control, **intervals(means, level), **ratios)
    return found[list(dict.fromkeys([*COLUMNS, *by]))].astype(COLUMNS), level


def _means(terms: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the means of each group, on the scale of logarithms, and the standard error."""
    # Scenarios count the same, so do runs of one, and cells of a run.
    scenarios = terms.groupby(by)["scenario"].transform("nunique")
    runs = terms.groupby([*by, "scenario"])["run"].transform("nunique")
    cells = terms.groupby([*by, "scenario", "run"])["run"].transform("size")
    weight = 1 / (scenarios * runs * cells)
    own = terms.assign(weight=weight, **{name: weight * terms[name] for name in ("value", "center", "error")})
    groups = own.groupby(by, sort=False)
    # A scenario's own mean: its terms weigh one scenario-th of all.
    single = own.groupby([*by, "scenario"], sort=False)[["value", "weight"]].sum()
    each = (single["value"] / single["weight"]).groupby(by, sort=False)
    shared = own.groupby([*by, "draws"], sort=False)["error"].sum().pow(2)
    known = groups["error"].count() == groups.size()
    means = {
        "scenarios": each.size(),
        "cells": groups.size(),
        "ratio": each.mean(),
        "least": each.min(),
        "most": each.max(),
        "center": groups["center"].sum().where(known),
        "error": shared.groupby(by, sort=False).sum().pow(0.5).where(known),
        "degrees": groups["degrees"].min(),
    }
    return pd.DataFrame(means).reindex(groups.size().index).reset_index()


def _terms(
    runs: Sequence[Run], control: str, metrics: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[LeftOut, ...]]:
    found, left_out, refusals = [], [], []
    unbiased_only = [metric for metric in metrics if not COMPARED[metric].counts_bias]
    for i, (run, label) in enumerate(zip(runs, named(runs), strict=True)):
        try:
            pairs = within(run, control)
        except Invalid as refusal:
            left_out.append(LeftOut("refused", run=label, what=str(refusal)))
            refusals.append(refusal)
            continue
        every, biased = estimated(pairs, metrics), rows.biased_cells(pairs.whole)
        wrong = every["cell"].isin(biased) | every["cell_control"].isin(biased)
        terms = every[every["ratio"].between(0, math.inf, "neither")]
        terms = terms[~(wrong & every["metric"].isin(unbiased_only))[terms.index]]
        if lost := len(every) - len(terms):
            left_out.append(LeftOut("not averaged", run=label, count=lost, of=len(every)))
        # Where the address of random streams differs, they are independent.
        scenario = run.record["scenario"]
        streams = canonical([run.record.get("stream_layout"), scenario.get("seed"), scenario.get("problem")])
        several = run.measurements["problem"].nunique() > 1
        terms = terms.assign(
            scenario=scenario_of(run),
            run=i,
            problem=label + ", " + terms["problem"] if several else label,
            draws=streams + terms["sample_size"].astype(str),
            value=np.log(terms["ratio"]),
        )
        found.append(terms)
    if refusals and len(refusals) == len(runs):
        raise refusals[0]
    return pd.concat(found, ignore_index=True), tuple(left_out)
