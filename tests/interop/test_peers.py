"""Examples with other frameworks give the verdicts that follow from gradients that are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.examples import (
    Z_LIMIT,
    farthest,
    of_discrete,
    of_elbo,
    of_relaxed,
    of_two_particles,
    run_of,
    verdicts,
)


def test_bounds_of_pyro(tmp_path: Path) -> None:
    pytest.importorskip("pyro")
    run = run_of("pyro_bounds", tmp_path)
    assert verdicts(run) == {"Trace_ELBO": False, "TraceGraph_ELBO": False, "RenyiELBO": True}
    for name in ("Trace_ELBO", "TraceGraph_ELBO"):
        assert farthest(run, name, of_elbo()) < Z_LIMIT < farthest(run, name, of_two_particles())
    # It is the gradient of another bound, and a right one.
    assert farthest(run, "RenyiELBO", of_two_particles()) < Z_LIMIT < farthest(run, "RenyiELBO", of_elbo())


def test_bounds_of_numpyro(tmp_path: Path) -> None:
    pytest.importorskip("numpyro")
    run = run_of("numpyro_elbo", tmp_path)
    assert verdicts(run) == {"Trace_ELBO": False, "RenyiELBO": True}
    assert farthest(run, "Trace_ELBO", of_elbo()) < Z_LIMIT < farthest(run, "Trace_ELBO", of_two_particles())
    assert farthest(run, "RenyiELBO", of_two_particles()) < Z_LIMIT < farthest(run, "RenyiELBO", of_elbo())


def test_methods_of_storchastic(tmp_path: Path) -> None:
    pytest.importorskip("storch")
    run = run_of("storchastic_discrete", tmp_path)
    assert verdicts(run) == {"score": False, "relaxed": True}
    assert farthest(run, "score", of_discrete()) < Z_LIMIT < farthest(run, "relaxed", of_discrete())
    assert farthest(run, "relaxed", of_relaxed()) < Z_LIMIT


def test_a_baseline_of_jax_that_includes_the_sample(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    run = run_of("jax_score", tmp_path)
    assert verdicts(run) == {"path": False, "score": True}
    exact = torch.tensor([4.0])
    assert farthest(run, "path", exact) < Z_LIMIT < farthest(run, "score", exact)
    assert farthest(run, "score", exact * 3 / 4) < Z_LIMIT
    assert any("(N−1)/N for N = 4" in finding for finding in run.findings)
