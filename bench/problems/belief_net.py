"""The belief net: an autoencoder whose latent variables are layers of binary units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.by_counter import Bernoulli
from bench.distributions.layered import Layered
from bench.errors import invalid, shown
from bench.networks import Layer
from bench.problem import Points, TruthKind
from bench.problems.autoencoder import (
    Autoencoder,
    DataSet,
    of_items,
    pictures_of,
    same_for_all_items,
    samples_of,
)
from bench.problems.enumeration import mean_over_states, points_of
from bench.problems.training import DiscreteTraining, Training

STATES = 1 << 16
"""The most values of an item's x that are enumerated."""


class BeliefNet(Autoencoder):
    r"""The negative ELBO of a sigmoid belief net, averaged over the items of one batch.

    .. math:: q(h | d; \theta) = q(h_1 | d)\, q(h_2 | h_1) \cdots q(h_T | h_{T-1}), \quad
        p(d, h; \theta) = p(h_T)\, p(h_{T-1} | h_T) \cdots p(d | h_1)

    .. math:: F(\theta) = \frac{1}{B} \sum_b E_{h \sim q(h | d_b; \theta)}
        [\log q(h | d_b; \theta) - \log p(d_b, h; \theta)]

    Each factor is of independent Bernoulli variables whose logits are an affine map of the layer before;
    p(h_T) is uniform. An x has the layers side by side, that next to the data first. theta holds the maps
    of q, upwards (`encoder.0` makes h_1 of the data), then those of p, downwards. The batch is fixed,
    unless the problem is `resampled`.

    The gradient is exact by enumeration of up to 2¹⁶ values of x for an item, 16 units in all; beyond that
    a long run takes its place.

    Args:
        layers: the numbers of units, that of the layer next to the data first.
        data: the pictures, see the problem `vae`.
        binarize: how pixels become 0 and 1.
        batch_size: B.
        bound: `elbo`, or `{iwae: K}` for the problem `importance_weighted` of K samples.
        theta: `{init: SEED}` for weights as networks begin, or `{train: {...}}` for trained ones, by `rloo`
            where no other estimator is named.
        seed: of the choice of the batch, and of binarization.

    References:
        Neal (1992), Connectionist learning of belief networks.
        Mnih & Gregor (2014), Neural variational inference and learning in belief networks.
    """

    truth_kind: TruthKind = "enumeration"
    training_options: ClassVar[type[Training]] = DiscreteTraining

    def __init__(
        self,
        layers: list[int] = [5, 5],  # noqa: B006 - it is not changed
        data: DataSet | dict[str, Any] = "digits",
        binarize: Literal["threshold", "sample"] = "threshold",
        batch_size: int = 16,
        bound: Literal["elbo"] | dict[str, Any] = "elbo",
        theta: Mapping[str, Any] = {"init": 0},
        seed: int = 0,
    ) -> None:
        _check(layers, batch_size)
        self.weighted = samples_of(bound)
        self.sizes, self.latent = tuple(layers), sum(layers)
        pictures = pictures_of(data, batch_size).binarized(binarize, seed)
        D = pictures.pixels.shape[1]
        networks = {"encoder": [D, *layers], "decoder": [*layers[::-1], D]}
        super().__init__(pictures, networks, batch_size, theta, seed)
        self.width = batch_size * max(D, sum(layers))

    def distribution(self, theta: Tensor) -> Layered:
        maps = self.weights.of(theta)["encoder"]
        data = self.data.expand(len(theta), -1, -1)  # [R, B, pixels]

        def logits(t: int, before: Tensor) -> Tensor:
            below = before[..., -self.sizes[t - 1] :] if t else data[None]  # [N or 1, R, B, in]
            return _affine(below, maps[t]).expand(len(before), -1, -1, -1)

        return Layered(self.sizes, logits, torch.Size(data.shape[:2]), data)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        units = self._layers_of(x)  # [N, R, B, D_t] each
        maps = self.weights.of(theta)["decoder"]  # of h_T first
        total = self.log_likelihood(units[0], theta) - self.sizes[-1] * math.log(2)  # [N, R, B]
        for (below, above), layer in zip(pairwise(units), maps[-2::-1], strict=True):
            total = total + _log_prob(below, _affine(above, layer))
        return total

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """The networks at units between 0 and 1, with log probabilities that are linear in each unit."""
        units = self._layers_of(points)  # [N, R, B, D_t] each
        maps = self.weights.of(theta)["encoder"]
        data = self.data.expand(len(theta), -1, -1)[None]  # [1, R, B, pixels]
        below = [data, *units[:-1]]
        log_q = [_log_prob(h, _affine(x, layer)) for h, x, layer in zip(units, below, maps, strict=True)]
        return torch.stack(log_q).sum(0) - self.log_joint(points, theta)

    def expectation(self, theta: Tensor) -> Tensor:
        return mean_over_states(self, theta, STATES)

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)

    def typical_code(self, p: Distribution) -> Tensor:
        assert isinstance(p, Layered)
        nothing = self.data.new_zeros(1, *p.batch_shape, 0)  # [1, R, B, 0]
        return p.logits(0, nothing)[0].sigmoid()

    def prior_codes(self, count: int, generator: torch.Generator) -> Tensor:
        h = torch.randint(2, (count, self.sizes[-1]), generator=generator).double()  # [count, D_T]
        for layer in self.weights.of(self.theta.double()[None])["decoder"][:-1]:
            probs = _affine(h[None, None], layer)[0, 0].sigmoid()
            h = torch.bernoulli(probs, generator=generator)
        return h

    def _decoded(self, code: Tensor, theta: Tensor) -> Tensor:
        """The logits of the pixels given h_1, `[N, R, B, D_1] -> [R, N, B, pixels]`."""
        return of_items(code, self.weights.of(theta)["decoder"][-1:])

    def _layers_of(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.split(self.sizes, -1)  # type: ignore[no-any-return, no-untyped-call]


def _affine(x: Tensor, layer: Layer) -> Tensor:
    """`[N, R, B, in] -> [N, R, B, out]`; once for all items where they have one x."""
    there = x[..., :1, :] if same_for_all_items(x) else x
    return of_items(there, [layer]).transpose(0, 1).expand(*x.shape[:-1], -1)


def _log_prob(units: Tensor, logits: Tensor) -> Tensor:
    """log p of layers, `[N, R, B, D_t] -> [N, R, B]`."""
    return Bernoulli(logits=logits, validate_args=False).log_prob(units).sum(-1)


def _check(layers: list[int], batch_size: int) -> None:
    if not layers or min(layers) < 1:
        raise invalid(f"layers are numbers of units, each at least 1, got {shown(layers)}", "layers")
    if batch_size < 1:
        raise invalid(f"batch_size must be at least 1, got {batch_size}", "batch_size")
