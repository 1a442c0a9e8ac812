"""The battery: our own estimators pass it, and estimators that are wrong do not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

import bench
from bench import catalogue
from bench.certification.battery import STRUCTURE
from bench.certification.certify import certify
from bench.certification.problems import PROBLEMS
from bench.certification.settings import setting
from bench.certification.verdicts import Certificate
from bench.cli import main
from bench.errors import Invalid
from bench.estimator import Claim, Estimator, NotApplicable
from bench.plugin_files import module_of
from bench.problem import Problem
from tests.cases import CERTIFIED_ON, EVERY, estimator_of
from tests.uncertified import Pathwise, Scored
from tests.unruly import UNCERTIFIED

# A false alarm has a probability of 1e-4 for each estimator; of the whole file, 4e-3 for fresh
# seeds: this one is fixed.
REPLICATES = 3_000


def certificate(estimator: Estimator, *problems: str, **options: Any) -> Certificate:
    return certify(
        estimator, {name: PROBLEMS[name] for name in problems}, **{"replicates": REPLICATES, **options}
    )


def told(found: Certificate) -> list[str]:
    return [f"{problem}: {fault.check}: {fault.message}" for problem, fault in found.all_faults()]


# --- our own ----------------------------------------------------------------------------------------


# Seconds each: quadratures of bounds, and a network that is evaluated for each of its weights.
TOO_SLOW = {"exact": "iwae", "finite_differences": "vae"}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_an_estimator_of_ours_is_certified(name: str) -> None:
    slow = TOO_SLOW.get(EVERY[name][0], "none")
    problems = {key: reference for key, reference in CERTIFIED_ON.items() if not key.startswith(slow)}
    found = certify(estimator_of(name), problems, replicates=REPLICATES)
    assert told(found) == []
    assert found.passed


@pytest.mark.parametrize("name", catalogue.names("estimators"))
def test_an_estimator_that_is_listed_is_tested(name: str) -> None:
    assert name in {kind for kind, _ in EVERY.values()}, "list it in tests/cases.py"


# --- those that are wrong ---------------------------------------------------------------------------


# Of a bias of 3 % 3000 replicates tell in one of six runs, and four times as many in all.
MORE = {"SmallBias": 4 * REPLICATES}


@pytest.mark.slow
@pytest.mark.parametrize("name", UNCERTIFIED)
def test_what_is_wrong_is_flagged_by_the_check_that_is_meant_for_it(name: str) -> None:
    estimator, check, problems = UNCERTIFIED[name]
    found = certificate(estimator, *problems, replicates=MORE.get(name, REPLICATES))
    assert check in found.failed_checks
    assert found.verdict == "failed"
    assert found.exit_code == 1


def test_every_check_flags_something() -> None:
    flagged = {check for _, check, _ in UNCERTIFIED.values()}
    # "data" is a rule about rows, and has its fault; faults of a relaxation are those of a problem.
    assert STRUCTURE.keys() - {"data", "relaxation"} <= flagged
    others = {"bias", "noise", "float32", "shape", "type", "device", "graph", "finite", "seed", "globals"}
    assert others | {"runs", "claim", "value"} <= flagged


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("estimator", [Scored(), Pathwise()], ids=repr)
def test_what_they_are_made_of_is_right(estimator: Estimator, seed: int) -> None:
    found = certificate(estimator, "gaussian", "normals", "normal", "lognormal", "exponential", seed=seed)
    assert told(found) == []
    assert found.passed


@dataclass(frozen=True)
class OwnRowsData(Scored):
    """With a batch for each row, all rows are given the first."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if problem.data_per_row:
            theta = theta[-1:].expand_as(theta)
        return super().gradient(problem, theta, sample_size)


def test_rows_that_share_their_data_are_flagged() -> None:
    assert "rows" in certificate(OwnRowsData(), "linear_vae").failed_checks


@dataclass(frozen=True)
class Shrinking(Estimator):
    """Too small by 1/(N + 1)."""

    bias: ClassVar[Claim] = "consistent"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return sample_size / (sample_size + 1) * Pathwise().gradient(problem, theta, sample_size)


@dataclass(frozen=True)
class NotShrinking(Shrinking):
    bias: ClassVar[Claim] = "unbiased"


