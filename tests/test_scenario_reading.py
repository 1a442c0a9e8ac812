from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.errors import Fault, Invalid, KeyFault, ScenarioError
from bench.problems import PROBLEMS
from bench.scenario import json_schema, parse, read, read_text
from bench.scenario.messages import wanted
from bench.scenario.schema import HEADLINES, EstimatorSpec, Scenario
from bench.scenario.tree import DEPTH_LIMIT, NODE_LIMIT, SIZE_LIMIT
from bench.statistics.metric_table import METRICS
from estimators import ESTIMATORS, OTHER_NAMES

GOOD = """\
schema: 1
name: gaussian
version: 1
question: Which estimator wins?
problem:
  name: expectation
  distribution: {normal: {loc: 2.0, scale: 1}}
  cost: z**2
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: rloo}
  - reparameterization:
sweep:
  sample_sizes: [10, 100]
  devices: [cpu, 'cuda:0']
  dtypes: [float32, float64]
replicates: 50
seed: 7
reference: {estimator: pathwise, sample_size: 1000}
"""


def lines_of(text: str, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read_text(text, "x.yaml", overrides)
    return caught.value.lines


def instead(old: str, new: str) -> str:
    """The good scenario with one line, or part of one, put differently."""
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


# --- plain data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 1e-3),
        ("1e3", 1e3),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1E+2", -100.0),
        ("010", 10),
        ("-7", -7),
        ("0o10", 8),
        ("0x10", 16),
        ("0xfF", 255),
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("0b1", "0b1"),
        ("-0x10", "-0x10"),
        ("0o8", "0o8"),
        ("1e", "1e"),
        (".", "."),
        ("=", "="),
        ("'1'", "1"),
        ('"null"', "null"),
        ("'<<'", "<<"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_words_mean_what_yaml_1_2_says(written: str, value: object) -> None:
    found = parse(f"a: {written}", "x.yaml").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_every_part_of_a_document_knows_where_it_was_said() -> None:
    document = parse("# first\na: 1\nb:\n  - x\n  - {c: 2, d: [3]}\n", "x.yaml")
    assert document.value == {"a": 1, "b": ["x", {"c": 2, "d": [3]}]}
    assert document.position(()) == (2, 1)
    assert document.position(("a",)) == (2, 4)
    assert document.position(("a",), key=True) == (2, 1)
    assert document.position(("b", 1, "d"), key=True) == (5, 12)
    assert document.position(("b", 1, "d", 0)) == (5, 16)
    assert document.position(("b", 0), key=True) == (4, 5)
    assert document.position(("b", 1, "e", 3)) == (5, 5)
    assert document.position(("z",), key=True) == (2, 1)


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    document = parse("\ufeff%YAML 1.2\r\n---\r\na: 1\r\nb: 2\r\n", "x.yaml")
    assert document.value == {"a": 1, "b": 2}
    assert document.position(("b",)) == (4, 4)


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\n"

NOT_PLAIN_DATA = {
    "empty": ("", "1:1", "the file is empty"),
    "only a comment": ("# nothing\n", "1:1", "the file is empty"),
    "only a marker": ("---\n", "1:1", "the file is empty"),
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "3:1", "the key 'a' is given twice, on line 1 and on line 3"),
    "duplicate key, inside": ("s: {a: 1, a: 2}", "1:11", "the key 'a' is given twice"),
    "anchor": (BOMB, "1:4", "anchors are not allowed (&a)"),
    "alias": (BOMB, "2:8", "aliases are not allowed (*a); write the value out again"),
    "alias as a key": ("a: {*b : 1}", "1:5", "aliases are not allowed (*b)"),
    "list that contains itself": ("a: &a [*a]", "1:8", "aliases are not allowed"),
    "tag": ("a: !!python/object/apply:os.system [ls]", "1:4", "tags are not allowed"),
    "harmless tag": ("a: !!str 1", "1:4", "tags are not allowed"),
    "bare tag": ("a: ! 1", "1:4", "tags are not allowed ('!')"),
    "merge key": ("a:\n  <<: {b: 1}\n", "2:3", "merge keys (<<) are not allowed"),
    "number as a key": ("a:\n  1: x\n", "2:3", "a key must be text, got 1; put it in quotes"),
    "null as a key": ("~: x\n", "1:1", "a key must be text, got None"),
    "truth value as a key": ("true: x\n", "1:1", "a key must be text, got True"),
    "list as a key": ("? [a]\n: x\n", "1:3", "a key must be text"),
    "two documents": ("a: 1\n---\nb: 1\n", "2:1", "a second document begins here"),
    "another version of YAML": ("%YAML 1.1\n---\na: 1\n", "1:1", "read as YAML 1.2"),
    "infinity": ("a: .inf", "1:4", "numbers must be finite, got .inf"),
    "minus infinity": ("a: [-.Inf]", "1:5", "numbers must be finite"),
    "not a number": ("a: .nan", "1:4", "numbers must be finite, got .nan"),
    "overflow": ("a: 1e999", "1:4", "too large"),
    "endless number": ("a: " + "9" * 5000, "1:4", "numbers may have up to 200 characters"),
    "control character": ("a: 1\nb: x\x07\n", "2:5", r"the character '\x07' is not allowed"),
    "escaped control character": (r'a: "\e[31m"', "1:4", r"the character '\x1b' is not allowed in text"),
    "half a character": (r'a: "\ud800"', "1:4", r"the character '\ud800' is not allowed in text"),
    "no character": (r'a: "\UFFFFFFFF"', "1:", "out of range"),
    "line separator": ("a: b\u2028c", "1:5", r"the character '\u2028' is not allowed"),
    "deep nesting": (
        "[" * 500,
        f"1:{DEPTH_LIMIT + 1}",
        f"nested too deeply: the limit is {DEPTH_LIMIT} levels",
    ),
    "deep nesting of keys": ("? " * 500, "1:65", "nested too deeply"),
    "many parts": ("- a\n" * NODE_LIMIT, f"{NODE_LIMIT}:3", "too many parts"),
    "huge": ("a" * (SIZE_LIMIT + 1), "1:1", "too large"),
    "tab as indentation": ("a:\n\tb: 1\n", "2:1", "not YAML: found character"),
    "two colons": ("a: b: c\n", "1:5", "not YAML: mapping values are not allowed here"),
    "open list": ("a: [1, 2\nb: 3\n", "2:2", "not YAML: expected ',' or ']'"),
    "open quote": ('a: "b\n', "2:1", "not YAML: found unexpected end of stream"),
}


@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        pytest.param(*case, id=name, marks=pytest.mark.slow if name == "many parts" else [])
        for name, case in NOT_PLAIN_DATA.items()
    ],
)
def test_what_is_not_plain_data_is_refused_where_it_stands(text: str, place: str, fragment: str) -> None:
    lines = lines_of(text)
    assert any(line.startswith(f"x.yaml:{place}") and fragment in line for line in lines), lines


