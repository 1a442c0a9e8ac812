"""The examples of the guides, run, and held to gradients that are known."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.nn.functional import logsigmoid

from bench import catalogue
from bench.results.run import Run

FOLDER = Path(__file__).parents[1] / "docs" / "examples"
FILES = sorted(FOLDER.glob("*.py"))

Z_LIMIT = 5.0
"""Of a mean in its standard errors: two-sided p = 6e-7 for one coordinate, of some forty in all examples."""


def run_of(name: str, folder: Path) -> Run:
    """The run that an example makes, in a folder, with its page."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        run: Run = runpy.run_path(str(FOLDER / f"{name}.py"))["run"]
    finally:
        os.chdir(before)
    assert name in (folder / f"{name}.html").read_text("utf-8")
    assert run.measurements["status"].eq("ok").all()
    return run


def verdicts(run: Run) -> dict[str, bool]:
    """Whether each of the gradients is found to be biased."""
    rows = run.measurements[run.measurements["parameter"] == "all"]
    return dict(zip(rows["estimator"], rows["verdict"] == "biased", strict=True))


def farthest(run: Run, estimator: str, gradient: Tensor) -> float:
    """The largest distance of a mean from a gradient, `[P]`, in standard errors."""
    rows = run.measurements[
        (run.measurements["parameter"] == "all") & (run.measurements["estimator"] == estimator)
    ]
    own = run.coordinates[run.coordinates["cell"] == rows["cell"].item()].sort_values("index")
    error = np.sqrt(own["variance"].to_numpy() / rows["replicates"].item())
    return float(np.abs((own["mean"].to_numpy() - gradient.numpy()) / error).max())


def of_relaxed() -> Tensor:
    """The gradient of E[(b − 0.2)²] for a b of logit 0.8 relaxed at temperature ½, by midpoints, `[1]`."""
    u = (torch.arange(1_000_000, dtype=torch.float64) + 0.5) / 1_000_000
    logit = torch.tensor([0.8], dtype=torch.float64, requires_grad=True)
    value = (((logit + u.logit()) / 0.5).sigmoid() - 0.2).square().mean()
    return torch.autograd.grad(value, logit)[0]


def of_discrete() -> Tensor:
    """The gradient for a discrete b, `[1]`."""
    logit = torch.tensor([0.8], dtype=torch.float64, requires_grad=True)
    up, down = logsigmoid(logit).exp(), logsigmoid(-logit).exp()
    return torch.autograd.grad((up * 0.8**2 + down * 0.2**2).sum(), logit)[0]


def of_elbo() -> Tensor:
    """The gradient of minus the ELBO of the normal model, by hand: in loc −x each, in scale 1 each, `[3]`."""
    return torch.tensor([0.5, -2.0, 2.0], dtype=torch.float64)


def of_two_particles() -> Tensor:
    """That of minus the bounds of two particles of each item, by Gauss–Hermite quadrature, `[3]`."""
    nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(32))
    noise = torch.cartesian_prod(nodes, nodes)[..., None]  # [S, K, 1]
    weight = torch.cartesian_prod(weights, weights).prod(1) / weights.sum() ** 2  # [S]
    loc = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    z = loc + scale * noise  # [S, K, 2]
    x = torch.tensor([-0.5, 2.0], dtype=torch.float64)
    log_w = Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(x) - Normal(loc, scale).log_prob(z)
    bound = (weight[:, None] * log_w.logsumexp(1)).sum()
    return torch.cat([g.reshape(-1) for g in torch.autograd.grad(-bound, (loc, scale))])


def of_five_weights() -> Tensor:
    """That of minus the bound in the example of weights, as the problem of the bench has it, `[2]`."""
    single = {"name": "gaussian_elbo", "loc": -0.3, "scale": 0.9, "data": [1.5]}
    problem = catalogue.build("problems", "importance_weighted", {"samples": 5, "problem": single})
    theta = problem.to("cpu", torch.float64).theta[None].double().requires_grad_()
    return torch.autograd.grad(problem.expectation(theta).sum(), theta)[0][0]
