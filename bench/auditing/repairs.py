"""Repairs: single changes of what a loss computes, tried until one makes its gradient right.

A missing detach, the sign of one term, a sum where a mean is meant and the like are faults of one line. Each
call of torch in the loss's own code is changed in some ways, one at a time, on the same random numbers; a
change that leaves no bias names the line and the cause.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_NOT_THE_USERS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
Edit = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
"""What is called instead of a function of torch with its arguments."""


@dataclass(frozen=True)
class Site:
    """A call of torch in somebody's own code.

    Attributes:
        index: of the call, counted over those of somebody's own code.
        name: of the function.
        file: where.
        line: in that file.
        differentiable: which of the positional arguments are tensors that carry a gradient.
        shapes: of the positional arguments that are tensors; None for others.
    """

    index: int
    name: str
    file: str
    line: int
    differentiable: tuple[bool, ...]
    shapes: tuple[tuple[int, ...] | None, ...]

    @property
    def place(self) -> str:
        """Where it is, with the line as it is written."""
        source = linecache.getline(self.file, self.line).strip()
        where = f"line {self.line}" + (f" of {Path(self.file).name}" if not self.file.startswith("<") else "")
        return f"{where}, `{source}`" if source else where


@dataclass(frozen=True)
class Repair:
    """A change at a site.

    Attributes:
        site: where.
        kind: of the change, in one word or two.
        words: the fault that it mends, as text.
        edit: the change.
    """

    site: Site
    kind: str
    words: str
    edit: Edit


class Tracing(TorchFunctionMode):
    """Records the calls of torch in somebody's own code.

    Attributes:
        sites: the calls, in order.
    """

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Record a call, and make it."""
        frame = _own_frame(sys._getframe(1))
        if frame is not None:
            tensors = [each if isinstance(each, Tensor) else None for each in args]
            self.sites.append(
                Site(
                    len(self.sites),
                    _name(func),
                    frame.f_code.co_filename,
                    frame.f_lineno,
                    tuple(each is not None and each.requires_grad for each in tensors),
                    tuple(None if each is None else tuple(each.shape) for each in tensors),
                )
            )
        return func(*args, **(kwargs or {}))


class Repaired(TorchFunctionMode):
    """Makes one call of torch in somebody's own code another way."""

    def __init__(self, repair: Repair) -> None:
        self._repair = repair
        self._count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, or what stands for it here."""
        if _own_frame(sys._getframe(1)) is None:
            return func(*args, **(kwargs or {}))
        here, self._count = self._count, self._count + 1
        site = self._repair.site
        if here != site.index or _name(func) != site.name:
            return func(*args, **(kwargs or {}))
        return self._repair.edit(func, args, kwargs or {})


def repaired(loss: Callable[..., Any], repair: Repair) -> Callable[..., Any]:
    """The loss with a repair."""

    def changed(*batch: Any) -> Any:
        with Repaired(repair):
            return loss(*batch)

    return changed


def _own_frame(frame: Any) -> Any:
    """The frame of a call, if that is in somebody's own code and not in torch or here."""
    return None if frame is None or frame.f_code.co_filename.startswith(_NOT_THE_USERS) else frame


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", func))


_PRODUCTS = {
    "mul",
    "__mul__",
    "__rmul__",
    "multiply",
    "matmul",
    "__matmul__",
    "dot",
    "mm",
    "bmm",
    "einsum",
    "mv",
}
_QUOTIENTS = {"div", "__truediv__", "true_divide", "divide"}
_SUMS = {"add", "__add__", "__radd__"}
_DIFFERENCES = {"sub", "__sub__", "subtract", "rsub", "__rsub__"}
_MEANS, _TOTALS = {"mean"}, {"sum"}


def repairs_of(sites: Sequence[Site]) -> Iterator[Repair]:
    """Yield the changes that are tried, those of later calls first: they are the outermost."""
    for site in reversed(sites):
        yield from _repairs_at(site)


def _repairs_at(site: Site) -> Iterator[Repair]:
    tensors = [i for i, shape in enumerate(site.shapes) if shape is not None]
    if site.name in _PRODUCTS:
        for i in tensors:
            if site.differentiable[i] and (len(tensors) < 2 or all(site.differentiable[j] for j in tensors)):
                yield Repair(site, "detach", f"the {_nth(i)} factor needs a detach", _detached(i))
    if site.name in _QUOTIENTS and len(tensors) == 2:
        if site.differentiable[1]:
            yield Repair(site, "detach", "the divisor needs a detach", _detached(1))
        yield Repair(site, "no division", "the division changes the objective", _first)
    if site.name == "detach":
        yield Repair(site, "detach too many", "what is detached must carry its gradient", _first)
    if site.name in _SUMS | _DIFFERENCES and len(tensors) == 2:
        for i in tensors:
            if site.differentiable[i]:
                yield Repair(site, "sign", f"the sign of the {_nth(i)} term is wrong", _negated(i))
    if site.name in ("neg", "negative", "__neg__"):
        yield Repair(site, "sign", "the sign is wrong", _first)
    if site.name in _MEANS:
        yield Repair(site, "sum for mean", "a mean stands for a sum", _called("sum"))
        yield Repair(site, "own sample", "the mean includes the sample itself", _leave_one_out)
    if site.name in _TOTALS:
        yield Repair(site, "mean for sum", "a sum stands for a mean", _called("mean"))


def _nth(i: int) -> str:
    return ("first", "second", "third")[i] if i < 3 else f"{i + 1}th"


def _detached(i: int) -> Edit:
    def edit(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*args[:i], args[i].detach(), *args[i + 1 :], **kwargs)

    return edit


def _negated(i: int) -> Edit:
    def edit(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return func(*args[:i], -args[i], *args[i + 1 :], **kwargs)

    return edit


def _first(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args[0]


def _called(name: str) -> Edit:
    def edit(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return getattr(args[0], name)(*args[1:], **kwargs)

    return edit


def _leave_one_out(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x = args[0]
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if dim is None:
        return (x.sum() - x) / (x.numel() - 1)
    return (x.sum(dim, keepdim=True) - x) / (x.shape[dim] - 1)
