"""The command line as its users meet it: what is printed where, what is written, how it ends."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import bench
from bench import catalogue
from bench.cli import main
from bench.commands.terminal import console
from bench.problems import autoencoder
from bench.problems.training import trained
from bench.text.answer import answer
from bench.text.numbers import interval
from tests.edited_run import forget_hashes
from tests.parameters import some

TINY = """\
schema: 1
name: tiny
version: 1
question: Does it run?
problem:
  name: expectation
  distribution: {normal: {loc: [2.0, 0.5], log_scale: 0.1}}
  parameters: [loc, log_scale]
  cost: "sum(z**2)"
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: rloo}
  - pathwise
sweep:
  sample_sizes: [4, 8]
replicates: 12
"""

LABELS = ("reinforce", "rloo", "pathwise")

PLUGIN = """\
import torch
from bench.estimator import Estimator


class Mean(Estimator):
    "Says how large the samples are."

    bias = "biased"

    def gradient(self, problem, theta, sample_size):
        x = problem.distribution(theta).sample((sample_size,))
        return x.mean(0).mean(1, keepdim=True).expand_as(theta)


class Failing(Mean):
    "Fails."

    def gradient(self, problem, theta, sample_size):
        raise RuntimeError("it failed\\nin two lines")


class Exits(Mean):
    "Ends the process, as if all were well."

    def gradient(self, problem, theta, sample_size):
        raise SystemExit(0)


class Moves(Mean):
    "Moves theta."

    def gradient(self, problem, theta, sample_size):
        problem.theta.add_(0.1)
        return super().gradient(problem, theta, sample_size)


class Undefined(Mean):
    "Is not always a number."

    def gradient(self, problem, theta, sample_size):
        estimates = super().gradient(problem, theta, sample_size)
        return torch.where(estimates > estimates.median(), estimates, torch.nan)


class Nowhere(Mean):
    "Is never a number."

    def gradient(self, problem, theta, sample_size):
        return torch.full_like(theta, torch.nan)


class Stopped(Mean):
    "Is stopped by the user when it is measured, and not only tried, at N = 8."

    def gradient(self, problem, theta, sample_size):
        if len(theta) > 2 and sample_size == 8:
            raise KeyboardInterrupt
        return super().gradient(problem, theta, sample_size)


class Unfinished(Estimator):
    "Has no gradient, and claims nothing."


