"""The pages of the site: what is made from the program, and what is written by hand and must be so."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import bench
from bench import claims_page
from bench.card_file import COLUMNS
from bench.cards import KINDS, cards
from bench.judgments import KEPT, judgments
from bench.page.render import LIBRARIES
from bench.scenario.resolved import resolved
from bench.scenario.schema import json_schema
from bench.text.answer import answer
from docs.pages import (
    api,
    catalogue,
    changelog,
    families,
    gallery,
    run_pages,
    scenario_keys,
    verdict_words,
    writing,
)
from docs.pages.coverage import missing, options
from docs.pages.family_pictures import picture
from docs.pages.links import broken
from docs.pages.markdown import literal, prose
from tests.test_readme import README, ROOT

DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text("utf-8") for path in DOCS.glob("*.md")}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


# --- pages that are made ----------------------------------------------------------------------------------


def test_every_card_has_its_place_with_its_options() -> None:
    made = catalogue.pages()
    for kind in KINDS:
        page = made[f"catalogue/{kind}.md"]
        for card in cards(kind):
            assert f"({catalogue.target(kind, card.name)})=\n## {card.name}\n" in page
            assert all(f"`{option}`" in page for option in card.options)
            own = page.split(f"({catalogue.target(kind, card.name)})=\n", 1)[1].split(
                f"\n({catalogue.target(kind, '')}", 1
            )[0]
            assert prose(card.summary) in own
            assert all(f"* {prose(paper)}" in own for paper in card.references)
            assert all(f"* **{key}**: {prose(value)}" in own for key, value in card.facts.items())
        assert f"[{kind}]({kind}.md)" in made["catalogue/index.md"]


def test_formulas_are_marked_and_other_text_is_shown_as_it_is() -> None:
    page = catalogue.pages()["catalogue/estimators.md"]
    assert "$$\n\\nabla_\\theta E\\Big[\\log \\frac{1}{K} \\sum_k w_k\\Big]" in page
    assert "$\\tilde w_k = w_k / \\sum_j w_j$" in page
    assert prose("f(x) < 1 * 2, `a_b` and :math:`a_b`") == r"f(x) \< 1 \* 2, `a_b` and $a_b$"
    assert literal("a ``` b", "yaml").startswith("````yaml\n")


def test_every_public_name_has_a_page() -> None:
    made = api.pages()
    assert {f"api/{name}.md" for name in bench.__all__} | {"api/index.md"} == made.keys()
    assert ":: bench.certification.certify.certify\n" in made["api/certify.md"]
    for name in bench.__all__:
        found = getattr(bench, name)
        own = [each for each in vars(found) if not each.startswith("_")] if isinstance(found, type) else []
        if isinstance(found, type) and not found.__module__.startswith("bench."):
            continue  # of torch, whose own pages explain it
        if any(callable(getattr(found, each)) for each in own) and not issubclass(found, Exception):
            assert ":members:" in made[f"api/{name}.md"], name


def test_pages_are_written_where_they_changed_and_removed_where_they_are_made_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The true ones take seconds.
    monkeypatch.setattr(gallery, "pages", lambda: {"gallery/gaussian.md": "# Gaussian\n"})
    writing.write(tmp_path)
    made = tmp_path / writing.MADE
    files = {path.relative_to(made).as_posix() for path in made.rglob("*.md")}
    assert files == set(writing.pages())
    assert {"changelog.md", "families.md", "verdicts.md", "api/run.md", "gallery/gaussian.md"} <= files
    (made / "old.md").write_text("old")
    (made / "verdicts.md").write_text("old")
    os.utime(made / "changelog.md", ns=(1, 1))
    writing.write(tmp_path)
    assert not (made / "old.md").exists()
    assert (made / "verdicts.md").read_text("utf-8") == writing.pages()["verdicts.md"]
    assert (made / "changelog.md").stat().st_mtime_ns == 1


def test_links_of_the_changelog_lead_on_from_where_its_page_lies() -> None:
    made = changelog.pages()["changelog.md"]
    assert "\n## 0.2.0 (" in made
    links = re.findall(r"\]\((?!http)([^)#]+)", made)
    assert links
    assert [link for link in links if not (DOCS / "made" / link).resolve().exists()] == []


@pytest.mark.slow
def test_the_page_of_a_run_is_of_that_run() -> None:
    for name in gallery.GALLERY[:2]:
        made = run_pages._page(name)
        assert f"<title>{name}</title>" in made
        assert f'src="{LIBRARIES}"' in made


def test_every_reference_run_has_its_place_in_the_gallery() -> None:
    there = {path.name for path in gallery.REFERENCE.iterdir() if path.is_dir()}
    assert sorted(gallery.GALLERY) == sorted(there)
    assert gallery.GALLERY[0] == gallery.FIRST == "gaussian"


@pytest.mark.slow
def test_the_gallery_has_question_answer_and_picture_of_each() -> None:
    made = gallery.pages()
    for name, run in gallery.runs().items():
        page = made[f"gallery/{name}.md"]
        assert page.startswith(f"# {prose(gallery.question(run))}\n\n* ")
        assert f'href="runs/{name}.html"' in page
        assert f"name: {name}\n" in page
        best, biased = gallery.said(name)
        assert biased == prose(answer(run)[0])
        assert f"* {best}\n* {biased}\n" in page
        assert best in made["gallery/index.md"]
        assert set(re.findall(r"reference/(\w+)/figures", page)) == {name}
        figures = gallery.pictures(name)
        assert 1 <= len(figures) <= 2
        assert f"**[{prose(gallery.question(run))}]({name}.md)**" in made["gallery/index.md"]
        assert f"{name}/figures/{figures[0]}.png" in made["gallery/index.md"]


def test_the_first_of_the_gallery_has_the_lectures_numbers() -> None:
    page = "\n".join(gallery._page(gallery.FIRST, gallery.runs()[gallery.FIRST]))
    assert "| 10 | 8.83 (7.62 to 10.3) | 8.7 | 6.45 | " in page
    assert page.count("\n| 1") == 5


def test_every_estimator_of_a_reference_run_has_its_place_among_the_pictures() -> None:
    measured = {row["name"] for run in json.loads(KEPT.read_text("utf-8")).values() for row in run["order"]}
    explained = {name for family in families.families() for name in family.of}
    assert measured - {"exact"} <= explained
    assert {name for name in explained if "measured" in judgments(name)} == set()
    assert {path.stem for path in families.PICTURES.glob("*.png")} == {
        family.name for family in families.families()
    }


def test_the_page_of_pictures_has_what_it_shows_and_judges() -> None:
    page = families.pages()["families.md"]
    known = {card.name: card for card in cards("estimators")}
    every = [name for family in families.families() for name in family.of]
    assert len(every) == len(set(every))
    for family in families.families():
        assert f"\n## {family.title}\n" in page
        own = page.split(f"\n## {family.title}\n")[1].split("\n## ")[0]
        assert prose(family.says) in own
        assert f"pictures/families/{family.name}.png" in own
        assert family.scenario()["estimators"][0] == "reinforce"
        for name in family.of:
            formula = re.search(r"\.\. math::\s*(.+)", known[name].text)
            assert (formula[1].strip().rstrip(".,;") if formula else prose(known[name].summary)) in own
        for name in family.of:
            assert f"### [{name}](#{catalogue.target('estimators', name)})" in page
            assert all(prose(said) in page for said in judgments(name).values())
    assert (
        "$$\n\\nabla_\\theta E[f(x, \\theta)] = E[\\nabla_\\theta f(g(\\epsilon; \\theta), \\theta)]\n$$"
        in page
    )


def otherwise(one: Path, other: Path) -> float:
    """The share of pixels in which two pictures differ by more than a shade; all if their sizes do."""
    with Image.open(one) as a, Image.open(other) as b:
        if a.size != b.size:
            return 1.0
        first, second = (np.asarray(each.convert("L"), dtype=float) for each in (a, b))
    return float((np.abs(first - second) > 16).mean())


@pytest.mark.slow
@pytest.mark.parametrize("family", families.families(), ids=lambda family: family.name)
def test_a_picture_is_that_of_its_family(family: families.Family, tmp_path: Path) -> None:
    picture(family, tmp_path)
    drawn = tmp_path / f"{family.name}.png"
    assert otherwise(families.PICTURES / drawn.name, drawn) < 0.002
    others = [each for each in families.PICTURES.glob("*.png") if each.name != drawn.name]
    assert all(otherwise(each, drawn) > 0.01 for each in others)


def test_every_key_of_a_scenario_is_explained() -> None:
    page = scenario_keys.pages()["scenario-keys.md"]
    for key in ("schema", "question", "problem", "estimators", "sweep.sample_sizes", "gate.variance", "seed"):
        assert f"| `{key}` | " in page
    assert "| `replicates` | whole number | " in page
    required = json_schema()["required"]
    for key in json_schema()["properties"]:
        (line,) = re.findall(rf"^\| `{key}` \| .*$", page, re.MULTILINE)
        assert ("| required |" in line) == (key in required)
    assert "\n| `precision.variance` | text or number | required | " in page
    assert not re.search(r"^\| `[^`]+` \| [^|]* \| [^|]* \|  \|$", page, re.MULTILINE), "a key without a text"


def test_a_word_of_a_verdict_that_is_not_explained_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    page = verdict_words.pages()["verdicts.md"]
    assert all(
        f"| **{word}** | " in page for word in ("biased", "regression", "certified", "crashed", "multiple")
    )
    # Those that the program has no list of.
    assert set(verdict_words.WORDS["On the claim of a paper"][0]) == {
        claims_page.CONFIRMED, claims_page.CONTRADICTED, claims_page.UNDECIDED, claims_page.NOT_TESTED
    }  # fmt: skip
    states = next(table["status"] for table in COLUMNS.values() if "status" in table)
    assert set(re.findall(r"\b[a-z_]+\b", states.split(":")[1])) - {"a", "device", "or"} == set(
        verdict_words.WORDS["Of a cell"][0]
    )
    words, meanings = verdict_words.WORDS["On a bias"]
    assert set(words) == {"biased", "within 1 %", "unresolved", "unknown"}
    monkeypatch.setitem(verdict_words.WORDS, "On a bias", ((*words, "new"), meanings))
    with pytest.raises(KeyError, match="new"):
        verdict_words.pages()


# --- checks of what was built -----------------------------------------------------------------------------


def test_links_without_a_target_are_found(tmp_path: Path) -> None:
    (tmp_path / "outside.html").write_text("")
    tmp_path = tmp_path / "site"
    tmp_path.mkdir()
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="b.html">1</a><a href="b.html#here">2</a><a href="#top">3</a>'
        '<a href="c.html">4</a><a href="b.html#gone">5</a><img src="no.png"><a href="https://x.y">6</a>'
        '<a href="#nowhere">10</a><a href="../outside.html">11</a><a href="/etc/passwd">12</a>'
        '<a href="a%20b.html#%C3%A9">7</a><a href="deep">8</a><a href="deep/#gone">9</a>'
    )
    (tmp_path / "b.html").write_text('<p id="here"></p>')
    (tmp_path / "a b.html").write_text('<p id="é"></p>')
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "index.html").write_text('<a href="../a.html#top">1</a><a href="../gone.html">2</a>')
    runs = tmp_path / "made" / "gallery" / "runs"
    runs.mkdir(parents=True)
    (runs / "run.html").write_text('<a href="#by-script">1</a><a href="gone.html">2</a>')
    (runs.parent / "run.html").write_text('<a href="#nowhere">1</a>')
    assert sorted(broken(tmp_path)) == [
        "a.html: #nowhere",
        "a.html: ../outside.html",
        "a.html: /etc/passwd",
        "a.html: b.html#gone",
        "a.html: c.html",
        "a.html: deep/#gone",
        "a.html: no.png",
        "deep/index.html: ../gone.html",
        "made/gallery/run.html: #nowhere",
        "made/gallery/runs/run.html: gone.html",
    ]


def test_names_without_an_entry_are_found(tmp_path: Path) -> None:
    found = set(missing(tmp_path))
    assert {"bench.run", "estimators reinforce", "bench run --replicates"} <= found
    assert {f"{kind} {card.name}" for kind in KINDS for card in cards(kind)} <= found
    assert {f"bench.{name}" for name in bench.__all__} <= found
    (tmp_path / "made" / "api").mkdir(parents=True)
    (tmp_path / "made" / "api" / "run.html").write_text('<dt id="bench.api.run"></dt>')
    (tmp_path / "command-line.html").write_text('<dt id="cmdoption-bench-run-replicates"></dt>')
    assert found - set(missing(tmp_path)) == {"bench.run", "bench run --replicates"}


def test_options_are_those_of_all_verbs() -> None:
    from bench.cli import main

    found = set(options(main, "bench"))
    assert {("bench", "--plugin"), ("bench run", "--replicates"), ("bench certify", "--all")} <= found
    assert "bench baseline update" in {verb for verb, _ in found}


# --- pages that are written -------------------------------------------------------------------------------


def test_all_pages_are_in_the_contents() -> None:
    named = set(re.findall(r"^(?:.* <)?([a-z-]+)>?$", PAGES["index.md"], re.MULTILINE))
    assert {name.removesuffix(".md") for name in PAGES} - {"index"} <= named


def test_the_lectures_numbers_are_those_of_the_readme() -> None:
    rows = re.findall(r"^\| (?:10|100|1 000|10 000|100 000) \|.*$", README, re.MULTILINE)
    assert len(rows) == 5
    assert all(row in PAGES["start.md"] for row in rows)


def test_the_scenario_and_the_sweep_of_the_page_are_right(tmp_path: Path) -> None:
    whole, sweep = (yaml.safe_load(block) for block in blocks("scenarios.md", "yaml"))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(whole))
    assert len(resolved(str(tmp_path / "mine.yaml"))[2]) == 1
    swept: dict[str, Any] = whole | sweep
    swept["problem"]["cost"] = {"bump": {"k": 1}}
    (tmp_path / "swept.yaml").write_text(yaml.safe_dump(swept))
    assert len(resolved(str(tmp_path / "swept.yaml"))[2]) == 9 * 3 - 1


SOURCE = "\n".join(path.read_text("utf-8") for path in (ROOT / "bench").rglob("*.py")) + "\n".join(
    path.read_text("utf-8") for path in (ROOT / "estimators").rglob("*.py")
)
# What the program puts together of several parts, or of names.
_PARTS = re.compile(r"…|NAME|RUN|`")


@pytest.mark.parametrize(
    "message", re.findall(r"^\| `([^`]+)` \|", PAGES["troubleshooting.md"], re.MULTILINE)
)
def test_a_message_of_the_page_is_one_of_the_program(message: str) -> None:
    if message.startswith("python -m"):
        pytest.skip("a command")
    parts = [part.strip(" ';?,:()") for part in _PARTS.split(message)]
    parts = [part for part in parts if len(part) > 3]
    assert parts
    missing_parts = [part for part in parts if part not in SOURCE]
    assert missing_parts == []
