"""Answers of a person's methods, held to what was wanted of them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.stacked import Parts, taken_apart
from bench.errors import invalid, shown
from bench.problem import NotApplicable

WANTED = {
    "distribution": ("net",),
    "generate": ("net", "noise"),
    "cost": ("net", "z"),
    "log_joint": ("net", "z"),
    "analytic_term": ("net", "p"),
    "expectation": ("net",),
    "inputs": (),
    "prepare": ("net",),
    "pictures": ("net",),
}
"""The methods of a person's class, and what each is given."""


def gives(owner: Any, method: str) -> bool:
    """Whether a person's class has a method of its own, not that of the base."""
    function = getattr(type(owner), method)
    return not function.__module__.startswith("bench.problems.module_problem")


def check_signatures(owner: Any) -> None:
    """Refuse methods that do not take what they are given.

    Raises:
        Invalid: with how the method should be written.
    """
    for method, arguments in WANTED.items():
        try:
            inspect.signature(getattr(owner, method)).bind(*arguments)
        except TypeError:
            taken = ", ".join(
                ["self", *map(str, inspect.signature(getattr(owner, method)).parameters.values())]
            )
            wanted = ", ".join(["self", *arguments])
            name = f"{type(owner).__name__}.{method}"
            raise invalid(f"{name} takes ({taken}), wanted def {method}({wanted})") from None


def parts(p: Any, owner: Any) -> Parts:
    """The distribution of one row, taken apart.

    Raises:
        Invalid: if it is none, or cannot be given a row axis.
    """
    name = f"{type(owner).__name__}.distribution"
    if not isinstance(p, Distribution):
        raise invalid(f"{name} gave {kind_of(p)}, wanted a torch.distributions.Distribution")
    try:
        found = taken_apart(p)
    except NotApplicable as reason:
        raise invalid(
            f"{name}: {reason}, which is called outside of the rows; give the noise before it as the "
            "distribution, and call the module in cost"
        ) from reason
    if not found.tensors:
        raise invalid(
            f"{name} gave {type(p).__name__} without any tensor in it, wanted parameters as tensors"
        )
    return found


def numbers(
    value: Any,
    batch: Sequence[int],
    owner: Any,
    method: str,
    dtype: torch.dtype,
    z: Tensor | None = None,
) -> Tensor:
    """A number for each item, or a single one, in the type of theta.

    Args:
        value: as a method gave it.
        batch: the batch shape of the distribution, `[B]` or `[]`.
        owner: the person's object.
        method: the name of the method.
        dtype: of theta.
        z: the sample of which it was made, if it was.

    Raises:
        Invalid: if it is of another shape or kind.
    """
    if isinstance(value, Tensor) and value.shape == torch.Size(batch) and not value.is_complex():
        return value if value.dtype == dtype else value.to(dtype)
    wanted = f"a number for each item, {list(batch)}" if batch else "a single number, []"
    sample = "" if z is None else f", for a sample of shape {list(z.shape)}"
    raise invalid(
        f"{type(owner).__name__}.{method} gave {kind_of(value)}{sample}; wanted {wanted}{_hint(value, batch)}"
    )


def generated(x: Any, batch: Sequence[int], owner: Any) -> Tensor:
    """A sample that was made of noise.

    Raises:
        Invalid: if it is no tensor of real numbers, or has not the batch shape of the noise in front.
    """
    if isinstance(x, Tensor) and x.is_floating_point() and list(x.shape[: len(batch)]) == list(batch):
        return x
    wanted = f"[{', '.join(map(str, [*batch, '…']))}]"
    name = f"{type(owner).__name__}.generate"
    raise invalid(f"{name} gave {kind_of(x)}, wanted a real tensor {wanted}")


def _hint(value: Any, batch: Sequence[int]) -> str:
    """A suggestion, to be appended to a message."""
    if not isinstance(value, Tensor) or value.is_complex():
        return ""
    if list(value.shape) == [*batch, 1]:
        return ": .squeeze(-1)"
    if not value.dim():
        return _OF_SCALAR if batch else ""
    if list(value.shape[: len(batch)]) == list(batch):
        return ": .flatten(1).sum(1) sums over the rest of each item" if batch else ": .sum()"
    return ""


_OF_SCALAR = (
    ": sum over everything but the items (the mean over them is taken afterwards), or, if they are no items, "
    "make them one sample by Independent(…, 1) in distribution"
)


def kind_of(value: Any) -> str:
    """A value that was given, as text."""
    if not isinstance(value, Tensor):
        return f"{type(value).__name__} ({shown(value, 40)})"
    return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {list(value.shape)}"
