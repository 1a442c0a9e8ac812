"""Edges of a policy loss: masked answers, far ratios, one answer, equal rewards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from bench.policies.certificates.foreign_calls import Faulty, LossCalls
from bench.policies.certificates.undefined import word_of

_FAR = 50.0


def edges_of(calls: LossCalls, group_size: int) -> tuple[str, ...]:
    """Return what is to be said of each edge.

    Args:
        calls: of the loss.
        group_size: the number of answers in a batch.
    """
    return tuple(f"{place}: {_said(calls, batch)}." for place, batch in _edges(group_size))


def _edges(size: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    plain = {name: _as_many(value, size) for name, value in _batch().items()}
    yield (
        "Where all rewards of a group are equal",
        {**plain, "advantages": torch.zeros_like(plain["advantages"])},
    )
    yield "For a single answer", {name: value[:1] for name, value in plain.items()}
    yield "For answers of one token", _one_token(plain)
    masked = plain["mask"].clone()
    masked[0] = 0
    yield "Where all tokens of an answer are masked", {**plain, "mask": masked}
    yield "Where all tokens of all answers are masked", {**plain, "mask": masked * 0}
    for sign in (1, -1):
        far = {**plain, "old_log_probs": plain["log_probs"] - sign * _FAR}
        yield f"At log ratios of {sign * _FAR:+.0f}", far
    for sign in (1, -1):
        far = {**plain, "ref_log_probs": plain["log_probs"] - sign * _FAR}
        yield f"At log π/π_ref of {sign * _FAR:+.0f}", far


def _batch() -> dict[str, Tensor]:
    """Four answers of one or two tokens, with advantages of both signs."""
    log_probs = torch.tensor([[-0.5, -1.2], [-0.9, -0.4], [-0.7, -0.3], [-1.1, -0.8]], dtype=torch.float64)
    mask = torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    advantages = torch.tensor([1.0, -0.5, -1.0, 0.5], dtype=torch.float64)
    return {
        "log_probs": log_probs,
        "old_log_probs": log_probs.clone(),
        "ref_log_probs": log_probs.clone(),
        "mask": mask,
        "advantages": advantages,
    }


def _as_many(value: Tensor, count: int) -> Tensor:
    """As many rows, over again where there are too few."""
    return value.repeat(-(-count // len(value)), *[1] * (value.dim() - 1))[:count]


def _one_token(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value if name == "advantages" else value[:, :1] for name, value in batch.items()}


def _said(calls: LossCalls, batch: Mapping[str, Tensor]) -> str:
    try:
        ascent, value = calls.ascent(batch)
    except Faulty as fault:
        return str(fault)
    word = word_of(ascent)
    if word not in ("NaN", "infinite") and not bool(value.isfinite()):
        return f"the gradient is {word}, and the loss itself {word_of(value)}"
    return f"the gradient is {word}"
