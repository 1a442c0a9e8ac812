"""Problems whose distribution is written by its probabilities in place of its logits, or the other way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from bench import catalogue
from bench.problem import NotApplicable, Problem

_OTHER = {"logits": "probs", "probs": "logits"}
_VECTOR = "categorical"
_FAMILIES = ("bernoulli", "binomial", "geometric", _VECTOR)


def otherwise(options: Mapping[str, Any]) -> tuple[Problem, Callable[[Tensor], Tensor]]:
    """The problem with its distribution written in the other way, and θ there as a function of θ here.

    Args:
        options: of the problem, as a scenario has them.

    Returns:
        The other problem, on the CPU, and a function `[R, P] -> [R, P]`.

    Raises:
        NotApplicable: if it cannot be written in both ways.
    """
    law = options.get("distribution")
    if not isinstance(law, Mapping) or not set(law) & set(_FAMILIES):
        raise NotApplicable("its distribution has neither logits nor probabilities")
    ((family, arguments),) = law.items()
    names = [name for name in options.get("parameters", ()) if name in _OTHER]
    if not isinstance(arguments, Mapping) or len(names) != 1 or "repeat" in arguments:
        raise NotApplicable("its logits or probabilities are not θ")
    (name,) = names
    change = _change(name, family == _VECTOR)
    written = copy.deepcopy(dict(arguments))
    given = torch.tensor(written.pop(name), dtype=torch.float64)
    written[_OTHER[name]] = change(given).tolist()
    parameters = [_OTHER.get(each, each) for each in options["parameters"]]
    others = {key: value for key, value in options.items() if key != "name"}
    changed = {**others, "distribution": {family: written}, "parameters": parameters}
    problem: Problem = catalogue.build("problems", str(options["name"]), changed)
    place = problem.parameters[_OTHER[name]]
    width = given.shape[-1] if family == _VECTOR else 1

    def moved(theta: Tensor) -> Tensor:
        block = theta[:, place]  # [R, numbers]
        found = change(block.reshape(len(block), -1, width) if family == _VECTOR else block)
        return torch.cat([theta[:, : place.start], found.flatten(1), theta[:, place.stop :]], 1)

    return problem, moved


def _change(name: str, vector: bool) -> Callable[[Tensor], Tensor]:
    """Logits to probabilities, or back."""
    if vector:
        return (lambda x: x.softmax(-1)) if name == "logits" else torch.log
    return torch.sigmoid if name == "logits" else torch.logit