ESTIMATORS = {
    "unfinished": Unfinished,
    "mean": Mean,
    "failing": Failing,
    "exits": Exits,
    "moves": Moves,
    "undefined": Undefined,
    "nowhere": Nowhere,
    "stopped": Stopped,
}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a scenario and a plug-in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalogue, "_ADDED", {"estimators": {}, "problems": {}})
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "plugin.py").write_text(PLUGIN)
    return tmp_path


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time would go into figures and a page that nobody looks at."""
    monkeypatch.setattr("bench.api.draw", lambda *_: ([], []))
    monkeypatch.setattr("bench.page.report.write_report", lambda *_: ([], []))


def called(*words: str) -> Result:
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output
    return result


def refused(*words: str) -> str:
    """What is said to a user whose words are wrong; nothing else is done."""
    before = Path("results").exists()
    result = called(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert Path("results").exists() == before
    return result.stderr


def measured(*words: str, code: int = 0) -> pd.DataFrame:
    """What a run of the tiny scenario writes."""
    result = called("run", "tiny.yaml", *words)
    assert result.exit_code == code, result.output
    return bench.load(folder_of(result)).measurements


def folder_of(result: Result) -> Path:
    found = re.search(r"^results  (.*)$", result.stdout, re.MULTILINE)
    assert found
    return Path(found[1])


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["parameter"] == "all"]


def with_estimators(*names: str) -> None:
    """The tiny scenario with these estimators alone."""
    start, _, rest = TINY.partition("estimators:\n")
    _, sweep, rest = rest.partition("sweep:\n")
    Path("tiny.yaml").write_text(start + f"estimators: [{', '.join(names)}]\n" + sweep + rest)


# --- run ------------------------------------------------------------------------------------------


def test_a_run_prints_a_table_its_answer_and_its_folder(here: Path) -> None:
    result = called("run", "tiny.yaml")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(label in lines for label in ("reinforce", "rloo", "pathwise"))
    assert any("variance" in line and "verdict" in line for line in lines)
    assert max(map(len, lines)) <= 120
    folder = folder_of(result)
    assert folder.parent == Path("results/tiny")
    below = " ".join(lines[lines.index("") + 1 :])
    assert below == " ".join([*answer(bench.load(folder)), f"results  {folder}"])
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"{name}.parquet" for name in ("measurements", "coordinates", "replicates")}
    others = {"measurements.csv", "run.json", "report.html", "figures/variance.png", "figures/bias.png"}
    assert tables | others <= written
    assert all((folder / name).stat().st_size for name in written)
    assert result.stderr.splitlines()[-2:] == ["drawing figures", "writing the page"]


@pytest.mark.slow
def test_a_sentence_or_table_that_fails_is_a_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(*_: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("bench.text.answer._best", planted)
    monkeypatch.setattr("bench.text.claims.bias_claims", planted)
    monkeypatch.setattr("bench.text.methods._truth", planted)
    result = called("run", "tiny.yaml")
    assert result.exit_code == 0
    planted_words = "could not be written: ZeroDivisionError: planted"
    assert f"the sentence on the best estimator {planted_words}\n" in result.stdout
    assert "verdict" in result.stdout
    page = (folder_of(result) / "report.html").read_text()
    assert f"the sentences on biases {planted_words}" in page
    assert f"the methods {planted_words}" in page
    assert "times less variance than" in page
    monkeypatch.setattr("bench.tables.results_table._failure", planted)
    monkeypatch.setattr("bench.tables.results_table.verdict", planted)
    monkeypatch.setattr("bench.text.cell_words.not_finite", planted)
    result = called("show", str(folder_of(result)))
    assert result.exit_code == 0
    assert f"the table {planted_words}\n" in result.stdout
    assert "rate: " in result.stdout or "note: " in result.stdout


@pytest.mark.slow
def test_what_goes_on_is_told_apart_from_the_results(here: Path, without_figures: None) -> None:
    result = called("run", "tiny.yaml")
    assert result.stderr.splitlines()[:2] == ["tiny: 6 cells, R = 12", "truth: quadrature"]
    assert "rloo, N = 8, cpu, float32: ok" in result.stderr
    assert "float32: ok" not in result.stdout


@pytest.mark.parametrize(
    ("words", "labels"),
    some(
        [
            ("pathwise, rloo", ["rloo", "pathwise"]),
            ("score_function", ["reinforce", "rloo"]),
            ("rloo", ["rloo"]),
            ("reinforce", ["reinforce"]),
            ("pathwise", ["pathwise"]),
            ("reparameterization", ["pathwise"]),
        ],
        2,
    ),
)
def test_estimators_are_chosen_by_label_or_by_name(
    here: Path, without_figures: None, words: str, labels: list[str]
) -> None:
    assert measured("-e", words)["estimator"].unique().tolist() == labels


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("rlo", "no estimator 'rlo' here; did you mean 'rloo'?\n"),
        ("", "no estimator '' here; known: pathwise, reinforce, reparameterization, rloo\n"),
        (
            "x1,rloo,reinforced",
            "no estimator 'x1' here; known: pathwise, reinforce, reparameterization, rloo\n"
            "no estimator 'reinforced' here; did you mean 'reinforce'?\n",
        ),
    ],
)
def test_an_estimator_that_is_not_there_is_named(here: Path, words: str, complaint: str) -> None:
    assert refused("run", "tiny.yaml", "--estimators", words) == complaint


def test_options_change_the_scenario(here: Path, without_figures: None) -> None:
    options = ["--sample-sizes", "3, 5", "--replicates", "7", "--devices", "cpu,cuda:99", "-e", "rloo"]
    frame = whole(measured(*options))
    cells = frame[["sample_size", "device", "replicates", "status"]].to_numpy().tolist()
    assert cells == [
        [3, "cpu", 7, "ok"],
        [5, "cpu", 7, "ok"],
        [3, "cuda:99", 0, "unavailable"],
        [5, "cuda:99", 0, "unavailable"],
    ]


@pytest.mark.slow
def test_the_seed_decides_the_numbers(here: Path, without_figures: None) -> None:
    first, again, other = measured(), measured("--seed", "0"), measured("--seed", "1")
    assert first["variance"].tolist() == again["variance"].tolist()
    assert not (first["variance"] == other["variance"]).any()


def test_any_key_can_be_set(here: Path, without_figures: None) -> None:
    # ∇ E Σ z³ = 3(μ² + σ²) in μ, and 6μσ² in log σ.
    frame = measured("--set", "problem.cost=sum(z**3)", "--set", "name=cubes", "-e", "rloo", "-n", "4")
    assert frame["scenario"].unique() == "cubes"
    variance = 2.718281828459045**0.2
    loc = [3 * (4 + variance), 3 * (0.25 + variance)]
    assert frame["truth_norm"].tolist()[1] == pytest.approx((loc[0] ** 2 + loc[1] ** 2) ** 0.5)
    assert frame["truth_norm"].tolist()[2] == pytest.approx(6 * 2.5 * variance)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("nonsense", "wanted dotted.key=value, such as problem.cost=z**3\n"),
        ("problem.cst=z", "unknown option 'cst' of problem expectation; did you mean 'cost'?\n"),
        ("problem.cost=z +", "the formula cannot be read"),
        ("sweep.sample_size=[3]", "unknown key 'sample_size' in sweep; did you mean 'sample_sizes'?\n"),
        ("replicates=many", "replicates: wanted a whole number of at least 2, got 'many'\n"),
        ("estimators.7=reinforce", "estimators is a list: wanted a position, 0 to 2, got '7'\n"),
    ],
)
def test_a_setting_that_is_wrong_is_quoted(here: Path, setting: str, complaint: str) -> None:
    assert refused("run", "tiny.yaml", "--set", setting).startswith(f"--set {setting}: {complaint}")


@pytest.mark.parametrize(
    "options", [["-n", "4,x"], ["-n", ""], ["-n", "0"], ["--devices", "gpu"], ["-n", "4,4"]]
)
def test_a_list_that_is_wrong_is_explained(here: Path, options: list[str]) -> None:
    assert refused("run", "tiny.yaml", *options).startswith("--set sweep.")


@pytest.mark.parametrize(
    ("options", "least", "hint"),
    [
        (["--replicates", "1"], 2, ""),
        (["--seed", "-1"], 0, ""),
        (["--threads", "0"], 1, ""),
        (["--replicates", "x"], 2, ""),
        (["--replicates", "1e3"], 2, "; write 1000"),
        (["--replicates", "1e-3"], 2, ""),
        (["--replicates", "nan"], 2, ""),
    ],
)
def test_a_number_that_is_wrong_is_explained(here: Path, options: list[str], least: int, hint: str) -> None:
    said = refused("run", "tiny.yaml", *options)
    assert "Invalid value for" in said
    assert options[0] in said
    assert f"wanted a whole number of at least {least}, got {options[1]!r}{hint}\n" in said


def test_an_option_that_is_misspelled_is_guessed(here: Path) -> None:
    assert "Did you mean '--sample-sizes'?" in refused("run", "tiny.yaml", "--sample-size", "3")


def test_a_list_that_there_is_not_is_guessed() -> None:
    assert "no list is called 'estimator'; did you mean 'estimators'?" in refused("list", "estimator")
    assert "no list is called 'zzz'; known: baselines, columns, costs" in refused("list", "zzz")


def test_a_verb_that_is_misspelled_is_guessed() -> None:
    assert "No such command 'runn'" in refused("runn")


def test_quick_makes_a_scenario_small(here: Path, without_figures: None) -> None:
    frame = measured("--quick", "-n", "4,1000000", "-r", "100000")
    assert set(frame["sample_size"]) == {4}
    assert frame["replicates"].max() <= 16


def test_a_grid_that_is_huge_must_be_confirmed(here: Path) -> None:
    huge = ["plan", "tiny.yaml", "-n", "1000000000", "-r", "1000000000"]
    complaint = refused(*huge)
    assert complaint == "tiny.yaml: 3 cells take 6.0e+18 numbers; if that is meant, add --yes\n"
    assert called(*huge, "--yes").exit_code == 0


@pytest.mark.slow
def test_sample_sizes_of_the_gate_that_a_change_made_moot_are_left_out(here: Path) -> None:
    text = (here / "tiny.yaml").read_text()
    sizes = re.search(r"sample_sizes: \[(.*)\]", text)
    assert sizes is not None
    first, last = sizes[1].split(", ")[0], sizes[1].split(", ")[-1]
    (here / "gated.yaml").write_text(f"{text}gate: {{sample_sizes: [{first}, {last}]}}\n")
    assert called("plan", "gated.yaml", "-n", first).exit_code == 0
    run = bench.run("gated.yaml", overrides=[f"sweep.sample_sizes=[{last}]"], quick=True)
    assert run.record["scenario"]["gate"]["sample_sizes"] == [int(last)]
    none = bench.run("gated.yaml", overrides=["sweep.sample_sizes=[5]"], quick=True)
    assert none.record["scenario"]["gate"]["sample_sizes"] is None
    # What the file itself says wrongly is still wrong.
    (here / "gated.yaml").write_text(f"{text}gate: {{sample_sizes: [77]}}\n")
    assert "77 is not in sweep.sample_sizes" in refused("plan", "gated.yaml")
    assert "77 is not in sweep" in refused(
        "plan", "gated.yaml", "-n", first, "--set", "gate.sample_sizes=[77]"
    )


def test_thresholds_of_estimators_that_a_change_left_out_are_moot(here: Path) -> None:
    text = (here / "tiny.yaml").read_text()
    (here / "gated.yaml").write_text(f"{text}gate: {{estimators: {{rloo: {{bias: {{margin: 2%}}}}}}}}\n")
    assert called("plan", "gated.yaml", "--set", "estimators=[reinforce]").exit_code == 0
    assert called("plan", "gated.yaml", "-e", "reinforce").exit_code == 0
    (here / "gated.yaml").write_text(f"{text}gate: {{estimators: {{rlo: {{bias: {{margin: 2%}}}}}}}}\n")
    assert "no estimator is called 'rlo'" in refused("plan", "gated.yaml")


def test_without_a_report_nothing_is_drawn(here: Path) -> None:
    done = called("run", "tiny.yaml", "--no-report", "--out", "out")
    (folder,) = (here / "out" / "tiny").iterdir()
    names = {path.name for path in folder.iterdir()}
    assert "measurements.parquet" in names
    assert not {"report.html", "figures"} & names
    assert "drawing" not in done.stderr


@pytest.mark.slow
def test_the_results_go_where_they_are_wanted(here: Path, without_figures: None) -> None:
    result = called("run", "tiny.yaml", "--out", "deep/er")
    assert folder_of(result).parent == Path("deep/er/tiny")
    assert not Path("results").exists()


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_a_file_in_the_way_of_the_results_is_seen_before_anything_is_measured(here: Path, out: str) -> None:
    Path("taken").write_text("mine")
    complaint = refused("run", "tiny.yaml", "--out", out)
    assert out in complaint
    assert "float32" not in complaint
    assert Path("taken").read_text() == "mine"


def test_a_file_that_has_the_name_of_the_scenario_is_in_the_way_too(here: Path) -> None:
    Path("out").mkdir()
    Path("out/tiny").write_text("mine")
    complaint = refused("run", "tiny.yaml", "--out", "out")
    assert "out: no folder can be made here for the results" in complaint


# --- plug-ins -------------------------------------------------------------------------------------


def test_an_estimator_of_a_plugin_can_be_run(here: Path, without_figures: None) -> None:
    with_estimators("mean", "reinforce")
    complaint = refused("run", "tiny.yaml")
    assert complaint.startswith("tiny.yaml:10:14: unknown estimator 'mean'; ")
    result = called("--plugin", "plugin.py", "run", "tiny.yaml", "--set", "replicates=30")
    assert result.exit_code == 0
    frame = bench.load(folder_of(result)).measurements
    assert frame["estimator"].unique().tolist() == ["mean", "reinforce"]
    assert frame.loc[frame["estimator"] == "mean", "verdict"].eq("biased").any()


def test_an_estimator_of_a_plugin_is_listed(here: Path) -> None:
    assert "Says how large the samples are." in called("--plugin", "plugin.py", "list").stdout
    assert "Says how large the samples are." not in CliRunner().invoke(main, ["list", "problems"]).stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError: No module named"),
        ("def f(:", "cannot be imported: SyntaxError"),
        ("x = 1", "offers nothing: it needs a table ESTIMATORS, PROBLEMS or LOSSES"),
        ("class R: pass\nESTIMATORS = {'reinforce': R}", "the name 'reinforce' is taken"),
        ("ESTIMATORS = ['mean']", "ESTIMATORS must be a table"),
    ],
)
def test_a_plugin_that_is_of_no_use_says_why(here: Path, text: str, complaint: str) -> None:
    Path("useless.py").write_text(text)
    said = refused("--plugin", "useless.py", "list")
    assert said.startswith("plug-in useless.py")
    assert complaint in said


def test_an_estimator_that_is_unfinished_is_listed(here: Path) -> None:
    assert "Has no gradient, and claims nothing." in called("--plugin", "plugin.py", "list").stdout


def test_an_estimator_that_is_unfinished_is_not_run(here: Path) -> None:
    with_estimators("reinforce", "unfinished")
    complaint = refused("--plugin", "plugin.py", "run", "tiny.yaml")
    assert complaint.startswith("tiny.yaml:10:25: estimator unfinished cannot be made: TypeError: ")
    assert "gradient" in complaint


def test_a_plugin_that_is_not_there_is_named(here: Path) -> None:
    assert refused("--plugin", "nothing.py", "list").startswith("plug-in nothing.py: no such file")


# --- how it ends ----------------------------------------------------------------------------------


def ended(*estimators: str, options: tuple[str, ...] = ()) -> Result:
    with_estimators(*estimators)
    return called("--plugin", "plugin.py", "run", "tiny.yaml", *options)


@pytest.mark.parametrize("other", some(["failing", "undefined", "exits", "moves", "nowhere"], 2))
def test_some_cells_that_fail_are_told_by_the_exit_code(
    here: Path, without_figures: None, other: str
) -> None:
    result = ended("reinforce", other)
    assert result.exit_code == 3
    status = "error" if other in ("failing", "exits", "moves") else "nonfinite"
    frame = bench.load(folder_of(result)).measurements
    assert set(frame.loc[frame["estimator"] == other, "status"]) == {status}
    assert set(frame.loc[frame["estimator"] == "reinforce", "status"]) == {"ok"}
    assert f"{other}, N = 8, cpu, float32: {status}: " in result.stderr
    assert (f"\n8  {status}: " in result.stdout) == (other != "undefined")


def test_a_cell_with_some_finite_estimates_has_its_numbers(here: Path, without_figures: None) -> None:
    result = ended("undefined")
    assert result.exit_code == 3
    row = whole(bench.load(folder_of(result)).measurements).iloc[0]
    share = f"{row['nonfinite']} of 12"
    wanted = interval(row["variance"], row["variance_low"], row["variance_high"])
    for text in (result.stdout, called("show", str(folder_of(result))).stdout):
        line = text.splitlines()[3]
        assert line.startswith("4  ")
        assert wanted in line
        assert line.rstrip().endswith(f"{share} not finite")
        assert "estimates; the numbers are of the others\n" in text
    table = called("show", str(folder_of(result)), "--markdown").stdout
    assert f"{share} not finite |" in table
    assert wanted in table


@pytest.mark.parametrize("estimators", [("failing",), ("nowhere",), ("failing", "nowhere")], ids=str)
def test_a_run_that_measures_nothing_is_told_by_the_exit_code(
    here: Path, without_figures: None, estimators: tuple[str, ...]
) -> None:
    assert ended(*estimators).exit_code == 4


def test_a_device_that_is_not_there_measures_nothing(here: Path) -> None:
    result = called("run", "tiny.yaml", "--devices", "cuda:99")
    assert "cuda:99" not in result.stderr  # the table says it, once
    assert result.exit_code == 4
    assert result.stdout.count("unavailable") >= 6


def test_what_says_two_lines_is_told_in_one(here: Path, without_figures: None) -> None:
    result = ended("failing")
    assert "failing, N = 4, cpu, float32: error: RuntimeError: it failed in two lines\n" in result.stderr
    assert "error: RuntimeError: it failed in two lines\n" in result.stdout


@pytest.mark.slow
def test_an_interrupted_run_keeps_what_was_measured(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = ended("mean", "stopped", "reinforce")
    assert result.exit_code == 130
    said, command = result.stderr.splitlines()[-2:]
    assert said == "interrupted: what was measured until then is kept; to go on:"
    assert command == f"bench --plugin plugin.py resume {folder_of(result)}"
    frame = whole(bench.load(folder_of(result)).measurements)
    assert frame[["estimator", "sample_size"]].to_numpy().tolist() == [
        ["mean", 4],
        ["mean", 8],
        ["stopped", 4],
    ]
    assert json.loads((folder_of(result) / "run.json").read_text())["interrupted"] is True


@pytest.mark.parametrize("sample_size", ["8", "8,4"])
def test_a_run_that_is_interrupted_at_once_leaves_nothing(here: Path, sample_size: str) -> None:
    result = ended("stopped", "reinforce", options=("-n", sample_size))
    assert result.exit_code == 130
    assert result.stderr.endswith("interrupted\n")
    assert result.stdout == ""
    assert not Path("results").exists()


# --- what is wrong with a scenario ----------------------------------------------------------------


def changed(old: str, new: str) -> None:
    assert TINY.count(old) == 1
    Path("tiny.yaml").write_text(TINY.replace(old, new))


VERBS = pytest.mark.parametrize("verb", ["run", "plan", "validate"])


@VERBS
def test_a_file_that_is_not_there_is_named(here: Path, verb: str) -> None:
    assert refused(verb, "tinny.yaml") == "tinny.yaml: no such file (did you mean tiny.yaml?)\n"


@VERBS
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("reinforce", ""),
        ("nope", ""),
        ("gausian", "did you mean gaussian? "),
        ("VAE", "did you mean vae? "),
        ("tinny", "did you mean tiny.yaml? "),
    ],
)
def test_a_name_that_no_scenario_has_is_told(here: Path, verb: str, name: str, hint: str) -> None:
    assert refused(verb, name) == (
        f"{name}: there is no scenario of this name, and no such file; {hint}"
        "`bench list scenarios` lists all\n"
    )


@VERBS
def test_an_option_that_is_unknown_is_found_where_it_stands(here: Path, verb: str) -> None:
    changed("baseline: leave_one_out", "basline: leave_one_out")
    assert refused(verb, "tiny.yaml") == (
        "tiny.yaml:12:18: unknown option 'basline' of estimator reinforce; did you mean 'baseline'?\n"
    )


@VERBS
def test_yaml_that_cannot_be_read_is_found_where_it_stands(here: Path, verb: str) -> None:
    changed("sample_sizes: [4, 8]", "sample_sizes: [4, 8")
    assert re.match(r"tiny\.yaml:1[56]:\d+: ", refused(verb, "tiny.yaml"))


@VERBS
def test_all_that_is_wrong_is_said_in_order(here: Path, verb: str) -> None:
    wrong = (
        TINY.replace("sum(z**2)", "sum(y**2)")
        .replace("leave_one_out", "leave_two_out")
        .replace("pathwise", "path")
    )
    Path("tiny.yaml").write_text(wrong)
    lines = refused(verb, "tiny.yaml").splitlines()
    assert [line[:16] for line in lines] == ["tiny.yaml:9:9: t", "tiny.yaml:12:28:", "tiny.yaml:13:5: "]
    assert "did you mean 'leave_one_out'?" in lines[1]


@VERBS
def test_a_problem_that_is_wrong_is_found_where_it_stands(here: Path, verb: str) -> None:
    changed("parameters: [loc, log_scale]", "parameters: [loc, scale]")
    assert refused(verb, "tiny.yaml").startswith("tiny.yaml:8:")


# --- the other verbs ------------------------------------------------------------------------------


def test_a_plan_lists_the_cells_and_measures_nothing(here: Path) -> None:
    result = called("plan", "tiny.yaml", "--devices", "cpu,cuda:99")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "6 of 12 cells can run"
    (absent,) = [line for line in result.stdout.splitlines() if "unavailable" in line]
    assert absent.startswith("cuda:99: unavailable: ")
    assert absent.endswith(" (6 cells)")
    rows = [line.split() for line in result.stdout.splitlines() if line.endswith("ok")]
    assert rows == [[label, "4,", "8", "12", "cpu", "float32", "2", "ok"] for label in LABELS]
    assert sorted(path.name for path in here.iterdir()) == ["plugin.py", "tiny.yaml"]


TRAINED = """\
schema: 1
name: trained
version: 1
problem:
  {name: vae, batch_size: 3, latent: 1, hidden: 2, theta: {train: {learning_rate: RATE}, checkpoints: [0, 5]}}
