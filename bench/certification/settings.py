"""A problem of the battery made ready: built and prepared once, with the streams of its seed."""

from __future__ import annotations

import functools
import json
from typing import Any

from bench import catalogue
from bench.certification.problems import Reference
from bench.certification.trial import Setting
from bench.engine.plan import Experiment
from bench.engine.truth import truths_of
from bench.problem import Problem
from bench.scenario.resolve import default_references

REPLICATES = 80_000
"""R of each test, of a problem that is not wide."""

# A reference run has as many samples as the second stage of what it judges, and so many numbers at most.
_REFERENCE_SIZE, _REFERENCE_REPLICATES, _REFERENCE_NUMBERS = 16, 80_000, 24_000_000


def setting(name: str, reference: Reference, seed: int) -> Setting:
    """A problem that is ready to be tried on; the same one is built once."""
    # The class is what the name stands for now: somebody's own may be written anew in one process.
    cls = catalogue.find("problems", str(reference.options.get("name")))
    options = json.dumps(reference.options, sort_keys=True)
    known = reference.degree, reference.cost_degree, reference.continuous
    return _setting(name, options, seed, known, cls)


@functools.cache
def _setting(
    name: str,
    key: str,
    seed: int,
    known: tuple[int | None, int | None, bool],
    cls: type,  # noqa: ARG001 - a part of the key of the cache
) -> Setting:
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
    return Setting(name, Reference(options, *known), experiment, truths_of(experiment))
