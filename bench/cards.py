"""Cards of what can be named in a scenario, and of metrics and plots: the rows of `bench list`.

Those of this project are kept in `cards.json`, so that a list is there without importing torch; a test
holds the file up to date, and `make cards` writes it. Cards of plug-ins are made from their classes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from bench import catalogue
from estimators import ALIASES

Kind = Literal["estimators", "problems", "distributions", "metrics", "plots"]
Card = list[str]
"""The cells of a row."""

KEPT = Path(__file__).with_name("cards.json")


def cards(kind: Kind) -> list[Card]:
    """Return the cards of a kind, plug-ins included, in order.

    Raises:
        Invalid: if a plug-in cannot be imported.
    """
    kept: Mapping[str, Card] = json.loads(KEPT.read_text("utf-8"))[kind]
    if kind == "estimators":
        return [kept.get(name) or estimator_card(name) for name in catalogue.names(kind)]
    if kind == "problems":
        return [kept.get(name) or problem_card(name) for name in catalogue.names(kind)]
    return list(kept.values())


def estimator_card(name: str) -> Card:
    """Return the name with other names and options, the claim, a summary with needs, and references."""
    also = [alias for alias, meant in ALIASES.items() if meant == name]
    options = (f"  {line}" for line in _options("estimators", name).splitlines())
    called = "\n".join([name, *(f"(also {alias})" for alias in also), *options])
    claim = getattr(catalogue.find("estimators", name), "bias", "")
    needs = catalogue.needs(name)
    text = [catalogue.summary("estimators", name), *([f"Needs {needs}."] if needs else [])]
    return [called, claim, "\n".join(text), "\n".join(catalogue.references(name))]


def problem_card(name: str) -> Card:
    """Return the name, the options and a summary."""
    return [name, _options("problems", name), catalogue.summary("problems", name)]


def _options(kind: catalogue.Kind, name: str) -> str:
    return "\n".join(f"{key} ({default})" for key, default in catalogue.options(kind, name).items())
