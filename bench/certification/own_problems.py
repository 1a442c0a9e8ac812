"""One's own problems for the battery: those of a file, of a scenario, or as Python code gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bench import catalogue
from bench.arguments import refused
from bench.certification.problems import Reference
from bench.engine.plan import NamedEstimator
from bench.errors import Invalid, invalid
from bench.scenario.resolved import resolved


def problems_named(places: Sequence[str]) -> dict[str, Reference]:
    """The problems that arguments name: by name, or as `module:Class`, `file.py` or `file.py:Class`.

    Raises:
        Invalid: if there is none.
    """
    found: dict[str, Reference] = {}
    for place in places:
        names = catalogue.add_problems_at(place) if _is_place(place) else [place]
        for name in names:
            catalogue.find("problems", name)
            short = name.rpartition("/")[2]
            found[name if short in found else short] = Reference({"name": name})
    return found


def problems_of_scenario(file: str) -> tuple[dict[str, Reference], list[NamedEstimator]]:
    """The problems of a scenario, one for each point of its sweep, and its estimators.

    Raises:
        ScenarioError: with everything that is wrong with it.
    """
    scenario, _, experiments = resolved(file)
    found: dict[str, Reference] = {}
    for each in experiments:
        label = f"{scenario.name}, {each.point}" if each.point else scenario.name
        found[label] = Reference(_options_of(each.problem_key))
    return found, list(experiments[0].estimators)


def references_of(problems: Mapping[str, Any]) -> dict[str, Reference]:
    """The problems that Python code gives: references, options as a scenario has them, or classes, by name.

    Raises:
        Invalid: if one is something else.
    """
    if not isinstance(problems, Mapping) or not problems:
        raise refused("problems", _WANTED, problems)
    return {str(name): _reference(each) for name, each in problems.items()}


_WANTED = "a mapping from names to references, to {name: NAME, option: value}, or to classes of problems"


def _reference(given: Any) -> Reference:
    if isinstance(given, Reference):
        return given
    if isinstance(given, type):
        return Reference({"name": catalogue.add_class(given)[0]})
    if isinstance(given, Mapping) and isinstance(given.get("name"), str):
        return Reference(dict(given))
    raise refused("problems", _WANTED, given)


def _options_of(key: str) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(key)
    return options


def _is_place(place: str) -> bool:
    return place.endswith(".py") or ":" in place


def check_problems(problems: Mapping[str, Reference]) -> None:
    """Build each problem once, so that what is wrong with it is told before anything is measured.

    Raises:
        Invalid: with the problem that it is wrong with.
    """
    for name, reference in problems.items():
        options = {key: value for key, value in reference.options.items() if key != "name"}
        try:
            catalogue.build("problems", str(reference.options["name"]), options)
        except Exception as error:
            told = str(error) if isinstance(error, Invalid) else f"{type(error).__name__}: {error}"
            raise invalid(f"problem {name}: {told}") from error
