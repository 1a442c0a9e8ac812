"""The estimators, one family per file; here is the table of their names."""

ESTIMATORS = {
    "reinforce": "estimators.reinforce:Reinforce",
    "reparameterization": "estimators.reparameterization:Reparameterization",
    "measure_valued": "estimators.measure_valued:MeasureValued",
}
"""Name -> where the class is. The modules are imported when they are asked for."""

ALIASES = {
    "score_function": "reinforce",
    "pathwise": "reparameterization",
}
"""Other names that the field uses for the same things."""
