"""All mistakes of a scenario are named in one pass, each at its line and column."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.errors import ScenarioError
from bench.scenario.document import in_order
from bench.scenario.resolved import resolved
from tests.parameters import some

TEXT = """\
schema: 1
name: example
version: 3
question: Which estimator wins?
headline: snr
problem:
  name: expectation
  distribution: {normal: {loc: 2.0, scale: 1.5}}
  parameters: [loc]
  cost: z**2 + 1
estimators:
  - reinforce
  - {reinforce: {baseline: leave_one_out}, label: rloo}
  - {evolution_strategies: {smoothing: 0.25}, label: es}
  - reparameterization
sweep:
  sample_sizes: [10, 100]
  devices: [cpu]
  dtypes: [float32, float64]
  options: {problem.distribution.normal.loc: [1.0, 2.0], estimators.es.direction: [antithetic, forward]}
  exclude: [{problem.distribution.normal.loc: 7.0}]
data: fixed
replicates: 50
precision: {variance: 5%}
max_replicates: 5000
seed: 7
reference: {estimator: pathwise, sample_size: 1000}
gate:
  sample_sizes: [100]
  variance: {max_increase: 20%}
  mse: {max_increase: 40%, indifference: 5%}
  estimators: {rloo: {bias: {margin: 2%}}}
