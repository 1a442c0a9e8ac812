"""The machine that measures gradient estimators; it knows none of them by name."""
