"""The answer of a run in two sentences: the biased estimators, and the best of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.analysis.sweeps import Sweep
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, LABELS, METRICS
from bench.text.cell_words import named_value, sweep_or_point, there
from bench.text.failures import attempted
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped, interval_said, significant
from bench.text.ratio_text import between, inverse, ratio_said
from bench.text.words import NOTHING, capital, listed

HEADLINE = "variance"
"""The metric that answers where the scenario names none."""

_SUPERLATIVE = {"lower": "least", "higher": "highest", "nearer to zero": "smallest"}
"""Which values of a metric are better -> a word for the best of them."""


@dataclass(frozen=True)
class _Scene:
    """The rows that answer: on one device, those at the largest N.

    Attributes:
        every: the rows that succeeded, at all N.
        at: the rows at the largest N, each with the value of the headline, or its ratio to that of the
            control where all of a problem have one (`compared`), and its interval.
        metric: the headline.
        control: the label of the estimator with which all are compared.
        names: labels as they are shown.
        sweep: along what the problems lie.
    """

    every: pd.DataFrame
    at: pd.DataFrame
    metric: str
    control: str
    names: Mapping[str, str]
    sweep: Sweep

    def place(self, problems: Iterable[str]) -> str:
        """Return where some problems lie: ` for k from 1 to 10`, ` on 2 of 6 problems`; empty for all."""
        some, every = set(problems), set(self.at["problem"])
        if some == every:
            return ""
        if self.sweep.name and len(set(self.sweep.rest.values())) == 1:
            values = self.sweep.values
            return there(self.sweep, map(values.__getitem__, some), map(values.__getitem__, every))
        return f" on {plain(min(some))}" if len(some) == 1 else f" on {len(some)} of {len(every)} problems"

    def point(self, problem: str) -> str:
        """Return the name of a single problem among several."""
        if self.at["problem"].nunique() == 1:
            return ""
        words = (named_value(self.sweep, self.sweep.values[problem]), self.sweep.rest[problem])
        return ", ".join(filter(None, words))


def headline_of(run: Run) -> str:
    """Return the metric that the scenario is about, of `METRICS`: the variance, if it names none of them."""
    named = str(run.record["scenario"].get("headline") or HEADLINE)
    return named if named in METRICS else HEADLINE


@kept
def answer(run: Run, control: str | None = None) -> list[str]:
    """Return at most two sentences: the biases, then the best of the estimators that are not biased.

    An estimator without any variance leads only if it is shown to be unbiased. Plain text on one line
    each; labels are data and must be escaped for where they go.

    Args:
        run: the run.
        control: a label or a name, with which all are compared; None for the first estimator.

    Raises:
        Invalid: if there is no such estimator.
    """
    whole = rows.whole(run.measurements)
    known = whole[whole["status"] == "ok"]
    if known.empty:
        return [NOTHING]
    pairs, metric = within(run, control), headline_of(run)
    first = known.iloc[0]
    every = known[(known["device"] == first["device"]) & (known["dtype"] == first["dtype"])]
    of_control = every[every["estimator"] == pairs.control]
    at = every[every["sample_size"] == (every if of_control.empty else of_control)["sample_size"].max()]
    ratios = pd.DataFrame(columns=["cell", "ratio", "low", "high"])
    if metric in COMPARED:
        itself = of_control[["cell"]].assign(ratio=1.0, low=1.0, high=1.0)
        ratios = pd.concat([compare(pairs, (metric,)).frame[list(ratios)], itself])
    at = at.merge(ratios, on="cell", how="left")
    scene = _Scene(every, at, metric, pairs.control, distinct(whole["estimator"]), sweep_or_point(at))
    return [
        *attempted("the sentence on biases", lambda: [_biases(scene)]),
        *attempted("the sentence on the best estimator", lambda: [_best(scene)]),
    ]


# --- biases ---------------------------------------------------------------------------------------


def _biases(scene: _Scene) -> str:
    at, names = scene.at, scene.names
    if at["verdict"].isin(["unknown", ""]).all():
        known = "disputed" if (at["truth"] == "disputed").all() else "not known"
        return f"No bias can be told, because the true gradient is {known}."
    wrong = scene.every[scene.every["verdict"] == "biased"]
    said = [
        f"{names[str(label)]} ({_off(scene, cells)})"
        for label, cells in wrong.groupby("estimator", sort=False)
    ]
    shown = at["verdict"].str.startswith("within") | at["estimator"].isin(wrong["estimator"])
    open_ = [names[label] for label in at.loc[~shown, "estimator"].unique()]
    if said:
        rest = f", and {listed(open_)} may be" if open_ else ""
        return f"{listed(said)} {'is' if len(said) == 1 else 'are'} biased{rest}."
    if len(open_) == at["estimator"].nunique() > 1:
        return "Whether any estimator is biased is unresolved."
    if open_:
        return f"No estimator is found to be biased, but {listed(open_)} may be."
    return f"Every estimator is unbiased {plain(at['verdict'].iloc[0])} of the gradient's norm."


def _off(scene: _Scene, wrong: pd.DataFrame) -> str:
    """Return by how much an estimator is off: at the largest N at which it is, and where it is most."""
    at = wrong[wrong["sample_size"] == wrong["sample_size"].max()]
    row: Any = list(at.iloc[(at["bias"].abs() / at["truth_norm"]).argsort()].itertuples(index=False))[-1]
    if row.dim == 1:
        off = f"its mean is {significant(row.mean)} where the gradient is {significant(row.mean - row.bias)}"
    else:
        norm = significant(row.truth_norm)
        off = f"its mean is off by {significant(row.bias)} where the gradient has norm {norm}"
    everywhere = len(wrong) == (scene.every["estimator"] == row.estimator).sum()
    size = "" if everywhere else f"N = {grouped(row.sample_size)}"
    where = ", ".join(filter(None, (size, scene.point(row.problem))))
    return f"at {where} {off}" if where else off


# --- the best of the others -----------------------------------------------------------------------


def _best(scene: _Scene) -> str:
    metric, names, at = METRICS[scene.metric], scene.names, scene.at
    column = metric.columns[0].name
    label = COMPARED[scene.metric].label if scene.metric in COMPARED else LABELS.get(column, column)
    noun, size = " ".join(label.split()), f"at N = {grouped(at['sample_size'].iloc[0])}"
    found = _candidates(rows.measured(at[rows.may_be_unbiased(at)], column), column, metric.better)
    if found.empty:
        return f"No estimator that could be unbiased has a {noun} {size}."
    alone = at["estimator"].nunique() == 1
    best = f"{'a' if alone else f'the {_SUPERLATIVE[metric.better]}'} {noun}"
    shown = found["verdict"].str.startswith("within").all()
    some = found["estimator"].nunique() < at["estimator"].nunique()
    of = ("Of the unbiased estimators " if shown else "Of the others ") if some else ""
    _, apart = rows.best_and_apart(found["score"], found["least"], found["most"], found["problem"])
    leaders = found[~apart].groupby("problem", sort=False)["estimator"].agg(tuple)
    if leaders.nunique() > 1:
        return capital(f"{of}{size} {_by_place(scene, leaders, best)}.")
    first = leaders.iloc[0]
    if len(first) > 1:
        return f"{of}{listed([names[each] for each in first])} cannot be told apart and have {best} {size}."
    return f"{of}{names[first[0]]} has {best} {size}: {_numbers(scene, found, first[0])}."


def _candidates(found: pd.DataFrame, column: str, better: str) -> pd.DataFrame:
    """Return rows with the number that is told of them, and `score`, of which less is better, with its ends.

    The number is the ratio to the control where all rows of a problem have one, else the metric.
    """
    groups = found["ratio"].astype(float).abs().lt(np.inf).groupby(found["problem"])
    compared = groups.transform("all") & (groups.transform("size") > 1)
    known = found.reindex(columns=[column, f"{column}_low", f"{column}_high"]).astype(float)
    known.columns = pd.Index(["ratio", "low", "high"])
    numbers = found[list(known)].astype(float).where(compared, known)
    value, low, high = (numbers[name] for name in numbers)
    if better == "higher":
        value, low, high = -value, -high, -low
    elif better != "lower":
        ends = pd.concat([low.abs(), high.abs()], axis=1)
        nearest = ends.min(axis=1, skipna=False).mask((low <= 0) & (high >= 0), 0.0)
        value, low, high = value.abs(), nearest, ends.max(axis=1, skipna=False)
    return found.assign(**numbers, compared=compared, score=value, least=low, most=high)


def _by_place(scene: _Scene, leaders: pd.Series[Any], best: str) -> str:
    """Return which estimator leads on which of the problems, where that is not one and the same."""
    who = leaders.map(lambda labels: scene.names[labels[0]] if len(labels) == 1 else "no estimator alone")
    tied = leaders.map(len) > 1
    said = [
        f"{name} has {best}{scene.place(where.index)}"
        for part in (who[~tied], who[tied])
        for name, where in part.groupby(part, sort=False)
    ]
    return "; ".join([said[0], *(each.replace(f" has {best}", " has it") for each in said[1:])])


def _numbers(scene: _Scene, found: pd.DataFrame, leader: str) -> str:
    """Return by how much: the ratio to the control, that of the next where the control leads, or values."""
    found = found[found["compared"]] if found["compared"].any() else found
    ahead, behind = found[found["estimator"] == leader], found[found["estimator"] != leader]
    control = scene.names[scene.control]
    if not ahead["compared"].iloc[0]:
        others = behind[behind["estimator"] == scene.control]
        return _between(scene, ahead) + (f"; {control} has {_between(scene, others)}" if len(others) else "")
    if leader == scene.control:
        next_ = behind.sort_values("score", kind="stable").iloc[0]
        place = scene.point(next_["problem"])
        who = scene.names[next_["estimator"]] + (f" at {place}" if place else "")
        return f"the next, {who}, has {ratio_said(*next_[['ratio', 'low', 'high']])} times more"
    if (ahead["ratio"] == 0).all():
        return f"none at all, where {control} has some"
    wrong = scene.at.loc[scene.at["estimator"] == scene.control, "verdict"].eq("biased").any()
    control += ", which is biased" if wrong else ""
    if (ahead["ratio"] <= 1).all():
        return f"{_between(scene, inverse(ahead))} times less than {control}"
    return f"{_between(scene, ahead)} times as much as {control}"


def _between(scene: _Scene, cells: pd.DataFrame) -> str:
    """Return the numbers of one estimator, from the least to the largest."""
    ordered = cells.sort_values("ratio", kind="stable")
    text = ratio_said if cells["compared"].all() else interval_said
    numbers = map(text, ordered["ratio"], ordered["low"], ordered["high"])
    return between(zip(numbers, map(scene.point, ordered["problem"]), strict=True))
