"""Certification from end to end: an estimator in, by name or as it is, and a certificate out."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench import catalogue
from bench.build import default_references, label_of
from bench.certification.battery import certify as certified
from bench.certification.problems import PROBLEMS, Reference
from bench.certification.trial import Setting
from bench.certification.verdicts import Certificate, Outcome
from bench.engine.plan import Experiment, NamedEstimator
from bench.engine.timing import threads
from bench.engine.truth import truths_of
from bench.errors import Invalid, invalid, shown
from bench.estimator import Estimator
from bench.options import construct
from bench.problem import Problem
from bench.scenario import EstimatorSpec
from bench.scenario.overrides import understood

ALPHA = 1e-4
"""The probability of a false alarm, over all tests of an estimator."""

REPLICATES = 80_000
"""R of each test, of a problem that is not wide."""

# A reference run has as many samples as the second stage of what it judges, and so many numbers at most.
_REFERENCE_SIZE, _REFERENCE_REPLICATES, _REFERENCE_NUMBERS = 16, 80_000, 24_000_000


def certify(
    estimator: Estimator | NamedEstimator,
    problems: Mapping[str, Reference] | None = None,
    *,
    device: str = "cpu",
    seed: int = 0,
    replicates: int = REPLICATES,
    alpha: float = ALPHA,
    tell: Callable[[Outcome], None] = lambda _: None,
) -> Certificate:
    """Hold an estimator to its claim and to its contract, on one processor thread.

    `bench.certify(Mine()).passed` is what a test of one's own estimator asserts.

    Args:
        estimator: with its options.
        problems: on which it is tried; None for those of `bench.certification.problems`.
        device: as torch names it.
        seed: of all random numbers.
        replicates: R of each test: four times as many see half the bias.
        alpha: the probability of a false alarm, over all tests.
        tell: is told of each problem.
    """
    if isinstance(estimator, Estimator):
        estimator = NamedEstimator(repr(estimator), type(estimator).__name__, repr(estimator), estimator)
    with threads(1):
        chosen = PROBLEMS if problems is None else problems
        settings = [setting(name, reference, seed) for name, reference in chosen.items()]
        return certified(estimator, settings, device, replicates, alpha, tell)


def named_estimators(place: str, settings: Sequence[str] = ()) -> list[NamedEstimator]:
    """The estimators that a word means: a name, `module:Class`, `file.py` or `file.py:Class`.

    Args:
        place: the word.
        settings: options as `key=value`, with dots where they are nested.

    Raises:
        Invalid: if there is none, or its options are wrong.
    """
    options = _options(settings)
    named = (
        {place: catalogue.find("estimators", place)} if _is_name(place) else catalogue.estimators_at(place)
    )
    return [_named(name, cls, options) for name, cls in named.items()]


def _is_name(place: str) -> bool:
    return not (place.endswith(".py") or ":" in place)


def _named(name: str, cls: type, options: Mapping[str, Any]) -> NamedEstimator:
    estimator = construct(cls, options, f"estimator {name}")
    label = label_of(EstimatorSpec(name=name, options=dict(options)))
    return NamedEstimator(label, name, json.dumps(options, sort_keys=True), estimator)


def _options(settings: Sequence[str]) -> dict[str, Any]:
    options: Any = {}
    for text in settings:
        try:
            options, _ = understood(text).applied(options)
        except Invalid as error:
            raise invalid(f"--set {shown(text)}: {error}") from error
    found: dict[str, Any] = options
    return found


def setting(name: str, reference: Reference, seed: int) -> Setting:
    """A problem that is ready to be tried on; the same one is built once."""
    return _setting(
        name, json.dumps(reference.options, sort_keys=True), seed, reference.degree, reference.continuous
    )


@functools.cache
def _setting(name: str, key: str, seed: int, degree: int | None, continuous: bool) -> Setting:
    options: dict[str, Any] = json.loads(key)
    problem: Problem = catalogue.build(
        "problems", options["name"], {k: v for k, v in options.items() if k != "name"}
    )
    most = _REFERENCE_NUMBERS // (_REFERENCE_SIZE * max(problem.width, len(problem.theta)))
    experiment = Experiment(
        scenario="certify",
        version=1,
        problem_name=options["name"],
        problem_key=key,
        problem=problem,
        estimators=(),
        references=default_references(),
        sample_sizes=(_REFERENCE_SIZE,),
        devices=("cpu",),
        dtypes=("float64",),
        replicates=REPLICATES,
        seed=seed,
        reference_sample_size=_REFERENCE_SIZE,
        reference_replicates=min(_REFERENCE_REPLICATES, most),
    ).prepared
    return Setting(name, Reference(options, degree, continuous), experiment, truths_of(experiment))


def check_device(device: str) -> None:
    """Refuse what is no name of a device; one that is absent is told by the certificate.

    Raises:
        Invalid: if it is none.
    """
    if not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,3})?", device):
        raise invalid(f"--device {shown(device)}: wanted cpu, cuda, cuda:0 or mps")
