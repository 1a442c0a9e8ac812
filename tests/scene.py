"""Marks that a chart really draws, with their places in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import vl_convert

NO_DATA = ("axis", "legend", "title")


def marks(spec: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The items of all marks of a kind, such as symbol, rule, area, rect, text."""
    return list(_items(vl_convert.vegalite_to_scenegraph(spec, vl_version="6.4")["scenegraph"], kind))


def _items(node: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    if str(node.get("role", "")).startswith(NO_DATA):
        return
    for item in node.get("items", ()):
        if node.get("marktype") == kind and kind != "group":
            yield item
        yield from _items(item, kind)


def words(spec: dict[str, Any]) -> str:
    """All text of a chart: titles, captions, legends and labels as well."""
    found: list[str] = []

    def walk(node: dict[str, Any]) -> None:
        for item in node.get("items", ()):
            text = item.get("text", "")
            found.extend(text if isinstance(text, list) else [str(text)])
            walk(item)

    walk(vl_convert.vegalite_to_scenegraph(spec, vl_version="6.4")["scenegraph"])
    return "\n".join(found)
