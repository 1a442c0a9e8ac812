"""The verbs of `baseline`: what estimators are like is written down, shown, compared and changed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import FAILED, explained, tell

if TYPE_CHECKING:
    from bench.regression.baseline import Baseline
    from bench.regression.make import Made
    from bench.scenario.prepared import Prepared

_SCENARIOS = click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
_OUT = click.option(
    "-o",
    "--out",
    "--baseline",
    "out",
    type=click.Path(path_type=Path),
    help="The file, or the folder of all.  [results/baselines]",
)
_ONLY = click.option(
    "-e", "--estimators", metavar="NAME,...", help="Only these estimators, by label or name."
)
_SET = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change any key of the scenario."
)


@click.group(epilog=examples("bench baseline save scenarios/gaussian.yaml"))
def baseline() -> None:
    """Record the mean, the variance and the cost of estimators, for `bench gate` to hold them to."""


@baseline.command(epilog=examples("bench baseline save scenarios/gaussian.yaml scenarios/vae.yaml"))
@_SCENARIOS
@_OUT
@_SET
def save(scenarios: tuple[Path, ...], out: Path | None, settings: tuple[str, ...]) -> None:
    """Measure scenarios with ten times the replicates of the gate, and write their first baselines.

    Beside each an anchor is written, which no later change moves: it tells what has grown step by step.
    """
    from bench.errors import invalid
    from bench.regression import writing
    from bench.regression.files import one_file_each, path_of

    with explained():
        one_file_each(len(scenarios), out)
        ready = [(str(path), _prepared(path, settings)) for path in scenarios]
        for _, prepared in ready:
            path = path_of(prepared.scenario.name, out)
            if path.exists():
                raise invalid(f"{path}: there is a baseline; `bench baseline update` changes it")
        for file, prepared in ready:
            path = path_of(prepared.scenario.name, out)
            made = writing.measure(prepared, _tell)
            _print(writing.save(prepared, path, made, file))
            click.echo(f"baseline {path}")


@baseline.command(epilog=examples("bench baseline show results/baselines/gaussian.json"))
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print a baseline."""
    from bench.regression.baseline import read

    with explained():
        _print(read(file))


@baseline.command(
    epilog=examples(
        "bench baseline diff results/baselines/gaussian.anchor.json results/baselines/gaussian.json"
    )
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path) -> None:
    """Print the ratios of a baseline to an older one, each with its interval."""
    from bench.regression.baseline import read
    from bench.regression.baseline_table import difference_table, only_in
    from bench.regression.differences import differences
    from bench.scenario.gate_section import Gate
    from bench.scenario.thresholds import thresholds_of

    with explained():
        before, after = read(old), read(new)
        found = differences(before, after.cells, lambda label: thresholds_of(Gate(), label))
        tell(difference_table(found), only_in(before, after))


@baseline.command(
    epilog=examples(
        "bench baseline update scenarios/gaussian.yaml -e pathwise",
        'bench baseline update scenarios/gaussian.yaml --accept-regression "fewer samples by design"',
    )
)
@_SCENARIOS
@_OUT
@_ONLY
@_SET
@click.option(
    "--accept-regression",
    "reason",
    metavar="WHY",
    help="Let it be worse, for this reason, which is written down.",
)
def update(
    scenarios: tuple[Path, ...],
    out: Path | None,
    estimators: str | None,
    settings: tuple[str, ...],
    reason: str | None,
) -> None:
    """Measure scenarios anew, and put that in place of their baselines.

    What is shown to be worse is refused with exit code 1, unless a reason to accept it is given.
    """
    from bench.errors import Invalid
    from bench.regression import writing
    from bench.regression.baseline import read
    from bench.regression.baseline_table import difference_table
    from bench.regression.differences import differences
    from bench.regression.files import one_file_each, path_of
    from bench.scenario.thresholds import thresholds_of

    only = None if estimators is None else estimators.split(",")
    refused = False
    with explained():
        _check_reason(reason)
        one_file_each(len(scenarios), out)
        ready = [(str(path), _prepared(path, settings, only)) for path in scenarios]
        olds = [read(path_of(prepared.scenario.name, out)) for _, prepared in ready]
        for (_, prepared), old in zip(ready, olds, strict=True):
            path = path_of(prepared.scenario.name, out)
            if note := writing.change_of_layout(path, old, only is None):
                click.echo(note, err=True)
        for (file, prepared), old in zip(ready, olds, strict=True):
            path = path_of(prepared.scenario.name, out)
            made = writing.measure(prepared, _tell)
            entries = {one.name: one.entry for one in made if one.entry is not None}
            found = differences(old, entries, partial(thresholds_of, prepared.scenario.gate))
            tell(difference_table(found))
            try:
                writing.update(prepared, path, old, made, reason, file, only is None)
                click.echo(f"baseline {path}")
            except Invalid as error:
                refused = True
                click.echo(str(error), err=True)
    if refused:
        sys.exit(FAILED)


def _check_reason(reason: str | None) -> None:
    from bench.errors import invalid, shown

    if reason is not None and not (reason.strip() and reason.isprintable() and len(reason) <= 2000):
        raise invalid(f"--accept-regression {shown(reason)}: wanted a reason, on one line")


def _prepared(path: Path, settings: tuple[str, ...], only: list[str] | None = None) -> Prepared:
    from bench.scenario.prepared import prepare

    return prepare(path, settings, only, confirmed=True)


def _tell(made: Made) -> None:
    from bench.text.labels import plain

    at = f"{plain(made.point)}: " if made.point else ""
    where = f"{at}{plain(made.cell.named.label)}, N = {made.cell.sample_size}, {made.cell.device}"
    if made.entry is None:
        click.echo(f"left out: {where}: {plain(made.reason, 400)}", err=True)
    elif sys.stderr.isatty():
        click.echo(f"measured: {where}, R = {made.entry.replicates}", err=True)


def _print(found: Baseline) -> None:
    from bench.regression.baseline_table import baseline_table

    tell(baseline_table(found))
