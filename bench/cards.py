"""Cards of all that can be named: in a scenario, among metrics and figures, and in the tables of a run.

Those of this project are kept in `cards.json`, so that they are there without importing torch; a test holds
the file up to date, and `make cards` writes it. Cards of plug-ins are made from their classes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from bench import catalogue
from bench.docstrings import docstring_of, unmarked
from bench.errors import did_you_mean, invalid, shown
from bench.judgments import judgments
from estimators import ALIASES, ESTIMATORS, OTHER_NAMES, SHORTHANDS

Kind = Literal[
    "estimators",
    "baselines",
    "samplers",
    "problems",
    "distributions",
    "costs",
    "metrics",
    "figures",
    "columns",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds of what has a card of its own; scenarios are cards, too, where they are shown."""

Listed = Kind | Literal["scenarios"]

KEPT = Path(__file__).with_name("cards.json")


@dataclass(frozen=True)
class Card:
    """The facts about something that has a name.

    Attributes:
        name: by which it is called.
        summary: what it is, in a sentence.
        text: more of it, with formulas, which are marked as in reStructuredText.
        facts: short ones: claim, needs, other names.
        options: each option -> its default or "required", and what it is.
        references: the papers.
        example: how it is written.
    """

    name: str
    summary: str
    text: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    example: str = ""

    @property
    def plain(self) -> str:
        """The text without marks."""
        return unmarked(self.text)

    @property
    def papers(self) -> list[str]:
        """The references as "authors (year)"."""
        return [found[0] for line in self.references if (found := re.match(r"[^()]+ \(\d{4}\)", line))]


Entries = list[tuple[Listed, Card]]

EVERY_KIND: tuple[Listed, ...] = (*KINDS, "scenarios")


def cards(kind: Kind) -> list[Card]:
    """Return the cards of a kind, plug-ins included, in order.

    Raises:
        Invalid: if a plug-in cannot be imported.
    """
    kept = _kept()[kind]
    if kind == "estimators" or kind == "problems":
        return [kept.get(name) or class_card(kind, name) for name in catalogue.names(kind)]
    return list(kept.values())


def found(name: str) -> Entries:
    """Return the cards of a name, such as `reinforce`, or `metric:variance` of one kind alone.

    Other names of an estimator have its card; the ends of an interval have one that leads to its column.

    Raises:
        Invalid: if nothing is called so.
    """
    of, colon, word = name.rpartition(":")
    kinds = [kind for kind in EVERY_KIND if not colon or kind.removesuffix("s") == of.removesuffix("s")]
    if not kinds:
        singular = [kind.removesuffix("s") for kind in EVERY_KIND]
        raise invalid(f"{shown(of)} is not a kind of thing that has a card; {did_you_mean(of, singular)}")
    if colon and not word:
        first, list_ = cards_of(kinds[0])[0].name, f"`bench list {kinds[0]}` lists them"
        raise invalid(f"{shown(name)}: wanted a name after the colon, such as {of}:{first}; {list_}")
    every = [(kind, card) for kind in kinds for card in cards_of(kind)]
    scenarios: Entries = [each for each in every if each[0] == "scenarios" and each[1].name == word]
    named: Entries = [each for each in every if each[0] != "scenarios" and each[1].name == word]
    named = named or [(kind, card) for kind, card in every if word in _other_names(kind, card.name)]
    named = named or [(kind, end) for kind, card in every for end in _ends(card) if end.name == word]
    if named or scenarios:
        return named + scenarios
    what = f"no {kinds[0].removesuffix('s')}" if colon else "nothing"
    raise invalid(f"{what} is called {shown(word)}; {_instead(word, kinds, every)}")


def _instead(word: str, kinds: list[Listed], every: Entries) -> str:
    """Return what may have been meant by a name that nothing has, or nothing of some kinds."""
    others = [kind for kind in EVERY_KIND if kind not in kinds]
    elsewhere = [
        kind.removesuffix("s")
        for kind in others
        if any(word in (card.name, *_other_names(kind, card.name)) for card in cards_of(kind))
    ]
    if elsewhere:
        return "there is " + ", ".join(f"{kind}:{word}" for kind in elsewhere)
    known = {card.name for _, card in every}.union(OTHER_NAMES if "estimators" in kinds else ())
    near = did_you_mean(word, known)  # all names would be too many
    return near if near.startswith("did") else "bench list KIND lists what there is"


