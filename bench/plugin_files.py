"""Modules and files of plug-ins, imported."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import invalid


def module_of(source: str) -> types.ModuleType:
    """The module of a name, or of a file that ends in `.py`; importing it runs its author's code.

    Raises:
        Invalid: if it cannot be imported.
    """
    if source.endswith(".py") and not Path(source).exists():
        raise invalid(f"plug-in {source}: no such file; wanted one, or the name of a module")
    try:
        return _file(source) if source.endswith(".py") else importlib.import_module(source)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}{_place(error, source)}"
        raise invalid(f"plug-in {source} cannot be imported: {reason}") from error


def _place(error: Exception, source: str) -> str:
    """The line of a plug-in's file at which it failed; a syntax error tells that itself."""
    if isinstance(error, SyntaxError):
        return ""
    frames, path = traceback.extract_tb(error.__traceback__), Path(source).resolve()
    own = [frame for frame in frames if Path(frame.filename).resolve() == path]
    return f" (line {own[-1].lineno})" if own else ""


def _file(source: str) -> types.ModuleType:
    """The module of a file; that of before if the file is as it was, so that its classes are the same."""
    path = Path(source)
    text = path.read_bytes()
    if (before := _FILES.get(path.resolve())) is not None and before[0] == text:
        return before[1]
    name = f"bench_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    with _importable(path.resolve().parent), from_a_fixed_seed():
        spec.loader.exec_module(module)
    _FILES[path.resolve()] = text, module
    return module


@contextmanager
def from_a_fixed_seed() -> Iterator[None]:
    """Weights that somebody's code draws within are the same each time, in every process."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let what lies in a folder be imported, as it can be by a program that is run there."""
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


_FILES: dict[Path, tuple[bytes, types.ModuleType]] = {}
