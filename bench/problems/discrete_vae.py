"""The variational autoencoder with discrete latent variables: an ELBO that is known by enumeration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.choices import choices_of
from bench.errors import Fault, Invalid
from bench.networks import perceptron
from bench.problem import Points, TruthKind
from bench.problems.autoencoder import (
    Autoencoder,
    DataSet,
    pictures_of,
    same_for_all_items,
    samples_of,
    size_faults,
)
from bench.problems.enumeration import mean_over_states, points_of
from bench.problems.training import DiscreteTraining, Training

STATES = 1 << 12
"""The most values of an item's x that are enumerated."""

Bound = Literal["analytic_kl", "sampled"]


class DiscreteVAE(Autoencoder):
    r"""The negative ELBO of an autoencoder with discrete latents, averaged over the items of one batch.

    .. math:: F(\theta) = \frac{1}{B} \sum_b E_{x \sim q(x | d_b; \theta)}
        [\log q(x | d_b; \theta) - \log p(d_b | x; \theta) - \log p(x)]

    An x is D independent Bernoulli or categorical variables, whose logits come from the encoder; the prior
    is uniform. The decoder sees the numbers 0 and 1, or a one-hot vector for each variable, and gives the
    logits of a Bernoulli distribution for each pixel. Both networks are perceptrons with tanh; with no
    hidden layer they are linear, as in the smaller of the usual two models. theta holds the weights of the
    encoder, then those of the decoder. The batch is fixed, unless the problem is `resampled`.

    ==============  ================================  =============
    bound           cost                              analytic term
    ==============  ================================  =============
    `analytic_kl`   −log p(d | x)                     KL(q ‖ p)
    `sampled`       log q(x) − log p(d | x) − log p   none
    ==============  ================================  =============

    A third, `{iwae: K}`, is the problem `importance_weighted` of K samples of the problem whose bound is
    `sampled`, on which the weights are trained.

    The gradient is exact by enumeration of up to 2¹² values of x for an item, and so are variances; beyond
    that a long run takes its place. A bound of K samples has a limit of 2¹⁶ multisets of values.

    Args:
        latent_kind: of the latent variables.
        classes: C, of each categorical variable.
        latent: D, how many variables there are.
        hidden: width of the hidden layer, or of each; the decoder has them in reverse. None by default.
        data: the pictures, see the problem `vae`.
        binarize: how pixels become 0 and 1.
        batch_size: B.
        bound: what of the objective is sampled.
        theta: `{init: SEED}` for weights as networks begin, or `{train: {...}}` for trained ones, by `rloo`
            where no other estimator is named.
        seed: of the choice of the batch, and of binarization.

    References:
        Mnih & Gregor (2014), Neural variational inference and learning in belief networks.
        Tucker et al. (2017), REBAR, on linear and nonlinear models.
        Mnih & Rezende (2016), Variational inference for Monte Carlo objectives, on the bound of K samples.
    """

    truth_kind: TruthKind = "enumeration"
    training_options: ClassVar[type[Training]] = DiscreteTraining

    def __init__(
        self,
        latent_kind: Literal["bernoulli", "categorical"] = "bernoulli",
        classes: int | None = None,
        latent: int = 8,
        hidden: int | list[int] = [],  # noqa: B006 - it is not changed
        data: DataSet | dict[str, Any] = "digits",
        binarize: Literal["threshold", "sample"] = "threshold",
        batch_size: int = 16,
        bound: Bound | dict[str, Any] = "sampled",
        theta: Mapping[str, Any] = {"init": 0},
        seed: int = 0,
    ) -> None:
        widths = [hidden] if isinstance(hidden, int) else hidden
        _check(latent_kind, classes, size_faults(batch_size, latent, widths))
        self.weighted = samples_of(bound)
        self.bound: Bound = bound if isinstance(bound, str) else "sampled"
        self.latent, self.classes = latent, classes
        pictures = pictures_of(data, batch_size).binarized(binarize, seed)
        D, outputs = pictures.pixels.shape[1], latent * (classes or 1)
        networks = {"encoder": [D, *widths, outputs], "decoder": [outputs, *widths[::-1], D]}
        super().__init__(pictures, networks, batch_size, theta, seed)

    def distribution(self, theta: Tensor) -> Distribution:
        data = self.data.expand(len(theta), -1, -1)  # [R, B, pixels]
        logits = perceptron(data, self.weights.of(theta)["encoder"])  # [R, B, D·C]
        if self.classes is None:
            return Independent(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False)
        rows = logits.view(*logits.shape[:-1], self.latent, self.classes)  # [R, B, D, C]
        return Independent(Categorical(logits=rows, validate_args=False), 1, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        if self.bound == "analytic_kl":
            return -self.log_likelihood(self.code(x, theta), theta)
        return super().cost(x, theta)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.log_likelihood(self.code(x, theta), theta) - self._prior_nats

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """The decoder at points between 0 and 1, or one-hot vectors; log q is linear in each variable."""
        code = points if self.classes is None else points.flatten(-2)  # [N, R, B, D·C]
        cost = -self.log_likelihood(code, theta)  # [N, R, B]
        if self.bound == "analytic_kl":
            return cost
        return cost + choices_of(self.distribution(theta)).log_prob(points) + self._prior_nats

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor] | None:
        """The pixels share all of x; q has a term for each variable."""
        if self.bound == "analytic_kl":
            return None
        p: Any = self.distribution(theta)
        return -self.log_likelihood(self.code(x, theta), theta), p.base_dist.log_prob(x)

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor | None:
        if self.bound == "sampled":
            return None
        return choices_of(p).mean_log_prob() + self._prior_nats  # [R, B]

    def expectation(self, theta: Tensor) -> Tensor:
        return mean_over_states(self, theta, STATES)

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)

    def code(self, x: Tensor, theta: Tensor) -> Tensor:
        """The decoder's inputs, `[N, R, B, D] -> [N, R, B, D]`, or `[N, R, B, D·C]` of class numbers."""
        if self.classes is None:
            return x
        there = x[..., :1, :] if same_for_all_items(x) else x
        code = functional.one_hot(there.long(), self.classes).to(theta.dtype).flatten(-2)
        return code.expand(*x.shape[:-1], -1)

    def typical_code(self, p: Distribution) -> Tensor:
        probs = choices_of(p).probs
        return probs if self.classes is None else probs.flatten(-2)

    def prior_codes(self, count: int, generator: torch.Generator) -> Tensor:
        x = torch.randint(self.classes or 2, (count, self.latent), generator=generator)
        return self.code(x.double(), self.theta.double())

    @property
    def _prior_nats(self) -> float:
        """−log p(x)."""
        return self.latent * math.log(self.classes or 2)


def _check(latent_kind: str, classes: int | None, faults: list[Fault]) -> None:
    if latent_kind == "categorical" and (classes is None or classes < 2):
        found = "none" if classes is None else str(classes)
        faults.append(Fault(f"categorical latents need classes, at least 2, got {found}", ("classes",)))
    if latent_kind == "bernoulli" and classes is not None:
        message = f"bernoulli latents have no classes, got {classes}; wanted latent_kind: categorical"
        faults.append(Fault(message, ("classes",)))
    if faults:
        raise Invalid(*faults)
