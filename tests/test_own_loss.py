"""The guide to a loss of one's own: its code and its commands work, and say what it says they do."""

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
from bench.losses.served_samplers import FUNCTIONS, IN_PLACE
from tests.test_readme import ROOT

GUIDE = (ROOT / "docs" / "own-loss.md").read_text("utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
CONSOLE = re.findall(r"^```console\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in CONSOLE for line in block.splitlines()]
PRINTED = re.findall(r"^```text\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
MODULES = {name.removesuffix(".py") for name in FILES if name.endswith(".py")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])  # as of a program that is run there
    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    monkeypatch.setattr(catalogue, "PLUGINS", [])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.removeprefix("bench_plugin_") in MODULES:
            del sys.modules[name]


def done(command: str) -> str:
    program, *words = shlex.split(command)
    assert program == "bench"
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, (command, found.output, found.exception)
    return found.output


def said(text: str) -> str:
    """A text without its line ends and its numbers."""
    return re.sub(r"[0-9.]+", "#", " ".join(text.split()))


@pytest.mark.slow
def test_the_first_command_prints_what_the_guide_shows(folder: Path) -> None:
    assert (folder / "my_losses.py").exists()
    output = said(done(COMMANDS[0]))
    (shown,) = PRINTED
    for line in shown.splitlines():
        assert said(line) in output
    assert len(list(folder.glob("results/my_losses/*/report.html"))) == 1


@pytest.mark.slow
def test_the_other_commands_work_one_after_the_other(folder: Path) -> None:
    assert folder.exists()
    assert len(COMMANDS) == 4
    for command in COMMANDS[1:]:
        done(command)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["page.py", "loader.py", "numpy_only.py"])
def test_the_programs_run(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(FILES[name], name, "exec"), {"__name__": name})
    printed = capsys.readouterr().out
    if name == "page.py":
        assert "as when a baseline includes the sample itself" in printed
        assert "one change makes it right" in (folder / "page.html").read_text("utf-8")


def test_the_test_passes(folder: Path) -> None:
    code = pytest.main(
        ["-q", "-p", "no:cacheprovider", str(folder / "test_losses.py"), f"--rootdir={folder}"]
    )
    assert code == 0


def test_the_first_file_is_ten_lines_of_ones_own() -> None:
    lines = [line for line in FILES["my_losses.py"].splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith(("import", "from"))]) <= 10


def test_samplers_that_are_named_are_served() -> None:
    (row,) = [line for line in GUIDE.splitlines() if line.startswith("| draws by ")]
    named = set(re.findall(r"`(\w+)`", row.split("|")[1]))
    assert named - {"dropout"} <= {*FUNCTIONS, *IN_PLACE}
