"""Numbers that may be a factor too much or too little: sizes of what a loss draws, and scales it draws with."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from torch.utils._pytree import tree_leaves

from bench.auditing.factor import Size
from bench.engine.plan import Cell, Experiment
from bench.losses.problem import LossProblem

_MOST = 6


def sizes_of(experiment: Experiment, cell: Cell) -> list[Size]:
    """The sizes that may occur in a factor, each number once, those that were told first."""
    found: dict[float, Size] = {}
    for size in _every(experiment, cell):
        if size.value > 1:
            found.setdefault(size.value, size)
    return list(found.values())[:_MOST]


def _every(experiment: Experiment, cell: Cell) -> Iterator[Size]:
    problem = experiment.problem
    assert isinstance(problem, LossProblem)
    yield Size("N", cell.sample_size, "the samples")
    own = problem.own
    if own.data is not None:
        for leaf in tree_leaves(own.batches[0]):
            if isinstance(leaf, Tensor) and leaf.dim():
                yield Size("B", leaf.shape[0], "the batch")
    for asked in own.rows[cell.named.name].manners.asked:
        for size in asked.shape:
            yield Size("n", size, "an axis of what is drawn")
