"""Measure a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.changes import changes, prepared_from
from bench.commands.examples import examples
from bench.commands.measuring import measure, resume_command
from bench.commands.wanted import Whole
from bench.commands.worker_options import chosen, worker_options

if TYPE_CHECKING:
    from bench.progress import Progress
    from bench.results.run import Run
    from bench.running.manner import OnError


@click.command(
    epilog=examples(
        "bench run scenarios/gaussian.yaml",
        "bench run scenarios/gaussian.yaml --quick",
        "bench run scenarios/gaussian.yaml -e pathwise -n 10,100 --set problem.cost=z**3",
        "bench run scenarios/gaussian.yaml -r 5000 --resume",
    )
)
@changes
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="results",
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
@worker_options
@click.option("--resume", is_flag=True, help="Go on with the last run of the same scenario, if there is one.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Share finished cells with other runs and scenarios through this folder.",
)
@click.option("--no-cache", is_flag=True, help="Share nothing, long references included.")
@click.option("--strict", is_flag=True, help="Exit with 1 if an estimator contradicts its claim.")
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def run(
    out: Path,
    threads: int,
    resume: bool,
    cache: Path | None,
    no_cache: bool,
    strict: bool,
    no_report: bool,
    workers: int | None,
    scheduler: str | None,
    timeout: float | None,
    on_error: OnError,
    **options: Any,
) -> None:
    """Measure a scenario; print a table; write data frames, figures and a page.

    What is finished is kept, whatever happens: bench resume RUN goes on. More replicates
    (-r) add to a run with --resume.

    Exits with 0, 1 (a claim was contradicted, under --strict), 2 (the scenario is wrong), 3 (some cells
    failed, or the disk is full), 4 (nothing could be measured) or 130.
    """
    from bench.execution import continued, execute, plan_of
    from bench.results.part_cache import PartCache, of_user
    from bench.results.runs import latest, same_question
    from bench.running.manner import Manner

    prepared = prepared_from(**options)
    earlier = same_question(out / prepared.scenario.name, plan_of(prepared))
    last = latest(earlier) if resume else None
    if not resume and (unfinished := latest([each for each in earlier if not each.is_finished])) is not None:
        click.echo(f"a run of this scenario is unfinished: {resume_command(unfinished.folder)}", err=True)

    if cache is not None and no_cache:
        raise click.UsageError("--cache and --no-cache exclude one another")
    cells, references = None if cache is None else PartCache(cache), None if no_cache else of_user()
    manner = Manner(threads, chosen(workers, scheduler, timeout), on_error, cells, references)

    def measured(progress: Progress) -> Run:
        if last is not None:
            return continued(prepared, last.folder, progress, manner)
        return execute(prepared, out, progress, manner)

    measure(prepared, measured, strict, not no_report)
