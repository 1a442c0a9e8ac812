"""Sizes that may be a factor too much or too little: of what a loss draws, and of its batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor
from torch.utils._pytree import tree_leaves

from bench.auditing.own_calls import Site
from bench.diagnosing.factor import Size
from bench.engine.plan import Cell, Experiment
from bench.losses.problem import LossProblem

_MOST = 12


def sizes_of(experiment: Experiment, cell: Cell) -> list[Size]:
    """The sizes that may occur in a factor, each number once, those that were told first."""
    return _once(_every(experiment, cell))


def sizes_in(sites: Sequence[Site], known: Sequence[Size]) -> list[Size]:
    """The sizes of tensors in a loss's own code, and numbers that stand there, but for the usual ones."""
    sizes = (Size("n", n, "an axis of a tensor in its code") for site in sites for n in _shape_of(site))
    numbers = (Size("σ", v, f"the number {v:g} of line {site.line}") for site in sites for v in site.numbers)
    usual = {1.0, 2.0, 0.5, *(size.value for size in known)}
    return [size for size in _once([*sizes, *numbers]) if size.value not in usual]


def _shape_of(site: Site) -> Iterator[int]:
    yield from (n for shape in site.shapes for n in shape or ())


def _once(sizes: Iterable[Size]) -> list[Size]:
    found: dict[float, Size] = {}
    for size in sizes:
        if size.value > 0 and size.value != 1:
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
