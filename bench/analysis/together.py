"""Several runs beside one another: their names, the options in which they differ, their measurements."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import pandas as pd

from bench.analysis.kept import kept
from bench.results.runs import Run
from bench.text.labels import plain

COLUMNS = ("run", "scenario", "version", "differs", "commit", "machine", "finished")
"""The columns of the table of runs, in order; all hold text."""

NO_OPTIONS = ("schema", "name", "question", "gate")
"""Keys of a scenario that change nothing of what is measured."""

NO_QUESTIONS = ("seed", "replicates", "max_replicates", "precision")
"""Keys that change how well something is known, and not what."""

LONGEST = 60
"""Characters of a run's label: its scenario and two options, a matter of taste."""

LONGEST_VALUE = 24


@dataclass(frozen=True)
class Varied:
    """The one option in which runs of a scenario differ.

    Attributes:
        option: its dotted name: `problem.theta.train.steps`.
        values: that of each run.
    """

    option: str
    values: tuple[float, ...]


def scenario_of(run: Run) -> str:
    """Return the name of a run's scenario, as it is written."""
    return str(_part(run, "scenario").get("name", ""))


@kept
def named(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return a short label for each run, no two alike, harmless to show.

    Runs of a scenario are called by the options in which they differ; where these do not tell all of them
    apart by the commit too; then the time; and at last a number. The scenario's name comes first where
    there are several scenarios.
    """
    words = [[text] if text else [] for text in differs(runs)]
    for more in (_commit, _time):
        words = _told_apart(runs, words, more)
    one = len({scenario_of(run) for run in runs}) == 1
    labels: list[str] = []
    for run, parts in zip(runs, words, strict=True):
        name, text = plain(scenario_of(run)) or "(no name)", ", ".join(parts)
        label = f"{name} ({text})" if text and not one else text or name
        labels.append(_free(plain(label, LONGEST), labels))
    return tuple(labels)


def differs(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return for each run the options in which the runs of its scenario differ: `steps = 100, loc = 2`."""
    options = [_options(run) for run in runs]
    scenarios = [scenario_of(run) for run in runs]
    texts = []
    for scenario, own in zip(scenarios, options, strict=True):
        alike = [other for name, other in zip(scenarios, options, strict=True) if name == scenario]
        names = _short(_varying(alike))
        texts.append(", ".join(f"{name} = {_word(own.get(key))}" for key, name in names.items()))
    return tuple(plain(text, 4 * LONGEST) for text in texts)


@kept
def table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what the runs are, one row for each; see `COLUMNS`. All is text that may be shown."""
    rows = [
        {
            "run": label,
            "scenario": plain(scenario_of(run)),
            "version": plain(_part(run, "scenario").get("version")),
            "differs": text,
            "commit": _commit(run, 12),
            "machine": _machine(run),
            "finished": _time(run),
        }
        for run, label, text in zip(runs, named(runs), differs(runs), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


@kept
def varied(runs: Sequence[Run]) -> Varied | None:
    """Return the one number in which all runs of one scenario differ; None if there is no such.

    This is how a curve along training is drawn: one scenario after so many steps each. Seeds
    and numbers of replicates may differ besides, which changes the noise and not the question.
    """
    options = [_options(run) for run in runs]
    keys = [key for key in _varying(options) if key.partition(".")[0] not in NO_QUESTIONS]
    if len({scenario_of(run) for run in runs}) != 1 or len(keys) != 1:
        return None
    values = [own.get(keys[0]) for own in options]
    numbers = tuple(float(value) for value in values if _is_number(value))
    return Varied(keys[0], numbers) if len(numbers) == len(values) else None


@kept
def together(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the measurements of all runs, after a column `run`, and one `value` if one option varies.

    These are all rows of `measurements`, blocks of parameters included; labels are as in `named`.
    """
    one = varied(runs)
    parts = []
    for i, (run, label) in enumerate(zip(runs, named(runs), strict=True)):
        value = {} if one is None else {"value": one.values[i]}
        part = run.measurements.assign(run=label, **value)
        first = ["run", *value]
        parts.append(part[[*first, *part.columns.drop(first)]])
    filled = [part for part in parts if not part.empty] or parts[:1]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({"run": pd.Series(dtype="str")})


@kept
def problem_names(runs: Sequence[Run]) -> dict[tuple[str, str], str]:
    """Return a name for each run and problem: that of the run, and of the problem where a run has several."""
    names: dict[tuple[str, str], str] = {}
    for run, label in zip(runs, named(runs), strict=True):
        problems = run.measurements["problem"].unique()
        names |= {(label, each): f"{label}, {each}" if len(problems) > 1 else label for each in problems}
    return names


def _part(run: Run, name: str) -> Mapping[str, Any]:
    """Return a part of the record; empty if it is not there, or is nothing of its kind."""
    value = run.record.get(name)
    return value if isinstance(value, Mapping) else {}


def _options(run: Run) -> dict[str, Any]:
    """Return the scenario, flat: dotted key -> value. Lists are values."""
    options = {key: value for key, value in _part(run, "scenario").items() if key not in NO_OPTIONS}
    return dict(sorted(_flat(options, "")))


def _flat(options: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _varying(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all."""
    keys = dict.fromkeys(key for own in options for key in own)
    return [key for key in keys if len({_canonical(own.get(key)) for own in options}) > 1]


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Return dotted keys with as many of their last words as tell them apart."""
    short = {}
    for key in keys:
        words = key.split(".")
        ends = (".".join(words[-n:]) for n in range(1, len(words) + 1))
        short[key] = next(
            (end for end in ends if not any(k != key and f".{k}".endswith(f".{end}") for k in keys)), key
        )
    return short


def _is_number(value: object) -> TypeGuard[int | float]:
    """Return whether it is a finite number that a float can hold; JSON knows longer ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else _canonical(value)
    if isinstance(value, list) and len(text) > LONGEST_VALUE:
        return f"{len(value)} entries"
    return plain(text, LONGEST_VALUE)


def _told_apart(runs: Sequence[Run], words: list[list[str]], more: Callable[[Run], str]) -> list[list[str]]:
    """Return the words with one more wherever runs of a scenario have the same words and not this one."""
    keys = [(scenario_of(run), *parts) for run, parts in zip(runs, words, strict=True)]
    added: dict[tuple[str, ...], set[str]] = {}
    for run, key in zip(runs, keys, strict=True):
        added.setdefault(key, set()).add(more(run))
    return [
        [*parts, more(run)] if len(added[key]) > 1 and more(run) else parts
        for run, parts, key in zip(runs, words, keys, strict=True)
    ]


def _free(label: str, taken: Sequence[str]) -> str:
    """Return the label, with a number if it is taken."""
    number, free = 1, label
    while free in taken:
        number += 1
        free = f"{label} ({number})"
    return free


def _commit(run: Run, digits: int = 7) -> str:
    git = _part(run, "git")
    commit = plain(plain(git.get("commit"))[:digits])
    return f"{commit}, changed" if commit and git.get("dirty") is True else commit


def _time(run: Run) -> str:
    """Return when it was finished, to the second: 2026-11-25 17:19:29."""
    return plain(run.record.get("finished"))[:19].replace("T", " ")


def _machine(run: Run) -> str:
    machine = _part(run, "machine")
    processor, cores = plain(machine.get("processor")), plain(machine.get("cores"))
    return f"{processor or 'unknown'}, {cores} cores" if cores else processor
