"""Go on with a run that was stopped or killed, or make its tables again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.measuring import measure
from bench.commands.terminal import explained
from bench.commands.wanted import Whole
from bench.commands.worker_options import chosen, worker_options

if TYPE_CHECKING:
    from bench.running.manner import OnError
    from bench.running.work import Wanted
    from bench.scenario.prepared import Prepared

EXAMPLE = "results/gaussian/20260101T120000.000000Z-1a2b3c"


@click.command(epilog=examples(f"bench resume {EXAMPLE}", f"bench resume {EXAMPLE} --only-failed"))
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only-failed", is_flag=True, help="Measure the cells again that failed, and nothing else.")
@click.option(
    "--threads", type=Whole(min=1), default=1, show_default=True, help="Processor threads for torch."
)
@worker_options
@click.option("--strict", is_flag=True, help="Exit with 1 if an estimator contradicts its claim.")
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def resume(
    run: Path,
    only_failed: bool,
    threads: int,
    workers: int | None,
    scheduler: str | None,
    timeout: float | None,
    on_error: OnError,
    strict: bool,
    no_report: bool,
) -> None:
    """Measure what a run is missing; nothing that is finished is measured again.

    A run in which a plug-in takes part needs it again: bench --plugin FILE.py resume RUN. Exits as bench run.
    """
    from bench.execution import continued
    from bench.results.part_cache import of_user
    from bench.running.manner import Manner

    prepared = prepared_again(run)
    manner = Manner(threads, chosen(workers, scheduler, timeout), on_error, references=of_user())
    what: Wanted = "failed" if only_failed else "missing"
    measure(
        prepared,
        lambda tell: continued(prepared, run, tell, manner, what),
        strict,
        not no_report,
    )


@click.command(epilog=examples(f"bench collect {EXAMPLE}"))
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def collect(run: Path, no_report: bool) -> None:
    """Make the tables, figures and page of a run again from what is finished of it; nothing is measured."""
    collected(run, no_report)


def collected(run: Path, no_report: bool) -> None:
    """Make what is made of the parts of a run."""
    from bench.execution import continued

    prepared = prepared_again(run)
    measure(
        prepared,
        lambda tell: continued(prepared, run, tell, what="nothing"),
        report=not no_report,
    )


def prepared_again(run: Path) -> Prepared:
    """The scenario of a run, as it was given then; what is wrong with it now ends the program."""
    from bench.results.plan_file import read_plan
    from bench.running.again import prepared_of

    with explained():
        return prepared_of(read_plan(run))
