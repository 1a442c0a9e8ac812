"""A generator and a discriminator, as perceptrons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

_SLOPE = 0.2  # of leaky rectifiers; Radford, Metz & Chintala (2016), Unsupervised representation learning, §3


class AdversarialNetworks(nn.Module):
    """A generator, whose layers are `layer_1` and on, beside the discriminator whose weights are held fixed.

    Args:
        latent: dimensions of the noise.
        hidden: widths of the generator's hidden layers; the discriminator has them in reverse.
        pixels: D.
    """

    discriminator: nn.Sequential

    def __init__(self, latent: int, hidden: Sequence[int], pixels: int) -> None:
        super().__init__()
        self.layers = [f"layer_{i}" for i in range(1, len(hidden) + 2)]
        for name, (inputs, outputs) in zip(self.layers, pairwise([latent, *hidden, pixels]), strict=True):
            self.add_module(name, nn.Linear(inputs, outputs))
        parts: list[nn.Module] = []
        for inputs, outputs in pairwise([pixels, *reversed(hidden)]):
            parts += [nn.Linear(inputs, outputs), nn.LeakyReLU(_SLOPE)]
        parts.append(nn.Linear(hidden[0], 1))
        self.discriminator = nn.Sequential(*parts).requires_grad_(False)

    def generate(self, noise: Tensor) -> Tensor:
        """Pixels between 0 and 1, `[..., latent] -> [..., D]`."""
        x = noise
        for name in self.layers[:-1]:
            x = self.get_submodule(name)(x).tanh()
        pixels: Tensor = self.get_submodule(self.layers[-1])(x).sigmoid()
        return pixels

    def logits(self, pixels: Tensor) -> Tensor:
        """The discriminator's logits that pictures are of the data, `[..., D] -> [...]`."""
        outputs: Tensor = self.discriminator(pixels)
        return outputs[..., 0]
