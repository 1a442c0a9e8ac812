"""A cell that is fitted once and sampled under a role, as often as is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

import torch
from torch import Tensor

from bench.engine.center import center_of_cell
from bench.engine.deeds import Deeds
from bench.engine.fitting import Fitting, fit_at_a_cost
from bench.engine.guard import guarded, moved_copy
from bench.engine.pieces import Pieces
from bench.engine.plan import Cell, Experiment, Planned, cell_id
from bench.engine.precision import Precision
from bench.engine.replicate import replicate, warm_up
from bench.engine.replication import Replication
from bench.engine.streams import Address
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.evidence import segments_of
from bench.statistics.known import ExactMoments


class CellSampler:
    """The estimator of a cell, fitted, and a problem of its own on the device and in the type of the cell.

    Problem and estimator are made at their first use. All that runs them belongs within `guarded()`.

    Args:
        experiment: to which the cell belongs.
        cell: one that can run, if anything is to be sampled.
        fit_role: the purpose of the random numbers for fitting; None for that of all runs, so that an
            estimator learns the same in each.
    """

    def __init__(self, experiment: Experiment, cell: Cell, fit_role: str | None = None) -> None:
        self.experiment = experiment
        self.cell = cell
        self._fit_role = cell.named.fit_role if fit_role is None else fit_role

    @property
    def name(self) -> str:
        """The cell's id."""
        return cell_id(self.experiment, self.cell)

    @cached_property
    def problem(self) -> Problem:
        """A copy that no other cell shares."""
        return moved_copy(self.experiment.prepared.problem, self.cell.device, self.cell.dtype)

    @property
    def device(self) -> torch.device:
        """The device of the problem."""
        return self.problem.theta.device

    @property
    def estimator(self) -> Estimator:
        """With what it has learned."""
        return self._fitted[0]

    @property
    def fitting(self) -> Fitting:
        """The cost of learning."""
        return self._fitted[1]

    @cached_property
    def _fitted(self) -> tuple[Estimator, Fitting]:
        N, named = self.cell.sample_size, self.cell.named
        return fit_at_a_cost(named.estimator, self.problem, N, self.experiment.address(N, self._fit_role))

    @cached_property
    def known(self) -> tuple[ExactMoments | None, str]:
        """The moments of an estimate that are known without sampling, or None; and why they are not."""
        known = self.experiment.prepared.known_moments
        if known is None:
            return None, ""
        return known.of(self.cell.named.estimator, self.estimator, self.cell.sample_size)

    def guarded(self) -> AbstractContextManager[Deeds]:
        """Guard a piece of work on the problem.

        Raises:
            Misbehaved: if the estimator or the problem changes what is not its own.
        """
        return guarded(self.problem)

    @cached_property
    def center(self) -> Tensor:
        """About which the moments of estimates are summed, whatever their purpose."""
        return center_of_cell(
            self.estimator,
            self.problem,
            self.cell.sample_size,
            self.address("center"),
            self.experiment.resampled,
        )

    def address(self, role: str) -> Address:
        """The stream of estimates, by their purpose."""
        return self.experiment.address(self.cell.sample_size, role)

    def segments(self, parameters: Mapping[str, slice]) -> list[slice]:
        """The stretches of coordinates that must be summarized apart for blocks of parameters."""
        return segments_of(parameters, len(self.problem.theta))

    def warm_up(self, role: str, replicates: int) -> list[float]:
        """Seconds per estimate of chunks that are not measured; see `bench.engine.replicate.warm_up`."""
        return warm_up(
            self.estimator,
            self.problem,
            self.cell.sample_size,
            replicates,
            self.address(role),
            self.experiment.resampled,
        )

    def sample(
        self,
        role: str,
        replicates: int,
        gradient: Tensor | None = None,
        parameters: Mapping[str, slice] | None = None,
        precision: Precision | None = None,
        keep: Sequence[int] = (),
        kept: Pieces | None = None,
    ) -> Replication:
        """R estimates on the stream of a purpose.

        Args:
            role: the purpose.
            replicates: R, or with a precision the least R.
            gradient: the true one, `[P]` in float64, or None where it is not needed.
            parameters: blocks that are summarized apart; None for all coordinates together.
            precision: when R is enough, or None to take R as it is.
            keep: coordinates whose first estimates are kept as they are.
            kept: where pieces are kept; None for nowhere.
        """
        return replicate(
            self.estimator,
            self.problem,
            self.cell.sample_size,
            replicates,
            self.address(role),
            gradient,
            self.segments(parameters or {}),
            self.center,
            precision,
            self.experiment.resampled,
            keep,
            kept,
        )


def samplers_of(plans: Iterable[Planned]) -> list[CellSampler]:
    """All cells of some plans, in order."""
    return [CellSampler(each.experiment, cell) for each in plans for cell in each.cells]
