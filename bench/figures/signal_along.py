"""Signal to noise along an option, such as the steps of a training."""

from __future__ import annotations

import pandas as pd

from bench.figures import along
from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import band


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    return along.against_option(rows, *band(rows, "snr", powers("signal to noise"), "value"))


FIGURE = Figure(
    "signal_along",
    "Signal to noise along an option",
    "A line for each estimator in its 95 % band: the norm of the mean estimate over the standard deviation.",
    "along",
    along.rows,
    chart,
    ("snr", "snr_low", "snr_high"),
    against="value",
    logarithmic=("y",),
    switched=along.SWITCHED,
    several="value",
)
