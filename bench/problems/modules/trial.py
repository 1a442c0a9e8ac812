"""A trial of a person's module when it is built: at two rows of theta, one by one and at once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.pushforward import noise_of
from bench.errors import Invalid, invalid
from bench.problem import VariationalProblem
from bench.problems.batches import count
from bench.problems.modules import answers
from bench.problems.modules.module_rows import OF_ROWS, ModuleRows
from bench.problems.modules.moved import copied
from bench.problems.modules.reasons import LOOP
from bench.problems.modules.width import width_of

# Two ways to compute a number agree to so much of the largest: somebody may round to float32 within.
_SAME = 1e-4
_STEP = 1e-3  # between the rows of theta, relative to its size
_SAMPLES = 8


@dataclass(frozen=True)
class Look:
    """Answers of the methods at two rows of theta.

    Attributes:
        theta: `[2, P]`.
        p: the distribution of what is drawn, `[2, (B)]`: of the noise, if x is generated.
        drawn: samples of it, `[N, 2, (B,) *event]`.
        x: what the cost is given, made of these or the same.
        log_prob: of what is drawn, `[N, 2, (B)]`; None if the distribution has none.
        cost: `[N, 2, (B)]`.
        term: `[2, (B)]`; None if there is none.
    """

    theta: Tensor
    p: Distribution
    drawn: Tensor
    x: Tensor
    log_prob: Tensor | None
    cost: Tensor
    term: Tensor | None

    @property
    def numbers(self) -> list[tuple[str, Tensor]]:
        """All that depends on theta, by the method that gave it."""
        made = None if self.x is self.drawn else self.x
        named = {
            "distribution": self.log_prob,
            "generate": made,
            "cost": self.cost,
            "analytic_term": self.term,
        }
        return [(name, value) for name, value in named.items() if value is not None]

    def gradient(self) -> Tensor:
        """The gradient of all of it, with unequal weights, `[2, P]`."""
        total = torch.zeros((), dtype=self.theta.dtype)
        for _, value in self.numbers:
            total = total + (value * torch.linspace(1, 2, value.numel()).to(value).view(value.shape)).sum()
        if not total.requires_grad:
            return torch.zeros_like(self.theta)
        (found,) = torch.autograd.grad(total, self.theta, allow_unused=True, retain_graph=True)
        return torch.zeros_like(self.theta) if found is None else found


def settle(problem: ModuleRows) -> None:
    """Try a problem out, and set what is found of it: the axes of its batch, buffers that change, its width.

    Raises:
        Invalid: with what is wrong, in which method, and the way out where one is known.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(0)
        _check_law(problem)
        few = problem.reduced()
        try:
            _tried(few)
        except Invalid:
            if few is problem:
                raise
            # Something in it may be made for batches of this size alone.
            _tried(problem)
            few, problem.reducible = problem, False
    problem.changing = few.changing
    problem.width = few.width
    if problem.data is not None and problem.batch_axes:
        problem.width = few.width * count(problem.data) // count(few.data)


def _tried(problem: ModuleRows) -> None:
    name = type(problem.owner).__name__
    theta = _rows_near(problem.theta)
    looped = copy.copy(problem)
    looped.loops = True
    problem.changing = looped.changing = _changing(looped, theta)
    look = _look(looped, theta, None)
    _check_rows(look, name)
    _check_cost(look, name)
    _check_leaves(look, name)
    if problem.batch_axes:
        _check_items(looped, look, name)
    if isinstance(looped, VariationalProblem) and look.term is None and answers.gives(problem.owner, "cost"):
        _check_bound(looped, look, name)
    if answers.gives(problem.owner, "expectation"):
        looped.expectation(theta)
    if not problem.loops:
        _check_together(look, _look(problem, theta, look.drawn), name)
    with torch.no_grad():
        one = theta[:1].detach()
        widest = width_of(lambda: _sampled_once(looped, look.drawn[:1, :1], one))
    problem.width = widest


