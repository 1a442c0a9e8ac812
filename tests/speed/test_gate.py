"""Time of a gate where nothing changed in the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.regression import writing
from bench.regression.gate import judge_all
from bench.regression.gated import Gated, gated
from bench.scenario.prepared import prepare
from tests.speed.conftest import Ratio

SCENARIO = Path(__file__).parents[2] / "scenarios" / "gaussian.yaml"


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Gated:
    path = tmp_path_factory.mktemp("baseline") / "gaussian.json"
    prepared = prepare(SCENARIO, ["sweep.devices=[cpu]"], confirmed=True)
    writing.save(prepared, path, writing.measure(prepared), str(SCENARIO))
    return gated(prepared, str(SCENARIO), path)


def judging(held: Gated, shortcuts: bool, stage: str) -> Callable[[], None]:
    def work() -> None:
        report = judge_all([held], "a", shortcuts=shortcuts)
        assert {cell.stage for cell in report.cells} == {stage}
        assert report.exit_code == 0

    return work


def test_a_refactoring_passes_in_a_tenth_of_the_time(ratio: Ratio, same: Gated) -> None:
    quick, fresh = judging(same, True, "digest"), judging(same, False, "screen")
    ratio("gaussian: time of the full gate / time where nothing changed", quick, fresh, 10.0, 7)
