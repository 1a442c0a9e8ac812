"""The guide to a trainer's own update: programs print what it shows, its gate passes, tables are true."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.policies.certificates.known_divergences import NOTHING, OF_DIVERGENCES
from bench.policies.certificates.known_losses import known_losses
from bench.policies.certificates.known_rewards import known_rewards
from bench.policies.certificates.ratio_bounds import Bounds
from bench.policies.certificates.spreads import Epsilons
from tests.test_readme import README, ROOT

GUIDE = (ROOT / "docs" / "policy-losses.md").read_text("utf-8")
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
PRINTED = re.findall(r"^```text\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])  # as of a program that is run there
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if f"{name}.py" in FILES:
            del sys.modules[name]


@pytest.mark.parametrize(("name", "printed"), [("my_trainer.py", PRINTED[0]), ("my_loss.py", PRINTED[1])])
def test_a_program_prints_what_the_guide_shows(
    folder: Path, name: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile((folder / name).read_text(), name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.startswith(printed)


def test_the_gate_passes(folder: Path) -> None:
    code = pytest.main(
        ["-q", "-p", "no:cacheprovider", str(folder / "test_my_trainer.py"), f"--rootdir={folder}"]
    )
    assert code == 0


def test_the_first_file_is_ten_lines() -> None:
    assert len([line for line in FILES["my_trainer.py"].splitlines() if line.strip()]) <= 10


def test_names_in_the_tables_are_those_of_verdicts() -> None:
    for known in known_rewards(Epsilons()):
        assert f"| {re.sub('@.*', '@k', known.name)} |" in GUIDE
    lengths = {known.name.partition(" (")[0] for known in known_losses(Bounds()) if known.name}
    assert lengths
    for name in lengths:
        assert f"| {name} |" in GUIDE
    as_losses = {
        known.by: known.name for known in OF_DIVERGENCES if known.by in ("k2 as a loss", "k3 as a loss")
    }
    assert NOTHING in GUIDE
    for by, name in as_losses.items():
        (row,) = [line for line in GUIDE.splitlines() if line.startswith(f"| {by[:2]} =")]
        assert name.partition(",")[0] in row


def test_the_readme_leads_to_the_guide() -> None:
    assert "(docs/policy-losses.md)" in README
