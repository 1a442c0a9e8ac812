"""Small steps of the weights held against the derivative: a loss that jumps between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor

from bench.auditing.try_repairs import Estimates
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.losses.swapped import Swapped
from bench.losses.weights import Weights
from bench.statistics.fieller import fieller
from bench.text.numbers import significant

# Lengths of steps, as parts of the size of the weights: the longer one is, the more often it meets a jump,
# and the less it is a derivative. The level of what is said, and how well the slope of the truth must be met.
_STEPS, _LEVEL, _WIDTH = (5e-3, 2e-2, 8e-2), 0.999, 0.4
# Those within which some replicates have jumped, and most have not.
_SMALL = (5e-4, 5e-3)
# Where most replicates change as their derivative says, to this part of their spread, the others have jumped.
_AGREES, _MOST_AGREE, _SOME_JUMP = 0.05, 0.6, 10


def small_steps(label: str, weights: Weights, fresh: Fresh, estimates: Estimates) -> Finding | None:
    """The finding that the loss follows the truth by jumps, which its derivative does not see; else None.

    The mean change of the loss in small steps along the bias, on common random numbers, is compared with the
    truth: where they agree the loss is what is meant, and its gradient misses a part. Where most replicates
    change as their derivative says and a few by far more, the loss jumps.

    Args:
        label: of the loss.
        weights: of the model.
        fresh: its estimates beside what is right.
        estimates: of a changed loss, on the same random numbers.
    """
    off = (fresh.right - fresh.suspect).mean(0)  # [P]
    direction = off / off.norm()
    slope, wanted = fresh.suspect @ direction, fresh.right @ direction  # [R]
    size = max(1.0, float(weights.theta.double().cpu().norm()) / len(off) ** 0.5)

    def changes(steps: Iterable[float]) -> Iterator[Tensor]:
        yield from (_changes(weights, direction, step * size, estimates, len(slope)) for step in steps)

    if not any(_follows(change, slope, wanted) for change in changes(_STEPS)):
        return None
    told = (_told(label, change, slope) for change in changes(_SMALL))
    return next((found for found in told if found is not None), None)


def _follows(change: Tensor, slope: Tensor, wanted: Tensor) -> bool:
    """Whether changes of the loss are known to be those of the truth, and not those of its derivative."""
    found, lost = fieller(change, wanted, _LEVEL), fieller(slope, wanted, _LEVEL)
    return found.low <= 1 <= found.high and found.high - found.low < min(_WIDTH, abs(1 - lost.value))


def _told(label: str, change: Tensor, slope: Tensor) -> Finding | None:
    """The finding, from changes within small steps; None if it does not show in them."""
    apart = (change - slope).abs()  # [R]
    near = apart <= _AGREES * max(float(slope.std()), float(slope.abs().mean()))
    jumped = int((~near).sum())
    if float(near.double().mean()) >= _MOST_AGREE and jumped >= _SOME_JUMP:
        share = significant(100 * jumped / len(near), 2)
        said = (
            f"the loss jumps, which a path cannot see: in {share} % of the estimates it changes by more "
            "within a small step than its derivative says, as where a draw is compared, rounded or sorted; a "
            "score term sees it"
        )
        return Finding(label, "jump", said, ("jump",))
    return None


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
