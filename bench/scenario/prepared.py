"""A scenario that is ready to run: read, its names looked up, its cells planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.engine.plan import Cell, NamedEstimator, Planned, numbers, plan
from bench.errors import Invalid, ScenarioError, did_you_mean, shown
from bench.scenario.given import Said
from bench.scenario.reading import Source
from bench.scenario.resolved import resolved
from bench.scenario.schema import Scenario
from estimators import called

LARGEST = 10**11
"""A run that takes more numbers than this, some minutes' worth, must be confirmed."""


@dataclass(frozen=True)
class Prepared:
    """A scenario that is ready to run.

    Attributes:
        scenario: what the file says.
        source: where.
        plans: one for each point of the sweep over options of the problem; one if there is no such.
        only: labels or names of the estimators that were kept; None if all were.
        small: whether it was made small.
    """

    scenario: Scenario
    source: Source
    plans: tuple[Planned, ...]
    only: tuple[str, ...] | None = None
    small: bool = False

    @property
    def cells(self) -> list[Cell]:
        """Those of all points."""
        return [cell for planned in self.plans for cell in planned.cells]

    def ready(self) -> tuple[Planned, ...]:
        """The plans with their problems ready to be measured: all, before a number is lost to a mistake.

        Raises:
            ScenarioError: if an option turns out wrong only then, and where it was said.
        """
        try:
            return tuple(replace(each, experiment=each.experiment.prepared) for each in self.plans)
        except Invalid as error:
            raise ScenarioError(self.source.lines(error.under("problem").faults)) from None


def prepare(
    said: Said,
    overrides: Sequence[str] = (),
    only: Sequence[str] | None = None,
    small: bool = False,
    confirmed: bool = False,
) -> Prepared:
    """Read a scenario, look its names up, and plan its cells.

    Args:
        said: a YAML file, or what it would say as plain data.
        overrides: `dotted.key=value`, instead of what the file says.
        only: labels or names of the estimators to keep; None keeps all.
        small: whether to make it small, to see if it runs.
        confirmed: whether it may be very large.

    Raises:
        ScenarioError: with everything that is wrong with it.
    """
    scenario, source, experiments = resolved(said, overrides, small)
    if only is not None:
        experiments = [replace(each, estimators=_selected(each.estimators, only)) for each in experiments]
    plans = tuple(Planned(experiment, plan(experiment)) for experiment in experiments)
    cells = [cell for planned in plans for cell in planned.cells]
    size = sum(numbers(planned.experiment, planned.cells) for planned in plans)
    if size > LARGEST and not confirmed:
        large = f"{len(cells)} cells take {size:.1e} numbers; if that is meant, add --yes"
        raise ScenarioError([f"{source.document.file}: {large}"])
    return Prepared(scenario, source, plans, None if only is None else tuple(only), small)


def _selected(estimators: Sequence[NamedEstimator], only: Sequence[str]) -> tuple[NamedEstimator, ...]:
    wanted = [word.strip() for word in only]
    known = {word for named in estimators for word in _called(named)}
    if unknown := [word for word in wanted if word not in known]:
        suggested = {word for named in estimators for word in (named.label, named.name)}
        raise ScenarioError(
            [f"no estimator {shown(word)} here; {did_you_mean(word, suggested)}" for word in unknown]
        )
    # A label means the estimator with it, and any other name all that are called so.
    labels = {named.label for named in estimators}.intersection(wanted)
    others = set(wanted) - labels
    return tuple(n for n in estimators if n.label in labels or not _called(n).isdisjoint(others))


def _called(named: NamedEstimator) -> set[str]:
    """All by which an estimator may be chosen: its label, its name, and other names for the same."""
    return {named.label, *called(named.name, named.options)}
