"""Imports: whom a module may import, and what need not be imported to print help."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("bench", "estimators")


@dataclass(frozen=True)
class Import:
    """One import of a module.

    Attributes:
        module: what is imported, in full.
        runs: whether importing the importing module runs it: not so within a function, nor
            where it serves type checkers alone.
    """

    module: str
    runs: bool


def imports_in(source: str, known: Iterable[str]) -> set[Import]:
    """The imports of a source; `from package import module` counts as an import of that module."""
    known = set(known)
    return {
        Import(f"{name}.{word}" if f"{name}.{word}" in known else name, runs)
        for node, runs in _statements(ast.parse(source), True)
        for name, words in _named(node)
        for word in words or [""]
    }


def _statements(node: ast.AST, runs: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_checkers = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        inside = runs and not later and not for_checkers
        yield child, inside
        yield from _statements(child, inside)


def _named(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, []) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        assert node.module is not None
        yield node.module, [alias.name for alias in node.names]


def sources() -> dict[str, str]:
    """The text of each module of ours, by its full name."""
    found = {}
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return found


SOURCES = sources()


@functools.cache
def imports() -> dict[str, set[Import]]:
    """The imports of each module of ours, by its full name."""
    return {name: imports_in(text, SOURCES) for name, text in SOURCES.items()}


def within(module: str, places: Iterable[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def strangers(importers: str, allowed: Iterable[str], run_only: bool = False) -> list[str]:
    """What modules within `importers` import of ours that is neither theirs nor allowed."""
    return [
        f"{name} imports {each.module}"
        for name, found in imports().items()
        if within(name, [importers])
        for each in sorted(found, key=lambda one: one.module)
        if within(each.module, OURS)
        and not within(each.module, [importers, *allowed])
        and (each.runs or not run_only)
    ]


def importers_of(module: str) -> set[str]:
    return {name for name, found in imports().items() if any(within(each.module, [module]) for each in found)}


# --- the arrows -----------------------------------------------------------------------------------

CONTRACTS = [
    "bench.problem",
    "bench.policy",
    "bench.estimator",
    "bench.noise",
    "bench.options",
    "bench.parameter_blocks",
    "bench.arguments",
    "bench.errors",
]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_contracts_import_nothing_of_ours_but_each_other(contract: str) -> None:
    assert strangers(contract, CONTRACTS, run_only=True) == []


SHARED_BY_ESTIMATORS = [
    "estimators.baseline_contract",
    "estimators.baseline_network",
    "estimators.baselines",
    "estimators.coupled_moments",
    "estimators.decompositions",
    "estimators.directions",
    "estimators.divergences",
    "estimators.gibbs_moves",
    "estimators.group_baselines",
    "estimators.group_claims",
    "estimators.group_composition",
    "estimators.group_parts",
    "estimators.perturbed",
    "estimators.ratio_rules",
    "estimators.relaxed_slopes",
    "estimators.samplers",
    "estimators.step_credits",
    "estimators.surrogates",
    "estimators.set_outcomes",
    "estimators.trained_controls",
    "estimators.weighted_paths",
    "estimators.without_replacement",
]


@pytest.mark.parametrize("name", [name for name in SOURCES if name.startswith("estimators.")])
def test_an_estimator_imports_the_contracts_and_no_other_family(name: str) -> None:
    mathematics = ["bench.exact", "bench.distributions", "bench.centering", "bench.noise", "bench.policies"]
    assert strangers(name, [*CONTRACTS, *mathematics, *SHARED_BY_ESTIMATORS]) == []


def test_the_tables_of_names_import_nothing() -> None:
    assert {each.module for each in imports()["estimators"]} <= {
        "__future__",
        "collections.abc",
        "json",
        "typing",
    }
    assert {each.module for each in imports()["bench.problems"]} <= {"__future__"}


def test_statistics_are_functions_of_arrays() -> None:
    allowed = {*sys.stdlib_module_names, "numba", "numpy", "scipy", "torch", "bench"}
    assert strangers("bench.statistics", []) == []
    for name, found in imports().items():
        if within(name, ["bench.statistics"]):
            assert {each.module.partition(".")[0] for each in found} <= allowed
            assert not any(within(each.module, ["torch.nn"]) for each in found)


OF_THE_ENGINE = [
    *CONTRACTS,
    *("bench.exact", "bench.exact_items"),  # sums over the values of x
    "bench.distributions.choices",
    "bench.statistics",
]


def test_the_engine_imports_contracts_and_statistics_only() -> None:
    assert strangers("bench.engine", OF_THE_ENGINE) == []


# A package of a verb has the tables of its own findings, of columns and texts that all share.
TABLES = ["bench.tables.table", "bench.text.labels", "bench.text.numbers", "bench.text.words"]


def test_the_gate_judges_and_draws_nothing() -> None:
    allowed = [*CONTRACTS, *TABLES, "bench.engine", "bench.statistics", "bench.scenario"]
    allowed.append("bench.results.files")
    assert strangers("bench.regression", allowed) == []


def test_causes_are_found_below_audits_and_certificates() -> None:
    allowed = [*CONTRACTS, "bench.engine", "bench.statistics", "bench.text.numbers", "bench.text.words"]
    assert strangers("bench.diagnosing", allowed) == []


def test_updates_of_policies_are_mathematics_and_their_certificates_judge() -> None:
    mathematics = [*CONTRACTS, "bench.distributions", "bench.exact", "bench.statistics"]
    certificates = "bench.policies.certificates"
    found = strangers("bench.policies", mathematics)
    assert [line for line in found if not line.startswith(certificates)] == []
    # They ask the catalogue for problems and for updates that go by a name.
    allowed = [*mathematics, "bench.catalogue", "bench.engine", "bench.policies", *TABLES]
    assert strangers(certificates, allowed) == []
    assert {name for name in importers_of(certificates) if not within(name, [certificates])} == {"bench"}


OF_CHOICES = ["bench.distributions.choices", "bench.distributions.states"]


def test_certification_judges_and_draws_nothing() -> None:
    allowed = [*CONTRACTS, *TABLES, "bench.catalogue", "bench.diagnosing", "bench.engine"]
    allowed += [*OF_CHOICES, "bench.statistics", "bench.scenario"]
    assert strangers("bench.certification", allowed) == []


MATHEMATICS = [
    f"bench.{name}" for name in ("balls", "distributions", "enclosures", "formula", "networks", "quadrature")
]


def test_a_problem_imports_no_machinery() -> None:
    allowed = [*CONTRACTS, *MATHEMATICS]
    assert strangers("bench.problems", allowed, run_only=True) == []
    # Training asks the catalogue for an estimator, once it is needed.
    assert strangers("bench.problems", [*allowed, "bench.catalogue"]) == []


@pytest.mark.parametrize("name", MATHEMATICS)
def test_the_mathematics_below_problems_knows_no_machinery(name: str) -> None:
    assert strangers(name, [*CONTRACTS, "bench.balls"]) == []


# Within the package of scenarios these turn names into what they name; the others only read.
RESOLVING = [f"bench.scenario.{name}" for name in ("prepared", "resolve", "resolved", "thresholds")]


def test_reading_a_scenario_needs_the_tables_of_names_only() -> None:
    found = strangers("bench.scenario", ["bench.arguments", "bench.errors", "bench.problems", "estimators"])
    assert [line for line in found if not within(line.partition(" ")[0], RESOLVING)] == []
    used = {each.module for name in SOURCES if within(name, ["bench.scenario"]) for each in imports()[name]}
    assert not [module for module in used if module.startswith(("bench.problems.", "estimators."))]


@pytest.mark.parametrize("name", RESOLVING)
def test_resolving_a_scenario_is_above_the_engine_and_above_reading(name: str) -> None:
    allowed = [
        *CONTRACTS,
        "bench.catalogue",
        "bench.engine",
        "bench.statistics",
        "bench.scenario",
        "estimators",
    ]
    assert strangers(name, allowed) == []
    assert not {one for one in importers_of(name) if within(one, ["bench.scenario"])} - set(RESOLVING)


def test_the_machine_names_no_plugin() -> None:
    plugins = [name for name in SOURCES if name.startswith(("bench.problems.", "estimators."))]
    for plugin in plugins:
        importers = importers_of(plugin)
        if plugin == "bench.problems.module_problem":  # a base class for others, which the package exports
            importers.discard("bench")
        assert not [name for name in importers if not within(name, ["bench.problems", "estimators"])]


def test_nothing_but_the_program_imports_the_command_line() -> None:
    assert importers_of("bench.cli") == {"bench.__main__"}
    assert {name for name in importers_of("bench.commands") if not within(name, ["bench.commands"])} == {
        "bench.cli"
    }


RESULTS = [*CONTRACTS, "bench.engine", "bench.statistics", "estimators"]


def test_results_are_kept_and_not_judged_by_what_shows_them() -> None:
    assert strangers("bench.results", RESULTS, run_only=True) == []
    # A run gives its figures, ratios and page when it is asked for them.
    asked = ["bench.figures", "bench.api", "bench.page.report", "bench.page.notebook"]
    assert strangers("bench.results", [*RESULTS, *asked]) == []


def test_analysis_estimates_and_shows_nothing() -> None:
    # Labels are made harmless once, where runs get their names.
    allowed = [
        "bench.arguments",
        "bench.errors",
        "bench.results",
        "bench.statistics",
        "bench.text.labels",
        "estimators",
    ]
    assert strangers("bench.analysis", allowed) == []
    assert strangers("bench.text.labels", []) == []


@pytest.mark.parametrize(
    "room", ["bench.text", "bench.tables", "bench.figures", "bench.plotting", "bench.page"]
)
def test_reports_read_no_files(room: str) -> None:
    allowed = [room, "bench.results.run", "bench.results.files", "bench.results.pictures"]
    assert not [line for line in strangers(room, allowed) if "bench.results" in line]


def test_figures_know_no_page_and_no_folder() -> None:
    allowed = [
        "bench.analysis",
        "bench.arguments",
        "bench.errors",
        "bench.results.run",
        "bench.results.files",
        "bench.statistics",
        "bench.text",
    ]
    assert strangers("bench.figures", allowed) == []
    assert strangers("bench.plotting", [*allowed, "bench.figures"]) == []


def test_a_forbidden_import_is_seen() -> None:
    # The control: each way of writing an import, and whether it runs.
    source = """
