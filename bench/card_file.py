"""The text of `cards.json`, made from the classes and functions themselves; `make cards` writes it."""

from __future__ import annotations

import json

from bench.cards import KEPT, estimator_card, problem_card
from bench.distributions.families import FAMILIES
from bench.figures import FIGURES
from bench.problems import PROBLEMS
from bench.statistics.metric_table import METRICS
from estimators import ESTIMATORS


def text() -> str:
    """Return the cards of all that this project has, by kind and name, as JSON."""
    kinds = {
        "estimators": {name: estimator_card(name) for name in sorted(ESTIMATORS)},
        "problems": {name: problem_card(name) for name in sorted(PROBLEMS)},
        "distributions": {name: [name, ", ".join(family.names())] for name, family in FAMILIES.items()},
        "metrics": {name: [name, metric.summary] for name, metric in METRICS.items()},
        "plots": {name: [name, figure.title] for name, figure in FIGURES.items()},
    }
    return json.dumps(kinds, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    KEPT.write_text(text(), "utf-8")