def _sampled_once(problem: ModuleRows, drawn: Tensor, theta: Tensor) -> tuple[object, ...]:
    return problem.distribution(theta), problem.cost(problem.sample_of(drawn, theta), theta)


def _rows_near(theta: Tensor) -> Tensor:
    """Two rows, close to theta and to one another, `[2, P]`."""
    step = _STEP * torch.randn(2, len(theta), dtype=theta.dtype)
    return (theta + step * theta.abs().mean()).requires_grad_()


def _check_law(problem: ModuleRows) -> None:
    """One call for the whole batch: torch looks at the parameters, and we at the batch shape."""
    found: list[Distribution] = []

    def single(owner: Any, net: Any) -> Tensor:
        found.append(owner.distribution(net))
        answers.parts(found[0], owner)
        problem.found_by(owner, net, found[0])
        return torch.zeros(())

    calls = problem.looping_calls
    calls("distribution", single, problem.flat.of(problem.theta[None]), problem.data, False, validate=True)
    shape = list(found[0].batch_shape)
    most = 1 if problem.data is None or shape[:1] == [count(problem.data)] else 0
    if len(shape) > most:
        wanted = "[] or [B]" if problem.data is None else f"[{count(problem.data)}] or []"
        cls = type(found[0]).__name__
        raise invalid(
            f"{type(problem.owner).__name__}.distribution gave {cls} with batch shape {shape}, "
            f"wanted {wanted}: Independent(…, {len(shape) - most}) makes one sample of the last axes"
        )
    problem.batch_axes = len(shape)


def _changing(problem: ModuleRows, theta: Tensor) -> tuple[str, ...]:
    """The names of the buffers that the methods change, in a copy of the module."""
    probe = copy.copy(problem)
    probe.net, probe.changing = copied(problem.net), ()
    drawn = _drawn(noise_of(probe.distribution(theta[:1])), probe)
    probe.cost(probe.sample_of(drawn[:1], theta[:1]), theta[:1])
    before = dict(problem.net.named_buffers())
    return tuple(name for name, value in probe.net.named_buffers() if not torch.equal(before[name], value))


def _drawn(p: Distribution, problem: ModuleRows) -> Tensor:
    """Samples, `[N, R, (B,) *event]`."""
    try:
        x = p.rsample((_SAMPLES,)) if p.has_rsample else p.sample((_SAMPLES,))
    except Exception as error:  # noqa: BLE001 - raised again as one of the user's
        _refuse_rows(type(problem.owner).__name__, p, f"sampling fails with {type(error).__name__}: {error}")
    return x.detach()


def _look(problem: ModuleRows, theta: Tensor, drawn: Tensor | None) -> Look:
    p = noise_of(problem.distribution(theta))
    drawn = _drawn(p, problem) if drawn is None else drawn
    try:
        log_prob: Tensor | None = p.log_prob(drawn)
    except NotImplementedError:
        log_prob = None
    except Exception as error:  # noqa: BLE001 - raised again as one of the user's
        why = f"log_prob fails with {type(error).__name__}: {error}"
        _refuse_rows(type(problem.owner).__name__, p, why)
    x = problem.sample_of(drawn, theta)
    return Look(theta, p, drawn, x, log_prob, problem.cost(x, theta), problem.analytic_term(theta, p))


def _check_rows(look: Look, name: str) -> None:
    """The distribution of two rows is that of each."""
    parts, tensors = vars(look.p)[OF_ROWS]
    for r in range(len(look.theta)):
        own = parts.row([t[r] for t in tensors])
        shape = (_SAMPLES, *own.batch_shape, *own.event_shape)
        if look.drawn[:, r].shape != shape:
            _refuse_rows(name, look.p, f"samples have the shape {list(look.drawn.shape)}")
        if look.log_prob is not None and not _same(own.log_prob(look.drawn[:, r]), look.log_prob[:, r]):
            _refuse_rows(name, look.p, "its log_prob is another than that of a single row")


