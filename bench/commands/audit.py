"""The verb `audit`: is the gradient of a loss of one's own right, and how noisy is it?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.wanted import Whole

if TYPE_CHECKING:
    from bench.progress import Progress
    from bench.results.run import Run


@click.command(
    epilog=examples(
        "bench audit my_losses.py",
        "bench audit my_losses.py --truth rloo -r 5000",
    )
)
@click.argument("file", metavar="FILE.py|MODULE")
@click.option("-t", "--truth", metavar="NAME", help="A loss that is known to be unbiased gives the truth.")
@click.option("-e", "--losses", metavar="NAMES", help="Only these losses, with commas between them.")
@click.option(
    "-r",
    "--replicates",
    type=Whole(min=2),
    default=1000,
    show_default=True,
    metavar="R",
    help="Estimates of each loss.",
)
@click.option(
    "-n",
    "--sample-size",
    type=Whole(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="N, the samples that a loss takes, for findings such as (N−1)/N.",
)
@click.option("--batches", type=Whole(min=2), metavar="M", help="The number of batches to draw from DATA.")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of all random numbers.")
@click.option("--loop", is_flag=True, help="Compute each estimate by itself, never several together.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="results",
    show_default=True,
    help="Where the run gets a folder of its own.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if a loss is biased.")
@click.option("--no-report", is_flag=True, help="Draw nothing, and write no page.")
def audit(
    file: str,
    truth: str | None,
    losses: str | None,
    replicates: int,
    sample_size: int,
    batches: int | None,
    seed: int,
    loop: bool,
    out: Path,
    strict: bool,
    no_report: bool,
) -> None:
    """Measure your own losses, and say what is wrong with their gradients.

    FILE.py has LOSSES = {name: function}, each of which draws from torch's global generator and returns a
    scalar, and MODEL, a module or tensors that require gradients; if wanted DATA, a loader, and TRUTH, the
    exact gradient. It is imported, which runs its code.

    Exits with 0, 1 (a loss is biased, under --strict), 2 (the file is wrong), 3 (some losses failed),
    4 (nothing could be measured) or 130.
    """
    from bench.auditing.question import prepared_of
    from bench.catalogue import losses_at
    from bench.commands.measuring import measure
    from bench.commands.terminal import explained
    from bench.execution import execute

    options = {
        **({} if batches is None else {"batches": batches}),
        **({"vectorize": "never"} if loop else {}),
    }
    with explained():
        name, problem = losses_at(file, options)
        prepared = prepared_of(
            {"name": name, **options},
            problem,
            truth=truth,
            only=None if losses is None else losses.split(","),
            replicates=replicates,
            sample_size=sample_size,
            seed=seed,
            name=name,
        )

    def measured(progress: Progress) -> Run:
        return execute(prepared, out, progress)

    measure(prepared, measured, strict, not no_report)
