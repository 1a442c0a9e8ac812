"""Problems and distributions in the list that the batteries run over: none is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench import catalogue
from bench.distributions.families import FAMILIES
from tests.cases import CERTIFIED_ON, IMPLICIT, POLICIES, VARIATIONAL

LISTED: list[Mapping[str, Any]] = [
    *(reference.options for reference in CERTIFIED_ON.values()),
    *POLICIES.values(),  # held to enumeration, see test_group_policy and test_tokens
    IMPLICIT["gan"],  # held to differences of its mean cost
    VARIATIONAL["logistic_regression"],  # held to plain Monte Carlo, and too slow to certify everything on
]
"""Problems whose expectation and whose estimators are held to plain Monte Carlo."""


def problems_in(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of a problem, and of problems within it."""
    yield options["name"]
    for value in options.values():
        if isinstance(value, Mapping) and "name" in value:
            yield from problems_in(value)


def test_every_problem_is_listed() -> None:
    assert {name for options in LISTED for name in problems_in(options)} == set(catalogue.names("problems"))


def test_every_distribution_is_listed() -> None:
    found = {name for options in LISTED for name in options.get("distribution", {})}
    assert found == set(FAMILIES)
