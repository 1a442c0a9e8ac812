"""The parts that variational autoencoders share: pictures, batches, a decoder, training."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional

from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.networks import Layer, Weights, perceptron
from bench.problem import NotApplicable, VariationalProblem
from bench.problems import images
from bench.problems.batches import count, redrawn, with_few_items
from bench.problems.importance_weighted import ImportanceWeighted
from bench.problems.seeds import generator_for
from bench.problems.training import Training, check, faults_of_training, trained, training_of

DataSet = Literal["digits", "mnist", "bars"]
Pictures = dict[str, np.ndarray[Any, Any]]


class Autoencoder(VariationalProblem):
    r"""The negative ELBO of a model of pictures, averaged over the items of one batch.

    .. math:: F(\theta) = \frac{1}{B} \sum_b E_{x \sim q(x | d_b; \theta)}
        [\log q(x | d_b; \theta) - \log p(d_b | x; \theta) - \log p(x)]

    A decoder makes of the code of x the logits of a Bernoulli distribution for each pixel, or the means of
    normal ones. theta holds the weights of the encoder, then those of the decoder.

    Attributes:
        data: the batch, `[B, D]`; `[R, B, D]` once resampled.
        items: all pictures, `[n, D]`.
        latent: the numbers of which x consists.
        weights: the places in theta of the networks.
        likelihood: of a pixel.
        noise: standard deviation of the normal likelihood.
        weighted: K of the bound `{iwae: K}`; None for an ELBO.
    """

    data: Tensor
    items: Tensor
    training: Training | None
    training_options: ClassVar[type[Training]] = Training
    latent: int
    likelihood: Literal["bernoulli", "normal"] = "bernoulli"
    noise: float = 1.0
    weighted: int | None = None

    def __init__(
        self,
        pictures: images.Images,
        networks: Mapping[str, Sequence[int]],
        batch_size: int,
        theta: Mapping[str, Any],
        seed: int,
    ) -> None:
        self.training = self._training(theta)
        chosen = torch.randperm(len(pictures.pixels), generator=generator_for(seed, "batch"))
        self.items, self.image_shape = pictures.pixels, pictures.shape  # [n, D]
        self.data = self.items[chosen[:batch_size]]  # [B, D]; [R, B, D] once resampled
        self.weights = Weights(networks)
        self.parameters = self.weights.blocks
        self.width = batch_size * max(width for widths in networks.values() for width in widths)
        initial_seed = self.training.seed if self.training else theta["init"]
        self.theta = self.weights.initial(generator_for(initial_seed, "weights"))  # [P]
        if self.training:
            with faults_of_training():
                check(self.reduced(), self.training, len(self.data), len(self.items))

    @abstractmethod
    def typical_code(self, p: Distribution) -> Tensor:
        """The code of the mean of q, `[R, B, code width]`."""

    @abstractmethod
    def prior_codes(self, count: int, generator: torch.Generator) -> Tensor:
        """The codes of draws from the prior, `[count, code width]` in float64."""

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

    def item(self, index: int) -> Self:
        if self.data_per_row:
            raise NotApplicable("each row of theta has items of its own")
        one = copy.copy(self)
        one.data = self.data[index : index + 1]  # [1, D]
        one.width = self.width // count(self.data)
        return one

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """Each batch has B items that are drawn from all of them with replacement."""
        return redrawn(self, self.items, rows, copies)

    def inputs(self) -> Tensor:
        return self.data

    def log_likelihood(self, code: Tensor, theta: Tensor) -> Tensor:
        """log p(data | x; θ), the sum over pixels, of codes of x, `[N, R, B, code width] -> [N, R, B]`."""
        if same_for_all_items(code) and self.likelihood == "bernoulli":
            return self._of_every_item(code[..., :1, :], theta)
        outputs = self._decoded(code, theta)  # [R, N, B, D]
        data = self.data.unsqueeze(-3)  # [(R), 1, B, D]
        if self.likelihood == "bernoulli":
            # log σ(l) for a pixel of 1, and log(1 − σ(l)) = log σ(−l) for one of 0.
            terms = functional.logsigmoid(outputs * (2 * data - 1)).sum(-1)  # [R, N, B]
        else:
            normalizer = math.log(self.noise) + 0.5 * math.log(2 * math.pi)
            squares = (outputs - data).square().sum(-1)  # [R, N, B]
            terms = squares * (-0.5 / self.noise**2) - data.shape[-1] * normalizer
        return terms.transpose(0, 1)

    def _of_every_item(self, code: Tensor, theta: Tensor) -> Tensor:
        """log p(data | x; θ) of codes that all items have, `[N, R, 1, code width]`: each is decoded once."""
        outputs = self._decoded(code, theta)[:, :, 0]  # [R, N, D]
        # Σ d log σ(l) + (1 − d) log σ(−l) = Σ d l + log σ(−l).
        terms = outputs @ self.data.mT + functional.logsigmoid(-outputs).sum(-1, keepdim=True)  # [R, N, B]
        return terms.transpose(0, 1)

    def pictures(self, count: int = 8) -> Pictures:
        """Data, their reconstructions at the mean of q, and samples of the model, `[K, H, W]` each, at theta.

        K is `count`, or B for the first two where B is less. Empty if the data are no pictures.
        """
        if self.image_shape is None:
            return {}
        with torch.no_grad():
            theta = self.theta[None]  # [1, P]
            code = self.typical_code(self.distribution(theta))  # [1, B, code width]
            drawn = self.prior_codes(count, generator_for(0, "samples")).to(theta)  # [K, code width]
            shown_pixels = {
                "data": self.data[:count],
                "reconstructions": self._pixel_means(code[None], theta)[:count],
                "samples from the prior": self._pixel_means(drawn[None, None], theta),
            }  # [K, D] each
        return {
            title: pixels.cpu().double().reshape(-1, *self.image_shape).numpy()
            for title, pixels in shown_pixels.items()
        }

    def _decoded(self, code: Tensor, theta: Tensor) -> Tensor:
        """The decoder's outputs, `[N, R, B, code width] -> [R, N, B, D]`."""
        return of_items(code, self.weights.of(theta)["decoder"])

    def _pixel_means(self, code: Tensor, theta: Tensor) -> Tensor:
        outputs = self._decoded(code, theta)[0, 0]  # [K, D]
        return outputs.sigmoid() if self.likelihood == "bernoulli" else outputs

    def _training(self, theta: Mapping[str, Any]) -> Training | None:
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
        return training_of(wanted, self.training_options)


