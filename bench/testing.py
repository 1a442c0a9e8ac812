"""Assertions about gradient estimators, for tests: no worse than a baseline says, or unbiased."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from bench import catalogue
from bench.auditing.asserted import Audited
from bench.engine.cell import CellSampler, samplers_of
from bench.engine.sample import Sample, sample_of
from bench.engine.timing import threads
from bench.engine.truth import Truths, truths_of
from bench.errors import did_you_mean, invalid, shown
from bench.regression import writing
from bench.regression.baseline import read
from bench.regression.epoch import current_epoch, key_of
from bench.regression.files import path_of
from bench.regression.gate import judge_all
from bench.regression.gate_table import forest_line, place
from bench.regression.gated import gated, plans_of
from bench.regression.rules import METRICS
from bench.regression.verdicts import CellVerdict, Report
from bench.scenario.prepared import Prepared, prepare
from bench.scenario.thresholds import Thresholds, margin_of, thresholds_of
from bench.statistics.gating import LEAST
from bench.statistics.unbiasedness import replicates_for_equivalence
from bench.statistics.verdict import bias_interval, bias_p, is_equivalent, needs

# An unbiased estimator fails to show it with this probability.
_MISSED = 1e-4


@dataclass(frozen=True)
class GradientBench:
    """The fixture `gradient_bench`.

    Attributes:
        root: below which scenarios are looked for.
        baseline: a file, or the folder of all.
        update: whether baselines are measured and written, instead of held against.
        alpha: the probability of a false alarm of each assertion.
        epoch: what fresh random numbers are made of; None for the commit.
        benchmark: the fixture of pytest-benchmark, if the test uses it.
    """

    root: Path
    baseline: Path
    update: bool
    alpha: float
    epoch: str | None
    benchmark: Any = None

    def plugin(self, source: str | Path) -> None:
        """Add the estimators and problems of a module, or of a file that ends in `.py`.

        Raises:
            Invalid: if it cannot be imported, or offers nothing.
        """
        _add_once(str(self._found(source)) if str(source).endswith(".py") else str(source))

    def run(
        self,
        scenario: str | Path,
        *,
        estimators: Sequence[str] | None = None,
        sample_sizes: Sequence[int] | None = None,
        overrides: Sequence[str] = (),
    ) -> Tested:
        """The cells of a scenario, ready for assertions.

        Args:
            scenario: its file, from the root of the tests.
            estimators: labels or names of those that are meant; None for all.
            sample_sizes: the values of N that are meant; None for those that the scenario gates.
            overrides: `dotted.key=value`, instead of what the file says.

        Raises:
            ScenarioError: with everything that is wrong with the scenario, and where.
        """
        sizes = [] if sample_sizes is None else [f"gate.sample_sizes={list(sample_sizes)}"]
        path = self._found(scenario)
        tested = Tested(self, path, tuple(estimators or ()), (*overrides, *sizes))
        if self.update:
            tested.update_baseline()
        if self.benchmark is not None:
            self.benchmark.extra_info |= tested.extra_info()
        return tested

    def audit(self, losses: Any, model: Any, **settings: Any) -> Audited:
        """Losses of one's own, ready for assertions; arguments as of `bench.audit`."""
        return Audited(losses, model, settings, self.alpha)

    def _found(self, path: str | Path) -> Path:
        return path if (path := Path(path)).is_absolute() else self.root / path


