"""The path of K weighted samples, and the score that its weights hold, apart."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from bench.estimator import NotApplicable
from bench.problem import MultiSampleProblem, Problem


class WeightedPath(NamedTuple):
    """N samples of a bound that averages K weights.

    Attributes:
        x: the latent samples, `[N, R, (B,) K, *event]`, a function of θ.
        log_weights: log w_k, `[N, R, (B), K]`, through the path and through the parameters of q.
        score: log q(x_k; θ) at fixed x, `[N, R, (B), K]`: taken off log w_k, the path alone is left.
        normalized: w̃_k, `[N, R, (B), K]`, constant.
        weights: −K w̃_k: K, as a mean over k is meant where we want the sum, and minus, as the
            cost is minus the bound.
    """

    x: Tensor
    log_weights: Tensor
    score: Tensor
    normalized: Tensor
    weights: Tensor


def weighted_path(problem: Problem, theta: Tensor, sample_size: int) -> WeightedPath:
    """Return the weighted path of which estimators are made that leave out the score of q, or rewrite it.

    Raises:
        NotApplicable: if the problem is no such bound, or x has no path.
    """
    if not isinstance(problem, MultiSampleProblem):
        raise NotApplicable("it is no bound that averages K weights")
    q = problem.distribution(theta)
    if not q.has_rsample:
        raise NotApplicable("x has no reparameterized sampler")
    x = q.rsample((sample_size,))
    log_weights = problem.log_weights(x, theta)
    score = problem.log_probs(x.detach(), q)
    normalized = log_weights.detach().softmax(-1)
    return WeightedPath(x, log_weights, score, normalized, -problem.samples * normalized)