estimators: [reinforce, reparameterization]
sweep: {sample_sizes: [2]}
replicates: 8
reference: {replicates: 16}
"""


@pytest.mark.slow
def test_what_only_prints_or_checks_does_not_train(
    here: Path, without_figures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings: list[int] = []

    def counted(problem: Any, items: Any, training: Any) -> Any:
        trainings.append(training.steps)
        return trained(problem, items, training)

    monkeypatch.setattr(autoencoder, "trained", counted)
    Path("trained.yaml").write_text(TRAINED.replace("RATE", "0.01"))
    assert called("validate", "trained.yaml").exit_code == 0
    assert called("plan", "trained.yaml").stdout.splitlines()[-1] == "4 of 4 cells can run"
    assert trainings == []
    assert called("run", "trained.yaml").exit_code == 0
    assert trainings == [0, 5]  # once for each checkpoint, for the truth and all cells together
    assert called("plan", "trained.yaml", "--precision", "50%").exit_code == 0
    assert trainings == [0, 5, 0, 5]


def test_a_training_that_diverges_is_an_error_of_the_scenario(here: Path) -> None:
    Path("trained.yaml").write_text(TRAINED.replace("RATE", "1e30"))
    assert called("validate", "trained.yaml").exit_code == 0
    result = called("run", "trained.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    said = result.stderr.splitlines()[-1]
    assert said.startswith("trained.yaml:5:")
    assert said.endswith("training diverged at step 2; try a smaller learning_rate")
    assert not Path("results").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell the memory")
def test_a_plan_takes_little_memory_however_large_the_problem() -> None:
    """Torch, statistics and tables take about 500 MB; a trial of the problem as it is took 2.8 GB."""
    scenario = Path(bench.__file__).parents[1] / "scenarios" / "tighter_bounds.yaml"
    text = (
        f"from bench.scenario.prepared import prepare; assert len(prepare({str(scenario)!r}).cells) == 4; "
        "print(open('/proc/self/status').read())"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert peak is not None
    assert int(peak[1]) < 700_000


def test_several_scenarios_are_checked_at_once(here: Path) -> None:
    Path("bad.yaml").write_text(TINY.replace("version: 1", "version: 0"))
    result = called("validate", "tiny.yaml", "bad.yaml", "nothing.yaml", "tiny.yaml")
    assert result.exit_code == 2
    assert result.stdout == "tiny.yaml: ok\ntiny.yaml: ok\n"
    assert result.stderr == (
        "bad.yaml:3:10: version: wanted a whole number of at least 1, got 0\nnothing.yaml: no such file\n"
    )


def test_scenarios_that_are_right_are_called_ok(here: Path) -> None:
    result = called("validate", "tiny.yaml")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "tiny.yaml: ok\n", "")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("estimators", "reinforce"),
        ("problems", "expectation"),
        ("distributions", "lognormal"),
        ("metrics", "cosine"),
        ("figures", "by_parameter"),
    ],
)
def test_everything_that_can_be_named_is_listed(kind: str, word: str) -> None:
    result = called("list", kind)
    assert result.exit_code == 0
    assert word in result.stdout


def test_estimators_are_listed_when_nothing_else_is_asked_for() -> None:
    assert called("list").stdout == called("list", "estimators").stdout
    assert "(also pathwise)" in called("list").stdout
    assert "Needs a sampler alone." in called("list").stdout
    assert "Bornschein & Bengio (2015)" in called("list").stdout


def test_what_cannot_be_listed_is_refused() -> None:
    assert "no list is called 'foo'; known: baselines, columns" in refused("list", "foo")


def test_the_schema_is_json() -> None:
    assert json.loads(called("schema").stdout)["$schema"].startswith("https://json-schema.org/")


def verbs(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The command line itself, and all verbs below it."""
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from verbs(below, (*path, name))


