"""The answer of a run in two sentences: the biased estimators, and the best of the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.pairs import Pairs, within
from bench.analysis.sweeps import Sweep
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, LABELS, METRICS
from bench.text.cell_words import ends
from bench.text.failures import attempted
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped, interval, significant
from bench.text.ratio_text import Ratio, between
from bench.text.sweep_words import named_value, sweep_or_point, these
from bench.text.words import listed

NOTHING = "Nothing was measured."

HEADLINE = "variance"
"""The metric that answers where the scenario names none."""

_SUPERLATIVE = {"lower": "least", "higher": "highest", "nearer to zero": "smallest"}
"""Which values of a metric are better -> a word for the best of them."""

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""


@dataclass(frozen=True)
class _Scene:
    """The rows that answer: on one device, those at the largest N.

    Attributes:
        every: the rows that succeeded, at all N.
        at: the rows at the largest N.
        metric: the headline.
        control: the label of the estimator with which all are compared.
        names: labels as they are shown.
        ratios: cell -> its ratio to the control by the headline; empty where cells are not compared by it.
        sweep: along what the problems lie.
    """

    every: pd.DataFrame
    at: pd.DataFrame
    metric: str
    control: str
    names: Mapping[str, str]
    ratios: Mapping[str, Ratio]
    sweep: Sweep

    @property
    def noun(self) -> str:
        """Return the headline in words."""
        column = METRICS[self.metric].columns[0].name
        words = COMPARED[self.metric].label if self.metric in COMPARED else LABELS.get(column, column)
        return " ".join(words.split())

    def place(self, problems: Iterable[str]) -> str:
        """Return where some problems lie: ` for k from 1 to 10`, ` on 2 of 6 problems`; empty for all."""
        some, every = set(problems), set(self.at["problem"])
        if some == every:
            return ""
        if self.sweep.name and len(set(self.sweep.rest.values())) == 1:
            values = self.sweep.values
            return f" for {these(self.sweep, [values[p] for p in some], [values[p] for p in every])}"
        return f" on {plain(min(some))}" if len(some) == 1 else f" on {len(some)} of {len(every)} problems"

    def point(self, problem: str) -> str:
        """Return the name of a single problem among several."""
        if self.at["problem"].nunique() == 1:
            return ""
        words = (named_value(self.sweep, self.sweep.values[problem]), self.sweep.rest[problem])
        return ", ".join(filter(None, words))


@dataclass(frozen=True)
class _Candidate:
    """A cell that may be the best at its problem.

    Attributes:
        row: its row.
        number: its ratio to the control, or the metric itself where it is not compared.
        compared: whether the number is a ratio.
        better: which numbers are better, as of a metric.
    """

    row: Row
    number: Ratio
    compared: bool
    better: str

    @property
    def text(self) -> str:
        """Return the number with its interval."""
        return str(self.number) if self.compared else interval(*self.number).replace("…", "to")

    @property
    def score(self) -> Ratio:
        """Return the number with such a sign that less is better; infinite ends where it has no interval."""
        value, low, high = self.number
        if math.isnan(low) or math.isnan(high):
            low, high = -math.inf, math.inf
        if self.better == "higher":
            return Ratio(-value, -high, -low)
        if self.better == "nearer to zero":
            nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
            return Ratio(abs(value), nearest, max(abs(low), abs(high)))
        return self.number._replace(low=low, high=high)


def headline_of(run: Run) -> str:
    """Return the metric that the scenario is about, of `METRICS`: the variance, if it names none of them."""
    named = str(run.record["scenario"].get("headline") or HEADLINE)
    return named if named in METRICS else HEADLINE


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
    scene = _scene(known, within(run, control), headline_of(run), distinct(whole["estimator"]))
    return [
        *attempted("the sentence on biases", lambda: [_biases(scene)]),
        *attempted("the sentence on the best estimator", lambda: [_best(scene)]),
    ]


def _scene(known: pd.DataFrame, pairs: Pairs, metric: str, names: Mapping[str, str]) -> _Scene:
    first = known.iloc[0]
    every = known[(known["device"] == first["device"]) & (known["dtype"] == first["dtype"])]
    of_control = every[every["estimator"] == pairs.control]
    at = every[every["sample_size"] == (every if of_control.empty else of_control)["sample_size"].max()]
    ratios: dict[str, Ratio] = {}
    if metric in COMPARED:
        frame = compare(pairs, (metric,)).frame
        numbers = frame[["ratio", "low", "high"]].itertuples(index=False, name=None)
        ratios = dict(zip(frame["cell"], (Ratio(*each) for each in numbers), strict=True))
        ratios |= dict.fromkeys(of_control["cell"], Ratio(1.0, 1.0, 1.0))
    return _Scene(every, at, metric, pairs.control, names, ratios, sweep_or_point(at))


# --- biases ---------------------------------------------------------------------------------------


def _biases(scene: _Scene) -> str:
    if scene.at["verdict"].isin(["unknown", ""]).all():
        known = "disputed" if (scene.at["truth"] == "disputed").all() else "not known"
        return f"No bias can be told, because the true gradient is {known}."
    wrong = scene.every[scene.every["verdict"] == "biased"]
    said = [
        (scene.names[str(label)], _off(scene, cells))
        for label, cells in wrong.groupby("estimator", sort=False)
    ]
    shown = scene.at["verdict"].str.startswith("within")
    open_ = scene.at.loc[~shown & ~scene.at["estimator"].isin(wrong["estimator"]), "estimator"].unique()
    unresolved = listed([scene.names[label] for label in open_]) if len(open_) else ""
    if said:
        (who, off), more = said[0], [f"{who} ({off})" for who, off in said]
        head = f"{who} is biased ({off})" if len(said) == 1 else f"{listed(more)} are biased"
        return f"{head}, and {unresolved} may be." if unresolved else f"{head}."
    if unresolved:
        if len(open_) == scene.at["estimator"].nunique() > 1:
            return "Whether any estimator is biased is unresolved."
        return f"No estimator is found to be biased, but {unresolved} may be."
    return f"Every estimator is unbiased {plain(scene.at['verdict'].iloc[0])} of the gradient's norm."


def _off(scene: _Scene, wrong: pd.DataFrame) -> str:
    """Return by how much an estimator is off: at the largest N at which it is, and where it is most."""
    at = wrong[wrong["sample_size"] == wrong["sample_size"].max()]
    row: Row = list(at.iloc[(at["bias"].abs() / at["truth_norm"]).argsort()].itertuples(index=False))[-1]
    if row.dim == 1:
        off = f"its mean is {significant(row.mean)} where the gradient is {significant(row.mean - row.bias)}"
    else:
        norm = significant(row.truth_norm)
        off = f"its mean is off by {significant(row.bias)} where the gradient has norm {norm}"
    every = scene.every[scene.every["estimator"] == row.estimator]
    size = "" if len(wrong) == len(every) else f"N = {grouped(row.sample_size)}"
    where = ", ".join(filter(None, (size, scene.point(row.problem))))
    return f"at {where} {off}" if where else off


# --- the best of the others -----------------------------------------------------------------------


def _best(scene: _Scene) -> str:
    found = [_candidates(scene, cells) for _, cells in scene.at.groupby("problem", sort=False)]
    found = [candidates for candidates in found if candidates]
    size = f"at N = {grouped(scene.at['sample_size'].iloc[0])}"
    if not found:
        return f"No estimator that could be unbiased has a {scene.noun} {size}."
    alone = scene.at["estimator"].nunique() == 1
    best = f"{'a' if alone else f'the {_SUPERLATIVE[METRICS[scene.metric].better]}'} {scene.noun}"
    of = _among(scene, [each.row for candidates in found for each in candidates])
    leaders = [_leaders(candidates) for candidates in found]
    if len(set(leaders)) > 1:
        problems = [candidates[0].row.problem for candidates in found]
        text = f"{of}{size} {_by_place(scene, problems, leaders, best)}."
        return text[:1].upper() + text[1:]
    if len(leaders[0]) > 1:
        who = listed([scene.names[label] for label in leaders[0]])
        return f"{of}{who} cannot be told apart and have {best} {size}."
    numbers = _numbers(scene, [each for candidates in found for each in candidates], leaders[0][0])
    return f"{of}{scene.names[leaders[0][0]]} has {best} {size}: {numbers}."


def _among(scene: _Scene, candidates: list[Row]) -> str:
    """Return among whom the best is, where some are set aside: `Of the unbiased estimators `."""
    if len({row.estimator for row in candidates}) == scene.at["estimator"].nunique():
        return ""
    shown = all(row.verdict.startswith("within") for row in candidates)
    return "Of the unbiased estimators " if shown else "Of the others "


def _candidates(scene: _Scene, cells: pd.DataFrame) -> list[_Candidate]:
    """Return the cells of one problem that could be unbiased."""
    metric = METRICS[scene.metric]
    column = metric.columns[0].name
    could = cells[rows.may_be_unbiased(cells)]
    records: list[Row] = list(rows.measured(could, column).itertuples(index=False))
    ratios = [scene.ratios[row.cell] for row in records if row.cell in scene.ratios]
    if 1 < len(ratios) == len(records) and all(math.isfinite(ratio.value) for ratio in ratios):
        return [_Candidate(row, ratio, True, "lower") for row, ratio in zip(records, ratios, strict=True)]
    return [
        _Candidate(row, Ratio(getattr(row, column), *ends(row, column)), False, metric.better)
        for row in records
    ]


def _leaders(candidates: list[_Candidate]) -> tuple[str, ...]:
    """Return the best, and those that are not told apart from it."""
    best = min((each.score for each in candidates), key=lambda score: score.value)
    return tuple(each.row.estimator for each in candidates if each.score.low <= best.high)


def _by_place(scene: _Scene, problems: list[str], leaders: list[tuple[str, ...]], best: str) -> str:
    """Return which estimator leads on which of the problems, where that is not one and the same."""
    places: dict[str, list[str]] = {}
    for problem, labels in zip(problems, leaders, strict=True):
        places.setdefault(labels[0] if len(labels) == 1 else "", []).append(problem)
    tied = places.pop("", [])
    said = [f"{scene.names[label]} has {best}{scene.place(where)}" for label, where in places.items()]
    said = [said[0], *(each.replace(f" has {best}", "") for each in said[1:])] if said else []
    if tied:
        said.append(f"no estimator alone has {'it' if said else best}{scene.place(tied)}")
    return "; ".join(said)


def _numbers(scene: _Scene, candidates: list[_Candidate], leader: str) -> str:
    """Return by how much: the ratio to the control, that of the next where the control leads, or values."""
    candidates = [each for each in candidates if each.compared] or candidates
    ahead = [each for each in candidates if each.row.estimator == leader]
    control = scene.names[scene.control]
    if not ahead[0].compared:
        others = [each for each in candidates if each.row.estimator == scene.control != leader]
        return _between(scene, ahead) + (f"; {control} has {_between(scene, others)}" if others else "")
    if leader == scene.control:
        behind = [each for each in candidates if each.row.estimator != leader]
        next_ = min(behind, key=lambda each: each.score.value)
        place = scene.point(next_.row.problem)
        who = scene.names[next_.row.estimator] + (f" at {place}" if place else "")
        return f"the next, {who}, has {next_.number} times more"
    if all(each.number.value == 0 for each in ahead):
        return f"none at all, where {control} has some"
    wrong = scene.at.loc[scene.at["estimator"] == scene.control, "verdict"].eq("biased").any()
    control += ", which is biased" if wrong else ""
    if all(each.number.value <= 1 for each in ahead):
        inverted = [_Candidate(each.row, each.number.inverse, True, "lower") for each in ahead]
        return f"{_between(scene, inverted)} times less than {control}"
    return f"{_between(scene, ahead)} times as much as {control}"


def _between(scene: _Scene, cells: list[_Candidate]) -> str:
    """Return the numbers of one estimator, from the least to the largest."""
    ordered = sorted(cells, key=lambda each: each.number.value)
    return between((each.text, scene.point(each.row.problem)) for each in ordered)
