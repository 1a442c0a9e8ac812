"""Memory does not grow with the number of replicates, their scalars aside."""

from __future__ import annotations

import subprocess
import sys

from tests.speed.conftest import record

SCRIPT = """
import re, sys
from pathlib import Path
import torch
from bench.engine.center import center_of_cell
from bench.engine.replicate import replicate
from bench.engine.streams import Address
from tests.cases import estimator_of, problem_of

torch.set_num_threads(1)
truth = torch.tensor([4.0], dtype=torch.float64)
estimator, problem = estimator_of("reinforce"), problem_of("gaussian").to("cpu", torch.float32)
address = Address(0, "memory", 1000, "estimates")
center = center_of_cell(estimator, problem, 1000, address)
replicate(estimator, problem, 1000, int(sys.argv[1]), address, truth, [slice(0, 1)], center)
# Not ru_maxrss: a child inherits the peak of its parent.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(replicates: int) -> int:
    """KiB at most, of a process that takes this many estimates at N = 1000."""
    command = [sys.executable, "-c", SCRIPT, str(replicates)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_peak_memory_with_a_hundred_times_the_replicates() -> None:
    few, many = peak(1_000), peak(100_000)
    scalars = 100_000 * 5 * 8 / 1024
    record("peak memory at R = 100 000 / at R = 1000, N = 1000", many / few, 1.1)
    assert many - scalars <= 1.1 * few