@pytest.mark.slow
def test_a_bias_that_vanishes_is_consistent_and_no_more() -> None:
    assert certificate(Shrinking(), "gaussian", "normals").passed
    assert certificate(NotShrinking(), "gaussian", "normals").failed_checks == {"bias"}


@dataclass(frozen=True)
class Biased(Shrinking):
    bias: ClassVar[Claim] = "biased"


def test_of_a_bias_that_is_admitted_nothing_is_said() -> None:
    (outcome,) = certificate(Biased(), "gaussian").outcomes
    assert outcome.bias == ()
    assert outcome.untested == "it says that it is biased"


@dataclass(frozen=True)
class NeverApplies(Estimator):
    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        raise NotApplicable("it has its reasons")


def test_what_applies_nowhere_is_not_certified() -> None:
    found = certificate(NeverApplies(), "gaussian", "poisson")
    assert found.verdict == "nothing applied"
    assert found.exit_code == 4
    assert {one.not_applicable for one in found.outcomes} == {"it has its reasons"}


def test_power_is_stated_and_grows_with_replicates() -> None:
    few, many = (certificate(Scored(), "gaussian", replicates=R).outcomes[0].bias for R in (1000, 16_000))
    for small, large in zip(few, many, strict=True):
        assert small.seen / large.seen == pytest.approx(4, rel=0.2)
    # At N = 4 the variance is a quarter.
    assert many[0].seen / many[1].seen == pytest.approx(2, rel=0.1)


def test_as_the_documents_have_it() -> None:
    assert bench.certify(Pathwise(), {"gaussian": PROBLEMS["gaussian"]}, replicates=1000).passed


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again, other = (certificate(Scored(), "gaussian", seed=seed).outcomes for seed in (0, 0, 1))
    assert first == again
    assert first != other


# --- nothing is left behind -------------------------------------------------------------------------


@contextmanager
def left_as_it_was() -> Iterator[None]:
    before = (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.random.get_rng_state().tolist(),
    )
    yield
    assert before == (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.random.get_rng_state().tolist(),
    )


@pytest.mark.parametrize(
    "name", ["SetsTheDefaultType", "SetsThreads", "TurnsGradientsOff", "Seeds", "MovesTheProblem"]
)
def test_what_an_estimator_changes_is_put_back(name: str) -> None:
    with left_as_it_was():
        certificate(UNCERTIFIED[name][0], "gaussian")
    # Above all, the next one is tried on the same problem.
    assert certificate(Scored(), "gaussian").passed


# --- the command line -------------------------------------------------------------------------------


MINE = """
from dataclasses import dataclass
from typing import ClassVar
from bench.estimator import Estimator, gradient_of

@dataclass(frozen=True)
class Mine(Estimator):
    bias: ClassVar = "unbiased"
    factor: float = 1.0

    def gradient(self, problem, theta, sample_size):
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = problem.cost(x, theta)
        return self.factor * gradient_of(theta, (p.log_prob(x), cost.detach()), cost)
"""


@pytest.fixture
def few_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    tried_on(monkeypatch, "gaussian", "poisson")


def tried_on(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    few = {name: PROBLEMS[name] for name in names}
    for module in ("certify", "asked"):
        monkeypatch.setattr(f"bench.certification.{module}.PROBLEMS", few)


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["certify", "--replicates", "1000", *words])


@pytest.mark.usefixtures("few_problems")
def test_the_verb_prints_a_table_and_a_verdict() -> None:
    done = run("reinforce", "--set", "baseline.constant.value=0.7")
    assert done.exit_code == 0, done.output
    assert "certified: reinforce(baseline=constant(value=0.7)), on 2 of 2 problems, cpu" in done.output
    assert "is detectable" in done.output
    assert "over 24 tests" in done.output
    # The table is for those who ask.
    assert "p (no bias)" not in done.output
    done = run("reinforce", "--verbose")
    assert "p (no bias)" in done.output
    assert "24 tests of statistics" in done.output


