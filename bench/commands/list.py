"""The verb `list`: what can be named in a scenario, and what is measured and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import console, explained

if TYPE_CHECKING:
    from bench.cards import Kind

_WIDTH_OF_REFERENCES = 26  # the text gets the room that the names of many authors would take

_HEADINGS: dict[str, tuple[str, ...]] = {
    "estimators": ("estimator, options (default)", "claim", "what it is and needs", "references"),
    "problems": ("problem", "options (default)", "what it is"),
    "distributions": ("distribution", "parameters"),
    "metrics": ("metric", "what it is"),
    "plots": ("plot", "what it shows"),
}


@click.command("list", epilog=examples("bench list estimators", "bench list metrics"))
@click.argument("kind", type=click.Choice(list(_HEADINGS)), default="estimators")
def list_(kind: Kind) -> None:
    """List estimators (the default), problems, distributions, metrics or plots."""
    from rich.table import Table
    from rich.text import Text

    from bench.cards import cards

    table = Table(show_lines=True)
    for heading in _HEADINGS[kind]:
        table.add_column(heading, max_width=_WIDTH_OF_REFERENCES if heading == "references" else None)
    with explained():
        for card in cards(kind):
            table.add_row(*(Text(cell) for cell in card))
    console().print(table)