def test_a_syntax_error_is_one_error() -> None:
    assert len(lines_of("a: [1, 2\nb: }\nc: ]]\n")) == 1


def test_several_faults_of_form_come_at_once_in_order() -> None:
    lines = lines_of("b: !!int 1\na: 1\na: .nan\nc: &x 2\n")
    places = [tuple(map(int, line.split(":")[1:3])) for line in lines]
    assert places == sorted(places)
    assert {(1, 4), (3, 1), (3, 4), (4, 4)} < set(places)


# --- scenarios ------------------------------------------------------------------------------------


def test_a_scenario_is_read_whole() -> None:
    scenario, source = read_text(GOOD, "x.yaml")
    assert (scenario.schema_, scenario.name, scenario.version) == (1, "gaussian", 1)
    assert scenario.question == "Which estimator wins?"
    assert scenario.problem.name == "expectation"
    assert scenario.problem.options == {"distribution": {"normal": {"loc": 2.0, "scale": 1}}, "cost": "z**2"}
    first, second, third = scenario.estimators
    assert (first.name, first.options, first.label) == ("reinforce", {}, None)
    assert (second.name, second.options, second.label) == ("reinforce", {"baseline": "leave_one_out"}, "rloo")
    assert (third.name, third.options, third.label) == ("reparameterization", {}, None)
    assert scenario.sweep.sample_sizes == [10, 100]
    assert scenario.sweep.devices == ["cpu", "cuda:0"]
    assert scenario.sweep.dtypes == ["float32", "float64"]
    assert (scenario.replicates, scenario.seed) == (50, 7)
    assert scenario.reference.estimator == EstimatorSpec(name="pathwise")
    assert (scenario.reference.sample_size, scenario.reference.replicates) == (1000, None)
    assert source.text == GOOD


