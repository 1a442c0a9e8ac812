"""Names, options and plug-ins: what is built from words, and how words that name nothing are refused."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench import catalogue
from bench.cards import class_card
from bench.errors import Fault, Invalid, KeyFault
from bench.estimator import Estimator
from bench.problem import Resolvable
from bench.problems import PROBLEMS
from estimators import ESTIMATORS, OTHER_NAMES, called, meaning
from estimators.baseline_network import InputDependent
from estimators.baselines import (
    BASELINES,
    IndependentSample,
    LeaveOneOut,
    MovingAverage,
    NoBaseline,
)
from estimators.reinforce import Reinforce
from estimators.reparameterization import Reparameterization

FILES = Path(__file__).parents[1] / "estimators"
INF, NAN = math.inf, math.nan


def faults_of(kind: catalogue.Kind, name: str, options: dict[str, Any]) -> tuple[Fault, ...]:
    with pytest.raises(Invalid) as caught:
        catalogue.build(kind, name, options)
    return caught.value.faults


# --- the tables -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_of_the_table_exists(name: str) -> None:
    cls = catalogue.find("estimators", name)
    assert issubclass(cls, Estimator)
    assert f"{cls.__module__}:{cls.__name__}" == ESTIMATORS[name]
    # A file that has another name is that of a family.
    family = cls.__module__.removeprefix("estimators.")
    assert family == name or (family not in ESTIMATORS and not (FILES / f"{name}.py").exists())


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_of_the_table_exists_in_the_file_of_its_name(name: str) -> None:
    cls = catalogue.find("problems", name)
    assert issubclass(cls, Resolvable)
    assert f"{cls.__module__}:{cls.__name__}" == PROBLEMS[name]
    assert cls.__module__ == f"bench.problems.{name}"


@pytest.mark.parametrize("alias", OTHER_NAMES)
def test_an_alias_is_another_name_of_an_estimator_and_no_name_itself(alias: str) -> None:
    assert alias not in ESTIMATORS
    own, options = meaning(alias)
    assert catalogue.find("estimators", alias) is catalogue.find("estimators", own)
    assert catalogue.build("estimators", alias, {}) == catalogue.build("estimators", own, options)
    assert alias in called(own, json.dumps(options, separators=(",", ":")))
    assert own in called(own, "{}")


def test_rloo_is_reinforce_with_a_baseline_and_with_this_baseline_only() -> None:
    assert catalogue.build("estimators", "rloo", {}) == Reinforce(LeaveOneOut())
    assert "rloo" not in called("reinforce", "{}") | called("reparameterization", "{}")
    options = json.dumps({"baseline": "leave_one_out"}, separators=(",", ":"))
    assert "rloo" in called("reinforce", options)
    assert "rloo" not in called("rao_blackwell", options)
    (fault,) = faults_of("estimators", "rloo", {"baseline": "optimal"})
    assert (
        fault.message
        == "rloo is reinforce with baseline: leave_one_out; write reinforce for another baseline"
    )
    assert fault.path == ("baseline",)
    (fault,) = faults_of("estimators", "rloo", {"basline": "optimal"})
    assert "did you mean 'baseline'" in fault.message


def test_the_names_are_those_of_the_tables_in_order() -> None:
    assert catalogue.names("estimators") == sorted(ESTIMATORS)
    assert catalogue.names("problems") == sorted(PROBLEMS)


def test_score_function_and_pathwise_are_understood() -> None:
    assert catalogue.build("estimators", "score_function", {}) == Reinforce()
    assert catalogue.build("estimators", "pathwise", {}) == Reparameterization()


def test_options_are_listed_with_their_defaults() -> None:
    assert catalogue.options("estimators", "reinforce") == {"baseline": "none", "sampler": "iid"}
    assert catalogue.options("estimators", "reparameterization") == {"sampler": "iid"}
    required = dict.fromkeys(("distribution", "parameters", "cost"), "required")
    assert catalogue.options("problems", "expectation") == required | {"let": "null"}


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("estimators", "reinforc", "unknown estimator 'reinforc'; did you mean 'reinforce'?"),
        ("estimators", "pathwis", "unknown estimator 'pathwis'; did you mean 'pathwise'?"),
        ("problems", "expectations", "unknown problem 'expectations'; did you mean 'expectation'?"),
        ("problems", "reinforce", "unknown problem 'reinforce'; known: "),
        (
            "estimators",
            "qqqq",
            f"unknown estimator 'qqqq'; known: {', '.join(sorted([*ESTIMATORS, *OTHER_NAMES]))}",
        ),
        # An alias is one of an estimator only.
        ("problems", "pathwise", "unknown problem 'pathwise'"),
    ],
)
def test_an_unknown_name_brings_a_suggestion(kind: catalogue.Kind, name: str, message: str) -> None:
    (fault,) = faults_of(kind, name, {})
    assert fault.message.startswith(message)
    assert fault.path == ()


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "baseline"),
    [
        ("none", NoBaseline()),
        ("leave_one_out", LeaveOneOut()),
        ({"leave_one_out": None}, LeaveOneOut()),
        ({"leave_one_out": {}}, LeaveOneOut()),
        ("independent", IndependentSample()),
        ({"learned": {"steps": 3}}, InputDependent(steps=3)),
        ({"moving_average": {"decay": 0}}, MovingAverage(decay=0.0)),
        ({"moving_average": {"decay": 0.5, "steps": 3}}, MovingAverage(0.5, 3)),
        (MovingAverage(0.5, 3), MovingAverage(0.5, 3)),
    ],
)
def test_a_baseline_is_written_in_several_ways(written: Any, baseline: object) -> None:
    assert catalogue.build("estimators", "reinforce", {"baseline": written}) == Reinforce(baseline)


BAD_OPTIONS: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "unknown": (
        {"baselin": "none"},
        ("baselin",),
        "unknown option 'baselin' of estimator reinforce; did you",
    ),
    "a number": ({"baseline": 3}, ("baseline",), "wanted a baseline by name"),
    "a list": ({"baseline": ["none"]}, ("baseline",), "wanted a baseline by name"),
    "null": ({"baseline": None}, ("baseline",), "wanted a baseline by name"),
    "unknown choice": ({"baseline": "leave_one"}, ("baseline",), "did you mean 'leave_one_out'?"),
    "unknown choice with options": (
        {"baseline": {"lop": {}}},
        ("baseline",),
        "unknown baseline 'lop'; known: ",
    ),
    "a number for a name": ({"baseline": {3: {}}}, ("baseline",), "unknown baseline 3"),
    "two": ({"baseline": {"none": {}, "optimal": {}}}, ("baseline",), "wanted a baseline by name"),
    "missing": ({"baseline": "constant"}, ("baseline",), "baseline constant needs the option 'value'"),
    "missing in a mapping": (
        {"baseline": {"constant": {}}},
        ("baseline", "constant"),
        "needs the option 'value'",
    ),
    "no mapping": ({"baseline": {"constant": 3}}, ("baseline", "constant"), "as {option: value}, got 3"),
    "none of its own": (
        {"baseline": {"leave_one_out": {"n": 2}}},
        ("baseline", "leave_one_out", "n"),
        "unknown option 'n' of baseline leave_one_out",
    ),
    "text for a number": (
        {"baseline": {"constant": {"value": "3"}}},
        ("baseline", "constant", "value"),
        "wanted a number, got '3'",
    ),
    "true for a number": (
        {"baseline": {"constant": {"value": True}}},
        ("baseline", "constant", "value"),
        "wanted a number, got True",
    ),
    "true for a whole number": (
        {"baseline": {"moving_average": {"steps": True}}},
        ("baseline", "moving_average", "steps"),
        "wanted a whole number, got True",
    ),
    "a fraction for a whole number": (
        {"baseline": {"moving_average": {"steps": 2.5}}},
        ("baseline", "moving_average", "steps"),
        "wanted a whole number, got 2.5",
    ),
    "out of range": (
        {"baseline": {"moving_average": {"steps": 0}}},
        ("baseline", "moving_average", "steps"),
        "baseline moving_average: steps must be at least 1, got 0",
    ),
    "not a number": (
        {"baseline": {"moving_average": {"decay": NAN}}},
        ("baseline", "moving_average", "decay"),
        "decay must be in [0, 1), got nan",
    ),
    "no step": (
        {"baseline": {"learned": {"steps": 0}}},
        ("baseline", "learned", "steps"),
        "steps must be at least 1",
    ),
    "no width": (
        {"baseline": {"learned": {"hidden": 0}}},
        ("baseline", "learned", "hidden"),
        "hidden must be at",
    ),
    "no rate": (
        {"baseline": {"learned": {"learning_rate": 0.0}}},
        ("baseline", "learned", "learning_rate"),
        "learning_rate must be positive, got 0.0",
    ),
    "none of the words": (
        {"baseline": {"optimal": {"per": "coordinate"}}},
        ("baseline", "optimal", "per"),
        "wanted one of 'parameter', 'scalar', got 'coordinate'",
    ),
}


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_a_wrong_option_is_refused_where_it_stands(name: str) -> None:
    options, path, message = BAD_OPTIONS[name]
    (fault,) = faults_of("estimators", "reinforce", options)
    assert fault.path == path
    assert message in fault.message


def test_a_mixture_is_no_extrapolation() -> None:
    (fault,) = faults_of("estimators", "mixture", {"alpha": 1.5})
    assert "alpha must be in [0, 1], got 1.5" in fault.message


def test_what_has_no_options_takes_none() -> None:
    (fault,) = faults_of("estimators", "reinforce", {"baseline": {"none": {"value": 2}}})
    assert fault == KeyFault(
        "unknown option 'value' of baseline none; it has none", ("baseline", "none", "value")
    )


def test_all_that_is_wrong_comes_at_once_in_order() -> None:
    wrong = {"moving_average": {"steps": 2.5, "stepps": 3, "decay": "x"}}
    faults = faults_of("estimators", "reinforce", {"baseline": wrong, "sample_size": 3})
    assert [fault.path for fault in faults] == [
        ("sample_size",),
        ("baseline", "moving_average", "stepps"),
        ("baseline", "moving_average", "steps"),
        ("baseline", "moving_average", "decay"),
    ]
    assert [isinstance(fault, KeyFault) for fault in faults] == [True, True, False, False]


def test_every_baseline_is_described() -> None:
    assert all(cls.__doc__ for cls in BASELINES.values())


# --- the options of `expectation` -----------------------------------------------------------------


def of_normal(**values: Any) -> dict[str, Any]:
    return {"distribution": {"normal": {"loc": 0.7, "scale": 0.6, **values}}}


def of(distribution: str, *parameters: str, **values: Any) -> dict[str, Any]:
    return {"distribution": {distribution: values}, "parameters": [*parameters]}


NORMAL = ("distribution", "normal")
BAD_PROBLEMS: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str]] = {
    "option": (
        {"costs": "z"},
        ("costs",),
        "unknown option 'costs' of problem expectation; did you mean 'cost'?",
    ),
    "no distribution": ({"distribution": {}}, ("distribution",), "wanted one distribution"),
    "two distributions": (
        {"distribution": {"normal": {"loc": 1.0}, "beta": {}}},
        ("distribution",),
        "wanted one distribution",
    ),
    "a word": ({"distribution": "normal"}, ("distribution",), "wanted a mapping, got 'normal'"),
    "null": ({"distribution": {"normal": None}}, NORMAL, "wanted a mapping, got None"),
    "a list": ({"distribution": {"normal": [1, 2]}}, NORMAL, "wanted a mapping, got [1, 2]"),
    "unknown distribution": (
        {"distribution": {"norml": {"loc": 1.0}}},
        ("distribution", "norml"),
        "unknown distribution 'norml'; did you mean 'normal'?",
    ),
    "unknown parameter": (
        of_normal(lok=1.0),
        (*NORMAL, "lok"),
        "unknown parameter 'lok'; did you mean 'loc'?",
    ),
    "logarithm of a real": (of_normal(log_loc=1.0), (*NORMAL, "log_loc"), "unknown parameter 'log_loc'"),
    "missing": (of("normal", "loc", loc=1.0), NORMAL, "needs one of the parameters scale, log_scale"),
    "nothing given": (of("normal", "loc"), NORMAL, "needs one of the parameters loc"),
    "scale twice": (of_normal(log_scale=0.1), NORMAL, "takes only one of the parameters scale, log_scale"),
    "probs and logits": (
        of("bernoulli", "probs", probs=0.2, logits=0.3),
        ("distribution", "bernoulli"),
        "takes only one of the parameters probs, logits",
    ),
    "text": (
        of_normal(loc="two"),
        (*NORMAL, "loc"),
        "wanted a number or a list of numbers or a list of lists",
    ),
    "true": (of_normal(loc=True), (*NORMAL, "loc"), "wanted a number or a list"),
    "text in a list": (of_normal(loc=[1.0, "a"]), (*NORMAL, "loc"), "wanted a number or a list"),
    "negative scale": (
        of_normal(scale=-1.0),
        (*NORMAL, "scale"),
        "scale of a normal must be positive, got [-1.0]",
    ),
    "zero scale": (of_normal(scale=0), (*NORMAL, "scale"), "must be positive, got [0.0]"),
    "one negative scale of two": (
        of_normal(scale=[1, -1]) | {"cost": "sum(z)"},
        (*NORMAL, "scale"),
        "positive",
    ),
    "infinite loc": (of_normal(loc=INF), (*NORMAL, "loc"), "loc of a normal must be finite, got [inf]"),
    "loc that is no number": (of_normal(loc=NAN), (*NORMAL, "loc"), "must be finite, got [nan]"),
    "infinite scale": (of_normal(scale=INF), (*NORMAL, "scale"), "must be finite, got [inf]"),
    "infinite logarithm": (
        of("normal", "loc", loc=0.1, log_scale=-INF),
        (*NORMAL, "log_scale"),
        "log_scale of a normal must be finite, got [-inf]",
    ),
    "infinite logits": (
        of("categorical", "logits", logits=[0.1, INF]),
        ("distribution", "categorical", "logits"),
        "must be finite, got [0.1, inf]",
    ),
    "negative rate": (
        of("poisson", "rate", rate=-1),
        ("distribution", "poisson", "rate"),
        "must be at least 0",
    ),
    "no probability": (
        of("bernoulli", "probs", probs=1.2),
        ("distribution", "bernoulli", "probs"),
        "must be between 0 and 1, got [1.2]",
    ),
    "probabilities": (
        of("categorical", "probs", probs=[0.2, 0.3]),
        ("distribution", "categorical", "probs"),
        "must be probabilities that add up to 1",
    ),
    "no list": (
        of("categorical", "probs", probs=0.2),
        ("distribution", "categorical", "probs"),
        "probs of a categorical is a list of numbers",
    ),
    "empty list": (of_normal(loc=[]), (*NORMAL, "loc"), "loc is an empty list"),
    "empty logits": (
        of("categorical", "logits", logits=[]),
        ("distribution", "categorical", "logits"),
        "logits is an empty list",
    ),
    "lists of different length": (
        of_normal(loc=[1.0, 2.0], scale=[1.0, 1.0, 1.0]) | {"cost": "sum(z)"},
        NORMAL,
        "lists of different length: loc has 2, scale has 3",
    ),
    "no parameter": ({"parameters": []}, ("parameters",), "wanted at least one of loc, scale"),
    "a word for parameters": ({"parameters": "loc"}, ("parameters",), "wanted a list of texts, got 'loc'"),
    "a number for a parameter": ({"parameters": ["loc", 1]}, ("parameters", 1), "wanted text, got 1"),
    "parameter not given": (
        {"parameters": ["loc", "log_scale"]},
        ("parameters", 1),
        "'log_scale' is no parameter of the distribution as given: loc, scale",
    ),
    "parameter named twice": ({"parameters": ["loc", "loc"]}, ("parameters", 1), "loc is named twice"),
    "a number for a cost": ({"cost": 3}, ("cost",), "wanted text or a mapping, got 3"),
    "empty cost": ({"cost": " "}, ("cost",), "the formula is empty"),
    "cost that breaks off": ({"cost": "z +"}, ("cost",), "the formula cannot be read"),
    "unknown name": ({"cost": "x**2"}, ("cost",), "the formula cannot have 'x' at character 1"),
    "program": ({"cost": "__import__('os')"}, ("cost",), "unknown function"),
    "many costs of a vector": (of_normal(loc=[1.0, 2.0]), ("cost",), "must be one number per sample"),
}


@pytest.mark.parametrize("name", BAD_PROBLEMS)
def test_a_problem_that_is_none_is_refused_where_it_stands(name: str) -> None:
    options, path, message = BAD_PROBLEMS[name]
    good = {**of_normal(), "parameters": ["loc"], "cost": "z**2"}
    (fault,) = faults_of("problems", "expectation", good | options)
    assert fault.path == path
    assert message in fault.message


def test_what_a_problem_needs_is_said_at_once() -> None:
    faults = faults_of("problems", "expectation", {})
    assert [fault.message for fault in faults] == [
        f"problem expectation needs the option {key!r}" for key in ("distribution", "parameters", "cost")
    ]


def test_whole_numbers_serve_as_numbers() -> None:
    problem = catalogue.build(
        "problems", "expectation", {**of_normal(loc=2, scale=1), "parameters": ["loc"], "cost": "z"}
    )
    assert problem.theta.tolist() == [2.0]


# --- plug-ins -------------------------------------------------------------------------------------

PLUGIN = '''
"""A plug-in."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from bench.estimator import Estimator


