"""Small steps of the weights held against the derivative: jumps, and paths that are cut off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bench.auditing.finding import Finding
from bench.auditing.fresh import Fresh
from bench.auditing.try_repairs import Estimates
from bench.losses.swapped import Swapped
from bench.losses.weights import Weights
from bench.statistics.fieller import fieller
from bench.text.numbers import significant

# The length of a step, as a part of the size of the weights, and the level of what is said.
_STEP, _LEVEL = 5e-3, 0.999
# Where most replicates change as their derivative says, to this part of their spread, the others have jumped.
_AGREES, _MOST_AGREE, _SOME_JUMP = 0.05, 0.6, 10


def small_steps(label: str, weights: Weights, fresh: Fresh, estimates: Estimates) -> Finding | None:
    """The finding that the loss itself follows the truth and its derivative does not; None otherwise.

    The mean change of the loss in small steps along the bias, on common random numbers, is compared with the
    truth: where they agree the loss is what is meant, and its gradient misses a part. Where the two agree in
    most replicates and are far apart in a few, the loss jumps between them, which no path sees.

    Args:
        label: of the loss.
        weights: of the model.
        fresh: its estimates beside what is right.
        estimates: of a changed loss, on the same random numbers.
    """
    off = (fresh.right - fresh.suspect).mean(0)  # [P]
    direction = off / off.norm()
    size = max(1.0, float(weights.theta.double().cpu().norm()) / len(off) ** 0.5)
    change = _changes(weights, direction, _STEP * size, estimates, len(fresh.suspect))  # [R]
    slope, wanted = fresh.suspect @ direction, fresh.right @ direction  # [R]
    found = fieller(change, wanted, _LEVEL)
    lost = fieller(slope, wanted, _LEVEL)
    if not (found.low <= 1 <= found.high and found.high - found.low < abs(1 - lost.value)):
        return None
    apart = (change - slope).abs()  # [R]
    near = apart <= _AGREES * max(float(change.std()), float(apart.max()) * _AGREES)
    jumped = int((~near).sum())
    if float(near.double().mean()) >= _MOST_AGREE and jumped >= _SOME_JUMP:
        share = significant(100 * jumped / len(near), 2)
        said = (
            f"the loss jumps, which a path cannot see: in {share} % of the estimates it changes by more "
            "within a small step than its derivative says, as where a draw is compared, rounded or sorted; a "
            "score term sees it"
        )
        return Finding(label, "jump", said, ("jump",))
    said = (
        "the loss itself follows the truth in small steps of the weights and its gradient does not: a path "
        "is cut off, as by a detach, .item() or torch.no_grad()"
    )
    return Finding(label, "jump", said, ("path cut off",))


def _changes(weights: Weights, direction: Tensor, step: float, estimates: Estimates, count: int) -> Tensor:
    """The change of the loss for each unit of a step, in each replicate, `[R]`."""
    forth, back = (estimates(_valued_at(weights, direction, sign * step), count)[:, 0] for sign in (1, -1))
    return (forth - back) / (2 * step)


def _valued_at(weights: Weights, direction: Tensor, step: float) -> Callable[[Any], Any]:
    """A change of a loss: its gradient in the first weight is its value where the weights are moved."""

    def change(loss: Callable[..., Any]) -> Callable[..., Any]:
        def valued(*batch: Any) -> Any:
            pairs, start = [], 0
            for leaf in weights.tensors:
                moved = leaf.detach().double() + step * direction[start : start + leaf.numel()].to(
                    leaf.device
                ).view_as(leaf)
                pairs.append((leaf, moved.to(leaf.dtype)))
                start += leaf.numel()
            with Swapped(pairs):
                value = loss(*batch)
            return weights.tensors[0].reshape(-1)[0] * value.detach()

        return valued

    return change
