"""The command line. Nothing heavy is imported before a verb needs it: `--help` must be quick."""

from __future__ import annotations

import gc
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from bench.commands.baseline import baseline
from bench.commands.certify import certify
from bench.commands.changes import changes, prepared_from
from bench.commands.compare import compare
from bench.commands.examples import examples
from bench.commands.gate import gate
from bench.commands.list import list_
from bench.commands.new import new
from bench.commands.plan import plan
from bench.commands.plot import plot
from bench.commands.report import report
from bench.commands.show import show
from bench.commands.terminal import (
    FAILED,
    INTERRUPTED,
    NOTHING_MEASURED,
    SOME_CELLS_FAILED,
    explained,
    print_results,
)
from bench.commands.wanted import Whole


def _version() -> str:
    try:
        return version("gradient-estimator-bench")
    except PackageNotFoundError:
        return "unknown: it runs from a checkout that is not installed"


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "bench run scenarios/gaussian.yaml  # measure; print table and answer; write the page",
        "bench list estimators              # what can be measured, with options",
    ),
)
@click.version_option(_version())
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE|FILE.py",
    help="Add somebody's own estimators or problems; this runs their code.",
)
def main(plugins: tuple[str, ...]) -> None:
    """Measure Monte Carlo gradient estimators: how biased, how noisy, how costly they are."""
    # Of the many objects that libraries make as they are imported, few are garbage: looking for it each time
    # there are 700 more took 4 % of a run.
    gc.set_threshold(20_000)
    if plugins:
        from bench.catalogue import add_plugin

        with explained():
            for plugin in plugins:
                add_plugin(plugin)


for command in (new, plan, list_, show, compare, plot, report, baseline, gate, certify):
    main.add_command(command)


@main.command(
    epilog=examples(
        "bench run scenarios/gaussian.yaml",
        "bench run scenarios/gaussian.yaml --quick",
        "bench run scenarios/gaussian.yaml -e pathwise -n 10,100 --set problem.cost=z**3",
    )
)
@changes
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where the run gets a folder of its own.",
)
@click.option(
    "--threads",
    type=Whole(min=1),
    default=1,
    show_default=True,
    help="Processor threads for torch. On a busy machine a second one can be eight times slower.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if an estimator contradicts its claim.")
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def run(out: Path, threads: int, strict: bool, no_report: bool, **options: Any) -> None:
    """Measure a scenario; print a table; write data frames, figures and a page.

    Exits with 0, 1 (a claim was contradicted, under --strict), 2 (the scenario is wrong), 3 (some cells
    failed), 4 (nothing could be measured) or 130.
    """
    from bench.api import draw
    from bench.execution import execute
    from bench.progress import Progress
    from bench.text.answer import answer

    prepared = prepared_from(**options)
    with explained(), Progress(prepared) as progress:
        done = execute(prepared, out, progress, threads)
        failed = []
        if not no_report:
            from bench.page.report import write_report

            progress.now("drawing figures")
            failed += draw(done)[1]
            progress.now("writing the page")
            failed += write_report([done])[1]
    print_results(done, answer(done))
    for line in dict.fromkeys(failed):
        click.echo(line, err=True)
    if short := _without_precision(done.measurements):
        click.echo(short)
    click.echo(f"results  {done.folder}")
    if done.interrupted:
        click.echo("interrupted: what was measured until then is written", err=True)
        sys.exit(INTERRUPTED)
    status = done.measurements["status"]
    if not (done.measurements["replicates"] > done.measurements["nonfinite"]).any():
        sys.exit(NOTHING_MEASURED)
    if status.isin(["error", "nonfinite"]).any():
        sys.exit(SOME_CELLS_FAILED)
    if strict and done.measurements["contradiction"].ne("").any():
        sys.exit(FAILED)


@main.command(epilog=examples("bench validate scenarios/gaussian.yaml scenarios/vae.yaml"))
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(scenarios: tuple[Path, ...]) -> None:
    """Check scenario files, all errors at once, without measuring."""
    from bench.errors import collected
    from bench.scenario.resolved import resolved

    with explained(), collected() as wrong:
        for path in scenarios:
            with wrong.under():
                resolved(path)
                click.echo(f"{path}: ok")


@main.command(epilog=examples("bench schema > scenarios/schema.json"))
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check YAML."""
    from bench.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _without_precision(measurements: Any) -> str:
    """Return in one line the cells that did not reach the precision; empty if there are none."""
    from bench.analysis.rows import whole
    from bench.engine.precision import NOT_REACHED
    from bench.text.cell_words import which

    cells = whole(measurements)
    short = cells[cells["reason"].str.contains(NOT_REACHED, regex=False)]
    if short.empty:
        return ""
    return f"{NOT_REACHED} in {len(short)} of {len(cells)} cells: {which(short, cells)}"
