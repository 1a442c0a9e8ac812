"""Certification from end to end: an estimator in, and a certificate out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from bench.arguments import probability, refused, whole_number
from bench.certification.battery import battery
from bench.certification.meanwhile import Meanwhile
from bench.certification.own_problems import references_of
from bench.certification.problems import PROBLEMS, Reference
from bench.certification.settings import REPLICATES, setting
from bench.certification.verdicts import Certificate, Outcome
from bench.engine.plan import NamedEstimator
from bench.engine.timing import threads
from bench.errors import invalid, shown
from bench.estimator import Estimator

ALPHA = 1e-4
"""The probability of a false alarm, over all tests of an estimator."""


def certify(
    estimator: Estimator | NamedEstimator,
    problems: Mapping[str, Reference | Mapping[str, Any] | type] | None = None,
    *,
    device: str | torch.device = "cpu",
    seed: int = 0,
    replicates: int = REPLICATES,
    alpha: float = ALPHA,
    tell: Callable[[Outcome], None] = lambda _: None,
    meanwhile: Meanwhile | None = None,
) -> Certificate:
    """Hold an estimator to its claim and to its contract, on one processor thread.

    `bench.certify(Mine()).passed` is what a test of one's own estimator asserts.

    Args:
        estimator: with its options.
        problems: on which it is tried, by name: one's own classes, or options as a scenario has them, such as
            `{"mine": {"name": "my_problem"}}`; None for those of `bench.certification.problems`.
        device: as torch names it.
        seed: of all random numbers.
        replicates: R of each test: four times as many see half the bias.
        alpha: the probability of a false alarm, over all tests.
        tell: is told of each problem.
        meanwhile: what another process finds of some of the problems, as the command line has it.

    Raises:
        Invalid: if an argument is of the wrong kind.

    Example:
        >>> import bench
        >>> from estimators.reparameterization import Reparameterization
        >>> bench.certify(Reparameterization(), {"elbo": {"name": "gaussian_elbo"}}, replicates=2000).passed
        True
    """
    if not isinstance(estimator, Estimator | NamedEstimator):
        raise refused("estimator", "an estimator, such as Mine(), not its class or name", estimator)
    tried = PROBLEMS if problems is None else references_of(problems)
    device = str(device) if isinstance(device, torch.device) else device
    check_device(device)
    alpha = probability("alpha", alpha, 0.5)
    seed, replicates = whole_number("seed", seed, 0), whole_number("replicates", replicates, 1)
    if isinstance(estimator, Estimator):
        estimator = NamedEstimator(repr(estimator), type(estimator).__name__, repr(estimator), estimator)
    with threads(1):
        settings = [setting(name, reference, seed) for name, reference in tried.items()]
        return battery(estimator, settings, device, replicates, alpha, tell, meanwhile)


def check_device(device: str) -> None:
    """Refuse what is no name of a device; one that is absent is told by the certificate.

    Raises:
        Invalid: if it is none.
    """
    if not isinstance(device, str) or not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,3})?", device):
        raise invalid(f"device {shown(device)}: wanted cpu, cuda, cuda:0 or mps")
