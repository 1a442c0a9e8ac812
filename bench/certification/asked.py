"""The estimators and problems that a command asks for, and what a second process finds of them meanwhile."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from bench import catalogue
from bench.certification.battery import level_of, outcome_of
from bench.certification.certify import ALPHA, certify
from bench.certification.meanwhile import Meanwhile
from bench.certification.naming import named_estimators
from bench.certification.own_problems import check_problems, problems_named, problems_of_scenario
from bench.certification.problems import PROBLEMS, Reference
from bench.certification.settings import setting
from bench.certification.trial import Trial
from bench.certification.verdicts import Certificate, Outcome
from bench.engine.plan import NamedEstimator


@dataclass(frozen=True)
class Asked:
    """The words of a command, from which any process finds the same estimators and problems.

    Attributes:
        plugins: modules and files to import first.
        words: names of estimators, or places where they are.
        settings: options of the estimators, as `key=value`.
        problems: names or places of one's own problems; the usual ones if there are none.
        scenario: a file whose problem is taken, and its estimators if none is named.
        device: as torch names it.
        seed: of all random numbers.
        replicates: R of each test.
    """

    plugins: tuple[str, ...]
    words: tuple[str, ...]
    settings: tuple[str, ...]
    problems: tuple[str, ...]
    scenario: str | None
    device: str
    seed: int
    replicates: int

    @cached_property
    def _of_scenario(self) -> tuple[dict[str, Reference], list[NamedEstimator]]:
        return problems_of_scenario(self.scenario) if self.scenario else ({}, [])

    @cached_property
    def tried(self) -> Mapping[str, Reference]:
        """The problems by name.

        Raises:
            Invalid: if there is no such problem, or it cannot be built.
        """
        own = self._of_scenario[0] | problems_named(self.problems)
        check_problems(own)
        return own or PROBLEMS

    @cached_property
    def subjects(self) -> list[NamedEstimator]:
        """The estimators.

        Raises:
            Invalid: if there is no such estimator, or its options are wrong.
        """
        named = [each for word in self.words for each in named_estimators(word, self.settings)]
        return named or self._of_scenario[1]


def certificates(
    asked: Asked, tell: Callable[[NamedEstimator], Callable[[Outcome], None]]
) -> list[Certificate]:
    """The certificates of all estimators that are asked for; of two processes where there are two cores.

    Args:
        asked: what to try.
        tell: of an estimator gives what is told of each problem.

    Raises:
        Invalid: if there is no such estimator or problem.
    """
    asked.tried  # noqa: B018 - so that its mistakes are told before anything is started
    subjects = list(enumerate(asked.subjects))
    with _second_process(asked) as meanwhile:
        return [
            certify(
                named,
                asked.tried,
                device=asked.device,
                seed=asked.seed,
                replicates=asked.replicates,
                tell=tell(named),
                meanwhile=meanwhile(place),
            )
            for place, named in subjects
        ]


_FEW = 20_000
"""R from which a second process is worth the seconds that its start takes."""


@contextmanager
def _second_process(asked: Asked) -> Iterator[Callable[[int], Meanwhile]]:
    """Give what finds outcomes of an estimator, by its place, where there is a core for it."""
    words = replace(asked)  # without what was found of them here, which may be of no file
    alone = (os.cpu_count() or 1) < 2 or asked.device != "cpu"
    if alone or len(asked.tried) < 2 or asked.replicates < _FEW:
        yield lambda _: Meanwhile()
        return
    # What tests a process for what estimators do to it shares none of its state: it is no fork.
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin)
    try:
        yield lambda place: Meanwhile(lambda name: pool.submit(_found, words, place, name), list(asked.tried))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for it says that one stopped
    torch.set_num_threads(1)


@functools.cache
def _here(asked: Asked) -> Asked:
    """Return the same words each time: plug-ins, estimators and problems are found once in a process."""
    for plugin in asked.plugins:
        catalogue.add_plugin(plugin)
    return asked


def _found(asked: Asked, place: int, name: str) -> Outcome:
    asked = _here(asked)
    ready = setting(name, asked.tried[name], asked.seed)
    trial = Trial(asked.subjects[place], ready, asked.device, asked.replicates)
    return outcome_of(trial, level_of(ALPHA, len(asked.tried)))
