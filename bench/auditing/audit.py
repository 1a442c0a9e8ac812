"""The audit: losses of one's own measured as the estimators of the catalogue are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bench import arguments
from bench.api import draw
from bench.auditing.question import question
from bench.execution import execute
from bench.losses.batches import BATCHES
from bench.losses.generators import put_back
from bench.losses.in_rows import Vectorize
from bench.losses.problem import Loss
from bench.losses.truth_given import Given
from bench.losses.weights import Model
from bench.results.run import Run


def audit(
    losses: Mapping[str, Loss] | Loss | None = None,
    model: Model | None = None,
    *,
    truth: str | Given | None = None,
    replicates: int = 1000,
    data: Iterable[Any] | None = None,
    batches: int = BATCHES,
    gradients: Mapping[str, Callable[..., Any]] | Callable[..., Any] | None = None,
    sample_size: int = 1,
    truth_replicates: int | None = None,
    seed: int = 0,
    vectorize: Vectorize = "auto",
    name: str = "audit",
    out: str | os.PathLike[str] = "results",
    progress: bool = True,
) -> Run:
    """Measure your own losses: how biased and how noisy their gradients are, and why.

    A loss draws from torch's global generator, and returns a scalar; it is called once for each estimate,
    with random numbers that depend on the seed and the replicate alone, so that losses that draw alike are
    compared by common random numbers. Model, gradients, buffers, modes, generators and loader are as
    before afterwards, also after an exception.

    Args:
        losses: by name, or a single one; functions of nothing, or with `data` of a batch.
        model: a module, or the leaves that require gradients: by name, in a list, or a single one.
        truth: the name of a loss that is known to be unbiased, of which a long run is taken; or the exact
            gradient: `[P]`, by name, or a function that returns it or the exact objective. None if unknown.
        replicates: R, the estimates of each loss; with `data` they are spread evenly over the batches.
        data: a loader, or a list of batches. Some are drawn once and given in turn, and the variance is split
            into that of sampling and that of the batch.
        batches: how many are drawn of the loader.
        gradients: instead of losses and model, functions `seed -> {name: array}` of any framework.
        sample_size: N, the samples that a loss takes, if they are to be told by it.
        truth_replicates: R of the long run; None for ten times as many as of each loss.
        seed: of all random numbers.
        vectorize: "auto" to compute rows together where that gives the same numbers, or "never".
        name: of the run, in tables and of its folder.
        out: the folder in which the run gets one of its own.
        progress: whether to tell of it on standard error.

    Returns:
        The run, as every scenario gives one; `run.findings` says what is wrong, as far as it was found.

    Raises:
        Invalid: if an argument is of the wrong kind.

    Example:
        >>> import bench
        >>> import torch
        >>> theta = torch.tensor([2.0], requires_grad=True)
        >>> def score():
        ...     z = (theta + torch.randn(1)).detach()
        ...     return (z**2 * torch.distributions.Normal(theta, 1.0).log_prob(z)).sum()
        >>> run = bench.audit({"score": score}, theta, truth=[4.0], replicates=2000, progress=False)
        >>> bool(run.measurements["bias_p"].min() > 1e-4)
        True
    """
    folder = Path(arguments.place("out", out, "a folder"))
    shown_progress = arguments.truth("progress", progress)
    with put_back():  # a package that is imported late may draw random numbers, too
        from bench.progress import progress as telling

        prepared = question(
            losses,
            model,
            truth,
            gradients,
            data,
            batches,
            vectorize,
            replicates=replicates,
            truth_replicates=truth_replicates,
            sample_size=sample_size,
            seed=seed,
            name=name,
        )
        with telling(prepared) if shown_progress else nullcontext(lambda _: None) as tell:
            done = execute(prepared, folder, tell)
        draw(done)
        return done
