"""What a precision will cost, as a table and in a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from bench.engine.pilot import REPLICATES, Forecast
from bench.engine.plan import Experiment
from bench.engine.precision import percent
from bench.text.labels import plain
from bench.text.numbers import count, duration, significant


def forecast_table(forecasts: Sequence[Forecast]) -> Table:
    """One row for each cell, with the replicates and the time that it will take."""
    table = Table("estimator", "N", "device", "type", "kurtosis", "R", "time", "status")
    for told in forecasts:
        table.add_row(*(Text(text) for text in _texts(told)))
    return table


def forecast_summary(experiment: Experiment, forecasts: Sequence[Forecast]) -> str:
    """The total, and what it does not say."""
    assert experiment.precision is not None
    ready = [told for told in forecasts if told.status == "ok"]
    seconds = duration(sum(told.seconds for told in ready))
    wanted = percent(experiment.precision.half_width)
    capped = sum(bool(told.reason) for told in ready)
    return "\n".join(
        [
            f"{len(ready)} of {len(forecasts)} cells can run; about {seconds} for the variance to {wanted}",
            *([f"{capped} of them will end at max_replicates, less precise"] if capped else []),
            f"The kurtosis is that of {REPLICATES} estimates and biased low: "
            "where tails are heavy it will take more.",
        ]
    )


def _texts(told: Forecast) -> tuple[str, ...]:
    remark = f": {plain(told.reason, 200)}" if told.reason else ""
    can_run = told.status == "ok"
    return (
        plain(told.cell.named.label),
        count(told.cell.sample_size),
        told.cell.device,
        told.cell.dtype,
        significant(told.kurtosis) if can_run else "",
        count(told.replicates) if can_run else "",
        duration(told.seconds) if can_run else "",
        told.status + remark,
    )
