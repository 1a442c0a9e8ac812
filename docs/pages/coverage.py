"""The reference of a site that was built: each public name, catalogue entry and option has its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

import bench
from bench.cards import KINDS, cards
from bench.cli import main
from docs.pages.catalogue import target
from docs.pages.links import targets


def missing(site: Path) -> Iterator[str]:
    """Yield what has no place in a site: `bench.NAME`, `KIND NAME` or `bench VERB --OPTION`."""
    for name in bench.__all__:
        if not any(each.split(".")[-1] == name for each in targets(site / "made" / "api" / f"{name}.html")):
            yield f"bench.{name}"
    for kind in KINDS:
        there = targets(site / "made" / "catalogue" / f"{kind}.html")
        yield from (f"{kind} {card.name}" for card in cards(kind) if target(kind, card.name) not in there)
    there = targets(site / "command-line.html")
    for verb, option in options(main, "bench"):
        if f"cmdoption-{verb}-{option.lstrip('-')}".replace(" ", "-") not in there:
            yield f"{verb} {option}"


def options(command: click.Command, verb: str) -> Iterator[tuple[str, str]]:
    """Yield the options of a command and of those within it: the words that call it, and the option."""
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            yield verb, max(parameter.opts, key=len)
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from options(each, f"{verb} {name}")


if __name__ == "__main__":
    found = list(missing(Path(sys.argv[1])))
    print("\n".join([*found, f"reference: {len(found)} names without an entry"]))
    sys.exit(bool(found))
