"""The page that explains families of estimators by pictures of their estimates."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cards import Card, cards
from bench.judgments import judgments
from docs.pages.catalogue import target
from docs.pages.markdown import prose

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "families.toml"
PICTURES = ROOT / "docs" / "pictures" / "families"

REPLICATES = 4000
"""Estimates in a histogram."""


@dataclass(frozen=True)
class Toy:
    """A small problem.

    Attributes:
        says: what it is, in a few words.
        problem: as a scenario has it.
    """

    says: str
    problem: Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """A family of estimators.

    Attributes:
        name: of its picture.
        title: of its part of the page.
        says: what it does.
        of: the names of its estimators in the catalogue.
        toy: the problem of the picture.
        samples: of one estimate.
        estimators: those in the picture, as a scenario has them.
    """

    name: str
    title: str
    says: str
    of: list[str]
    toy: Toy
    samples: int
    estimators: list[Any]

    def scenario(self) -> dict[str, Any]:
        """Return the scenario of its picture."""
        return {
            "schema": 1,
            "name": self.name,
            "version": 1,
            "problem": dict(self.toy.problem),
            "estimators": self.estimators,
            "sweep": {"sample_sizes": [self.samples]},
            "replicates": REPLICATES,
            "coordinates": "all",
        }


def families() -> list[Family]:
    """Return the families in the order of the page."""
    found = tomllib.loads(FILE.read_text("utf-8"))
    toys = {name: Toy(**each) for name, each in found["toys"].items()}
    return [Family(**{**each, "toy": toys[each["toy"]]}) for each in found["family"]]


def pages() -> dict[str, str]:
    """Return the page."""
    parts = [
        "# Estimators by pictures",
        "What families of estimators do: histograms of estimates around the truth, the dashed line, beside "
        f"those of `reinforce`, the score function. Each shows {REPLICATES} estimates from the same number "
        "of samples, in the coordinate that varies most; *sd* is the standard deviation of one estimate. "
        "When each wins and when it hurts is taken from the [reference runs](gallery/index.md).",
        *(part for family in families() for part in _part(family)),
    ]
    return {"families.md": "\n\n".join(parts) + "\n"}


def _part(family: Family) -> Iterator[str]:
    known = {card.name: card for card in cards("estimators")}
    yield f"## {family.title}"
    yield prose(family.says)
    yield (
        f":::{{figure}} ../pictures/families/{family.name}.png\n"
        f":alt: Histograms of estimates: {family.title}\n:width: 340px\n\n"
        f"{prose(f'{family.toy.says}; N = {family.samples}')}\n:::"
    )
    for name in family.of:
        yield f"### [{name}](#{target('estimators', name)})"
        yield from _formula(known[name])
        yield "\n".join(f"* **{verb}**: {prose(said)}" for verb, said in judgments(name).items())


def _formula(card: Card) -> Iterator[str]:
    """Yield the first formula of a card, and its summary where it has none."""
    formula = re.search(r"\.\. math::(.+?)(?:\n\s*\n|$)", card.text, re.DOTALL)
    if formula is None:
        yield prose(card.summary)
    else:
        lines = (line.strip() for line in formula[1].strip().rstrip(".,;").splitlines())
        yield "$$\n" + "\n".join(lines) + "\n$$"
