"""What becomes of the variance along an option that runs differ in, such as steps of training."""

from __future__ import annotations

from collections.abc import Sequence

from bench.page.figures.figure import Figure
from bench.page.figures.parts import banded, estimator, number


def along(option: str = "value", values: Sequence[float] = ()) -> Figure:
    """Variance against the one number in which all runs differ.

    Args:
        option: what the number is called.
        values: those of the runs, to be named on the axis.
    """
    axis = {"values": list(values), "format": "~g", "labelOverlap": "greedy"}
    # Zero steps have no logarithm, and the first steps matter most.
    x = number("value", option, scale={"type": "symlog"}, axis=axis)
    return Figure(
        "along",
        f"Variance along {option}",
        f"A line for each estimator in its 95 % band, against {option}; one N at a time.",
        "together",
        ("value", "variance", "variance_low", "variance_high"),
        {
            "encoding": {"x": x, "color": estimator(), "detail": {"field": "device"}},
            "layer": banded("variance", "variance of one estimate"),
        },
        logarithmic=("y",),
        switched=("sample_size",),
        several="value",
    )
