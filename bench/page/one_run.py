"""The view of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.analysis import rows
from bench.analysis.frames import along
from bench.cards import cards
from bench.figures.captions import label_of
from bench.figures.figure_tables import of_a_run
from bench.figures.image_grid import address
from bench.page.charts import charts_of, columns_of
from bench.page.small_tables import strip, verdicts
from bench.results.run import Run
from bench.statistics.metric_table import METRICS
from bench.text import cell_words
from bench.text.answer import answer, headline_of
from bench.text.claims import claims
from bench.text.failures import attempt
from bench.text.labels import plain
from bench.text.methods import methods
from bench.text.provenance import provenance_of

T = TypeVar("T")

LONG = 1000  # characters of a text that are shown; beyond it nobody reads

MOST_COLUMNS = 8  # of the measurements, that are seen at first

_FIRST = ("verdict", "variance", "bias", "seconds", "work_normalized_variance", "mse", "snr", "kurtosis")


def one_run(run: Run, control: str | None = None, name: str = "", title: str | None = None) -> dict[str, Any]:
    """Return what is shown of a run, by the names of `page.html`, and what its scripts need.

    Args:
        run: the run.
        control: with which estimator others are compared, by label or name; None for the first.
        name: what comes before the names of its elements.
        title: a line; None for the name of the scenario.

    Raises:
        Invalid: if there is no such estimator.
    """
    failed: list[str] = []

    def part(what: str, make: Callable[[], T], otherwise: Any) -> T:
        made: T = attempt(f"{what} could not be made", make, otherwise, failed)
        return made

    scenario, metric = run.record["scenario"], headline_of(run)
    headline = METRICS[metric].columns[0].name
    whole = rows.whole(run.measurements)
    said = part("the answer", lambda: answer(run, control), [])
    further = part("the further sentences", lambda: claims(run, control), [])
    figures, undrawn = charts_of(of_a_run(run, None if control is None else label_of(run, control)))
    return {
        "name": name,
        "title": plain(scenario["name"] if title is None else title, LONG),
        "question": plain(scenario.get("question"), LONG),
        "answer": [plain(sentence, LONG) for sentence in said],
        "claims": [plain(claim, LONG) for claim in further if claim not in said],
        "strip": part("the table of estimators", lambda: strip(run, metric), None),
        "tables": part("the table of verdicts", lambda: [verdicts(whole)], []),
        "figures": figures,
        "measurements": columns_of(rows.without_empty(run.measurements)),
        "columns": first_columns(run.measurements, headline),
        "meanings": {card.name: card.summary for card in cards("columns")},
        "headline": headline,
        "labels": list(dict.fromkeys([*run.measurements["estimator"], *along(run)["estimator"]])),
        "pictures": part("the pictures", lambda: pictures_of(run.pictures), {}),
        "provenance": part("the provenance", lambda: list(provenance_of(run.record)), []),
        "methods": part("the methods", lambda: methods(run, control), ""),
        "remarks": [*cell_words.not_finite(whole), *cell_words.rough_times(whole)],
        "rough": [str(row.cell) for row in whole.itertuples() if cell_words.is_rough(row)],
        "failed": [*failed, *(plain(line, LONG) for line in undrawn)],
    }


def first_columns(measurements: pd.DataFrame, headline: str) -> list[str]:
    """Return the columns that are seen at first: what tells rows apart, the headline, other metrics."""
    apart = [name for name in ("problem", "sample_size", "device", "dtype", "parameter", "status")
             if measurements[name].nunique() > 1]  # fmt: skip
    return list(dict.fromkeys(["estimator", *apart, headline, *_FIRST]))[:MOST_COLUMNS]


def pictures_of(images: Mapping[str, npt.ArrayLike]) -> dict[str, list[str]]:
    """Return images, `[K, H, W]` in 0 (black) to 1 (white) by label, as addresses that hold their data."""
    return {plain(label): [address(image) for image in np.asarray(stack, np.float64)]
            for label, stack in images.items()}  # fmt: skip
