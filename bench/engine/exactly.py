"""Moments of estimates that are known without sampling, for the cells of an experiment."""

from __future__ import annotations

from functools import cached_property

import torch

from bench.engine.guard import guarded, moved_copy, reason_of
from bench.engine.plan import Experiment
from bench.engine.streams import stream
from bench.estimator import Estimator
from bench.exact import ExactMoments, SingleDraws, exact_moments, single_draws
from bench.problem import NotApplicable
from bench.statistics.evidence import blocks_reported


class Exactly:
    """What is known of an experiment's estimates by a sum over all values of x.

    Attributes:
        fault: why the code of the problem or of an estimator failed to tell; empty if it did not.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self.fault = ""

    @cached_property
    def draws(self) -> tuple[SingleDraws, SingleDraws | None] | None:
        """All values of x with their probabilities, and those of a second rule; None if not known."""
        if self._experiment.resampled:
            return None
        problem = moved_copy(self._experiment.prepared.problem, "cpu", "float64")
        try:
            with torch.enable_grad():
                return single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
        except NotApplicable:
            return None
        except Exception as error:  # noqa: BLE001 - a problem is anybody's code
            self.fault = f"the values of x are not known: {reason_of(error)}"
            return None

    def moments(self, fitted: Estimator, sample_size: int) -> ExactMoments | None:
        """Return the moments of an estimate from N samples; None if they are not known.

        Args:
            fitted: the estimator with what it learns beforehand.
            sample_size: N.
        """
        if self.draws is None:
            return None
        self.fault = ""
        address = self._experiment.address(sample_size, "exact")
        try:
            with guarded(self.draws[0].problem), stream(address, torch.device("cpu")), torch.enable_grad():
                return exact_moments(fitted, sample_size, self.draws)
        except NotApplicable:
            return None
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            self.fault = f"its exact moments are not known: {reason_of(error)}"
            return None
