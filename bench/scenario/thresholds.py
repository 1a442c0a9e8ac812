"""The limits for each estimator, and their source: its own entry, the scenario, or the default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bench.errors import Fault, KeyFault, did_you_mean, shown
from bench.scenario.gate_section import Gate, Ratio
from bench.scenario.gate_section import Thresholds as Said
from bench.statistics.gating import Margin

RATIOS = ("variance", "mse")
"""The metrics whose ratio to the baseline is tested."""

INCREASE = 0.10
"""The increase that is to be found where nobody says otherwise."""


@dataclass(frozen=True)
class Thresholds:
    """The limits that one estimator must keep to.

    Attributes:
        ratios: metric -> what is a worsening.
        bias_margin: the largest bias, as a part of the gradient's norm; 0 for none at all.
        sources: metric -> who said so, as text.
    """

    ratios: Mapping[str, Margin]
    bias_margin: float
    sources: Mapping[str, str]


def thresholds_of(gate: Gate, label: str) -> Thresholds:
    """The thresholds of an estimator: what its own entry says, else the scenario, else the default."""
    layers = [(f"gate.estimators.{label}", gate.estimators.get(label)), ("gate", gate)]
    ratios, sources = {}, {}
    for metric in RATIOS:
        ratios[metric], sources[metric] = _margin(metric, layers)
    margin, sources["bias"] = next(
        (
            (said.bias.margin, where)
            for where, said in layers
            if said is not None and said.bias is not None and said.bias.margin is not None
        ),
        (0.0, "default"),
    )
    return Thresholds(ratios, margin, sources)


def faults_of(gate: Gate, labels: Iterable[str]) -> Iterator[Fault]:
    """Return the faults of the thresholds of a scenario whose estimators have these labels."""
    known = list(labels)
    for label, said in gate.estimators.items():
        if label not in known:
            message = f"no estimator is called {shown(label)}; {did_you_mean(label, known)}"
            yield KeyFault(message, ("gate", "estimators", label))
        yield from _unordered(gate, label, said, ("gate", "estimators", label))
    yield from _unordered(gate, "", gate, ("gate",))


def _unordered(gate: Gate, label: str, said: Said, path: tuple[str, ...]) -> Iterator[Fault]:
    for metric in RATIOS:
        ratio: Ratio | None = getattr(said, metric)
        margin = thresholds_of(gate, label).ratios[metric]
        if ratio is not None and not margin.indifference < margin.increase:
            message = (
                f"wanted an indifference below the {margin.increase:.3g} of max_increase, "
                f"got {margin.indifference:.3g}"
            )
            yield Fault(message, (*path, metric))


def _margin(metric: str, layers: list[tuple[str, Said | None]]) -> tuple[Margin, str]:
    increase = indifference = None
    source = "default"
    for where, said in layers:
        ratio: Ratio | None = None if said is None else getattr(said, metric)
        if ratio is None:
            continue
        if source == "default":
            source = where
        increase = ratio.max_increase if increase is None else increase
        indifference = ratio.indifference if indifference is None else indifference
    found = margin_of(INCREASE if increase is None else increase)
    return found if indifference is None else replace(found, indifference=indifference), source


def margin_of(increase: float) -> Margin:
    """The margin of an increase: up to a fifth of it no alarm is raised."""
    return Margin(increase, increase / 5)
