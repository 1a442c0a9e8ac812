"""The estimators, one family per file; here are the tables of their names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

ESTIMATORS = {
    "arm": "estimators.couplings:Arm",
    "arms": "estimators.couplings:Arms",
    "ars": "estimators.swaps:Ars",
    "arsm": "estimators.swaps:Arsm",
    "carms": "estimators.carms:Carms",
    "delta_method": "estimators.delta_method:DeltaMethod",
    "disarm": "estimators.couplings:Disarm",
    "double_cv": "estimators.double_cv:DoubleCv",
    "dreg": "estimators.dreg:Dreg",
    "evolution_strategies": "estimators.evolution_strategies:EvolutionStrategies",
    "exact": "estimators.exact:Exact",
    "finite_differences": "estimators.finite_differences:FiniteDifferences",
    "go": "estimators.go:Go",
    "group_policy": "estimators.group_policy:GroupPolicy",
    "gumbel_rao": "estimators.relaxations:GumbelRao",
    "gumbel_softmax": "estimators.relaxations:GumbelSoftmax",
    "imle": "estimators.relaxations:Imle",
    "iwae_stl": "estimators.iwae_stl:IwaeStl",
    "lax": "estimators.lax:Lax",
    "linear_control_variate": "estimators.linear_control_variate:LinearControlVariate",
    "local_expectation": "estimators.local_expectations:LocalExpectation",
    "measure_valued": "estimators.measure_valued:MeasureValued",
    "mixture": "estimators.mixture:Mixture",
    "muprop": "estimators.muprop:Muprop",
    "one_flip": "estimators.local_expectations:OneFlip",
    "parameter_shift": "estimators.parameter_shift:ParameterShift",
    "rao_blackwell": "estimators.rao_blackwell:RaoBlackwell",
    "rebar": "estimators.conditional_control_variates:Rebar",
    "reinforce": "estimators.reinforce:Reinforce",
    "reinmax": "estimators.relaxations:Reinmax",
    "relax": "estimators.conditional_control_variates:Relax",
    "reparameterization": "estimators.reparameterization:Reparameterization",
    "reward_to_go": "estimators.reward_to_go:RewardToGo",
    "rodeo": "estimators.rodeo:Rodeo",
    "simultaneous_perturbation": "estimators.simultaneous_perturbation:SimultaneousPerturbation",
    "stein": "estimators.stein:Stein",
    "sticking_the_landing": "estimators.sticking_the_landing:StickingTheLanding",
    "straight_through": "estimators.relaxations:StraightThrough",
    "sum_and_sample": "estimators.partial_sums:SumAndSample",
    "top_k": "estimators.partial_sums:TopK",
    "unordered_set": "estimators.unordered_set:UnorderedSet",
    "vimco": "estimators.vimco:Vimco",
    "wake_phase": "estimators.wake_phase:WakePhase",
}
"""Name -> where the class is. The modules are imported when they are asked for."""

ALIASES = {
    "causal_reinforce": "reward_to_go",
    "concrete": "gumbel_softmax",
    "double_control_variate": "double_cv",
    "doubly_reparameterized": "dreg",
    "pathwise": "reparameterization",
    "score_function": "reinforce",
    "stl": "sticking_the_landing",
    "u2g": "disarm",
}
"""Other names that the field uses for the same things."""

SHORTHANDS: dict[str, tuple[str, dict[str, Any]]] = {
    "dapo": (
        "group_policy",
        {
            "baseline": "mean",
            "scale": "std",
            "filter": "redraw",
            "length": "mean",
            "ratio": {"clipped": {"low": 0.2, "high": 0.28}},
        },
    ),
    "dr_grpo": ("group_policy", {"baseline": "mean", "ratio": "clipped"}),
    "grpo": ("group_policy", {"baseline": "mean", "scale": "std", "length": "own", "ratio": "clipped"}),
    "gspo": (
        "group_policy",
        {
            "baseline": "mean",
            "scale": "std",
            "length": "own",
            "ratio": {"clipped": {"low": 3e-4, "high": 4e-4, "level": "geometric"}},
        },
    ),
    "maxrl": ("group_policy", {"baseline": "mean", "scale": "mean"}),
    "reinforce_plus_plus": ("group_policy", {"baseline": "none", "scale": "batch_std"}),
    "rloo": ("reinforce", {"baseline": "leave_one_out"}),
    "simple_muprop": ("muprop", {"order": 0}),
    "straight_through_gumbel": ("gumbel_softmax", {"hard": True}),
}
"""Names that the field uses for an estimator with some of its options."""

OTHER_NAMES = (*ALIASES, *SHORTHANDS)


def meaning(name: str, options: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """Return the name of an estimator in the table and all its options, given any of its names."""
    own, preset = SHORTHANDS.get(name, (ALIASES.get(name, name), {}))
    return own, {**preset, **(options or {})}


def called(name: str, options: str) -> set[str]:
    """Return all names of an estimator with these options, which are canonical JSON."""
    own = ALIASES.get(name, name)
    aliases = {alias for alias, meant in ALIASES.items() if meant == own}
    shorthands = {
        short
        for short, (meant, preset) in SHORTHANDS.items()
        if meant == own and json.dumps(preset, separators=(",", ":")) == options
    }
    return {own} | aliases | shorthands
