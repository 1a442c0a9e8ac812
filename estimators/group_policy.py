"""Updates of a policy by groups of answers: REINFORCE with the parts that trainers compose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.policies.answers import Answers, answers_of
from bench.policies.group_moments import moments_of_groups
from bench.policies.prefix_values import PrefixValues, prefix_values
from bench.policy import PolicyProblem
from bench.problem import NotApplicable, Problem
from estimators.divergences import NoDivergence
from estimators.group_baselines import MeanReturn, OfOthers
from estimators.group_claims import ascended_by, claim_of
from estimators.group_composition import Composition
from estimators.group_parts import Drop, Redraw, alike


@dataclass(frozen=True)
class GroupPolicy(Composition, Estimator):
    r"""The score of each token of N answers to a prompt, weighed by what the answer is worth in its group.

    .. math:: \hat g = \frac{1}{N} \sum_i c_i \sum_t w_{it} A_i \nabla \log \pi(o_{it} \mid o_{i, < t}), \quad
        A_i = (r_i - b_i) / s

    with the baseline b, the scale s, the ratio w and the length 1/c, averaged over the prompts: the gradient
    of an expected return, which is ascended. With nothing set it is RLOO and unbiased, where answers are
    drawn from the policy itself. Of the names that people know, GRPO is
    `{baseline: mean, scale: std, length: own, ratio: clipped}`, and Dr. GRPO `{baseline: mean}`.

    Needs a problem of a policy (`PolicyProblem`). Each estimate evaluates the rewards of N answers; with
    `filter: redraw` of as many more as are drawn again, which is not declared.

    Attributes:
        baseline: what is subtracted from the return of an answer, see `estimators.group_baselines`.
        scale: what the difference is divided by: `none`, `std`, `mean` (MaxRL) or `batch_std` (REINFORCE++).
        filter: what is done with groups of equal returns: `none`, `redraw` or `drop`.
        length: what the sum over tokens is divided by: `none`, `own`, `mean` (of the group) or `constant`.
        ratio: what the ratio to the policy that answers came from does, see `estimators.ratio_rules`.
        divergence: how the divergence from the reference policy, which the problem weighs, is estimated.
        entropy: the weight of the policy's entropy at the tokens, which is added to what is ascended.
        objective: `mean`, or `{pass_at_k: {k: K}}`.
        score_centering: whether the mean of w ∇ log π over all tokens that might have come is taken off.

    References:
        Ahmadian et al. (2024), Back to basics, §3. Shao et al. (2024), DeepSeekMath, §4.1.
        Yu et al. (2025), DAPO, §3. Liu et al. (2025), Understanding R1-Zero-like training, §3.
    """

    @property
    def bias(self) -> Claim:  # type: ignore[override]
        """Unbiased if all parts are, where answers are drawn from the policy itself."""
        parts = (self.baseline, self.scale, self.filter, self.length)
        plain = isinstance(self.objective, MeanReturn) and not self.entropy
        return "unbiased" if plain and all(part.unbiased for part in parts) else "biased"

    def claim(self, problem: Problem) -> Claim:
        return claim_of(self, problem) if isinstance(problem, PolicyProblem) else self.bias

    def ascends(self, problem: Problem, sample_size: int) -> str:
        if self.claim(problem) == "unbiased" or not isinstance(problem, PolicyProblem):
            return ""
        return ascended_by(self, problem, sample_size)

    @property
    def minimum_sample_size(self) -> int:  # type: ignore[override]
        of_objective = max(self.objective.minimum_sample_size, self.scale.minimum_sample_size)
        if isinstance(self.baseline, OfOthers):
            return max(2, of_objective, self.objective.minimum_sample_size + 1)
        return max(self.baseline.minimum_sample_size, of_objective)

    @property
    def cost_varies(self) -> bool:  # type: ignore[override]
        """Only where groups are drawn again."""
        return isinstance(self.filter, Redraw)

    @property
    def couples_items(self) -> bool:  # type: ignore[override]
        """Whether an update of one prompt depends on the answers to others."""
        return self.baseline.batch or self.scale.batch or isinstance(self.filter, Drop)

    def evaluations(self, problem: Problem, sample_size: int) -> int | None:
        return None if isinstance(self.filter, Redraw) else sample_size

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if not self.baseline.of_tokens:
            return self
        values = prefix_values(_policy(problem), theta[:1], self.baseline.of_tokens)
        options = {each.name: getattr(self, each.name) for each in fields(self)}
        return _WithValues(**options, values=values)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        policy = _policy(problem)
        if sample_size < self.minimum_sample_size:
            raise NotApplicable(f"it needs groups of at least {self.minimum_sample_size} answers")
        x, rewards = self._drawn(policy, theta, sample_size)  # [N, R, (B,) T] each
        return gradient_of(theta, self.ascended(policy, self.answers(policy, x, theta, rewards)))

    def _drawn(self, problem: PolicyProblem, theta: Tensor, sample_size: int) -> tuple[Tensor, Tensor]:
        """Answers with their rewards; groups that are drawn again are so in rows of their own."""
        with torch.no_grad():
            p = problem.behavior(theta)
            x = p.sample((sample_size,))
            rewards = problem.discounted(x, theta)
            for _ in range(self.filter.most if isinstance(self.filter, Redraw) else 0):
                again = alike(rewards.sum(-1))  # [R, (B)]
                rows = again.flatten(1).any(1).nonzero()[:, 0] if again.dim() > 1 else again.nonzero()[:, 0]
                if not len(rows):
                    break
                # Of all rows, so that what one draws does not depend on others.
                fresh = p.sample((sample_size,))[:, rows]
                found = problem.discounted(fresh, theta[rows])
                replaced = again[rows][None, ..., None]
                x[:, rows] = torch.where(replaced, fresh, x[:, rows])
                rewards[:, rows] = torch.where(replaced, found, rewards[:, rows])
        return x, rewards

    def answers(
        self, problem: PolicyProblem, x: Tensor, theta: Tensor, rewards: Tensor | None = None
    ) -> Answers:
        """The answers x with all that this update makes use of."""
        p = problem.distribution(theta)
        return answers_of(
            problem,
            x,
            theta,
            rewards,
            entropy=p.entropies(x) if self.entropy else None,
            center=self._center(problem, x, theta) if self.score_centering else None,
            baseline=self._baseline(x),
        )

    def _center(self, problem: PolicyProblem, x: Tensor, theta: Tensor) -> Tensor:
        """The mean of w log π of a token under the policy that it was drawn from, `[N, R, (B,) T]`."""
        old = problem.behavior(theta)

        def mean(t: int, before: Tensor, log_probs: Tensor) -> Tensor:
            drawn = old.log_probs(t, before).detach()
            weight = self.ratio.weight((log_probs - drawn).exp().detach())
            assert weight is not None
            return (drawn.exp() * weight * log_probs).sum(-1)

        return problem.distribution(theta).token_means(x, mean)

    def _baseline(self, x: Tensor) -> Tensor | None:
        return None

    def ascended(self, problem: PolicyProblem, answers: Answers) -> Tensor:
        """The surrogate whose gradient is the estimate, `[R]`."""
        returns = answers.returns  # [N, R, B]
        beta = problem.kl_weight
        divergence = None if isinstance(self.divergence, NoDivergence) else self.divergence.of_tokens(answers)
        in_reward = divergence is not None and self.divergence.place == "reward"
        if divergence is not None and in_reward:
            returns = returns - beta * divergence.detach().sum(-1)
        credits, others = self.objective.credits(returns), self.objective.by_others(returns)
        advantages = self.scale.scaled(self.baseline.subtracted(credits, others, answers), returns)
        advantages = advantages * answers.mask  # [N, R, B, T]
        terms = self.ratio.surrogate(answers, advantages)
        if answers.center is not None:
            terms = terms - advantages * answers.center
        if divergence is not None and not in_reward:
            terms = terms - beta * divergence
        if answers.entropy is not None:
            terms = terms + self.entropy * answers.entropy
        each = (self.length.factors(answers) * terms.sum(-1)).mean(0)  # [R, B]
        if not isinstance(self.filter, Drop):
            return each.mean(-1)
        left = (~alike(answers.returns)).to(each.dtype)  # [R, B]
        return (left * each).sum(-1) / left.sum(-1)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return self.exact_moments_of_items([draws], sample_size)

    def exact_moments_of_items(self, items: Sequence[SingleDraws], sample_size: int) -> ExactMoments:
        if len(items) > 1 and not self.couples_items:
            return super().exact_moments_of_items(items, sample_size)
        if sample_size < self.minimum_sample_size:
            raise NotApplicable(f"it needs groups of at least {self.minimum_sample_size} answers")
        prompts = [_policy(draws.problem) for draws in items]
        return moments_of_groups(
            prompts,
            sample_size,
            self.answers,
            lambda answers: self.ascended(prompts[0], answers),
            items[0].blocks,
            self._filtered,
        )

    def _filtered(self, weights: Tensor, same: Tensor) -> Tensor:
        """The probabilities of groups, of which those of equal returns may be drawn again."""
        if not isinstance(self.filter, Redraw):
            return weights
        again, most = weights[same].sum(), self.filter.most
        tries = (1 - again ** (most + 1)) / (1 - again) if again < 1 else torch.full_like(again, most + 1)
        return torch.where(same, again**most, tries) * weights


@dataclass(frozen=True)
class _WithValues(GroupPolicy):
    """With the values of prefixes that its baseline is made of."""

    values: PrefixValues | None = None

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        return self

    def _baseline(self, x: Tensor) -> Tensor:
        assert self.values is not None
        return self.values.at(x)


def _policy(problem: Problem) -> PolicyProblem:
    if not isinstance(problem, PolicyProblem):
        raise NotApplicable("it is no problem of a policy that answers")
    return problem
