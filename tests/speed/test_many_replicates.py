"""A run of ten million replicates in each cell: its memory, and its time beside that of the engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.speed.conftest import record

MANY, FEW = 10_000_000, 1000
LARGEST = 1.2e9  # bytes, of the whole process

SCENARIO = """
schema: 1
name: many
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}}
  - {reinforce: {baseline: moving_average}}
  - reparameterization
sweep: {sample_sizes: [10]}
"""

# Not ru_maxrss: a child inherits the peak of its parent.
SCRIPT = """
import re, sys, time
from pathlib import Path
started = time.perf_counter()
{work}
status = Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], time.perf_counter() - started)
"""

WHOLE = """
from bench.cli import main
try:
    main(["run", "many.yaml", "-r", sys.argv[1], "--no-cache"])
except SystemExit as end:
    assert not end.code
"""

ENGINE = """
import torch
from bench.engine.result import result_of
from bench.engine.truth import truth_of
from bench.scenario.prepared import prepare
torch.set_num_threads(1)
(planned,) = prepare("many.yaml", ["replicates=" + sys.argv[1]], None, False).ready()
truth = truth_of(planned.experiment)
started = time.perf_counter()
for cell in planned.cells:
    assert result_of(planned.experiment, cell, truth).status == "ok"
"""


def measured(folder: Path, work: str, replicates: int) -> tuple[float, float]:
    """Bytes at most, and seconds."""
    command = [sys.executable, "-c", SCRIPT.format(work=work), str(replicates)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    kilobytes, seconds = done.stdout.splitlines()[-1].split()
    return 1024 * float(kilobytes), float(seconds)


def test_memory_and_time_of_ten_million_replicates(tmp_path: Path) -> None:
    """Of the time, what it takes more than a run of a thousand replicates, page included."""
    (tmp_path / "many.yaml").write_text(SCENARIO)
    measured(tmp_path, WHOLE, FEW)
    _, start = measured(tmp_path, WHOLE, FEW)
    _, engine = measured(tmp_path, ENGINE, MANY)
    size, seconds = measured(tmp_path, WHOLE, MANY)
    record("gigabytes of a run, R = 10 000 000, four cells, page included", size / 1e9, LARGEST / 1e9)
    record("seconds of that run less those of R = 1000, over the engine's", (seconds - start) / engine, 2)
    assert size < LARGEST