def test_what_need_not_be_said_has_defaults() -> None:
    text = "{schema: 1, name: a, version: 1, problem: {name: b}, estimators: [c], sweep: {sample_sizes: [1]}}"
    scenario, _ = read_text(text, "x.yaml")
    assert (scenario.question, scenario.replicates, scenario.seed) == (None, 1000, 0)
    assert scenario.headline == "variance"
    assert (scenario.sweep.devices, scenario.sweep.dtypes) == (["cpu"], ["float32"])
    assert scenario.reference.model_dump() == {"estimator": None, "sample_size": None, "replicates": None}


def test_every_metric_can_be_the_headline() -> None:
    assert tuple(METRICS) == HEADLINES


def test_a_scenario_cannot_be_changed() -> None:
    scenario, _ = read_text(GOOD, "x.yaml")
    with pytest.raises(ValidationError):
        scenario.seed = 3  # type: ignore[misc]


WRONG = {
    "not a mapping": ("- a\n", "1:1", "wanted a mapping with the keys schema, name"),
    "a word": ("abc", "1:1", "wanted a mapping"),
    "unknown key": (instead("estimators:", "estimtors:"), "9:1", "'estimtors'; did you mean 'estimators'?"),
    "missing key": (instead("version: 1\n", ""), "1:1", "missing key 'version'"),
    "missing key, inside": (
        instead("  sample_sizes: [10, 100]\n", ""),
        "14:3",
        "missing key 'sample_sizes' in sweep",
    ),
    "unknown key, inside": (
        instead("devices", "device"),
        "15:3",
        "'device' in sweep; did you mean 'devices'?",
    ),
    "field name for alias": (instead("schema", "schema_"), "1:1", "unknown key 'schema_'"),
    "schema 2": (instead("schema: 1", "schema: 2"), "1:9", "schema: wanted 1"),
    "schema true": (instead("schema: 1", "schema: true"), "1:9", "schema: wanted 1, the version"),
    "schema 1.0": (instead("schema: 1", "schema: 1.0"), "1:9", "got 1.0"),
    "name with capitals": (instead("gaussian", "Gaussian"), "2:7", "small letters"),
    "name that climbs": (instead("gaussian", "a..b"), "2:7", "no '..'"),
    "name with a path": (instead("gaussian", "../etc"), "2:7", "got '../etc'"),
    "name with a line end": (instead("gaussian", '"a\\n"'), "2:7", r"got 'a\n'"),
    "name of a device": (instead("gaussian", "con.x"), "2:7", "Windows"),
    "long name": (instead("gaussian", "a" * 65), "2:7", "up to 64"),
    "name that is a number": (instead("gaussian", "10"), "2:7", "got 10"),
    "version 0": (instead("version: 1", "version: 0"), "3:10", "a whole number of at least 1, got 0"),
    "long question": (instead("Which estimator wins?", "a" * 201), "4:11", "at most 200 characters"),
    "question of two lines": (instead("Which estimator wins?", '"a\\nb"'), "4:11", "one line"),
    "unknown headline": (
        instead("problem:\n", "headline: varianse\nproblem:\n"),
        "5:11",
        "headline: wanted the name of a metric, got 'varianse'; did you mean 'variance'?",
    ),
    "headline that is a number": (
        instead("problem:\n", "headline: 3\nproblem:\n"),
        "5:11",
        "got 3; known: bias",
    ),
    "problem as a word": (
        instead("problem:\n  name: expectation", "problem: b\nx:"),
        "5:10",
        "such as {name: expectation",
    ),
    "problem without a name": (instead("  name: expectation\n", ""), "6:3", "missing key 'name' in problem"),
    "problem named no": (
        instead("name: expectation", "name: 3"),
        "6:9",
        "problem.name: wanted the name of a",
    ),
    "no estimators": ("estimators: []", "1:13", "wanted a list of 1 to 1000 estimators, got []"),
    "estimators as a word": ("estimators: reinforce", "1:13", "1000 estimators, got 'reinforce'"),
    "too many estimators": (f"estimators: [{'a, ' * 1001}]", "1:13", "wanted a list of 1 to 1000 estimators"),
    "estimator as a number": (
        instead("- reinforce\n", "- 3\n"),
        "10:5",
        "estimators.0: wanted an estimator by name",
    ),
    "estimator by key name": (
        instead("- reinforce\n", "- name: reinforce\n"),
        "10:5",
        "wanted an estimator by name",
    ),
    "only a label": (instead("- reinforce\n", "- {label: a}\n"), "10:5", "wanted an estimator by name"),
    "empty name": (instead("- reinforce\n", "- ''\n"), "10:5", "wanted an estimator by name"),
    "option beside": (
        instead("- reinforce\n", "- reinforce:\n    baseline: a\n"),
        "11:5",
        "indent it to make it an option",
    ),
    "label misspelled": (instead("label: rloo", "lable: rloo"), "11:44", "did you mean 'label'?"),
    "two estimators": (
        instead("- reinforce\n", "- {reinforce: , pathwise: }\n"),
        "10:19",
        "begin another for 'pathwise'",
    ),
    "options as a number": (
        instead("{baseline: leave_one_out}", "3"),
        "11:17",
        "options as {option: value}, got 3",
    ),
    "empty label": (instead("rloo", "''"), "11:51", "one line of 1 to 10000 characters, got ''"),
    "label of two lines": (instead("rloo", '"a\\nb"'), "11:51", "one line of printable characters"),
    "long label": (instead("rloo", "a" * 10_001), "11:51", "label: wanted one line"),
    "sweep as a list": (
        instead("reference: {", "sweep: []\nxs: {").replace("sweep:\n", "q:\n"),
        "19:8",
        "sweep: wanted a mapping",
    ),
    "no sample sizes": (instead("[10, 100]", "[]"), "14:17", "1 to 1000 sample sizes, got []"),
    "null sample sizes": (instead("[10, 100]", "~"), "14:17", "1 to 1000 sample sizes, got None"),
    "sample size 0": (instead("[10, 100]", "[10, 0]"), "14:22", "sweep.sample_sizes.1: wanted"),
    "sample size too large": (instead("[10, 100]", "[1000000001]"), "14:18", "from 1 to 1000000000"),
    "sample size 1e3": (instead("[10, 100]", "[1e3]"), "14:18", "got 1000.0; write 1000"),
    "sample size in quotes": (instead("[10, 100]", "['10']"), "14:18", "got '10'; leave out the quotes"),
    "sample size true": (instead("[10, 100]", "[true]"), "14:18", "got True"),
    "sample size no": (instead("[10, 100]", "[no]"), "14:18", "got 'no'"),
    "sample size twice": (instead("[10, 100]", "[10, 1, 10]"), "14:25", "sample_sizes.2: 10 is given twice"),
    "unknown device": (instead("cpu,", "gpu,"), "15:13", "devices.0: wanted cpu, mps, cuda, or"),
    "device twice": (instead("'cuda:0'", "cpu"), "15:18", "'cpu' is given twice"),
    "half precision": (
        instead("[float32,", "[float16,"),
        "16:12",
        "dtypes.0: wanted float32 or float64, got 'float16'",
    ),
    "replicates as a word": (
        instead("50", "many"),
        "17:13",
        "replicates: wanted a whole number of at least 2, got 'many'",
    ),
    "one replicate": (instead("50", "1"), "17:13", "a whole number of at least 2, got 1"),
    "replicates true": (instead("50", "true"), "17:13", "a whole number of at least 2, got True"),
    "too many replicates": (instead("50", "0x7fffffff"), "17:13", "replicates: wanted"),
    "negative seed": (instead("seed: 7", "seed: -1"), "18:7", "from 0 to 2**64 - 1, got -1"),
    "seed too large": (instead("seed: 7", f"seed: {2**64}"), "18:7", "seed: wanted"),
    "null reference": (instead("reference: {", "reference:\nxs: {"), "19:11", "reference: wanted a mapping"),
    "reference label": (
        instead("pathwise", "{pathwise: , label: 3}"),
        "19:44",
        "reference.estimator.label: wanted one line",
    ),
    "reference size": (instead("1000}", "many}"), "19:47", "reference.sample_size: wanted a whole number"),
    "long value": (instead("50", "a" * 300), "17:13", "aaa…"),
}


