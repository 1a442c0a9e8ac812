"""The audit: losses of one's own measured as the estimators of the catalogue are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from bench import arguments, catalogue
from bench.api import draw
from bench.errors import did_you_mean, invalid, shown
from bench.execution import execute
from bench.losses.batches import BATCHES
from bench.losses.foreign import ForeignLosses
from bench.losses.problem import Loss, Losses, LossProblem
from bench.losses.rows import Vectorize
from bench.losses.truth_given import Given, exact_gradient_of
from bench.losses.weights import Model
from bench.results.run import Run
from bench.running.manner import SERIAL
from bench.scenario.prepared import Prepared, prepare

TRUTH_REPLICATES = 10
"""Estimates of a loss that gives the truth, for each of those that are held against it."""

_PROBLEM = "own losses"


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
    """Measure one's own losses: how biased and how noisy their gradients are, and why, where that can be told.

    A loss draws from torch's global generator, and returns a scalar; it is called once for each estimate,
    with random numbers that depend on the seed and the replicate alone, so that losses that draw alike are
    compared by common random numbers. Model, gradients, buffers, modes, generators and loader are as
    before afterwards, also after an exception.

    Args:
        losses: by name, or a single one; functions of nothing, or with `data` of a batch.
        model: a module, or the leaves that require gradients: by name, in a list, or a single one.
        truth: the name of a loss that is known to be unbiased, of which a long run is taken; or the exact
            gradient: `[P]`, by name, or a function that returns it or the exact objective. None if unknown.
        replicates: R, the estimates of each loss.
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
    """
    R = arguments.whole_number("replicates", replicates, 2)
    N = arguments.whole_number("sample_size", sample_size, 1)
    own = _own(losses, model, gradients, data, arguments.whole_number("batches", batches, 2), vectorize)
    folder = Path(arguments.place("out", out, "a folder"))
    given = None if truth is None or isinstance(truth, str) else exact_gradient_of(truth, own.weights)
    problem = LossProblem(own, given)
    if isinstance(truth, str) and truth not in own.names:
        raise invalid(f"truth: there is no loss {shown(truth)}; {did_you_mean(truth, own.names)}")
    reference: dict[str, Any] = {"replicates": truth_replicates or TRUTH_REPLICATES * R}
    if isinstance(truth, str):
        reference["estimator"] = truth
    scenario = {
        "schema": 1,
        "name": name,
        "version": 1,
        "problem": {"name": _PROBLEM},
        "estimators": list(own.names),
        "sweep": {
            "sample_sizes": [N],
            "devices": [str(problem.theta.device)],
            "dtypes": [str(problem.theta.dtype).removeprefix("torch.")],
        },
        "replicates": R,
        "reference": reference,
        "data": "fixed" if data is None else "resampled",
        "seed": arguments.whole_number("seed", seed, 0),
    }
    with catalogue.lent(_PROBLEM, problem):
        prepared = prepare(scenario, confirmed=True)
    return _run(prepared, folder, arguments.truth("progress", progress))


def _run(prepared: Prepared, folder: Path, shown_progress: bool) -> Run:
    from bench.progress import progress as telling  # late: it draws

    with telling(prepared) if shown_progress else nullcontext(lambda _: None) as tell:
        done = execute(prepared, folder, tell, SERIAL)
    draw(done)
    return done


def _own(
    losses: Mapping[str, Loss] | Loss | None,
    model: Model | None,
    gradients: Mapping[str, Callable[..., Any]] | Callable[..., Any] | None,
    data: Iterable[Any] | None,
    batches: int,
    vectorize: Vectorize,
) -> Losses:
    if vectorize not in ("auto", "never"):
        raise arguments.refused("vectorize", '"auto" or "never"', vectorize)
    if gradients is not None:
        if losses is not None or model is not None:
            raise invalid("gradients: wanted instead of losses and a model, not beside them")
        return ForeignLosses(_by_name("gradients", gradients), data, batches)
    if losses is None or model is None:
        raise invalid("wanted losses and their model, or gradients")
    return Losses(_by_name("losses", losses), model, data, batches, vectorize)


def _by_name(what: str, functions: Any) -> dict[str, Any]:
    if callable(functions) and not isinstance(functions, Mapping):
        functions = {getattr(functions, "__name__", "loss").strip("<>"): functions}
    wanted = "a function, or functions by name"
    if not isinstance(functions, Mapping) or not functions:
        raise arguments.refused(what, wanted, functions)
    for name, function in functions.items():
        if (
            not isinstance(name, str)
            or not name.strip()
            or name in ("label", "name")
            or not name.isprintable()
        ):
            raise invalid(f"{what}: wanted names of one line, other than label and name, got {shown(name)}")
        if not callable(function) or isinstance(function, torch.nn.Module | type):
            raise invalid(f"{what}: {shown(name)}: wanted a function, got {shown(function)}")
    return dict(functions)
