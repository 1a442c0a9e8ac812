"""The question of an audit: losses of one model, as a scenario that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from bench import arguments, catalogue
from bench.errors import did_you_mean, invalid, shown
from bench.losses.foreign import ForeignLosses
from bench.losses.in_rows import Vectorize
from bench.losses.problem import Loss, Losses, LossProblem
from bench.losses.truth_given import Given, exact_gradient_of
from bench.losses.weights import Model
from bench.scenario.prepared import Prepared, prepare

TRUTH_REPLICATES = 10
"""Estimates of a loss that gives the truth, for each of those that are held against it."""


def question(
    losses: Mapping[str, Loss] | Loss | None,
    model: Model | None,
    truth: str | Given | None,
    gradients: Mapping[str, Callable[..., Any]] | Callable[..., Any] | None,
    data: Iterable[Any] | None,
    batches: int,
    vectorize: Vectorize,
    **settings: Any,
) -> Prepared:
    """The audit of losses that are at hand, ready to run; arguments as of `bench.audit`.

    Raises:
        Invalid: if an argument is of the wrong kind.
    """
    own = _own(losses, model, gradients, data, arguments.whole_number("batches", batches, 2), vectorize)
    # A loss in the place of its name.
    truth = next((name for name in own.names if own.losses[name] is truth), truth)
    exact = None if truth is None or isinstance(truth, str) else exact_gradient_of(truth, own.weights)
    named = truth if isinstance(truth, str) else None
    problem = LossProblem(own, exact)
    with catalogue.lent(catalogue.AT_HAND, problem):
        return prepared_of({"name": catalogue.AT_HAND}, problem, truth=named, **settings)


def prepared_of(
    called: Mapping[str, Any],
    problem: LossProblem,
    truth: str | None = None,
    only: list[str] | None = None,
    replicates: int = 1000,
    truth_replicates: int | None = None,
    sample_size: int = 1,
    seed: int = 0,
    name: str = "audit",
) -> Prepared:
    """The audit of a problem of losses that the catalogue knows, ready to run.

    Args:
        called: the name of the problem, and its options.
        problem: the problem itself.
        truth: the name of a loss that gives it, or None.
        only: names of the losses that are meant; None for all.
        replicates: R.
        truth_replicates: R of the long run that gives the truth; None for ten times as many.
        sample_size: N.
        seed: of all random numbers.
        name: of the run.

    Raises:
        Invalid: if an argument is of the wrong kind.
    """
    R = arguments.whole_number("replicates", replicates, 2)
    names = problem.own.names
    if truth is not None and truth not in names:
        raise invalid(f"truth: there is no loss {shown(truth)}; {did_you_mean(truth, names)}")
    long = TRUTH_REPLICATES * R if truth_replicates is None else truth_replicates
    reference = {"replicates": arguments.whole_number("truth_replicates", long, 2)}
    scenario = {
        "schema": 1,
        "name": name,
        "version": 1,
        "problem": dict(called),
        "estimators": list(names),
        "sweep": {
            "sample_sizes": [arguments.whole_number("sample_size", sample_size, 1)],
            "devices": [str(problem.theta.device)],
            "dtypes": [str(problem.theta.dtype).removeprefix("torch.")],
        },
        "replicates": R,
        "reference": reference if truth is None else {**reference, "estimator": truth},
        "data": "fixed" if problem.own.data is None else "resampled",
        "seed": arguments.whole_number("seed", seed, 0),
    }
    return prepare(scenario, only=only, confirmed=True)


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
    if not isinstance(functions, Mapping) or not functions:
        raise arguments.refused(what, "a function, or functions by name", functions)
    for name, function in functions.items():
        if (
            not isinstance(name, str)
            or not name.strip()
            or name in ("label", "name")
            or not name.isprintable()
        ):
            raise invalid(f"{what}: wanted names of one line, other than label and name, got {shown(name)}")
        if not callable(function) or isinstance(function, torch.nn.Module | type):
            raise invalid(f"{what}: {shown(name)}: wanted a function, got a {type(function).__name__}")
    return dict(functions)
