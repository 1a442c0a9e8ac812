"""The estimators, one family per file; here is the table of their names."""

ESTIMATORS = {
    "delta_method": "estimators.delta_method:DeltaMethod",
    "dreg": "estimators.dreg:Dreg",
    "evolution_strategies": "estimators.evolution_strategies:EvolutionStrategies",
    "exact": "estimators.exact:Exact",
    "finite_differences": "estimators.finite_differences:FiniteDifferences",
    "iwae_stl": "estimators.iwae_stl:IwaeStl",
    "linear_control_variate": "estimators.linear_control_variate:LinearControlVariate",
    "measure_valued": "estimators.measure_valued:MeasureValued",
    "mixture": "estimators.mixture:Mixture",
    "rao_blackwell": "estimators.rao_blackwell:RaoBlackwell",
    "reinforce": "estimators.reinforce:Reinforce",
    "reparameterization": "estimators.reparameterization:Reparameterization",
    "simultaneous_perturbation": "estimators.simultaneous_perturbation:SimultaneousPerturbation",
    "sticking_the_landing": "estimators.sticking_the_landing:StickingTheLanding",
    "vimco": "estimators.vimco:Vimco",
    "wake_phase": "estimators.wake_phase:WakePhase",
}
"""Name -> where the class is. The modules are imported when they are asked for."""

ALIASES = {
    "doubly_reparameterized": "dreg",
    "pathwise": "reparameterization",
    "score_function": "reinforce",
    "stl": "sticking_the_landing",
}
"""Other names that the field uses for the same things."""
