"""The guide to monitored trainings: its loop prints what it shows, its callbacks fit their trainers."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from tests.test_own_loss import said
from tests.test_readme import ROOT

GUIDE = (ROOT / "docs" / "training.md").read_text("utf-8")
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE))
(PRINTED,) = re.findall(r"^```text\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
COLUMNS = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)


def ran(name: str) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "guide"}
    exec(compile(FILES[name], name, "exec"), space)
    return space


@pytest.mark.slow
def test_the_loop_leaves_a_run_and_prints_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        ran("train.py")
    printed = capsys.readouterr()
    assert said(PRINTED.strip()) in [said(line) for line in printed.err.splitlines()]
    folder = Path(printed.out.split()[0])
    frame = bench.load(folder).measurements
    assert set(COLUMNS) <= set(frame)
    assert frame.loc[frame["parameter"] == "all", COLUMNS].notna().all(axis=None)
    assert folder.parent == Path("results/training")
    assert re.fullmatch(r"[0-9.]+%", printed.out.split()[1])


def example_loss(module: nn.Module, batch: Any) -> Tensor:
    found: Tensor = module(batch + torch.randn_like(batch)).square().mean()
    return found


def test_the_callback_for_lightning_looks_at_each_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the package, which calls what its documentation says that it calls."""
    package = types.ModuleType("lightning.pytorch")
    package.Callback = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", package)
    net = nn.Linear(4, 1)
    callback = ran("lightning_callback.py")["NoiseOfGradients"](
        example_loss, every=1, progress=False, out=tmp_path / "training"
    )
    callback.on_train_start(None, net)
    callback.on_train_batch_end(types.SimpleNamespace(global_step=3), net, None, torch.ones(16, 4), 0)
    assert list(callback.monitor.run.measurements["training.step"].unique()) == [3.0]


def test_the_trainer_of_hugging_face_looks_at_each_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trainer:
        args = types.SimpleNamespace(logging_steps=1)
        state = types.SimpleNamespace(global_step=5)

        def compute_loss(self, model: nn.Module, inputs: Any) -> Tensor:
            return example_loss(model, inputs["x"])

        def _prepare_inputs(self, inputs: Any) -> Any:
            return inputs

        def training_step(self, model: nn.Module, inputs: Any, count: int) -> str:
            return "trained"

    package = types.ModuleType("transformers")
    package.Trainer = Trainer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", package)
    monkeypatch.chdir(tmp_path)
    trainer = ran("hugging_face.py")["Watched"]()
    assert trainer.training_step(nn.Linear(4, 1), {"x": torch.ones(16, 4)}, 16) == "trained"
    assert list(trainer.monitor.run.measurements["training.step"].unique()) == [5.0]
