"""The verb `show`: the table of an earlier run, or the card of what has a name."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.commands.examples import examples
from bench.commands.terminal import console, explained, print_results

if TYPE_CHECKING:
    from bench.cards import Card


@click.command(
    epilog=examples(
        "bench show results/gaussian/RUN",
        "bench show results/vae/RUN --parameter encoder",
        "bench show reinforce       # formula, needs, options, papers, how it is written",
        "bench show metric:variance # of what has the same name as something else",
        "bench show gaussian        # a scenario: its question, and its file",
    )
)
@click.argument("what", metavar="RUN|NAME")
@click.option("--parameter", default="all", show_default=True, help="Of a run: which block of parameters.")
@click.option("--markdown", is_flag=True, help="Of a run: as a table in Markdown.")
def show(what: str, parameter: str, markdown: bool) -> None:
    """Print the table of an earlier run, given its folder, or the card of anything in the catalogue.

    A run is shown with rates, costs of fitting and warnings. Cards are of estimators, baselines, samplers,
    problems, distributions, costs, metrics, figures, the columns of tables and scenarios; `bench list` lists
    them.
    """
    if (what and Path(what).exists()) or "/" in what or "\\" in what:
        _show_run(Path(what), parameter, markdown)
        return
    from bench.cards import found
    from bench.errors import Invalid, invalid, shown

    with explained():
        try:
            cards = found(what)
        except Invalid as error:
            if ":" in what:
                raise
            raise invalid(f"{shown(what)} is no folder of a run, and {error}") from None
    if len(cards) > 1:
        for kind, card in cards:
            click.echo(f"{kind.removesuffix('s')}:{card.name}  {card.summary}")
        return
    ((kind, card),) = cards
    click.echo("\n".join(_lines(kind.removesuffix("s"), card, console().width)))


def _lines(kind: str, card: Card, width: int) -> list[str]:
    lines = [f"{card.name} · {kind}", *textwrap.wrap(card.summary, width), ""]
    for line in card.plain.splitlines():
        wraps = len(line) > width and kind != "scenario"  # its text is a file
        lines += textwrap.wrap(line, width) if wraps else [line]
    lines.append("")
    for key, value in card.facts.items():
        lines += _wrapped(f"{key}: {value}", width, "  ")
    if card.options:
        lines += ["", "options"]
        for key, (default, meaning) in card.options.items():
            default = default if default == "required" else f"default {default}"
            text = f"  {key} ({default})" + (f": {meaning}" if meaning else "")
            lines += textwrap.wrap(text, width, subsequent_indent="      ")
    if card.references:
        lines += ["", "references"]
        for paper in card.references:
            lines += textwrap.wrap(f"  {paper}", width, subsequent_indent="      ")
    if card.example:
        lines += ["", "example", *(f"  {line}" for line in card.example.splitlines())]
    return [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    # Labels have hyphens: one that is broken is found no more.
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _show_run(folder: Path, parameter: str, markdown: bool) -> None:
    from bench.analysis.rows import block
    from bench.api import load
    from bench.tables.results_table import plain_table
    from bench.text.answer import answer, headline_of
    from bench.text.remarks import details, remarks

    with explained():
        run = load(folder)
        found = block(run.measurements, parameter).assign(parameter="all")
        shown = run.of(found)
        # Ratios are those of the whole gradient. Tables that are damaged are found out here.
        said = [] if markdown else [*(answer(run) if parameter == "all" else ()), *details(shown)]
    if markdown:
        click.echo(plain_table(found, headline_of(run)))
    else:
        print_results(shown, [*said, *(f"note: {remark}" for remark in remarks(found))])
