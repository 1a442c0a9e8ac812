"""The pytest plug-in: a fixture that holds estimators to their baselines; it loads nothing before its use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bench.testing import GradientBench


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the fixture."""
    group = parser.getgroup("gradient-estimator-bench")
    group.addoption(
        "--bench-baseline",
        type=Path,
        metavar="PATH",
        help="baseline of gradient_bench: a file, or the folder of all (results/baselines below the root)",
    )
    group.addoption(
        "--bench-update",
        action="store_true",
        help="let gradient_bench measure baselines and write them; what is shown to be worse is refused",
    )
    group.addoption(
        "--bench-alpha",
        type=float,
        default=1e-4,
        metavar="P",
        help="probability of a false alarm of each assertion of gradient_bench (%(default)s)",
    )
    group.addoption(
        "--bench-seed-epoch",
        metavar="TEXT",
        help="make the fresh random numbers of gradient_bench of this, not of the commit",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an alpha that is no probability."""
    alpha = config.getoption("--bench-alpha")
    if not 0 < alpha <= 0.5:
        raise pytest.UsageError(f"--bench-alpha: wanted a probability above 0 and at most 0.5, got {alpha}")


@pytest.fixture
def gradient_bench(request: pytest.FixtureRequest) -> GradientBench:
    """Runs scenarios, and asserts that their estimators are no worse than a baseline says, or unbiased.

    Where the test uses the fixture `benchmark` of pytest-benchmark too, the variance and the
    work-normalized variance of what is run stand in its `extra_info`.
    """
    from bench.testing import GradientBench

    config = request.config
    given = config.getoption("--bench-baseline")
    benchmark = request.getfixturevalue("benchmark") if "benchmark" in request.fixturenames else None
    return GradientBench(
        root=config.rootpath,
        baseline=config.rootpath / "results" / "baselines" if given is None else given,
        update=config.getoption("--bench-update"),
        alpha=config.getoption("--bench-alpha"),
        epoch=config.getoption("--bench-seed-epoch"),
        benchmark=benchmark,
    )
