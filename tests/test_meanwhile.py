"""Certificates of two processes: the numbers of one, whatever becomes of the other."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from click.testing import CliRunner

import bench
from bench import catalogue
from bench.certification import asked
from bench.certification.asked import Asked, certificates
from bench.certification.certify import certify
from bench.certification.meanwhile import Meanwhile
from bench.certification.problems import PROBLEMS
from bench.certification.verdicts import Certificate, Outcome
from bench.cli import main
from tests.cases import estimator_of

NAMES = ["gaussian", "poisson", "bernoulli", "choice"]


def broken(name: str) -> Future[Outcome]:
    raise BrokenProcessPool(name)


def breaks(name: str) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_exception(BrokenProcessPool(name))
    return future


def test_without_another_process_all_is_left() -> None:
    assert all(Meanwhile().leaves(name) for name in NAMES)


def test_one_problem_at_a_time_is_begun_from_the_last_on() -> None:
    begun: dict[str, Future[Outcome]] = {}

    def submit(name: str) -> Future[Outcome]:
        begun[name] = Future()
        return begun[name]

    meanwhile = Meanwhile(submit, NAMES)
    assert list(begun) == ["choice"]
    assert meanwhile.leaves("gaussian")
    begun["choice"].set_result(Outcome("choice"))
    assert list(begun) == ["choice", "bernoulli"]
    assert meanwhile.leaves("poisson")
    begun["bernoulli"].set_result(Outcome("bernoulli"))
    assert list(begun) == ["choice", "bernoulli"]
    for name in ("choice", "bernoulli"):
        assert not meanwhile.leaves(name)
        assert meanwhile.outcome(name) == Outcome(name)


def few(meanwhile: Meanwhile | None, told: list[str]) -> Certificate:
    return certify(
        estimator_of("reinforce"),
        {name: PROBLEMS[name] for name in NAMES},
        replicates=1000,
        tell=lambda outcome: told.append(outcome.problem),
        meanwhile=meanwhile,
    )


@pytest.mark.slow
@pytest.mark.parametrize("submit", [broken, breaks])
def test_what_another_process_leaves_undone_is_found_here(
    submit: Callable[[str], Future[Outcome]],
) -> None:
    told: list[str] = []
    found = few(Meanwhile(submit, NAMES), told)
    assert [each.problem for each in found.outcomes] == NAMES
    assert sorted(told) == sorted(NAMES)
    assert found.outcomes == few(None, []).outcomes


def test_what_another_process_finds_is_taken_from_it() -> None:
    """The control: without it, its outcomes would not be seen."""
    with ThreadPoolExecutor(1) as pool:
        barrier = threading.Event()

        def found(name: str) -> Outcome:
            barrier.wait(60)
            return Outcome(name, not_applicable="found elsewhere")

        meanwhile = Meanwhile(lambda name: pool.submit(found, name), NAMES)
        threading.Timer(0.5, barrier.set).start()
        certificate = few(meanwhile, [])
    assert [one.problem for one in certificate.outcomes] == NAMES
    assert certificate.outcomes[-1].not_applicable == "found elsewhere"
    assert not certificate.outcomes[0].not_applicable


def words(*names: str, replicates: int = 20_000, plugins: tuple[str, ...] = ()) -> Asked:
    return Asked(plugins, names, (), (), None, "cpu", 0, replicates)


@pytest.mark.slow
def test_few_replicates_or_one_core_need_no_second_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(asked, "ProcessPoolExecutor", started)
    monkeypatch.setattr(asked, "PROBLEMS", {name: PROBLEMS[name] for name in NAMES})
    certificates(words("reinforce", replicates=1000), lambda _: lambda _: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    certificates(words("reinforce"), lambda _: lambda _: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(AssertionError, match="was started"):
        certificates(words("reinforce"), lambda _: lambda _: None)


OWN = """
from dataclasses import dataclass
from estimators.reinforce import Reinforce

@dataclass(frozen=True)
class Own(Reinforce):
    pass

ESTIMATORS = {"own_reinforce": Own}
"""


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    bench.plugin(path)
    ask = words("own_reinforce", "local_expectation", plugins=tuple(catalogue.PLUGINS))
    both = certificates(ask, lambda _: lambda _: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = certificates(ask, lambda _: lambda _: None)
    assert [one.outcomes for one in both] == [one.outcomes for one in alone]
    assert [one.verdict for one in both] == ["certified", "certified"]


@pytest.mark.slow
def test_a_process_that_dies_is_survived(tmp_path: Path) -> None:
    """A file that ends every process but the first that reads it."""
    path = tmp_path / "deadly.py"
    path.write_text(
        f"import os, pathlib\nmark = pathlib.Path({str(tmp_path / 'read')!r})\n"
        f"if mark.exists(): os._exit(1)\nmark.touch()\n{OWN}"
    )
    done = CliRunner().invoke(main, ["certify", f"{path}:Own", "-r", "20000"])
    assert done.exit_code == 0, done.output
    assert "certified: Own, on 32 of 32 problems" in done.output