def of_items(x: Tensor, layers: Sequence[Layer]) -> Tensor:
    """The outputs of a perceptron, `[N, R, B, in] -> [R, N, B, out]`."""
    N, R, B, width = x.shape
    rows = x.transpose(0, 1).reshape(R, N * B, width)  # [R, N·B, in]
    return perceptron(rows, layers).view(R, N, B, -1)


def same_for_all_items(x: Tensor) -> bool:
    """Whether several items have one x in memory, `[N, R, B, width]`."""
    return x.shape[-2] > 1 and x.stride(-2) == 0


def size_faults(batch_size: int, latent: int, widths: list[int]) -> list[Fault]:
    """Find what is wrong with the sizes of an autoencoder."""
    checks = [
        (batch_size >= 1, f"batch_size must be at least 1, got {batch_size}", "batch_size"),
        (latent >= 1, f"latent must be at least 1, got {latent}", "latent"),
        (all(width >= 1 for width in widths), f"widths must be at least 1, got {shown(widths)}", "hidden"),
    ]
    return [Fault(message, (key,)) for fits, message, key in checks if not fits]


def samples_of(bound: str | Mapping[str, Any]) -> int | None:
    """K of a bound `{iwae: K}`; None for a bound by name.

    Raises:
        Invalid: with the path from `bound` on.
    """
    if isinstance(bound, str):
        return None
    if list(bound) != ["iwae"]:
        raise invalid(f"wanted a bound by name, or {{iwae: K}}, got {shown(dict(bound))}", "bound")
    samples = bound["iwae"]
    if type(samples) is not int or samples < 1:
        message = f"iwae wants the number of samples, a whole number from 1, got {shown(samples)}"
        raise invalid(message, "bound", "iwae")
    return samples


def pictures_of(data: DataSet | Mapping[str, Any], batch_size: int) -> images.Images:
    """The pictures that `data` names, of which there are enough for a batch.

    Raises:
        Invalid: with the path of what is wrong, `data` or `batch_size`.
    """
    try:
        found = images.named(data)
    except Invalid as error:
        raise error.under("data") from error
    available = len(found.pixels)
    if available < batch_size:
        raise invalid(f"batch_size is {batch_size}, but there are {available} pictures", "batch_size")
    return found
