"""The command line. Nothing heavy is imported before a verb needs it: `--help` must be quick."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.baseline_command import baseline
from bench.compare_command import compare
from bench.gate_command import gate
from bench.terminal import FAILED, INTERRUPTED, NOTHING_MEASURED, SOME_CELLS_FAILED, USAGE, console, explained

if TYPE_CHECKING:
    from bench.api import Prepared

Command = TypeVar("Command", bound=Callable[..., Any])


def _version() -> str:
    try:
        return version("gradient-estimator-bench")
    except PackageNotFoundError:
        return "unknown: it runs from a checkout that is not installed"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(_version())
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE|FILE.py",
    help="Add somebody's own estimators or problems; this runs their code.",
)
def main(plugins: tuple[str, ...]) -> None:
    r"""Measure Monte Carlo gradient estimators: how biased, how noisy, how costly they are.

    \b
    bench run scenarios/gaussian.yaml     measure, print a table, write tables and figures
    bench list estimators                 what can be measured, with options
    """
    if plugins:
        from bench.catalogue import add_plugin

        with explained():
            for plugin in plugins:
                add_plugin(plugin)


for command in (compare, baseline, gate):
    main.add_command(command)


def changes(command: Command) -> Command:
    """The options that change a scenario."""
    for option in reversed(
        [
            click.argument("scenario", type=click.Path(path_type=Path)),
            click.option(
                "-e", "--estimators", metavar="NAME,...", help="Only these estimators, by label or name."
            ),
            click.option("-n", "--sample-sizes", metavar="N,...", help="These values of N."),
            click.option(
                "-r",
                "--replicates",
                type=click.IntRange(min=2),
                metavar="R",
                help="This many estimates in each cell.",
            ),
            click.option(
                "--precision",
                metavar="PERCENT",
                help="More estimates, until the variance is known to this: 5%.",
            ),
            click.option("--devices", metavar="DEVICE,...", help="These devices: cpu, cuda, cuda:0, mps."),
            click.option("--seed", type=click.IntRange(min=0), help="This seed."),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="KEY=VALUE",
                help="Change any key of the scenario: problem.cost=z**3",
            ),
            click.option("--quick", is_flag=True, help="Few replicates, small N: does it run at all?"),
            click.option("--yes", is_flag=True, help="Yes, it may be very large."),
        ]
    ):
        command = option(command)
    return command


@main.command()
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
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Processor threads for torch."
)
@click.option("--strict", is_flag=True, help="Exit with 1 if an estimator contradicts its claim.")
def run(out: Path, threads: int, strict: bool, **options: Any) -> None:
    """Measure a scenario; print a table, write data frames and figures.

    Exits with 0, 1 (a claim was contradicted, under --strict), 2 (the scenario is wrong), 3 (some cells
    failed), 4 (nothing could be measured) or 130.
    """
    from bench.api import execute
    from bench.report.progress import Progress

    prepared = _prepared(**options)
    with explained(), Progress(prepared) as progress:
        done = execute(prepared, out, progress, threads)
    _print_results(done.measurements)
    click.echo()
    click.echo(
        f"tables   {done.folder / 'measurements.parquet'} (and .csv), coordinates.parquet, replicates.parquet"
    )
    click.echo(f"record   {done.folder / 'run.json'}")
    for figure in done.figures:
        click.echo(f"figure   {figure}")
    if short := _without_precision(done.measurements):
        click.echo(short)
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


@main.command()
@changes
def plan(**options: Any) -> None:
    """Print the cells of a scenario, and why some of them cannot run, without measuring.

    With a precision it tries each cell a little, to tell how many estimates and how long it will take.
    """
    from rich.table import Table
    from rich.text import Text

    prepared = _prepared(**options)
    if prepared.experiment.precision is not None:
        _print_forecasts(prepared)
        return
    table = Table("estimator", "N", "R", "device", "type", "status")
    for cell in prepared.cells:
        status = cell.status if cell.status == "ok" else f"{cell.status}: {cell.reason}"
        row = (
            cell.named.label,
            str(cell.sample_size),
            str(prepared.experiment.replicates),
            cell.device,
            cell.dtype,
            status,
        )
        table.add_row(*(Text(text) for text in row))
    console().print(table)
    _print_thresholds(prepared)
    ready = sum(cell.status == "ok" for cell in prepared.cells)
    click.echo(f"{ready} of {len(prepared.cells)} cells can run")


@main.command()
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(scenarios: tuple[Path, ...]) -> None:
    """Check scenario files, all errors at once, without measuring."""
    from bench.api import prepare
    from bench.scenario import ScenarioError

    wrong = False
    for path in scenarios:
        try:
            prepare(path, confirmed=True)
            click.echo(f"{path}: ok")
        except ScenarioError as error:
            wrong = True
            click.echo(str(error), err=True)
    if wrong:
        sys.exit(USAGE)


@main.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check YAML."""
    from bench.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@main.command("list")
