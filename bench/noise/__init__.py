"""Noise by counter: each number is a function of the key of its stream, its replicate and its place there."""

from bench.noise.current import (
    common,
    drawn_from,
    exponential,
    gumbel,
    logistic,
    normal,
    shifted_normal,
    uniform,
    unit,
)

__all__ = [
    "common",
    "drawn_from",
    "exponential",
    "gumbel",
    "logistic",
    "normal",
    "shifted_normal",
    "uniform",
    "unit",
]
