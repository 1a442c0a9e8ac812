"""The monitor of a training: right numbers at frozen weights, within its budget, and nothing left behind."""

from __future__ import annotations

import itertools
import math
import random
from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import bench
from bench.errors import Invalid
from bench.figures import FIGURES
from bench.figures.figure_tables import of_a_run
from bench.monitoring.pace import Pace
from bench.monitoring.reduction import reduction_of
from bench.monitoring.steps import Sizes
from bench.monitoring.sub_batches import examples_of, sub_batches, without_rest
from bench.results.run import Run
from bench.text.numbers import interval_said
from tests.parameters import some, spread

SPREAD, NOISE, MEAN = 2.0, 3.0, 1.5
"""Of examples, of sampling, and the gradient itself."""

W = torch.ones(4, requires_grad=True)


def example_batch(size: int, seed: int) -> Tensor:
    return MEAN + SPREAD * torch.randn(size, 4, generator=torch.Generator().manual_seed(seed))


def per_example(batch: Tensor) -> Tensor:
    """Gradients whose mean and variances are known: x + noise of each example."""
    return (W * (batch + NOISE * torch.randn_like(batch))).sum(1)


def mine(batch: Tensor) -> Tensor:
    return per_example(batch).mean()


def monitor_of(tmp_path: Path, loss: Any = mine, model: Any = W, **settings: Any) -> bench.GradientMonitor:
    options = {"every": 1, "budget": 1.0, "progress": False, "out": tmp_path / "training", **settings}
    return bench.GradientMonitor(loss, model, **options)


class Leisure(Pace):
    """The pace of a training that takes ages."""

    training = 1e12  # type: ignore[assignment]


def always(monitor: bench.GradientMonitor) -> bench.GradientMonitor:
    """The same, with time enough."""
    monitor._pace = Leisure(monitor._pace.every, 1.0)
    return monitor


def whole(run: Run) -> Any:
    return run.measurements[run.measurements["parameter"] == "all"]


# --- numbers --------------------------------------------------------------------------------------


def seen_at_many_steps(
    tmp_path: Path, loss: Callable[..., Tensor], size: int = 32, ordered: bool = False, **settings: Any
) -> Any:
    monitor = always(monitor_of(tmp_path, loss, **settings))
    monitor._write = lambda: None  # type: ignore[method-assign]
    for step in range(150):
        batch = example_batch(size, step)
        assert monitor(step, batch[batch[:, 0].argsort()] if ordered else batch)
    return whole(monitor.run)


def assert_mean(values: Any, wanted: float) -> None:
    """Within four standard errors: by chance not in 1 of 16 000."""
    values = np.asarray(values, float)
    assert abs(values.mean() - wanted) < 4 * values.std() / math.sqrt(len(values)), (values.mean(), wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("reduction", "factor"), some([("mean", 1 / 32), ("sum", 32.0)], 1))
def test_variances_are_those_of_a_batch_of_the_training(
    tmp_path: Path, reduction: str, factor: float
) -> None:
    """Of 32 examples, though parts of four were looked at."""

    def loss(batch: Tensor) -> Tensor:
        values = per_example(batch)
        return values.mean() if reduction == "mean" else values.sum()

    seen = seen_at_many_steps(tmp_path, loss)
    assert_mean(seen["sampling_variance"], 4 * NOISE**2 * factor)
    assert_mean(seen["data_variance"], 4 * SPREAD**2 * factor)
    assert_mean(seen["variance"], 4 * (NOISE**2 + SPREAD**2) * factor)
    with pytest.raises(AssertionError):  # the control: what the parts themselves have
        assert_mean(seen["variance"], 8 * 4 * (NOISE**2 + SPREAD**2) * factor)


@pytest.mark.slow
def test_the_noise_scale_is_in_examples(tmp_path: Path) -> None:
    seen = seen_at_many_steps(tmp_path, mine, size=64)
    true = (NOISE**2 + SPREAD**2) / MEAN**2
    assert_mean(1 / seen["noise_scale"], 1 / true)
    inside = (seen["noise_scale_low"] <= true) & (true <= seen["noise_scale_high"])
    # Of 150 intervals that cover 95 % fewer than 132 do in 1 of 2000 tests.
    assert inside.sum() >= 132
    assert seen["snr"].median() == pytest.approx(math.sqrt(64 / true), rel=0.15)


