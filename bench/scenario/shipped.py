"""Scenarios by name: those of the folder `scenarios`, and those that come with the package."""

from __future__ import annotations

import difflib
from pathlib import Path

from bench.errors import ScenarioError
from bench.scenario.document import printable

_INSTALLED = Path(__file__).with_name("files")
_CHECKOUT = Path(__file__).parents[2] / "scenarios"


def scenario_files() -> dict[str, Path]:
    """The scenarios that can be run by name: those of the folder `scenarios` here, then the package's own."""
    own = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = [*sorted(own.glob("*.yaml")), *sorted(Path("scenarios").glob("*.yaml"))]
    return {path.stem: path for path in found}


def located(given: str) -> str:
    """The file of a scenario that is given by its name, such as `gaussian`; a path stays as it is.

    Raises:
        ScenarioError: if it is given by a name, and there is neither a scenario nor a file that is called so.
    """
    if Path(given).exists() or Path(given).name != given or Path(given).suffix:
        return given
    files = scenario_files()
    if given in files:
        return str(files[given])
    known = {name: name for name in files} | {path.stem: path.name for path in sorted(Path().glob("*.yaml"))}
    near = difflib.get_close_matches(given.lower(), known, n=1)
    hint = f"did you mean {printable(known[near[0]])}? " if near else ""
    raise ScenarioError(
        [
            f"{printable(given)}: there is no scenario of this name, and no such file; {hint}"
            "`bench list scenarios` lists all"
        ]
    )
