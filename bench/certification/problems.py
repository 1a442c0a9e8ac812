"""The problems on which an estimator is certified, at a generic θ: options by name, nothing built yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reference:
    """A problem, with what must be known of it to judge a claim.

    Attributes:
        options: its name in the catalogue, as `name`, and its options.
        degree: of F as a polynomial in θ; None if it is none.
        cost_degree: of f as a polynomial in the points between the values of a discrete x, in each choice;
            None if it is none.
        continuous: whether the cost is continuous in x.
    """

    options: Mapping[str, Any]
    degree: int | None = None
    cost_degree: int | None = None
    continuous: bool = True


def expectation(cost: str, parameters: list[str], **distribution: dict[str, Any]) -> dict[str, Any]:
    """The options of an expectation of a formula."""
    return {"name": "expectation", "distribution": distribution, "parameters": parameters, "cost": cost}


_GAMMA_POISSON = {"name": "gamma_poisson"}
_NORMALS = {"name": "gaussian_elbo", "data": [1.5], "loc": -0.3, "scale": 0.9}
_LINEAR_VAE = {"name": "linear_vae", "batch_size": 3, "dimensions": 4, "latent": 2, "seed": 3}

# Never 0 or 1: there exp(x) and exp(2x), or x and x², are the same.
PROBLEMS: Mapping[str, Reference] = {
    "gaussian": Reference(expectation("z**2", ["loc"], normal={"loc": 2.0, "scale": 1.3}), degree=2),
    "normal": Reference(
        expectation("cos(z) + z**2", ["loc", "log_scale"], normal={"loc": 0.7, "log_scale": -0.4})
    ),
    "normals": Reference(
        expectation("sum((z - 0.5)**2)", ["loc", "scale"], normal={"loc": [1.3, -0.6, 0.4], "scale": 0.8}),
        degree=2,
    ),
    "product": Reference(
        expectation("sum(z)**2", ["loc"], normal={"loc": [0.3, -0.6], "scale": [0.8, 0.5]}), degree=2
    ),
    "jump": Reference(
        expectation("z > 0.2", ["loc", "scale"], normal={"loc": 0.6, "scale": 0.8}), continuous=False
    ),
    "lognormal": Reference(expectation("sqrt(z)", ["loc", "scale"], lognormal={"loc": 0.2, "scale": 0.6})),
    "gamma": Reference(
        expectation("z**2", ["concentration", "rate"], gamma={"concentration": 2.3, "rate": 1.7})
    ),
    "beta": Reference(
        expectation(
            "log(z) + z",
            ["concentration1", "concentration0"],
            beta={"concentration1": 2.4, "concentration0": 3.1},
        )
    ),
    "exponential": Reference(expectation("tanh(z)", ["rate"], exponential={"rate": 1.6})),
    "bernoulli": Reference(
        expectation("(z - 0.45)**2", ["logits"], bernoulli={"logits": 0.8}), cost_degree=2
    ),
    "bernoullis": Reference(
        expectation("sum(z)**2", ["probs"], bernoulli={"probs": [0.3, 0.6, 0.8]}), degree=2, cost_degree=2
    ),
    "choice": Reference(expectation("exp(z)", ["probs"], bernoulli={"probs": 0.3}), degree=1),
    "categorical": Reference(
        expectation("(z - 1.2)**2", ["logits"], categorical={"logits": [0.3, -0.4, 0.9]}), cost_degree=2
    ),
    # A class of probability .002, whose cost is unlike the others.
    "rare_class": Reference(
        {
            **expectation("f[z]", ["logits"], categorical={"logits": [0.0, -5.0, 1.0]}),
            "let": {"f": [3.0, -20.0, 2.5]},
        }
    ),
    "categorical_quadratic": Reference(
        {
            "name": "categorical_quadratic",
            "matrix": [[1, 0.3, -0.2], [0.3, -0.5, 0.4], [-0.2, 0.4, 0.8]],
            "vector": [0.1, -0.3, 0.5],
            "logits": [0.7, 0.2, -0.2],
        },
        cost_degree=2,
    ),
    "entropy_regularized": Reference(
        {
            **expectation(
                "2 + z[0] * z[1]", ["logits"], categorical={"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}
            ),
            "name": "entropy_regularized",
            "weight": 0.7,
        }
    ),
    "qubits": Reference({"name": "qubit", "angles": [0.6, 2.3, -1.1], "fields": [0.3, -0.2, 0.1]}),
    "poisson": Reference(expectation("sqrt(z + 1)", ["rate"], poisson={"rate": 3.4})),
    "dirichlet": Reference(
        expectation(
            "sum((z - 0.4)**2) + sum(exp(z))",
            ["concentration"],
            dirichlet={"concentration": [1.4, 2.2, 0.9]},
        )
    ),
    "multivariate_normal": Reference(
        expectation(
            "sum(z)**2 + sum(cos(z))",
            ["loc", "scale_tril"],
            multivariate_normal={"loc": [0.7, -0.4], "scale_tril": [[0.8], [-0.3, 0.6]]},
        )
    ),
    "gaussian_elbo": Reference({"name": "gaussian_elbo", "loc": 0.6, "scale": 0.7}),
    "gamma_poisson": Reference(_GAMMA_POISSON),
    "linear_vae": Reference(_LINEAR_VAE),
    "vae": Reference({"name": "vae", "batch_size": 3, "latent": 1, "hidden": 2, "bound": "analytic_kl"}),
    "discrete_vae": Reference(
        {"name": "discrete_vae", "data": "bars", "batch_size": 3, "latent": 2, "theta": {"init": 1}}
    ),
    # Layers of bits, each of which depends on those before it.
    "belief_net": Reference(
        {"name": "belief_net", "layers": [2, 2], "data": "bars", "batch_size": 2, "theta": {"init": 1}}
    ),
    # Answers of one or two tokens, and two prompts with an answer of one token.
    "answers": Reference(
        {
            "name": "sequence_policy",
            "length": 2,
            "reward": "0.2 + z[0] * (z[1] - 0.3)",
            "logits": [[0.0, 0.4], [0.2, -0.3]],
            "end": 0,
        }
    ),
    "prompts": Reference(
        {"name": "group_bandit", "logits": [[0.3, -0.4, 0.2], [0.1, 0.6, -0.5]], "rewards": [0.2, -0.4, 1.3]}
    ),
    # Three actions in turn, each of which decides on the state of the next.
    "process": Reference(
        {
            "name": "mdp",
            "transitions": [[[0.8, 0.2], [0.1, 0.9]], [[1, 0], [0.3, 0.7]]],
            "rewards": [[0.5, 0.1], [-0.4, 1.3]],
            "start": [0.6, 0.4],
            "horizon": 3,
            "discount": 0.8,
            "logits": [[0.3, -0.4], [-0.1, 0.5]],
        }
    ),
    "iwae-4": Reference({"name": "importance_weighted", "samples": 4, "problem": _NORMALS}),
    "iwae-gamma": Reference({"name": "importance_weighted", "samples": 3, "problem": _GAMMA_POISSON}),
    "iwae-batch": Reference({"name": "importance_weighted", "samples": 3, "problem": _LINEAR_VAE}),
}
"""The gradient is known exactly but of "product", "multivariate_normal", "vae" and "iwae-batch".

There a reference run tells it.
"""
