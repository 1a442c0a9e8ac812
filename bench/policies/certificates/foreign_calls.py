"""Calls of a trainer's own function: what it does wrong is told as a fault, and never as a traceback."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from bench.engine.copies import own_copy
from bench.engine.guard import Call, Ended, Misbehaved, contained, guarded, reason_of
from bench.policy import PolicyProblem
from bench.text.words import listed


class Faulty(Exception):
    """A deed of a trainer's function because of which nothing can be said of its update.

    Attributes:
        raised: whether it is an exception.
    """

    raised = False


@contextmanager
def alone(problem: PolicyProblem) -> Iterator[None]:
    """Guard the process around all calls; warnings of the function are not shown.

    Args:
        problem: any, which the guard holds a copy of.

    Raises:
        Faulty: if the function changed the state of the process, such as random numbers.
    """
    try:
        with guarded(own_copy(problem)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Misbehaved as error:
        raise Faulty(_told(error)) from error


def _told(error: Misbehaved) -> str:
    """A deed as text, after the fault that was found already."""
    own = error.__cause__
    if not isinstance(own, Faulty):
        return f"it ends the process ({error})" if isinstance(error, Ended) else str(error)
    changed = list(error.changed)
    return f"{own}; it changed {listed(changed)}" if changed else str(own)


def called(fn: Callable[..., Any], inputs: Mapping[str, Tensor]) -> Any:
    """Return the result of a function, given copies of its arguments.

    Raises:
        Faulty: if it raises, tries to end the process, seeds a generator or changes an argument.
    """
    given = {name: value.clone() for name, value in inputs.items()}
    versions = {name: value._version for name, value in given.items()}
    try:
        with contained(), Call():
            found = fn(*given.values())
    except Misbehaved as error:
        raise Faulty(_told(error)) from error
    except Exception as error:
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in inputs.items())
        fault = Faulty(f"it raises {reason_of(error)} (given {shapes})")
        fault.raised = True
        raise fault from error
    for name, value in inputs.items():
        changed = given[name]._version != versions[name] or not torch.equal(given[name], value)
        if changed:
            raise Faulty(f"it changes {name} in place")
    return found


def advantages(fn: Callable[[Tensor], Tensor], rewards: Tensor) -> Tensor:
    """Return the advantages of some groups by a trainer's function, `[prompts, G] -> [prompts, G]`.

    Raises:
        Faulty: as of `called`, or if it returns anything else.
    """
    found = called(fn, {"rewards": rewards})
    wanted = f"a real tensor of the shape {list(rewards.shape)} is wanted, that of rewards"
    if not isinstance(found, Tensor):
        raise Faulty(f"it returns a {type(found).__name__}, and {wanted}")
    if found.shape != rewards.shape or not found.is_floating_point() or found.layout != torch.strided:
        raise Faulty(f"it returns {_described(found)}, and {wanted}")
    return found.detach().to("cpu", torch.float64)


class LossCalls:
    """Gradients of a trainer's loss.

    Args:
        fn: the loss.
        token_advantages: whether it is given an advantage of each token, in place of one of each answer.
    """

    def __init__(self, fn: Callable[..., Any], token_advantages: bool) -> None:
        self._fn, self._token_advantages = fn, token_advantages
        self.reached = False
        """Whether a gradient ever reached the log probabilities."""

    def ascent(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return minus the gradient in the log probabilities, `[answers, T]`, and the loss itself.

        Args:
            batch: `log_probs`, `old_log_probs`, `ref_log_probs` and `mask`, `[answers, T]`, and
                `advantages`, `[answers]`.

        Raises:
            Faulty: as of `called`, or if it returns no scalar, or cannot be differentiated.
        """
        leaf = batch["log_probs"].clone().requires_grad_()
        inputs = {**batch, "log_probs": leaf}
        if self._token_advantages:
            inputs["advantages"] = batch["advantages"][:, None] * batch["mask"]
        loss = called(self._fn, inputs)
        if not isinstance(loss, Tensor):
            raise Faulty(f"it returns a {type(loss).__name__}, and a scalar tensor is wanted")
        if loss.numel() != 1 or not loss.is_floating_point():
            raise Faulty(f"it returns {_described(loss)}, and a real scalar is wanted")
        value = loss.detach().reshape(()).to("cpu", torch.float64)
        if not loss.requires_grad:
            return torch.zeros_like(leaf), value
        try:
            with contained(), Call():
                found: tuple[Tensor | None, ...] = torch.autograd.grad(
                    loss.reshape(()), leaf, allow_unused=True
                )
        except Misbehaved as error:
            raise Faulty(_told(error)) from error
        except Exception as error:
            raise Faulty(f"its gradient cannot be computed: {reason_of(error)}") from error
        slope = found[0]
        if slope is None:
            return torch.zeros_like(leaf), value
        self.reached = True
        return -slope.detach().to(torch.float64), value


def _described(found: Tensor) -> str:
    kind = str(found.dtype).removeprefix("torch.")
    return f"a tensor of {kind} of the shape {list(found.shape)}"
