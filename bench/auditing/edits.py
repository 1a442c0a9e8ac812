"""Edits: other answers to a single call that a loss makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.distributions import Distribution

from bench.auditing.own_calls import NO_GRAD, Site


class Made(NamedTuple):
    """A call as it was made.

    Attributes:
        func: the function.
        args: its arguments by position.
        kwargs: and by name.
        drawn: what was drawn until then, each with the distribution that it is of.
    """

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    drawn: list[tuple[Any, Distribution]]

    def of(self, *args: Any) -> Any:
        """The function of other arguments."""
        return self.func(*args, **self.kwargs)

    @property
    def axis(self) -> Any:
        """The axis along which it runs; None for all."""
        return self.kwargs.get("dim", self.args[1] if len(self.args) > 1 else None)


Edit = Callable[[Made], Any]
"""An answer in place of a call."""


def same_shape(made: Made) -> Any:
    """Give both tensors one shape."""
    first, second, *rest = made.args
    if first.dim() >= second.dim():
        return made.of(first.reshape(second.shape), second, *rest)
    return made.of(first, second.reshape(first.shape), *rest)


def along_the_first(i: int) -> Edit:
    """Let a vector run along the first axis."""
    return lambda made: made.of(*made.args[:i], made.args[i][:, None], *made.args[i + 1 :])


def reduced(how: str) -> Edit:
    """Take another reduction."""

    def edit(made: Made) -> Any:
        if made.kwargs.get("reduction", "mean") == how:
            raise NothingToChange
        return made.func(*made.args, **{**made.kwargs, "reduction": how})

    return edit


def by_item(made: Made) -> Any:
    """Sum each item of a batch, and take the mean over items."""
    each = made.func(*made.args, **{**made.kwargs, "reduction": "none"})
    if each.dim() < 2:
        raise NothingToChange
    return each.flatten(1).sum(1).mean()


def sum_of_items(made: Made) -> Any:
    """Sum each item of a batch in place of the mean over all, and take the mean over items."""
    if made.axis is not None:
        raise NothingToChange
    return made.args[0].flatten(1).sum(1).mean()


def detached(i: int) -> Edit:
    """Detach an argument."""
    return lambda made: made.of(*made.args[:i], made.args[i].detach(), *made.args[i + 1 :])


def negated(i: int) -> Edit:
    """Turn the sign of an argument."""
    return lambda made: made.of(*made.args[:i], -made.args[i], *made.args[i + 1 :])


def as_it_was(made: Made) -> Any:
    """Make the call as it was made."""
    return made.of(*made.args)


def first_argument(made: Made) -> Any:
    """Answer the first argument as it is."""
    return made.args[0]


def kept(site: Site) -> Edit:
    """Keep the gradient where it was cut off."""
    return entered if site.name == NO_GRAD else first_argument


def entered(made: Made) -> None:
    """Enter `torch.no_grad` and change nothing."""
    made.args[0].prev = torch.is_grad_enabled()  # what leaving it sets


def result_negated(made: Made) -> Any:
    """Turn the sign of the answer."""
    return -made.of(*made.args)


def scaled(i: int, factor: float) -> Edit:
    """Multiply an argument."""
    return lambda made: made.of(*made.args[:i], factor * made.args[i], *made.args[i + 1 :])


def of_multiple(factor: float) -> Edit:
    """Take the function of a multiple."""
    return lambda made: made.of(factor * made.args[0], *made.args[1:])


def discounted(factor: float, axis: int) -> Edit:
    """Multiply what comes at place t along an axis by the t-th power of a factor."""

    def edit(made: Made) -> Any:
        found = made.of(*made.args)
        if not -found.dim() <= axis < found.dim():
            raise NothingToChange
        powers = factor ** torch.arange(found.shape[axis], device=found.device, dtype=found.dtype)
        return found * powers.view(-1, *[1] * (found.dim() - 1 - axis % found.dim()))

    return edit


def upside_down(made: Made) -> Any:
    """Divide the second by the first."""
    return made.of(made.args[1], made.args[0], *made.args[2:])


def from_the_end(made: Made) -> Any:
    """Run from the end to the beginning."""
    x = made.args[0]
    if not isinstance(made.axis, int):
        raise NothingToChange
    return made.of(x.flip(made.axis), *made.args[1:]).flip(made.axis)


def logarithm_of_mean(made: Made) -> Any:
    """Take the logarithm of the mean in place of the mean of logarithms; without an axis along the first."""
    x, axis = made.args[0], made.axis
    if axis is None and x.dim() < 2:
        return x.logsumexp(0) - math.log(len(x))
    if not isinstance(axis, int | None):
        raise NothingToChange
    along_axis = 0 if axis is None else axis
    found = x.logsumexp(along_axis) - math.log(x.shape[along_axis])
    return found.mean() if axis is None else found


def called(name: str) -> Edit:
    """Call another method."""
    return lambda made: getattr(made.args[0], name)(*made.args[1:], **made.kwargs)


def leave_one_out(made: Made) -> Any:
    """The mean of the others for each number."""
    x, axis = made.args[0], made.axis
    if axis is None:
        return (x.sum() - x) / (x.numel() - 1)
    return (x.sum(axis, keepdim=True) - x) / (x.shape[axis] - 1)


def along(axis: int) -> Edit:
    """Run along another axis."""

    def edit(made: Made) -> Any:
        x = made.args[0]
        if type(made.axis) is not int or made.axis % x.dim() == axis:
            raise NothingToChange
        others = {name: value for name, value in made.kwargs.items() if name != "dim"}
        return made.func(x, axis, *made.args[2:], **others)

    return edit


class NothingToChange(Exception):
    """There is nothing to be changed at a site."""


def rsample(made: Made) -> Any:
    """Draw with a path."""
    return made.args[0].rsample(*made.args[1:], **made.kwargs)


def without_path(made: Made) -> Any:
    """Draw without a path."""
    return made.of(*made.args).detach()


def of_what_was_drawn(made: Made) -> Any:
    """Take the density of the distribution that was drawn from."""
    law, value = made.args[0], made.args[1] if len(made.args) > 1 else made.kwargs["value"]
    laws = [each for drawn, each in made.drawn if drawn is value]
    if not laws or laws[0] is law:
        raise NothingToChange
    return laws[0].log_prob(value)


def at_the_draw(made: Made) -> Any:
    """Take the density at what was drawn."""
    law, value = made.args[0], made.args[1] if len(made.args) > 1 else made.kwargs["value"]
    draws = [drawn for drawn, each in made.drawn if type(each) is type(law) and drawn.shape == value.shape]
    if not draws or draws[0] is value:
        raise NothingToChange
    return law.log_prob(draws[0])
