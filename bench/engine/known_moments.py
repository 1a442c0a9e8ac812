"""Moments of estimates that are known without sampling, for all cells of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from bench.engine.guard import guarded, moved_copy, reason_of
from bench.engine.score_shares import Spread, rare_share, size_of, spread_of
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.exact import ExactMoments, SingleDraws, exact_moments, single_draws
from bench.exact_items import item_draws
from bench.problem import NotApplicable, Problem
from bench.statistics.evidence import blocks_reported


class KnownMoments:
    """Moments by a sum over all values of x, which are found when they are first asked for.

    Args:
        problem: ready to be measured.
        address: from N and a role to a stream.
    """

    def __init__(self, problem: Problem, address: Callable[[int, str], Address]) -> None:
        self._problem, self._address = problem, address

    @property
    def draws(self) -> tuple[SingleDraws, SingleDraws | None] | None:
        """All values of x with their probabilities, and those of a second rule; None if not known."""
        return self._found[0]

    @cached_property
    def _found(self) -> tuple[tuple[SingleDraws, SingleDraws | None] | None, str]:
        problem = moved_copy(self._problem, "cpu", "float64")
        try:
            with torch.enable_grad():
                return single_draws(problem, blocks_reported(problem.parameters, len(problem.theta))), ""
        except NotApplicable:
            return None, ""
        except Exception as error:  # noqa: BLE001 - a problem is anybody's code
            return None, f"the values of x are not known: {reason_of(error)}"

    @property
    def items(self) -> list[SingleDraws]:
        """All values of x for each item, where all items together have too many; empty if not known."""
        return [] if self.draws is not None or self._found[1] else self._items[0]

    @cached_property
    def spread(self) -> Spread | None:
        """Variance and skewness of one draw of the cost and of its share in each coordinate by the score."""
        with torch.enable_grad():
            return spread_of(None if self.draws is None else self.draws[0], self.items)

    def rare_share(self, count: int) -> Tensor:
        """The size of what values of x that are rare in so many draws contribute to the gradient, `[P]`.

        Only where `spread` is known.
        """
        with torch.enable_grad():
            return rare_share(self._values, count)

    @cached_property
    def size(self) -> float:
        """The root mean square of the cost times the score; 0 where `spread` is not known."""
        if self.spread is None:
            return 0.0
        with torch.enable_grad():
            return size_of(self._values)

    @property
    def _values(self) -> list[SingleDraws]:
        return self.items if self.draws is None else [self.draws[0]]

    @cached_property
    def _items(self) -> tuple[list[SingleDraws], str]:
        """All values of x for each item, or none; and why they are not known."""
        problem = moved_copy(self._problem, "cpu", "float64")
        try:
            with torch.enable_grad():
                return item_draws(problem, blocks_reported(problem.parameters, len(problem.theta))), ""
        except NotApplicable:
            return [], ""
        except Exception as error:  # noqa: BLE001 - a problem is anybody's code
            return [], f"the values of x are not known: {reason_of(error)}"

    def of(
        self, estimator: Estimator, fitted: Estimator, sample_size: int
    ) -> tuple[ExactMoments | None, str]:
        """Return the moments of an estimate from N samples; None if they are not known.

        With them comes the reason where the code of the problem or of the estimator failed to tell.

        Args:
            estimator: as it was before it learned.
            fitted: the estimator with what it learns beforehand.
            sample_size: N.
        """
        draws, fault = self._found
        items, fault = ([], fault) if draws is not None or fault else self._items
        # What was learned of all items does not serve one of them; by what is written of it, as tensors
        # cannot be compared as one.
        if draws is None and (not items or repr(fitted) != repr(estimator)):
            return None, fault
        address = self._address(sample_size, "exact")
        problem = (items if draws is None else draws)[0].problem
        try:
            with guarded(problem), stream(address, torch.device("cpu")), torch.enable_grad():
                if draws is None:
                    return fitted.exact_moments_of_items(items, sample_size), ""
                return exact_moments(fitted, sample_size, draws), ""
        except NotApplicable:
            return None, ""
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            return None, f"its exact moments are not known: {reason_of(error)}"
