"""The tree of files: names that are not repeated, files that are short, functions that no package hides."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [path for top in ("bench", "estimators") for path in sorted((ROOT / top).rglob("*.py"))]

MOST_LINES = 300
MOST_OF_A_NAME = 2


def test_no_name_of_a_file_is_in_the_tree_more_than_twice() -> None:
    counts = Counter(path.name for path in FILES if path.name != "__init__.py")
    assert len(counts) > 100
    assert {name: n for name, n in counts.items() if n > MOST_OF_A_NAME} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


def docstrings(text: str) -> list[str]:
    """The documentation of a module, of its classes and of its functions."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    return [text for text in found if text]


CLAUSE = re.compile(r"(How|What|Which|Where|By|Of|The same)\b")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documentation_begins_with_a_noun_or_a_verb(path: Path) -> None:
    assert [text for text in docstrings(path.read_text("utf-8")) if CLAUSE.match(text)] == []


def test_documentation_that_begins_otherwise_is_seen() -> None:
    found = docstrings('"""How it is."""\nclass A:\n    """A."""\n    def f(self):\n        """Of it."""')
    assert [bool(CLAUSE.match(text)) for text in found] == [True, False, True]


EVERY_MODULE = """
import importlib, sys
import bench
for name in sys.argv[1:]:
    importlib.import_module(name)
print(all(callable(getattr(bench, name)) for name in ("run", "load", "gate", "certify")))
"""


@pytest.mark.slow
def test_a_verb_is_a_function_whatever_was_imported() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if path.is_relative_to(ROOT / "bench") and path.name not in ("__init__.py", "__main__.py")
    ]
    done = subprocess.run(
        [sys.executable, "-c", EVERY_MODULE, *modules], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
