"""The verb `list`: what can be named in a scenario, and what is measured and drawn."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import console, explained
from bench.commands.wanted import OneOf

if TYPE_CHECKING:
    from bench.cards import Card

_WIDTH_OF_REFERENCES = 26  # the text gets the room that the names of many authors would take

_COLUMNS: dict[str, tuple[str, ...]] = {
    "estimators": ("estimator, options (default)", "claim", "what it is and needs", "references"),
    "baselines": ("baseline, options (default)", "what it is"),
    "samplers": ("sampler, options (default)", "what it is"),
    "problems": ("problem, options (default)", "what it is"),
    "distributions": ("distribution", "parameters"),
    "costs": ("cost, constants (default)", "what it is"),
    "metrics": ("metric", "what it is"),
    "figures": ("figure", "what it shows"),
    "columns": ("column", "what it means"),
    "scenarios": ("scenario", "what it asks"),
}


@click.command("list", epilog=examples("bench list baselines", "bench list estimators --json"))
@click.argument("kind", type=OneOf(_COLUMNS, "list"), default="estimators")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that `bench show` tells of each.")
def list_(kind: str, as_json: bool) -> None:
    """List estimators (the default), or what else has a name; `bench show NAME` tells more of one."""
    from bench.cards import cards_of

    with explained():
        found = cards_of(kind)  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps([asdict(card) for card in found], indent=2, ensure_ascii=False))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for heading in _COLUMNS[kind]:
        table.add_column(heading, max_width=_WIDTH_OF_REFERENCES if heading == "references" else None)
    for card in found:
        table.add_row(*(Text(cell) for cell in _row(kind, card)))
    console().print(table)


def _row(kind: str, card: Card) -> list[str]:
    if kind == "distributions":
        return [card.name, card.facts["parameters"]]
    if kind != "estimators":
        return [_called(card), card.summary]
    needs = card.facts.get("needs")
    what = "\n".join([card.summary, *([f"Needs {needs}."] if needs else [])])
    return [_called(card), card.facts.get("claim", ""), what, "\n".join(card.papers)]


def _called(card: Card) -> str:
    also = [f"(also {card.facts['also']})"] if "also" in card.facts else []
    return "\n".join(
        [card.name, *also, *(f"  {key} ({default})" for key, (default, _) in card.options.items())]
    )
