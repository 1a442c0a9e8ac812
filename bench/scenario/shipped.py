"""Scenarios by name: those of the folder `scenarios`, and those that come with the package."""

from __future__ import annotations

from pathlib import Path

_INSTALLED = Path(__file__).with_name("files")
_CHECKOUT = Path(__file__).parents[2] / "scenarios"


def scenario_files() -> dict[str, Path]:
    """The scenarios that can be run by name: those of the folder `scenarios` here, then the package's own."""
    own = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = [*sorted(own.glob("*.yaml")), *sorted(Path("scenarios").glob("*.yaml"))]
    return {path.stem: path for path in found}


def located(given: str) -> str:
    """The file of a scenario that is given by its name, such as `gaussian`; a path stays as it is."""
    if Path(given).exists() or Path(given).name != given or Path(given).suffix:
        return given
    return str(scenario_files().get(given, given))
