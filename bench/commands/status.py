"""The verb `status`: how far a run is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.examples import examples
from bench.commands.measuring import resume_command
from bench.commands.resume import EXAMPLE, prepared_again

if TYPE_CHECKING:
    from bench.results.plan_file import Plan
    from bench.results.state import CellState

_MOST = 20
"""Cells that are listed of a kind; the others are counted."""

_OF_THE_CELL = ("sweep.sample_sizes=", "sweep.devices=", "sweep.dtypes=")


@click.command(epilog=examples(f"bench status {EXAMPLE}", f"bench status {EXAMPLE} --why"))
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("--why", is_flag=True, help="List what is missing too, and what changed since it was measured.")
def status(run: Path, why: bool) -> None:
    """Tell which cells of a run are done, failed or missing, and how to measure each of those alone."""
    from bench.results.plan_file import read_plan
    from bench.results.state import state_of
    from bench.results.store import FAILED

    prepared = prepared_again(run)
    found = state_of(prepared.plans, run)
    click.echo(
        f"{len(found.cells)} cells: {found.done} done, {found.count(*FAILED)} failed, "
        f"{found.count('missing')} missing; {found.stale} stale"
    )
    asked, swept = read_plan(run), prepared.scenario.plain().get("sweep", {}).get("options") or {}
    _list([each for each in found.cells if each.status in FAILED], asked, swept)
    missing = [each for each in found.cells if each.status == "missing"]
    if why:
        _list(missing, asked, swept)
    if missing:
        click.echo(f"to go on: {resume_command(run)}")


def _list(cells: Sequence[CellState], asked: Plan, swept: Mapping[str, Any]) -> None:
    for each in cells[:_MOST]:
        cell = each.cell
        place = each.point, cell.named.label, f"N = {cell.sample_size}", cell.device, cell.dtype
        click.echo(
            f"{each.status}: {', '.join(filter(None, place))}" + f": {each.reason}" * bool(each.reason)
        )
        click.echo(f"  {command_of(each, asked, swept)}")
    if len(cells) > _MOST:
        click.echo(f"… and {len(cells) - _MOST} more")


def command_of(each: CellState, asked: Plan, swept: Mapping[str, Any]) -> str:
    """The command that measures a cell alone, in a run of its own.

    Args:
        each: the cell.
        asked: the question of its run.
        swept: the options over which the scenario ranges, as it says.
    """
    from bench.catalogue import PLUGINS

    cell = each.cell
    settings = [text for text in asked.overrides if not text.startswith(_OF_THE_CELL)]
    settings += [f"sweep.dtypes=[{cell.dtype}]"]
    here = {option: [each.settings[option]] for option in swept if option in each.settings}
    if here:
        settings.append(f"sweep.options={json.dumps({**swept, **here})}")
    words = ["bench", *(word for plugin in PLUGINS for word in ("--plugin", plugin)), "run", asked.file]
    # A label with a comma would be two: the other estimators are then measured, too.
    words += [] if "," in cell.named.label else ["-e", cell.named.label]
    words += ["-n", str(cell.sample_size), "--devices", cell.device, *(["--quick"] if asked.small else [])]
    return shlex.join([*words, *(word for text in settings for word in ("--set", text))])