@dataclass(frozen=True)
class Nought(Estimator):
    """Says that the gradient is a constant."""

    bias: ClassVar[str] = "biased"
    value: float = 0.0

    def gradient(self, problem, theta, sample_size):
        return torch.full_like(theta, self.value)


ESTIMATORS = {"nought": Nought}
'''


@pytest.fixture(autouse=True)
def nothing_stays_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_ADDED", {"estimators": {}, "problems": {}})


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def refused(source: str) -> str:
    with pytest.raises(Invalid) as caught:
        catalogue.add_plugin(source)
    assert catalogue._ADDED == {"estimators": {}, "problems": {}}
    return str(caught.value)


def test_a_file_adds_estimators(tmp_path: Path) -> None:
    assert catalogue.add_plugin(written(tmp_path, PLUGIN)) == ["nought"]
    assert catalogue.names("estimators") == sorted([*ESTIMATORS, "nought"])
    assert catalogue.build("estimators", "nought", {"value": 3}).value == 3.0
    assert catalogue.options("estimators", "nought") == {"value": "0.0"}
    card = class_card("estimators", "nought")
    assert card.summary == "Says that the gradient is a constant."
    assert ("needs" in card.facts, card.references) == (False, ())
    (fault,) = faults_of("estimators", "nought", {"valu": 3})
    assert fault.message == "unknown option 'valu' of estimator nought; did you mean 'value'?"
    assert faults_of("estimators", "nougt", {})[0].message.endswith("did you mean 'nought'?")


def test_a_module_adds_problems_and_may_be_added_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from bench.problems.expectation import Expectation\nPROBLEMS = {'again': Expectation}\n"
    written(tmp_path, text, "somebodys_problems.py")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        assert catalogue.add_plugin("somebodys_problems") == ["again"]
    problem = catalogue.build("problems", "again", {**of_normal(), "parameters": ["loc"], "cost": "z"})
    assert type(problem) is importlib.import_module("bench.problems.expectation").Expectation
    assert "again" not in catalogue.names("estimators")


@pytest.mark.parametrize("taken", ["reinforce", "pathwise"])
def test_a_name_that_is_taken_is_refused_and_nothing_is_added(tmp_path: Path, taken: str) -> None:
    source = written(tmp_path, PLUGIN + f"ESTIMATORS |= {{{taken!r}: Nought}}\n")
    assert refused(source) == f"plug-in {source}: the name {taken!r} is taken"


def test_two_plugins_cannot_share_a_name(tmp_path: Path) -> None:
    catalogue.add_plugin(written(tmp_path, PLUGIN))
    with pytest.raises(Invalid, match="the name 'nought' is taken"):
        catalogue.add_plugin(written(tmp_path, PLUGIN, "theirs.py"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "offers nothing: it needs a table ESTIMATORS, PROBLEMS or LOSSES"),
        ("ESTIMATORS = {}", "offers nothing"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero (line 1)"),
        (
            "import nowhere_at_all",
            "ModuleNotFoundError: No module named 'nowhere_at_all' (line 1)",
        ),
        ("def f(:", "cannot be imported: SyntaxError"),
        ("ESTIMATORS = ['a']", "ESTIMATORS must be a table from names to classes"),
        ("ESTIMATORS = {'a': 'mine:A'}", "ESTIMATORS must be a table from names to classes"),
        ("PROBLEMS = {3: int}", "PROBLEMS must be a table from names to classes"),
    ],
)
def test_a_file_that_is_no_plugin_is_refused(tmp_path: Path, text: str, message: str) -> None:
    source = written(tmp_path, text)
    found = refused(source)
    assert found.startswith(f"plug-in {source}")
    assert message in found


@pytest.mark.parametrize("source", ["nowhere_at_all", "", "nowhere.at.all"])
def test_a_module_that_is_not_there_is_refused(source: str) -> None:
    assert refused(source).startswith(f"plug-in {source} cannot be imported: ")


@pytest.mark.parametrize("source", ["nowhere/at_all.py", ".py"])
def test_a_file_that_is_not_there_is_refused(source: str) -> None:
    assert refused(source) == f"plug-in {source}: no such file; wanted one, or the name of a module"


@pytest.mark.parametrize("source", ["json", "bench.errors"])
def test_a_module_of_another_kind_offers_nothing(source: str) -> None:
    assert "offers nothing" in refused(source)