def _refuse_rows(name: str, p: Distribution, why: str) -> NoReturn:
    raise invalid(
        f"{name}.distribution: {type(p).__name__} cannot be given an axis of rows in front: {why}; "
        "let each of its tensors have the axes of the whole batch and event (x.expand(…))"
    )


def _check_cost(look: Look, name: str) -> None:
    bad = ~look.cost.isfinite().flatten(0, 1)  # [N 2, (B)]
    if bad.all(0).any():
        where = f" of {int(bad.all(0).sum())} of {bad[0].numel()} items" if bad.dim() > 1 else ""
        value = look.cost.flatten(0, 1)[bad][0].item()
        raise invalid(
            f"{name}.cost gave {value} for each of {len(bad)} samples{where}, wanted finite numbers"
        )


def _check_leaves(look: Look, name: str) -> None:
    """All that is differentiated is theta, and something is."""
    for method, value in look.numbers:
        for leaf in _leaves(value):
            if leaf is not look.theta:
                raise invalid(
                    f"{name}.{method} uses a parameter of shape {list(leaf.shape)} that is not one of its "
                    "argument net: take it from net, or fix it with requires_grad_(False)"
                )
    if not _gradient(look, name).any():
        raise invalid(
            f"neither {name}.distribution nor {name}.cost depends on the parameters of net: take them from "
            "the argument net, outside of torch.no_grad() and without .detach()"
        )


def _gradient(look: Look, name: str) -> Tensor:
    try:
        return look.gradient()
    except Exception as error:
        first = str(error).split("\n")[0]
        raise invalid(f"{name}: its gradient fails with {type(error).__name__}: {first}; {LOOP}") from error


def _leaves(value: Tensor) -> list[Tensor]:
    """The tensors of which a value was made and to which gradients would be added."""
    found: list[Tensor] = []
    waiting, seen = [value.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            found.append(leaf)
        waiting += [after for after, _ in node.next_functions]
    return found


def _check_items(problem: ModuleRows, look: Look, name: str) -> None:
    """The cost of an item does not depend on the sample of another."""
    if look.cost.shape[2] < 2:
        return
    other = look.drawn.clone()
    other[:, :, 0] = look.drawn.roll(1, 0)[:, :, 0]
    with torch.no_grad():
        cost = problem.cost(problem.sample_of(other, look.theta), look.theta)
    if not _same(cost[:, :, 1:], look.cost[:, :, 1:]):
        named = problem.net.named_modules()
        mixing = [part for part, of in named if "BatchNorm" in type(of).__name__ and of.training]
        hint = f"{', '.join(mixing)} in training mode mixes items, call net.eval() before" if mixing else ""
        hint = hint or "a sum or mean over the batch is taken too early, perhaps"
        raise invalid(f"{name}.cost of an item changes with the sample of another item: {hint}")


def _check_bound(problem: ModuleRows, look: Look, name: str) -> None:
    assert isinstance(problem, VariationalProblem)
    if look.log_prob is None or _same(look.log_prob - problem.log_joint(look.x, look.theta), look.cost):
        return
    raise invalid(
        f"{name} has a cost other than log q(z) − log_joint(net, z), as it must be without analytic_term; "
        "leave one of the two out, or give what cost lacks as analytic_term"
    )


def _check_together(look: Look, other: Look, name: str) -> None:
    """All rows at once give the numbers of a loop, and their gradient."""
    pairs = [(m, value, again) for (m, value), (_, again) in zip(look.numbers, other.numbers, strict=True)]
    for method, value, again in [*pairs, ("cost", _gradient(look, name), _gradient(other, name))]:
        if not _same(value, again):
            raise invalid(f"{name}.{method} gives other numbers for rows at once than one by one; {LOOP}")


def _same(value: Tensor, other: Tensor) -> bool:
    if value.shape != other.shape:
        return False
    value, other = value.detach(), other.detach()
    finite = value.isfinite() & other.isfinite()
    if not torch.equal(value.isfinite(), other.isfinite()):
        return False
    value, other = value[finite], other[finite]
    return not value.numel() or float((value - other).abs().max()) <= _SAME * float(value.abs().max()) + 1e-12
