"""The verb `compare`: estimators against a control, or a run against an earlier one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.figure import kind_of, write
from bench.commands.terminal import NOTHING_MEASURED, explained, tell

if TYPE_CHECKING:
    from bench.analysis.comparison import Comparison
    from bench.results.run import Run

METRICS = ("variance", "mse", "work_normalized_variance")


def _whole_numbers(_context: click.Context, _option: click.Parameter, text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(word) for word in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list of whole numbers such as 10,100") from error


@click.command(
    epilog=examples(
        "bench compare results/gaussian/RUN --metric all",
        "bench compare results/gaussian/RUN --control pathwise --figure ratios.pdf",
        "bench compare results/gaussian/BEFORE results/gaussian/AFTER",
    )
)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("run_b", required=False, type=click.Path(path_type=Path))
@click.option("--control", metavar="NAME", help="Compare with this estimator, by label or name.  [the first]")
@click.option(
    "--metric",
    type=click.Choice([*METRICS, "all"]),
    default="variance",
    show_default=True,
    help="The metric to compare.",
)
@click.option(
    "-n", "--sample-sizes", metavar="N,...", callback=_whole_numbers, help="Only these values of N."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How it is printed.",
)
@click.option(
    "--figure", type=click.Path(dir_okay=False, path_type=Path), help="Draw it: .png, .svg or .pdf."
)
def compare(
    run: Path,
    run_b: Path | None,
    control: str | None,
    metric: str,
    sample_sizes: list[int] | None,
    kind: str,
    figure: Path | None,
) -> None:
    """Compare the estimators of a run with one of them, or RUN_B with an earlier RUN, by ratios.

    Intervals hold together: 95 % is the confidence that all of them are right. Exits with 0
    whatever is found, 2 (what was asked makes no sense, or the runs are not comparable) or
    4 (nothing could be compared).
    """
    metrics = METRICS if metric == "all" else (metric,)
    with explained():
        drawn_as = "" if figure is None else kind_of(figure, "--figure")
        found = _compared(run, run_b, control, metrics, sample_sizes)
    if found.frame.empty:
        from bench.text.labels import plain
        from bench.text.left_out import notes

        nothing = f"nothing can be compared with {plain(found.control)}"
        hint = [] if run_b else ["another control is chosen by --control"]
        click.echo("\n".join([nothing, *notes(found.left_out), *hint]), err=True)
        sys.exit(NOTHING_MEASURED)
    _print(found, kind)
    if figure is not None:
        from bench.figures.export import chart_of_a_comparison
        from bench.figures.rendering import picture

        with explained():
            chart = chart_of_a_comparison(found)
        write(picture(chart, drawn_as), figure)


def _compared(
    run: Path, run_b: Path | None, control: str | None, metrics: tuple[str, ...], sizes: list[int] | None
) -> Comparison:
    from bench.analysis import pairs
    from bench.analysis.comparison import compare as ratios
    from bench.errors import invalid

    if run_b is None:
        return ratios(pairs.within(_read(run, sizes), control), metrics)
    if control is not None:
        raise invalid("--control is for a single run; of two, the first is the control")
    return ratios(pairs.across(_read(run, sizes), _read(run_b, sizes)), metrics)


def _read(folder: Path, sizes: list[int] | None) -> Run:
    from bench.analysis.pairs import of_sample_sizes
    from bench.results.folder import load

    run = load(folder)
    return run if sizes is None else of_sample_sizes(run, sizes)


def _print(found: Comparison, kind: str) -> None:
    from bench.tables.comparison_table import as_json, comparison_table

    if kind == "json":
        click.echo(as_json(found))
    elif kind == "markdown":
        click.echo(comparison_table(found).markdown(), nl=False)
    else:
        tell(comparison_table(found))