@pytest.mark.usefixtures("few_problems")
def test_what_does_not_apply_is_a_row_with_its_reason() -> None:
    done = run("pathwise")
    assert done.exit_code == 0
    assert "does not apply on poisson: x has no reparameterized sampler" in done.output, done.output
    assert "on 1 of 2 problems" in done.output
    assert "does not apply: x has no reparameterized sampler" in run("pathwise", "--verbose").output


@pytest.mark.slow
@pytest.mark.usefixtures("few_problems")
def test_an_estimator_of_ones_own(mine: str) -> None:
    for place in (mine, f"{mine}:Mine"):
        done = run(place)
        assert done.exit_code == 0, done.output
        assert "certified: " in done.output
    done = run(mine, "--set", "factor=1.5")
    assert done.exit_code == 1
    first, *others = done.output.splitlines()
    assert first.startswith("failed: Mine(factor=1.5): it is biased, by ")
    assert ", where the mean is 1.5" in first
    assert any(line.startswith("bias: on all 2 problems: biased by ") for line in others)
    assert others[-1].startswith("on 2 of 2 problems, cpu, in ")


def test_a_file_offers_its_table_or_what_it_defines(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(MINE + "\n@dataclass(frozen=True)\nclass _Part(Mine):\n    pass\n")
    assert list(catalogue.estimators_at(str(path))) == ["Mine"]
    path.write_text(MINE + "\nESTIMATORS = {'half': Mine}\n")
    assert list(catalogue.estimators_at(str(path))) == ["half"]
    path.write_text(MINE + "\nESTIMATORS = {'half': int}\n")
    with pytest.raises(Invalid, match="has no estimator 'half'"):
        catalogue.estimators_at(str(path))


@pytest.mark.usefixtures("few_problems")
def test_several_are_a_row_each(mine: str) -> None:
    done = run("estimators.reinforce:Reinforce", "reparameterization", mine)
    assert done.exit_code == 0, done.output
    assert "3 certified" in done.output


@pytest.mark.usefixtures("few_problems")
def test_all_are_those_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "names", lambda _: ["reinforce", "reparameterization", "vimco"])
    done = run("--all")
    assert done.exit_code == 0, done.output
    assert "2 certified, 1 nothing applied" in done.output
    assert run("vimco").exit_code == 4


@pytest.mark.usefixtures("few_problems")
def test_a_bias_that_is_not_tested_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    tried_on(monkeypatch, "iwae-4")
    said = "it claims to be biased: its bias was tested on no problem, only the rest of its contract"
    assert said in run("wake_phase").output
    assert f"wake_phase: {said}" in run("wake_phase", "reinforce").output


