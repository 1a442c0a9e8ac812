"""The battery that every estimator must pass: what it claims, and what its contract asks of it."""