from __future__ import annotations
import torch.nn
from typing import TYPE_CHECKING
from bench import catalogue, errors
from bench.errors import invalid
if TYPE_CHECKING:
    from bench.api import Prepared
class A:
    import estimators.reinforce as r
    def f(self):
        import bench.results.files
try:
    import scipy
except ImportError:
    pass
"""
    known = [
        "bench",
        "bench.catalogue",
        "bench.errors",
        "bench.api",
        "bench.results.files",
    ]
    assert imports_in(source, known) == {
        Import("__future__", True),
        Import("torch.nn", True),
        Import("typing", True),
        Import("bench.catalogue", True),
        Import("bench.errors", True),
        Import("bench.api", False),
        Import("estimators.reinforce", True),
        Import("bench.results.files", False),
        Import("scipy", True),
    }


def test_a_stranger_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(imports(), "bench.engine.plan", {Import("bench.problems.vae", False)})
    assert strangers("bench.engine", OF_THE_ENGINE) == ["bench.engine.plan imports bench.problems.vae"]


# --- what is heavy --------------------------------------------------------------------------------

HEAVY = [
    "altair",
    "vl_convert",
    "torch",
    "scipy",
    "seaborn",
    "pandas",
    "matplotlib",
    "sklearn",
    "pyarrow",
    "numpy",
]


def reached(module: str) -> set[str]:
    """All that importing a module of ours runs, packages above it included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        above = name.rpartition(".")[0]
        waiting += [above] if above else []
        waiting += [each.module for each in imports().get(name, ()) if each.runs]
    return seen


