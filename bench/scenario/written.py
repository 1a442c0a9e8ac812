"""Texts as `json.dumps` writes them: read at once, where the YAML parser takes a hundred times as long."""

from __future__ import annotations

import json
import re
from typing import Any

from bench.scenario.tree import DEPTH_LIMIT, NODE_LIMIT, SIZE_LIMIT

# Escapes of other characters than quotes may be of some that are refused, and numbers may be too long: `Tree`
# knows.
_DOUBTFUL = re.compile(rf"\\[^\"\\]|[^\n\x20-\x7e]|[0-9]{{100}}|\n {{{DEPTH_LIMIT}}}")


def write(value: Any) -> str:
    """Return plain data as JSON: sorted, one value a line.

    Raises:
        ValueError: if a number is not finite.
    """
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read(text: str) -> Any:
    """Return the plain data of a text that `write` gave and `Tree` would read as well; None of any other."""
    # A line has a key and a value at most.
    if not text.startswith("{\n") or 2 * text.count("\n") > NODE_LIMIT or len(text) > SIZE_LIMIT:
        return None
    if _DOUBTFUL.search(text):
        return None
    try:
        value = json.loads(text)
        return value if write(value) == text else None
    except ValueError:
        return None
