"""Assertions about losses of one's own, for tests: that they are unbiased; else why they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.auditing.equivalence import fault_of
from bench.auditing.findings import causes
from bench.auditing.question import question
from bench.engine.timing import threads
from bench.engine.truth import truth_of
from bench.errors import invalid
from bench.losses.batches import BATCHES


@dataclass(frozen=True)
class Audited:
    """Losses of one's own, about which something is asserted.

    Attributes:
        losses: by name.
        model: a module, or the leaves.
        settings: other arguments of `bench.audit`.
        alpha: the probability of a false alarm of each assertion.
    """

    losses: Any
    model: Any
    settings: Mapping[str, Any]
    alpha: float

    def assert_unbiased(self, against: Any = None, within: float = 0.05) -> None:
        """Assert that the bias of each loss is shown to be within a part of the gradient's norm.

        Args:
            against: the name of a loss that is known to be unbiased, or the exact gradient; None for `truth`
                among the settings.
            within: the part.

        Raises:
            AssertionError: with what is wrong, if a loss is biased or that cannot be told.
        """
        __tracebackhide__ = True
        truth = self.settings.get("truth") if against is None else against
        if truth is None:
            raise invalid("against: wanted the name of a loss, or the exact gradient, got nothing")
        said = {"losses": self.losses, "model": self.model, **self.settings, "truth": truth}
        wrong = list(_biased(said, within, self.alpha))
        if wrong:
            raise AssertionError("\n".join(wrong))


def _biased(said: Mapping[str, Any], within: float, alpha: float) -> Iterator[str]:
    """Yield a line for each loss that is not shown to be unbiased, and one for each cause that was found.

    Args:
        said: the arguments of `bench.audit`.
        within: the part of the gradient's norm within which a bias is to be shown.
        alpha: the probability of a false alarm for each loss.

    Raises:
        Invalid: if an argument is of the wrong kind.
    """
    usual = {"gradients": None, "data": None, "batches": BATCHES, "vectorize": "auto"}
    prepared = question(**{**usual, **said})
    truth_is = said["truth"]
    with threads(1):
        for planned in prepared.plans:
            experiment = planned.experiment.prepared
            truth = truth_of(experiment)
            for cell in planned.cells:
                if cell.named.name == truth_is:
                    continue
                if fault := fault_of(experiment, truth, cell, within, alpha):
                    yield f"{cell.named.label}: {fault}"
                    yield from (f"  {found.text}" for found in causes(experiment, truth, cell))
