"""The options that change a scenario, and the scenario as they change it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.commands.terminal import explained
from bench.commands.wanted import Whole

if TYPE_CHECKING:
    from bench.scenario.prepared import Prepared

Command = TypeVar("Command", bound=Callable[..., Any])


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
                type=Whole(min=2),
                metavar="R",
                help="This many estimates in each cell.",
            ),
            click.option(
                "--precision",
                metavar="PERCENT",
                help="More estimates, until the variance is known to this: 5%.",
            ),
            click.option("--devices", metavar="DEVICE,...", help="These devices: cpu, cuda, cuda:0, mps."),
            click.option("--seed", type=Whole(min=0), help="This seed."),
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


def prepared_from(
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
    """The scenario that a verb with these options is given; what is wrong with it ends the program."""
    from bench.scenario.overrides import of_keywords
    from bench.scenario.prepared import prepare

    overrides = of_keywords(
        sample_sizes=sample_sizes, replicates=replicates, precision=precision, devices=devices, seed=seed
    )
    only = None if estimators is None else estimators.split(",")
    with explained():
        return prepare(scenario, [*overrides, *settings], only=only, small=quick, confirmed=yes)
