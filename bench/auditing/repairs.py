"""Repairs: single changes of what a loss computes, each of which mends one usual fault of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.distributions import Distribution

from bench.auditing.own_calls import NO_GRAD, REDUCING, OwnCalls, Site


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
    drawn: Sequence[tuple[Any, Distribution]]

    def of(self, *args: Any) -> Any:
        """The function of other arguments."""
        return self.func(*args, **self.kwargs)

    @property
    def axis(self) -> Any:
        """The axis along which it runs; None for all."""
        return self.kwargs.get("dim", self.args[1] if len(self.args) > 1 else None)


Edit = Callable[[Made], Any]
"""What is answered instead of a call."""


@dataclass(frozen=True)
class Repair:
    """A change at a site.

    Attributes:
        site: where.
        kind: of the change, in few words.
        words: the fault that it mends, as text.
        edit: the change.
    """

    site: Site
    kind: str
    words: str
    edit: Edit


class Repaired(OwnCalls):
    """Makes one call of somebody's own code another way."""

    def __init__(self, repair: Repair) -> None:
        super().__init__()
        self._repair = repair
        self.drawn: list[tuple[Any, Distribution]] = []

    def answer(self, index: int, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Make the call, changed if it is the one."""
        site = self._repair.site
        changed = index == site.index and name == site.name
        value = self._repair.edit(Made(func, args, kwargs, self.drawn)) if changed else func(*args, **kwargs)
        if name in ("sample", "rsample"):
            self.drawn.append((value, args[0]))
        return value


def repaired(loss: Callable[..., Any], repair: Repair) -> Callable[..., Any]:
    """The loss with a repair."""

    def changed(*batch: Any) -> Any:
        with Repaired(repair):
            return loss(*batch)

    return changed


_MISSING = "a detach is missing:"
_PRODUCTS = {"mul", "multiply", "matmul", "dot", "mm", "bmm", "einsum", "mv", "inner"}
_QUOTIENTS = {"div", "true_divide", "divide"}
_SUMS, _DIFFERENCES = {"add"}, {"sub", "subtract", "rsub"}
_ALONG_AN_AXIS = {"sum", "mean", "softmax", "log_softmax", "logsumexp", "cumsum", "prod", "flip"}
_NAMES = {
    "truediv": "div",
    "rtruediv": "div",
    "radd": "add",
    "rmul": "mul",
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
}


def repairs_of(sites: Sequence[Site]) -> Iterator[Repair]:
    """Yield the changes that are tried, those of later calls first: they are the outermost."""
    for site in reversed(sites):
        yield from _repairs_at(site)


def _plain(name: str) -> str:
    """A name without what marks operators and changes in place: `__rmul__` is `mul`."""
    bare = name.strip("_")
    return _NAMES.get(bare, bare)


def _repairs_at(site: Site) -> Iterator[Repair]:
    name = _plain(site.name)
    if name in _PRODUCTS | _QUOTIENTS | _SUMS | _DIFFERENCES:
        yield from _of_shapes(site)
        yield from (_of_products if name in _PRODUCTS | _QUOTIENTS else _of_sums)(site, name)
    if name in ("neg", "negative"):
        yield Repair(site, "term sign", "the sign is wrong", _first)
    if name == "detach" or site.name == NO_GRAD:
        yield Repair(
            site, "detach too many", "a detach too many: what is cut off must carry its gradient", _kept(site)
        )
    yield from _of_means(site, name)
    yield from _of_draws(site, name)


def _tensors(site: Site) -> list[int]:
    return [i for i, shape in enumerate(site.shapes) if shape is not None]


def _of_shapes(site: Site) -> Iterator[Repair]:
    """Yield repairs of two tensors whose axes do not belong together."""
    shapes = [site.shapes[i] or () for i in _tensors(site)]
    if len(shapes) != 2:
        return
    if _is_outer(*shapes):
        told = " and ".join(str(list(shape)) for shape in shapes)
        yield Repair(site, "wrong axis", f"shapes {told} are spread over one another", _same_shape)
    for i, (vector, square) in enumerate(zip(shapes, reversed(shapes), strict=True)):
        if len(vector) == 1 and len(square) == 2 and square[0] == square[1] == vector[0]:
            told = f"shape {list(vector)} runs along the last axis of {list(square)}, not along the first"
            yield Repair(site, "wrong axis", told, _along_the_first(i))


def _of_products(site: Site, name: str) -> Iterator[Repair]:
    places = _tensors(site)
    if len(places) < 2:
        return
    if name in _QUOTIENTS:
        if site.differentiable[places[1]]:
            yield Repair(site, "missing detach", f"{_MISSING} the divisor carries a gradient", _detached(1))
        yield Repair(site, "division", "the division changes what is estimated", _first)
    elif all(site.differentiable[i] for i in places):
        for i in places:
            words = f"{_MISSING} the {_nth(i)} factor carries a gradient"
            yield Repair(site, "missing detach", words, _detached(i))


def _of_sums(site: Site, _: str) -> Iterator[Repair]:
    places = _tensors(site)
    for i in places if len(places) > 1 else ():
        if site.differentiable[i]:
            yield Repair(site, "term sign", f"the sign of the {_nth(i)} term is wrong", _negated(i))
            words = f"{_MISSING} the {_nth(i)} term carries a gradient"
            yield Repair(site, "missing detach", words, _detached(i))


def _of_means(site: Site, name: str) -> Iterator[Repair]:
    """Yield repairs of what runs over axes."""
    if name in ("mean", "sum"):
        other = "sum" if name == "mean" else "mean"
        yield Repair(site, f"{name} for {other}", f"a {name} stands for a {other}", _called(other))
    if name == "mean":
        yield Repair(site, "own sample", "the mean includes the sample itself", _leave_one_out)
    if name in REDUCING:
        yield Repair(site, "mean for sum", "a mean stands for a sum", _reduced("sum"))
        yield Repair(site, "sum for mean", "a sum stands for a mean", _reduced("mean"))
    if name in _ALONG_AN_AXIS and site.shapes:
        for axis in range(len(site.shapes[0] or ())):
            words = f"it runs along the wrong axis, not along axis {axis}"
            yield Repair(site, "wrong axis", words, _along(axis))


def _of_draws(site: Site, name: str) -> Iterator[Repair]:
    if name == "sample":
        yield Repair(site, "no path", "sample() has no path where rsample() is meant", _rsample)
    if name == "rsample":
        yield Repair(
            site, "double counting", "rsample() adds a path where the draw must have none", _without_path
        )
    if name == "log_prob":
        yield Repair(site, "wrong law", "log_prob is not of the law that was drawn from", _of_the_law_drawn)
        yield Repair(site, "wrong law", "log_prob is not taken at what was drawn", _at_the_draw)


def _is_outer(first: Any, second: Any) -> bool:
    """Whether two tensors with as many numbers are spread over one another: `[8]` and `[8, 1]`."""
    if first == second or torch.Size(first).numel() != torch.Size(second).numel():
        return False
    try:
        return torch.broadcast_shapes(first, second).numel() > torch.Size(first).numel()  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError:
        return False


def _nth(i: int) -> str:
    return ("first", "second", "third")[i] if i < 3 else f"{i + 1}th"


def _same_shape(made: Made) -> Any:
    first, second, *rest = made.args
    if first.dim() >= second.dim():
        return made.of(first.reshape(second.shape), second, *rest)
    return made.of(first, second.reshape(first.shape), *rest)


def _along_the_first(i: int) -> Edit:
    return lambda made: made.of(*made.args[:i], made.args[i][:, None], *made.args[i + 1 :])


def _reduced(how: str) -> Edit:
    def edit(made: Made) -> Any:
        if made.kwargs.get("reduction", "mean") == how:
            raise NothingToChange
        return made.func(*made.args, **{**made.kwargs, "reduction": how})

    return edit


def _detached(i: int) -> Edit:
    return lambda made: made.of(*made.args[:i], made.args[i].detach(), *made.args[i + 1 :])


def _negated(i: int) -> Edit:
    return lambda made: made.of(*made.args[:i], -made.args[i], *made.args[i + 1 :])


def _first(made: Made) -> Any:
    return made.args[0]


def _kept(site: Site) -> Edit:
    return _entered if site.name == NO_GRAD else _first


def _entered(made: Made) -> None:
    made.args[0].prev = torch.is_grad_enabled()  # what leaving it sets


def _called(name: str) -> Edit:
    return lambda made: getattr(made.args[0], name)(*made.args[1:], **made.kwargs)


def _leave_one_out(made: Made) -> Any:
    x, axis = made.args[0], made.axis
    if axis is None:
        return (x.sum() - x) / (x.numel() - 1)
    return (x.sum(axis, keepdim=True) - x) / (x.shape[axis] - 1)


def _along(axis: int) -> Edit:
    def edit(made: Made) -> Any:
        x = made.args[0]
        if not isinstance(made.axis, int) or made.axis % x.dim() == axis:
            raise NothingToChange
        others = {name: value for name, value in made.kwargs.items() if name != "dim"}
        return made.func(x, axis, *made.args[2:], **others)

    return edit


class NothingToChange(Exception):
    """There is nothing to be changed at a site."""


def _rsample(made: Made) -> Any:
    return made.args[0].rsample(*made.args[1:], **made.kwargs)


def _without_path(made: Made) -> Any:
    return made.of(*made.args).detach()


def _of_the_law_drawn(made: Made) -> Any:
    law, value = made.args[0], made.args[1] if len(made.args) > 1 else made.kwargs["value"]
    laws = [each for drawn, each in made.drawn if drawn is value]
    if not laws or laws[0] is law:
        raise NothingToChange
    return laws[0].log_prob(value)


def _at_the_draw(made: Made) -> Any:
    law, value = made.args[0], made.args[1] if len(made.args) > 1 else made.kwargs["value"]
    draws = [drawn for drawn, each in made.drawn if each is law and drawn.shape == value.shape]
    if not draws or draws[0] is value:
        raise NothingToChange
    return law.log_prob(draws[0])
