"""Verdicts of the gate: on each test, on each cell, on all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bench.engine.plan import Cell

Verdict = Literal["pass", "improved", "inconclusive", "error", "regression"]
Stage = Literal["digest", "paired", "screen", "confirm", "anchor", ""]

GRAVITY: tuple[Verdict, ...] = ("pass", "improved", "inconclusive", "error", "regression")
"""Verdicts, the worst last."""

PASSED, REGRESSION, SOME_CELLS_FAILED, NOTHING_COMPARED, UNDECIDED = 0, 1, 3, 4, 5
_EXIT_CODES: dict[Verdict, int] = {
    "pass": PASSED,
    "improved": PASSED,
    "inconclusive": UNDECIDED,
    "error": SOME_CELLS_FAILED,
    "regression": REGRESSION,
}


@dataclass(frozen=True)
class Test:
    """One thing that was held against the baseline.

    Attributes:
        metric: what: "variance", "mse", "bias", "evaluations", "nonfinite", or "cell" for all of them.
        verdict: what came of it.
        stage: which stage decided.
        message: the same as text; empty where there is nothing to say.
        ratio: to the baseline, with its 95 % interval; NaN where there is none.
        limit: the ratio up to which no alarm is raised; NaN where there is none.
        replicates: R of the deciding stage; 0 where nothing was estimated.
    """

    __test__ = False  # nothing for pytest to collect

    metric: str
    verdict: Verdict
    stage: Stage = ""
    message: str = ""
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    limit: float = math.nan
    replicates: int = 0


@dataclass(frozen=True)
class CellVerdict:
    """A cell with its tests.

    Attributes:
        scenario: its name.
        file: where the scenario was read.
        cell: the cell.
        name: the cell's id.
        tests: what was held against the baseline.
        point: where it stands in the scenario's sweep, as text; empty where there is none.
        seconds: of one estimate, now; NaN if it was not measured.
        seconds_before: the same in the baseline.
        elapsed: seconds that judging it took.
    """

    scenario: str
    file: str
    cell: Cell
    name: str
    tests: tuple[Test, ...]
    point: str = ""
    seconds: float = math.nan
    seconds_before: float = math.nan
    elapsed: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """The worst of its tests'."""
        return gravest(test.verdict for test in self.tests)

    @property
    def stage(self) -> Stage:
        """The last stage that was needed."""
        order: tuple[Stage, ...] = ("", "digest", "paired", "screen", "confirm", "anchor")
        return max((test.stage for test in self.tests), key=order.index, default="")

    @property
    def replicates(self) -> int:
        """The most that a stage took."""
        return max((test.replicates for test in self.tests), default=0)

    def test_of(self, metric: str) -> Test | None:
        """The worst test of a metric."""
        found = [test for test in self.tests if test.metric == metric]
        return max(found, key=lambda test: GRAVITY.index(test.verdict), default=None)


@dataclass(frozen=True, repr=False)
class Report:
    """All cells of a gate; printed it is the report of the command line.

    Attributes:
        epoch: what the fresh random numbers were made of.
        alpha: the probability of a false alarm, over all tests together.
        level: of each of the two stages of each test.
        count: how many tests α is divided among.
        cells: those that were judged.
        notes: what else is to be known.
        elapsed: seconds in all.
    """

    epoch: str
    alpha: float
    level: float
    count: int
    cells: tuple[CellVerdict, ...]
    notes: tuple[str, ...] = field(default=())
    elapsed: float = 0.0

    def __str__(self) -> str:
        from bench.regression.gate_table import lines, verdict_table
        from bench.tables.table import as_text

        return as_text(verdict_table(self), lines(self))

    def __repr__(self) -> str:
        return f"<Report: {self.verdict}, {len(self.cells)} cells>"

    @property
    def compared(self) -> bool:
        """Whether anything was held against a baseline."""
        return any(test.stage for cell in self.cells for test in cell.tests)

    @property
    def verdict(self) -> Verdict:
        """The worst of all cells'; where nothing was compared it is inconclusive at best."""
        found = gravest(cell.verdict for cell in self.cells)
        return found if self.compared else gravest(["inconclusive", found])

    @property
    def exit_code(self) -> int:
        """0 passed, 1 a regression, 3 some cells failed, 4 nothing was compared, 5 undecided."""
        if self.verdict != "regression" and not self.compared:
            return NOTHING_COMPARED
        return _EXIT_CODES[self.verdict]


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; "pass" of none."""
    return max(verdicts, key=GRAVITY.index, default="pass")
