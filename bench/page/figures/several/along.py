"""What becomes of the variance along an option that runs differ in, such as steps of training."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import banded, estimator, number


def along(option: str = "value") -> Figure:
    """Variance against the one number in which all runs differ.

    Args:
        option: what the number is called.
    """
    # Zero steps have no logarithm, and the first steps matter most.
    x = number("value", option, scale={"type": "symlog"}, axis={"format": "~s", "labelOverlap": "greedy"})
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
