"""The text around the figures of a run, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis import rows
from bench.figures.definition import CELL, Figure
from bench.figures.estimator_style import PALETTE
from bench.figures.limits import beyond, without_place
from bench.results.run import Run
from bench.text import cell_words as words
from bench.text.labels import plain


@dataclass(frozen=True)
class Caption:
    """The text around the figures of a run.

    Attributes:
        heading: the scenario's name, and its question.
        labels: of all estimators, in the order of the scenario, which decides their styles.
        facts: the number of replicates, the device and the type of numbers.
        measurements: the cells of which those missing in a figure are named.
        control: the label of the estimator with which others are compared.
    """

    heading: str
    labels: Sequence[str]
    facts: str
    measurements: pd.DataFrame
    control: str = ""

    def notes(self, figure: Figure, drawn_rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
        """Return what a reader must know of the rows of a table that are drawn, and of those that are not.

        Of cells without a number only a figure of the measurements tells, and nothing of absent devices.
        """
        count = drawn_rows["estimator"].nunique()
        alike = (
            f"{count} estimators have {len(PALETTE)} colors: those of one color differ in shape and dashes"
        )
        found = [alike] if count > len(PALETTE) else []
        found += beyond(figure, table, drawn_rows)
        if figure.table != "measurements":
            return found
        cells = rows.whole(self.measurements)
        cells = cells[cells["status"] != "unavailable"]
        drawn = pd.MultiIndex.from_frame(cells[CELL]).isin(pd.MultiIndex.from_frame(drawn_rows[CELL]))
        said_before = pd.concat([cells.iloc[:0], *without_place(figure, table).values()])[CELL]
        drawn |= pd.MultiIndex.from_frame(cells[CELL]).isin(pd.MultiIndex.from_frame(said_before))
        missing = cells[(cells["status"] == "ok") & ~drawn]
        said = words.not_ok(cells)
        if len(missing):
            number = "number above zero" if figure.is_logarithmic else "number"
            said.append(f"{words.which(missing, cells)}: there is no {number}")
        return [*found, *(f"not drawn: {each}" for each in said)]


def caption_of_run(run: Run, control: str | None = None) -> Caption:
    """Return the text around the figures of one run; its control is given by label or name."""
    cells = rows.whole(run.measurements)
    succeeded = cells[cells["status"] == "ok"]
    facts = " · ".join(filter(None, (words.replicates(succeeded), words.common_setting(succeeded))))
    question = run.record.get("scenario", {}).get("question")
    return _caption(run.measurements, question, facts, label_of(run, control))


def caption_of_runs(runs: Sequence[Run], control: str | None = None) -> Caption:
    """Return the text around the figures of several runs: the names, as each has its own facts."""
    cells = pd.concat([run.measurements for run in runs], ignore_index=True)
    return _caption(cells, f"{len(runs)} runs together", "", control or "")


def label_of(run: Run, control: str | None) -> str:
    """Return the label of an estimator that is given by label or name; the first label where none is."""
    known = run.measurements.drop_duplicates("estimator")
    named = known.loc[(known["estimator"] == control) | (known["estimator_name"] == control), "estimator"]
    return str([*named, *known["estimator"]][0])


def _caption(cells: pd.DataFrame, question: str | None, facts: str, control: str) -> Caption:
    name, asked = ", ".join(map(plain, cells["scenario"].unique())), plain(question, 200)
    heading = f"{name}: {asked}" if name and asked and asked != name else name or asked
    return Caption(heading, list(cells["estimator"].astype(str).unique()), facts, cells, control)