@pytest.mark.parametrize("verb", list(verbs(main)), ids=" ".join)
def test_every_verb_explains_itself_with_examples(verb: tuple[str, ...]) -> None:
    text = called(*verb, "--help").stdout
    assert text.startswith("Usage: ")
    assert called(*verb, "-h").exit_code == 0
    assert "\\b" not in text
    assert "\b" not in text
    shown = [line.strip() for line in text.partition("Examples:\n")[2].splitlines() if line.strip()]
    assert shown
    assert all(line.startswith(" ".join(["bench", *verb])) for line in shown)
    for line in shown:
        _, *words = shlex.split(line.partition(" >")[0], comments=True)
        command: click.Command = main
        while isinstance(command, click.Group):
            command = command.commands[words.pop(0)]
        above = click.Context(main, **main.context_settings)
        command.make_context("bench", words, parent=above)  # raises if there is no such option


def test_the_version_is_told() -> None:
    assert re.search(r"version (\d+\.\d+|unknown)", called("--version").stdout)


# --- show -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The folder of a run, and the table that it printed."""
    folder = tmp_path_factory.mktemp("shown")
    (folder / "tiny.yaml").write_text(TINY)
    result = called("run", str(folder / "tiny.yaml"), "--out", str(folder / "results"))
    return str(folder_of(result)), result.stdout.partition("results  ")[0]


