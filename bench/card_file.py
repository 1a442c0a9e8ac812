"""The text of `cards.json`, made from the classes and functions themselves; `make cards` writes it."""

from __future__ import annotations

import inspect
import json

from bench.cards import KEPT, Card, estimator_card, problem_card
from bench.distributions.families import FAMILIES
from bench.problems import PROBLEMS
from bench.report.forest import forest
from bench.report.paper import OF_A_RUN, OF_SEVERAL
from bench.report.plots import PLOTS
from bench.statistics.metric_table import METRICS
from estimators import ESTIMATORS


def text() -> str:
    """Return the cards of all that this project has, by kind and name, as JSON."""
    kinds = {
        "estimators": {name: estimator_card(name) for name in sorted(ESTIMATORS)},
        "problems": {name: problem_card(name) for name in sorted(PROBLEMS)},
        "distributions": {name: [name, ", ".join(family.names())] for name, family in FAMILIES.items()},
        "metrics": {name: [name, metric.summary] for name, metric in METRICS.items()},
        "plots": {name: _card(name, plot) for name, plot in _plots().items()},
    }
    return json.dumps(kinds, indent=1, ensure_ascii=False) + "\n"


def _plots() -> dict[str, object]:
    """Those of measurements, those of other rows, those of several runs, and of comparisons."""
    drawings = {name: drawing.draw for name, drawing in (OF_A_RUN | OF_SEVERAL).items()}
    return {**PLOTS, **drawings, "ratios": forest, "changes": forest}


def _card(name: str, function: object) -> Card:
    return [name, " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())]


if __name__ == "__main__":
    KEPT.write_text(text(), "utf-8")
