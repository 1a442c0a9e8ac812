"""Names of points: none lies over another, in whatever figure."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from bench.report.plots import PLOTS
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from tests.test_report import SIZES, cell, ordinary, several_devices


def crowded() -> pd.DataFrame:
    return pd.DataFrame([cell(f"e{i}", N, (1 + i / 50) / N) for i in range(8) for N in SIZES])


@pytest.mark.parametrize("frame", [ordinary(), several_devices(), crowded()], ids=["few", "panels", "many"])
def test_names_of_points_do_not_lie_over_one_another(frame: pd.DataFrame) -> None:
    figure = PLOTS["cost"](frame)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [
        text.get_window_extent(renderer)
        for ax in figure.axes
        for text in ax.texts
        if isinstance(text, Annotation)
    ]
    assert len(boxes) >= 2
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
