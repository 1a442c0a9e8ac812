"""Values that the command line puts in place of those in a scenario file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from bench.arguments import plain_data, refused
from bench.errors import Path, invalid, shown
from bench.scenario.document import printable
from bench.scenario.tree import DEPTH_LIMIT, Tree

_INDEX = re.compile(r"[0-9]{1,9}")
_LONGEST_LABEL = 80


@dataclass(frozen=True)
class Override:
    """A value and where it belongs, as in `problem.cost=z**3`.

    Attributes:
        text: as it was written.
        keys: keys and list positions from the top of the scenario.
        value: plain data.
    """

    text: str
    keys: tuple[str, ...]
    value: Any

    def applied(self, data: Any) -> tuple[Any, Path]:
        """New data with the value in place, and the path at which it now is.

        Mappings that are not there yet are made. A word may be entered by its own
        name: below `reinforce`, `reinforce.baseline` makes `{reinforce: {baseline: ...}}`.

        Raises:
            Invalid: if the keys lead nowhere.
        """
        return _put(data, self.keys, self.value, ())


_KEYWORDS = {
    "sample_sizes": "sweep.sample_sizes",
    "replicates": "replicates",
    "precision": "precision.variance",
    "devices": "sweep.devices",
    "seed": "seed",
}


def of_keywords(**values: Any) -> list[str]:
    """Return overrides of what can be changed by a word of its own; None changes nothing.

    Lists are given as lists, or as texts with commas.
    """
    found = []
    for name, given in values.items():
        value = plain_data(given)
        if isinstance(value, str) and name in ("sample_sizes", "devices"):
            value = f"[{value}]"
        elif value is not None and not isinstance(value, str):
            value = _written(name, value)
        found += [] if value is None else [f"{_KEYWORDS[name]}={value}"]
    return found


def _written(name: str, value: Any) -> str:
    try:
        return json.dumps(value if isinstance(value, int | float) else list(value))
    except TypeError:
        wanted = "a list" if name in ("sample_sizes", "devices") else "a number"
        raise refused(name, wanted, value) from None


def understood(text: str) -> Override:
    """An override as the command line gives it.

    Raises:
        Invalid: if it is not `dotted.key=value` with a value in YAML.
    """
    dotted, equals, value = text.partition("=")
    keys = tuple(dotted.strip().split("."))
    if not equals or not all(keys) or not dotted.isprintable():
        raise invalid("wanted dotted.key=value, such as problem.cost=z**3")
    if len(keys) > DEPTH_LIMIT:
        raise invalid(f"nested too deeply: the limit is {DEPTH_LIMIT} levels")
    tree = Tree(value)
    if tree.faults:
        raise invalid(tree.faults[0][1])
    return Override(text, keys, tree.value)


def label(text: str) -> str:
    """An override as it is named in a complaint: short and printable."""
    return "--set " + printable(text, _LONGEST_LABEL)


def _put(node: Any, keys: tuple[str, ...], value: Any, above: Path) -> tuple[Any, Path]:
    if not keys:
        return value, above
    first, rest = keys[0], keys[1:]
    if isinstance(node, list):
        index = _index(node, first, above)
        inner, path = _put(node[index], rest, value, (*above, index))
        return [*node[:index], inner, *node[index + 1 :]], path
    mapping = _entered(node, first, above)
    inner, path = _put(mapping.get(first), rest, value, (*above, first))
    return {**mapping, first: inner}, path


def _index(items: list[Any], word: str, above: Path) -> int:
    if _INDEX.fullmatch(word) and int(word) < len(items):
        return int(word)
    reach = f"0 to {len(items) - 1}" if items else "and it is empty"
    raise invalid(f"{_named(above)} is a list: wanted a position, {reach}, got {shown(word)}")


def _entered(node: Any, word: str, above: Path) -> dict[str, Any]:
    if isinstance(node, dict):
        return node
    if node is None:
        return {}
    if node == word:
        return {word: None}
    way = f"; only {shown(node)} itself can follow" if isinstance(node, str) else ""
    raise invalid(f"{_named(above)} is {shown(node)} and has no {shown(word)}{way}")


def _named(path: Path) -> str:
    return ".".join(printable(str(part), 60) for part in path) or "the scenario"