@pytest.mark.parametrize(("text", "place", "fragment"), WRONG.values(), ids=WRONG)
def test_what_is_no_scenario_is_refused_where_it_stands(text: str, place: str, fragment: str) -> None:
    lines = lines_of(text)
    assert any(line.startswith(f"x.yaml:{place}: ") and fragment in line for line in lines), lines
    assert not re.search(r"pydantic|https?:|Spec\b|Input should|Value error|something else", "\n".join(lines))


def test_everything_that_is_wrong_comes_at_once_in_order() -> None:
    text = "seed: -1\nnmae: a\nversion: x\nsweep:\n  sample_sizes: [0, 1, x]\n  samples: 3\n"
    assert [line.removeprefix("x.yaml:").split(", ")[0] for line in lines_of(text)] == [
        "1:1: missing key 'estimators'",
        "1:1: missing key 'name'",
        "1:1: missing key 'problem'",
        "1:1: missing key 'schema'",
        "1:7: seed: wanted a whole number from 0 to 2**64 - 1",
        "2:1: unknown key 'nmae'; did you mean 'name'?",
        "3:10: version: wanted a whole number of at least 1",
        "5:18: sweep.sample_sizes.0: wanted a whole number from 1 to 1000000000",
        "5:24: sweep.sample_sizes.2: wanted a whole number from 1 to 1000000000",
        "6:3: unknown key 'samples' in sweep; did you mean 'sample_sizes'?",
    ]


