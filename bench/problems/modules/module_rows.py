"""Problems made of a person's module, for all rows of theta."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.utils._pytree import tree_leaves

from bench.distributions.stacked import Parts
from bench.errors import invalid
from bench.problem import NotApplicable, Points, Problem, VariationalProblem
from bench.problems import batches
from bench.problems.modules import answers, single_calls
from bench.problems.modules.fingerprints import fingerprint_of
from bench.problems.modules.flat_parameters import FlatParameters
from bench.problems.modules.moved import moved
from bench.problems.modules.row_calls import RowCalls
from bench.problems.modules.supports import probabilities, support_of
from bench.problems.training import Training, faults_of_training, trained

OF_ROWS = "_of_rows"
"""The attribute of a distribution that keeps that of a single row, and the tensors of all rows."""


class ModuleRows(Problem):
    """The problem that a `ModuleProblem` describes: its methods are called for all rows of theta at once.

    Args:
        owner: the person's object, without its module and its data.
        net: the module.
        data: a batch; None where there is none.
        items: all items of which batches are drawn; None where there are no others.
        loops: whether rows are called one by one.
        training: how theta is trained before it is measured; None if it is not.
    """

    training: Training | None

    def __init__(
        self, owner: Any, net: nn.Module, data: Any, items: Any, loops: bool, training: Training | None
    ) -> None:
        self.flat = FlatParameters(net)
        self.theta, self.parameters = self.flat.theta, self.flat.blocks
        self.owner, self.net, self.data, self.items = owner, moved(net, "cpu", torch.float64), data, items
        self.loops, self.training = loops, training
        self.is_ready = training is None and not answers.gives(owner, "prepare")
        # Found by a trial: the axes of the batch of one row, buffers that the methods change, and whether
        # they take batches of another size.
        self.batch_axes, self.reducible = 1, True
        self.changing = tuple(name for name, _ in self.net.named_buffers())
        own = answers.gives(owner, "expectation")
        self.truth_kind = "closed_form" if own else "enumeration"
        self.version = getattr(owner, "version", 1)

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        held = tree_leaves((self.theta, self.data, self.items, dict(vars(self.owner))))
        return fingerprint_of(self.owner, self.net, (leaf for leaf in held if isinstance(leaf, Tensor)))

    def prepared(self) -> Self:
        """With the weights to which the person's `prepare`, and then training, leads."""
        if self.is_ready:
            return self
        ready = copy.copy(self)
        ready.training, ready.is_ready = None, True
        if answers.gives(self.owner, "prepare"):
            ready.net = single_calls.prepared(self.to("cpu", torch.float64))
            ready.flat = FlatParameters(ready.net)
            if ready.flat.blocks != self.flat.blocks:
                raise invalid(
                    f"{type(self.owner).__name__}.prepare changed which parameters require gradients; wanted "
                    "requires_grad as it was"
                )
            ready.theta = ready.flat.theta.to(self.theta)  # [P]
        if self.training is not None:
            with faults_of_training():
                items = self.data if self.items is None else self.items
                ready.theta = trained(ready, items, self.training)  # [P]
        return ready

    def pictures(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """As the person's class says, at theta; none where it does not."""
        if not answers.gives(self.owner, "pictures"):
            return {}
        return single_calls.pictures(self.to("cpu", torch.float64))

    def reduced(self) -> Self:
        return batches.with_few_items(self) if self.data is not None and self.reducible else self

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """Each batch has B items that are drawn from all of them with replacement."""
        if self.items is None:
            why = "it has no data" if self.data is None else "it has one batch"
            raise NotApplicable(
                f"{why}; batches are drawn from the items of super().__init__(net, data_set=…)"
            )
        return batches.redrawn(self, self.items, rows, copies)

    def inputs(self) -> Tensor | None:
        """As the person's class says, else the data of each item side by side."""
        if self.data is None or not self.batch_axes:
            return None
        owner = copy.copy(self.owner)
        owner.data = self.data
        own: Tensor | None = owner.inputs()
        axes = 2 if self.data_per_row else 1
        leaves = [own] if own is not None else tree_leaves(self.data)
        flat = [leaf.reshape(*leaf.shape[:axes], -1).to(self.theta.dtype) for leaf in leaves]
        return torch.cat(flat, -1)  # [(R), B, D]

    def distribution(self, theta: Tensor) -> Distribution:
        seen: list[Parts] = []
        varies: list[bool] = []

        def single(owner: Any, net: nn.Module) -> tuple[Tensor, ...]:
            seen[:] = [answers.parts(owner.distribution(net), owner)]
            varies[:] = [torch._C._functorch.is_batchedtensor(t) for t in seen[0].tensors]
            return seen[0].tensors

        tensors = self._called("distribution", single, theta)  # [R, *shape] each
        if self.loops:
            varies = [t.requires_grad or not bool((t == t[:1]).all()) for t in tensors]
        p = seen[0].stacked(tensors, varies, len(theta))
        vars(p)[OF_ROWS] = seen[0], tensors
        return p

    def sample_of(self, drawn: Tensor, theta: Tensor) -> Tensor:
        """x of what is drawn: of noise where x is generated; here it is x itself."""
        return drawn

    def found_by(self, owner: Any, net: nn.Module, p: Distribution) -> None:
        """Keep what a trial call of `distribution` tells; here there is nothing more to learn."""

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._of_samples("cost", x, theta)

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor | None:
        if not answers.gives(self.owner, "analytic_term"):
            return None
        if OF_ROWS not in vars(p):
            p = self.distribution(theta)
        parts, tensors = vars(p)[OF_ROWS]
        batch = p.batch_shape[1:]

        def single(owner: Any, net: nn.Module, *tensors: Tensor) -> Tensor:
            value = owner.analytic_term(net, parts.row(tensors))
            return answers.numbers(value, batch, owner, "analytic_term", theta.dtype)

        term: Tensor = self._called("analytic_term", single, theta, tensors)  # [R, (B)]
        return term

    def expectation(self, theta: Tensor) -> Tensor:
        if answers.gives(self.owner, "expectation"):
            return self._own_expectation(theta)
        p = self.distribution(theta)
        x = support_of(p)  # [S, R, (B,) *event]
        value = (probabilities(p, x) * self.cost(x, theta)).sum(0)  # [R, (B)]
        term = self.analytic_term(theta, p)
        value = value if term is None else value + term
        return value.reshape(len(value), -1).mean(1)

    def points(self, check: bool = False) -> Points:
        theta = self.theta.to("cpu", torch.float64)[None]  # [1, P]
        here = self.to("cpu", torch.float64)
        with torch.no_grad():
            p = here.distribution(theta)
            if len(p.batch_shape) > 1:
                raise NotApplicable("its items have samples of their own, which are not enumerated together")
            x = support_of(p)  # [S, 1, *event]
            return Points(x, probabilities(p, x)[:, 0].double(), power=4)

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        found = super().to(device, dtype)
        found.owner = copy.copy(self.owner)
        vars(found.owner).update(moved(dict(vars(self.owner)), device, dtype))
        found.net = moved(self.net, device, dtype)
        found.data, found.items = moved(self.data, device, dtype), moved(self.items, device, dtype)
        return found

    def _own_expectation(self, theta: Tensor) -> Tensor:
        def single(owner: Any, net: nn.Module) -> Tensor:
            value = owner.expectation(net)
            if not isinstance(value, Tensor) or value.dim() > 1:
                what = answers.kind_of(value)
                raise invalid(f"{type(owner).__name__}.expectation gave {what}, wanted a scalar [] or [B]")
            return value.mean()

        value: Tensor = self._called("expectation", single, theta)  # [R]
        return value

    def _of_samples(self, method: str, x: Tensor, theta: Tensor) -> Tensor:
        """The numbers that a method gives for samples, `[N, R, (B,) *event]` -> `[N, R, (B)]`."""
        batch, calls = x.shape[2 : 2 + self.batch_axes], self._calls

        def single(owner: Any, net: nn.Module, x: Tensor) -> Tensor:
            call = getattr(owner, method)
            return calls.samples(
                lambda z: answers.numbers(call(net, z), batch, owner, method, theta.dtype, z), x
            )

        samples = x.expand(len(x), len(theta), *x.shape[2:]).movedim(1, 0)  # [R, N, (B,) *event]
        value: Tensor = self._called(method, single, theta, (samples,))  # [R, N, (B)]
        return value.movedim(0, 1)

    def _called(self, method: str, single: Any, theta: Tensor, arguments: tuple[Tensor, ...] = ()) -> Any:
        pieces = self.flat.of(theta)
        return self._calls(method, single, pieces, self.data, self.data_per_row, arguments)

    @property
    def _calls(self) -> RowCalls:
        return RowCalls(self.owner, self.net, self.loops, self.changing)

    @property
    def looping_calls(self) -> RowCalls:
        """Calls one by one, whatever was asked for."""
        return replace(self._calls, loops=True)


class VariationalModuleRows(ModuleRows, VariationalProblem):
    """Such a problem whose `log_joint` is given: a bound on log evidence."""

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._of_samples("log_joint", x, theta)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        if answers.gives(self.owner, "cost"):
            return self._of_samples("cost", x, theta)
        return VariationalProblem.cost(self, x, theta)
