"""Files of a run that are cut off or changed anywhere: set aside and measured again, or refused in words."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import Invalid
from bench.execution import execute
from bench.results import folder as run_folder
from bench.scenario.prepared import Prepared
from tests.faults.small_run import assert_same_numbers, numbers, resumed

PLACES = 300


def cut(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randrange(len(content))]


def flipped(content: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << generator.randrange(8))]) + content[at + 1 :]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [cut, flipped]


def test_damaged_parts_are_set_aside_and_measured_again(prepared: Prepared, tmp_path: Path) -> None:
    folder = execute(prepared, tmp_path / "whole").folder
    assert folder is not None
    whole = numbers(folder)
    generator = random.Random(1)
    names = sorted(path.name for path in (folder / "parts").iterdir())
    for i in range(PLACES):
        copy = tmp_path / "copies" / str(i)
        shutil.copytree(folder, copy)
        victims = generator.sample(names, 2)
        for name in victims:
            path = copy / "parts" / name
            path.write_bytes(generator.choice(DAMAGES)(path.read_bytes(), generator))
        run = resumed(prepared, copy)
        assert not run.interrupted
        assert_same_numbers(numbers(copy), whole)
        told = " ".join(run.record["notes"])
        assert all(name in told for name in victims), (victims, told)
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["run.json", "measurements.parquet", "coordinates.parquet", "plan.json"])
def test_other_damaged_files_are_refused_or_read_as_they_were(
    prepared: Prepared, tmp_path: Path, name: str
) -> None:
    folder = execute(prepared, tmp_path / "whole").folder
    assert folder is not None
    whole = numbers(folder)
    content = (folder / name).read_bytes()
    generator = random.Random(2)
    refused = 0
    for _ in range(PLACES // 4):
        (folder / name).write_bytes(generator.choice(DAMAGES)(content, generator))
        try:
            run = run_folder.load(folder)
            run.measurements, run.coordinates  # noqa: B018 - they are read when they are asked for
        except Invalid:
            refused += 1
        resumed(prepared, folder)
        assert_same_numbers(numbers(folder), whole)
    print(f"{name}: {refused} of {PLACES // 4} refused")
    assert refused or name == "plan.json"
