"""An estimator on one problem: what is tried on it, always on a stream that is addressed."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bench.certification.problems import Reference
from bench.engine.cell import CellSampler
from bench.engine.plan import Cell, Experiment, NamedEstimator
from bench.engine.process_state import watched
from bench.engine.sample import Sample, sample_of
from bench.engine.streams import position, stream
from bench.engine.truth import Truth, Truths
from bench.estimator import Estimator
from bench.problem import Problem, VariationalProblem

# Rows from which something is learned, where how well does not matter.
_FIT_ROWS = 256
# The larger N over the smaller.
_RATIO = 4
# Numbers that one test may take: a wide problem has fewer replicates.
_NUMBERS = 12_000_000
_LEAST = 1000
# Of estimators whose bias is not tested anyway: some take 2P evaluations where others take one.
_FEW_PARAMETERS = 8


@dataclass(frozen=True)
class Setting:
    """A problem that is ready to be tried on.

    Attributes:
        name: of the problem.
        reference: what is known of it.
        experiment: the problem built and prepared, with the seed of all streams.
        truths: gives the gradient, and finds it when it is first asked for.
    """

    name: str
    reference: Reference
    experiment: Experiment
    truths: Truths


@dataclass(frozen=True)
class Drawn:
    """The outcome of one call.

    Attributes:
        estimates: whatever was returned.
        after: a fingerprint of the generators afterwards.
        changed: the global state that the call changed.
    """

    estimates: Any
    after: int
    changed: tuple[str, ...]


def same(first: Tensor, second: Tensor) -> bool:
    """Whether two sets of estimates are equal to the last bit, where they are not finite too."""
    return torch.equal(first.nan_to_num(), second.nan_to_num())


@dataclass(frozen=True)
class Trial:
    """An estimator on one problem.

    Attributes:
        named: the estimator.
        setting: the problem.
        device: as torch names it.
        replicates: R of the tests, of a problem that is not wide.
    """

    named: NamedEstimator
    setting: Setting
    device: str
    replicates: int

    @cached_property
    def estimator(self) -> Estimator:
        """Not fitted; a copy, for the same reason as with the problem."""
        return copy.deepcopy(self.named.estimator)

    @property
    def sizes(self) -> tuple[int, int]:
        """The two N at which it is tried: its smallest, and one that is four times as large."""
        return self.estimator.minimum_sample_size, _RATIO * self.estimator.minimum_sample_size

    @cached_property
    def experiment(self) -> Experiment:
        """With a copy of the problem: whatever is done to it is done to no other trial."""
        return self.setting.experiment.copied()

    def problem(self, dtype: torch.dtype = torch.float64) -> Problem:
        """The problem, on the device and in a type; the same one each time."""
        if dtype not in self._problems:
            self._problems[dtype] = self.experiment.problem.to(self.device, dtype)
        return self._problems[dtype]

    @cached_property
    def samples_per_cost(self) -> int:
        """K of a bound that averages K weights, else 1."""
        problem = self.experiment.problem
        return problem.samples if isinstance(problem, VariationalProblem) else 1

    def fitted(self, problem: Problem, sample_size: int) -> Estimator:
        """The estimator with what it learns beforehand: the one that is sampled in the type of a problem."""
        with watched():
            return self.sampler(sample_size, str(problem.theta.dtype).removeprefix("torch.")).estimator

    def learned(self, problem: Problem, sample_size: int) -> Estimator:
        """The estimator with what it learns of a problem, maybe another than its own, of few rows."""
        theta = problem.theta.expand(_FIT_ROWS, -1).requires_grad_()
        address = self.experiment.address(sample_size, "certify trial fit")
        with watched(), stream(address, problem.theta.device):
            return self.estimator.fitted(problem, theta, sample_size)

    def drawn(
        self, estimator: Estimator, problem: Problem, theta: Tensor, sample_size: int, part: int = 0
    ) -> Drawn:
        """Estimates at the given rows of θ, `[R, P]`, from one of several streams."""
        leaf = theta.detach().requires_grad_()
        address = self.experiment.address(sample_size, "certify trial", part)
        with watched() as changes, stream(address, problem.theta.device) as draws:
            draws.begin(0, len(leaf))
            estimates = estimator.gradient(problem, leaf, sample_size)
            after = position(problem.theta.device)
        return Drawn(estimates, after, tuple(changes.names))

    @cached_property
    def learns(self) -> bool:
        """Whether fitting makes another estimator of it."""
        # By what is written of them: tensors among options cannot be compared as one.
        return repr(self.fitted(self.problem(), self.sizes[1])) != repr(self.estimator)

    @cached_property
    def truth_is_exact(self) -> bool:
        """Whether the gradient has no error of its own."""
        return self.setting.truths().kind != "reference"

    @cached_property
    def test_replicates(self) -> int:
        """R of the tests of this problem."""
        problem = self.experiment.problem
        widest = max(problem.width, len(problem.theta)) * self.sizes[1]
        return min(self.replicates, max(_LEAST, _NUMBERS // widest))

    @property
    def is_small(self) -> bool:
        """Whether there are so few parameters that any estimator may be sampled."""
        return len(self.experiment.problem.theta) <= _FEW_PARAMETERS

    def sampler(self, sample_size: int, dtype: str = "float64") -> CellSampler:
        """The cell that is sampled for the tests; it is fitted as the engine fits it."""
        key = (sample_size, dtype)
        if key not in self._samplers:
            named = replace(self.named, estimator=self.estimator)
            cell = Cell(named, sample_size, self.device, dtype)
            self._samplers[key] = CellSampler(self.experiment, cell)
        return self._samplers[key]

    def screened(self, sample_size: int) -> Sample:
        """R estimates in float64, on the random numbers of the first stage."""
        if sample_size not in self._screened:
            self._screened[sample_size] = self.sample(self.sampler(sample_size), "certify", 1)
        return self._screened[sample_size]

    def sample(self, sampler: CellSampler, role: str, times: int, truth: Truth | None = None) -> Sample:
        """R estimates, or several times as many, on the stream of a purpose.

        Args:
            sampler: what is sampled.
            role: the purpose.
            times: how many times R.
            truth: with what they are compared; None for the gradient.
        """
        with watched():
            return sample_of(sampler, role, times * self.test_replicates, truth or self.setting.truths())

    @cached_property
    def _problems(self) -> dict[torch.dtype, Problem]:
        return {}

    @cached_property
    def _samplers(self) -> dict[tuple[int, str], CellSampler]:
        return {}

    @cached_property
    def _screened(self) -> dict[int, Sample]:
        return {}
