"""Signal to noise along an option, such as the steps of a training."""

from __future__ import annotations

import pandas as pd

from bench.figures import variance_by_option
from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import band


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    return variance_by_option.against_option(
        rows, *band(rows, "snr", powers("signal to noise", rows["snr"]), "value")
    )


FIGURE = Figure(
    "snr_by_option",
    "Signal to noise along an option",
    "A line for each estimator in its 95 % band: the norm of the mean estimate over the standard deviation.",
    "along",
    variance_by_option.rows,
    chart,
    ("snr", "snr_low", "snr_high"),
    against="value",
    logarithmic=("y",),
    switched=variance_by_option.SWITCHED,
    several="value",
)