def test_an_earlier_run_is_shown_as_it_was_printed_with_details_below(shown: tuple[str, str]) -> None:
    folder, printed = shown
    table, _, below = called("show", folder).stdout.partition("note: ")
    assert table == printed
    assert "effective degrees of freedom" in below


def test_a_block_of_parameters_is_shown_apart(shown: tuple[str, str]) -> None:
    folder, table = shown
    block = called("show", folder, "--parameter", "log_scale")
    assert block.exit_code == 0
    assert block.stdout.splitlines()[2:11:3] == table.splitlines()[2:11:3]
    assert block.stdout.splitlines()[3] != table.splitlines()[3]


def test_a_block_that_is_not_there_is_named_with_those_there_are(shown: tuple[str, str]) -> None:
    complaint = refused("show", shown[0], "--parameter", "encoder")
    assert complaint == "no block of parameters 'encoder'; known: all, loc, log_scale\n"


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("", 120), (None, 120)])
def test_a_table_is_as_wide_as_columns_says(
    monkeypatch: pytest.MonkeyPatch, columns: str | None, width: int
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert console().width == width


def test_an_earlier_run_is_shown_in_markdown(shown: tuple[str, str]) -> None:
    lines = called("show", shown[0], "--markdown").stdout.splitlines()
    assert [line.split()[1] for line in lines[:3]] == [
        "estimator",
        "-" * len(lines[1].split()[1]),
        "`reinforce`",
    ]
    assert sum(line.startswith("| `") for line in lines) == 6


@pytest.mark.parametrize("verb", ["show", "compare", "report"])
def test_a_damaged_table_is_an_error_of_every_verb(verb: str, shown: tuple[str, str], tmp_path: Path) -> None:
    folder = shutil.copytree(shown[0], tmp_path / "run")
    table = folder / "replicates.parquet"
    table.write_bytes(table.read_bytes()[:500])
    told = f"{table}: not as it was written, damaged perhaps; bench collect {folder} makes it anew\n"
    assert refused(verb, str(folder)) == told
    forget_hashes(folder)
    assert refused(verb, str(folder)) == f"{table}: cannot be read as parquet; it may be damaged\n"


def test_a_run_without_a_row_has_nothing_to_compare(shown: tuple[str, str], tmp_path: Path) -> None:
    folder = shutil.copytree(shown[0], tmp_path / "run")
    table = folder / "measurements.parquet"
    pd.read_parquet(table).iloc[:0].to_parquet(table)
    forget_hashes(folder)
    assert refused("compare", str(folder)) == "the run has no measurements\n"


@pytest.mark.parametrize("folder", ["./nowhere", ".", "tiny.yaml"])
def test_a_folder_that_is_not_that_of_a_run_is_refused(here: Path, folder: str) -> None:
    path = folder.removeprefix("./")
    assert refused("show", folder) == f"{path}: not the folder of a run: it has no readable run.json\n"
    assert "'nowhere' is no folder of a run, and nothing is called 'nowhere'" in refused("show", "nowhere")


# --- as a program, and from Python ----------------------------------------------------------------


def program(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    root = Path(bench.__file__).parents[1]
    command = [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); "
               "import runpy; runpy.run_module('bench', run_name='__main__')"]  # fmt: skip
    return subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_a_run_as_a_program_writes_no_escapes_into_a_pipe(here: Path) -> None:
    done = program("run", "tiny.yaml", "--quick", folder=here)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"^results  results/tiny/.*$", done.stdout, re.MULTILINE)
    drawn = here.glob("results/tiny/*/figures/*.png")
    assert sorted(path.name for path in drawn) == ["bias.png", "variance.png"]


