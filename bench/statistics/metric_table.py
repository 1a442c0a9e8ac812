"""The table of metrics: for each its function, its columns, and how cells are compared by it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from bench.statistics.contributions import WithoutOne, mean_without_one, variance_without_one
from bench.statistics.evidence import Evidence
from bench.statistics.metrics import (
    Columns,
    bias,
    cosine,
    cost,
    mean_squared_error,
    signal_to_noise,
    variance,
    work_normalized_variance,
)


@dataclass(frozen=True)
class Column:
    """A column of measurements.

    Attributes:
        name: its name.
        label: what stands at an axis, with a line break where it may be broken; the name if it is empty.
        unit: of its numbers; empty for pure numbers and those in units of f and θ.
        interval: whether `NAME_low` and `NAME_high` hold its 95 % interval.
        words: whether it holds text.
    """

    name: str
    label: str = ""
    unit: str = ""
    interval: bool = False
    words: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column, and those of its interval."""
        return (self.name, f"{self.name}_low", f"{self.name}_high") if self.interval else (self.name,)


@dataclass(frozen=True)
class Compared:
    """The comparison of cells by a metric: a ratio of two means over replicates; less is better.

    Attributes:
        label: its short name.
        contributions: the column of the table of replicates whose mean it is.
        without_one: how the jackknife leaves one of them out.
        timed: whether it is multiplied by seconds.
        counts_bias: whether a bias is in it; without, the low value of a biased estimator is no win.
    """

    label: str
    contributions: str
    without_one: WithoutOne
    timed: bool = False
    counts_bias: bool = False


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        function: from the evidence on one cell to its columns; its docstring says what the metric is.
        better: which values are better, as text.
        columns: all that the function fills, in order.
        compared: how cells are compared by it; None if they are not.
    """

    function: Callable[[Evidence], Columns]
    better: str
    columns: tuple[Column, ...]
    compared: Compared | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns, those of intervals included."""
        return tuple(name for column in self.columns for name in column.names)

    @property
    def summary(self) -> str:
        """Return the first sentence of the function's docstring."""
        return " ".join((inspect.getdoc(self.function) or "").partition("\n\n")[0].split())

    def __call__(self, evidence: Evidence) -> Columns:
        """Return the columns of one cell.

        Raises:
            AssertionError: if the function fills other columns than the table says.
        """
        found = self.function(evidence)
        if set(found) != set(self.names):
            odd = sorted(set(found) ^ set(self.names))
            raise AssertionError(
                f"{self.function.__name__}: the table of metrics differs in {', '.join(odd)}"
            )
        return {name: found[name] for name in self.names}


METRICS: dict[str, Metric] = {
    "bias": Metric(
        bias,
        "nearer to zero",
        (
            Column("bias", interval=True),
            Column("bias_p", "p (no bias)"),
            Column("bias_exact"),
            Column("verdict", words=True),
        ),
    ),
    "variance": Metric(
        variance,
        "lower",
        (
            Column("variance", "variance of one estimate\n(trace of the covariance)", interval=True),
            Column("variance_exact"),
            Column("variance_z"),
            Column("kurtosis"),
            Column("kurtosis_exact"),
            Column("effective_dof"),
            Column("largest_share"),
        ),
        Compared("variance", "squared_deviation", variance_without_one),
    ),
    "mse": Metric(
        mean_squared_error,
        "lower",
        (Column("mse", "mean squared error", interval=True),),
        Compared("MSE", "squared_error", mean_without_one, counts_bias=True),
    ),
    "snr": Metric(
        signal_to_noise,
        "higher",
        (Column("snr", "signal-to-noise ratio\nof one estimate", interval=True),),
    ),
    "cosine": Metric(
        cosine,
        "higher",
        (
            Column("cosine", "cosine to the truth", interval=True),
            Column("positive_cosine", interval=True),
        ),
    ),
    "cost": Metric(
        cost,
        "lower",
        (
            Column("seconds", "seconds per estimate", "s", interval=True),
            Column("evaluations", "evaluations of f per estimate"),
            Column("bytes", "peak memory of one estimate, bytes", "B"),
        ),
    ),
    "work_normalized_variance": Metric(
        work_normalized_variance,
        "lower",
        (
            Column("work_normalized_variance", "variance ×\nseconds per estimate", "s", interval=True),
            Column(
                "evaluation_normalized_variance", "variance ×\nevaluations of f per estimate", interval=True
            ),
            Column("byte_normalized_variance", "variance ×\nbytes per estimate", "B", interval=True),
        ),
        Compared("variance × time", "squared_deviation", variance_without_one, timed=True),
    ),
}
"""Name -> metric, in the order of the columns."""

COMPARED: dict[str, Compared] = {
    name: metric.compared for name, metric in METRICS.items() if metric.compared is not None
}
"""Name -> how cells are compared by it, for those by which they are."""

LABELS: dict[str, str] = {
    column.name: column.label for metric in METRICS.values() for column in metric.columns if column.label
}
"""Column -> what stands at an axis, where that is not its name."""


def measure(evidence: Evidence) -> dict[str, float | str]:
    """Return the columns of all metrics."""
    columns: dict[str, float | str] = {}
    for metric in METRICS.values():
        columns |= metric(evidence)
    return columns
