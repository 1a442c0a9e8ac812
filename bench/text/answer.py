"""The answer of a run: what was found wrong, the biased estimators, and the best of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.first_screen import at_one_place
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.analysis.sweeps import Sweep
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED, LABELS, METRICS
from bench.text.cell_words import placed, sweep_or_point, there
from bench.text.failures import attempted
from bench.text.labels import LONGEST_NOTE, distinct, plain
from bench.text.numbers import grouped, interval_said, significant
from bench.text.ratio_text import between, inverse, ratio_said
from bench.text.size_words import size_said
from bench.text.words import NOTHING, capital, few, listed

HEADLINE = "variance"  # answers where the scenario names no metric

_SUPERLATIVE = {"lower": "least", "higher": "highest", "nearer to zero": "smallest"}
"""The better values of a metric -> a word for the best of them."""

_NO_ONE = "no estimator alone"


def headline_of(run: Run) -> str:
    """Return the metric that the scenario is about, of `METRICS`: the variance, if it names none of them."""
    named = str(run.record["scenario"].get("headline") or HEADLINE)
    return named if named in METRICS else HEADLINE


@kept
def answer(run: Run, control: str | None = None) -> list[str]:
    """Return a sentence for each finding, then one on biases and one on the best that is not biased.

    The last two are about one device and N, those of `standings`. An estimator without any variance leads
    only if it is shown to be unbiased. Plain text on one line each; labels are data and must be escaped
    for where they go.

    Raises:
        Invalid: if there is no estimator with the label or name `control`; None is the first of all.
    """
    whole = rows.whole(run.measurements)
    known = whole[whole["status"] == "ok"]
    findings = few([f"{plain(found, LONGEST_NOTE)}." for found in run.findings])
    if known.empty:
        return [*findings, NOTHING]
    pairs, metric, names = within(run, control), headline_of(run), distinct(whole["estimator"])
    sweep, first = sweep_or_point(known), names[pairs.control]
    place = at_one_place(whole).iloc[0]
    every = placed(known.merge(place[["device", "dtype"]].to_frame().T), sweep)
    words = [", ".join(filter(None, pair)) for pair in zip(every["point"], every["setting"], strict=True)]
    every = every.assign(estimator=every["estimator"].map(names), where=words)
    itself = every.loc[every["estimator"] == first, ["cell"]].assign(ratio=1.0, low=1.0, high=1.0)
    ratios = itself[:0]
    if metric in COMPARED:
        ratios = pd.concat([compare(pairs, (metric,)).frame[list(itself)], itself])
    ratios = ratios.drop_duplicates("cell")  # one estimator under two labels is one cell
    at = every[every["sample_size"] == place["sample_size"]].merge(ratios, "left", on="cell")
    return [
        *findings,
        *attempted("the sentence on biases", lambda: [_biases(every, at)]),
        *attempted("the sentence on the best estimator", lambda: [_best(at, metric, first, sweep)]),
    ]


def _biases(every: pd.DataFrame, at: pd.DataFrame) -> str:
    if at["verdict"].isin(["unknown", ""]).all():
        known = "disputed" if (at["truth"] == "disputed").all() else "not known"
        return f"No bias can be told, because the true gradient is {known}."
    wrong = every[every["verdict"] == "biased"]
    said = [f"{who} ({_off(cells, every)})" for who, cells in wrong.groupby("estimator", sort=False)]
    shown = at["verdict"].str.startswith("within") | at["estimator"].isin(wrong["estimator"])
    unsure = list(at.loc[~shown, "estimator"].unique())
    if said:
        rest = f", and {listed(unsure)} may be" if unsure else ""
        return f"{listed(said)} {'is' if len(said) == 1 else 'are'} biased{rest}."
    if len(unsure) == at["estimator"].nunique() > 1:
        return "Whether any estimator is biased is unresolved."
    if unsure:
        return f"No estimator is found to be biased, but {listed(unsure)} may be."
    return f"Every estimator is unbiased {plain(at['verdict'].iloc[0])} of the gradient's norm."


def _off(wrong: pd.DataFrame, every: pd.DataFrame) -> str:
    """Return by how much an estimator is off: at the largest N at which it is, and where it is most."""
    share = wrong["bias"].abs() / wrong["truth_norm"]
    row: Any = list(wrong.assign(share=share).sort_values(["sample_size", "share"]).itertuples())[-1]
    if row.dim == 1:
        off = f"its mean is {significant(row.mean)} where the gradient is {significant(row.mean - row.bias)}"
    else:
        norm = significant(row.truth_norm)
        size = f"by {significant(row.bias)}" if row.bias > 0 else "in some coordinate"
        off = f"its mean is off {size} where the gradient has norm {norm}"
    everywhere = len(wrong) == (every["estimator"] == row.estimator).sum()
    size = "" if everywhere else size_said(wrong, grouped(row.sample_size))
    where = ", ".join(filter(None, (size, row.where)))
    ascends = f"; it ascends {row.ascends}" if row.ascends else ""
    return f"at {where} {off}{ascends}" if where else f"{off}{ascends}"


def _best(at: pd.DataFrame, name: str, control: str, sweep: Sweep) -> str:
    metric = METRICS[name]
    column = metric.columns[0].name
    label = COMPARED[name].label if name in COMPARED else LABELS.get(column, column)
    noun, size = " ".join(label.split()), f"at {size_said(at, grouped(at['sample_size'].iloc[0]))}"
    value = at[column].astype(float)
    known = np.isfinite(value) | ((value == np.inf) & (metric.better == "higher"))  # SNR without any variance
    found = _candidates(at[known & rows.may_be_unbiased(at)], column, metric.better)
    if found.empty:
        return f"No estimator that could be unbiased has a {noun} {size}."
    alone = at["estimator"].nunique() == 1
    best = f"{'a' if alone else f'the {_SUPERLATIVE[metric.better]}'} {noun}"
    shown = found["verdict"].str.startswith("within").all()
    some = found["estimator"].nunique() < at["estimator"].nunique()
    of = ("Of the unbiased estimators " if shown else "Of the others ") if some else ""
    least, apart = rows.best_and_apart(found["score"], found["least"], found["most"], found["problem"])
    leads = least | ~(apart | found["least"].isna())  # who has no interval leads only by its value
    leaders = found[leads].groupby("problem", sort=False)["estimator"].agg(tuple)
    if leaders.nunique() > 1:
        return capital(f"{of}{size} {_by_place(leaders, best, at, sweep)}.")
    first, *others = leaders.iloc[0]
    if others:
        return f"{of}{listed([first, *others])} cannot be told apart and have {best} {size}."
    wrong = bool((at.loc[at["estimator"] == control, "verdict"] == "biased").any())
    return f"{of}{first} has {best} {size}: {_numbers(found, first, control, wrong)}."


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


def _by_place(leaders: pd.Series[Any], best: str, at: pd.DataFrame, sweep: Sweep) -> str:
    """Return which estimator leads on which of the problems, where that is not one and the same."""
    who = leaders.map(lambda labels: labels[0] if len(labels) == 1 else _NO_ONE)
    who = who.sort_values(key=lambda names: names == _NO_ONE, kind="stable")
    return "; ".join(
        f"{name} has {'it' if i else best}{_place(at[at['problem'].isin(where.index)], at, sweep)}"
        for i, (name, where) in enumerate(who.groupby(who, sort=False))
    )


def _place(some: pd.DataFrame, at: pd.DataFrame, sweep: Sweep) -> str:
    """Return where some problems lie: ` for k from 1 to 10`, ` on 2 of 6 problems`; empty for all."""
    problems, count = some["problem"].unique(), at["problem"].nunique()
    if len(problems) == count:
        return ""
    if sweep.name and at["setting"].nunique() == 1:
        return there(sweep, some["value"], at["value"])
    return f" on {plain(problems[0])}" if len(problems) == 1 else f" on {len(problems)} of {count} problems"


def _numbers(found: pd.DataFrame, leader: str, control: str, wrong: bool) -> str:
    """Return by how much: the ratio to the control, that of the next where the control leads, or values."""
    found = found[found["compared"]] if found["compared"].any() else found
    ahead, behind = found[found["estimator"] == leader], found[found["estimator"] != leader]
    if not ahead["compared"].iloc[0]:
        others = behind[behind["estimator"] == control]
        return _between(ahead) + (f"; {control} has {_between(others)}" if len(others) else "")
    if leader == control:
        next_ = behind.sort_values("score", kind="stable").iloc[0]
        who = " at ".join(filter(None, (next_["estimator"], next_["where"])))
        return f"the next, {who}, has {ratio_said(*next_[['ratio', 'low', 'high']])} times more"
    if (ahead["ratio"] == 0).all():
        return f"none at all, where {control} has some"
    control += ", which is biased" if wrong else ""
    if (ahead["ratio"] <= 1).all():
        return f"{_between(inverse(ahead))} times less than {control}"
    return f"{_between(ahead)} times as much as {control}"


def _between(cells: pd.DataFrame) -> str:
    """Return the numbers of one estimator, from the least to the largest."""
    ordered = cells.sort_values("ratio", kind="stable")
    text = ratio_said if cells["compared"].all() else interval_said
    numbers = map(text, ordered["ratio"], ordered["low"], ordered["high"])
    return between(zip(numbers, ordered["where"], strict=True))
