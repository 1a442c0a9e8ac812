"""Advantage functions and policy losses as trainers have them, right ones and wrong ones."""

from __future__ import annotations

from torch import Tensor

# --- functions of rewards, `[prompts, G]` ---------------------------------------------------------


def centered(rewards: Tensor) -> Tensor:
    return rewards - rewards.mean(1, keepdim=True)


def rloo(rewards: Tensor) -> Tensor:
    others = (rewards.sum(1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


def plain(rewards: Tensor) -> Tensor:
    return rewards


def grpo_0(rewards: Tensor) -> Tensor:
    return centered(rewards) / (rewards.std(1, correction=0, keepdim=True) + 1e-8)


def grpo_1(rewards: Tensor) -> Tensor:
    return centered(rewards) / (rewards.std(1, keepdim=True) + 1e-4)


def maxrl(rewards: Tensor) -> Tensor:
    return centered(rewards) / (rewards.mean(1, keepdim=True) + 1e-6)


def pass_at_2(rewards: Tensor) -> Tensor:
    # A wrong answer is worth the pairs in which the other one is right: G·c/C(G, 2).
    others = rewards.sum(1, keepdim=True) * 2 / (rewards.shape[1] - 1)
    return rewards * 2 + (1 - rewards) * others


def of_batch(rewards: Tensor) -> Tensor:
    return (rewards - rewards.mean()) / (rewards.std() + 1e-8)


def wrong_axis(rewards: Tensor) -> Tensor:
    return rewards - rewards.mean(0, keepdim=True)


def own_twice(rewards: Tensor) -> Tensor:
    return rewards - (rewards.sum(1, keepdim=True) + rewards) / (rewards.shape[1] + 1)


def sign_error(rewards: Tensor) -> Tensor:
    return -rloo(rewards)


def not_centered(rewards: Tensor) -> Tensor:
    return rewards / (rewards.std(1, keepdim=True) + 1e-4)


def divided_by_all(rewards: Tensor) -> Tensor:
    """Leave-one-out that divides by G: still no baseline that depends on the answer itself."""
    return rewards - (rewards.sum(1, keepdim=True) - rewards) / rewards.shape[1]


def leaks(rewards: Tensor) -> Tensor:
    """Groups are strided: the mean is over answers to several prompts."""
    B, G = rewards.shape
    mixed = rewards.view(G, B)
    return (mixed - mixed.mean(0)).view(B, G)


def leaks_advantages(rewards: Tensor) -> Tensor:
    """An answer gets the advantage of another one."""
    return centered(rewards).T.reshape(rewards.shape)


def undefined(rewards: Tensor) -> Tensor:
    return centered(rewards) / rewards.std(1, keepdim=True)


# --- losses of `[answers, tokens]` ----------------------------------------------------------------


def _mean(terms: Tensor, mask: Tensor) -> Tensor:
    return (terms * mask).sum(1).mean()


def sequence_ratio(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -(((log_probs - old) * mask).sum(1).exp() * advantages).mean()


def no_correction(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -_mean(log_probs * advantages[:, None], mask)


def token_ratio(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -_mean((log_probs - old).exp() * advantages[:, None], mask)


def clipped(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    ratio, each = (log_probs - old).exp(), advantages[:, None]
    return -_mean((ratio * each).minimum(ratio.clamp(0.8, 1.2) * each), mask)


def clipped_oddly(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    ratio, each = (log_probs - old).exp(), advantages[:, None]
    return -_mean((ratio * each).minimum(ratio.clamp(0.85, 1.25) * each), mask)


def truncated(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    weight = (log_probs - old).exp().clamp(max=1.7).detach()
    return -_mean(weight * log_probs * advantages[:, None], mask)


def token_mean(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -(log_probs * advantages[:, None] * mask).sum() / mask.sum()


def own_length(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -((log_probs * advantages[:, None] * mask).sum(1) / mask.sum(1)).mean()


def constant_length(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return sequence_ratio(log_probs, old, ref, mask, advantages) / 16


def batch_width(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return sequence_ratio(log_probs, old, ref, mask, advantages) / mask.shape[1]


def _k3(log_probs: Tensor, ref: Tensor) -> Tensor:
    return (ref - log_probs).exp() - 1 - (ref - log_probs)


def k1(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _mean(log_probs - ref, mask)


def k2(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _mean((log_probs - ref).square() / 2, mask)


def k3(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _mean(_k3(log_probs, ref), mask)


def with_k1(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    policy = sequence_ratio(log_probs, old, ref, mask, advantages)
    return policy + 0.04 * k1(log_probs, old, ref, mask, advantages)


def with_k3(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    policy = sequence_ratio(log_probs, old, ref, mask, advantages)
    return policy + 0.04 * k3(log_probs, old, ref, mask, advantages)


def _in_reward(
    log_probs: Tensor, old: Tensor, mask: Tensor, advantages: Tensor, divergence: Tensor
) -> Tensor:
    held = advantages - 0.1 * (divergence * mask).sum(1).detach()
    return -(((log_probs - old) * mask).sum(1).exp() * held).mean()


def k1_in_reward(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _in_reward(log_probs, old, mask, advantages, log_probs - ref)


def k3_in_reward(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _in_reward(log_probs, old, mask, advantages, _k3(log_probs, ref))


def driven_away(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return _in_reward(log_probs, old, mask, advantages, ref - log_probs)


def grpo(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    ratio, each = (log_probs - old).exp(), advantages[:, None]
    terms = (ratio * each).minimum(ratio.clamp(0.8, 1.2) * each) - 0.04 * _k3(log_probs, ref)
    return -((terms * mask).sum(1) / mask.sum(1)).mean()


def forgets_mask(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -(log_probs.sum(1) * advantages).mean()


def detached(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return no_correction(log_probs.detach(), old, ref, mask, advantages)


def loss_sign_error(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -sequence_ratio(log_probs, old, ref, mask, advantages)
