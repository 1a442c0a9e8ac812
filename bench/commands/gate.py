"""The verb `gate`: has an estimator become noisier, biased or more expensive than its baseline says?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import explained, tell

if TYPE_CHECKING:
    from bench.regression.verdicts import CellVerdict, Report


@click.command(
    epilog=examples(
        "bench gate scenarios/gaussian.yaml",
        "bench gate scenarios/gaussian.yaml --set gate.variance.max_increase=20% --junit gate.xml",
    )
)
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="The baseline: a file, or the folder of all.  [results/baselines]",
)
@click.option("-e", "--estimators", metavar="NAME,...", help="Only these estimators, by label or name.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change any key: gate.variance.max_increase=20%",
)
@click.option("--seed-epoch", metavar="TEXT", help="Derive fresh random numbers from this, not the commit.")
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=1e-4,
    show_default=True,
    help="Probability of a false alarm, over all tests of all scenarios together.",
)
@click.option("--full", is_flag=True, help="Take fresh random numbers, even where the old ones agree.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit's XML here.")
@click.option("--json", "as_json", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here.")
@click.option("--github", is_flag=True, help="Annotate on GitHub, and write the summary of the job.")
def gate(
    scenarios: tuple[Path, ...],
    baseline: Path | None,
    estimators: str | None,
    settings: tuple[str, ...],
    seed_epoch: str | None,
    alpha: float,
    full: bool,
    junit: Path | None,
    as_json: Path | None,
    github: bool,
) -> None:
    """Hold estimators against a baseline: variance, MSE, bias, evaluations of f, estimates not finite.

    A cell whose numbers are the same to the last bit passes at once. Others are judged in two
    stages, each on random numbers of its own that the commit decides: the same commit always gets
    the same verdict.

    Exits with 0 (passed), 1 (something got worse), 2 (the scenario or the baseline is wrong), 3 (some
    cells failed), 4 (nothing was compared), 5 (undecided) or 130.
    """
    from bench.regression.gate import gate
    from bench.regression.gate_table import lines, verdict_table

    only = None if estimators is None else estimators.split(",")
    with explained():
        _check_writable(junit, as_json)
        report = gate(
            scenarios,
            baseline,
            overrides=settings,
            only=only,
            epoch=seed_epoch,
            alpha=alpha,
            shortcuts=not full,
            tell=_progress,
        )
        tell(verdict_table(report), lines(report))
        _export(report, junit, as_json, github)
    sys.exit(report.exit_code)


def _check_writable(*paths: Path | None) -> None:
    from bench.errors import invalid

    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise invalid(f"{path}: there is no such folder")


def _export(report: Report, junit: Path | None, as_json: Path | None, github: bool) -> None:
    from bench.regression import exports

    if junit is not None:
        _write(junit, exports.as_junit(report))
    if as_json is not None:
        _write(as_json, exports.as_json(report) + "\n")
    if github:
        for line in exports.as_annotations(report):
            click.echo(line)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            _write(Path(summary), exports.as_summary(report), append=True)


def _write(path: Path, text: str, append: bool = False) -> None:
    from bench.errors import invalid
    from bench.results.files import atomic_write

    try:
        if append:  # what other steps of a job have written stays
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
            return
        with atomic_write(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise invalid(f"{path}: cannot be written: {error.strerror}") from error


def _progress(cell: CellVerdict) -> None:
    """Tells of each cell on a terminal, where one waits; silent elsewhere."""
    from bench.regression.gate_table import place

    if sys.stderr.isatty():
        click.echo(f"{cell.verdict}: {place(cell)}", err=True)