@dataclass(frozen=True)
class Tested:
    """Some cells of a scenario, about which something is asserted.

    Attributes:
        bench: by what is tested.
        file: the scenario.
        only: the estimators that are meant; empty for all.
        overrides: what differs from the file.
    """

    bench: GradientBench
    file: Path
    only: tuple[str, ...]
    overrides: tuple[str, ...]

    def assert_not_worse(self, metric: str = "variance", max_increase: float | None = None) -> None:
        """Assert that a metric has not grown since the baseline.

        Args:
            metric: "variance", "mse", "bias", "evaluations" or "nonfinite".
            max_increase: the relative increase that must be found with probability 99 %, of the
                variance or the mean squared error: 0.1 for 10 %; up to a fifth of it no alarm is
                raised. None for what the scenario says.

        Raises:
            AssertionError: if it has grown, if that cannot be told, or if nothing can be compared.
            Invalid: if there is no such metric.
        """
        __tracebackhide__ = True
        if metric not in METRICS:
            raise invalid(f"unknown metric {shown(metric)}; {did_you_mean(metric, METRICS)}")
        held = gated(self._prepared, str(self.file), self.bench.baseline, not self.only, metrics=[metric])
        if max_increase is not None:
            held = replace(held, thresholds=partial(self._stricter, max_increase))
        report = judge_all([held], self._epoch, self.bench.alpha)
        if report.exit_code:
            raise AssertionError(self._told(report, metric, max_increase))

    def assert_unbiased(self, within: float = 0.01) -> None:
        """Assert that the bias is shown to be within a part of the gradient's norm: by equivalence at 5 %.

        As many replicates are taken as it needs: an unbiased estimator fails with a probability of 1e-4.

        Raises:
            AssertionError: if an estimator is biased, or that cannot be told.
        """
        __tracebackhide__ = True
        with threads(1):
            found = [
                self._bias(CellSampler(planned.experiment, cell), within, truths)
                for planned, truths in (
                    (planned, truths_of(planned.experiment)) for planned in plans_of(self._prepared)
                )
                for cell in planned.cells
            ]
        wrong = [line for line in found if line]
        if wrong or not found:
            command = shlex.join(
                ["python", "-m", "bench", *_plugins(), "run", self._shown(self.file), *self._words()]
            )
            raise AssertionError("\n".join([*(wrong or ["nothing was tested"]), f"look closer: {command}"]))

    def update_baseline(self) -> None:
        """Measure these cells, and write them into the baseline; others there stay as they are."""
        path = path_of(self._prepared.scenario.name, self.bench.baseline)
        path.parent.mkdir(parents=True, exist_ok=True)
        made = writing.measure(self._prepared)
        with _lock(path):
            if path.exists():
                old = read(path)
                writing.update(self._prepared, path, old, made, None, str(self.file), whole=False)
            else:
                writing.save(self._prepared, path, made, str(self.file))

    def extra_info(self) -> dict[str, dict[str, float]]:
        """Variance and work-normalized variance of each cell, for pytest-benchmark."""
        found = {}
        with threads(1):
            for sampler in samplers_of(plans_of(self._prepared)):
                cell, point = sampler.cell, sampler.experiment.point
                if cell.status == "ok":
                    sample = sample_of(sampler, "gate extra", LEAST, None)
                    variance = sample.variance.value
                    at = f"{point}: " if point else ""
                    found[f"{at}{cell.named.label}, N = {cell.sample_size}, {cell.device}"] = {
                        "variance": variance,
                        "work_normalized_variance": variance * sample.seconds,
                    }
        return found

    @cached_property
    def _prepared(self) -> Prepared:
        return prepare(self.file, self.overrides, list(self.only) or None, confirmed=True)

    @property
    def _epoch(self) -> str:
        return current_epoch(self.file.parent) if self.bench.epoch is None else self.bench.epoch

    def _stricter(self, increase: float, label: str) -> Thresholds:
        thresholds = thresholds_of(self._prepared.scenario.gate, label)
        return replace(thresholds, ratios=dict.fromkeys(thresholds.ratios, margin_of(increase)))

    def _bias(self, sampler: CellSampler, within: float, truths: Truths) -> str:
        """Return the fault of the bias of a cell, with its name; empty if there is none."""
        cell, point = sampler.cell, sampler.experiment.point
        where = place(CellVerdict(self._prepared.scenario.name, str(self.file), cell, "", (), point))
        if cell.status != "ok":
            return f"{where}: {cell.status}: {cell.reason}"
        if truths().gradient is None:
            return f"{where}: its true gradient is not known: {truths().note}"
        pilot = sample_of(sampler, "gate pilot", LEAST, truths())
        margin = within * float(pilot.evidence.truth.norm())
        R = min(max(LEAST, _enough(pilot, margin)), self._prepared.scenario.gate.max_replicates)
        sample = sample_of(sampler, f"gate unbiased {key_of(self._epoch)}", math.ceil(R), truths())
        if sample.nonfinite:
            return f"{where}: {sample.nonfinite} of {sample.replicates} estimates are not finite"
        p = bias_p(sample.evidence)
        bias = bias_interval(sample.evidence)
        size = f"the bias is {bias.value:.3g} ({bias.low:.3g} to {bias.high:.3g}) of {margin / within:.3g}"
        if p < self.bench.alpha:
            return f"{where}: biased: {size}, p = {p:.1e}, R = {sample.replicates}"
        if not is_equivalent(sample.evidence, margin):
            more = needs(sample.evidence, margin)
            missed = f"not shown to be within {100 * within:.3g} %"
            return f"{where}: {missed}: {size}, R = {sample.replicates}; {more}"
        return ""

    def _told(self, report: Report, metric: str, max_increase: float | None) -> str:
        """Return the cells that are worse, drawn, and the command that finds them again."""
        found = []
        for cell in report.cells:
            for test in cell.tests:
                if test.verdict not in ("pass", "improved"):
                    found.append(f"{test.verdict}: {place(cell)}: {test.metric}: {test.message}")
                    found += [f"  {line}" for line in [forest_line(test)] if line]
        words = ["--seed-epoch", report.epoch, "--baseline", self._shown(self.bench.baseline), *self._words()]
        if max_increase is not None and metric in ("variance", "mse"):
            words += ["--set", f"gate.{metric}.max_increase={max_increase}"]
        command = shlex.join(["python", "-m", "bench", *_plugins(), "gate", self._shown(self.file), *words])
        return "\n".join([*(found or ["nothing was compared"]), *report.notes, f"replay: {command}"])

    def _shown(self, path: Path) -> str:
        """A path as one would type it in the root of the tests."""
        return str(path.relative_to(self.bench.root) if path.is_relative_to(self.bench.root) else path)

    def _words(self) -> list[str]:
        chosen = ["-e", ",".join(self.only)] if self.only else []
        return [*chosen, *(word for override in self.overrides for word in ("--set", override))]


def _lock(path: Path) -> FileLock:
    """Held by one of the tests that run at the same time; in no folder of the user's."""
    name = sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"gradient-estimator-bench-{name}.lock")


def _enough(pilot: Sample, margin: float) -> float:
    """R that lets an unbiased estimator show that its bias is within the margin."""
    evidence = pilot.evidence
    if len(evidence.mean) == 1:
        spread = math.sqrt(evidence.variance)
        return replicates_for_equivalence(margin, spread, power=1 - _MISSED) ** 2
    return replicates_for_equivalence(margin**2, math.sqrt(2 * evidence.spectrum.square), power=1 - _MISSED)


_ADDED: list[str] = []


@cache
def _add_once(source: str) -> None:
    catalogue.add_plugin(source)
    _ADDED.append(source)


def _plugins() -> list[str]:
    return [word for source in _ADDED for word in ("--plugin", source)]
