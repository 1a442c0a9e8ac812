"""Repairs: single changes of what a loss computes, each of which mends one usual fault of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributions import Distribution

from bench.auditing.edits import (
    Edit,
    Made,
    along,
    along_the_first,
    at_the_draw,
    by_item,
    called,
    detached,
    first_argument,
    kept,
    leave_one_out,
    negated,
    of_what_was_drawn,
    reduced,
    rsample,
    same_shape,
    sum_of_items,
    without_path,
)
from bench.auditing.own_calls import NO_GRAD, REDUCING, Key, OwnCalls, Site


@dataclass(frozen=True)
class Repair:
    """A change at a site.

    Attributes:
        site: where.
        kind: of the change, in few words.
        words: the fault that it mends, as text.
        edit: the change.
        beside: other places that are changed with it.
    """

    site: Site
    kind: str
    words: str
    edit: Edit
    beside: tuple[Site, ...] = ()


class Repaired(OwnCalls):
    """Makes one call of somebody's own code another way."""

    def __init__(self, repair: Repair) -> None:
        self._places = {(site.key, site.name) for site in (repair.site, *repair.beside)}
        self._edit = repair.edit
        self._drawn: list[tuple[Any, Distribution]] = []

    def answer(self, key: Key, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Make the call, changed if it is the one."""
        changed = (key, name) in self._places
        value = self._edit(Made(func, args, kwargs, self._drawn)) if changed else func(*args, **kwargs)
        if name in ("sample", "rsample"):
            self._drawn.append((value, args[0]))
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


_BY_ITEM = "a mean over all stands for the sum of each item, and the mean over items"
_ANOTHER = "log_prob is not of the distribution that was drawn from"


def repairs_of(sites: Sequence[Site]) -> Iterator[Repair]:
    """Yield the changes that are tried, those of later calls first: they are the outermost."""
    for site in reversed(sites):
        yield from _repairs_at(site)
    if len(cuts := [site for site in sites if _plain(site.name) == "detach"]) > 1:
        words = "detaches too many, all together: what is cut off must carry its gradient"
        yield Repair(cuts[0], "detach too many", words, first_argument, tuple(cuts[1:]))


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
        yield Repair(site, "term sign", "the sign is wrong", first_argument)
    if name == "detach" or site.name == NO_GRAD:
        yield Repair(
            site, "detach too many", "a detach too many: what is cut off must carry its gradient", kept(site)
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
        yield Repair(site, "wrong axis", f"shapes {told} are spread over one another", same_shape)
    for i, (vector, square) in enumerate(zip(shapes, reversed(shapes), strict=True)):
        if len(vector) == 1 and len(square) == 2 and square[0] == square[1] == vector[0]:
            told = f"shape {list(vector)} runs along the last axis of {list(square)}, not along the first"
            yield Repair(site, "wrong axis", told, along_the_first(i))


def _of_products(site: Site, name: str) -> Iterator[Repair]:
    places = _tensors(site)
    if len(places) < 2:
        return
    if name in _QUOTIENTS:
        if site.differentiable[places[1]]:
            yield Repair(site, "missing detach", f"{_MISSING} the divisor carries a gradient", detached(1))
        yield Repair(site, "division", "the division changes what is estimated", first_argument)
    elif all(site.differentiable[i] for i in places):
        for i in places:
            words = f"{_MISSING} the {_nth(i)} factor carries a gradient"
            yield Repair(site, "missing detach", words, detached(i))


def _of_sums(site: Site, _: str) -> Iterator[Repair]:
    places = _tensors(site)
    for i in places if len(places) > 1 else ():
        if site.differentiable[i]:
            yield Repair(site, "term sign", f"the sign of the {_nth(i)} term is wrong", negated(i))
            words = f"{_MISSING} the {_nth(i)} term carries a gradient"
            yield Repair(site, "missing detach", words, detached(i))


def _of_means(site: Site, name: str) -> Iterator[Repair]:
    """Yield repairs of what runs over axes."""
    if name in ("mean", "sum"):
        other = "sum" if name == "mean" else "mean"
        yield Repair(site, f"{name} for {other}", f"a {name} stands for a {other}", called(other))
    if name == "mean":
        yield Repair(site, "own sample", "the mean includes the sample itself", leave_one_out)
        if site.shapes and len(site.shapes[0] or ()) > 1:
            yield Repair(site, "mean for sum", _BY_ITEM, sum_of_items)
    if name in REDUCING:
        yield Repair(site, "mean for sum", "a mean stands for a sum", reduced("sum"))
        yield Repair(site, "sum for mean", "a sum stands for a mean", reduced("mean"))
        yield Repair(site, "mean for sum", _BY_ITEM, by_item)
    if name in _ALONG_AN_AXIS and site.shapes:
        for axis in range(len(site.shapes[0] or ())):
            words = f"it runs along the wrong axis, not along axis {axis}"
            yield Repair(site, "wrong axis", words, along(axis))


def _of_draws(site: Site, name: str) -> Iterator[Repair]:
    if name == "sample":
        yield Repair(site, "no path", "sample() has no path where rsample() is meant", rsample)
    if name == "rsample":
        yield Repair(
            site, "double counting", "rsample() adds a path where the draw must have none", without_path
        )
    if name == "log_prob":
        yield Repair(
            site,
            "wrong distribution",
            "log_prob is not of the distribution that was drawn from",
            of_what_was_drawn,
        )
        yield Repair(site, "wrong distribution", "log_prob is not taken at what was drawn", at_the_draw)


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
