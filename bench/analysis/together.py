"""What each of several runs is called, in what they differ, and all their measurements together."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import pandas as pd

from bench.analysis.kept import kept_together
from bench.results.runs import Run
from bench.text.labels import plain

COLUMNS = {
    "run": "str", "scenario": "str", "version": "str", "differs": "str", "commit": "str", "dirty": "bool",
    "machine": "str", "finished": "str",
}  # fmt: skip
"""The columns of the table of runs, in order, with their types."""

NO_OPTIONS = ("schema", "name", "question", "gate")
"""Keys of a scenario that change nothing of what is measured."""

NO_QUESTIONS = ("seed", "replicates", "max_replicates", "precision")
"""Keys that change how well something is known, and not what."""

LONGEST = 60
"""Characters of a run's label: its scenario and two options, a matter of taste."""

LONGEST_VALUE = 24
COMMIT = 7


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
    """The name of a run's scenario, as it is written."""
    return str(_scenario(run).get("name", ""))


@kept_together
def named(runs: Sequence[Run]) -> tuple[str, ...]:
    """A short label for each run, no two alike, harmless to show.

    What differs between the runs of a scenario: options; where they do not tell all of them
    apart the commit too; then the time; and at last a number. The scenario's name comes first where
    there are several scenarios.

    Args:
        runs: the runs.

    Returns:
        As many labels, in the same order.
    """
    words = [[text] if text else [] for text in differs(runs)]
    for more in (_commit, _time):
        words = _told_apart(runs, words, more)
    several = len({scenario_of(run) for run in runs}) > 1
    labels = []
    for run, parts in zip(runs, words, strict=True):
        name = plain(scenario_of(run)) or "(no name)"
        text = ", ".join(parts)
        label = (f"{name} ({text})" if text else name) if several else text or name
        labels.append(plain(label, LONGEST))
    return _numbered(labels)


def differs(runs: Sequence[Run]) -> tuple[str, ...]:
    """For each run those options in which the runs of its scenario differ: `steps = 100, loc = 2`."""
    options = [_options(run) for run in runs]
    alike: dict[str, list[dict[str, Any]]] = {}
    for run, own in zip(runs, options, strict=True):
        alike.setdefault(scenario_of(run), []).append(own)
    names = {name: _short(_varying(several)) for name, several in alike.items()}
    texts = [
        ", ".join(f"{name} = {_word(own.get(key))}" for key, name in names[scenario_of(run)].items())
        for run, own in zip(runs, options, strict=True)
    ]
    return tuple(plain(text, 4 * LONGEST) for text in texts)


@kept_together
def table(runs: Sequence[Run]) -> pd.DataFrame:
    """What the runs are, one row for each; see `COLUMNS`. All is text that may be shown."""
    rows = [
        {
            "run": label,
            "scenario": plain(scenario_of(run)),
            "version": plain(_scenario(run).get("version")),
            "differs": text,
            "commit": plain(_git(run).get("commit")),
            "dirty": _git(run).get("dirty") is True,
            "machine": _machine(run),
            "finished": _time(run),
        }
        for run, label, text in zip(runs, named(runs), differs(runs), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


@kept_together
def varied(runs: Sequence[Run]) -> Varied | None:
    """The one number in which all runs of one scenario differ; None if there is no such.

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


@kept_together
def together(runs: Sequence[Run]) -> pd.DataFrame:
    """The measurements of all runs, after a column `run`, and one `value` if one option varies.

    Args:
        runs: the runs.

    Returns:
        All rows of `measurements`, blocks of parameters included; labels are as in `named`.
    """
    one = varied(runs)
    parts = []
    for i, (run, label) in enumerate(zip(runs, named(runs), strict=True)):
        part = run.measurements.copy()
        if one is not None:
            part.insert(0, "value", one.values[i])
        part.insert(0, "run", label)
        parts.append(part)
    filled = [part for part in parts if not part.empty] or parts[:1]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({"run": pd.Series(dtype="str")})


def _scenario(run: Run) -> Mapping[str, Any]:
    return _mapping(run.record.get("scenario"))


def _git(run: Run) -> Mapping[str, Any]:
    return _mapping(run.record.get("git"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _options(run: Run) -> dict[str, Any]:
    """The scenario, flat: dotted key -> value. Lists are values."""
    flat: dict[str, Any] = {}
    waiting = [("", _scenario(run))]
    while waiting:
        prefix, mapping = waiting.pop()
        for key, value in mapping.items():
            if not prefix and key in NO_OPTIONS:
                continue
            if isinstance(value, Mapping) and value:
                waiting.append((f"{prefix}{key}.", value))
            else:
                flat[f"{prefix}{key}"] = value
    return dict(sorted(flat.items()))


def _varying(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys whose values are not the same in all."""
    keys = dict.fromkeys(key for own in options for key in own)
    return [key for key in keys if len({_canonical(own.get(key)) for own in options}) > 1]


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Dotted keys -> as many of their last words as tell them apart."""
    short = {}
    for key in keys:
        words = key.split(".")
        ends = (".".join(words[-n:]) for n in range(1, len(words) + 1))
        short[key] = next(
            (end for end in ends if not any(k != key and f".{k}".endswith(f".{end}") for k in keys)), key
        )
    return short


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a finite number that a float can hold; JSON knows longer ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else _canonical(value)
    if isinstance(value, list) and len(text) > LONGEST_VALUE:
        return f"{len(value)} entries"
    return plain(text, LONGEST_VALUE)


def _told_apart(runs: Sequence[Run], words: list[list[str]], more: Callable[[Run], str]) -> list[list[str]]:
    """The same words, and one more wherever runs of a scenario have the same words and not this one."""
    keys = [(scenario_of(run), *parts) for run, parts in zip(runs, words, strict=True)]
    added: dict[tuple[str, ...], set[str]] = {}
    for run, key in zip(runs, keys, strict=True):
        added.setdefault(key, set()).add(more(run))
    return [
        [*parts, more(run)] if len(added[key]) > 1 and more(run) else parts
        for run, parts, key in zip(runs, words, keys, strict=True)
    ]


def _numbered(labels: Sequence[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    found = []
    for label in labels:
        number, free = 1, label
        while free in taken:
            number += 1
            free = f"{label} ({number})"
        taken.add(free)
        found.append(free)
    return tuple(found)


def _commit(run: Run) -> str:
    commit = plain(plain(_git(run).get("commit"))[:COMMIT])
    return f"{commit}, changed" if commit and _git(run).get("dirty") is True else commit


def _time(run: Run) -> str:
    """When it was finished, to the second: 2026-11-25 17:19:29."""
    return plain(run.record.get("finished"))[:19].replace("T", " ")


def _machine(run: Run) -> str:
    machine = _mapping(run.record.get("machine"))
    processor, cores = plain(machine.get("processor")), plain(machine.get("cores"))
    return f"{processor or 'unknown'}, {cores} cores" if cores else processor
