"""A scenario of six cells, measured in a moment."""

from __future__ import annotations

SMALL = """
schema: 1
name: small
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, {reinforce: {baseline: leave_one_out}}, reparameterization]
sweep: {sample_sizes: [10, 30]}
replicates: 20
"""
