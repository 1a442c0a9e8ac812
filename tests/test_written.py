"""Texts that the program wrote itself are read without the YAML parser, and as that would read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scenario import written
from bench.scenario.document import parse
from bench.scenario.tree import DEPTH_LIMIT, Tree

BASELINES = Path(__file__).parent.parent / "results" / "baselines"
TEXT = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
PLAIN = st.recursive(
    SCALARS, lambda some: st.lists(some, max_size=4) | st.dictionaries(TEXT, some, max_size=4), max_leaves=20
)


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_what_is_read_at_once_is_what_the_tree_has(value: dict[str, Any]) -> None:
    text = written.write(value)
    found, tree = written.read(text), Tree(text)
    if found is not None:
        assert tree.faults == []
        assert repr(found) == repr(tree.value)


@pytest.mark.parametrize("name", sorted(path.name for path in BASELINES.glob("*.json")))
def test_baselines_are_read_at_once(name: str) -> None:
    text = (BASELINES / name).read_text("utf-8")
    assert written.read(text) == Tree(text).value
    document = parse(text, name)
    assert "_tree" not in vars(document)
    assert document.position(("format",), key=True) == Tree(text).keys[("format",)]


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth else {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1\n",
        '{"a": 1}\n',
        '{\n "a": 1,\n "a": 1\n}\n',
        '{\n "a": NaN\n}\n',
        '{\n "b": 1,\n "a": 1\n}\n',
        '{\n "a": 1e999\n}\n',
        '{\n "a": "\\u0000"\n}\n',
        '{\n "a": 1\n}\n\n',
        written.write({"a": 10**300}),
        written.write(nested(DEPTH_LIMIT)),
    ],
)
def test_other_texts_are_left_to_the_tree(text: str) -> None:
    assert written.read(text) is None


def test_the_control_is_read() -> None:
    assert written.read('{\n "a": 1\n}\n') == {"a": 1}