def test_a_device_that_is_absent_is_said() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    done = run("reinforce", "--device", "cuda")
    assert done.exit_code == 4
    assert "cuda is unavailable: " in done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "wanted the name of an estimator, or --all"),
        (["reinforce", "--all"], "wanted the name of an estimator, or --all"),
        (["--all", "--set", "a=1"], "--set is for an estimator that is named, not for --all"),
        (["reinforc"], "unknown estimator 'reinforc'; did you mean 'reinforce'?"),
        (["reinforce", "--set", "baselin=none"], "unknown option 'baselin' of estimator reinforce"),
        (["reinforce", "--set", "baseline"], "--set 'baseline': wanted dotted.key=value"),
        (["reinforce", "--device", "gpu"], "device 'gpu': wanted cpu, cuda, cuda:0 or mps"),
        (["estimators.reinforce:Reinforc"], "has no estimator 'Reinforc'; did you mean 'Reinforce'?"),
        (["estimators.reinforce:"], "wanted module:Class, file.py or file.py:Class"),
        (["no_such_module:Class"], "plug-in no_such_module cannot be imported"),
        (["bench/errors.py"], "offers no estimator"),
    ],
)
def test_what_is_asked_wrongly_is_said(words: list[str], message: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.output


# --- one's own problems -----------------------------------------------------------------------------

OWN = """
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.distributions import Bernoulli

import bench
from bench.estimator import gradient_of

class Coin(bench.ModuleProblem):
    def __init__(self):
        super().__init__(nn.Linear(1, 1))

    def distribution(self, net):
        return Bernoulli(logits=0.8 + 0.1 * net(torch.ones(1))[0])

    def cost(self, net, z):
        return (z - 0.45) ** 2

@dataclass(frozen=True)
class OnCoins(bench.Estimator):
    bias: ClassVar = "unbiased"
    factor: float = 1.0

    def gradient(self, problem, theta, sample_size):
        if not isinstance(problem.owner, Coin):
            raise bench.NotApplicable("it is no coin")
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        return self.factor * gradient_of(theta, (p.log_prob(x), problem.cost(x, theta).detach()))

PROBLEMS = {"certified_coin": Coin}
ESTIMATORS = {"on_coins": OnCoins}
"""

OWN_SCENARIO = """
schema: 1
name: coins
version: 1
problem: {name: certified_coin}
estimators: [on_coins, {on_coins: {factor: 0.5}, label: half}]
sweep: {sample_sizes: [4]}
replicates: 10
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("problems", "estimators"):
        monkeypatch.setitem(catalogue._ADDED, kind, {})
    monkeypatch.setattr(catalogue, "PLUGINS", [])
    (tmp_path / "certified_own.py").write_text(OWN)
    (tmp_path / "coins.yaml").write_text(OWN_SCENARIO)
    return tmp_path / "certified_own.py"


@pytest.mark.slow
def test_ones_own_estimator_is_certified_on_ones_own_problem(own: Path) -> None:
    words = [f"{own}:OnCoins", "--problem", f"{own}:Coin", "-r", "2000"]
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert "on 1 of 1 problems" in done.output
    done = run(*words, "--set", "factor=0.5")
    assert done.exit_code == 1, done.output
    assert done.output.startswith("failed: OnCoins(factor=0.5): the mean is the gradient times ½")
    assert run(f"{own}:OnCoins", "--problem", str(own), "-r", "2000").exit_code == 0


@pytest.mark.slow
def test_a_scenario_has_its_problem_and_its_estimators_certified(own: Path) -> None:
    words = ["--plugin", str(own), "certify", "-r", "2000", "--scenario", str(own.parent / "coins.yaml")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1, done.output
    lines = {line.split()[0]: line for line in done.output.splitlines() if line.startswith(("on_", "half"))}
    assert lines["on_coins"].endswith("certified")
    assert lines["half"].endswith("failed")
    named = CliRunner().invoke(main, [*words, "reinforce"])
    assert named.exit_code == 0, named.output
    assert "certified: reinforce, on 1 of 1 problems" in named.output


def test_python_names_problems_by_class_and_by_options(own: Path) -> None:
    module = module_of(str(own))
    options = {"name": "gaussian_elbo", "loc": 0.6}
    found = certify(estimator_of("reinforce"), {"mine": module.Coin, "elbo": options}, replicates=2000)
    assert [outcome.problem for outcome in found.outcomes] == ["mine", "elbo"]
    assert found.passed
    for wrong in ({}, {"mine": 3}, {"mine": {"loc": 0.6}}):
        with pytest.raises(Invalid, match=r"wanted a mapping from names to references, to \{name"):
            certify(estimator_of("reinforce"), wrong, replicates=2000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reinforce", "--problem", "OWN:Coins"], "has no problem 'Coins'; did you mean 'Coin'?"),
        (["reinforce", "--problem", "vaee"], "unknown problem 'vaee'; did you mean 'vae'?"),
        (["reinforce", "--problem", "importance_weighted"], "importance_weighted needs the option 'samples'"),
        (["--problem", "vae"], "wanted the name of an estimator, or --all, or --scenario"),
        (["reinforce", "--scenario", "none.yaml"], "none.yaml: no such file"),
        (["reinforce", "--problem", "none.py:Mine"], "plug-in none.py: no such file"),
    ],
)
def test_problems_that_are_asked_wrongly_are_said(own: Path, words: list[str], message: str) -> None:
    done = run(*(word.replace("OWN", str(own)) for word in words))
    assert done.exit_code == 2
    assert message in done.output


def test_a_problem_made_ready_keeps_all_that_is_known_of_it() -> None:
    for name, reference in PROBLEMS.items():
        kept = setting(name, reference, 0).reference
        assert (kept.degree, kept.cost_degree, kept.continuous) == (
            reference.degree,
            reference.cost_degree,
            reference.continuous,
        )
