"""The words around the figures of a run, or of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.figures.definition import Figure
from bench.results.runs import Run
from bench.text import cell_words as words
from bench.text.labels import plain


@dataclass(frozen=True)
class About:
    """The words around the figures of a run.

    Attributes:
        heading: the scenario's name, and its question.
        labels: of all estimators, in the order of the scenario, which decides how they look.
        facts: the number of replicates, the device and the type of numbers.
        measurements: of which cells that are missing in a figure are told.
        control: the label of the estimator with which others are compared.
    """

    heading: str
    labels: Sequence[str]
    facts: str
    measurements: pd.DataFrame
    control: str = ""

    def left_out(self, figure: Figure, drawn_rows: pd.DataFrame) -> list[str]:
        """Return in words the cells of the measurements that a figure of them does not draw."""
        if figure.table != "measurements":
            return []
        whole = rows.whole(self.measurements)
        key = ["problem", "estimator", "sample_size", "device", "dtype"]
        drawn = set(drawn_rows[key].itertuples(index=False, name=None))
        absent = [cell not in drawn for cell in whole[key].itertuples(index=False, name=None)]
        missing = whole[(whole["status"] == "ok") & np.array(absent, bool)]
        said = words.not_ok(whole)
        if len(missing):
            number = "number above zero" if figure.is_logarithmic else "number"
            said.append(f"{words.which(missing, whole)}: there is no {number}")
        return [f"not drawn: {each}" for each in said]


def about_a_run(run: Run, control: str | None = None) -> About:
    """Return the words around the figures of one run.

    Args:
        run: the run.
        control: with which estimator others are compared, by label or name; None for the first.
    """
    whole = rows.whole(run.measurements)
    succeeded = whole[whole["status"] == "ok"]
    facts = " · ".join(filter(None, (words.replicates(succeeded), words.common_setting(succeeded))))
    question = run.record.get("scenario", {}).get("question")
    labels = list(dict.fromkeys(run.measurements["estimator"].astype(str)))
    return About(
        _heading(whole["scenario"].unique(), question),
        labels,
        facts,
        run.measurements,
        label_of(run, control),
    )


def label_of(run: Run, control: str | None) -> str:
    """Return the label of an estimator that is given by label or name; the first label where none is."""
    known = run.measurements.drop_duplicates("estimator")
    named = known.loc[(known["estimator"] == control) | (known["estimator_name"] == control), "estimator"]
    return str([*named, *known["estimator"]][0])


def about_several_runs(runs: Sequence[Run], control: str | None = None) -> About:
    """Return the words around the figures of several runs: the names, as each has its own facts."""
    whole = pd.concat([run.measurements for run in runs], ignore_index=True)
    labels = list(dict.fromkeys(whole["estimator"].astype(str)))
    return About(
        _heading(whole["scenario"].unique(), f"{len(runs)} runs together"), labels, "", whole, control or ""
    )


def _heading(scenarios: Iterable[str], question: str | None) -> str:
    name, asked = ", ".join(plain(each) for each in scenarios), plain(question, 200)
    return f"{name}: {asked}" if name and asked and asked != name else name or asked
