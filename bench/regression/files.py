"""Files of baselines: beside one another under the names of their scenarios, each with its anchor."""

from __future__ import annotations

from pathlib import Path

from bench.errors import invalid
from bench.regression.baseline import Baseline, read

FOLDER = Path("results/baselines")


def path_of(scenario: str, given: Path | None) -> Path:
    """The baseline of a scenario: the file that is given, or that of its name in the given folder."""
    if given is not None and given.suffix == ".json":
        return given
    return (FOLDER if given is None else given) / f"{scenario}.json"


def anchor_of(path: Path) -> Path:
    """The anchor that lies beside a baseline."""
    return path.with_name(f"{path.stem}.anchor.json")


def read_anchor(path: Path) -> Baseline | None:
    """The anchor beside a baseline, if there is one.

    Raises:
        ScenarioError: if it is damaged.
    """
    anchor = anchor_of(path)
    return read(anchor) if anchor.exists() else None


def one_file_each(count: int, given: Path | None) -> None:
    """Refuse one file for several scenarios.

    Raises:
        Invalid: if it is one.
    """
    if count > 1 and given is not None and given.suffix == ".json":
        raise invalid(f"{given}: one file for {count} scenarios; give a folder, in which each has its own")
