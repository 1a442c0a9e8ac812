"""One token for an answer: prompts whose answers are right or wrong, or one of several kinds."""

from __future__ import annotations

from torch import Tensor

from bench.errors import Fault, Invalid, collected, invalid
from bench.formula.constants import read_constants
from bench.problems.token_tables import TablePolicy, one_row

_SUCCESS = 0.3


class GroupBandit(TablePolicy):
    r"""The mean reward of answers to one or several prompts, F(θ) = (1/B) Σ_b E[r_b(x)], x ~ π_b.

    An answer is one token. Where logits are single numbers it is right with probability
    :math:`p = \sigma(\eta)`, the reward is 0 or 1, and ∂F/∂η is p(1 − p)/B; where they are rows it is one
    of C kinds, each with its reward, and θ are the logits of a softmax. N answers to a prompt are a group.

    Args:
        logits: η, or a list of them, one for each prompt; or rows of C logits, one for each prompt.
        success: p in place of η, or a list of them; .3 where neither is given.
        rewards: of the kinds of answers, C numbers; by default of a wrong answer and a right one, 0 and 1.
        behavior: the logits of the policy that answers are drawn from, in the form of `logits`; by default
            that of θ.

    References:
        Ahmadian et al. (2024), Back to basics: revisiting REINFORCE-style optimization for learning from
        human feedback in LLMs.
    """

    def __init__(
        self,
        logits: float | list[float] | list[list[float]] | None = None,
        success: float | list[float] | None = None,
        rewards: list[float] = [0.0, 1.0],  # noqa: B006 - it is not changed
        behavior: float | list[float] | list[list[float]] | None = None,
    ) -> None:
        given = {"logits": logits, "success": success}
        named = {name: value for name, value in given.items() if value is not None}
        if len(named) > 1:
            raise invalid("wanted either logits or success, not both")
        named = named or {"success": _SUCCESS}
        optional = {} if behavior is None else {"behavior": behavior}
        constants = read_constants({**named, "rewards": rewards, **optional})
        table = constants["logits"] if "logits" in constants else _logits_of(constants["success"])
        self.reward = constants["rewards"]  # [C]
        with collected() as faults, faults.under():
            _check_rewards(self.reward, table)
        other = constants.get("behavior")
        if other is not None and other.shape != table.shape:
            raise invalid("wanted logits in the form of those of the policy", "behavior")
        super().__init__(
            _rows(table),
            1,
            one_row,
            prompts=table.dim() > 0,
            behavior=None if other is None else _rows(other),
        )

    def rewards(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.reward[x.long()]


def _logits_of(success: Tensor) -> Tensor:
    if not bool(((success > 0) & (success < 1)).all()):
        raise invalid("probabilities must be between 0 and 1, without these", "success")
    return success.logit()


def _rows(table: Tensor) -> Tensor:
    """Logits of each prompt as a table of one row, `[B, 1, C]`."""
    return table.reshape(-1, 1, 1) if table.dim() < 2 else table[:, None]


def _check_rewards(rewards: Tensor, table: Tensor) -> None:
    C = max(2, table.shape[1]) if table.dim() == 2 else 2
    if table.dim() == 2 and table.shape[1] < 2:
        raise invalid("rows need the logits of at least two kinds of answers", "logits")
    if rewards.shape != (C,):
        raise Invalid(Fault(f"wanted {C} numbers, one for each kind of answer", ("rewards",)))
