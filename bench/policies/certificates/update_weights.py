"""Weights of the scores of all tokens in a trainer's update, in one call where that is the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.policies.certificates.foreign_calls import Faulty, LossCalls, advantages
from bench.policies.certificates.outcomes import Outcomes

# Batches that are computed alone and together, and the difference from which on they are not the same.
_TRIED, _SAME = 10, 1e-9


def weights_of_advantages(fn: Callable[[Tensor], Tensor], outcomes: Outcomes) -> Tensor:
    """Return A_i of each token over the number of answers, `[M, B, G, T]`.

    All batches are the prompts of one call where some of them have the advantages in it that they have in
    calls of their own. A function that compares prompts is called for each batch.

    Raises:
        Faulty: if the function cannot be used, or two calls differ.
    """
    rewards = outcomes.rewards  # [M, B, G]
    some = _some(len(rewards))
    alone = torch.stack([advantages(fn, each) for each in rewards[some]])
    _check_repeated(alone[len(some) // 2], advantages(fn, rewards[some[len(some) // 2]]))

    def together(places: Tensor) -> Tensor:
        return advantages(fn, rewards[places].flatten(0, 1)).view_as(rewards[places])

    if _agree(alone, _attempted(lambda: together(some))):
        found = together(torch.arange(len(rewards)))
    else:
        found = torch.stack([advantages(fn, each) for each in rewards])
    if outcomes.setting.sorted:
        for order in _orders(rewards.shape[-1]):
            turned = torch.stack([advantages(fn, each[:, order]) for each in rewards[some]])
            _check_order(alone[..., order], turned)
    B, G, _ = outcomes.sizes
    return found[..., None] * outcomes.mask / (B * G)


def weights_of_loss(calls: LossCalls, outcomes: Outcomes, advantages: Tensor) -> Tensor:
    """Return minus the gradient of a loss in all log π, `[M, B, G, T]`.

    All batches stand in one call where that gives some of them the gradients, up to the number of batches
    where the loss is a mean, that they have in calls of their own.

    Args:
        calls: of the loss.
        outcomes: all batches.
        advantages: `[M, B, G]`.

    Raises:
        Faulty: if the loss cannot be used, or two calls differ.
    """
    tokens = {
        "log_probs": outcomes.log_prob,
        "old_log_probs": outcomes.old,
        "ref_log_probs": outcomes.reference,
        "mask": outcomes.mask,
    }

    same = torch.arange(outcomes.setting.group_size)

    def ascent(places: Tensor, order: Tensor = same) -> Tensor:
        batch = {name: value[places][:, :, order].flatten(0, 2) for name, value in tokens.items()}
        batch["advantages"] = advantages[places][..., order].flatten()
        return calls.ascent(batch)[0].view(len(places), *outcomes.mask.shape[1:])

    M = len(outcomes.mask)
    some, every = _some(M), torch.arange(M)
    alone = torch.cat([ascent(place[None]) for place in some])
    _check_repeated(alone[len(some) // 2 :][:1], ascent(some[len(some) // 2 :][:1]))
    for order in _orders(len(same)) if outcomes.setting.sorted else ():
        _check_order(alone[:, :, order], torch.cat([ascent(place[None], order) for place in some]))
    joint = _attempted(lambda: ascent(some if bool(alone.any()) else every))
    if not bool(alone.any()):
        if joint is not None and not bool(joint.any()):
            return joint
    else:
        if joint is not None and _agree(alone, len(some) * joint):
            return M * ascent(every)
        if _agree(alone, joint):
            return ascent(every)
    return torch.cat([ascent(place[None]) for place in every])


def _some(count: int) -> Tensor:
    """Places of batches that differ in much, the first and the last among them."""
    return torch.linspace(0, count - 1, min(count, _TRIED)).round().long()


def _attempted(call: Callable[[], Tensor]) -> Tensor | None:
    """The result of a call of a function that may refuse several batches; None if it does."""
    try:
        return call()
    except Faulty:
        return None


def _agree(alone: Tensor, joint: Tensor | None) -> bool:
    if joint is None or not bool((alone.isfinite() == joint.isfinite()).all()):
        return False
    difference = torch.where(alone.isfinite(), alone - joint, 0.0).abs().max()
    size = torch.where(alone.isfinite(), alone, 0.0).abs().max()
    return bool(difference <= _SAME * max(1.0, float(size)))


def _check_repeated(first: Tensor, second: Tensor) -> None:
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise Faulty("it is random, or keeps a state: two calls with equal arguments differ")


def _orders(size: int) -> tuple[Tensor, Tensor]:
    """Two other orders of the answers of a group."""
    places = torch.arange(size)
    return places.flip(0), places.roll(1)


def _check_order(turned: Tensor, found: Tensor) -> None:
    if not _agree(turned, found):
        wanted = "with a smaller group_size all orders are enumerated"
        raise Faulty(f"it depends on the order of the answers in a group: {wanted}")
