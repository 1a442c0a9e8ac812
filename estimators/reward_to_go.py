"""REINFORCE on sequences of steps, where an action is given credit for what comes after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.policy import PolicyProblem
from bench.problem import NotApplicable, Problem
from estimators.step_credits import Credit, Critic, NoCritic, Steps, ToGo


@dataclass(frozen=True)
class RewardToGo(Estimator):
    r"""The score of each action, weighed by the return from it on: causal REINFORCE.

    .. math:: \nabla_\theta E\Big[\sum_t \gamma^t r_t\Big] = E\Big[\sum_t \gamma^t
        \nabla_\theta \log \pi(a_t \mid s_t; \theta)\, (G_t - b(s_t))\Big], \quad
        G_t = \sum_{k \ge t} \gamma^{k - t} r_k

    An action does not change the rewards before it, so that its score times these has mean zero; so has its
    score times b, which may be any function of what comes before the action. Most programs leave out the
    factor γ^t in front of the term of a step: what they estimate then is not ∇F, nor the gradient of any
    function.

    Needs a problem of a policy (`PolicyProblem`) whose answers are drawn from the policy itself, and whose
    return is of rewards alone. Each estimate evaluates the rewards of N answers.

    Attributes:
        credit: `reward_to_go` (G_t), `total` (the return of all steps) or `gae`, see
            `estimators.step_credits`.
        baseline: the critic b, `none` or `value`, the expected return as the problem knows it.
        step_discount: whether the term of step t is multiplied by γ^t; without, the estimate is right only
            where γ = 1.

    References:
        Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement
        learning, §5.
        Sutton et al. (2000), Policy gradient methods for reinforcement learning with function approximation.
        Schulman et al. (2016), High-dimensional continuous control using generalized advantage estimation.
        Nota & Thomas (2020), Is the policy gradient a gradient?
    """

    averages = True
    credit: Credit = ToGo()  # noqa: RUF009 - it is frozen
    baseline: Critic = NoCritic()  # noqa: RUF009 - it is frozen
    step_discount: bool = True

    def __post_init__(self) -> None:
        if self.credit.needs_critic and isinstance(self.baseline, NoCritic):
            raise ValueError("baseline must be value with credit gae, which is made of a critic's errors")
        if self.credit.from_start and not self.step_discount:
            raise ValueError("step_discount cannot be left out with credit total, which has no such factor")

    @property
    def bias(self) -> Claim:  # type: ignore[override]
        """Unbiased with the factor γ^t, if the critic does no harm."""
        return "unbiased" if self.step_discount and self.credit.unbiased(self.baseline) else "biased"

    def claim(self, problem: Problem) -> Claim:
        undiscounted = isinstance(problem, PolicyProblem) and _is_undiscounted(problem)
        return "unbiased" if undiscounted and self.credit.unbiased(self.baseline) else self.bias

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        policy = _policy(problem)
        p = policy.distribution(theta)
        x = p.sample((sample_size,))  # [N, R, (B,) T]
        with torch.no_grad():
            weights = self._weights(policy, x, theta)  # [N, R, (B,) T]
        return gradient_of(theta, (weights * p.token_log_probs(x)).sum(-1))

    def _weights(self, problem: PolicyProblem, x: Tensor, theta: Tensor) -> Tensor:
        """Weights of the scores of tokens, `[N, R, (B,) T]`."""
        rewards = problem.rewards(x, theta)
        values = self.baseline.values(problem, x, theta)
        steps = Steps(rewards, values, problem.steps(x.shape[-1]).to(x.device), problem.discount)
        credit = self.credit.of_tokens(steps)
        return steps.factors * credit if self.step_discount and not self.credit.from_start else credit


def _is_undiscounted(problem: PolicyProblem) -> bool:
    """Whether γ is 1, or all happens at the first step."""
    tokens = problem.distribution(problem.theta[None]).event_shape[-1]
    return problem.discount == 1 or not problem.steps(tokens).any()


def _policy(problem: Problem) -> PolicyProblem:
    if not isinstance(problem, PolicyProblem):
        raise NotApplicable("it is no problem of a policy that answers")
    if problem.off_policy:
        raise NotApplicable("answers are drawn from another policy, and it does not weigh them")
    if problem.kl_weight:
        raise NotApplicable("the divergence from the reference policy is no reward of a step")
    return problem
