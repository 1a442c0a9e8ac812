"""Errors of a person's methods, explained: where, why, and the way out where one is known."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from bench.errors import Invalid, invalid

LOOP = 'super().__init__(…, rows="loop") calls it row by row, which is slower'
RANDOM = "vmap: called random operation"  # a part of torch's own message, which a loop of rows uses too

_OURS = [str(Path(__file__).parents[2]), str(Path(str(torch.__file__)).parent), sysconfig.get_path("stdlib")]

_IN_PLACE = (
    "it changes a tensor in place that is the same for all rows: write y = y + x for y += x, or torch.stack"
)

# Parts of torch's messages, in lower case -> the reason in short.
_BY_VMAP = {
    ".item()": "it reads the value of a tensor (`.item()`, `float(…)`), which rows at once cannot",
    "data-dependent control flow": "it decides by the value of a tensor (`if`, `while`), which rows at once "
    "cannot; torch.where can",
    "dynamic shape": "the shape of a tensor depends on values, which rows at once cannot; torch.where can",
    "inplace arithmetic": _IN_PLACE,
    "in-place": _IN_PLACE,
    "doesn't match the broadcast shape": _IN_PLACE,
    "batching rule": "torch has no form of an operation for rows at once",
    "setup_context": "a torch.autograd.Function has no form for rows at once",
    "vmap": "torch cannot call it for rows at once",
    "functorch": "torch cannot call it for rows at once",
}


def explained(error: Exception, owner: str, method: str, net: nn.Module, loops: bool) -> Invalid:
    """An error of a person's method, as one of theirs.

    Args:
        error: the error.
        owner: the name of the class.
        method: the name of the method.
        net: the module that was called.
        loops: whether rows were called one by one.
    """
    text = str(error).strip()
    first = text.split("\n")[0] if text else ""
    told = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return invalid(f"{owner}.{method}{_place(error)}: {_reason(text.lower(), told, net, loops)}")


def _reason(text: str, told: str, net: nn.Module, loops: bool) -> str:
    if RANDOM in text:
        return "; ".join(_of_random(net))
    if not loops:
        for part, reason in _BY_VMAP.items():
            if part in text:
                return f"{reason}, and {LOOP}" if reason.endswith("can") else f"{reason}; {LOOP} ({told})"
    if "dtype" in text or "scalar type" in text:
        return (
            f"{told}; it is called in float64 too, where the module and the data are float64: make tensors "
            "with torch.zeros(…) or x.new_zeros(…) and no dtype, and do not call .float()"
        )
    return told


def _of_random(net: nn.Module) -> Iterator[str]:
    """The modules that draw, by name, and the way out."""
    drawing = [
        f"{name or 'the module'} ({type(part).__name__})"
        for name, part in net.named_modules()
        if "Dropout" in type(part).__name__ and part.training
    ]
    if drawing:
        yield f"{', '.join(drawing)} in training mode draws at random, which is noise that no estimator knows"
        yield "call net.eval() before you hand the module over, or take a part of the noise as the sample"
        return
    yield "it draws random numbers itself, as noise that no estimator knows"
    yield "only the distribution is sampled: make what is random a part of it, or draw once in __init__"


def _place(error: Exception) -> str:
    """` (file:line)`, the innermost line that is neither ours nor torch's; empty if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not each.filename.startswith((*_OURS, "<"))]
    own = [each for each in own if "site-packages" not in each.filename]
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
