"""How long a gate takes where nothing changed in the numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import gate_api
from bench.gate.run import Gated
from bench.preparation import prepare
from tests.speed.conftest import Ratio

SCENARIO = Path(__file__).parents[2] / "scenarios" / "gaussian.yaml"


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Gated:
    path = tmp_path_factory.mktemp("baseline") / "gaussian.json"
    prepared = prepare(SCENARIO, ["sweep.devices=[cpu]"], confirmed=True)
    gate_api.save(prepared, path, gate_api.measure(prepared), str(SCENARIO))
    return gate_api.gated(prepared, str(SCENARIO), path)


def judging(gated: Gated, shortcuts: bool, stage: str) -> Callable[[], None]:
    def work() -> None:
        report = gate_api.gate([gated], "a", shortcuts=shortcuts)
        assert {cell.stage for cell in report.cells} == {stage}
        assert report.exit_code == 0

    return work


def test_a_refactoring_passes_in_a_tenth_of_the_time(ratio: Ratio, gated: Gated) -> None:
    same, fresh = judging(gated, True, "digest"), judging(gated, False, "screen")
    ratio("gaussian: time of the full gate / time where nothing changed", same, fresh, 10.0, 7)