def cards_of(kind: Listed) -> list[Card]:
    """Return the cards of a kind, or of scenarios.

    Raises:
        Invalid: if a plug-in cannot be imported.
    """
    return scenario_cards() if kind == "scenarios" else cards(kind)


INTERVAL = "95 % interval"
"""The fact of a column that it has an interval: `NAME_low, NAME_high in TABLES`."""


def _ends(column: Card) -> list[Card]:
    """Return cards of the ends of the interval of a column, if it has one."""
    ends, _, tables = column.facts.get(INTERVAL, "").partition(" in ")
    return [
        Card(
            end,
            f"The {which} end of the {INTERVAL} of {column.name}.",
            f"{column.name}: {column.summary}",
            {"tables": tables},
        )
        for end, which in zip(filter(None, ends.split(", ")), ("lower", "upper"), strict=False)
    ]


def _other_names(kind: Listed, name: str) -> list[str]:
    if kind != "estimators":
        return []
    shorthands = [short for short, (meant, _) in SHORTHANDS.items() if meant == name]
    return [*(alias for alias, meant in ALIASES.items() if meant == name), *shorthands]


def _shown(other: str) -> str:
    """Return another name of an estimator, a shorthand with the options that it stands for."""
    options = SHORTHANDS[other][1] if other in SHORTHANDS else {}
    words = ", ".join(f"{key}: {_flow(value)}" for key, value in options.items())
    return f"{other} ({words})" if words else other


def scenario_cards() -> list[Card]:
    """Return a card of each scenario that can be run by its name: its question, and its file as text."""
    from bench.scenario.shipped import scenario_files  # late: other lists need no scenarios

    asked = re.compile(r"^question: *(.+)$", re.MULTILINE)
    found = []
    for name, path in scenario_files().items():
        text = path.read_text("utf-8", "replace")
        said = asked.search(text)
        question = said[1].strip("\"'") if said else ""
        found.append(Card(name, question, text, {"file": str(path)}, example=f"bench run {name}"))
    return found


def class_card(kind: catalogue.Kind, name: str) -> Card:
    """Return the card of an estimator or a problem, made from its class."""
    cls = catalogue.find(kind, name)
    said = docstring_of(cls)
    facts = {"claim": _claim(cls), "needs": said.needs} if kind == "estimators" else {}
    if kind == "estimators" and name in ESTIMATORS:
        facts |= judgments(name)
    also = ", ".join(_shown(each) for each in _other_names(kind, name))
    options = {
        key: (default, said.options.get(key, "")) for key, default in catalogue.options(kind, name).items()
    }
    return Card(
        name,
        said.summary,
        said.text,
        {key: value for key, value in {"also": also, **facts}.items() if value},
        options,
        tuple(said.references),
        _estimator_example(name, options) if kind == "estimators" else "",
    )


def _claim(cls: Any) -> str:
    """The claim of an estimator, with its own options where these decide."""
    found = getattr(cls, "bias", "")
    return found if isinstance(found, str) else str(cls().bias)


def _estimator_example(name: str, options: Mapping[str, tuple[str, str]]) -> str:
    """Return the estimator alone, with its options as they are by default, and what its shorthands are."""
    lines = ["estimators:", f"  - {name}"]
    if options and "required" not in [default for default, _ in options.values()]:
        lines.append(_entry(name, {key: default for key, (default, _) in options.items()}))
    for short, (own, preset) in SHORTHANDS.items():
        if own == name:
            lines += [f"  - {short} # is short for:", _entry(name, preset)]
    return "\n".join(lines)


def _entry(name: str, options: Mapping[str, object]) -> str:
    """One entry of a list of estimators; with many options a line for each."""
    given = [f"{key}: {_flow(value)}" for key, value in options.items()]
    line = f"  - {name}: {{{', '.join(given)}}}"
    return line if len(line) <= _WIDEST else "\n".join([f"  - {name}:", *(f"      {each}" for each in given)])


_WIDEST = 120


def _flow(value: object) -> str:
    """An option as YAML has it within a line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    return str(value)


@cache
def _kept() -> dict[str, dict[str, Card]]:
    found = json.loads(KEPT.read_text("utf-8"))
    return {kind: {name: _card(name, data) for name, data in of.items()} for kind, of in found.items()}


def _card(name: str, data: Mapping[str, object]) -> Card:
    options = {key: tuple(value) for key, value in dict(data.get("options", {})).items()}  # type: ignore[call-overload]
    rest = {key: value for key, value in data.items() if key not in ("options", "references")}
    return Card(name, **rest, options=options, references=tuple(data.get("references", ())))  # type: ignore[arg-type]
