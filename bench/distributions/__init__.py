"""Distributions of torch, rewritten where they can be computed in less time."""
