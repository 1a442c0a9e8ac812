"""Repairs: single changes of what a loss computes, each of which mends one usual fault of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.auditing.own_calls import NO_GRAD, OwnCalls, Site

Edit = Callable[["Repaired", Any, tuple[Any, ...], dict[str, Any]], Any]
"""What is called instead of a function with its arguments."""


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
    """Makes one call of somebody's own code another way.

    Attributes:
        drawn: what was drawn until now, each with the distribution that it is of.
    """

    def __init__(self, repair: Repair) -> None:
        super().__init__()
        self._repair = repair
        self.drawn: list[tuple[Any, Distribution]] = []

    def answer(self, index: int, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Make the call, changed if it is the one."""
        site = self._repair.site
        changed = index == site.index and name == site.name
        value = self._repair.edit(self, func, args, kwargs) if changed else func(*args, **kwargs)
        if name in ("sample", "rsample"):
            self.drawn.append((value, args[0]))
        return value


def repaired(loss: Callable[..., Any], repair: Repair) -> Callable[..., Any]:
    """The loss with a repair."""

    def changed(*batch: Any) -> Any:
        with Repaired(repair):
            return loss(*batch)

    return changed


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
    name, tensors = _plain(site.name), [i for i, shape in enumerate(site.shapes) if shape is not None]
    pair = len(tensors) == 2
    if (
        name in _PRODUCTS | _QUOTIENTS | _SUMS | _DIFFERENCES
        and pair
        and _is_outer(*(site.shapes[i] for i in tensors))
    ):
        shapes = " and ".join(str(list(site.shapes[i] or ())) for i in tensors)
        yield Repair(site, "wrong axis", f"shapes {shapes} are spread over one another", _same_shape)
    if name in _PRODUCTS and pair and all(site.differentiable[i] for i in tensors):
        for i in tensors:
            yield Repair(
                site,
                "missing detach",
                f"a detach is missing: the {_nth(i)} factor carries a gradient",
                _detached(i),
            )
    if name in _QUOTIENTS and pair:
        if site.differentiable[tensors[1]]:
            yield Repair(
                site, "missing detach", "a detach is missing: the divisor carries a gradient", _detached(1)
            )
        yield Repair(site, "division", "the division changes what is estimated", _first)
    if name == "detach" or site.name == NO_GRAD:
        yield Repair(
            site, "detach too many", "a detach too many: what is cut off must carry its gradient", _kept(site)
        )
    if name in _SUMS | _DIFFERENCES:
        for i in tensors:
            if site.differentiable[i] and pair:
                yield Repair(site, "term sign", f"the sign of the {_nth(i)} term is wrong", _negated(i))
                yield Repair(
                    site,
                    "missing detach",
                    f"a detach is missing: the {_nth(i)} term carries a gradient",
                    _detached(i),
                )
    if name in ("neg", "negative"):
        yield Repair(site, "term sign", "the sign is wrong", _first)
    if name == "mean" or name == "sum":
        other = "sum" if name == "mean" else "mean"
        yield Repair(site, f"{name} for {other}", f"a {name} stands for a {other}", _called(other))
    if name == "mean":
        yield Repair(site, "own sample", "the mean includes the sample itself", _leave_one_out)
    if name in _ALONG_AN_AXIS:
        for axis in range(len(site.shapes[0] or ()) if site.shapes else 0):
            yield Repair(
                site, "wrong axis", f"it runs along the wrong axis, not along axis {axis}", _along(axis)
            )
    if name == "sample":
        yield Repair(site, "no path", "sample() has no path where rsample() is meant", _rsample)
    if name == "rsample":
        yield Repair(
            site, "double counting", "rsample() adds a path where the draw must have none", _without_path
        )
    if name == "log_prob":
        yield Repair(site, "wrong law", "log_prob is not of the law that was drawn from", _of_the_law_drawn)


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


def _same_shape(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    first, second = args[:2]
    if first.dim() >= second.dim():
        return func(first.reshape(second.shape), second, *args[2:], **kwargs)
    return func(first, second.reshape(first.shape), *args[2:], **kwargs)


def _detached(i: int) -> Edit:
    def edit(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*args[:i], args[i].detach(), *args[i + 1 :], **kwargs)

    return edit


def _negated(i: int) -> Edit:
    def edit(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*args[:i], -args[i], *args[i + 1 :], **kwargs)

    return edit


def _first(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0]


def _kept(site: Site) -> Edit:
    return _entered if site.name == NO_GRAD else _first


def _entered(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    args[0].prev = torch.is_grad_enabled()  # what leaving it sets


def _called(name: str) -> Edit:
    def edit(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return getattr(args[0], name)(*args[1:], **kwargs)

    return edit


def _leave_one_out(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x = args[0]
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if dim is None:
        return (x.sum() - x) / (x.numel() - 1)
    return (x.sum(dim, keepdim=True) - x) / (x.shape[dim] - 1)


def _along(axis: int) -> Edit:
    def edit(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if not isinstance(given, int) or given % args[0].dim() == axis:
            raise _Unchanged
        return func(
            args[0], axis, *args[2:], **{name: value for name, value in kwargs.items() if name != "dim"}
        )

    return edit


class _Unchanged(Exception):
    """There is nothing to be changed at a site."""


def _rsample(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0].rsample(*args[1:], **kwargs)


def _without_path(_: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args, **kwargs).detach()


def _of_the_law_drawn(own: Repaired, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    value = args[1] if len(args) > 1 else kwargs["value"]
    laws = [law for drawn, law in own.drawn if drawn is value]
    if not laws or laws[0] is args[0] or not isinstance(value, Tensor):
        raise _Unchanged
    return laws[0].log_prob(value)
