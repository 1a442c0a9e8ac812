"""A scenario, read and resolved, with everything that is wrong with it in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.errors import ScenarioError
from bench.scenario.document import in_order, unplaced
from bench.scenario.given import Said, said
from bench.scenario.labels import by_label
from bench.scenario.reading import Source, drafted
from bench.scenario.schema import Scenario

if TYPE_CHECKING:
    from bench.engine.plan import Experiment


def resolved(
    scenario: Said, overrides: Sequence[str] = (), small: bool = False
) -> tuple[Scenario, Source, list[Experiment]]:
    """A scenario, read, and the experiments that it describes.

    Args:
        scenario: a YAML file, or what it would say as plain data.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the file says.
        small: whether to make it small, to see if it runs.

    Raises:
        ScenarioError: with everything that is wrong, and where it was said.
    """
    text, file = said(scenario)
    draft = drafted(text, file, overrides)
    found, lines, experiments = draft.scenario, draft.lines, []
    if found is not None:
        # Late: what cannot be read at all is told without waiting for torch.
        from bench.scenario.resolve import experiments_of, quick

        found = by_label(quick(found) if small else found)
        try:
            experiments = experiments_of(found, draft.source)
        except ScenarioError as error:
            lines = in_order([*lines, *error.lines], file)
    if lines or found is None:
        # Of data there are no lines to be named.
        raise ScenarioError(
            [unplaced(line, file) for line in lines] if isinstance(scenario, Mapping) else lines
        )
    return found, draft.source, experiments
