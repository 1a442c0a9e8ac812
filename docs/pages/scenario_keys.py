"""The keys of a scenario, one by one, from the schema that files are checked against."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench.scenario.schema import json_schema
from docs.pages.markdown import code, prose, table

_MANY = 8
"""Names of an enumeration from which the catalogue is pointed at."""


def pages() -> dict[str, str]:
    """Return the page of the keys."""
    found = json_schema()
    lines = ["# Keys of a scenario", INTRODUCTION, *_section(found, found["$defs"], "")]
    return {"scenario-keys.md": "\n\n".join(lines) + "\n"}


INTRODUCTION = """\
Made from the schema that `bench validate` and editors use; `bench schema` prints it. A key that is not here
is an error, with the key that was probably meant. [Scenarios](../scenarios.md) has examples.
"""


def _section(found: Mapping[str, Any], kinds: Mapping[str, Any], place: str) -> Iterator[str]:
    required = found.get("required", ())
    rows, deeper = [], []
    for key, each in found["properties"].items():
        inner = _inner(each, kinds)
        name = f"{place}{key}"
        default = "required" if key in required else code(_said(each.get("default")))
        rows.append(
            [
                code(name),
                _type(each, kinds),
                default,
                prose(each.get("description", inner.get("description", ""))),
            ]
        )
        if "properties" in inner and key != "problem":
            deeper.append((name, inner))
    yield table(["key", "type", "default", ""], rows)
    for name, inner in deeper:
        yield f"## {name}"
        yield prose(inner.get("description", ""))
        yield from _section(inner, kinds, f"{name}.")


def _said(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _inner(each: Mapping[str, Any], kinds: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a key holds, found by its reference where it has one."""
    for one in (each, *each.get("anyOf", ()), *each.get("allOf", ())):
        if "$ref" in one:
            return dict(kinds[one["$ref"].rpartition("/")[2]])
    return each


def _type(each: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    if "const" in each:
        return code(json.dumps(each["const"]))
    if "enum" in each:
        names = each["enum"]
        return (
            ", ".join(code(str(name)) for name in names) if len(names) <= _MANY else "a name of the catalogue"
        )
    if "anyOf" in each:
        said = [_type(one, kinds) for one in each["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(said))
    if "$ref" in each:
        return "keys of its own"
    if each.get("type") == "array":
        return f"list of {_type(each['items'], kinds)}" if "items" in each else "list"
    words = {"integer": "whole number", "object": "mapping", "string": "text", "boolean": "true or false"}
    return words.get(str(each.get("type")), str(each.get("type", "anything")))