def test_an_error_prints_its_lines_up_to_a_hundred() -> None:
    assert str(ScenarioError(["a: b", "c: d"])) == "a: b\nc: d"
    assert str(ScenarioError(["a"] * 105)).endswith("a\n... and 5 more")
    assert str(Invalid(*[Fault("a")] * 105)) == str(ScenarioError(["a"] * 105))


def test_what_is_wrong_with_a_scenario_is_one_kind_of_what_users_say_wrong() -> None:
    error = ScenarioError(["a: b", "c: d"])
    assert isinstance(error, Invalid)
    assert error.lines == ["a: b", "c: d"]
    assert pickle.loads(pickle.dumps(error)).lines == error.lines
    faults = (Fault("a", ("b",)), Fault("c"))
    assert pickle.loads(pickle.dumps(Invalid(*faults))).faults == faults


def test_nothing_unprintable_is_quoted() -> None:
    [line] = lines_of(instead("seed: 7", '"a\\nb\\t\u202e": 7'))
    assert line == r"x.yaml:18:1: unknown key 'a\nb\t\u202e'; " + line.partition("; ")[2]
    assert line.isprintable()
    with pytest.raises(ScenarioError) as caught:
        read("no\nfile\x1b.yaml")
    assert caught.value.lines == [r"no\nfile\x1b.yaml: no such file"]


# --- overrides ------------------------------------------------------------------------------------


def test_overrides_take_the_place_of_what_the_file_says() -> None:
    scenario, _ = read_text(
        GOOD,
        "x.yaml",
        [
            "problem.cost=z**3",
            "problem.distribution.normal.loc=1e-3",
            "sweep.sample_sizes=[1,2]",
            "estimators.0.reinforce.baseline=leave_one_out",
            "estimators.1.label=other",
            "estimators.2.reparameterization.option={a: no}",
            "reference.replicates=30",
            "question=",
            "seed=1",
            "seed=2",
        ],
    )
    assert scenario.problem.options == {"distribution": {"normal": {"loc": 1e-3, "scale": 1}}, "cost": "z**3"}
    assert scenario.sweep.sample_sizes == [1, 2]
    assert scenario.estimators[0] == EstimatorSpec(name="reinforce", options={"baseline": "leave_one_out"})
    assert scenario.estimators[1].label == "other"
    assert scenario.estimators[2].options == {"option": {"a": "no"}}
    assert (scenario.reference.sample_size, scenario.reference.replicates) == (1000, 30)
    assert (scenario.question, scenario.seed) == (None, 2)


def test_overrides_can_make_what_the_file_lacks() -> None:
    overrides = [
        "schema=1",
        "name=a",
        "version=1",
        "problem.name=b",
        "estimators=[c]",
        "sweep.sample_sizes=[1]",
    ]
    scenario, _ = read_text("seed: 1", "x.yaml", overrides)
    assert (scenario.name, scenario.problem.name, scenario.estimators[0].name) == ("a", "b", "c")