@pytest.mark.slow
def test_a_run_does_not_record_where_the_program_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/me/bench/__main__.py", "run", "tiny.yaml"])
    assert bench.run("tiny.yaml", quick=True).record["command"] == ["__main__.py", "run", "tiny.yaml"]


def test_the_command_is_found_where_a_folder_has_the_name_of_the_package(tmp_path: Path) -> None:
    for name in ("bench", "estimators"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    script = Path(sys.executable).with_name("bench")
    if not script.exists():
        pytest.skip("the package is not installed")
    words = {"script": [script], "safe path": [sys.executable, "-P", "-m", "bench"]}
    for command in words.values():
        done = subprocess.run(
            [*command, "list", "metrics"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "variance" in done.stdout
    # The control: as a module it is lost.
    lost = subprocess.run(
        [sys.executable, "-m", "bench", "list"], cwd=tmp_path, capture_output=True, check=False
    )
    assert lost.returncode != 0


@pytest.mark.slow
def test_a_program_that_is_misused_ends_with_2_and_no_traceback(here: Path) -> None:
    changed("version: 1", "version: one")
    done = program("run", "tiny.yaml", folder=here)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "tiny.yaml:3:10: version: wanted a whole number of at least 1, got 'one'\n"


@pytest.mark.slow
def test_a_run_from_python_gives_the_table_and_says_where_it_is(here: Path) -> None:
    run = bench.run("tiny.yaml", overrides=["replicates=5"], estimators=["rloo"], out="out")
    frame = run.measurements
    assert frame["replicates"].unique() == 5
    assert frame["estimator"].unique() == "rloo"
    pd.testing.assert_frame_equal(bench.load(run.folder).measurements, run.measurements)
    assert len(bench.load(run.folder).replicates) == 2 * 3 * 5
    assert "variance" in run.figures
    assert "means" not in run.figures
    chart = run.figures["variance"]
    assert [len(rows) for rows in chart.to_dict()["datasets"].values()] == [2]


def test_what_is_not_there_is_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'runn'"):
        bench.runn  # noqa: B018
