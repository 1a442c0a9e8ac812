"""Baseline files: what is written is read again, what anybody else wrote is refused with its place."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.errors import Invalid, ScenarioError
from bench.regression.baseline import PAIRS, Baseline, read, write
from bench.scenario.tree import SIZE_LIMIT
from tests import gates

SCENARIO = gates.TEXT.format(estimator="reinforce", N=10, seed=0)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def was() -> Baseline:
    return gates.baseline(gates.experiment())


@pytest.fixture(scope="module")
def text(was: Baseline, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("baseline") / "example.json"
    write(path, was)
    return path.read_text()


def test_a_file_of_the_first_layout_is_read(was: Baseline, text: str, tmp_path: Path) -> None:
    plain = json.loads(text)
    plain["schema"] = 1
    assert entry(plain).pop("settings") == "{}"
    assert entry(plain).pop("problem") is None
    path = tmp_path / "example.json"
    path.write_text(json.dumps(plain))
    assert read(path).cells == was.cells


def test_what_is_written_is_read_again(was: Baseline, text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "example.json"
    write(path, was)
    assert read(path) == was
    assert path.read_text() == text


def test_a_file_is_small_sorted_and_one_value_a_line(was: Baseline, text: str) -> None:
    plain = json.loads(text)
    assert text == json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert len(text) < 12_000
    (entry,) = was.cells.values()
    assert len(entry.squares()) == PAIRS
    assert abs(entry.squares().mean() / entry.variance - 1) < 5 * (entry.variance_kurtosis / PAIRS) ** 0.5


def entry(plain: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(plain["cells"].values()))
    return found


def numbers(values: Any) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def moved(plain: dict[str, Any]) -> None:
    plain["cells"]["0" * 16] = plain["cells"].popitem()[1]


STRUCTURE: dict[str, Change] = {
    "another format": lambda p: p.update(format="something else"),
    "no format": lambda p: p.pop("format"),
    "a newer layout": lambda p: p.update(schema=3),
    "a layout that is no number": lambda p: p.update(schema="1"),
    "a layout that is true": lambda p: p.update(schema=True),
    "an unknown key": lambda p: p.update(extra=1),
    "a missing key": lambda p: p.pop("cells"),
    "cells in a list": lambda p: p.update(cells=[1]),
    "no history": lambda p: p.update(history=[]),
    "a history without a reason": lambda p: p["history"][0].pop("reason"),
    "a seed below zero": lambda p: p.update(seed=-1),
    "an environment of numbers": lambda p: p.update(environment={"torch": 2}),
    "a very long word": lambda p: p.update(scenario="x" * 5000),
    "a cell by another name": moved,
    "a cell with a path for a name": lambda p: p["cells"].update({"../../etc/passwd": entry(p)}),
    "an accepted ratio of zero": lambda p: p["history"][0].update(
        accepted=[{"cell": "0" * 16, "metric": "variance", "ratio": 0.0}]
    ),
}
ENTRIES: dict[str, Change] = {
    "a variance below zero": lambda e: e.update(variance=-1.0),
    "a variance that is text": lambda e: e.update(variance="8.7"),
    "a variance that is null": lambda e: e.update(variance=None),
    "a kurtosis below one": lambda e: e.update(variance_kurtosis=0.2),
    "no replicates": lambda e: e.update(replicates=0),
    "more that is not finite than there is": lambda e: e.update(nonfinite=10**9),
    "half of the MSE": lambda e: e.update(mse=None),
    "another estimator": lambda e: e.update(estimator_name="reparameterization"),
    "another sample size": lambda e: e.update(sample_size=100),
    "another problem": lambda e: e.update(problem="{}"),
    "settings in no JSON": lambda e: e.update(settings="{"),
    "settings in a list": lambda e: e.update(settings="[1]"),
    "a missing digest": lambda e: e["digests"].pop(),
    "a digest that is none": lambda e: e["digests"].__setitem__(0, "x" * 32),
    "an unknown key of a cell": lambda e: e.update(varience=1.0),
    "numbers in no base64": lambda e: e.update(deviations="***"),
    "too few numbers": lambda e: e.update(deviations=numbers(np.ones(7))),
    "numbers below zero": lambda e: e.update(deviations=numbers(-np.ones(PAIRS))),
    "infinite numbers": lambda e: e.update(deviations=numbers(np.full(PAIRS, np.inf))),
}
TEXTS: dict[str, Callable[[str], bytes]] = {
    "an empty file": lambda _: b"",
    "half a file": lambda text: text[: len(text) // 2].encode(),
    "no text": lambda _: b"\x80\x81\xff",
    "a file of zeros": lambda _: b"\x00" * 1000,
    "a list": lambda _: b"[1, 2]",
    "a number that is none": lambda text: text.replace('"replicates": ', '"replicates": NaN').encode(),
    "an infinite number": lambda text: text.replace('"variance": ', '"variance": 1e999').encode(),
    "a key twice": lambda text: text.replace('"seed": 0', '"seed": 0,\n "seed": 0').encode(),
    "a very deep file": lambda _: b"[" * 5000,
    "a bomb of aliases": lambda _: b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "a call": lambda _: b"!!python/object/apply:os.system ['true']",
    "a very large file": lambda text: text.encode() + b" " * SIZE_LIMIT,
    "two documents": lambda text: (text + "---\n" + text).encode(),
    "escapes of a terminal": lambda text: text.replace('"example"', '"exam\x1b[31mple"').encode(),
}


def broken(name: str, text: str) -> bytes:
    if name in TEXTS:
        return TEXTS[name](text)
    plain = json.loads(text)
    if name in STRUCTURE:
        STRUCTURE[name](plain)
    else:
        ENTRIES[name](entry(plain))
    return json.dumps(plain, indent=1, sort_keys=True).encode()


BROKEN = [*STRUCTURE, *ENTRIES, *TEXTS]


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 30


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_by_every_verb_and_left_as_it_is(
    name: str, text: str, tmp_path: Path
) -> None:
    content = broken(name, text)
    assert content != text.encode()
    scenario, path = tmp_path / "example.yaml", tmp_path / "example.json"
    scenario.write_text(SCENARIO)
    path.write_bytes(content)
    before = sorted(tmp_path.iterdir())
    for words in (
        ["gate", scenario, "--baseline", path],
        ["baseline", "show", path],
        ["baseline", "diff", path, path],
        ["baseline", "update", scenario, "-o", path],
        ["baseline", "update", scenario, "-o", path, "--accept-regression", "why not"],
        ["baseline", "save", scenario, "-o", path],
    ):
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == 2, (words, done.output, done.exception)
        assert done.stderr.startswith(f"{path}:")
        assert all(line.isprintable() for line in done.stderr.splitlines())
        assert path.read_bytes() == content
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", [name for name in BROKEN if name in ENTRIES])
def test_the_place_is_told(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "example.json"
    path.write_bytes(broken(name, text))
    with pytest.raises(ScenarioError) as refused:
        read(path)
    for line in refused.value.lines:
        file, row, column, message = line.split(":", 3)
        assert file == str(path)
        assert int(row) > 1
        assert int(column) >= 1
        assert "cells." in message


def test_a_broken_anchor_is_refused_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(SCENARIO)
    (tmp_path / "example.json").write_text(text)
    (tmp_path / "example.anchor.json").write_text("{}")
    done = CliRunner().invoke(main, ["gate", str(tmp_path / "example.yaml"), "--baseline", str(tmp_path)])
    assert done.exit_code == 2
    assert "example.anchor.json:1:1: no baseline" in done.stderr


def test_the_original_is_accepted(text: str, tmp_path: Path) -> None:
    # The control of all that is refused.
    (tmp_path / "example.yaml").write_text(SCENARIO)
    (tmp_path / "example.json").write_text(text)
    done = CliRunner().invoke(main, ["gate", str(tmp_path / "example.yaml"), "--baseline", str(tmp_path)])
    assert done.exit_code == 0, done.output


def test_a_missing_file_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="bench baseline save"):
        read(tmp_path / "nothing.json")


def test_what_is_too_large_to_be_read_is_not_written(was: Baseline, tmp_path: Path) -> None:
    ((name, one),) = was.cells.items()
    many = was.model_copy(update={"cells": {f"{i:016x}": one for i in range(200)}})
    with pytest.raises(Invalid, match="too many"):
        write(tmp_path / "large.json", many)
    assert not list(tmp_path.iterdir())
    assert name
