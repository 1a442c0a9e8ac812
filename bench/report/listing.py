"""Tables of what can be named in a scenario."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from rich.table import Column, Table
from rich.text import Text

from bench import catalogue
from bench.distributions.families import FAMILIES
from bench.statistics.metrics import METRICS
from estimators import ALIASES

_WIDTH_OF_REFERENCES = 26  # the text gets the room that the names of many authors would take


def listing(kind: str) -> Table:
    """What there is of a kind: estimators, problems, distributions, metrics or plots."""
    references = Column("references", max_width=_WIDTH_OF_REFERENCES)
    headings, rows = {
        "estimators": (
            ("estimator, options (default)", "claim", "what it is and needs", references),
            _estimators(),
        ),
        "problems": (("problem", "options (default)", "what it is"), _problems()),
        "distributions": (("distribution", "parameters"), _distributions()),
        "metrics": (("metric", "what it is"), ((name, _sentence(f)) for name, f in METRICS.items())),
        "plots": (("plot", "what it shows"), _plots()),
    }[kind]
    table = Table(*headings, show_lines=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _estimators() -> Iterator[tuple[str, ...]]:
    for name in catalogue.names("estimators"):
        also = [alias for alias, meant in ALIASES.items() if meant == name]
        options = (f"  {line}" for line in _options("estimators", name).splitlines())
        called = "\n".join([name, *(f"(also {alias})" for alias in also), *options])
        claim = getattr(catalogue.find("estimators", name), "bias", "")
        needs = catalogue.needs(name)
        text = [catalogue.summary("estimators", name), *([f"Needs {needs}."] if needs else [])]
        yield called, claim, "\n".join(text), "\n".join(catalogue.references(name))


def _problems() -> Iterator[tuple[str, ...]]:
    for name in catalogue.names("problems"):
        yield name, _options("problems", name), catalogue.summary("problems", name)


def _distributions() -> Iterator[tuple[str, ...]]:
    for name, family in FAMILIES.items():
        yield name, ", ".join(family.names())


def _plots() -> Iterator[tuple[str, ...]]:
    from bench.figures import FIGURES  # late: other tables need not wait for what draws

    for name, figure in FIGURES.items():
        yield name, figure.title


def _options(kind: catalogue.Kind, name: str) -> str:
    return "\n".join(f"{key} ({default})" for key, default in catalogue.options(kind, name).items())


def _sentence(function: object) -> str:
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
