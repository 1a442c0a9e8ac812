"""The command line. Nothing heavy is imported before a verb needs it: `--help` must be quick."""

from __future__ import annotations

import gc
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from bench.commands.audit import audit
from bench.commands.baseline import baseline
from bench.commands.certify import certify
from bench.commands.compare import compare
from bench.commands.examples import examples
from bench.commands.gate import gate
from bench.commands.list import list_
from bench.commands.merge import merge
from bench.commands.new import new
from bench.commands.plan import plan
from bench.commands.plot import plot
from bench.commands.report import report
from bench.commands.reproduce import reproduce
from bench.commands.resume import collect, resume
from bench.commands.run import run
from bench.commands.runs import clean, runs
from bench.commands.show import show
from bench.commands.status import status
from bench.commands.terminal import (
    INTERRUPTED,
    explained,
)


def _version() -> str:
    try:
        return version("gradient-estimator-bench")
    except PackageNotFoundError:
        return "unknown: it runs from a checkout that is not installed"


class Program(click.Group):
    """A group of verbs that a Ctrl-C ends with the code of a stop, wherever it comes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "bench run scenarios/gaussian.yaml  # measure; print table and answer; write the page",
        "bench list estimators              # what can be measured, with options",
    ),
)
@click.version_option(_version())
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE|FILE.py",
    help="Add estimators or problems from a file or module of your own; this runs its code.",
)
def main(plugins: tuple[str, ...]) -> None:
    """Measure Monte Carlo gradient estimators: how biased, how noisy, how costly they are."""
    # Of the many objects that libraries make as they are imported, few are garbage: looking for it each time
    # there are 700 more took 4 % of a run.
    gc.set_threshold(20_000)
    if plugins:
        from bench.catalogue import add_plugin

        with explained():
            for plugin in plugins:
                add_plugin(plugin)


for command in (
    new,
    plan,
    run,
    resume,
    status,
    collect,
    merge,
    runs,
    clean,
    list_,
    show,
    compare,
    plot,
    report,
    reproduce,
    baseline,
    gate,
    certify,
    audit,
):
    main.add_command(command)


@main.command(epilog=examples("bench validate scenarios/gaussian.yaml scenarios/vae.yaml"))
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(scenarios: tuple[Path, ...]) -> None:
    """Check scenario files, all errors at once, without measuring."""
    from bench.errors import collected
    from bench.scenario.resolved import resolved

    with explained(), collected() as wrong:
        for path in scenarios:
            with wrong.under():
                resolved(path)
                click.echo(f"{path}: ok")


@main.command(epilog=examples("bench schema > scenarios/schema.json"))
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors that complete and check YAML."""
    from bench.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
