"""What becomes of the variance along an option, such as the steps of a training."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.sweeps import scale_of
from bench.page.figures.figure import Figure, Spec
from bench.page.figures.parts import banded, estimator, exact_line, number, settings


def along(table: str, option: str, values: Sequence[float], switched: Sequence[str]) -> Figure:
    """Variance against a number that an option takes in turn.

    Args:
        table: whose column `value` holds it.
        option: what the number is called.
        values: those that it takes, to be named on the axis.
        switched: columns of each of which one value is shown at a time.
    """
    shown = "format(datum.value, '.3~r')"
    axis = {"values": list(values), "labelExpr": shown, "labelOverlap": "greedy"}
    scale: Spec = {"type": scale_of(values), "nice": False, "padding": 12}
    if scale["type"] == "linear":
        scale["zero"] = False
    x = number("value", option, scale=scale, axis=axis)
    return Figure(
        "along",
        f"Variance along {option}",
        f"A line for each estimator in its 95 % band, against {option}, and a thin one through the exact "
        "variance where that is known; one N at a time.",
        table,
        ("value", "variance"),
        {
            "encoding": {"x": x, "color": estimator(), "detail": settings()},
            "layer": [
                *banded("variance", "variance of one estimate"),
                exact_line("variance", "variance of one estimate"),
            ],
        },
        where={"parameter": "all", "status": "ok"} if table == "together" else {},
        logarithmic=("y",),
        switched=switched,
        several="value",
    )
