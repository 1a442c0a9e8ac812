"""The verb `plan`: what would be measured, how long it takes, and by what the gate would judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bench.commands.changes import changes, prepared_from
from bench.commands.terminal import console, explained

if TYPE_CHECKING:
    from bench.scenario.prepared import Prepared


@click.command()
@changes
def plan(**options: Any) -> None:
    """Print the cells of a scenario, and why some of them cannot run, without measuring.

    With a precision it tries each cell a little, to tell how many estimates and how long it will take.
    """
    from rich.table import Table
    from rich.text import Text

    prepared = prepared_from(**options)
    if prepared.scenario.precision is not None:
        _print_forecasts(prepared)
        return
    swept = len(prepared.plans) > 1
    table = Table(*(["problem"] if swept else []), "estimator", "N", "R", "device", "type", "status")
    for planned in prepared.plans:
        for cell in planned.cells:
            status = cell.status if cell.status == "ok" else f"{cell.status}: {cell.reason}"
            numbers = (str(cell.sample_size), str(planned.experiment.replicates))
            row = (cell.named.label, *numbers, cell.device, cell.dtype, status)
            place = [planned.experiment.point] if swept else []
            table.add_row(*(Text(text) for text in (*place, *row)))
    console().print(table)
    _print_thresholds(prepared)
    ready = sum(cell.status == "ok" for cell in prepared.cells)
    click.echo(f"{ready} of {len(prepared.cells)} cells can run")


def _print_forecasts(prepared: Prepared) -> None:
    from bench.engine.pilot import forecasts
    from bench.engine.timing import threads
    from bench.tables.forecasts import forecast_summary, forecast_table

    with explained(), threads(1):
        told = [each for planned in prepared.ready() for each in forecasts(planned.experiment, planned.cells)]
    console().print(forecast_table(told))
    click.echo(forecast_summary(prepared.plans[0].experiment, told))


def _print_thresholds(prepared: Prepared) -> None:
    from bench.scenario.thresholds import thresholds_of
    from bench.tables.gate_table import threshold_table

    labels = dict.fromkeys(cell.named.label for cell in prepared.cells)
    gate = prepared.scenario.gate
    console().print(threshold_table({label: thresholds_of(gate, label) for label in labels}))
