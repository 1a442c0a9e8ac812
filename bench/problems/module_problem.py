"""A person's own `nn.Module` as a problem: a distribution and a cost in the module's own terms."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.utils._pytree import tree_leaves

from bench.errors import invalid, shown
from bench.problem import Problem, Resolvable
from bench.problems import batches
from bench.problems.modules import answers, trial
from bench.problems.modules.implicit_rows import ImplicitModuleRows
from bench.problems.modules.module_rows import ModuleRows, VariationalModuleRows
from bench.problems.modules.moved import moved
from bench.problems.seeds import generator_for
from bench.problems.training import Training, check, faults_of_training, training_of

_ROWS = ("vmap", "loop")


@dataclass(frozen=True)
class _Given:
    net: nn.Module
    data: Any
    items: Any
    loops: bool
    training: Training | None


class ModuleProblem(Resolvable):
    r"""A problem made of one's own module: theta is its parameters, named as the module names them.

    .. math:: F(\theta) = \frac{1}{B} \sum_b E_{z_b \sim p_b(z; \theta)}[f_b(z_b, \theta)] + a_b(\theta)

    A subclass says what the distribution of z is and what z costs, for a single module:

    .. code-block:: python

        class MyVAE(bench.ModuleProblem):
            def __init__(self):
                super().__init__(Net(), data=batch)

            def distribution(self, net):
                return Independent(Normal(*net.encode(self.data)), 1)

            def cost(self, net, z):
                return -net.log_likelihood(self.data, z)

    `net` is the module with the parameters of one row of theta, and `self.data` the batch of that
    row. All rows are called at once by `torch.func.vmap`, or one by one with `rows="loop"`, which gives
    the same numbers. Samples are drawn outside of these calls.

    The module is copied: its parameters, buffers, gradients and mode stay as they are. Parameters that
    require no gradients are held fixed. The class is tried on two items when it is built, in float64, and
    what is wrong with it is told then.

    Attributes:
        data: within the methods, the batch of the row.

    Args:
        net: the module.
        data: a batch: a tensor `[B, ...]`, or several in a tuple or a dict; None if the model has none.
        data_set: all items, `[n, ...]` each: for `data: resampled`, and for training. Without `data`
            the batch is `batch_size` of them.
        batch_size: B, with a data set.
        rows: `vmap`, or `loop` for modules that `vmap` cannot call.
        theta: `{train: {...}}` for weights that are trained before they are measured, see `Training`.
        seed: of the choice of the batch.

    Raises:
        Invalid: if an argument is of the wrong kind.

    References:
        Kingma & Welling (2014), Auto-encoding variational Bayes, §3, for the example.

    Example:
        >>> import bench
        >>> import torch
        >>> class Coins(bench.ModuleProblem):
        ...     def __init__(self):
        ...         super().__init__(torch.nn.Linear(2, 1), data=torch.tensor([[1.0, 2.0], [0.5, -1.0]]))
        ...     def distribution(self, net):
        ...         p = torch.distributions.Bernoulli(logits=net(self.data))
        ...         return torch.distributions.Independent(p, 1)
        ...     def cost(self, net, z):
        ...         return (z - 0.45).square().sum(-1)
        >>> bench.plugin(Coins)
        ['coins']
    """

    data: Any = None

    def __init__(
        self,
        net: nn.Module,
        data: Any = None,
        *,
        data_set: Any = None,
        batch_size: int | None = None,
        rows: Literal["vmap", "loop"] = "vmap",
        theta: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        cls, given = type(self).__name__, cast(object, net)
        if not isinstance(given, nn.Module):
            hint = ", such as Net(), not its class" if isinstance(given, type) else ""
            raise invalid(f"{cls}: net is {shown(given, 40)}, wanted a torch.nn.Module{hint}")
        if rows not in _ROWS:
            raise invalid(f"{cls}: rows is {shown(rows)}, wanted 'vmap' or 'loop'")
        for name, items in {"data": data, "data_set": data_set}.items():
            _check_items(cls, name, items)
        if batch_size is not None:
            _check_batch_size(cls, batch_size, data, data_set)
        if data is None and data_set is not None:
            if batch_size is None:
                raise invalid(f"{cls}: data_set needs a batch_size, or data for the batch")
            order = torch.randperm(batches.count(data_set), generator=generator_for(seed, "batch"))
            data = batches.taken(data_set, order[:batch_size])
        self.data = data
        self._given = _Given(net, data, data_set, rows == "loop", _training(theta, cls, data))

    @abstractmethod
    def distribution(self, net: Any) -> Distribution:
        """p(z; θ) of one module: batch shape `[B]`, or `[]` if there are no items with a z each."""

    def generate(self, net: Any, noise: Tensor) -> Tensor:
        """z of a sample of `distribution`, which is then that of the noise: `[B, *noise] -> [B, *event]`.

        The problem is then an implicit one: z has a path, and no density; estimators by the score do not
        apply.
        """
        raise NotImplementedError

    def cost(self, net: Any, z: Tensor) -> Tensor:
        """f(z, θ) of one sample, `[B, *event] -> [B]`, or `[*event] -> []` without items."""
        raise NotImplementedError

    def log_joint(self, net: Any, z: Tensor) -> Tensor:
        """log p(data, z; θ) of one sample, shapes as of `cost`: the problem is then minus the ELBO.

        In place of `cost`, which is then log q(z; θ) − log p(data, z; θ); or beside a `cost` that leaves out
        what is in `analytic_term`.
        """
        raise NotImplementedError

    def analytic_term(self, net: Any, p: Distribution) -> Tensor:
        """a(θ), `[B]` or `[]`, which needs no sample, such as an analytic KL; p is `distribution(net)`."""
        raise NotImplementedError

    def expectation(self, net: Any) -> Tensor:
        """F(θ) without sampling, `[]` or `[B]`, the analytic term included, where it is known.

        A small discrete z is enumerated without it.
        """
        raise NotImplementedError

    def inputs(self) -> Tensor | None:
        """The data of each item for baselines that learn from them, `[B, D]`; None for all of `self.data`."""
        return None

    def prepare(self, net: Any) -> None:
        """Change the weights of the module in place before they are measured, fixed ones too.

        For a training of one's own. It is called once, in float64, with torch's generator seeded.
        """
        raise NotImplementedError

    def pictures(self, net: Any) -> Mapping[str, Tensor]:
        """Images that show what the module does, by name, `[K, H, W]` in 0..1."""
        raise NotImplementedError

    def resolve(self) -> Problem:
        """The problem for all rows of theta, tried out.

        Raises:
            Invalid: if a method is missing, fails, or gives something else than is wanted.
        """
        cls = type(self).__name__
        if "_given" not in vars(self):
            raise invalid(f"{cls}.__init__ does not call super().__init__(net, …)")
        if self.data is not self._given.data:
            raise invalid(f"{cls}: self.data was set, wanted super().__init__(net, data=…)")
        answers.check_signatures(self)
        variational = answers.gives(self, "log_joint")
        if not variational and not answers.gives(self, "cost"):
            raise invalid(f"{cls} has neither cost(self, net, z) nor log_joint(self, net, z)")
        if variational and answers.gives(self, "analytic_term") and not answers.gives(self, "cost"):
            raise invalid(
                f"{cls} has log_joint and analytic_term, wanted a cost that leaves out the analytic term"
            )
        implicit = answers.gives(self, "generate")
        if implicit and variational:
            raise invalid(
                f"{cls} has generate and log_joint, whose bound needs a density of z, which is not known; "
                "wanted one of the two"
            )
        kind = ImplicitModuleRows if implicit else VariationalModuleRows if variational else ModuleRows
        problem = self._rows(kind)
        trial.settle(problem)
        if problem.training is not None:
            with faults_of_training():
                items = problem.data if problem.items is None else problem.items
                check(problem.reduced(), problem.training, batches.count(problem.data), batches.count(items))
        return problem

    def _rows(self, cls: type[ModuleRows]) -> ModuleRows:
        given, owner = self._given, copy.copy(self)
        del owner._given, owner.data
        vars(owner).update(moved(dict(vars(owner)), "cpu", torch.float64))
        data, items = (moved(each, "cpu", torch.float64) for each in (given.data, given.items))
        net = getattr(given.net, "_orig_mod", given.net)  # rows at once cannot use what is compiled
        return cls(owner, net, data, items, given.loops, given.training)


def _check_items(cls: str, name: str, items: Any) -> None:
    leaves = [] if items is None else tree_leaves(items)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            hint = "; torch.as_tensor makes one" if type(leaf).__module__ == "numpy" else ""
            raise invalid(
                f"{cls}: {name} holds {_kind(leaf)}, wanted tensors with a first axis of items{hint}"
            )
    sizes = [leaf.shape[0] if leaf.dim() else 0 for leaf in leaves]
    if items is not None and (not sizes or min(sizes) < 1 or len(set(sizes)) > 1):
        shapes = ", ".join(str(list(leaf.shape)) for leaf in leaves) or "no tensor"
        raise invalid(f"{cls}: {name} has the shapes {shapes}, wanted one first axis of at least one item")


def _kind(value: object) -> str:
    cls = type(value)
    return f"{cls.__module__}.{cls.__name__}" if cls.__module__ != "builtins" else shown(value, 40)


def _check_batch_size(cls: str, batch_size: int, data: Any, data_set: Any) -> None:
    if data_set is None or data is not None:
        raise invalid(f"{cls}: batch_size is given, wanted with a data_set and without data")
    if type(batch_size) is not int or not 1 <= batch_size <= batches.count(data_set):
        most = batches.count(data_set)
        raise invalid(f"{cls}: batch_size is {shown(batch_size)}, wanted a whole number from 1 to {most}")


def _training(theta: Mapping[str, Any] | None, cls: str, data: Any) -> Training | None:
    if theta is None:
        return None
    if not isinstance(theta, Mapping) or list(theta) != ["train"]:
        raise invalid(
            f"wanted {{train: {{...}}}}, or nothing for the weights as they are, got {shown(theta)}", "theta"
        )
    if data is None:
        raise invalid(f"{cls} has no data to be trained on", "theta", "train")
    return training_of(theta["train"])