WRONG_OVERRIDES = {
    "no value": ("seed", "--set seed: wanted dotted.key=value"),
    "no key": ("=3", "--set =3: wanted dotted.key=value"),
    "empty key": ("problem..cost=3", "--set problem..cost=3: wanted dotted.key=value"),
    "not YAML": ("seed=[1", "--set seed=[1: not YAML: expected ',' or ']'"),
    "alias": ("problem.cost=*a", "--set problem.cost=*a: aliases are not allowed"),
    "infinite": ("problem.x=.inf", "--set problem.x=.inf: numbers must be finite"),
    "unknown key": ("problme.cost=3", "--set problme.cost=3: unknown key 'problme'; did you mean 'problem'?"),
    "unknown key, inside": (
        "sweep.device=[cpu]",
        "--set sweep.device=[cpu]: unknown key 'device' in sweep; did you",
    ),
    "wrong value": (
        "replicates=many",
        "--set replicates=many: replicates: wanted a whole number of at least 2",
    ),
    "wrong item": (
        "sweep.sample_sizes=[1, x]",
        "--set sweep.sample_sizes=[1, x]: sweep.sample_sizes.1: wanted",
    ),
    "no such item": (
        "estimators.9=a",
        "--set estimators.9=a: estimators is a list: wanted a position, 0 to 2, got '9'",
    ),
    "word for an item": ("estimators.x=a", "--set estimators.x=a: estimators is a list: wanted a position"),
    "below a number": ("seed.x=3", "--set seed.x=3: seed is 7 and has no 'x'"),
    "below another word": (
        "estimators.0.pathwise.x=3",
        "--set estimators.0.pathwise.x=3: estimators.0 is 'reinforce' and has no 'pathwise'; only",
    ),
    "two names": (
        "estimators.1.pathwise=",
        "--set estimators.1.pathwise=: estimators.1: each entry has one name",
    ),
    "below what is missing": (
        "reference.replicates.x=3",
        "--set reference.replicates.x=3: reference.replicates: wanted",
    ),
    "too deep": ("a" + ".a" * 40 + "=1", "nested too deeply"),
    "control characters": ("se\ned=1", r"--set se\ned=1: wanted dotted.key=value"),
    "long": ("seed=" + "a" * 999, "--set seed=" + "a" * 74 + "…: seed: wanted"),
}


@pytest.mark.parametrize(("override", "message"), WRONG_OVERRIDES.values(), ids=WRONG_OVERRIDES)
def test_a_wrong_override_is_named(override: str, message: str) -> None:
    [line] = lines_of(GOOD, override)
    assert message in line
    assert line.startswith("--set ")


def test_faults_of_overrides_come_after_those_of_the_file() -> None:
    lines = lines_of(instead("seed: 7", "seed: -1"), "x", "version=0", "estimators.9=a")
    assert [line.split(": ")[0] for line in lines] == [
        "x.yaml:18:7",
        "--set version=0",
        "--set x",
        "--set estimators.9=a",
    ]
    assert [line.split(": ")[0] for line in lines_of("[", "x")] == ["x.yaml:1:2", "--set x"]


# --- sources --------------------------------------------------------------------------------------


def test_a_source_places_faults_that_are_found_later() -> None:
    _, source = read_text(GOOD, "x.yaml", ["problem.cost=z**3", "estimators.0.reinforce.baseline=b"])
    faults = [
        Fault("needs something", ("problem",)),
        Fault("bad cost", ("problem", "cost")),
        Fault("bad scale", ("problem", "distribution", "normal", "scale")),
        KeyFault("unknown option", ("problem", "distribution", "normal", "scale")),
        Fault("unknown baseline", ("estimators", 0, "reinforce", "baseline")),
        Fault("bad baseline", ("estimators", 1, "reinforce", "baseline")),
        Fault("bad baseline", ("estimators", 1, "reinforce", "baseline")),
        Fault("bad option", ("estimators", 2, "reparameterization", "nothing")),
    ]
    assert source.lines(faults) == [
        "x.yaml:6:3: needs something",
        "x.yaml:7:37: unknown option",
        "x.yaml:7:44: bad scale",
        "x.yaml:11:28: bad baseline",
        "x.yaml:12:24: bad option",
        "--set problem.cost=z**3: bad cost",
        "--set estimators.0.reinforce.baseline=b: unknown baseline",
    ]


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gaussian.yaml"
    path.write_text(GOOD)
    assert read(path)[0] == read(str(path), [])[0] == read_text(GOOD, "x.yaml")[0]


