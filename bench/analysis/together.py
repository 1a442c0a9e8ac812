"""Several runs beside one another: their names, the options in which they differ, their measurements."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from bench.analysis.kept import kept
from bench.results.columns import no_rows
from bench.results.run import Run
from bench.text.labels import plain

COLUMNS = ("run", "scenario", "version", "differs", "commit", "machine", "finished")
"""The columns of the table of runs, in order; all hold text."""

NO_OPTIONS = ("schema", "name", "question", "gate")
"""Keys of a scenario that change nothing of what is measured."""

NO_QUESTIONS = ("seed", "replicates", "max_replicates", "precision")
"""Keys that change how well something is known, and not what."""

LONGEST, LONGEST_VALUE = 60, 24
"""Characters of a run's label, its scenario and two options, and of the value of one: a matter of taste."""


class Varied(NamedTuple):
    """The one option in which runs of a scenario differ, with its dotted name, and its value in each run."""

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
    scenarios = [scenario_of(run) for run in runs]
    frame = pd.DataFrame({"scenario": scenarios, "text": differs(runs)}, dtype=object)
    for more in ([_commit(run, 7) for run in runs], [_time(run) for run in runs]):
        frame["more"] = more
        alike = frame.groupby(["scenario", "text"])["more"].transform("nunique") > 1
        both = [", ".join(filter(None, texts)) for texts in zip(frame["text"], more, strict=True)]
        frame["text"] = frame["text"].mask(alike, pd.Series(both, dtype=object))
    labels: list[str] = []
    for scenario, text in zip(scenarios, frame["text"], strict=True):
        name = plain(scenario) or "(no name)"
        label = plain(f"{name} ({text})" if text and len({*scenarios}) > 1 else text or name, LONGEST)
        numbered = (f"{label} ({number})" for number in itertools.count(2))
        labels.append(next(each for each in itertools.chain([label], numbered) if each not in labels))
    return tuple(labels)


def differs(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return for each run the options in which the runs of its scenario differ: `steps = 100, loc = 2`."""
    every = [(scenario_of(run), _flat(_part(run, "scenario"))) for run in runs]
    texts = []
    for scenario, own in every:
        keys = _varying([options for name, options in every if name == scenario])
        words = (f"{_short(key, keys)} = {_word(own.get(key))}" for key in keys)
        texts.append(plain(", ".join(words), 4 * LONGEST))
    return tuple(texts)


@kept
def table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what the runs are, one row for each; see `COLUMNS`. All is text that may be shown."""

    def described(run: Run, label: str, text: str) -> tuple[str, ...]:
        scenario, version = plain(scenario_of(run)), plain(_part(run, "scenario").get("version"))
        return label, scenario, version, text, _commit(run, 12), _machine(run), _time(run)

    rows = [described(*about) for about in zip(runs, named(runs), differs(runs), strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


@kept
def varied(runs: Sequence[Run]) -> Varied | None:
    """Return the one number in which all runs of one scenario differ, such as steps of training, if any.

    Seeds and numbers of replicates may differ besides, which changes the noise and not the question.
    """
    options = [_flat(_part(run, "scenario")) for run in runs]
    keys = [key for key in _varying(options) if key.partition(".")[0] not in NO_QUESTIONS]
    if len({scenario_of(run) for run in runs}) != 1 or len(keys) != 1:
        return None
    values: list[Any] = [own.get(keys[0]) for own in options]
    # JSON knows numbers that are too long for a float.
    numbers = [float(v) for v in values if type(v) in (int, float) and abs(v) <= sys.float_info.max]
    return Varied(keys[0], tuple(numbers)) if len(numbers) == len(values) else None


@kept
def together(runs: Sequence[Run]) -> pd.DataFrame:
    """Return all measurements of the runs, after their labels as `run`, and `value` of `varied`, if any."""
    one = varied(runs)
    first = ["run"] if one is None else ["run", "value"]
    parts = [
        run.measurements.assign(run=label, value=math.nan if one is None else one.values[i])
        for i, (run, label) in enumerate(zip(runs, named(runs), strict=True))
    ]
    filled = [part for part in parts if len(part)] or [no_rows("measurements").assign(run="", value=math.nan)]
    frame = pd.concat(filled, ignore_index=True)
    return frame[[*first, *frame.columns.drop(["run", "value"])]]


def canonical(value: object) -> str:
    """Return a text that is the same for values that are written the same."""
    return json.dumps(value, sort_keys=True, default=str)


def _part(run: Run, name: str) -> Mapping[str, Any]:
    """Return a part of the record; empty if it is not there, or is nothing of its kind."""
    value = run.record.get(name)
    return value if isinstance(value, Mapping) else {}


def _flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested options flat: dotted key -> value. Lists are values."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        nested = isinstance(value, Mapping) and value
        flat |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat


def _varying(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all, and change what is measured."""
    keys = sorted({key for own in options for key in own if key.partition(".")[0] not in NO_OPTIONS})
    return [key for key in keys if len({canonical(own.get(key)) for own in options}) > 1]


def _short(key: str, keys: Sequence[str]) -> str:
    """Return as many of the last words of a dotted key as tell it apart."""
    words = key.split(".")
    ends = [".".join(words[-n:]) for n in range(1, len(words) + 1)]
    return next((end for end in ends if sum(f".{k}".endswith(f".{end}") for k in keys) == 1), key)


def _word(value: object) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return f"{value:g}" if isinstance(value, float) else plain(text, LONGEST_VALUE)


def _commit(run: Run, digits: int) -> str:
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
