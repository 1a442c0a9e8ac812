"""The texts of `cards.json` and `docs/columns.md`, made from what they describe: `make cards`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import yaml

from bench import catalogue
from bench.cards import INTERVAL, KEPT, Card, class_card
from bench.certification.problems import PROBLEMS as EXAMPLES
from bench.distributions.families import FAMILIES, LOG, MIXTURE, Family
from bench.distributions.named_mixture import NamedMixture
from bench.docstrings import docstring_of
from bench.figures import FIGURES
from bench.formula.named import COSTS, Template
from bench.options import choices_of, described_options
from bench.problems import PROBLEMS
from bench.results.columns import TYPES
from bench.statistics.metric_table import METRICS
from estimators import ESTIMATORS

COLUMNS: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("columns.toml").read_text("utf-8")
)
"""Table -> column -> what it means."""

PAGE = Path(__file__).parents[1] / "docs" / "columns.md"
"""The page of the documentation that says the same."""


def text() -> str:
    """Return the cards of all that this project has, by kind and name, as JSON."""
    kinds = {
        "estimators": [class_card("estimators", name) for name in sorted(ESTIMATORS)],
        "baselines": list(_choices("baseline")),
        "samplers": list(_choices("sampler")),
        "problems": [_problem(name) for name in sorted(PROBLEMS)],
        "distributions": [*(_distribution(name) for name in FAMILIES), _mixture()],
        "costs": [_cost(name, cls) for name, cls in COSTS.items()],
        "metrics": [_metric(name) for name in METRICS],
        "figures": [
            Card(name, figure.title.rstrip(".?") + ".", figure.description, example=f"run.figures[{name!r}]")
            for name, figure in FIGURES.items()
        ],
        "columns": list(_columns()),
    }
    found = {kind: {card.name: _filled(card) for card in cards} for kind, cards in kinds.items()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _filled(card: Card) -> dict[str, Any]:
    return {key: value for key, value in asdict(card).items() if value and key != "name"}


def _described(cls: type) -> tuple[str, str, dict[str, tuple[str, str]], tuple[str, ...]]:
    said = docstring_of(cls)
    options = {key: (default, said.options.get(key, "")) for key, default in described_options(cls).items()}
    return said.summary, said.text, options, tuple(said.references)


def _choices(option: str) -> Iterable[Card]:
    """Return a card of each thing that an option of the score-function estimator may be."""
    for name, cls in choices_of(catalogue.find("estimators", "reinforce"), option).items():
        yield _choice(name, cls, option)


def _choice(name: str, cls: type, option: str) -> Card:
    summary, body, options, references = _described(cls)
    options = {key: value for key, value in options.items() if key != "minimum_sample_size"}
    needed = {key: 1.0 for key, (default, _) in options.items() if default == "required"}
    chosen: Any = {name: needed} if needed else name
    example = _yaml("estimators", [{"reinforce": {option: chosen}}])
    return Card(name, summary, body, {}, options, references, example)


def _problem(name: str) -> Card:
    card = class_card("problems", name)
    example = next(
        (each.options for each in EXAMPLES.values() if each.options["name"] == name), {"name": name}
    )
    return replace(card, example=_yaml("problem", example))


def _distribution(name: str) -> Card:
    family = FAMILIES[name]
    words = family.names()
    needs = "; ".join(
        " or ".join(w for w in words if w.removeprefix(LOG) in alternatives)
        for alternatives in family.parameters
    )
    wide = "rows" if family.rows else "" if family.vector else "a list"
    number = f"a number; a vector, {f'if a parameter is {wide}, or ' if wide else ''}by repeat: 3"
    event = "a vector of dependent numbers" if family.joint else number
    summary = f"The distribution `{family.cls.__name__}` of torch.distributions, by its parameters there."
    given = {of[0]: _value(family, of[0]) for of in family.parameters}
    theta = next(word for word in given if word not in ("total_count", "df"))
    cost = "sum(z**2)" if family.joint else "z**2"
    example = _expectation({name: given}, [theta], cost)
    return Card(name, summary, "", {"parameters": needs, "one draw": event}, example=example)


def _mixture() -> Card:
    summary, body, _, references = _described(NamedMixture)
    parts = {
        "left": {"normal": {"loc": -0.5, "scale": 0.5}},
        "right": {"laplace": {"loc": 1.5, "scale": 1.5}},
    }
    facts = {
        "parameters": "parts, a distribution for each of two names or more; probs or logits; of θ, left.loc",
        "one draw": "as of the parts, which are all continuous or all discrete",
    }
    example = _expectation({MIXTURE: {"parts": parts, "probs": [0.4, 0.6]}}, ["probs", "left.loc"], "z**2")
    return Card(MIXTURE, summary, body, facts, {}, references, example)


def _expectation(distribution: Any, parameters: list[str], cost: Any) -> str:
    whole = {"name": "expectation", "distribution": distribution, "parameters": parameters, "cost": cost}
    return _yaml("problem", whole)


def _value(family: Family, parameter: str) -> Any:
    """Return something that a parameter may be, for an example."""
    if parameter == "df":
        return 5.0  # with which the cost has a variance
    if family.shape(parameter) == 2:
        return [[0.8], [-0.3, 0.6]]
    words = str(family.constraint(parameter))
    one = next((value for word, value in _VALUES.items() if word in words), 0.5)
    if one == [0.4, 0.6] or not (family.vector or family.joint):
        return one
    return [one, one]


_VALUES = {"Simplex": [0.4, 0.6], "Integer": 5, "Interval": 0.3, "GreaterThan": 1.5}


def _cost(name: str, cls: type[Template]) -> Card:
    summary, body, options, references = _described(cls)
    constants = {key: float(default) for key, (default, _) in options.items()}
    loc = [0.5, -0.3] if cls.of_vector else 0.5
    example = _expectation({"normal": {"loc": loc, "scale": 1.5}}, ["loc"], {name: constants})
    return Card(name, summary, body, {}, options, references, example)


def _metric(name: str) -> Card:
    metric = METRICS[name]
    said = docstring_of(metric.function)
    columns = ", ".join(column.name for column in metric.columns)
    facts = {"better": metric.better, "columns": columns}
    return Card(name, said.summary, said.text, facts, example=f"headline: {name}")


def _columns() -> Iterable[Card]:
    """Return a card of each column; one that several tables have is described for each."""
    names = dict.fromkeys(name for of in COLUMNS.values() for name in of)
    for name in names:
        tables = [table for table, of in COLUMNS.items() if name in of]
        first, *others = [f"{COLUMNS[table][name]}" for table in tables]
        more = [f"In {table}: {text}" for table, text in zip(tables[1:], others, strict=True)]
        facts = {"tables": ", ".join(tables)}
        if bounded := [table for table in tables if _ends(table, name)]:
            facts[INTERVAL] = f"{', '.join(_ends(bounded[0], name))} in {', '.join(bounded)}"
        yield Card(name, first, "\n".join(more), facts)


def _yaml(key: str, value: Any) -> str:
    """Return a part of a scenario as a file has it."""
    lines = yaml.safe_dump(_plain(value), sort_keys=False, default_flow_style=None, width=90).splitlines()
    return "\n".join([f"{key}:", *(f"  {line}" for line in lines)])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def columns_page() -> str:
    """Return the page of the documentation on the columns of a run's tables, as Markdown."""
    start = "# Columns of the tables of a run\n\nMade by `make cards` from `bench/columns.toml`.\n"
    return start + "".join(_table_of(table, columns) for table, columns in COLUMNS.items())


def _table_of(table: str, columns: Mapping[str, str]) -> str:
    head = f"\n## {table}\n\n| column | 95 % interval | meaning |\n| --- | --- | --- |\n"
    rows = []
    for name, said in columns.items():
        ends = ", ".join(f"`{end}`" for end in _ends(table, name))
        rows.append(f"| `{name}` | {ends} | {said} |\n")
    return head + "".join(rows)


def _ends(table: str, name: str) -> list[str]:
    """Return the columns of the ends of the interval of a column; none, if it has no interval."""
    ends = [f"{name}_low", f"{name}_high"]
    return ends if set(ends) <= set(TYPES[table]) else []


if __name__ == "__main__":
    KEPT.write_text(text(), "utf-8")
    if PAGE.parent.is_dir():  # an installed package has no documents
        PAGE.write_text(columns_page(), "utf-8")
