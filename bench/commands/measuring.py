"""From a scenario that is ready to the end of `run` and `resume`: measure, draw, print, exit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.terminal import (
    FAILED,
    INTERRUPTED,
    NOTHING_MEASURED,
    SOME_CELLS_FAILED,
    explained,
    print_results,
)

if TYPE_CHECKING:
    from bench.progress import Progress
    from bench.results.run import Run
    from bench.scenario.prepared import Prepared


def measure(
    prepared: Prepared,
    measured: Callable[[Progress], Run],
    strict: bool = False,
    report: bool = True,
) -> None:
    """Measure a scenario, print its table, draw its figures, write its page; end the program if need be.

    Args:
        prepared: the scenario.
        measured: measures it, and tells of it.
        strict: whether to exit with 1 if an estimator contradicts its claim.
        report: whether to draw figures and to write a page.
    """
    from bench.progress import Progress as Telling
    from bench.results.folder_lock import writing
    from bench.text.answer import answer

    with explained(), kept_on_a_full_disk(), Telling(prepared) as progress:
        done = measured(progress)
        with writing(done.folder or Path()):
            failed = _drawn(done, progress) if report else []
    print_results(done, answer(done))
    for line in (*dict.fromkeys(failed), *done.record.get("notes", [])):
        click.echo(line, err=True)
    if short := _without_precision(done.measurements):
        click.echo(short)
    click.echo(f"results  {done.folder}")
    _exit(done, strict)


@contextmanager
def kept_on_a_full_disk() -> Iterator[None]:
    """Say what to do where nothing can be written, and end the program."""
    from bench.results.folder_lock import CannotWrite

    try:
        yield
    except CannotWrite as error:
        click.echo(f"{error}: what was finished is kept", err=True)
        click.echo(f"when there is room: {resume_command(error.folder)}", err=True)
        sys.exit(SOME_CELLS_FAILED)


def resume_command(folder: Path) -> str:
    """The command that goes on with a run."""
    from bench.catalogue import PLUGINS

    plugins = [word for plugin in PLUGINS for word in ("--plugin", plugin)]
    return shlex.join(["bench", *plugins, "resume", str(folder)])


def _drawn(done: Run, progress: Progress) -> list[str]:
    from bench.api import draw
    from bench.page.report import write_report

    progress.now("drawing figures")
    failed = draw(done)[1]
    progress.now("writing the page")
    return failed + write_report([done])[1]


def _exit(done: Run, strict: bool) -> None:
    from bench.results.store import FAILED as NO_ESTIMATES
    from bench.running.work import BY_USER
    from bench.text.labels import plain

    if done.interrupted:
        assert done.folder is not None
        stopped, code = done.record["stopped"], SOME_CELLS_FAILED
        if stopped == BY_USER:
            said, code = "interrupted: what was measured until then is kept", INTERRUPTED
        elif stopped:
            said = f"stopped at a cell that failed: {plain(stopped, 300)}"
        else:
            said = "some cells are missing"
        click.echo(f"{said}; to go on:", err=True)
        click.echo(resume_command(done.folder), err=True)
        sys.exit(code)
    measurements = done.measurements
    if not (measurements["replicates"] > measurements["nonfinite"]).any():
        sys.exit(NOTHING_MEASURED)
    if measurements["status"].isin([*NO_ESTIMATES, "nonfinite"]).any():
        sys.exit(SOME_CELLS_FAILED)
    if strict and measurements["contradiction"].ne("").any():
        sys.exit(FAILED)


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
