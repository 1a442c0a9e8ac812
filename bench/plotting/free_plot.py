"""`bench.plot`: columns of measurements against one another."""

from __future__ import annotations

import pandas as pd

from bench.errors import invalid
from bench.plotting.picture_grid import PictureGrid, draw
from bench.plotting.selection import select
from bench.results.runs import Run


class FreePlot:
    """Draw any columns of measurements against any others; two presets draw variance and bias.

    Example:
        >>> frame = pd.DataFrame({"steps": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "method": ["a", "a", "a"]})
        >>> plot(frame, x="steps", y="loss", by="method").ax.get_xlabel()
        'steps'
    """

    def __call__(
        self,
        data: Run | pd.DataFrame,
        x: str = "sample_size",
        y: str = "variance",
        by: str = "estimator",
        facet: str | None = None,
        log: str | None = None,
        parameter: str | None = None,
    ) -> PictureGrid:
        """Return a seaborn grid with the points, and the intervals of y where y has its own.

        Args:
            data: a run, or a frame.
            x: a column of numbers, or of words, which stand side by side.
            y: a column of numbers.
            by: a column; each of its values has a style.
            facet: a column; each of its values has a panel.
            log: the logarithmic axes: `x`, `y`, `both` or `none`. None for those whose numbers are all
                positive and span a factor of 10 or more.
            parameter: a block of parameters. None for the whole gradient, and for all blocks if a column
                is `parameter`.

        Raises:
            Invalid: if a column is missing or cannot be drawn so, or no row is left.
        """
        frame = data.measurements if isinstance(data, Run) else data
        selection = select(frame, {"x": x, "y": y, "by": by, "facet": facet}, log, parameter)
        if selection.points.empty:
            raise invalid("\n".join([*selection.left_out, "nothing can be drawn: no row is left"]))
        return draw(selection)

    def variance(self, data: Run | pd.DataFrame) -> PictureGrid:
        """Return the variance of each estimator against the number of samples."""
        return self(data)

    def bias(self, data: Run | pd.DataFrame) -> PictureGrid:
        """Return the bias of each estimator against the number of samples."""
        return self(data, y="bias")


plot = FreePlot()
