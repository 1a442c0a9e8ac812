"""The verb `plan`: the cells of a scenario, their time, and the thresholds of the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bench.commands.changes import changes, prepared_from
from bench.commands.examples import examples
from bench.commands.terminal import explained, tell

if TYPE_CHECKING:
    from bench.scenario.prepared import Prepared


@click.command(
    epilog=examples("bench plan scenarios/gaussian.yaml", "bench plan scenarios/gaussian.yaml --precision 5%")
)
@changes
def plan(**options: Any) -> None:
    """Print the cells of a scenario, and why some of them cannot run, without measuring.

    With a precision it tries each cell a little, to tell how many estimates and how long it will take.
    """
    prepared = prepared_from(**options)
    if prepared.scenario.precision is not None:
        _print_forecasts(prepared)
        return
    from bench.commands.plan_table import plan_table

    tell(plan_table(prepared.plans))
    _print_thresholds(prepared)
    ready = sum(cell.status == "ok" for cell in prepared.cells)
    click.echo("no time estimate: nothing was measured; --precision 5% adds a short trial of each cell")
    click.echo(f"{ready} of {len(prepared.cells)} cells can run")


def _print_forecasts(prepared: Prepared) -> None:
    from bench.commands.plan_table import forecast_summary, forecast_table
    from bench.engine.pilot import forecasts
    from bench.engine.timing import threads

    with explained(), threads(1):
        told = [each for planned in prepared.ready() for each in forecasts(planned.experiment, planned.cells)]
    tell(forecast_table(told))
    click.echo(forecast_summary(prepared.plans[0].experiment, told))


def _print_thresholds(prepared: Prepared) -> None:
    from bench.regression.gate_table import threshold_table
    from bench.scenario.thresholds import thresholds_of

    labels = dict.fromkeys(cell.named.label for cell in prepared.cells)
    gate = prepared.scenario.gate
    tell(threshold_table({label: thresholds_of(gate, label) for label in labels}))
