"""The verb `certify`: does an estimator do what it claims, and what its contract asks?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import FAILED, NOTHING_MEASURED, explained, tell
from bench.commands.wanted import Whole

if TYPE_CHECKING:
    from bench.certification.verdicts import Certificate, Outcome
    from bench.engine.plan import NamedEstimator


@click.command(
    epilog=examples(
        "bench certify reinforce --set baseline=leave_one_out",
        "bench certify my_estimator.py:Mine",
        "bench certify --all",
        "bench certify mine.py:Mine --problem mine.py:MyProblem",
        "bench certify --scenario mine.yaml",
    )
)
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "every", is_flag=True, help="Every estimator of the catalogue.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the estimator: baseline=leave_one_out",
)
@click.option(
    "--problem",
    "problems",
    multiple=True,
    metavar="FILE.py:CLASS",
    help="A problem of one's own, in place of the usual ones; also file.py, module:Class or a name.",
)
@click.option(
    "--scenario",
    metavar="FILE.yaml",
    help="A scenario whose problem is taken, and its estimators if none is named.",
)
@click.option("--device", default="cpu", show_default=True, help="As torch names it: cpu, cuda, cuda:0.")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of all random numbers.")
@click.option(
    "-r",
    "--replicates",
    type=Whole(min=1000),
    default=80_000,
    show_default=True,
    metavar="R",
    help="Estimates in each test: four times as many see half the bias.",
)
@click.option("-v", "--verbose", is_flag=True, help="A row for each problem besides, and the method.")
def certify(
    names: tuple[str, ...],
    every: bool,
    settings: tuple[str, ...],
    problems: tuple[str, ...],
    scenario: str | None,
    device: str,
    seed: int,
    replicates: int,
    verbose: bool,
) -> None:
    """Hold estimators to their claims and to their contract, on some thirty problems or on your own.

    NAME is a name of the catalogue, `module:Class`, `file.py` or `file.py:Class`; a module or a file
    is imported, which runs its code. The claim to be unbiased is tested on every problem that the
    estimator applies to, and the detectable bias is printed. Replicates must be independent,
    estimates of the right shape, type and device, a function of the random numbers they are given,
    and as costly as declared; and relations must hold between gradients of changed problems, as of a cost
    times a constant.

    The first line is the verdict, with its cause if something failed; a line for each kind of claim follows.

    Exits with 0 (certified), 1 (something failed), 2 (there is no such estimator or problem), 4 (it
    applies to none of the problems, or the device is absent) or 130.
    """
    from bench import catalogue
    from bench.certification.asked import Asked, certificates
    from bench.certification.certify import check_device
    from bench.errors import invalid

    with explained():
        if every and names:
            raise invalid("wanted the name of an estimator, or --all")
        if not (every or names or scenario):
            raise invalid("wanted the name of an estimator, or --all, or --scenario FILE.yaml")
        if settings and not names:
            raise invalid("--set is for an estimator that is named, not for --all or --scenario")
        check_device(device)
        words = tuple(catalogue.names("estimators")) if every else names
        asked = Asked(tuple(catalogue.PLUGINS), words, settings, problems, scenario, device, seed, replicates)
        found = certificates(asked, _progress)
        _print(found, verbose)
    codes = {one.exit_code for one in found}
    sys.exit(FAILED if FAILED in codes else NOTHING_MEASURED if codes == {NOTHING_MEASURED} else 0)


def _print(found: list[Certificate], verbose: bool) -> None:
    from bench.certification.certificate_lines import lines, short
    from bench.certification.certificate_table import ending, summary_table

    if len(found) == 1:
        tell(None, lines(found[0]))
    else:
        tell(summary_table(found), [*(line for one in found for line in short(one)), ending(found)])
    for one in found if verbose else ():
        _print_table(one, labelled=len(found) > 1)


def _print_table(one: Certificate, labelled: bool) -> None:
    from bench.certification.certificate_lines import method
    from bench.certification.certificate_table import certificate_table
    from bench.text.labels import plain

    tell(None, ["", *([f"{plain(one.label)}:"] if labelled else [])])
    tell(certificate_table(one), method(one))


def _progress(named: NamedEstimator) -> Callable[[Outcome], None]:
    """Tells of each problem on a terminal, where one waits; silent elsewhere."""

    def told(outcome: Outcome) -> None:
        if sys.stderr.isatty():
            click.echo(f"{named.label}: {outcome.problem}", err=True)

    return told
