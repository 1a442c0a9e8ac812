"""The score of what a loss drew, added to it: the term that a draw without a path needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    OneHotCategorical,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)

from bench.auditing.edits import Made, NothingToChange

Draw = tuple[Any, Distribution]
"""A draw, and its distribution."""


def with_score(value: Any, drawn: Sequence[Draw]) -> Any:
    """The loss with the term L · ∇ log p of all that was drawn without a path.

    Raises:
        NothingToChange: if nothing was drawn so of a distribution that depends on the weights.
    """
    scores = [each for one in drawn if (each := _log_prob(*one)) is not None]
    if not scores or not isinstance(value, Tensor):
        raise NothingToChange
    score = torch.stack(scores).sum()
    return value + value.detach() * (score - score.detach())


def _log_prob(value: Any, distribution: Distribution) -> Tensor | None:
    """The sum of the logarithms of the densities of a draw; None where no gradient is missing."""
    if not isinstance(value, Tensor) or value.requires_grad:
        return None
    found = distribution.log_prob(value).sum()
    return found if found.requires_grad else None


def drawn_by_function(name: str, args: Sequence[Any], value: Any) -> Draw | None:
    """The draw of one of torch's functions; None of one whose probabilities are not known."""
    if name == "bernoulli" and len(args) == 1:
        return value, Bernoulli(args[0], validate_args=False)
    if name == "multinomial" and args and value.dim():
        return value.movedim(-1, 0), Categorical(args[0], validate_args=False)
    return None


def discrete(made: Made) -> Any:
    """Draw a discrete choice in the place of its relaxation.

    Raises:
        NothingToChange: if the call draws no relaxation.
    """
    made.drawn.append(_choice(made))
    return made.drawn[-1][0]


def _choice(made: Made) -> Draw:
    first = made.args[0]
    if isinstance(first, Tensor):
        soft = made.func(*made.args, **{**made.kwargs, "hard": False})
        if made.kwargs.get("dim", -1) % first.dim() != first.dim() - 1:
            raise NothingToChange
        return _one_hot(soft), OneHotCategorical(logits=first, validate_args=False)
    if isinstance(first, RelaxedBernoulli):
        drawn = (made.of(*made.args).detach() > 0.5).to(first.logits)
        return drawn, Bernoulli(logits=first.logits, validate_args=False)
    if isinstance(first, RelaxedOneHotCategorical):
        return _one_hot(made.of(*made.args)), OneHotCategorical(logits=first.logits, validate_args=False)
    raise NothingToChange


def _one_hot(soft: Tensor) -> Tensor:
    places = torch.arange(soft.shape[-1], device=soft.device)
    return (soft.argmax(-1, keepdim=True) == places).to(soft.dtype)