def test_a_missing_file_brings_suggestions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scenarios").mkdir()
    Path("scenarios/gaussian.yaml").write_text(GOOD)
    for wrong in ("gaussian", "scenarios/gausian.yaml", "gauss.yaml", "elsewhere/gaussian.yml"):
        with pytest.raises(ScenarioError) as caught:
            read(wrong)
        assert str(caught.value) == f"{wrong}: no such file (did you mean scenarios/gaussian.yaml?)"
    with pytest.raises(ScenarioError, match=r"^zzz: no such file$"):
        read("zzz")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    Path("huge.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
    cases = {
        "folder": "folder: a folder, not a file",
        "latin.yaml": "latin.yaml:2:7: the file is not text in UTF-8",
        "huge.yaml": f"huge.yaml:1:1: the file is too large: the limit is {SIZE_LIMIT} bytes",
        "latin.yaml/a": "latin.yaml/a: cannot be read: Not a directory",
        "a\0b": r"a\x00b: cannot be read: embedded null byte",
        "": ": a folder, not a file",
    }
    for path, message in cases.items():
        with pytest.raises(ScenarioError) as caught:
            read(path)
        assert caught.value.lines == [message]


def test_reading_needs_no_numerical_library() -> None:
    heavy = ["torch", "scipy", "seaborn", "numpy", "pandas", "matplotlib", "sklearn"]
    code = "import sys, bench.scenario as s; s.json_schema(); print(*(set(sys.argv) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert done.stdout.split() == []


# --- the schema for editors -----------------------------------------------------------------------


def accepts(schema: dict, value: object, root: dict) -> bool:
    """Whether a JSON Schema admits a value: the keywords that ours uses, and no others."""
    if "$ref" in schema:
        return accepts(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    types = {"object": dict, "array": list, "string": str, "null": type(None), "integer": int}
    wanted_types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if wanted_types and not any(type(value) is types[name] for name in wanted_types):
        return False
    checks = {
        "const": lambda k: value == k,
        "enum": lambda k: value in k,
        "pattern": lambda k: re.search(k, value),
        "minLength": lambda k: len(value) >= k,
        "maxLength": lambda k: len(value) <= k,
        "minItems": lambda k: len(value) >= k,
        "maxItems": lambda k: len(value) <= k,
        "uniqueItems": lambda k: not k or len(set(value)) == len(value),
        "minimum": lambda k: value >= k,
        "maximum": lambda k: value <= k,
        "exclusiveMaximum": lambda k: value < k,
        "items": lambda k: all(accepts(k, item, root) for item in value),
        "required": lambda k: set(k) <= set(value),
        "properties": lambda k: all(accepts(k[key], value[key], root) for key in value if key in k),
        "additionalProperties": lambda k: k or set(value) <= set(schema["properties"]),
        "anyOf": lambda k: any(accepts(part, value, root) for part in k),
        "oneOf": lambda k: sum(accepts(part, value, root) for part in k) == 1,
    }
    notes = {"$schema", "$defs", "title", "description", "default", "examples", "type"}
    assert set(schema) <= set(checks) | notes
    return all(checks[keyword](schema[keyword]) for keyword in schema if keyword in checks)


def test_the_schema_for_editors_accepts_good_scenarios_only() -> None:
    schema = json_schema()
    good = parse(GOOD, "x.yaml").value
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert accepts(schema, good, schema)
    assert accepts(schema, read_text(GOOD, "x.yaml")[0].plain(), schema)
    for name in [*ESTIMATORS, *OTHER_NAMES]:
        for item in (name, {name: None}, {name: {"any": "option"}}, {name: {}, "label": "a"}):
            assert accepts(schema, {**good, "estimators": [item]}, schema)
    for item in ("nothing", 3, {}, {"label": "a"}, {"reinforce": {}, "pathwise": {}}, {"reinforce": 3}):
        assert not accepts(schema, {**good, "estimators": [item]}, schema)
    for name in PROBLEMS:
        assert accepts(schema, {**good, "problem": {"name": name, "any": {"option": 1}}}, schema)
    assert not accepts(schema, {**good, "problem": {"name": "nothing"}}, schema)
    assert not accepts(schema, {**good, "schema": 2}, schema)
    assert not accepts(schema, {**good, "replicate": 2}, schema)
    assert not accepts(schema, {key: good[key] for key in good if key != "sweep"}, schema)


def properties_of(schema: dict, root: dict, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], dict]]:
    found = []
    for key, inner in schema.get("properties", {}).items():
        found.append(((*path, key), inner))
        target = root["$defs"][inner["$ref"].split("/")[-1]] if "$ref" in inner else {}
        found += properties_of(target, root, (*path, key))
    return found


def test_every_key_is_described_to_editors_and_to_readers_of_errors() -> None:
    schema = json_schema()
    keys = properties_of(schema, schema)
    assert len(keys) == 33
    assert all(inner.get("description") for _, inner in keys)
    has_its_own_words = {("reference", "estimator")}
    assert all(wanted(path) != "something else" for path, _ in keys if path not in has_its_own_words)


