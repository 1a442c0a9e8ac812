"""The options of the manner in which a run is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.commands.wanted import Whole

if TYPE_CHECKING:
    from bench.running.crew import Workers

Command = TypeVar("Command", bound=Callable[..., Any])


def worker_options(command: Command) -> Command:
    """Add the options that have other processes measure, and that of what follows a cell that fails."""
    for option in reversed(
        [
            click.option(
                "-j", "--workers", type=Whole(min=1), metavar="K", help="Measure by this many processes."
            ),
            click.option(
                "--scheduler", metavar="ADDRESS", help="Measure by the workers of this Dask scheduler."
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0, min_open=True),
                metavar="SECONDS",
                help="Give up on a cell after this time (default: never); measures in another process.",
            ),
            click.option(
                "--on-error",
                type=click.Choice(["continue", "stop"]),
                default="continue",
                show_default=True,
                help="What follows a cell that fails.",
            ),
        ]
    ):
        command = option(command)
    return command


def chosen(workers: int | None, scheduler: str | None, timeout: float | None) -> Workers | None:
    """The workers that the options ask for; None if they ask for none."""
    from bench.running.crew import Workers

    if workers is not None and scheduler is not None:
        raise click.UsageError("-j and --scheduler exclude one another: a scheduler has workers of its own")
    if workers is None and scheduler is None and timeout is None:
        return None
    return Workers(workers or 1, scheduler, timeout)