@click.argument(
    "kind",
    type=click.Choice(["estimators", "problems", "distributions", "metrics", "plots"]),
    default="estimators",
)
def list_(kind: str) -> None:
    """List estimators (the default), problems, distributions, metrics or plots."""
    from bench.report.listing import listing

    with explained():
        console().print(listing(kind))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--parameter", default="all", show_default=True, help="Of which block of parameters.")
@click.option("--markdown", is_flag=True, help="As a table in Markdown.")
def show(folder: Path, parameter: str, markdown: bool) -> None:
    """Print the table of an earlier run, given its folder."""
    from bench.api import load
    from bench.errors import did_you_mean, invalid
    from bench.report.table import plain_table

    with explained():
        measurements = load(folder)
        found = measurements[measurements["parameter"] == parameter]
        if found.empty:
            near = did_you_mean(parameter, set(measurements["parameter"]))
            raise invalid(f"no block of parameters {parameter!r}; {near}")
    found = found.assign(parameter="all")
    if markdown:
        click.echo(plain_table(found))
    else:
        _print_results(found)


def _prepared(
    scenario: Path,
    estimators: str | None,
    sample_sizes: str | None,
    replicates: int | None,
    precision: str | None,
    devices: str | None,
    seed: int | None,
    settings: tuple[str, ...],
    quick: bool,
    yes: bool,
) -> Prepared:
    from bench.api import prepare

    named = {
        "sweep.sample_sizes": None if sample_sizes is None else f"[{sample_sizes}]",
        "replicates": replicates,
        "precision.variance": precision,
        "sweep.devices": None if devices is None else f"[{devices}]",
        "seed": seed,
    }
    overrides = [f"{key}={value}" for key, value in named.items() if value is not None]
    only = None if estimators is None else estimators.split(",")
    with explained():
        return prepare(scenario, [*overrides, *settings], only=only, small=quick, confirmed=yes)


def _print_forecasts(prepared: Prepared) -> None:
    from bench.engine.pilot import forecasts
    from bench.engine.timing import threads
    from bench.report.forecasts import forecast_summary, forecast_table

    with explained(), threads(1):
        told = list(forecasts(prepared.experiment, prepared.cells))
    console().print(forecast_table(told))
    click.echo(forecast_summary(prepared.experiment, told))


def _print_thresholds(prepared: Prepared) -> None:
    from bench.gate.thresholds import thresholds_of
    from bench.report.gate_table import threshold_table

    labels = dict.fromkeys(cell.named.label for cell in prepared.cells)
    gate = prepared.scenario.gate
    console().print(threshold_table({label: thresholds_of(gate, label) for label in labels}))


def _print_results(measurements: Any) -> None:
    from bench.report.remarks import noise, rates, remarks
    from bench.report.table import results_table

    terminal = console()
    terminal.print(results_table(measurements))
    lines = [f"rate: {line}" for line in rates(measurements)]
    lines += [f"variance: {line}" for line in noise(measurements)]
    lines += [f"note: {line}" for line in remarks(measurements)]
    for line in lines:
        terminal.print(line, markup=False, highlight=False)


def _without_precision(measurements: Any) -> str:
    """Which cells did not reach the precision, in one line; empty if there are none."""
    from bench.engine.precision import NOT_REACHED
    from bench.report.rows import which, whole

    cells = whole(measurements)
    short = cells[cells["reason"].str.contains(NOT_REACHED, regex=False)]
    if short.empty:
        return ""
    return f"{NOT_REACHED} in {len(short)} of {len(cells)} cells: {which(short, cells)}"
