"""The path of somebody who follows docs/ci.md in an empty repository, word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "ci.md"
FILES = {
    "mine.py": "python",
    "scenarios/mine.yaml": "yaml",
    ".github/workflows/gate.yml": "yaml",
    "test_mine.py": "python",
}


def block_after(text: str, words: str) -> str:
    """The first block of code after some words."""
    found = re.compile(r"```\w+\n(.*?)```", re.DOTALL).search(text, text.index(words))
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    text = GUIDE.read_text(encoding="utf-8")
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block_after(text, f"`{name}`"), encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    for key, value in (("user.name", "Newcomer"), ("user.email", "newcomer@example.com")):
        subprocess.run(["git", "config", key, value], cwd=folder, check=True)
    for line in block_after(text, "Write down what").splitlines():
        done = shell(folder, line)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    return folder


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A line of the guide, with the Python that runs the tests."""
    environment = {key: value for key, value in os.environ.items() if key != "GITHUB_SHA"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def gate(folder: Path, more: str = "") -> subprocess.CompletedProcess[str]:
    (line,) = block_after(GUIDE.read_text(encoding="utf-8"), "From then on").splitlines()
    return shell(folder, f"{line} {more}")


def test_the_estimator_of_the_guide_is_certified(repository: Path) -> None:
    (line,) = block_after(GUIDE.read_text(encoding="utf-8"), "Certify it first").splitlines()
    done = shell(repository, line)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certified: mine, on 32 of 32 problems" in done.stdout


def test_the_gate_is_green_then_red_and_names_the_estimator(repository: Path) -> None:
    assert (repository / "results/baselines/mine.json").exists()
    assert (repository / "results/baselines/mine.anchor.json").exists()
    green = gate(repository)
    assert green.returncode == 0, green.stdout + green.stderr
    assert "pass: 4 pass" in green.stdout
    # On fresh random numbers too.
    fresh = gate(repository, "--full")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert "screen" in fresh.stdout
    mine = repository / "mine.py"
    whole = mine.read_text()
    leave_one_out = "baseline = (cost.sum(0) - cost) / (sample_size - 1)"
    assert leave_one_out in whole
    mine.write_text(whole.replace(leave_one_out, "baseline = cost.mean(0)"))
    red = gate(repository, "--github")
    assert red.returncode == 1, red.stdout + red.stderr
    assert "regression: mine: mine, N = 10, cpu, float32: bias: the bias is -0." in red.stdout
    assert "regression: mine: reinforce" not in red.stdout
    assert "::error file=scenarios/mine.yaml,title=regression%3A bias of mine::" in red.stdout
    mine.write_text(whole)
    assert gate(repository).returncode == 0


def test_the_tests_of_the_guide_pass(repository: Path) -> None:
    done = shell(repository, "python -m pytest -q -p no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
