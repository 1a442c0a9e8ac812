"""The examples of the guides: short, listed, and those of plain torch give their verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import FILES, FOLDER, Z_LIMIT, farthest, of_discrete, of_five_weights, of_relaxed, run_of
from tests.examples import verdicts as verdicts_of

LONGEST = 25


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_short_and_listed(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST
    assert f"(examples/{path.name})" in (FOLDER.parent / "own-loss.md").read_text("utf-8")
    tests = [FOLDER.parents[1] / "tests" / name for name in ("test_examples.py", "interop/test_peers.py")]
    assert any(f'run_of("{path.stem}"' in each.read_text("utf-8") for each in tests)


@pytest.mark.slow
def test_a_relaxed_variable_has_another_gradient(tmp_path: Path) -> None:
    run = run_of("relaxed_bernoulli", tmp_path)
    assert verdicts_of(run) == {"relaxed": True, "score": False}
    assert farthest(run, "relaxed", of_relaxed()) < Z_LIMIT < farthest(run, "relaxed", of_discrete())
    assert farthest(run, "score", of_discrete()) < Z_LIMIT


@pytest.mark.slow
def test_weights_must_be_detached(tmp_path: Path) -> None:
    run = run_of("iwae_weights", tmp_path)
    assert verdicts_of(run) == {"bound": False, "detached": False, "attached": True}
    assert any("a detach is missing" in finding for finding in run.findings)
    exact = of_five_weights()
    assert farthest(run, "detached", exact) < Z_LIMIT < farthest(run, "attached", exact)
