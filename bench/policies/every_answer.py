"""All answers to a prompt, with the slopes of what an update differentiates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.distributions.tokens import Tokens
from bench.policies.answers import Answers, answers_of
from bench.policy import STATES, PolicyProblem
from bench.problem import NotApplicable

AnswersOf = Callable[[PolicyProblem, Tensor, Tensor], Answers]
"""The answers x, `[1, S, (1,) T]`, at rows of theta, `[S, P]`."""

LIVE = ("log_prob", "entropy", "center")
"""The fields of answers that are differentiated."""

# For each answer there is a gradient of each of its tokens.
_NUMBERS = 1 << 27


def every_answer(
    problem: PolicyProblem, drawn_from: Tokens, theta: Tensor, of: AnswersOf = answers_of
) -> tuple[Tensor, Answers, Tensor]:
    """Return all answers to a prompt, each in a row of its own.

    Args:
        problem: with one prompt.
        drawn_from: the policy whose possible answers are meant.
        theta: the point, `[1, P]`.
        of: what makes answers of tokens.

    Returns:
        The tokens, `[S, T]`; answers with fields `[1, S, 1, T]`; and the gradients of each of their F live
        fields at each token, `[S, F·T, P]`.

    Raises:
        NotApplicable: if there are too many.
    """
    x = drawn_from.states(STATES)  # [S, T]
    if x.numel() * theta.shape[1] > _NUMBERS:
        raise NotApplicable(f"its {len(x)} answers with a gradient of each token are too many")
    rows = theta.detach().expand(len(x), -1).requires_grad_()  # [S, P]
    with torch.enable_grad():
        answers = of(problem, shaped(x, drawn_from), rows)
        slopes = slopes_of(live(answers), rows)
    return x, each_of(answers, Tensor.detach), slopes


def shaped(x: Tensor, p: Tokens) -> Tensor:
    """Answers as one sample in each of S rows, `[S, T] -> [1, S, (1,) T]`."""
    return x[None] if len(p.batch_shape) == 1 else x[None, :, None]


def live(answers: Answers) -> list[Tensor]:
    """The fields that are differentiated, as far as they are there."""
    return [each for name in LIVE if (each := getattr(answers, name)) is not None]


def each_of(answers: Answers, change: Callable[[Tensor], Tensor]) -> Answers:
    """Answers whose fields are changed, as far as they are there."""
    return Answers(*(None if each is None else change(each) for each in answers))  # type: ignore[arg-type]


def slopes_of(outputs: Sequence[Tensor], theta: Tensor) -> Tensor:
    """The gradient of each output of one answer in each row, `F x [1, R, 1, T] -> [R, F·T, P]`."""
    found = []
    for output in outputs:
        for token in output[0, :, 0].unbind(-1):  # [R] each
            slope = None
            if token.requires_grad:
                (slope,) = torch.autograd.grad(token.sum(), theta, retain_graph=True, allow_unused=True)
            found.append(torch.zeros_like(theta) if slope is None else slope)
    return torch.stack(found, 1)
