"""The cells that a scenario plans, and what a precision will cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.engine.pilot import REPLICATES, Forecast
from bench.engine.plan import Cell, Experiment, Planned
from bench.engine.precision import percent
from bench.tables.table import Column, Table
from bench.text.labels import plain
from bench.text.numbers import count, duration, grouped, significant

Alike = list[tuple[Planned, Cell]]
"""Cells that differ in N, device, type of numbers and point of the sweep alone; the subject of a row."""


def plan_table(plans: Sequence[Planned]) -> Table:
    """Return a row for each estimator, and one more for its cells that cannot run, with the reason.

    Points of a sweep and absent devices are told below.
    """
    alike: dict[tuple[str, str, str], Alike] = {}
    cells = [(planned, cell) for planned in plans for cell in planned.cells]
    for planned, cell in cells:
        if cell.status != "unavailable":
            alike.setdefault((cell.named.label, cell.status, cell.reason), []).append((planned, cell))
    columns = [
        Column("estimator", lambda row: plain(row[0][1].named.label), align="left"),
        Column("problems", lambda row: count(len({planned.experiment.point for planned, _ in row}))),
        Column("N", lambda row: _values(row, "sample_size"), align="left", wraps=True),
        Column("R", lambda row: grouped(row[0][0].experiment.replicates)),
        Column("device", lambda row: _values(row, "device"), yields=1, align="left"),
        Column("type", lambda row: _values(row, "dtype"), yields=0, align="left"),
        Column("cells", lambda row: count(len(row)), yields=2),
        Column("status", lambda row: _said(row[0][1].status, row[0][1].reason), align="left", wraps=True),
    ]
    shown = [column for column in columns if column.name != "problems" or len(plans) > 1]
    points = "; ".join(plain(planned.experiment.point, 80) for planned in plans)
    swept = [f"{len(plans)} problems: {points}"] if len(plans) > 1 else []
    return Table(shown, list(alike.values()), notes=[*swept, *absent_devices([cell for _, cell in cells])])


def absent_devices(cells: Sequence[Cell]) -> list[str]:
    """Return a line for each device that is absent, with the number of its cells."""
    absent = Counter((cell.device, cell.reason) for cell in cells if cell.status == "unavailable")
    return [f"{device}: unavailable: {plain(why, 200)} ({n} cells)" for (device, why), n in absent.items()]


def forecast_table(forecasts: Sequence[Forecast]) -> Table:
    """Return a row for each cell that can run, with the replicates and the time that it will take."""
    columns = [
        Column("N", lambda row: count(row.cell.sample_size), key=True),
        Column("device", lambda row: row.cell.device, yields=1, align="left"),
        Column("type", lambda row: row.cell.dtype, yields=0, align="left"),
        Column("kurtosis", lambda row: significant(row.kurtosis), yields=2),
        Column("R", lambda row: count(row.replicates)),
        Column("time", lambda row: duration(row.seconds)),
        Column("status", lambda row: _said(row.status, row.reason), align="left", wraps=True),
    ]
    return Table(
        columns,
        [each for each in forecasts if each.status != "unavailable"],
        group=lambda row: plain(row.cell.named.label),
        across=lambda row: "" if row.status == "ok" else _said(row.status, row.reason),
        notes=absent_devices([each.cell for each in forecasts]),
    )


def forecast_summary(experiment: Experiment, forecasts: Sequence[Forecast]) -> str:
    """Return the total, and what it does not say."""
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


def _said(status: str, reason: str) -> str:
    return f"{status.replace('_', ' ')}: {plain(reason, 200)}" if reason else status.replace("_", " ")


def _values(row: Alike, name: str) -> str:
    return ", ".join(dict.fromkeys(str(getattr(cell, name)) for _, cell in row))
