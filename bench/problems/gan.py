"""The generative adversarial network: a generator's cost, against a discriminator that is held fixed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal
from torch.nn.functional import logsigmoid

from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.problems import images
from bench.problems.adversarial_networks import AdversarialNetworks
from bench.problems.adversarial_training import AdversarialTraining, train
from bench.problems.module_problem import ModuleProblem
from bench.problems.seeds import seed_for
from bench.problems.training import training_of

_COSTS: dict[str, Callable[[Tensor], Tensor]] = {
    "saturating": lambda logits: logsigmoid(-logits),  # log(1 − σ(l)) = log σ(−l)
    "non_saturating": lambda logits: -logsigmoid(logits),
}


class GAN(ModuleProblem):
    r"""The cost of a generator against a fixed discriminator, on pictures of handwritten digits.

    .. math:: F(\theta) = E_{\epsilon \sim N(0, I)}[f(D(G(\epsilon; \theta)))]

    x is the generated picture, and its distribution an implicit one: x has a path and no density, so that
    estimators by the score do not apply. Generator and discriminator are perceptrons, with tanh and leaky
    rectifiers between their layers; pixels are between 0 and 1 by a logistic function. θ holds the weights
    of the generator. Those of the discriminator are held fixed, where the training of both was stopped.

    ==================  ===================
    cost                f
    ==================  ===================
    `saturating`        log(1 − D(x))
    `non_saturating`    −log D(x)
    ==================  ===================

    Their slopes in the logit of D differ by the factor (1 − D)/D: where the discriminator knows what is
    generated, the first has hardly any.

    Args:
        cost: f.
        latent: dimensions of ε.
        hidden: width of the hidden layer of the generator, or of each; the discriminator has them in reverse.
        theta: `{init: SEED}` for weights as networks begin, or `{train: {...}}` for both networks after a
            training that is the same whatever the cost, once the problem is `prepared`; see
            `AdversarialTraining`.

    References:
        Goodfellow et al. (2014), Generative adversarial nets, §3, for both costs.
        Mohamed & Lakshminarayanan (2017), Learning in implicit generative models, §2.
    """

    def __init__(
        self,
        cost: Literal["saturating", "non_saturating"] = "non_saturating",
        latent: int = 8,
        hidden: int | list[int] = 32,
        theta: Mapping[str, Any] = {"init": 0},
    ) -> None:
        widths = [hidden] if isinstance(hidden, int) else hidden
        _check_sizes(latent, widths)
        self.training, seed = _training(theta)
        self.latent, self.cost_name = latent, cost
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_for(seed, "weights"))
            net = AdversarialNetworks(latent, widths, math.prod(_SHAPE))
        super().__init__(net)

    def distribution(self, net: AdversarialNetworks) -> Distribution:
        zero = torch.zeros(self.latent)
        return Independent(Normal(zero, torch.ones(self.latent)), 1)

    def generate(self, net: AdversarialNetworks, noise: Tensor) -> Tensor:
        return net.generate(noise)

    def cost(self, net: AdversarialNetworks, z: Tensor) -> Tensor:
        return _COSTS[self.cost_name](net.logits(z))

    def prepare(self, net: AdversarialNetworks) -> None:
        """Train both networks, where that is asked for."""
        if self.training is not None:
            torch.default_generator.manual_seed(seed_for(self.training.seed, "training"))
            train(net, images.digits().pixels, self.latent, self.training)

    def pictures(self, net: AdversarialNetworks) -> dict[str, Tensor]:
        data = images.digits().pixels[:_SHOWN]  # [K, D]
        made = net.generate(torch.randn(_SHOWN, self.latent))  # [K, D]
        return {"data": data.view(-1, *_SHAPE), "generated": made.view(-1, *_SHAPE)}


_SHAPE = (8, 8)  # of the digits of scikit-learn
_SHOWN = 8


def _check_sizes(latent: int, widths: list[int]) -> None:
    checks = [
        (latent >= 1, f"latent must be at least 1, got {latent}", "latent"),
        (bool(widths) and min(widths) >= 1, f"widths must be at least 1, got {shown(widths)}", "hidden"),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)


def _training(theta: Mapping[str, Any]) -> tuple[AdversarialTraining | None, int]:
    """Return the options of training, None for `{init: SEED}`; and the seed of the initial weights."""
    if len(theta) != 1:
        raise invalid(f"wanted {{init: SEED}} or {{train: {{...}}}}, got {shown(dict(theta))}", "theta")
    [(how, wanted)] = theta.items()
    if how == "train":
        training = training_of(wanted, AdversarialTraining)
        return training, training.seed
    if how != "init":
        raise invalid(f"unknown {shown(how)}; {did_you_mean(how, ['init', 'train'])}", "theta", how)
    if type(wanted) is not int:
        raise invalid(f"init wants a seed, a whole number, got {shown(wanted)}", "theta", "init")
    return None, wanted
