"""The verb `merge`: runs of one scenario that were measured in several places, as one."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands.examples import examples
from bench.commands.measuring import kept_on_a_full_disk
from bench.commands.resume import EXAMPLE, collected
from bench.commands.terminal import explained


@click.command(epilog=examples(f"bench merge {EXAMPLE} elsewhere/run -o results/gaussian/all"))
@click.argument("runs", nargs=-1, required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the run that they become.",
)
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def merge(runs: tuple[Path, ...], out: Path, no_report: bool) -> None:
    """Put the finished cells of several runs of one scenario together, and make their tables and page.

    Each may have measured some of the cells: some estimators (-e), sample sizes (-n) or devices.
    """
    from bench.running.merging import merge as merged

    with explained(), kept_on_a_full_disk():
        notes = merged(runs, out)
    for line in notes:
        click.echo(line, err=True)
    collected(out, no_report)
