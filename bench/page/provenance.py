"""What it takes to repeat a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from bench.report.labels import plain

_LONG = 1000


def provenance_of(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and value of what is known; what the record does not say is left out."""
    scenario = record["scenario"]
    version, seed = plain(scenario.get("version")), plain(scenario.get("seed"))
    yield "scenario", f"{plain(scenario['name'])}, version {version}, seed {seed}"
    if git := record.get("git"):
        yield "commit", plain(git.get("commit"), 64) + (", with changes" if git.get("dirty") else "")
    if versions := record.get("versions"):
        packages = (f"{plain(name)} {plain(version)}" for name, version in versions.items() if version)
        yield "versions", ", ".join(packages)
    if machine := record.get("machine"):
        cores = f"{plain(machine['cores'])} cores" if machine.get("cores") else ""
        words = [plain(machine.get("processor"), _LONG), cores, plain(machine.get("platform"), _LONG)]
        yield "machine", ", ".join(filter(None, words))
    if record.get("stream_layout"):
        yield "random numbers", plain(record["stream_layout"])
    if record.get("finished"):
        yield "finished", plain(record["finished"])
    if command := command_of(record):
        yield "to repeat", plain(command, _LONG)


def command_of(record: Mapping[str, Any]) -> str:
    """What was typed, as it can be typed anywhere; empty if the run came from a program of its own."""
    program, *words = map(str, record.get("command") or [""])
    name = PurePath(program).name
    if name == "__main__.py":
        return shlex.join(["python", "-m", "bench", *words])
    return shlex.join([name, *words]) if name == "bench" else ""
