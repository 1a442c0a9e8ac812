"""The guide at the front: its tables against the reference run and the catalogue, its files and its links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import bench
from bench.distributions.families import FAMILIES
from bench.page.small_tables import strip
from bench.problems import PROBLEMS
from bench.scenario.resolved import resolved
from estimators import ESTIMATORS
from estimators.baselines import BASELINES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def named_in(part: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", part))


def test_the_strip_is_that_of_the_reference_run() -> None:
    table = strip(bench.load(ROOT / "results" / "reference" / "gaussian"), "variance")
    assert table is not None
    place = table.title.removeprefix("At ").partition(",")[0]
    assert f"| at {place} | {' | '.join(table.head[1:])} |" in README
    rows = [f"| {' | '.join(field.text for field in row)} |" for row in table.rows]
    assert "\n".join(rows) in README


def test_the_table_of_measured_variances_is_that_of_the_reference_run() -> None:
    frame = bench.load(ROOT / "results" / "reference" / "gaussian").measurements
    frame = frame[(frame["device"] == "cpu") & (frame["status"] == "ok")]
    lines = {line.split(" | ")[0]: line.split(" | ") for line in README.splitlines() if "(" in line}
    for estimator, column in {"reinforce": 1, "reparameterization": 4}.items():
        for row in frame[frame["estimator"] == estimator].itertuples():
            cell = lines[f"| {row.sample_size:,}".replace(",", " ")][column]
            numbers = [float(text) for text in re.findall(r"[\d.]+", cell)]
            assert numbers == pytest.approx([row.variance, row.variance_low, row.variance_high], rel=0.01)


def test_everything_of_the_catalogue_is_named() -> None:
    part = README[README.index("## What can be compared") : README.index("## Your own question")]
    assert set(ESTIMATORS) | set(BASELINES) | set(PROBLEMS) <= named_in(part)
    assert named_in(part) <= set(ESTIMATORS) | set(BASELINES) | set(PROBLEMS)
    assert f"any of {len(FAMILIES)} distributions" in part


def test_the_scenario_is_one_and_the_sweep_too(tmp_path: Path) -> None:
    whole, sweep = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(whole)
    assert len(resolved(str(tmp_path / "mine.yaml"))[2]) == 1
    bump = re.sub(r"cost: .*", "cost: {bump: {k: 1}}", whole)
    bump = re.sub(r"(?ms)^sweep:.*?^replicates", f"{sweep}replicates", bump)
    (tmp_path / "swept.yaml").write_text(bump)
    assert len(resolved(str(tmp_path / "swept.yaml"))[2]) == 9 * 3 - 1
    assert set(yaml.safe_load(sweep)) == {"sweep"}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_links_lead_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    assert (ROOT / path).exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
        assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_pictures_have_a_text() -> None:
    assert [text for text in re.findall(r"!\[(.*?)\]", README) if len(text) < 30] == []
    assert README.count("![") == 2


def test_the_first_screen_has_the_question_two_commands_the_picture_and_the_strip() -> None:
    first = README[: README.index("## ")]
    texts = ["Which estimator should", "make run", "bench run gaussian", "variance.png", "| at N = 100 000"]
    places = [first.index(text) for text in texts]
    assert places == sorted(places)
    parts = ["What can be compared", "Your own question", "Your own estimator", "Regression gate"]
    places = [README.index(f"## {title}") for title in parts]
    assert places == sorted(places)