@pytest.mark.slow
def test_what_is_the_same_for_all_examples_is_no_noise_of_the_data(tmp_path: Path) -> None:
    def loss(batch: Tensor) -> Tensor:
        return (W * (MEAN + NOISE * torch.randn_like(batch))).sum(1).mean()

    seen = seen_at_many_steps(tmp_path, loss)
    assert_mean(seen["data_variance"], 0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_blocks_are_told_by_name_and_add_up(tmp_path: Path, dtype: torch.dtype) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1)).to(dtype)
    monitor = monitor_of(tmp_path, lambda batch: net(batch.to(dtype)).square().mean(), net)
    monitor(0, example_batch(16, 0))
    frame = monitor.run.measurements.set_index("parameter")
    assert list(frame.index) == ["all", "0", "0.weight", "0.bias", "1", "1.weight", "1.bias"]
    assert frame["variance"]["all"] == pytest.approx(frame["variance"][["0", "1"]].sum())
    assert frame["variance"]["0"] == pytest.approx(frame["variance"][["0.weight", "0.bias"]].sum())
    assert set(frame["dtype"]) == {str(dtype).removeprefix("torch.")}


def test_a_loader_gives_the_same_batches_at_each_step(tmp_path: Path) -> None:
    loader = DataLoader(TensorDataset(example_batch(64, 0)), batch_size=8, shuffle=True)
    monitor = always(monitor_of(tmp_path, lambda batch: mine(batch[0]), data=loader))
    for step in range(2):
        monitor(step)
    seen = whole(monitor.run)
    assert list(seen["training.step"]) == [0.0, 1.0]
    # The batches are the same, and so is what they add, but for what sampling noise leaves in it.
    assert seen["variance"].iloc[0] != seen["variance"].iloc[1]
    assert (seen["noise_scale_low"] < seen["noise_scale_high"]).all()
    assert len(monitor._batches or []) == 8


PARTS, REDUCED = 8, {"mean": (1.0, 1 / 8), "sum": (8.0, 8.0), "neither": (3.0, 1 / 8)}


@pytest.mark.parametrize("signal", [0.05, 1.0])
@pytest.mark.parametrize("P", [4, 30])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_reduction_is_told_by_signal_or_noise(reduction: str, P: int, signal: float) -> None:
    """Of 100 looks at noise of size one at most four are wrong: there are 0.5 of them on average."""
    wrong = sum(reduced(reduction, P, signal, 1.0, seed) != reduction for seed in range(100))
    assert wrong <= 4


def test_what_is_neither_is_told() -> None:
    assert all(reduced("neither", 10, 1.0, 0.02, seed) == "neither" for seed in range(20))


def reduced(kind: str, P: int, signal: float, noise: float, seed: int) -> str:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    factor, variance = REDUCED[kind]
    mean = signal * torch.ones(P, dtype=torch.float64) / math.sqrt(P)
    data = 0.3 * noise * normal(PARTS, 1, P)
    parts = mean + data + noise * normal(PARTS, 2, P)
    whole = factor * (mean + data.mean(0)) + noise * math.sqrt(variance) * normal(2, P)
    rows = torch.cat([parts.reshape(-1, P), whole])
    return reduction_of(rows @ rows.T, PARTS)


@pytest.mark.parametrize(
    ("sizes", "parts", "variance"),
    [
        (Sizes(4, 30), 7.5, 4 / 30),
        (Sizes(4, 30, "sum"), 7.5, 7.5),
        (Sizes(4, 30, "neither"), 1.0, 1.0),
        (Sizes(None, 30), 1.0, 1.0),
    ],
)
def test_sizes_that_do_not_divide_one_another_count_as_they_are(
    sizes: Sizes, parts: float, variance: float
) -> None:
    assert sizes.parts == parts
    assert sizes.variance == pytest.approx(variance)


