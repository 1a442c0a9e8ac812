"""Provenance of a run: all that it takes to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from bench.text.labels import plain

AS_TYPED = ("command", "SHA-256 of the scenario")
"""Names of values that are shown character by character."""

_LONG = 1000


def provenance_of(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and value of all that is known; what the record does not say is left out."""
    scenario = record["scenario"]
    version, seed = plain(scenario.get("version")), plain(scenario.get("seed"))
    yield "scenario", f"{plain(scenario['name'])}, version {version}, seed {seed}"
    if git := record.get("git"):
        yield "commit", plain(git.get("commit"), 64) + (", with changes" if git.get("dirty") else "")
    if versions := record.get("versions"):
        packages = (f"{plain(name)} {plain(version)}" for name, version in versions.items() if version)
        yield "versions", ", ".join(packages)
    if machine := machine_of(record):
        yield "machine", machine
    if record.get("hash"):
        yield "SHA-256 of the scenario", plain(record["hash"], 64)
    if record.get("stream_layout"):
        yield "random numbers", plain(record["stream_layout"])
    if record.get("started"):
        yield "started", plain(record["started"])
    if record.get("finished"):
        yield "finished", plain(record["finished"])
    if command := command_of(record):
        yield "command", plain(command, _LONG)


def machine_of(record: Mapping[str, Any]) -> str:
    """Return processor, cores, platform and devices; empty if it was not recorded."""
    machine = record.get("machine") or {}
    cores = f"{plain(machine['cores'])} cores" if machine.get("cores") else ""
    devices = ", ".join(plain(device, _LONG) for device in machine.get("devices") or [])
    words = [plain(machine.get("processor"), _LONG), cores, plain(machine.get("platform"), _LONG), devices]
    return "; ".join(filter(None, words))


def command_of(record: Mapping[str, Any]) -> str:
    """Return the command as it was typed, wherever the program is; empty if nothing was."""
    program, *words = map(str, record.get("command") or [""])
    name = PurePath(program).name
    called = ["python", "-m", "bench"] if name == "__main__.py" else [name]
    return shlex.join([*called, *words]) if name else ""
