"""Runs of one question that were measured in several places, put together to one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.errors import invalid
from bench.results.files import atomic_write
from bench.results.folder_lock import locked, writing
from bench.results.part_file import Damaged, read_part
from bench.results.plan_file import NAME, Plan, read_plan, write_plan
from bench.results.store import FOLDER
from bench.scenario.overrides import understood


def merge(runs: Sequence[Path], folder: Path) -> list[str]:
    """Copy the finished parts of some runs into one folder; tables are made of them by `bench collect`.

    Args:
        runs: their folders; they are of one scenario, each perhaps with some of its estimators, sample
            sizes or devices.
        folder: where they are put together, which may hold some already.

    Returns:
        A line for each part that was left out, since it is damaged.

    Raises:
        Invalid: if they ask for different things, or a folder is none of a run.
        CannotWrite: if the disk is full, say.
    """
    every = [*runs, folder] if (folder / NAME).exists() else runs
    joined = _joined(every, [read_plan(run) for run in every])
    notes = []
    with writing(folder):
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        with locked(folder):
            for run in runs:
                for path in sorted((run / FOLDER).glob("[!.]*")):
                    notes += _copied(path, folder / FOLDER / path.name)
            write_plan(folder, joined)
    return notes


_LISTS = ("sweep.sample_sizes", "sweep.devices")


def _joined(runs: Sequence[Path], plans: Sequence[Plan]) -> Plan:
    """The question of which each run answers a part."""
    first = plans[0]
    for run, plan in zip(runs, plans, strict=True):
        if (plan.text, plan.small) != (first.text, first.small) or _rest(plan) != _rest(first):
            raise invalid(f"{run}: of another scenario than {runs[0]}, or with other settings")
    chosen = [plan.only for plan in plans]
    only = None if None in chosen else tuple(dict.fromkeys(name for names in chosen for name in names or ()))
    return replace(first, only=only, overrides=(*_rest(first), *_of_all(plans)))


def _rest(plan: Plan) -> tuple[str, ...]:
    """The settings but for lists that runs may divide among them."""
    return tuple(text for text in plan.overrides if text.partition("=")[0] not in _LISTS)


def _of_all(plans: Sequence[Plan]) -> list[str]:
    """Each such list, with all that runs have of it; of those that one run did not change, the scenario's."""
    found = []
    for name in _LISTS:
        said = [dict(text.split("=", 1) for text in plan.overrides).get(name) for plan in plans]
        if all(said):
            values = [value for text in said for value in understood(f"{name}={text}").value]
            found.append(f"{name}={json.dumps(list(dict.fromkeys(values)))}")
    return found


def _copied(source: Path, target: Path) -> list[str]:
    try:
        read_part(source)
    except Damaged as error:
        return [f"{error}; left out"]
    if target.exists():
        # Times differ from one measurement to the next; numbers do not.
        return []
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
    return []
