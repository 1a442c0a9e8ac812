"""Noise by counter: each number is a function of the key of its stream, its replicate and its place there."""
