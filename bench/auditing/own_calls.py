"""Calls that a loss's own code makes: of torch's functions, of distributions, and of `torch.no_grad`."""

from __future__ import annotations

import functools
import linecache
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.overrides import TorchFunctionMode

_NOT_THE_USERS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<frozen", "<__array")
_METHODS = ("sample", "rsample", "log_prob")
NO_GRAD = "no_grad"
REDUCING = (
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
)
"""Functions of `torch.nn.functional` that take a mean or a sum; a mode of torch does not see them."""
_DRAWS = ("bernoulli", "multinomial")
_OTHERS = ("softmax", "log_softmax", "gumbel_softmax")

Key = tuple[int, int]
"""A code object, and an instruction in it."""


@dataclass(frozen=True)
class Site:
    """A call in somebody's own code.

    Attributes:
        key: the place in the code, the same each time that it is reached, as in a loop.
        name: of the function or method.
        file: where.
        line: in that file.
        differentiable: which of the positional arguments are tensors that carry a gradient.
        shapes: of the positional arguments that are tensors; None for others.
        numbers: that are among the arguments.
    """

    key: Key
    name: str
    file: str
    line: int
    differentiable: tuple[bool, ...]
    shapes: tuple[tuple[int, ...] | None, ...]
    numbers: tuple[float, ...] = ()

    @property
    def place(self) -> str:
        """The line, with its number and as it is written."""
        source = linecache.getline(self.file, self.line).strip()
        return f"line {self.line}, `{source}`" if source else f"line {self.line}"


class OwnCalls(TorchFunctionMode):
    """Sees each call that is made from somebody's own code, and may answer it in another way."""

    @abstractmethod
    def answer(self, key: Key, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Answer a call from a line of a file; `func(*args, **kwargs)` is the usual answer."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Answer a call of torch, if it is of somebody's own code."""
        return self._answered(sys._getframe(1), _name(func), func, args, kwargs or {})

    def __enter__(self) -> Any:
        """Watch methods, too, which are no functions of torch."""
        self._replaced = [(cls, name, vars(cls)[name]) for cls, name in _methods()]
        for cls, name, original in self._replaced:
            setattr(cls, name, self._watched(NO_GRAD if name == "__enter__" else name, original))
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        """Leave the methods as they were."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        for cls, name, original in self._replaced:
            setattr(cls, name, original)

    def _watched(self, name: str, original: Any) -> Callable[..., Any]:
        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            return self._answered(sys._getframe(1), name, original, args, kwargs)

        return watched

    def _answered(self, frame: Any, name: str, func: Any, args: Any, kwargs: Any) -> Any:
        if frame is None or frame.f_code.co_filename.startswith(_NOT_THE_USERS):
            return func(*args, **kwargs)
        key, line = (id(frame.f_code), frame.f_lasti), (frame.f_code.co_filename, frame.f_lineno)
        return self.answer(key, name, func, args, kwargs, line)


class Tracing(OwnCalls):
    """Records the calls of somebody's own code.

    Attributes:
        sites: the places of calls, in the order in which they are reached first.
    """

    def __init__(self) -> None:
        self.sites: list[Site] = []

    def answer(self, key: Key, name: str, func: Any, args: Any, kwargs: Any, line: tuple[str, int]) -> Any:
        """Record a call, and make it."""
        if any(site.key == key and site.name == name for site in self.sites):
            return func(*args, **kwargs)
        tensors = [each if isinstance(each, Tensor) else None for each in args]
        carries = tuple(each is not None and each.requires_grad for each in tensors)
        shapes = tuple(None if each is None else tuple(each.shape) for each in tensors)
        numbers = tuple(float(each) for each in args if type(each) in (int, float))
        self.sites.append(Site(key, name, *line, carries, shapes, numbers))
        return func(*args, **kwargs)


def _methods() -> Iterator[tuple[Any, str]]:
    waiting: list[Any] = [Distribution]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        yield from ((cls, name) for name in _METHODS if name in vars(cls))
    yield torch.no_grad, "__enter__"
    # Served draws are functions of this package: of these the caller's own line is wanted.
    yield from ((of, name) for of in (torch, Tensor) for name in _DRAWS if name in vars(of))
    yield from ((torch.nn.functional, name) for name in (*REDUCING, *_OTHERS))


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", func))
