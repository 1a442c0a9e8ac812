"""Seeds for what a problem chooses when it is built: its data and weights. Estimates draw elsewhere."""

from __future__ import annotations

import hashlib

import torch


def seed_for(seed: int, purpose: str) -> int:
    """A seed for one purpose, unrelated to those for others under the same seed."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big")  # torch's CPU generator keeps 32 bits


def generator_for(seed: int, purpose: str) -> torch.Generator:
    """A generator for one purpose, unrelated to those for others under the same seed."""
    return torch.Generator().manual_seed(seed_for(seed, purpose))
