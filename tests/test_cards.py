"""Cards: those that are kept are those of the classes themselves, and each says what it must."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bench import card_file, catalogue
from bench.cards import KEPT, KINDS, Card, Kind, cards, class_card, found, scenario_cards
from bench.cli import main
from bench.docstrings import docstring_of, unmarked
from bench.errors import Invalid
from bench.options import construct, described_options
from bench.results.columns import TYPES
from bench.scenario.resolved import resolved
from estimators import ESTIMATORS, OTHER_NAMES, SHORTHANDS, meaning

ROOT = Path(__file__).parents[1]

EVERY = [(kind, card) for kind in KINDS for card in cards(kind)]
NAMED = [pytest.param(kind, card, id=f"{kind}-{card.name}") for kind, card in EVERY]


def called(*words: str) -> Result:
    done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def test_the_kept_cards_are_up_to_date() -> None:
    assert KEPT.read_text("utf-8") == card_file.text(), "run `make cards`"
    assert card_file.PAGE.read_text("utf-8") == card_file.columns_page(), "run `make cards`"
    assert all(f"| `{name}` |" in card_file.columns_page() for name in card_file.COLUMNS["measurements"])
    assert "| `variance` | `variance_low`, `variance_high` |" in card_file.columns_page()


@pytest.mark.parametrize(("kind", "card"), NAMED)
def test_a_card_is_shown(kind: Kind, card: Card) -> None:
    assert card.summary.endswith(".")
    done = called("show", f"{kind.removesuffix('s')}:{card.name}")
    assert done.exit_code == 0
    first, *lines = done.stdout.splitlines()
    assert first == f"{card.name} · {kind.removesuffix('s')}"
    text = " ".join(" ".join(lines).split())
    assert " ".join(card.summary.split()) in text
    assert max(map(len, lines)) <= 130
    for key, (default, _) in card.options.items():
        assert f"{key} (required)" in text or f"{key} (default {default})" in text
    for value in card.facts.values():
        assert " ".join(value.split()) in text


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_card_of_an_estimator_says_what_it_needs_and_whose_it_is(name: str) -> None:
    card = class_card("estimators", name)
    assert card.facts["claim"] in ("unbiased", "consistent", "biased")
    assert card.facts["needs"]
    assert card.papers
    shown = [
        (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
        for entry in yaml.safe_load(card.example)["estimators"]
    ]
    short = [(other, preset) for other, (own, preset) in SHORTHANDS.items() if own == name]
    meant = [{}, *([{}] if card.options else []), *(preset for _, preset in short for _ in range(2))]
    for (label, options), preset in zip(shown, meant, strict=True):
        assert catalogue.build("estimators", label, options) == catalogue.build("estimators", name, preset)
    assert {other for other, _ in short} <= {label for label, _ in shown}


@pytest.mark.parametrize(("kind", "card"), NAMED)
def test_every_option_is_described_and_its_default_is_yaml(kind: Kind, card: Card) -> None:
    for key, (default, text) in card.options.items():
        assert text, key
        assert default not in ("None", "True", "False")


def example(card: Card) -> Any:
    return yaml.safe_load(card.example)


@pytest.mark.parametrize("card", cards("problems"), ids=lambda card: card.name)
def test_the_example_of_a_problem_can_be_built(card: Card) -> None:
    options = example(card)["problem"]
    assert options.pop("name") == card.name
    construct(catalogue.find("problems", card.name), options, card.name)
    assert card.summary


SCENARIO = {
    "schema": 1,
    "name": "example",
    "version": 1,
    "problem": {
        "name": "expectation",
        "distribution": {"normal": {"loc": 2.0, "scale": 1.0}},
        "parameters": ["loc"],
        "cost": "z**2",
    },
    "estimators": ["reinforce"],
    "sweep": {"sample_sizes": [10]},
    "replicates": 10,
}


@pytest.mark.parametrize(
    ("kind", "card"),
    [
        pytest.param(kind, card, id=f"{kind}-{card.name}")
        for kind, card in EVERY
        if card.example and kind != "figures"  # these are of Python
    ],
)
def test_the_example_of_a_card_is_a_section_of_a_scenario(kind: Kind, card: Card) -> None:
    (section,) = example(card).items()
    _, _, experiments = resolved(SCENARIO | dict([section]))
    assert section[0] in ("problem", "estimators", "headline")
    assert experiments
    assert card.name in str(section[1])


@pytest.mark.parametrize("kind", ["baselines", "samplers"])
def test_the_example_of_a_part_of_an_estimator_can_be_built(kind: Kind) -> None:
    for card in cards(kind):
        (entry,) = example(card)["estimators"]
        catalogue.build("estimators", "reinforce", entry["reinforce"])
        assert card.name in str(entry)


def test_every_column_is_described_and_nothing_else_is() -> None:
    for table, types in TYPES.items():
        names = [name for name in types if not name.endswith(("_low", "_high"))]
        assert list(card_file.COLUMNS[table]) == names
        assert all(text.endswith(".") for text in card_file.COLUMNS[table].values())
    assert set(card_file.COLUMNS) == set(TYPES)
    for name in {name for types in TYPES.values() for name in types}:
        assert called("show", f"column:{name}").stdout.startswith(f"{name} · column\n"), name
    ends = [
        (name, table) for table, types in TYPES.items() for name in types if name.endswith(("_low", "_high"))
    ]
    for name, table in ends:
        text = " ".join(called("show", name).stdout.split())
        main, _, end = name.rpartition("_")
        assert f"The {'lower' if end == 'low' else 'upper'} end of the 95 % interval of {main}." in text
        assert table in text.rpartition("tables: ")[2]
    shown = called("show", "column:variance").stdout
    assert "In coordinates: The variance of the estimates of the coordinate." in shown


def test_a_name_of_several_kinds_lists_them() -> None:
    done = called("show", "variance")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "metric:variance",
        "figure:variance",
        "column:variance",
    ]
    assert called("show", "metrics:variance").stdout == called("show", "metric:variance").stdout


@pytest.mark.parametrize("alias", OTHER_NAMES)
def test_other_names_show_the_same(alias: str) -> None:
    own = meaning(alias)[0]
    shown = called("show", f"estimator:{alias}").stdout
    assert shown == called("show", f"estimator:{own}").stdout
    assert alias in shown
    alone = called("show", alias).stdout
    assert alone == shown or f"estimator:{own} " in alone  # beside a scenario that is called so


def test_a_shorthand_is_shown_with_its_options() -> None:
    assert "score_function, rloo (baseline: leave_one_out)" in called("show", "reinforce").stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("reinforc", "nothing is called 'reinforc'; did you mean 'reinforce'?"),
        ("metric:varience", "did you mean 'variance'?"),
        ("metrik:variance", "'metrik' is not a kind of thing that has a card; did you mean 'metric'?"),
        ("qqqqqq", "bench list KIND lists what there is"),
        ("metric:reinforce", "no metric is called 'reinforce'; there is estimator:reinforce\n"),
        ("metric:varience", "no metric is called 'varience'; did you mean 'variance'?\n"),
        (
            "estimator:cosine",
            "no estimator is called 'cosine'; "
            "there is cost:cosine, metric:cosine, figure:cosine, column:cosine\n",
        ),
        ("distribution:", "wanted a name after the colon, such as distribution:bernoulli; `bench list dist"),
        ("metric:rloo", "no metric is called 'rloo'; there is estimator:rloo\n"),
        ("metric:gaussian", "no metric is called 'gaussian'; there is scenario:gaussian\n"),
        ("scenario:gausian", "no scenario is called 'gausian'; did you mean 'gaussian'?"),
        ("RLOO", "nothing is called 'RLOO'; did you mean 'rloo'?\n"),
        ("iwae_st", "'iwae_st' is no folder of a run, and nothing is called 'iwae_st'; did you mean"),
        ("no/such/run", "not the folder of a run"),
        ("", "nothing is called ''"),
    ],
)
def test_what_there_is_not_is_told(name: str, told: str) -> None:
    done = called("show", name)
    assert done.exit_code == 2
    assert told in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_names_all_and_json_has_all_that_cards_tell(kind: Kind) -> None:
    text = called("list", kind).stdout
    assert all(card.name in text for card in cards(kind))
    told = json.loads(called("list", kind, "--json").stdout)
    assert [each["name"] for each in told] == [card.name for card in cards(kind)]
    assert [each["example"] for each in told] == [card.example for card in cards(kind)]


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_scenario_is_shown_with_its_question_and_its_file(path: Path) -> None:
    done = called("show", f"scenario:{path.stem}")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{path.stem} · scenario\n")
    for line in path.read_text().splitlines():
        assert line in done.stdout
    (asked,) = [each.summary for each in scenario_cards() if each.name == path.stem]
    assert " ".join(asked.split()) in " ".join(done.stdout.split())
    alone = called("show", path.stem).stdout
    assert alone == done.stdout or f"scenario:{path.stem}  {asked}" in alone


def test_scenarios_are_listed_with_their_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = json.loads(called("list", "scenarios", "--json").stdout)
    assert {path.stem for path in (ROOT / "scenarios").glob("*.yaml")} == {each["name"] for each in before}
    assert all(each["summary"].endswith("?") for each in before)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "one.yaml").write_text("name: one\nquestion: Which?\n")
    (tmp_path / "scenarios" / "two.yaml").write_text("name: two\n")
    told = json.loads(called("list", "scenarios", "--json").stdout)[len(before) :]
    assert [(each["name"], each["summary"]) for each in told] == [("one", "Which?"), ("two", "")]
    assert "Which?" in called("list", "scenarios").stdout


class Defaults:
    def __init__(
        self,
        nothing: int | None = None,
        yes: bool = True,
        text: str = "digits",
        comma: str = "a, b",
        number: str = "1",
        mapping: dict[str, int] | None = {"init": 0},  # noqa: B006
        rows: tuple[float, ...] = (0.5, 1e-05),
        other: object = range(3),
    ) -> None: ...


def test_defaults_are_as_yaml_writes_them() -> None:
    assert described_options(Defaults) == {
        "nothing": "null",
        "yes": "true",
        "text": "digits",
        "comma": "'a, b'",
        "number": "'1'",
        "mapping": "{init: 0}",
        "rows": "[0.5, 1.0e-05]",
        "other": "range(0, 3)",
    }


class Documented:
    r"""Is documented.

    More of it:

    .. math:: x^2

    with :math:`y`. Needs a path of x, and more; the rest
    follows.

    Args:
        first: what it is,
            told on two lines: so.
        second: another.

    References:
        One & Two (1999), A title that is
        long, §4.
        Three (2001), Another.
    """


def test_documentation_is_taken_apart() -> None:
    said = docstring_of(Documented)
    assert said.summary == "Is documented."
    assert said.text.startswith("More of it:\n\n.. math:: x^2\n\nwith :math:`y`.")
    assert unmarked(said.text).startswith("More of it:\n\n    x^2\n\nwith y.")
    assert said.needs == "a path of x, and more"
    assert said.options == {"first": "what it is, told on two lines: so.", "second": "another."}
    assert said.references == ["One & Two (1999), A title that is long, §4.", "Three (2001), Another."]
    assert docstring_of(object()).text == "" or docstring_of(type("Bare", (), {})).summary == ""


def test_nothing_is_found_by_a_wrong_kind() -> None:
    with pytest.raises(Invalid):
        found("plots:variance")