# --- properties -----------------------------------------------------------------------------------

YAML_PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "{",
            "}",
            ": ",
            "- ",
            "\n",
            "\n  ",
            ",",
            "? ",
            "#",
            "\t",
            "\r",
            "\ufeff",
            "'",
            '"',
            "|",
            ">-\n",
        ),
        *(
            "&a ",
            "*a",
            "!!int ",
            "!",
            "<<: ",
            "%YAML 1.2\n",
            "---\n",
            "\\UFFFFFFFF",
            "\\ud800",
            "é",
            "😀",
            "\x00",
        ),
        *("name", "schema: 1", "estimators:", "reinforce", "label", "sweep:", "sample_sizes", "problem:"),
        *("1e3", "0x", "9" * 4400),
    ]
)


@settings(max_examples=300, deadline=10_000)
@example("%YAML 1." + "9" * 5000 + "\n---\na", "a=1")
@example("estimators:\n- - - label", "name.x=")
@given(
    st.one_of(st.text(), st.lists(YAML_PIECES, max_size=30).map("".join)),
    st.one_of(st.text(), st.lists(YAML_PIECES, max_size=8).map("".join).map("problem.cost={}".format)),
)
def test_any_text_is_read_or_refused(text: str, override: str) -> None:
    try:
        read_text(text, "x.yaml", [override])
        lines = ["nothing is wrong"]
    except ScenarioError as error:
        lines = error.lines
    assert lines
    assert all(line.isprintable() for line in lines)


@settings(max_examples=100, deadline=10_000)
@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.yaml"
        path.write_bytes(content)
        with pytest.raises(ScenarioError):
            read(path)


# safe_dump writes YAML 1.1, in which 1e3 and 0o7 are text without quotes: texts begin with a letter.
LINES = st.from_regex(r"[a-z][ -~à-üа-я😀-😏]{0,40}", fullmatch=True)
WORDS = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True).filter(lambda word: word not in ("label", "name"))
NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, LINES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
OPTIONS = st.dictionaries(WORDS, VALUES, max_size=3)
COUNTS = st.integers(2, 10**9)


@st.composite
def estimators(draw: st.DrawFn) -> object:
    name = draw(WORDS)
    if draw(st.booleans()):
        return name
    label = {"label": draw(LINES)} if draw(st.booleans()) else {}
    return {name: draw(st.one_of(st.none(), OPTIONS)), **label}


SCENARIOS = st.fixed_dictionaries(
    {
        "schema": st.just(1),
        "name": st.from_regex(r"scenario[a-z0-9_-]{0,50}(\.[a-z0-9])?", fullmatch=True),
        "version": st.integers(1),
        "problem": st.builds(lambda name, options: {"name": name, **options}, WORDS, OPTIONS),
        "estimators": st.lists(estimators(), min_size=1, max_size=4),
        "sweep": st.fixed_dictionaries(
            {"sample_sizes": st.lists(st.integers(1, 10**9), min_size=1, max_size=5, unique=True)},
            optional={
                "devices": st.lists(st.sampled_from(["cpu", "cuda", "cuda:7"]), min_size=1, unique=True),
                "dtypes": st.lists(st.sampled_from(["float32", "float64"]), min_size=1, unique=True),
            },
        ),
    },
    optional={
        "question": st.one_of(st.none(), LINES),
        "headline": st.sampled_from(HEADLINES),
        "replicates": COUNTS,
        "seed": st.integers(0, 2**64 - 1),
        "reference": st.fixed_dictionaries(
            {}, optional={"estimator": estimators(), "sample_size": COUNTS, "replicates": COUNTS}
        ),
    },
)


@pytest.mark.slow
@settings(max_examples=100, deadline=10_000, suppress_health_check=[HealthCheck.too_slow])
@given(SCENARIOS)
def test_a_scenario_that_is_written_reads_back_equal(data: dict) -> None:
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    assert parse(text, "x.yaml").value == data
    scenario, _ = read_text(text, "x.yaml")
    assert scenario == Scenario.model_validate(data)
    again, _ = read_text(yaml.safe_dump(scenario.plain()), "x.yaml")
    assert again == scenario
    assert Scenario.model_validate(json.loads(json.dumps(scenario.plain()))) == scenario
