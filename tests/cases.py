"""The cases of the batteries: problems at a generic θ, estimators with options. List new ones here."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench.catalogue import build
from bench.certification import problems as certification
from bench.certification.problems import Reference
from bench.engine.blocks import blocks_of
from bench.engine.fitting import fit
from bench.engine.plan import Experiment
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import Problem
from bench.scenario import Scenario, Source
from bench.scenario.resolve import experiments_of
from bench.statistics.evidence import Evidence
from bench.statistics.metric_table import measure
from bench.statistics.verdict import BIASED_BELOW


def expectation(cost: str, parameters: list[str], **distribution: dict[str, Any]) -> dict[str, Any]:
    return {"name": "expectation", "distribution": distribution, "parameters": parameters, "cost": cost}


# Never 0 or 1: there exp(x) and exp(2x), or x and x², are the same.
PROBLEMS: dict[str, dict[str, Any]] = {
    "gaussian": expectation("z**2", ["loc"], normal={"loc": 2.0, "scale": 1.0}),
    "normal": expectation("cos(z) + z**2", ["loc", "log_scale"], normal={"loc": 0.7, "log_scale": -0.4}),
    "normals": expectation(
        "sum((z - 0.5)**2)", ["loc", "scale"], normal={"loc": [1.3, -0.6, 0.4], "scale": 0.8}
    ),
    # A square, whose gradient is known; but that it is one is hidden.
    "product": expectation("abs(sum(z))**2", ["loc"], normal={"loc": [0.3, -0.6], "scale": [0.8, 0.5]}),
    "lognormal": expectation("sqrt(z)", ["loc", "scale"], lognormal={"loc": 0.2, "scale": 0.6}),
    "laplace": expectation("exp(-z**2)", ["loc", "scale"], laplace={"loc": 0.3, "scale": 0.7}),
    "gamma": expectation("z**2", ["concentration", "rate"], gamma={"concentration": 2.3, "rate": 1.7}),
    "beta": expectation(
        "log(z) + z",
        ["concentration1", "concentration0"],
        beta={"concentration1": 2.4, "concentration0": 3.1},
    ),
    "exponential": expectation("tanh(z)", ["rate"], exponential={"rate": 1.6}),
    "bernoulli": expectation("(z - 0.45)**2", ["logits"], bernoulli={"logits": 0.8}),
    "bernoullis": expectation("sum(z)**2", ["probs"], bernoulli={"probs": [0.3, 0.6, 0.8]}),
    "categorical": expectation("(z - 1.2)**2", ["logits"], categorical={"logits": [0.3, -0.4, 0.9]}),
    "poisson": expectation("sqrt(z + 1)", ["rate"], poisson={"rate": 3.4}),
    "student_t": expectation(
        "tanh(z) + z**2 / 9", ["df", "loc", "scale"], student_t={"df": 6.4, "loc": 0.4, "scale": 0.7}
    ),
    "von_mises": expectation(
        "cos(z) + sin(2*z) / 3", ["loc", "concentration"], von_mises={"loc": 0.6, "concentration": 1.8}
    ),
    "half_normal": expectation("cos(z) + z", ["scale"], half_normal={"scale": 0.7}),
    "weibull": expectation("z**2", ["scale", "concentration"], weibull={"scale": 0.8, "concentration": 1.7}),
    "geometric": expectation("sqrt(z + 0.5)", ["logits"], geometric={"logits": -0.6}),
    "binomial": expectation("(z - 2.4)**2", ["probs"], binomial={"total_count": 7, "probs": 0.3}),
    "binomials": expectation(
        "sum(z) + sum(z)**2 / 5", ["logits"], binomial={"total_count": [3, 5], "logits": [0.4, -0.7]}
    ),
    "dirichlet": expectation(
        "sum((z - 0.4)**2) + sum(exp(z))",
        ["concentration"],
        dirichlet={"concentration": [1.4, 2.2, 0.9]},
    ),
    "multivariate_normal": expectation(
        "sum(cos(z) + z**2)",
        ["loc", "scale_tril"],
        multivariate_normal={"loc": [0.7, -0.4], "scale_tril": [[0.8], [-0.3, 0.6]]},
    ),
    "normal_mixture": expectation(
        "z**2 + tanh(z)",
        ["loc", "scale", "logits"],
        normal_mixture={"loc": [-0.9, 1.2], "scale": [0.6, 0.4], "logits": [0.3, -0.5]},
    ),
    "quadratic_form": {
        **expectation("dot(z - w, dot(A, z))", ["loc"], normal={"loc": [0.3, -0.6], "scale": [0.8, 0.5]}),
        "let": {"w": [0.4, -0.7], "A": [[1.2, -0.5], [0.3, 0.8]]},
    },
    "coordinates": {
        **expectation(
            "(z[0] - 2)**2 + dot(w, z[1:])", ["loc"], laplace={"loc": [0.3, -0.6, 0.8], "scale": 0.7}
        ),
        "let": {"w": [1.5, -0.4]},
    },
    "tied": expectation("(z[0] - 0.4)*z[1] + sum(z)/3", ["probs"], bernoulli={"probs": 0.3, "repeat": 3}),
    "table": {
        **expectation(
            "f[z[0]] + T[z[0], z[1]]",
            ["logits"],
            categorical={"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]},
        ),
        "let": {"f": [1.5, -0.3, 0.4], "T": [[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]]},
    },
    "count_quadratic": {"name": "count_quadratic", "logits": [0.7, -1.1, 0.2, 0.5], "target": 1.3},
    "categorical_quadratic": {
        "name": "categorical_quadratic",
        "matrix": [[1, 0.3, -0.2, 0.6], [0.3, -0.5, 0.4, 0.1], [-0.2, 0.4, 0.8, -0.3], [0.5, 0.2, -0.4, 0.7]],
        "vector": [0.1, -0.3, 0.5, 0.4],
        "logits": [[0.3, -0.4], [0.9, 0.2]],
    },
    "entropy_regularized": {
        **expectation(
            "2 + z[0] * z[1]", ["logits"], categorical={"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}
        ),
        "name": "entropy_regularized",
        "weight": 0.7,
    },
    "qubits": {"name": "qubit", "angles": [0.6, 2.3, -1.1], "coupling": 0.7, "fields": [0.3, -0.2, 0.1]},
    "interaction": expectation(
        "sin(z[0]*z[1]) + z[0]**2", ["loc", "scale"], normal={"loc": [0.3, -0.6], "scale": [0.8, 0.5]}
    ),
    "mixture": expectation(
        "z**2 + sin(z)",
        ["logits", "left.loc", "right.log_scale"],
        mixture={
            "parts": {
                "left": {"normal": {"loc": -0.9, "scale": 0.6}},
                "right": {"laplace": {"loc": 1.2, "log_scale": -0.4}},
            },
            "logits": [0.3, -0.5],
        },
    ),
}
"""Those whose gradient is known, but for "product"."""

VAES: dict[str, dict[str, Any]] = {
    f"vae-{bound}": {"name": "vae", "batch_size": 3, "latent": 2, "hidden": 4, "bound": bound}
    for bound in ("analytic_kl", "analytic_entropy", "sampled")
}

VARIATIONAL: dict[str, dict[str, Any]] = {
    "gaussian_elbo": {"name": "gaussian_elbo", "loc": 0.6, "scale": 0.7},
    "normal_normal": {
        "name": "gaussian_elbo",
        "prior_loc": 0.3,
        "prior_scale": 1.4,
        "data": [-0.5, 2.0],
        "noise": 0.7,
    },
    "linear_vae": {"name": "linear_vae", "batch_size": 3, "dimensions": 4, "latent": 2, "seed": 3},
    "logistic_regression": {"name": "logistic_regression", "steps": 30},
    "linear_gaussian": {"name": "linear_gaussian", "dimensions": 3, "batch_size": 2, "perturbation": 0.2},
    "gamma_poisson": {"name": "gamma_poisson"},
    "dirichlet_multinomial": {"name": "dirichlet_multinomial", "categories": 4, "trials": 9, "prior": 1.3},
    "beta_bernoulli": {"name": "beta_bernoulli", "prior_concentration1": 1.4},
}
"""Bounds on log evidence whose gradient is known."""

_POSTERIOR = {"name": "gaussian_elbo", "data": [1.5], "loc": 0.65, "scale": (2 / 3) ** 0.5}
VARIATIONAL |= {
    f"iwae-{K}": {"name": "importance_weighted", "samples": K, "problem": _POSTERIOR} for K in (1, 2, 5)
}
VARIATIONAL["iwae-gamma"] = {
    "name": "importance_weighted",
    "samples": 3,
    "problem": {"name": "gamma_poisson"},
}

_BITS = {"name": "discrete_vae", "batch_size": 3, "latent": 2, "theta": {"init": 1}}
_CLASSES = {**_BITS, "data": "bars", "latent_kind": "categorical", "classes": 3, "hidden": 4}
VARIATIONAL |= {
    "discrete_vae": _BITS,
    "discrete_vae-analytic_kl": {**_BITS, "bound": "analytic_kl", "hidden": 4},
    "discrete_vae-classes": _CLASSES,
    "discrete_vae-classes-analytic_kl": {**_CLASSES, "bound": "analytic_kl"},
    "belief_net": {
        "name": "belief_net",
        "data": "bars",
        "batch_size": 3,
        "layers": [2, 1],
        "theta": {"init": 1},
    },
    "iwae-bits": {**_BITS, "bound": {"iwae": 3}},
    "iwae-belief_net": {
        "name": "belief_net",
        "batch_size": 2,
        "layers": [2, 1],
        "theta": {"init": 1},
        "bound": {"iwae": 2},
    },
}

BOUNDS: dict[str, dict[str, Any]] = {
    "iwae-linear": {"name": "importance_weighted", "samples": 4, "problem": VARIATIONAL["linear_gaussian"]},
    "iwae-vae": {**VAES["vae-sampled"], "bound": {"iwae": 4}},
    "iwae-dirichlet": {
        "name": "importance_weighted",
        "samples": 3,
        "problem": VARIATIONAL["dirichlet_multinomial"],
    },
}
"""Bounds on log evidence whose gradient is not known."""

IMPLICIT: dict[str, dict[str, Any]] = {"gan": {"name": "gan", "latent": 3, "hidden": 4}}
"""Those whose x has a path and no density, and whose gradient is not known."""

_ANSWERS = {
    "name": "sequence_policy",
    "length": 2,
    "reward": "T[z[0], z[1]]",
    "let": {"T": [[0.2, 0.2], [0, 1]]},
    "log_odds": [0.4, -0.3],
    "end": 0,
}
_TOKEN = {"name": "kl_regularized", "probs": [0.6, 0.25, 0.15], "reference": [0.3, 0.3, 0.4]}

_PROCESS = {
    "name": "mdp",
    "transitions": [
        [[0.8, 0.2, 0.0], [0.1, 0.6, 0.3]],
        [[0.5, 0.5, 0.0], [0.0, 0.3, 0.7]],
        [[0.3, 0.0, 0.7], [1.0, 0.0, 0.0]],
    ],
    "rewards": [[0.5, 0.1], [0.2, -0.4], [1.1, 2.0]],
    "horizon": 2,
    "logits": [[0.3, -0.4], [-0.1, 0.5], [0.2, -0.7]],
}

POLICIES: dict[str, dict[str, Any]] = {
    "bandit": {"name": "group_bandit", "success": 0.3},
    "prompts": {"name": "group_bandit", "success": [0.1, 0.35, 0.6]},
    "arms-of-prompts": {
        "name": "group_bandit",
        "logits": [[0.3, -0.4, 0.2], [0.1, 0.6, -0.5]],
        "rewards": [0.2, -0.4, 1.3],
    },
    "token": {**_TOKEN, "rewards": [1.0, 0.0, 0.5], "weight": 0.7},
    "token-behavior": {
        **_TOKEN,
        "rewards": [1.0, 0.0, 0.5],
        "weight": 0.7,
        "behavior": [0.5, 0.2, 0.3],
    },
    "answers": _ANSWERS,
    "answers-behavior": {**_ANSWERS, "behavior": [0.0, 0.5]},
    "answers-reference": {**_ANSWERS, "reference": [0.1, 0.2], "kl_weight": 0.5, "discount": 0.9},
    "tree": {
        "name": "sequence_policy",
        "length": 3,
        "reward": "(z[0] == z[2]) + 0.3 * z[1]",
        "logits": {"tokens": 3, "scale": 0.7, "seed": 2},
        "sharing": "prefixes",
        "end": 2,
    },
    "mdp": {**_PROCESS, "start": 2},
    "mdp-start": {**_PROCESS, "start": [0.6, 0.0, 0.4], "discount": 0.8},
    "gridworld": {"name": "gridworld", "size": 2, "horizon": 3, "hidden": 2, "slip": 0.3, "discount": 0.7},
}
"""Those whose x are answers of a policy, which is ascended; the gradient is known."""

POLICY_ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "group_policy": ("group_policy", {}),
    "group_policy-none": ("group_policy", {"baseline": "none"}),
    "group_policy-constant": ("group_policy", {"baseline": {"constant": {"value": 0.4}}}),
    "group_policy-shrinkage": ("group_policy", {"baseline": {"shrinkage": {"weight": 0.3}}}),
    "group_policy-optimal": ("group_policy", {"baseline": "optimal"}),
    "group_policy-value": ("group_policy", {"baseline": "value"}),
    "group_policy-optimal_token": ("group_policy", {"baseline": "optimal_token"}),
    "dr_grpo": ("group_policy", {"baseline": "mean"}),
    "grpo-ddof-0": ("group_policy", {"baseline": "mean", "scale": {"std": {"ddof": 0}}}),
    "grpo": ("group_policy", {"baseline": "mean", "scale": "std", "length": "own", "ratio": "clipped"}),
    "maxrl": ("group_policy", {"baseline": "mean", "scale": "mean"}),
    "reinforce_plus_plus": ("group_policy", {"baseline": "none", "scale": "batch_std"}),
    "group_policy-redraw": ("group_policy", {"filter": {"redraw": {"most": 3}}}),
    "group_policy-own-length": ("group_policy", {"length": "own"}),
    "group_policy-mean-length": ("group_policy", {"length": "mean"}),
    "group_policy-constant-length": ("group_policy", {"length": {"constant": {"tokens": 2}}}),
    "group_policy-importance": ("group_policy", {"ratio": "importance"}),
    "group_policy-token": ("group_policy", {"ratio": {"importance": {"level": "token"}}}),
    "group_policy-prefix": ("group_policy", {"ratio": {"importance": {"level": "prefix"}}}),
    "group_policy-truncated": ("group_policy", {"ratio": "truncated"}),
    "group_policy-masked": ("group_policy", {"ratio": "masked"}),
    "group_policy-clipped": ("group_policy", {"ratio": {"clipped": {"low": 0.1, "high": 0.1}}}),
    "group_policy-cispo": ("group_policy", {"ratio": {"cispo": {"low": 0.1, "high": 0.1}}}),
    "group_policy-self_normalized": ("group_policy", {"ratio": "self_normalized"}),
    "gspo": (
        "group_policy",
        {"length": "own", "ratio": {"clipped": {"low": 0.02, "high": 0.03, "level": "geometric"}}},
    ),
    "group_policy-k1": ("group_policy", {"divergence": "k1"}),
    "group_policy-k1-loss": (
        "group_policy",
        {"divergence": {"k1": {"place": "loss", "ratio": "live"}}, "ratio": "importance"},
    ),
    "group_policy-k2": (
        "group_policy",
        {"divergence": {"k2": {"ratio": "detached"}}, "ratio": "importance"},
    ),
    "group_policy-k3": ("group_policy", {"divergence": {"k3": {"ratio": "live"}}, "ratio": "importance"}),
    "group_policy-k3-reward": ("group_policy", {"divergence": {"k3": {"place": "reward"}}}),
    "group_policy-k3-loss": ("group_policy", {"divergence": "k3"}),
    "group_policy-entropy": ("group_policy", {"entropy": 0.3}),
    "group_policy-pass_at_k": ("group_policy", {"objective": {"pass_at_k": {"k": 2}}}),
    "reward_to_go": ("reward_to_go", {}),
    "reward_to_go-total": ("reward_to_go", {"credit": "total"}),
    "reward_to_go-value": ("reward_to_go", {"baseline": "value"}),
    "reward_to_go-undiscounted": ("reward_to_go", {"step_discount": False}),
    "reward_to_go-gae": ("reward_to_go", {"credit": {"gae": {"trace_decay": 0.6}}, "baseline": "value"}),
    "reward_to_go-wrong-critic": (
        "reward_to_go",
        {"credit": {"gae": {"trace_decay": 0.6}}, "baseline": {"value": {"scale": 0.5}}},
    ),
    "group_policy-centered": ("group_policy", {"ratio": "truncated", "score_centering": True}),
}
"""Those that need a policy."""

VARIATIONAL_ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "sticking_the_landing": ("sticking_the_landing", {}),
    "dreg": ("dreg", {}),
    "iwae_stl": ("iwae_stl", {}),
    "vimco": ("vimco", {}),
    "vimco-arithmetic": ("vimco", {"mean": "arithmetic"}),
    "wake_phase": ("wake_phase", {}),
}
"""Those that need such a bound."""

ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "reinforce": ("reinforce", {}),
    "constant": ("reinforce", {"baseline": {"constant": {"value": 0.7}}}),
    "moving_average": ("reinforce", {"baseline": {"moving_average": {"decay": 0.8}}}),
    "leave_one_out": ("reinforce", {"baseline": "leave_one_out"}),
    "optimal": ("reinforce", {"baseline": "optimal"}),
    "optimal-scalar": ("reinforce", {"baseline": {"optimal": {"per": "scalar"}}}),
    "reparameterization": ("reparameterization", {}),
    "exact": ("exact", {}),
    "measure_valued": ("measure_valued", {}),
    "measure_valued-uncoupled": ("measure_valued", {"coupled": False}),
    "delta_method": ("delta_method", {}),
    "delta_method-optimal": ("delta_method", {"coefficient": "optimal"}),
    "learned": ("reinforce", {"baseline": {"learned": {"hidden": 8, "steps": 100}}}),
    "independent": ("reinforce", {"baseline": "independent"}),
    "rao_blackwell": ("rao_blackwell", {}),
    "rao_blackwell-leave_one_out": ("rao_blackwell", {"baseline": "leave_one_out"}),
    "mixture": ("mixture", {}),
    "mixture-scalar": ("mixture", {"per": "scalar", "covariance": "estimated"}),
    "antithetic": ("reparameterization", {"sampler": "antithetic"}),
    "linear_control_variate": ("linear_control_variate", {}),
    "linear_control_variate-product": ("linear_control_variate", {"hessian": "product"}),
    "rqmc": ("reparameterization", {"sampler": "rqmc"}),
    "reinforce-antithetic": ("reinforce", {"sampler": "antithetic"}),
    "muprop": ("muprop", {}),
    "simple_muprop": ("muprop", {"order": 0}),
    "double_cv": ("double_cv", {}),
    "double_cv-fixed": ("double_cv", {"coefficient": 0.3}),
    "stein": ("stein", {}),
    "stein-optimal": ("stein", {"coefficient": "optimal"}),
    "rodeo": ("rodeo", {}),
    "parameter_shift": ("parameter_shift", {}),
    "arm": ("arm", {}),
    "disarm": ("disarm", {}),
    "arms": ("arms", {}),
    "arms-not-reflected": ("arms", {"reflect": False}),
    "ars": ("ars", {}),
    "ars-first": ("ars", {"reference": 0}),
    "arsm": ("arsm", {}),
    "carms": ("carms", {}),
    "local_expectation": ("local_expectation", {}),
    "one_flip": ("one_flip", {}),
    "top_k": ("top_k", {}),
    "top_k-2": ("top_k", {"k": 2}),
    "sum_and_sample": ("sum_and_sample", {}),
    "sum_and_sample-2": ("sum_and_sample", {"k": 2}),
    "unordered_set": ("unordered_set", {}),
    "unordered_set-built_in": ("unordered_set", {"k": 3, "baseline": "built_in"}),
    "go": ("go", {}),
    "rebar": ("rebar", {}),
    "rebar-optimal": ("rebar", {"temperature": "optimal", "center": "mean"}),
    "relax": ("relax", {"hidden": 4, "steps": 20}),
    "relax-network": ("relax", {"control_variate": "network", "hidden": 4, "steps": 20}),
    "lax": ("lax", {"hidden": 4, "steps": 20}),
}

BIASED: dict[str, tuple[str, dict[str, Any]]] = {
    "evolution_strategies": ("evolution_strategies", {}),
    "evolution_strategies-forward": ("evolution_strategies", {"direction": "forward", "smoothing": 0.03}),
    "evolution_strategies-independent": ("evolution_strategies", {"smoothing": 0.03, "common": False}),
    "evolution_strategies-orthogonal": ("evolution_strategies", {"perturbations": "orthogonal"}),
    "evolution_strategies-coordinates": (
        "evolution_strategies",
        {"perturbations": "coordinates", "direction": "forward", "smoothing": 0.03},
    ),
    "evolution_strategies-sphere": ("evolution_strategies", {"perturbations": "sphere"}),
    "evolution_strategies-rademacher": ("evolution_strategies", {"perturbations": "rademacher"}),
    "simultaneous_perturbation": ("simultaneous_perturbation", {"step": 0.1}),
    "simultaneous_perturbation-independent": ("simultaneous_perturbation", {"step": 0.1, "common": False}),
    "finite_differences": ("finite_differences", {"step": 0.1}),
    "finite_differences-forward": ("finite_differences", {"step": 0.1, "direction": "forward"}),
    "finite_differences-independent": ("finite_differences", {"step": 0.1, "common": False}),
    "gumbel_softmax": ("gumbel_softmax", {"temperature": 0.7}),
    "gumbel_softmax-hard": ("gumbel_softmax", {"hard": True}),
    "straight_through": ("straight_through", {}),
    "gumbel_rao": ("gumbel_rao", {"inner_draws": 3}),
    "reinmax": ("reinmax", {}),
    "imle": ("imle", {"target_step": 2.0}),
}
"""Those that do not claim to be unbiased: they keep to all else that estimators keep to."""

EVERY: dict[str, tuple[str, dict[str, Any]]] = (
    ESTIMATORS | BIASED | VARIATIONAL_ESTIMATORS | POLICY_ESTIMATORS
)
"""All of them; each name of the catalogue is there at least once."""

CERTIFIED_ON: dict[str, Reference] = dict(certification.PROBLEMS) | {
    name: Reference((PROBLEMS | VARIATIONAL | POLICIES)[name])
    for name in (
        "laplace",
        "student_t",
        "von_mises",
        "half_normal",
        "weibull",
        "geometric",
        "binomial",
        "binomials",
        "normal_mixture",
        "normal_normal",
        "linear_gaussian",
        "beta_bernoulli",
        "dirichlet_multinomial",
        "count_quadratic",
        "discrete_vae-classes",
        "belief_net",
        "iwae-1",
        "iwae-2",
        "bandit",
        "token",
        "token-behavior",
        "answers-behavior",
    )
}
"""The problems of `bench certify`, and the laws and bounds that it leaves to us."""

REINFORCE = [name for name, (kind, _) in ESTIMATORS.items() if kind == "reinforce"]


def experiment_of(scenario: Scenario, source: Source) -> Experiment:
    """The experiment of a scenario with a single problem."""
    (found,) = experiments_of(scenario, source)
    return found


def problem_of(name: str) -> Problem:
    """A problem of the table, in float64 on the CPU."""
    options = dict((PROBLEMS | VAES | VARIATIONAL | BOUNDS | IMPLICIT | POLICIES)[name])
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


def estimator_of(name: str) -> Estimator:
    """An estimator of the table, not yet fitted."""
    estimator: Estimator = build("estimators", *EVERY[name])
    return estimator


def fitted_to(estimator: Estimator, problem: Problem, sample_size: int, seed: int = 0) -> Estimator:
    """The estimator with what it learns beforehand, as in `estimates_of`."""
    return fit(estimator, problem, sample_size, Address(seed, "test", sample_size, "fit", 0))


def estimates_of(
    estimator: Estimator, problem: Problem, sample_size: int, replicates: int, seed: int = 0
) -> Tensor:
    """R fitted estimates, `[R, P]`, from the streams that the engine would use."""
    fitted = fitted_to(estimator, problem, sample_size, seed)
    blocks = []
    for block in blocks_of(problem, sample_size, "cpu", replicates):
        address = Address(seed, "test", sample_size, "estimates")
        with stream(address, torch.device("cpu"), block.start) as draws:
            for rows in block.chunks():
                draws.begin(block.start + rows.start, rows.stop - rows.start)
                theta = problem.theta.expand(rows.stop - rows.start, -1).requires_grad_()
                blocks.append(fitted.gradient(problem, theta, sample_size).detach())
    return torch.cat(blocks)


def verdict_alone(evidence: Evidence) -> str:
    """The verdict on a row that is the only one of its run."""
    found = measure(evidence)
    return "biased" if float(found["bias_p"]) < BIASED_BELOW else str(found["verdict"])