QUICK = [
    "bench",
    "bench.cli",
    "bench.scenario",
    "bench.scenario.resolved",
    "bench.catalogue",
    "bench.pytest_plugin",
]


@pytest.mark.parametrize("name", QUICK)
def test_nothing_heavy_is_reached_from_what_must_be_quick(name: str) -> None:
    assert not reached(name) & set(HEAVY)


def test_what_is_heavy_is_reached_from_the_engine() -> None:
    assert {"torch", "bench.statistics"} <= reached("bench.engine.result")
    assert "numpy" in reached("bench.statistics.metrics")


LOADED = """
import json, sys
heavy = sys.argv[1:]
steps = {}

def note(step):
    steps[step] = sorted(set(heavy) & set(sys.modules))

import bench
note("bench")
import bench.scenario
note("bench.scenario")
import bench.cli
note("bench.cli")
from click.testing import CliRunner

def call(*words):
    done = CliRunner().invoke(bench.cli.main, words)
    assert done.exit_code == 0 and done.output, (words, done.output, done.exception)
    note(" ".join(words))

call("--help")
for verb in sorted(bench.cli.main.commands):
    call(verb, "--help")
call("schema")
for kind in ("estimators", "baselines", "problems", "metrics", "figures", "columns", "scenarios"):
    call("list", kind)
for name in ("reinforce", "metric:variance", "column:variance", "variance_low", "vae", "gaussian"):
    call("show", name)
call("list", "problems", "--json")
import torch
note("torch")
print(json.dumps(steps))
"""


def test_help_schema_and_lists_load_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *HEAVY], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)
    # The control: a heavy module that is loaded is seen.
    assert "torch" in steps.pop("torch")
    assert len(steps) > 8
    assert {step: loaded for step, loaded in steps.items() if loaded} == {}


# A second or so each, and of no use before something is measured.
OF_NO_USE_TO_A_PLAN = [
    "altair",
    "matplotlib",
    "numba",
    "pandas",
    "pyarrow",
    "scipy",
    "seaborn",
    "sympy",
    "torch._dynamo",
]

PLANNED = """
import json, sys
from click.testing import CliRunner
import bench.cli

done = CliRunner().invoke(bench.cli.main, ["plan", "scenarios/gaussian.yaml"])
assert done.exit_code == 0 and "cells can run" in done.output, (done.output, done.exception)
print(json.dumps(sorted({"torch", *sys.argv[1:]} & set(sys.modules))))
"""


@pytest.mark.slow
def test_a_plan_loads_torch_and_nothing_else_that_is_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLANNED, *OF_NO_USE_TO_A_PLAN],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["torch"]
