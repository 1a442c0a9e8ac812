"""The sdist: what is in it, the wheel that is made of it, and other versions of Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.journeys.test_wheel import AS_IT_IS, PIP, ROOT, ran

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OTHERS = ("3.12", "3.13")
"""Versions of Python that are supported, besides that of the tests."""


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the sdist unpacks to."""
    folder = tmp_path_factory.mktemp("sdist")
    # As a file that `pip` would get: what git does not know is no part of it.
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    source = folder / "source"
    for name in filter(None, tracked.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    ran([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], source)
    (made,) = folder.glob("*.tar.gz")
    assert made.name == f"gradient_estimator_bench-{PROJECT['version']}.tar.gz"
    with tarfile.open(made) as file:
        file.extractall(folder, filter="data")
    return folder / made.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel that is made of the sdist."""
    ran([*PIP, "wheel", *AS_IT_IS, "-w", sdist.parent, sdist], sdist.parent)
    (made,) = sdist.parent.glob("*.whl")
    return made


def test_it_has_what_a_packager_needs(sdist: Path) -> None:
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "tests/cases.py", "docs/conf.py"):
        assert (sdist / name).is_file(), name


def test_the_wheel_has_every_module_scenario_and_table(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        inside = set(file.namelist())
    known = {".py", ".toml", ".json", ".html", ".css", ".js", ".ttf", ".typed", ".txt", ".md"}
    for package in ("bench", "estimators"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in known and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in inside
    scenarios = {f"bench/scenario/files/{path.name}" for path in (ROOT / "scenarios").glob("*.yaml")}
    assert scenarios <= inside
    assert "bench/reproduction/numbers.toml" in inside


def test_the_wheel_has_the_licences_of_what_is_vendored(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        texts = {name: file.read(name).decode() for name in file.namelist() if "/licenses/" in name}
    said = "\n".join(texts.values())
    for words in ("MIT License", "University of Washington Interactive Data Lab", "Bitstream"):
        assert words in said, words
    for name in ("vega", "vega-lite", "vega-embed"):
        assert any(path.endswith(f"LICENSE.{name}.txt") for path in texts)


PACKAGES = "import torch, numpy, pandas, altair, pydantic, numba, sklearn, flint"


def interpreter(version: str) -> Path:
    """The interpreter of a version, with the packages that the bench needs; else the test is skipped."""
    found = shutil.which(f"python{version}")
    if found is None:
        pytest.skip(f"there is no python{version}")
    if subprocess.run([found, "-c", PACKAGES], capture_output=True, check=False).returncode:
        pytest.skip(f"python{version} has not the packages that the bench needs")
    return Path(found)


def test_the_versions_of_python_are_those_that_are_declared() -> None:
    declared = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert declared == ["3.11", *OTHERS]
    assert PROJECT["requires-python"] == ">=3.11"


@pytest.mark.parametrize("version", OTHERS)
def test_it_works_with_another_version_of_python(version: str, wheel: Path, tmp_path: Path) -> None:
    python = interpreter(version)
    ran([python, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "environment"], tmp_path)
    own = tmp_path / "environment" / "bin" / "python"
    (packages,) = (tmp_path / "environment").glob("lib/python*/site-packages")
    theirs = ran([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path)
    (packages / "needed.pth").write_text(theirs)
    ran([*PIP, "--python", own, "install", *AS_IT_IS, "--no-index", wheel], tmp_path)
    bench = tmp_path / "environment" / "bin" / "bench"
    assert f"version {PROJECT['version']}" in ran([bench, "--version"], tmp_path)
    assert "least variance" in ran([bench, "run", "gaussian", "--quick"], tmp_path)
    (folder,) = (tmp_path / "results" / "gaussian").iterdir()
    ran([bench, "report", folder, "--figures", "png"], tmp_path)
    assert "certified" in ran([bench, "certify", "reinforce"], tmp_path)
