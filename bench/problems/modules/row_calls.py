"""Calls of a person's methods, written for one module, for all rows of theta: by `vmap`, or one by one."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from bench.errors import Invalid
from bench.problem import NotApplicable
from bench.problems.modules.reasons import RANDOM, explained

Single = Callable[..., Any]
"""Takes the person's object with the data of the row, the module with the parameters of the row, and more
tensors of the row; gives a tensor, or a tuple of them."""


class _Calling(nn.Module):
    """A module that hands another, whose parameters are swapped, to a function."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self.net, *arguments)


@dataclass(frozen=True)
class RowCalls:
    """Calls for all rows.

    Attributes:
        owner: the person's object; its methods are called on copies that have the data of a row.
        net: a copy of the module, with what is fixed of it.
        loops: whether rows are called one by one.
        changing: names of the buffers that calls change. Each call finds them as they were at first.
    """

    owner: Any
    net: nn.Module
    loops: bool
    changing: tuple[str, ...] = ()

    def __call__(
        self,
        method: str,
        single: Single,
        pieces: Mapping[str, Tensor],
        data: Any,
        data_per_row: bool,
        arguments: Sequence[Tensor] = (),
        validate: bool = False,
    ) -> Any:
        """Give what `single` gives, each tensor with a row axis in front.

        Args:
            method: the name of the person's method that is called, for messages.
            single: the call of one row.
            pieces: the parameters by name, `[R, *shape]` each.
            data: a batch, `[B, ...]`, or one for each row, `[R, B, ...]`; a tensor, or several of them.
            data_per_row: which of the two.
            arguments: further tensors of each row, `[R, ...]` each.
            validate: whether distributions check their parameters, which rows at once cannot.

        Raises:
            Invalid: if the person's method fails, with the way out where one is known.
            NotApplicable: as the method raises it.
        """
        some = next(iter(pieces.values()))
        rows, dtype, device = len(some), some.dtype, some.device
        buffers = {name: own.expand(rows, *own.shape).clone() for name, own in self._buffers()}

        def one(pieces: Any, buffers: Any, batch: Any, given: Any) -> Any:
            owner = copy.copy(self.owner)
            owner.data = batch if data_per_row else data
            swapped = {f"net.{name}": piece for name, piece in {**pieces, **buffers}.items()}
            return functional_call(_Calling(self.net), swapped, (lambda net: single(owner, net, *given),))

        per_row = data if data_per_row else ()
        every = (dict(pieces), buffers, per_row, tuple(arguments))
        try:
            with _as_it_was(self.net), surroundings(dtype, device, validate):
                return self._looped(one, every, rows) if self.loops else vmap(one, randomness="error")(*every)
        except (Invalid, NotApplicable):
            raise
        except Exception as error:
            raise explained(error, type(self.owner).__name__, method, self.net, self.loops) from error

    def samples(self, single: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Give what `single` gives for each of N samples of a row, `[N, ...] -> [N, ...]`."""
        if len(x) == 1:
            return single(x[0])[None]
        return (
            torch.stack([single(each) for each in x]) if self.loops else vmap(single, randomness="error")(x)
        )

    def _buffers(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, self.net.get_buffer(name)) for name in self.changing)

    def _looped(self, one: Callable[..., Any], every: Any, rows: int) -> Any:
        before = torch.default_generator.get_state()
        found = [one(*tree_map(lambda t: t[r], every)) for r in range(rows)]  # noqa: B023 - it is called at once
        if not torch.equal(before, torch.default_generator.get_state()):
            torch.default_generator.set_state(before)
            raise RuntimeError(RANDOM)
        if isinstance(found[0], Tensor):
            return torch.stack(found)
        return tuple(torch.stack(several) for several in zip(*found, strict=True))


@contextmanager
def _as_it_was(net: nn.Module) -> Iterator[None]:
    """Leave no attribute of the module other than it was: what a call keeps there is of one row."""
    before = [(part, vars(part).copy()) for part in net.modules()]
    try:
        yield
    finally:
        for part, attributes in before:
            vars(part).clear()
            vars(part).update(attributes)


@contextmanager
def surroundings(dtype: torch.dtype, device: torch.device, validate: bool) -> Iterator[None]:
    """New tensors are of the type of theta and on its device, and distributions do not look at values.

    Torch's attention takes no path that has no derivative: it would not see that rows at once want one.
    """
    default, validates = torch.get_default_dtype(), Distribution._validate_args
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        torch.set_default_dtype(dtype)
        Distribution.set_default_validate_args(validate)
        with nullcontext() if device.type == "cpu" else device, warnings.catch_warnings():
            # Some operations are done row by row within; that is slower, and all the same.
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.set_default_dtype(default)
        Distribution.set_default_validate_args(validates)
