"""The verb `list`: what can be named in a scenario, and what is measured and drawn."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import console, explained, tell
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


@click.command(
    "list",
    epilog=examples(
        "bench list baselines", "bench list estimators --json", "bench list estimators --for gaussian"
    ),
)
@click.argument("kind", type=OneOf(_COLUMNS, "list"), default="estimators")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that `bench show` tells of each.")
@click.option(
    "--for", "scenario", metavar="SCENARIO", help="Of estimators: which apply to the problem of a scenario."
)
def list_(kind: str, as_json: bool, scenario: str | None) -> None:
    """List estimators (the default), or what else has a name; `bench show NAME` tells more of one."""
    if scenario is not None:
        _list_for(kind, scenario, as_json)
        return
    from bench.cards import cards_of

    with explained():
        found = cards_of(kind)  # type: ignore[arg-type]
    if as_json:
        click.echo(
            json.dumps(
                [asdict(replace(card, text=card.plain)) for card in found], indent=2, ensure_ascii=False
            )
        )
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for heading in _COLUMNS[kind]:
        table.add_column(heading, max_width=_WIDTH_OF_REFERENCES if heading == "references" else None)
    for card in found:
        table.add_row(*(Text(cell) for cell in _row(kind, card)))
    console().print(table)


def _list_for(kind: str, scenario: str, as_json: bool) -> None:
    if kind != "estimators":
        raise click.UsageError(f"--for is of estimators: bench list estimators --for {scenario}")
    with explained():
        from bench.choosing import alike, candidates, features_of
        from bench.scenario.resolved import resolved
        from bench.scenario.shipped import located

        experiment = resolved(located(scenario))[2][0]
        found, features = candidates(experiment), features_of(experiment.problem)
        near = alike(features)
    if as_json:
        said = {"features": features, "estimators": [asdict(one) for one in found], "alike": near}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    from bench.commands.choosing_table import candidates_table, order_lines

    click.echo("; ".join(features))
    tell(candidates_table(found))
    for line in order_lines(near):
        click.echo(line)


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
