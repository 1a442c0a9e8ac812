"""Distributions of torch, rewritten where the way they are computed costs more than the law demands."""
