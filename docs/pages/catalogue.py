"""The catalogue: a page for each kind of what has a name, with the cards that `bench show` prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent

from bench.cards import KINDS, Card, Kind, cards
from docs.pages.markdown import anchor, code, contents, literal, prose, table

WORDS: dict[Kind, str] = {
    "estimators": "What makes a gradient of samples; `bench list estimators --for SCENARIO` says which apply",
    "baselines": "Options of `reinforce`: what is taken from a cost",
    "samplers": "Options of `reparameterization`: how the noise of a sample is drawn",
    "problems": "What is differentiated: a distribution, a cost, and how the exact gradient is known",
    "distributions": "Options of the problem `expectation`",
    "costs": "Costs with a name, of the problem `expectation`; any formula of z is another",
    "metrics": "What is measured of an estimator",
    "figures": "What a run is drawn as: files, a page, and `run.figures` in Python",
    "columns": "What the tables of a run hold",
}
"""What a kind is."""


def pages() -> dict[str, str]:
    """Return the pages of the catalogue by their paths."""
    found = {f"catalogue/{kind}.md": "\n\n".join(_kind(kind)) + "\n" for kind in KINDS}
    first = "\n\n".join(
        [
            "# Catalogue",
            "A card for everything that has a name, as `bench show NAME` prints it. `bench list KIND --json` "
            "has all of them for programs.",
            table(
                ["kind", "", "names"],
                ([f"[{kind}]({kind}.md)", prose(WORDS[kind]), str(len(cards(kind)))] for kind in KINDS),
            ),
            contents(KINDS, hidden="", maxdepth="1"),
        ]
    )
    return {"catalogue/index.md": first + "\n", **found}


def target(kind: str, name: str) -> str:
    """Return the name to link to of a card."""
    return f"{kind.removesuffix('s')}-{name}".replace(" ", "-").replace("_", "-")


def _kind(kind: Kind) -> Iterator[str]:
    every = cards(kind)
    yield f"# {kind.capitalize()}"
    yield prose(WORDS[kind]) + "."
    yield " · ".join(f"[{card.name}](#{target(kind, card.name)})" for card in every)
    for card in every:
        yield from _card(kind, card)


def _card(kind: Kind, card: Card) -> Iterator[str]:
    yield f"{anchor(target(kind, card.name))}\n## {card.name}"
    yield prose(card.summary)
    yield from _text(card.text)
    if card.facts:
        yield "\n".join(f"* **{key}**: {prose(value)}" for key, value in card.facts.items())
    if card.options:
        rows = [
            [code(key), "required" if default == "required" else code(str(default)), prose(meaning)]
            for key, (default, meaning) in card.options.items()
        ]
        yield table(["option", "default", ""], rows)
    if card.references:
        yield "\n".join(f"* {prose(paper)}" for paper in card.references)
    if card.example:
        yield literal(card.example, "python" if kind == "figures" else "yaml")


def _text(text: str) -> Iterator[str]:
    """Yield paragraphs; formulas are marked in them, or stand on lines of their own."""
    for paragraph in filter(str.strip, text.split("\n\n")):
        formula = re.fullmatch(r"\.\. math::\s*(.+)", paragraph.strip(), re.DOTALL)
        if formula:
            yield f"$$\n{dedent(formula[1]).strip()}\n$$"
        elif all(line.startswith("    ") for line in paragraph.splitlines() if line):
            yield literal(dedent(paragraph))
        else:
            yield prose(paragraph)
