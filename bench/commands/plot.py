"""The verb `plot`: any column of a run's measurements against any other."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.commands.examples import examples
from bench.commands.figure import kind_of, write
from bench.commands.terminal import NOTHING_MEASURED, explained


@click.command(epilog=examples("bench plot results/gaussian/RUN --y snr --facet device -o snr.png"))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--x", default="sample_size", show_default=True, metavar="COLUMN", help="Along x.")
@click.option("--y", default="variance", show_default=True, metavar="COLUMN", help="Along y: numbers.")
@click.option(
    "--by", default="estimator", show_default=True, metavar="COLUMN", help="A style for each value."
)
@click.option("--facet", metavar="COLUMN", help="A panel for each value.  [none]")
@click.option(
    "--parameter",
    metavar="NAME",
    help="Of which block of parameters.  [all; every block, if a column is `parameter`]",
)
@click.option(
    "--log",
    type=click.Choice(["x", "y", "both", "none"]),
    help="Which axes are logarithmic.  [those of positive numbers that span a factor of 10]",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The figure: .png, .svg or .pdf.",
)
def plot(
    run: Path, x: str, y: str, by: str, facet: str | None, parameter: str | None, log: str | None, out: Path
) -> None:
    """Draw columns of the measurements of a RUN, with intervals where y has them.

    Every column of measurements.csv may be chosen. Rows that have no number to draw are left out
    and counted. Exits with 0, 2 (what was asked makes no sense) or 4 (nothing is left to draw).
    """
    with explained():
        kind = kind_of(out, "-o")
        from bench.plotting.free_plot import draw
        from bench.plotting.selection import select
        from bench.results.folder import load

        selection = select(load(run).measurements, {"x": x, "y": y, "by": by, "facet": facet}, log, parameter)
    for line in selection.left_out:
        click.echo(line, err=True)
    if selection.points.empty:
        click.echo("nothing can be drawn: no row is left", err=True)
        sys.exit(NOTHING_MEASURED)
    write(draw(selection).picture(kind), out)
