"""The runs that there are, and old ones removed."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import console, explained
from bench.commands.wanted import Whole

if TYPE_CHECKING:
    from bench.results.runs import Found

_ROOT = click.Path(file_okay=False, path_type=Path)
_AGE = re.compile(r"(\d+)([dhw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # no run is older


@click.command(epilog=examples("bench runs", "bench runs elsewhere/results"))
@click.argument("folder", type=_ROOT, default="results")
def runs(folder: Path) -> None:
    """List the runs in a folder: scenario, time, finished cells, size, state."""
    from rich.table import Table
    from rich.text import Text

    from bench.results.runs import runs_in

    table = Table("scenario", "started", "cells", "size", "state", "folder")
    found = list(runs_in(folder))
    for each in found:
        texts = (
            each.scenario,
            each.started[:16],
            str(each.cells),
            _size(each.size),
            each.state,
            str(each.folder),
        )
        table.add_row(*map(Text, texts))
    if found:
        console().print(table)
    else:
        click.echo(f"{folder}: no runs here")


@click.command(epilog=examples("bench clean --keep 3", "bench clean --older 30d --yes"))
@click.argument("folder", type=_ROOT, default="results")
@click.option("--keep", type=Whole(min=0), metavar="N", help="Keep the last N runs of each scenario.")
@click.option("--older", metavar="AGE", help="Keep those that began within this time: 12h, 30d or 8w.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
def clean(folder: Path, keep: int | None, older: str | None, yes: bool) -> None:
    """Remove old runs, after a question. Baselines and reference results are no runs, and stay."""
    from bench.errors import invalid
    from bench.results.runs import runs_in

    with explained():
        if keep is None and older is None:
            raise invalid("wanted --keep N, --older AGE or both: what is to be removed?")
        limit = None if older is None else datetime.now(UTC) - _age(older)
        found = [each for each in runs_in(folder) if each.plan is not None]
        old = [each for each in found if _is_old(each, found, keep, limit)]
        if not old:
            click.echo("nothing to remove")
            return
        for each in old:
            click.echo(f"{each.folder}  {_size(each.size)}  {each.state}")
        if yes or click.confirm(f"remove these {len(old)} of {len(found)} runs?", default=False):
            for each in old:
                _remove(each)


def _is_old(run: Found, every: list[Found], keep: int | None, limit: datetime | None) -> bool:
    alike = [each.folder for each in every if each.scenario == run.scenario]
    kept = alike[len(alike) - keep :] if keep else []
    return run.folder not in kept and (limit is None or _began(run, limit) < limit)


def _began(run: Found, otherwise: datetime) -> datetime:
    try:
        began = datetime.fromisoformat(run.started)
    except ValueError:
        return otherwise  # nobody knows: it stays
    return began if began.tzinfo else began.replace(tzinfo=UTC)


def _remove(run: Found) -> None:
    from bench.results.folder_lock import locked

    with locked(run.folder):  # a run that goes on is left alone
        shutil.rmtree(run.folder)
    click.echo(f"removed {run.folder}")


def _age(text: str) -> timedelta:
    from bench.errors import invalid

    said = _AGE.fullmatch(text)
    if said is None:
        raise invalid(f"--older {text}: wanted a number of hours, days or weeks, such as 12h, 30d or 8w")
    try:
        return min(timedelta(hours=int(said[1]) * _HOURS[said[2]]), datetime.now(UTC) - _FIRST)
    except OverflowError:
        return datetime.now(UTC) - _FIRST


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
