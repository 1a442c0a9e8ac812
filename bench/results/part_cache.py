"""Parts that are shared between runs: in a folder of choice, and long references in the user's cache."""

from __future__ import annotations

import functools
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import torch

import estimators
from bench.errors import Invalid
from bench.results.part_file import read_part, write_part
from bench.results.parts import Part


class PartCache:
    """A folder of parts by name, and by the code that made them.

    Args:
        root: the folder; what cannot be read there is not there, what cannot be written is left out.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notes: list[str] = []

    def get(self, name: str) -> Part | None:
        """The part of a name; a damaged one is removed."""
        path = self._path(name)
        try:
            part = read_part(path)
            return part if part[0].get("name") == name else None
        except FileNotFoundError:
            return None
        except (Invalid, OSError) as error:
            self.notes.append(f"{error}; removed from the cache")
            with suppress(OSError):
                path.unlink()
            return None

    def put(self, name: str, part: Part) -> None:
        """Keep a part."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_part(path, {**part[0], "name": name}, part[1])
        except OSError as error:
            self.notes.append(f"{path}: {error.strerror or error}; not kept in the cache")

    def _path(self, name: str) -> Path:
        return self.root / code() / name


def of_user() -> PartCache:
    """The cache of the user: where BENCH_CACHE says, else where the system has such folders."""
    if own := os.environ.get("BENCH_CACHE"):
        return PartCache(Path(own))
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return PartCache(Path(home) / "gradient-estimator-bench")


@functools.cache
def code() -> str:
    """A hash of the code of this package, and of torch's version: what another has made is not taken."""
    digest = hashlib.sha256(torch.__version__.encode())
    for package in (Path(__file__).parents[1], Path(str(estimators.__file__)).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]
