"""Every command and every line of Python in the README, one after the other in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_readme import ROOT, blocks

COMMANDS = [
    command
    for block in blocks("console")
    for line in block.splitlines()
    if (command := line.partition("  #")[0].strip())
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files under version control, in which the packages are installed already."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(
        listed, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "error",
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 20
    assert {command.split()[0] for command in COMMANDS} == {"make", "bench"}


def test_every_command_works_one_after_the_other(clone: Path) -> None:
    for command in COMMANDS:
        # Nothing is installed again: the copy has the environment of the tests.
        done = shell(clone, command.replace("make run", "make run --assume-old=.venv/installed"))
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        assert "Traceback" not in done.stderr, command
        assert done.stdout.strip() or done.stderr.strip(), command
    made = ["report.html", "vae.html", "vae.tex", "vae.md", "figure.pdf", "half_path.py", "my_problem.yaml"]
    assert [name for name in made if not (clone / name).exists()] == []
    assert list(clone.glob("results/gaussian/*/report.html"))


def test_the_python_works(clone: Path) -> None:
    program = next(block for block in blocks("python") if "import bench" in block)
    done = shell(clone, f"python - <<'END'\n{program}\nprint(len(run.measurements), list(run.figures))\nEND")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("10 ['histograms', ")
    assert (clone / "page.html").exists()


def test_the_estimator_is_certified(clone: Path) -> None:
    program = next(block for block in blocks("python") if "class Reparameterization" in block)
    imports = (
        "from dataclasses import dataclass\nfrom typing import ClassVar\n"
        "from bench.estimator import Claim, Estimator, NotApplicable, gradient_of\n"
    )
    (clone / "printed.py").write_text(imports + program)
    done = shell(clone, "bench certify printed.py")
    assert done.returncode == 0, done.stdout + done.stderr
