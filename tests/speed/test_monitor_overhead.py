"""The time that a monitor takes of a training, by the clock of the training itself."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import nn

import bench
from tests.speed.conftest import record

BUDGET, SECONDS = 0.05, 20.0


def test_a_training_is_no_slower_than_the_budget_allows(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 1))
    data = torch.randn(4096, 64)
    optimizer = torch.optim.Adam(net.parameters())

    def loss(batch: torch.Tensor) -> torch.Tensor:
        return (net(batch + 0.1 * torch.randn_like(batch)) - 1).square().mean()

    monitor = bench.GradientMonitor(loss, net, every=50, budget=BUDGET, out=tmp_path / "run", progress=False)
    start, looking, step = time.perf_counter(), 0.0, 0
    while time.perf_counter() - start < SECONDS:
        batch = data[torch.randint(len(data), (256,))]
        optimizer.zero_grad()
        loss(batch).backward()
        optimizer.step()
        before = time.perf_counter()
        monitor(step, batch)
        looking, step = looking + time.perf_counter() - before, step + 1
    share = looking / (time.perf_counter() - start - looking)
    looks = monitor.run.measurements["training.step"].nunique()
    record(f"monitor, {looks} looks in {SECONDS:.0f} s, against their budget", BUDGET / share, 1.0)
    assert looks >= 3
    assert share <= BUDGET
