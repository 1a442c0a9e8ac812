"""A release: one version in all places that tell it, and targets and pages that the guide names."""

from __future__ import annotations

import importlib
import re
import tomllib
from datetime import date
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "releasing.md").read_text("utf-8")


def test_the_version_is_one_and_the_same() -> None:
    released = re.findall(r"^## (\d\S*) \((\S+)\)$", CHANGELOG, re.MULTILINE)
    version, day = released[0]
    assert version == PROJECT["version"] == CITATION["version"]
    assert date.fromisoformat(day) == CITATION["date-released"]


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings.count("Unreleased") == 1


def test_the_citation_has_what_its_format_requires() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= CITATION.keys()
    assert CITATION["title"] == PROJECT["name"]
    assert CITATION["license"] == PROJECT["license"]
    holders = (ROOT / "LICENSE").read_text("utf-8")
    assert all(author["name"].removeprefix("The ") in holders for author in CITATION["authors"])


def test_the_guide_names_targets_that_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {word for said in re.findall(r"`make ([a-z -]+)`", GUIDE) for word in said.split()}
    assert {"gate", "reproduce", "wheel-test"} <= named <= targets


def test_every_entry_point_is_there() -> None:
    named = [*PROJECT["scripts"].values(), *PROJECT["entry-points"]["pytest11"].values()]
    assert len(named) >= 2
    for name in named:
        module, _, attribute = name.partition(":")
        found = importlib.import_module(module)
        assert not attribute or callable(getattr(found, attribute))


def test_every_licence_of_what_is_vendored_is_in_the_packages() -> None:
    found = {path for folder in ("bench", "estimators") for path in (ROOT / folder).rglob("LICENSE*")}
    assert len(found) == 4
    assert found == {path for glob in PROJECT["license-files"] for path in ROOT.glob(glob)} - {
        ROOT / "LICENSE"
    }
