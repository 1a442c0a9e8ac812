"""Repairs: single changes of what a loss computes, each of which mends one usual fault of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch

from bench.auditing.edits import (
    Edit,
    Made,
    along,
    along_the_first,
    as_it_was,
    at_the_draw,
    by_item,
    called,
    detached,
    discounted,
    first_argument,
    from_the_end,
    kept,
    leave_one_out,
    logarithm_of_mean,
    negated,
    of_multiple,
    of_what_was_drawn,
    reduced,
    result_negated,
    rsample,
    same_shape,
    sum_of_items,
    upside_down,
    without_path,
)
from bench.auditing.own_calls import NO_GRAD, REDUCING, Key, OwnCalls, Site
from bench.auditing.scores import Draw, discrete, drawn_by_function, with_score


@dataclass(frozen=True)
class Repair:
    """A change at a site.

    Attributes:
        site: where.
        kind: of the change, in few words.
        words: the fault that it mends, as text.
        edit: the change.
        beside: other places that are changed with it.
        score: whether the score of all that was drawn is added to the loss.
    """

    site: Site
    kind: str
    words: str
    edit: Edit
    beside: tuple[Site, ...] = ()
    score: bool = False


class Repaired(OwnCalls):
    """Makes one call of somebody's own code another way."""

    def __init__(self, repair: Repair) -> None:
        self._places = {(site.key, site.name) for site in (repair.site, *repair.beside)}
        self._edit = repair.edit
        self.drawn: list[Draw] = []

    def answer(self, key: Key, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Make the call, changed if it is the one."""
        changed = (key, name) in self._places
        known = len(self.drawn)
        value = self._edit(Made(func, args, kwargs, self.drawn)) if changed else func(*args, **kwargs)
        if len(self.drawn) > known:
            return value
        if name in ("sample", "rsample"):
            self.drawn.append((value, args[0]))
        elif (draw := drawn_by_function(name, args, value)) is not None:
            self.drawn.append(draw)
        return value


def repaired(loss: Callable[..., Any], repair: Repair) -> Callable[..., Any]:
    """The loss with a repair."""

    def changed(*batch: Any) -> Any:
        with Repaired(repair) as made:
            value = loss(*batch)
        return with_score(value, made.drawn) if repair.score else value

    return changed


_MISSING = "a detach is missing:"
_PRODUCTS = {"mul", "multiply", "matmul", "dot", "mm", "bmm", "einsum", "mv", "inner"}
_QUOTIENTS = {"div", "true_divide", "divide"}
_SUMS, _DIFFERENCES = {"add"}, {"sub", "subtract", "rsub"}
_ALONG_AN_AXIS = {
    "sum", "mean", "softmax", "log_softmax", "logsumexp", "cumsum", "cumprod", "prod", "flip", "max", "amax",
    "min", "amin", "argmax", "argmin", "var", "std",
}  # fmt: skip
_CUTS = {"clamp", "clip", "clamp_min", "clamp_max", "relu", "hardtanh", "round", "floor", "ceil"}
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
_MOST_DISCOUNTS = 3
_NO_SCORE = "the weights change what is drawn, and no score term says so"
_ANOTHER = "log_prob is not of the distribution that was drawn from"
_RELAXED = "a relaxation stands for the choice itself, of which the gradient is another"


def repairs_of(sites: Sequence[Site]) -> Iterator[Repair]:
    """Yield the changes that are tried, those of later calls first: they are the outermost."""
    seen = dict.fromkeys(number for site in sites for number in site.numbers if 0 < number < 1)
    discounts = [*seen][:_MOST_DISCOUNTS]
    for site in reversed(sites):
        yield from _repairs_at(site, discounts)
    yield from _of_lines(sites)
    if draws := [site for site in sites if _plain(site.name) in ("sample", "bernoulli", "multinomial")]:
        yield Repair(draws[0], "no score", _NO_SCORE, as_it_was, score=True)
    if len(cuts := [site for site in sites if _plain(site.name) == "detach"]) > 1:
        words = "detaches too many, all together: what is cut off must carry its gradient"
        yield Repair(cuts[0], "detach too many", words, first_argument, tuple(cuts[1:]))


def _plain(name: str) -> str:
    """A name without what marks operators and changes in place: `__rmul__` is `mul`."""
    bare = name.strip("_")
    return _NAMES.get(bare, bare)


def _repairs_at(site: Site, discounts: Sequence[float]) -> Iterator[Repair]:
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
    yield from _of_functions(site, name)
    if name in _PRODUCTS and any(site.differentiable):
        for factor, axis in product(discounts, (-1, 0)):
            words = f"the power of {factor:g} for each step is missing"
            yield Repair(site, "discount", words, discounted(factor, axis))


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
        yield Repair(site, "upside down", "the ratio is upside down", upside_down)
    elif all(site.differentiable[i] for i in places):
        for i in places:
            words = f"{_MISSING} the {nth(i)} factor carries a gradient"
            yield Repair(site, "missing detach", words, detached(i))


def _of_functions(site: Site, name: str) -> Iterator[Repair]:
    """Yield repairs of functions of single numbers."""
    if name in ("exp", "expm1"):
        yield Repair(site, "variance", "a variance stands for a standard deviation", of_multiple(0.5))
        yield Repair(site, "variance", "a standard deviation stands for a variance", of_multiple(2.0))
        yield Repair(site, "upside down", "the ratio is upside down", of_multiple(-1.0))
    if name in ("log", "log1p"):
        yield Repair(site, "term sign", "the sign of the logarithm is wrong", result_negated)
    if name in ("sqrt", "square"):
        yield Repair(site, "variance", f"the {name} is too much", first_argument)
    if name in _CUTS and any(site.differentiable):
        yield Repair(site, "cut", f"{name} has no gradient where it cuts values off", first_argument)
    if name in ("cumsum", "cumprod"):
        yield Repair(site, "direction", "it adds up what comes before, not what comes after", from_the_end)


def _of_lines(sites: Sequence[Site]) -> Iterator[Repair]:
    """Yield repairs of lines that run along an axis several times, as `x.flip(0).cumsum(0).flip(0)`."""
    lines: dict[tuple[str, int], list[Site]] = {}
    for site in sites:
        if _plain(site.name) in _ALONG_AN_AXIS and site.shapes:
            lines.setdefault((site.file, site.line), []).append(site)
    for first, *others in lines.values():
        for axis in range(len(first.shapes[0] or ())) if others else ():
            words = f"it runs along the wrong axis, not along axis {axis}"
            yield Repair(first, "wrong axis", words, along(axis), tuple(others))


def terms_of(site: Site) -> list[int]:
    """The places of the terms of a sum or difference that carry a gradient; none of any other call."""
    places = _tensors(site)
    if _plain(site.name) not in _SUMS | _DIFFERENCES or len(places) < 2:
        return []
    return [i for i in places if site.differentiable[i]]


def _of_sums(site: Site, _: str) -> Iterator[Repair]:
    places = _tensors(site)
    if _plain(site.name) in _DIFFERENCES and len(places) > 1 and not site.differentiable[places[1]]:
        words = "what is subtracted is not independent of what was drawn"
        yield Repair(site, "dependent baseline", words, first_argument)
    if _plain(site.name) in _SUMS | _DIFFERENCES:
        for i in terms_of(site):
            yield Repair(site, "term sign", f"the sign of the {nth(i)} term is wrong", negated(i))
            words = f"the {nth(i)} term must carry no gradient: a detach is missing, or it is there twice"
            yield Repair(site, "missing detach", words, detached(i))


def _of_means(site: Site, name: str) -> Iterator[Repair]:
    """Yield repairs of what runs over axes."""
    if name in ("mean", "sum"):
        other = "sum" if name == "mean" else "mean"
        yield Repair(site, f"{name} for {other}", f"a {name} stands for a {other}", called(other))
    if name == "mean":
        words = "a mean of logarithms stands for the logarithm of a mean"
        yield Repair(site, "mean of logarithms", words, logarithm_of_mean)
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
    if name in ("rsample", "gumbel_softmax"):
        yield Repair(site, "relaxation", _RELAXED, discrete, score=True)
    if name == "rsample":
        yield Repair(
            site, "double counting", "rsample() adds a path where the draw must have none", without_path
        )
    if name == "log_prob":
        yield Repair(site, "wrong distribution", _ANOTHER, of_what_was_drawn)
        yield Repair(site, "wrong distribution", "log_prob is not taken at what was drawn", at_the_draw)


def _is_outer(first: Any, second: Any) -> bool:
    """Whether two tensors with as many numbers are spread over one another: `[8]` and `[8, 1]`."""
    if first == second or torch.Size(first).numel() != torch.Size(second).numel():
        return False
    try:
        return torch.broadcast_shapes(first, second).numel() > torch.Size(first).numel()  # type: ignore[no-untyped-call,no-any-return]
    except RuntimeError:
        return False


def nth(i: int) -> str:
    """The ordinal of a place: "first" for 0."""
    return ("first", "second", "third")[i] if i < 3 else f"{i + 1}th"
