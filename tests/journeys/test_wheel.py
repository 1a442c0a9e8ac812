"""The package installed from a wheel, outside of the repository: no file of the repository is needed."""

from __future__ import annotations

import ast
import email
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
AS_IT_IS = ["--quiet", "--no-deps", "--no-build-isolation"]


def done(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def ran(command: list[str | Path], folder: Path) -> str:
    """The output of a program, which must succeed."""
    found = done(command, folder)
    assert found.returncode == 0, (command, found.stdout[-3000:], found.stderr[-3000:])
    return found.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    ran([*PIP, "wheel", *AS_IT_IS, "-w", folder, ROOT], folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with what it needs from where the tests have it."""
    folder = tmp_path_factory.mktemp("environment")
    ran([sys.executable, "-m", "venv", "--without-pip", folder], folder)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    # A path that is added so is searched last, and its own `.pth` files, that of an editable installation
    # say, are not read.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    installed(python, wheel)
    return python.parent


def installed(python: Path, what: Path) -> None:
    ran([*PIP, "--python", python, "install", *AS_IT_IS, what], what.parent)


@pytest.fixture
def elsewhere(tmp_path: Path, binaries: Path) -> Path:
    place = ran([binaries / "python", "-c", "import bench; print(bench.__file__)"], tmp_path)
    assert Path(place.strip()).is_relative_to(binaries.parent)
    return tmp_path


def test_what_is_imported_is_declared(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (metadata,) = (name for name in file.namelist() if name.endswith("METADATA"))
        headers = email.message_from_bytes(file.read(metadata)).get_all("Requires-Dist") or []
        sources = [file.read(name).decode() for name in file.namelist() if name.endswith(".py")]
    declared = {re.split(r"[<>=; \[]", line)[0].lower() for line in headers if "test" not in line}
    distributions = packages_distributions()
    imported = set()
    for node in (node for text in sources for node in ast.walk(ast.parse(text))):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        imported |= {name.partition(".")[0] for name in names}
    foreign = imported - sys.stdlib_module_names - {"bench", "estimators"}
    needed = {distributions[name][0].lower() for name in foreign if name in distributions}
    # Only in a notebook, and only where tests run.
    assert needed - declared == {"ipython", "pytest"}
    assert {"torch", "numpy", "altair"} <= needed


def test_the_example_runs_and_is_reported(elsewhere: Path, binaries: Path) -> None:
    out = ran([binaries / "bench", "run", "gaussian", "--quick"], elsewhere)
    assert "least variance" in out
    (folder,) = (elsewhere / "results" / "gaussian").iterdir()
    assert (folder / "report.html").exists()
    ran([binaries / "bench", "report", folder, "-o", "page.html", "--figures", "png,svg,pdf"], elsewhere)
    kinds = ("png", "svg", "pdf")
    drawn = {kind: {path.stem for path in elsewhere.glob(f"figures/*.{kind}")} for kind in kinds}
    assert drawn["png"] == drawn["svg"] == drawn["pdf"] >= {"histograms", "variance", "bias", "ratios"}
    assert "reinforce" in ran([binaries / "bench", "list", "--json"], elsewhere)
    assert "gaussian" in ran([binaries / "bench", "list", "scenarios"], elsewhere)
    assert "Williams (1992)" in ran([binaries / "bench", "show", "reinforce"], elsewhere)
    ran([binaries / "bench", "plot", folder, "--y", "mse", "-o", "mse.png"], elsewhere)
    assert (elsewhere / "mse.png").exists()


def test_new_files_work(elsewhere: Path, binaries: Path) -> None:
    bench = binaries / "bench"
    ran([bench, "new", "mine"], elsewhere)
    ran([bench, "new", "my_own", "--estimator"], elsewhere)
    ran([bench, "new", "my_problem", "--problem"], elsewhere)
    ran([bench, "validate", "mine.yaml"], elsewhere)
    # A plug-in that is a file.
    changed = ["--set", "estimators=[reinforce, my_own]", "--quick", "--no-report"]
    assert "my_own" in ran([bench, "--plugin", "my_own.py", "run", "mine.yaml", *changed], elsewhere)
    ran([bench, "--plugin", "my_problem.py", "run", "my_problem.yaml", "--quick", "--no-report"], elsewhere)


def test_a_package_offers_its_estimators_by_entry_point(elsewhere: Path, binaries: Path) -> None:
    ran([binaries / "bench", "new", "half_path", "--estimator"], elsewhere)
    ran([binaries / "bench", "new", "mine"], elsewhere)
    package = elsewhere / "package"
    package.mkdir()
    (elsewhere / "half_path.py").rename(package / "half_path.py")
    source = (package / "half_path.py").read_text("utf-8")
    (name,) = re.findall(r"^class (\w+)\(", source, re.MULTILINE)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "half-path"\nversion = "1"\n'
        f'[project.entry-points."bench.estimators"]\nhalf_path = "half_path:{name}"\n'
        '[tool.hatch.build.targets.wheel]\ninclude = ["half_path.py"]\n'
    )
    installed(binaries / "python", package)
    changed = ["--set", "estimators=[reinforce, half_path]", "--quick", "--no-report"]
    assert "half_path" in ran([binaries / "bench", "run", "mine.yaml", *changed], elsewhere)
    assert "half_path" in ran([binaries / "bench", "list", "estimators"], elsewhere)
    ran([*PIP, "--python", binaries / "python", "uninstall", "-y", "half-path"], elsewhere)


TYPED = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
from torch import Tensor

import bench
from bench.estimator import Claim, gradient_of


@dataclass(frozen=True)
class Mine(bench.Estimator):
    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: bench.Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        if not p.has_rsample:
            raise bench.NotApplicable("x has no reparameterized sampler")
        return gradient_of(theta, problem.cost(p.rsample((sample_size,)), theta))


names: list[str] = bench.plugin(Mine)
run: bench.Run = bench.run("gaussian", sample_sizes=[10], quick=True)
frame: pd.DataFrame = run.compare("reinforce")
page: Path = run.report("page.html")
passed: bool = bench.certify(Mine()).passed
code: int = bench.gate("mine.yaml").exit_code
variance = run.figures["variance"]
"""


def test_a_file_that_imports_the_package_has_types(elsewhere: Path, binaries: Path) -> None:
    (elsewhere / "typed.py").write_text(TYPED)
    (elsewhere / "wrong.py").write_text("import bench\n\nbench.run(3, sample_sizes='10')\n")
    check: list[str | Path] = [sys.executable, "-m", "mypy", "--strict"]
    check += ["--python-executable", binaries / "python"]
    assert "no issues found" in ran([*check, "typed.py"], elsewhere)
    wrong = done([*check, "wrong.py"], elsewhere)
    assert wrong.returncode == 1
    assert wrong.stdout.count("arg-type") == 2


def test_folders_of_the_same_names_do_not_hide_the_package(elsewhere: Path, binaries: Path) -> None:
    for name in ("bench", "estimators"):
        (elsewhere / name).mkdir()
        (elsewhere / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    assert ran([binaries / "bench", "--version"], elsewhere).startswith("bench")
    assert "reinforce" in ran([binaries / "bench", "list"], elsewhere)
    assert "ok" in ran([binaries / "bench", "validate", "gaussian"], elsewhere)
    assert "reinforce" in ran([binaries / "python", "-P", "-m", "bench", "list"], elsewhere)
    hidden = done([binaries / "python", "-m", "bench", "list"], elsewhere)
    assert "the wrong package" in hidden.stderr
