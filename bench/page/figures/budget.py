"""Which estimator to take at which budget."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import HOLLOW, estimator, powers, tooltip


def budget(*apart: str) -> Figure:
    """The least error that each estimator reaches with a budget of time or of evaluations.

    Args:
        apart: columns besides those of a single run, of each of which one value is shown at a time.
    """
    shown = tooltip("budget", "currency", "error", "low", "high", "best", "tied")
    title = "least error within the budget"
    line = {"y": powers("error", title), "strokeDash": estimator()}
    point = {"shape": estimator(), "tooltip": shown, "y": powers("error", title)}
    return Figure(
        "budget",
        "Which estimator when: the least error that a budget buys",
        "For each estimator a line through the error of a mean of as many estimates, of the best N, as the "
        "budget allows.",
        "budget",
        ("budget", "error"),
        {
            "encoding": {"x": powers("budget", "budget, in seconds or evaluations"), "color": estimator()},
            "layer": [
                {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": line},
                {"mark": HOLLOW, "encoding": point},
            ],
        },
        where={},
        logarithmic=("x", "y"),
        switched=(*apart, "currency", "device", "dtype"),
    )