"""


@dataclass(frozen=True)
class Mistake:
    """Something that is written wrongly: `«` stands before the place where it is to be told.

    Attributes:
        kind: what kind of mistake it is.
        right: what stands in `TEXT`.
        wrong: what stands there instead.
        told: a part of the message.
    """

    kind: str
    right: str
    wrong: str
    told: str


MISTAKES = [
    Mistake("shape", "replicates: 50\n", "replicates: «many\n", "replicates: wanted a whole number"),
    Mistake("shape", "devices: [cpu]", "devices: «cpu", "wanted a list of 1 to 1000 devices"),
    Mistake("shape", "precision: {variance: 5%}", "precision: «5%", "precision: wanted a mapping"),
    Mistake("shape", "  - reinforce\n", "  - «[reinforce]\n", "wanted an estimator by name"),
    Mistake("shape", "question: Which", "question: «[Which]\n#", "question: wanted one line"),
    Mistake("unknown key", "seed: 7", "«sed: 7", "did you mean 'seed'?"),
    Mistake("unknown key", "  dtypes: [", "  «dtype: [", "did you mean 'dtypes'?"),
    Mistake("unknown key", "{max_increase: 20%}", "{«max_increas: 20%}", "did you mean 'max_increase'?"),
    Mistake("unknown key", "data: fixed", "«dat: fixed", "did you mean 'data'?"),
    Mistake("range", "version: 3", "version: «0", "version: wanted a whole number of at least 1"),
    Mistake("range", "seed: 7", "seed: «-7", "seed: wanted a whole number from 0"),
    Mistake("range", "replicates: 50\n", "replicates: «1\n", "wanted a whole number of at least 2"),
    Mistake("range", "variance: 5%", "variance: «500%", "wanted a percentage"),
    Mistake("range", "scale: 1.5", "scale: «-1.5", "scale"),
    Mistake("range", "{smoothing: 0.25}", "{smoothing: «-0.25}", "smoothing"),
    Mistake("name", "  - reparameterization", "  - «reparametrization", "unknown estimator"),
    Mistake("name", "estimator: pathwise", "estimator: «patwise", "unknown estimator"),
    Mistake("name", "headline: snr", "headline: «speed", "headline: wanted the name of a metric"),
    Mistake("name", "  name: expectation", "  name: «expectaton", "unknown problem"),
    Mistake("name", "dtypes: [float32,", "dtypes: [«float31,", "wanted float32 or float64"),
    Mistake("name", "[cpu]", "[«gpu]", "wanted cpu, mps"),
    Mistake("name", "{normal: {loc: 2.0", "{«norml: {loc: 2.0", "norml"),
    Mistake("name", "parameters: [loc]", "parameters: [«mean]", "is no parameter"),
    Mistake("option", "baseline: leave_one_out", "«baselin: leave_one_out", "did you mean 'baseline'?"),
    Mistake("option", "baseline: leave_one_out", "baseline: «leave_two_out", "leave_two_out"),
    Mistake("option", "{smoothing: 0.25}", "{smoothing: «wide}", "wide"),
    Mistake("option", "  cost: z**2 + 1", "  «dimension: 3\n  cost: z**2 + 1", "unknown option"),
    Mistake("formula", "cost: z**2 + 1", "cost: «z** * 1", "formula"),
    Mistake("formula", "cost: z**2 + 1", "cost: «sinus(z)", "sinus"),
    Mistake("formula", "cost: z**2 + 1", "cost: «q**2", "q"),
    Mistake("gate", "  sample_sizes: [100]", "  sample_sizes: [«77]", "77 is not in sweep.sample_sizes"),
    Mistake("gate", "{rloo: {bias", "{«rlo: {bias", "no estimator is called"),
    Mistake("gate", "indifference: 5%", "indifference: 50%", "indifference"),
    Mistake("gate", "{margin: 2%}", "{margin: «2}", "wanted a percentage"),
    Mistake("sweep", "sample_sizes: [10, 100]", "sample_sizes: [10, «ten, 100]", "wanted a whole number"),
    Mistake("sweep", "sample_sizes: [10, 100]", "sample_sizes: [10, 100, «10]", "is given twice"),
    Mistake("sweep", "{problem.distribution.normal.loc: 7.0}", "{«problem.loc: 7.0}", "is no swept option"),
    Mistake("sweep", "estimators.es.d", "«estimators.ed.d", "no such option"),
    Mistake("sweep", "[antithetic, forward]", "«[antithetic, backward]", "backward"),
    Mistake("sweep", "loc: [1.0, 2.0]", "loc: «[]", "1 to 1000 values"),
    Mistake("duplicate key", "version: 3\n", "version: 3\n«name: again\n", "is given twice"),
    Mistake("duplicate key", "20%}", "20%, «max_increase: 30%}", "is given twice"),
    Mistake("duplicate key", "  cost: z", "  «parameters: [loc]\n  cost: z", "is given twice"),
    Mistake("missing key", "schema: 1\n", "", "missing key 'schema'"),
    Mistake("missing key", "  sample_sizes: [10, 100]\n", "", "missing key 'sample_sizes'"),
    Mistake("missing option", "  cost: z**2 + 1\n", "", "needs the option 'cost'"),
    Mistake("label", "label: es}", "label: rloo}", "two estimators are called 'rloo'"),
    Mistake("label", "e_one_out}, label: rloo}", "e_one_out}, label: «''}", "label"),
    Mistake("YAML", "question: Which", "question: «!!str Which", "tag"),
    Mistake("YAML", "seed: 7", "seed: «.nan", "finite"),
]  # fmt: skip
"""One of each kind stands with two of other kinds in a file; places without a mark are told elsewhere."""


def together(chosen: list[Mistake]) -> bool:
    """Whether each of the mistakes can be told beside the others."""
    places = [TEXT.find(each.right) for each in chosen]
    spans = sorted((at, at + len(each.right)) for at, each in zip(places, chosen, strict=True))
    apart = all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    told = [each.told for each in chosen]
    return apart and not any(blind(one, other) for one in told for other in told if one is not other)


OF_THE_PROBLEM = {"norml", "scale", "is no parameter", "unknown option", "formula", "sinus", "q",
                  "needs the option 'cost'", "is no swept option"}  # fmt: skip
BLIND = {
    "unknown problem": OF_THE_PROBLEM,
    "norml": {"scale"},
    "needs the option 'cost'": OF_THE_PROBLEM,
    "1 to 1000 values": {"is no swept option", "no such option", "backward"},
    "missing key 'sample_sizes'": {"77 is not in sweep.sample_sizes"},
    "wanted a whole number": {"77 is not in sweep.sample_sizes"},
    "is given twice": {"is no parameter", "77 is not in sweep.sample_sizes"},
    "wanted an estimator by name": {"no estimator is called", "no such option", "backward"},
    "label": {"no estimator is called", "no such option", "backward", "two estimators are called 'rloo'"},
}
"""Mistake -> those of which nothing can be said while it stands there."""


def blind(one: str, other: str) -> bool:
    """Whether nothing can be said of the second while the first is wrong."""
    return other in BLIND.get(one, ())


def written(chosen: list[Mistake]) -> tuple[str, list[tuple[str, str]]]:
    """The text with the mistakes, and for each its place, if it is marked, and a part of its message."""
    text = TEXT
    for number, each in enumerate(chosen):
        text = text.replace(each.right, each.wrong.replace("«", f"«{number}"), 1)
    found = []
    for number, each in enumerate(chosen):
        mark = f"«{number}"
        place = ""
        if mark in text:
            others = text[: text.index(mark)]
            line = others[others.rfind("\n") + 1 :]
            column = len(line) - 2 * line.count("«") + 1
            place = f"{others.count(chr(10)) + 1}:{column}"
        found.append((place, each.told))
    for number in range(len(chosen)):
        text = text.replace(f"«{number}", "")
    return text, found


def lines_of(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        resolved(path)
    return caught.value.lines


def files(count: int) -> list[list[Mistake]]:
    """Three mistakes of three kinds each."""
    chance, found = random.Random(14), []
    while len(found) < count:
        chosen = chance.sample(MISTAKES, 3)
        if len({each.kind for each in chosen}) == 3 and together(chosen):
            found.append(chosen)
    return found


def test_the_text_is_right_and_each_mistake_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text(TEXT)
    resolved(tmp_path / "right.yaml")
    assert all(TEXT.count(each.right) == 1 for each in MISTAKES)
    assert len({each.kind for each in MISTAKES}) >= 12


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.wrong.strip()[:30] or each.told)
def test_a_mistake_alone_is_told_where_it_stands(tmp_path: Path, mistake: Mistake) -> None:
    check(tmp_path, [mistake])


@pytest.mark.parametrize("number", some(range(200), 40))
def test_three_mistakes_are_told_in_one_pass(tmp_path: Path, number: int) -> None:
    check(tmp_path, files(200)[number])


def check(tmp_path: Path, chosen: list[Mistake]) -> None:
    text, wanted = written(chosen)
    lines = lines_of(tmp_path / "x.yaml", text)
    assert lines == in_order(lines, str(tmp_path / "x.yaml"))
    for place, told in wanted:
        at = f"x.yaml:{place}: " if place else "x.yaml:"
        assert any(at in line and told in line for line in lines), (place, told, lines, text)
    # Nothing false stands beside them; without the label `es` the sweep of its option is a mistake, too.
    further = ["'estimators.es.direction': no such option"] * ("label: rloo}" in [m.wrong for m in chosen])
    others = [line for line in lines if not any(told in line for _, told in wanted)]
    assert len(lines) == len(wanted) + len(further), (lines, text)
    assert all(told in line for told, line in zip(further, others, strict=True)), (lines, text)


GATED = """schema: 1
name: gated
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, {reinforce: {baseline: leave_one_out}, label: loo}, pathwise]
sweep: {sample_sizes: [10, 100]}
gate: {estimators: {loo: {variance: {max_increase: 50%}}, pathwise: {bias: {margin: 5%}}}}
"""


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("[rloo]", set()),
        ("[pathwise]", {"pathwise"}),
        ("[reinforce, reparameterization]", {"reparameterization"}),
        ("[{reinforce: {}, label: x}]", set()),
    ],
)
def test_thresholds_of_estimators_that_a_change_leaves_out_are_left_out(
    tmp_path: Path, change: str, left: set[str]
) -> None:
    (tmp_path / "x.yaml").write_text(GATED)
    scenario, _, experiments = resolved(tmp_path / "x.yaml", [f"estimators={change}"])
    assert len(experiments) == 1
    assert set(scenario.gate.estimators) == left


@pytest.mark.parametrize(
    ("entry", "key", "label"),
    [
        ("{reinforce: {baseline: leave_one_out}}", "rloo", "reinforce(baseline=leave_one_out)"),
        ("rloo", "rloo", "rloo"),
        ("pathwise", "reparameterization", "pathwise"),
        ("reparameterization", "pathwise", "reparameterization"),
        ("{reinforce: {baseline: leave_one_out}, label: mine}", "rloo", "mine"),
    ],
)
def test_other_names_are_understood_in_the_gate_and_in_the_sweep(
    tmp_path: Path, entry: str, key: str, label: str
) -> None:
    start = GATED[: GATED.index("estimators:")] + f"estimators: [{entry}]\n"
    gate = f"sweep: {{sample_sizes: [10]}}\ngate: {{estimators: {{{key}: {{bias: {{margin: 5%}}}}}}}}\n"
    (tmp_path / "x.yaml").write_text(start + gate)
    assert set(resolved(tmp_path / "x.yaml")[0].gate.estimators) == {label}
    options = f"{{estimators.{key}.sampler: [iid, antithetic]}}"
    (tmp_path / "x.yaml").write_text(f"{start}sweep: {{sample_sizes: [10], options: {options}}}\n")
    assert len(resolved(tmp_path / "x.yaml")[2][0].estimators) == 2


BUMP = "cost: {bump: {k: 1}}"
FALSE = [
    (
        "cost: z**2",
        "cost: {bump: {k: 1}}",
        "[10, 100]}",
        "[10], options: {problem.cost.bump.k: {log: [0, 10, 3]}}}",
    ),
    (
        "cost: z**2",
        "cost: {bump: {k: 1}}",
        "[10, 100]}",
        "[10], options: {problem.cost.bump.k: {log: [0.1, 10]}}}",
    ),
    ("pathwise]", "{estimator: rloo}]", "gate:", "question: x\ngate:"),
    ("pathwise]", "{name: reinforce, baseline: rloo}]", "gate:", "question: x\ngate:"),
    ("version: 1", "version: 1\nreplicates: lots", "gate:", "max_replicates: 4\ngate:"),
]


@pytest.mark.parametrize("number", range(len(FALSE)))
def test_nothing_is_said_of_what_is_left_after_a_repair(tmp_path: Path, number: int) -> None:
    first, wrong, second, other = FALSE[number]
    text = GATED.replace(", pathwise: {bias: {margin: 5%}}", "").replace(first, wrong).replace(second, other)
    assert len(lines_of(tmp_path / "x.yaml", text)) == 1
