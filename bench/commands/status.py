"""The verb `status`: how far a run is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.measuring import resume_command
from bench.commands.resume import EXAMPLE, prepared_again

if TYPE_CHECKING:
    from bench.results.state import CellState

_MOST = 20
"""Cells that are listed of a kind; the others are counted."""


@click.command(epilog=examples(f"bench status {EXAMPLE}", f"bench status {EXAMPLE} --why"))
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("--why", is_flag=True, help="List what is missing too, and what changed since it was measured.")
def status(run: Path, why: bool) -> None:
    """Tell which cells of a run are done, failed or missing, and how to measure each of those alone."""
    from bench.results.plan_file import read_plan
    from bench.results.state import FAILED, state_of

    prepared = prepared_again(run)
    found = state_of(prepared.plans, run)
    click.echo(
        f"{len(found.cells)} cells: {found.done} done, {found.count(*FAILED)} failed, "
        f"{found.count('missing')} missing; {found.stale} stale"
    )
    file = read_plan(run).file
    _list([each for each in found.cells if each.status in FAILED], file)
    missing = [each for each in found.cells if each.status == "missing"]
    if why:
        _list(missing, file)
    if missing:
        click.echo(f"to go on: {resume_command(run)}")


def _list(cells: list[CellState], file: str) -> None:
    for each in cells[:_MOST]:
        cell = each.cell
        place = ", ".join(
            filter(None, (each.point, cell.named.label, f"N = {cell.sample_size}", cell.device, cell.dtype))
        )
        click.echo(f"{each.status}: {place}" + (f": {each.reason}" if each.reason else ""))
        click.echo(f"  {alone(each, file)}")
    if len(cells) > _MOST:
        click.echo(f"… and {len(cells) - _MOST} more")


def alone(each: CellState, file: str) -> str:
    """The command that measures a cell alone."""
    cell = each.cell
    words = ["bench", "run", file, "-e", cell.named.label, "-n", str(cell.sample_size)]
    return shlex.join([*words, "--devices", cell.device])
