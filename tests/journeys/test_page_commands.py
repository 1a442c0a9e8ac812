"""The commands of the pages of the site, one after the other in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.test_readme import ROOT

INSTALLS = ("pip ", "make ")
"""What changes the environment is no part of it: the wheel is tried by `test_wheel`."""


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[str]:
    lines = block.splitlines()
    return [line.partition("  #")[0].strip() for line in lines if not line.startswith(INSTALLS)]


def done(command: str, folder: Path, *places: Path) -> str:
    """What a command prints, which must succeed; further places are searched for programs first."""
    paths = [*map(str, places), str(Path(sys.executable).parent), os.environ["PATH"]]
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": os.pathsep.join(paths), "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, (command, ran.stdout[-2000:], ran.stderr[-2000:])
    assert "Traceback" not in ran.stderr, command
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("page", ["start.md", "scenarios.md"])
def test_the_commands_work_one_after_the_other(page: str, tmp_path: Path) -> None:
    every = [command for block in blocks(page, "sh") for command in commands(block)]
    assert every
    for command in every:
        done(command, tmp_path)
    assert list(tmp_path.glob("results/*/*/report.html"))


# --- scaling.md -------------------------------------------------------------------------------------------

RUN = "20260101T120000.000000Z-1a2b3c"
"""A run as the page has it."""


def test_runs_are_measured_by_processes_resumed_collected_and_merged(tmp_path: Path) -> None:
    many, stopped, several = map(commands, blocks("scaling.md", "console"))
    for command in many[:2]:
        done(f"{command} --quick --no-report", tmp_path)
    (first, second) = sorted(path.name for path in (tmp_path / "results" / "gaussian").iterdir())
    for command in stopped:
        if " --resume" in command:
            command += " --quick --no-report"
        done(command.replace(RUN, first), tmp_path)
    merge, runs, clean = several
    parts = ("-e reinforce", "-e reparameterization")
    for place, part in zip(("here", "there"), parts, strict=True):
        (tmp_path / place).mkdir()
        done(f"bench run gaussian {part} --quick --no-report", tmp_path / place)
        (name,) = (path.name for path in (tmp_path / place / "results" / "gaussian").iterdir())
        merge = merge.replace(f" {place}/results/gaussian/RUN", f" {place}/results/gaussian/{name}")
    done(merge, tmp_path)
    assert second in done(runs, tmp_path)
    assert "finished" in done(runs, tmp_path)
    done(f"echo y | {clean}", tmp_path)


SBATCH = """#!/usr/bin/env bash
# One job of its kind, in the background.
while [ "$1" != --wrap ]; do shift; done
setsid bash -c "exec $2" > /dev/null 2>&1 &
echo $! >> "$HOME/jobs"
"""


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[Path]:
    """A folder with a program that stands in for Slurm's."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sbatch").write_text(SBATCH)
    (programs / "sbatch").chmod(0o755)
    yield programs
    for job in (tmp_path / "jobs").read_text().split():
        subprocess.run(["pkill", "-KILL", "--session", job], check=False)


def test_jobs_of_slurm_are_workers(tmp_path: Path, slurm: Path) -> None:
    (block,) = blocks("scaling.md", "sh")
    scheduler, worker, run = commands(block)
    done(scheduler, tmp_path, slurm)
    done("for i in $(seq 60); do [ -e scheduler.json ] && exit 0; sleep 1; done; exit 1", tmp_path)
    done(worker, tmp_path, slurm)
    said = done(run.replace("bench run vae", "bench run gaussian --quick --no-report"), tmp_path)
    assert "least variance" in said
    (address,) = re.findall(r"--scheduler (\S+)", commands(blocks("scaling.md", "console")[0])[2])
    again = f"bench run gaussian --quick --no-report --scheduler {address}"
    assert "least variance" in done(again.replace("HOST", "localhost"), tmp_path)


# --- formula.md and moving.md -----------------------------------------------------------------------------


def test_the_problem_of_the_page_of_formulas_has_an_exact_truth(tmp_path: Path) -> None:
    (block,) = blocks("formula.md", "yaml")
    scenario = {
        "schema": 1,
        "name": "mine",
        "version": 1,
        **yaml.safe_load(block),
        "estimators": ["reinforce", "reparameterization"],
        "sweep": {"sample_sizes": [10]},
        "replicates": 400,
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(scenario))
    assert "truth: quadrature" in done("bench run mine.yaml --no-report", tmp_path)


def test_a_plug_in_of_the_first_version_is_certified_and_its_baseline_is_updated(tmp_path: Path) -> None:
    (plug_in,) = blocks("moving.md", "python")
    certify, update = (commands(block)[0] for block in blocks("moving.md", "sh"))
    (tmp_path / "mine.py").write_text(plug_in)
    assert "certified" in done(certify, tmp_path)
    done("bench new mine", tmp_path)
    done("bench baseline save mine.yaml", tmp_path)
    done(update, tmp_path)
