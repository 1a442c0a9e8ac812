"""Calls of a person's methods with the module itself, not with rows of theta: training and pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.errors import Invalid, invalid
from bench.noise import drawn_from
from bench.problems.modules import answers
from bench.problems.modules.reasons import explained
from bench.problems.modules.row_calls import surroundings
from bench.problems.seeds import seed_for
from bench.problems.training import one_thread

if TYPE_CHECKING:
    from bench.problems.modules.module_rows import ModuleRows


def prepared(problem: ModuleRows) -> nn.Module:
    """A copy of the module after the person's `prepare`, with torch's generator seeded and put back.

    Raises:
        Invalid: if the method fails, or leaves weights that are not finite.
    """
    net = problem.flat.put(problem.net, problem.theta)
    with torch.random.fork_rng(devices=[]), one_thread(), drawn_from(None), torch.enable_grad():
        torch.default_generator.manual_seed(seed_for(0, "prepare"))
        _called(problem, "prepare", net)
    bad = [name for name, p in net.named_parameters() if not p.isfinite().all()]
    if bad:
        raise invalid(f"{type(problem.owner).__name__}.prepare left {bad[0]} with values that are not finite")
    return net


def pictures(problem: ModuleRows) -> dict[str, np.ndarray[Any, Any]]:
    """The images that somebody's `pictures` gives of the module at theta.

    Raises:
        Invalid: if it gives something else than images by name.
    """
    net = problem.flat.put(problem.net, problem.theta)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_for(0, "pictures"))
        made = _called(problem, "pictures", net)
    if not isinstance(made, Mapping):
        raise _no_pictures(problem, made)
    for stack in made.values():
        if not isinstance(stack, Tensor) or stack.dim() != 3:
            raise _no_pictures(problem, stack)
    return {str(title): stack.detach().cpu().double().numpy() for title, stack in made.items()}


def _no_pictures(problem: ModuleRows, given: Any) -> Invalid:
    name = f"{type(problem.owner).__name__}.pictures"
    return invalid(f"{name} gave {answers.kind_of(given)}, wanted tensors [K, H, W] by name, in 0..1")


def _called(problem: ModuleRows, method: str, net: nn.Module) -> Any:
    owner = copy.copy(problem.owner)
    owner.data = problem.data
    function: Callable[[nn.Module], Any] = getattr(owner, method)
    try:
        with surroundings(problem.theta.dtype, torch.device("cpu"), validate=True):
            return function(net)
    except Invalid:
        raise
    except Exception as error:
        raise explained(error, type(owner).__name__, method, net, loops=True) from error
