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
    scenario, git = record["scenario"], record.get("git") or {}
    version, seed = plain(scenario.get("version")), plain(scenario.get("seed"))
    found = {
        "scenario": f"{plain(scenario['name'])}, version {version}, seed {seed}",
        "commit": plain(git.get("commit"), 64) + (", with changes" if git.get("dirty") else ""),
        "versions": versions_of(record),
        "machine": machine_of(record),
        "SHA-256 of the scenario": plain(record.get("hash"), 64),
        "random numbers": plain(record.get("stream_layout")),
        "started": plain(record.get("started")),
        "finished": plain(record.get("finished")),
        "command": plain(command_of(record), _LONG),
    }
    yield from ((name, value) for name, value in found.items() if value)


def versions_of(record: Mapping[str, Any]) -> str:
    """Return packages with their versions; empty if none was recorded."""
    versions = (record.get("versions") or {}).items()
    return ", ".join(f"{plain(name)} {plain(version)}" for name, version in versions if version)


def machine_of(record: Mapping[str, Any]) -> str:
    """Return processor, cores, platform and devices; empty if it was not recorded."""
    machine = record.get("machine") or {}
    processor, platform = (plain(machine.get(name), _LONG) for name in ("processor", "platform"))
    cores = f"{plain(machine['cores'])} cores" if machine.get("cores") else ""
    devices = ", ".join(plain(device, _LONG) for device in machine.get("devices") or [])
    return "; ".join(filter(None, (processor, cores, platform, devices)))


def command_of(record: Mapping[str, Any]) -> str:
    """Return the command as it was typed, wherever the program is; empty if nothing was."""
    program, *words = map(str, record.get("command") or [""])
    name = PurePath(program).name
    called = ["python", "-m", "bench"] if name == "__main__.py" else [name]
    return shlex.join([*called, *words]) if name else ""