def test_a_loss_that_compares_examples_is_told_and_has_no_noise_scale(tmp_path: Path) -> None:
    def contrast(batch: Tensor) -> Tensor:
        return ((W * batch) @ batch.T).sum() / 10

    monitor = monitor_of(tmp_path, contrast)
    monitor(0, example_batch(32, 0))
    assert "neither the mean nor the sum" in " ".join(monitor.run.record["notes"])
    assert whole(monitor.run)["noise_scale"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("loss", [mine, lambda batch: per_example(batch).sum()])
def test_means_and_sums_are_not_taken_for_comparisons(tmp_path: Path, loss: Any) -> None:
    for seed in range(8):
        monitor = monitor_of(tmp_path, loss, seed=seed)
        monitor._write = lambda: None  # type: ignore[method-assign]
        monitor(0, example_batch(24, seed))
        assert monitor._reduction != "neither"


@pytest.mark.slow
def test_numbers_are_those_of_the_seed_and_the_step(tmp_path: Path) -> None:
    batch = example_batch(32, 0)

    def at(step: int, seed: int) -> float:
        torch.rand(3)  # where torch's generator is does not matter
        monitor = monitor_of(tmp_path, seed=seed)
        monitor(step, batch)
        return float(whole(monitor.run)["sampling_variance"].iloc[0])

    assert at(3, 0) == at(3, 0)
    assert len({at(3, 0), at(4, 0), at(3, 1)}) == 3


# --- pace -----------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("budget", "cost"), [(0.05, 0.3), (0.05, 20.0), (0.5, 3.0)])
def test_looking_stays_within_the_budget(budget: float, cost: float) -> None:
    clock = Clock()
    pace, looks = Pace(10, budget, clock), []
    for step in range(4000):
        clock.now += 1.0
        if pace.is_due(step):
            with pace.looking():
                clock.now += cost
            looks.append(step)
            assert len(looks) == 1 or pace.overhead <= budget * (1 + 1e-9)
    assert len(looks) > 3
    # The first look, and twice as much in reserve.
    assert looks[1] == pytest.approx(max(10, 3 * cost / budget), abs=1.5)
    assert all(b - a >= 10 or a % 10 for a, b in itertools.pairwise(looks))
    if cost < budget * 10:
        assert looks[5:] == list(range(50, 4000, 10))


def test_gradient_accumulation_does_not_look_twice_at_a_step(tmp_path: Path) -> None:
    monitor = always(monitor_of(tmp_path))
    batch = example_batch(16, 0)
    assert [monitor(step, batch) for step in (0, 0, 1, 1)] == [True, False, True, False]
    with pytest.warns(UserWarning, match="none below 1, got 0"):
        assert not monitor(0, batch)


# --- nothing left behind --------------------------------------------------------------------------


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 1))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.layers(x)
        return made


