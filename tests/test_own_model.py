"""The guide to one's own model: its code, its commands and its table are true."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import catalogue
from bench.cli import main
from tests.test_readme import ROOT

GUIDE = (ROOT / "docs" / "own-model.md").read_text("utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
CONSOLE = re.findall(r"^```console\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in CONSOLE for line in block.splitlines()]
MODULES = {name.removesuffix(".py") for name in FILES if name.endswith(".py")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    monkeypatch.setattr(catalogue, "PLUGINS", [])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.removeprefix("bench_plugin_") in MODULES:
            del sys.modules[name]


@pytest.mark.slow
def test_the_commands_work_one_after_the_other(folder: Path) -> None:
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        program, *words = shlex.split(command)
        assert program == "bench"
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, (command, done.output, done.exception)
    assert len(list(folder.glob("results/*/*/report.html"))) == 2


@pytest.mark.slow
def test_the_page_is_made_from_python(folder: Path) -> None:
    sys.path.append(str(folder))  # as of a program that is run there
    exec(compile(FILES["page.py"], "page.py", "exec"), {})
    assert "my_vae" in (folder / "page.html").read_text("utf-8")


def test_the_class_and_its_registration_are_ten_lines() -> None:
    lines = [line for line in FILES["my_vae.py"].splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith(("import", "from"))]) <= 10


def test_no_file_is_left_out_of_the_tests() -> None:
    assert GUIDE.count("```python") + GUIDE.count("```yaml") == len(FILES) == 6
