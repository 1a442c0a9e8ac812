"""Verdicts of the battery: a finding for each check of each problem, and a certificate for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from bench.estimator import Claim

if TYPE_CHECKING:
    from bench.certification.causes import Seen

Verdict = Literal["certified", "failed", "nothing applied", "unavailable"]

EXIT_CODES: dict[Verdict, int] = {"certified": 0, "failed": 1, "nothing applied": 4, "unavailable": 4}


@dataclass(frozen=True)
class Fault:
    """A check that was not passed.

    Attributes:
        check: which.
        message: what was found, and what was wanted.
    """

    check: str
    message: str


@dataclass(frozen=True)
class BiasFault(Fault):
    """A bias that was found.

    Attributes:
        sample_size: N.
        size: of the bias, as a part of the gradient's norm.
        p: the larger of both stages.
    """

    sample_size: int
    size: float
    p: float


@dataclass(frozen=True)
class BiasTest:
    """A test of the claim to be unbiased.

    Attributes:
        sample_size: N.
        replicates: R.
        p: of the test for bias, on the first random numbers.
        seen: the bias of a single coordinate, as a part of the gradient's norm, that is
            detected with the probability that the certificate states.
        skewed: coordinates too skewed, for R, to be tested by themselves.
    """

    sample_size: int
    replicates: int
    p: float
    seen: float
    skewed: int


@dataclass(frozen=True)
class Outcome:
    """The findings on one problem.

    Attributes:
        problem: its name.
        not_applicable: why the estimator does not fit; empty if it does.
        faults: the checks that were not passed.
        bias: the tests for bias; none if that is not claimed, or could not be tested.
        untested: why the claim was not tested; empty if it was.
        evaluations: of f, per estimate, at the larger N; None if nothing was counted.
        declared: whether the count was held against a declaration.
        follows: whether estimates changed where θ was moved.
        fine: whether estimates in float64 have more digits than float32 holds.
        relations: what was seen of each relation of `bench.certification.metamorphic`: "exact", a p-value, or
            why it was not tried; none where they are not claimed.
        causes: of the bias, at each N at which it was found.
    """

    problem: str
    not_applicable: str = ""
    faults: tuple[Fault, ...] = ()
    bias: tuple[BiasTest, ...] = ()
    untested: str = ""
    evaluations: float | None = None
    declared: bool = False
    follows: bool = False
    fine: bool = False
    relations: Mapping[str, str] = field(default_factory=dict)
    causes: tuple[Seen, ...] = ()


@dataclass(frozen=True, repr=False)
class Certificate:
    """The findings on an estimator, over all problems; printed it is the report of the command line.

    Attributes:
        label: how it is called.
        claim: of its bias.
        outcomes: one for each problem.
        faults: those that are of no problem in particular.
        device: where it was tried.
        unavailable: why it could not be tried there; empty if it could.
        tests: how many tests of statistics could have raised a false alarm.
        alpha: the probability of a false alarm of all of them.
        level: of each of their two stages.
        power: with which a bias as large as stated is seen.
        seconds: that it took.
    """

    label: str
    claim: Claim
    outcomes: tuple[Outcome, ...]
    faults: tuple[Fault, ...]
    device: str
    unavailable: str
    tests: int
    alpha: float
    level: float
    power: float
    seconds: float

    def __str__(self) -> str:
        from bench.certification.certificate_lines import lines

        return "\n".join(lines(self))

    @property
    def full(self) -> str:
        """The report with a row for each problem, and the method."""
        from bench.certification.certificate_lines import lines, method
        from bench.certification.certificate_table import certificate_table
        from bench.tables.table import as_text

        return as_text(certificate_table(self), [*method(self), *lines(self)])

    def __repr__(self) -> str:
        return f"<Certificate of {self.label}: {self.verdict}, {len(self.outcomes)} problems>"

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        if any(self.all_faults()):
            return "failed"
        if self.unavailable:
            return "unavailable"
        return "certified" if any(not one.not_applicable for one in self.outcomes) else "nothing applied"

    @property
    def passed(self) -> bool:
        """Whether it is certified."""
        return self.verdict == "certified"

    @property
    def exit_code(self) -> int:
        """As the command line gives it."""
        return EXIT_CODES[self.verdict]

    @property
    def failed_checks(self) -> set[str]:
        """The names of the checks that were not passed."""
        return {fault.check for _, fault in self.all_faults()}

    def all_faults(self) -> Iterator[tuple[str, Fault]]:
        """Every fault, with the problem on which it was found; an empty name for none in particular."""
        yield from (("", fault) for fault in self.faults)
        yield from ((one.problem, fault) for one in self.outcomes for fault in one.faults)
