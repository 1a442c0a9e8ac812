"""Two workers beside one process, on as many equal cells."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.speed.conftest import record

CELLS, LEAST_SECONDS, LEAST_RATIO = 40, 2.0, 1.8

SCENARIO = """
schema: 1
name: equal
version: 1
problem:
  {{name: expectation, distribution: {{normal: {{loc: 2.0, scale: 1.0}}}}, parameters: [loc], cost: z**2}}
estimators: [reinforce]
sweep: {{sample_sizes: [1000], options: {{problem.distribution.normal.loc: {{linear: [1, 3, {cells}]}}}}}}
replicates: {replicates}
"""


def cells_per_second(folder: Path, replicates: int, cells: int, *words: str) -> float:
    """Finished cells a second, from the second that is finished to the last: without what starts and ends."""
    folder.mkdir()
    (folder / "equal.yaml").write_text(SCENARIO.format(replicates=replicates, cells=cells))
    command = [sys.executable, "-m", "bench", "run", "equal.yaml", "--no-report", "--no-cache", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    ends = sorted(path.stat().st_mtime for path in folder.glob("results/equal/*/parts/*.cell"))
    assert len(ends) == cells
    return (cells - 2) / (ends[-1] - ends[1])


def test_two_workers_beside_one_process(tmp_path: Path) -> None:
    rate = cells_per_second(tmp_path / "first", 20_000, 6)
    replicates = round(20_000 * 2.2 * LEAST_SECONDS * rate)
    before = cells_per_second(tmp_path / "before", replicates, CELLS // 2)
    beside = cells_per_second(tmp_path / "beside", replicates, CELLS, "-j", "2")
    after = cells_per_second(tmp_path / "after", replicates, CELLS // 2)
    alone = (before + after) / 2
    assert 1 / alone >= LEAST_SECONDS
    record("cells a second of two workers over one process, cells of 2 s", beside / alone, LEAST_RATIO)
    assert beside / alone >= LEAST_RATIO
