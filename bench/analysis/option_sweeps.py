"""Options of estimators over which a scenario ranges, as an axis on which each estimator is one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.results.run import Run

_PREFIX = "estimators."


def along_option(run: Run, whole: pd.DataFrame) -> pd.DataFrame | None:
    """Return the cells along the number that is an option of estimators, under the names without it.

    Where several options vary that is the one with the most values. What does not have the option is the same
    at each of its values. The columns are `option`, `value` and `rest`, as of the options of a problem.

    Args:
        run: whose scenario says over which options it ranges.
        whole: its cells.

    Returns:
        None if no option of estimators has several numbers.
    """
    numbers = {key: [v for v in values if _is_number(v)] for key, values in _options(run).items()}
    of_words: dict[str, set[float]] = {}
    for key, values in numbers.items():
        of_words.setdefault(key.rpartition(".")[2], set()).update(map(float, values))
    word = max(of_words, key=lambda each: len(of_words[each]), default="")
    if not word or len(of_words[word]) < 2:
        return None
    value = whole["options"].map(lambda text: _value(text, word))
    ending = rf" \((?:.*, )?{word} = [^,()]*(?:, .*)?\)$"
    has = value.notna() & whole["estimator"].str.contains(ending, regex=True)
    with_option = whole[has].assign(value=value[has])
    label = with_option["estimator"].str.replace(rf"(, )?\b{word} = [^,()]*", "", regex=True)
    label = label.str.replace(r"\((, )?", "(", regex=True).str.removesuffix(" ()")
    with_option = with_option.assign(estimator=label)
    others = [whole[~has].assign(value=each) for each in sorted(of_words[word])]
    found = pd.concat([with_option, *others], ignore_index=True)
    order = list(dict.fromkeys([*whole["estimator"].map(_base(whole, with_option))]))
    found = found.sort_values("estimator", key=lambda names: names.map(order.index), kind="stable")
    return found.assign(option=word, rest="").reset_index(drop=True)


def _base(whole: pd.DataFrame, renamed: pd.DataFrame) -> Mapping[str, str]:
    """The name of each estimator without the option, in the order of the run."""
    new = dict(zip(renamed["cell"], renamed["estimator"], strict=True))
    return {
        label: new.get(cell, label) for label, cell in zip(whole["estimator"], whole["cell"], strict=True)
    }


def _options(run: Run) -> Mapping[str, list[Any]]:
    scenario = run.record.get("scenario")
    sweep = scenario.get("sweep") if isinstance(scenario, Mapping) else None
    options = sweep.get("options") if isinstance(sweep, Mapping) else None
    if not isinstance(options, Mapping):
        return {}
    return {
        str(key): list(values)
        for key, values in options.items()
        if str(key).startswith(_PREFIX) and isinstance(values, list)
    }


def _value(text: str, word: str) -> float | None:
    """The number that an option has, at whatever depth it stands in JSON; None without such a number."""
    try:
        options = json.loads(text)
    except ValueError:
        return None
    found = _within(options, word)
    return float(str(found)) if _is_number(found) else None


def _within(options: object, word: str) -> object:
    """The option of that name, or that of what is chosen by another option; None if there is none."""
    if not isinstance(options, dict):
        return None
    if word in options:
        return options[word]
    return next((found for each in options.values() if (found := _within(each, word)) is not None), None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