def everything(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[Any]:
    tensors = [*net.parameters(), *net.buffers()]
    grads = [p.grad for p in net.parameters()]
    states = [value for state in optimizer.state.values() for value in state.values()]
    return [
        [t.detach().clone() for t in (*tensors, *(g for g in grads if g is not None), *states)],
        [None if g is None else id(g) for g in grads],
        [p.requires_grad for p in net.parameters()],
        [m.training for m in net.modules()],
        torch.get_rng_state().tolist(),
        random.getstate(),
        str(np.random.get_state()),
        torch.is_grad_enabled(),
    ]


@pytest.mark.parametrize("fails_at", [None, 1, 2, 7, 17])
def test_weights_gradients_buffers_modes_and_generators_are_as_before(
    tmp_path: Path, fails_at: int | None
) -> None:
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    calls = itertools.count(1)  # what could be put back would never come to the seventh

    def loss(batch: Tensor) -> Tensor:
        if fails_at is not None and next(calls) >= fails_at:
            raise RuntimeError("out of luck")
        return (net(batch) + torch.randn(1) + random.random() + np.random.rand()).square().mean()

    net(example_batch(8, 0)).sum().backward()
    optimizer.step()
    before = everything(net, optimizer)
    monitor = monitor_of(tmp_path, loss, net)
    if fails_at is None:
        with torch.no_grad():
            monitor(0, example_batch(32, 1))
    else:
        with pytest.raises(Invalid, match="out of luck"):
            monitor(0, example_batch(32, 1))
    after = everything(net, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert before[1:] == after[1:]


# --- batches --------------------------------------------------------------------------------------


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


X, Y = torch.arange(12.0).reshape(6, 2), torch.arange(6)
BATCHES: dict[str, Any] = {
    "a tensor": X,
    "a tuple": (X, Y),
    "a list": [X, Y],
    "a named tuple": Pair(X, Y),
    "a mapping": {"x": X, "y": Y, "texts": list("abcdef"), "scale": torch.tensor(2.0), "name": "all"},
    "nested": {"inputs": (X, {"y": Y}), "weights": torch.ones(3)},
    "numpy": (X.numpy(), Y.numpy()),
    "a mapping of its own": UserDict(x=X, y=Y),
}


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict | UserDict):
        return [each for part in value.values() for each in flat(part)]
    if isinstance(value, tuple | list) and any(isinstance(each, Tensor | np.ndarray) for each in value):
        return [each for part in value for each in flat(part)]
    return [value]


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_is_cut_along_its_examples(name: str) -> None:
    batch = BATCHES[name]
    order = torch.tensor([4, 1, 5, 0, 2, 3])
    parts = sub_batches(batch, 4, order)
    assert examples_of(batch) == 6
    assert len(parts) == 4
    assert {type(part) for part in parts} == {type(batch)}
    for i, part in enumerate(parts):
        for cut, of in zip(flat(part), flat(batch), strict=True):
            has_examples = getattr(of, "ndim", 1) and len(of) == 6
            place = int(order[i])
            wanted = of[place : place + 1] if has_examples else of
            assert np.array_equal(np.asarray(cut), np.asarray(wanted))
    assert examples_of(without_rest(batch, 4, order)) == 4


def test_inner_mappings_are_cut_too() -> None:
    first = sub_batches(BATCHES["nested"], 3, torch.arange(6))[0]
    assert torch.equal(first["inputs"][1]["y"], Y[:2])
    assert torch.equal(first["weights"], torch.ones(3))


def test_the_length_that_most_arrays_have_is_that_of_the_batch() -> None:
    batch = {"weights": torch.ones(10), "x": X, "y": Y}
    assert examples_of(batch) == 6
    assert [len(part["x"]) for part in sub_batches(batch, 3, torch.arange(6))] == [2, 2, 2]


@pytest.mark.slow
def test_a_sorted_batch_has_the_noise_of_its_examples_in_any_order(tmp_path: Path) -> None:
    seen = seen_at_many_steps(tmp_path, lambda batch: mine(batch[batch[:, 0].argsort()]), size=32)
    ordered = seen_at_many_steps(tmp_path, mine, size=32, ordered=True)
    assert_mean(ordered["data_variance"], 4 * SPREAD**2 / 32)
    assert_mean(seen["data_variance"], 4 * SPREAD**2 / 32)


# --- what goes wrong ------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no loss": ({"loss": 3}, "loss: wanted a function of a batch, got 3"),
    "no model": ({"model": 3}, "model: wanted a module"),
    "every nothing": ({"every": 0}, "every: wanted a whole number of at least 1, got 0"),
    "too few": ({"replicates": 4}, "replicates: wanted a whole number of at least 6, got 4"),
    "no budget": ({"budget": 0}, "budget: wanted a share above 0, of at most 1, got 0"),
    "data used up": ({"data": iter([X])}, "an iterator would be used up"),
    "too few batches": ({"data": [X, X]}, "wanted at least 3 examples or batches, got 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_before_the_training(tmp_path: Path, name: str) -> None:
    settings, said = WRONG[name]
    with pytest.raises(Invalid, match=said):
        monitor_of(tmp_path, **settings)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (None, "batch: wanted the batch of the step, got None"),
        ("text", "batch: wanted tensors with the examples along the first axis"),
        (torch.ones(2, 4), "wanted at least 3 examples or batches, got 2"),
    ],
)
def test_a_batch_that_cannot_be_cut_is_refused_at_the_first_look(
    tmp_path: Path, batch: Any, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        monitor_of(tmp_path)(0, batch)
    assert not list(tmp_path.iterdir())


def test_the_training_goes_on_when_a_later_look_fails(tmp_path: Path) -> None:
    monitor = always(monitor_of(tmp_path))
    monitor(0, example_batch(16, 0))
    with pytest.warns(UserWarning, match="step 1: batch: wanted tensors with the examples"):
        monitor(1, "text")
    monitor(2, example_batch(16, 0))
    assert list(whole(monitor.run)["training.step"]) == [0.0, 2.0]
    assert any(note.startswith("step 1: ") for note in monitor.run.record["notes"])


@pytest.mark.slow
@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), RuntimeError("out of memory")])
def test_a_training_survives_what_cannot_be_written_or_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monitor = always(monitor_of(tmp_path))
    monitor(0, example_batch(16, 0))

    def fails(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr("bench.results.folder.write", fails)
    with pytest.warns(UserWarning, match="step 1: "):
        monitor(1, example_batch(16, 1))
    monkeypatch.undo()
    monitor(2, example_batch(16, 2))
    assert monitor.run.folder is not None
    assert len(whole(bench.load(monitor.run.folder))) == 3


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda batch: batch.sum(), "no gradient reaches the weights"),
        (lambda batch: mine(batch.fill_(torch.manual_seed(3).initial_seed())), "it seeds torch's generator"),
        (
            lambda batch: checkpoint(
                lambda w: (w * torch.randn_like(batch)).sum() ** 2, W, use_reentrant=False
            ),
            "it draws in its backward pass",
        ),
    ],
)
def test_losses_that_would_give_wrong_numbers_are_refused(tmp_path: Path, loss: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        monitor_of(tmp_path, loss)(0, example_batch(16, 0))


def test_a_batch_that_a_loss_changes_is_as_before(tmp_path: Path) -> None:
    batch = {"x": example_batch(16, 0)}
    kept = batch["x"].clone()

    def changes(given: Any) -> Tensor:
        return mine(given.pop("x").mul_(0.5))

    monitor = monitor_of(tmp_path, changes)
    monitor(0, batch)
    assert torch.equal(batch["x"], kept)
    other = monitor_of(tmp_path, lambda given: mine(0.5 * given["x"]))
    other(0, batch)
    names = ["variance", "sampling_variance", "data_variance"]
    assert whole(monitor.run)[names].to_numpy() == pytest.approx(whole(other.run)[names].to_numpy())


def test_gradients_that_are_not_finite_are_a_row_with_its_reason(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path, lambda batch: (W * batch).sum() * (math.nan if batch[0, 0] > 1 else 1.0))
    monitor(0, torch.arange(32.0).reshape(8, 4).fmod(5.0))
    row = whole(monitor.run).iloc[0]
    assert (row["status"], row["replicates"]) == ("nonfinite", 16)
    assert 0 < row["nonfinite"] < 16
    assert math.isnan(row["variance"])


# --- the run --------------------------------------------------------------------------------------


@pytest.fixture
def watched(tmp_path: Path) -> Run:
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = lambda batch: (net(batch + torch.randn_like(batch)) - 1).square().mean()  # noqa: E731
    monitor = always(monitor_of(tmp_path, loss, net))
    for step in range(4):
        monitor(10 * step, example_batch(64, step))
    return monitor.run


def test_the_folder_holds_what_was_seen(watched: Run) -> None:
    assert watched.folder is not None
    again = bench.load(watched.folder)
    columns = [name for name in watched.measurements if watched.measurements[name].notna().any()]
    assert again.measurements[columns].equals(watched.measurements[columns])
    assert "training.step" in columns
    assert again.record["scenario"]["name"] == "training"
    assert "looking took" in again.record["notes"][0]


DRAWN = {
    "parts_by_option": "noise",
    "noise_scale_by_option": "noise_scale",
    "batch_cosine_by_option": "batch_cosine",
    "blocks_by_option": "snr",
    "variance_by_option": "variance",
    "snr_by_option": "snr",
}


@pytest.mark.parametrize("name", spread(DRAWN, 3))
def test_figures_along_the_steps_have_the_numbers_of_the_run(watched: Run, name: str) -> None:
    rows = FIGURES[name].drawn(of_a_run(watched))
    frame = watched.measurements.set_index(["training.step", "parameter"])
    assert set(rows["value"]) <= {0.0, 10.0, 20.0, 30.0}
    column = DRAWN[name]
    for row in rows.to_dict("records"):
        known = frame.loc[row["value"], row.get("parameter", "all")]
        parts = {"of sampling": "sampling_variance", "of the data": "data_variance"}
        value = known[parts.get(row.get("part"), column)]
        assert row[column] == (known[f"{column}_low"] if math.isinf(value) else value)
    wanted = {"parts_by_option": 8, "blocks_by_option": 24}.get(name, 4)
    assert len(rows) == wanted
    assert watched.figures[name] is not None


@pytest.mark.slow
def test_the_page_tells_the_steps(watched: Run) -> None:
    text = watched.report().read_text()
    assert "Gradient noise scale along an option" in text
    assert '"noise_scale_low"' in text
    assert "How noisy is the gradient of a batch along the training" in text


def test_each_look_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monitor = always(monitor_of(tmp_path, progress=True))
    for step in (0, 7):
        monitor(step, example_batch(64, step))
    first, second = capsys.readouterr().err.strip().splitlines()
    row = whole(monitor.run).iloc[1]
    assert first.startswith("step 0, signal to noise ")
    assert second.startswith("step 7, ")
    ends = row["noise_scale_low"], row["noise_scale_high"]
    assert f"noise scale {interval_said(row['noise_scale'], *ends)} examples" in second
    assert "looking took" not in first
    assert "looking took" in second
