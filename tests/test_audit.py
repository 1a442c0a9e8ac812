"""An audit of losses of one's own: right numbers, whatever gives the truth; clear words for what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal
from torch.utils.data import DataLoader, TensorDataset

import bench
from bench.errors import Invalid
from bench.results.run import Run
from tests.losses_at_hand import leaf, square, vae
from tests.parameters import spread

N = 4
LOSSES = square(N)
THETA = vars(LOSSES["path"])["theta"]
# d/dθ E z² = 2θ at θ = 2; variances of one estimate in closed form. With the mean of all N as a baseline the
# estimate is (N−1)/N times that with the mean of the others.
MEANS = {"score": 4.0, "own_mean": 4.0 * (N - 1) / N, "leave_one_out": 4.0, "path": 4.0}
VARIANCES = {"score": 87 / N, "path": 4 / N}
# Each of some ten means and variances is held to 4.5 of its standard errors: a false alarm has probability
# below 1e-4, at seeds that are fixed.
LIMIT = 4.5


@pytest.fixture(scope="module")
def of_square(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return bench.audit(
        LOSSES,
        THETA,
        truth=torch.tensor([4.0]),
        replicates=20_000,
        sample_size=N,
        out=tmp_path_factory.mktemp("square"),
        progress=False,
    )


def whole(run: Run) -> pd.DataFrame:
    return run.measurements[run.measurements["parameter"] == "all"].set_index("estimator")


@pytest.mark.parametrize("name", MEANS)
def test_means_are_those_of_the_closed_form(of_square: Run, name: str) -> None:
    row = whole(of_square).loc[name]
    error = math.sqrt(row["variance"] / row["replicates"])
    assert abs(row["mean"] - MEANS[name]) < LIMIT * error
    assert abs(row["mean"] - 1.2 * MEANS[name]) > LIMIT * error, "a wrong mean must be seen"


@pytest.mark.parametrize("name", VARIANCES)
def test_variances_are_those_of_the_closed_form(of_square: Run, name: str) -> None:
    row = whole(of_square).loc[name]
    error = math.log(row["variance_high"] / row["variance_low"]) / (2 * 1.96)
    assert abs(math.log(row["variance"] / VARIANCES[name])) < LIMIT * error
    assert abs(math.log(row["variance"] / VARIANCES[name] / 1.5)) > LIMIT * error, "a wrong one must be seen"


def test_the_bias_of_the_own_mean_is_found_and_its_factor_named(of_square: Run) -> None:
    rows = whole(of_square)
    assert rows["verdict"]["own_mean"] == "biased"
    assert not (rows["verdict"].drop("own_mean") == "biased").any()
    assert rows.loc["own_mean", "bias_low"] < -4 / N < rows.loc["own_mean", "bias_high"]
    factor, line = of_square.findings
    assert factor.startswith("own_mean: its gradient is 0.7")
    assert "(N−1)/N for N = 4, as when a baseline includes the sample itself" in factor
    assert "the mean includes the sample itself" in line
    assert "cost.mean()" in line


@pytest.mark.slow
def test_the_run_is_as_that_of_every_scenario(of_square: Run) -> None:
    assert of_square.folder is not None
    again = bench.load(of_square.folder)
    pd.testing.assert_frame_equal(again.measurements, of_square.measurements)
    assert again.findings == of_square.findings
    ratios = bench.compare(of_square, control="path").set_index("estimator")
    assert ratios.loc["score", "low"] < 87 / 4 < ratios.loc["score", "high"]
    assert of_square.figures["variance"] is not None
    page = of_square.folder / "page.html"
    of_square.report(page)
    assert "(N−1)/N for N = 4" in page.read_text("utf-8")


def test_losses_that_draw_alike_are_paired(of_square: Run) -> None:
    ratios = bench.compare(of_square, control="leave_one_out").set_index("estimator")
    assert bool(ratios.loc["own_mean", "paired"])
    # One is a multiple of the other, replicate by replicate.
    assert ratios.loc["own_mean", "ratio"] == pytest.approx(((N - 1) / N) ** 2, rel=1e-4)


def audited(tmp_path: Path, losses: Any, model: Any, **settings: Any) -> Run:
    return bench.audit(losses, model, **{"replicates": 400, "out": tmp_path, "progress": False, **settings})


@pytest.mark.parametrize(
    "truth",
    spread(
        [
            torch.tensor([4.0]),
            np.array([4.0]),
            [4.0],
            {"theta": 4.0},
            lambda: torch.tensor([4.0]),
            lambda: THETA**2 + 1,  # the objective itself
        ],
        2,
    ),
)
def test_the_truth_may_be_given_in_many_ways(tmp_path: Path, truth: Any) -> None:
    run = audited(tmp_path, {"path": LOSSES["path"]}, THETA, truth=truth)
    row = whole(run).loc["path"]
    assert (row["truth"], row["truth_norm"]) == ("given", 4.0)


@pytest.mark.slow
def test_the_truth_may_be_that_of_a_loss(tmp_path: Path) -> None:
    run = audited(tmp_path, LOSSES, THETA, truth="path", truth_replicates=30_000)
    row = whole(run).loc["score"]
    assert row["truth"] == "reference"
    assert abs(row["truth_norm"] - 4) < LIMIT * row["truth_se"]
    assert row["truth_se"] == pytest.approx(math.sqrt(4 / N / 30_000), rel=0.05)


@pytest.mark.slow
def test_the_truth_may_be_the_loss_in_place_of_its_name(tmp_path: Path) -> None:
    run = audited(tmp_path, LOSSES, THETA, truth=LOSSES["path"])
    assert whole(run)["truth"]["score"] == "reference"
    assert run.record["truth"]["note"].startswith("path")


@pytest.mark.slow
def test_a_batch_that_one_loss_changes_is_as_before_for_the_others(tmp_path: Path) -> None:
    batches = [Batches.data[i : i + 8].clone() for i in range(0, 64, 8)]
    kept = [batch.clone() for batch in batches]
    losses = {
        "changes": lambda batch: Batches.loss(batch.mul_(0.5)),
        "plain": lambda b: Batches.loss(0.5 * b),
    }
    run = audited(tmp_path, losses, Batches.w, data=batches, batches=8)
    assert all(torch.equal(a, b) for a, b in zip(batches, kept, strict=True))
    found = whole(run)[["sampling_variance", "data_variance"]]
    assert found.loc["changes"].to_numpy() == pytest.approx(found.loc["plain"].to_numpy(), rel=1e-4)


@pytest.mark.slow
def test_a_loss_that_draws_nothing_is_an_exact_truth(tmp_path: Path) -> None:
    exact = lambda: (THETA**2 + 1).sum()  # noqa: E731 - E z²
    run = audited(tmp_path, {"own_mean": LOSSES["own_mean"], "exact": exact}, THETA, truth="exact")
    found = whole(run).loc["own_mean"]
    assert found["verdict"] == "biased"
    assert (found["truth_norm"], found["truth_se"]) == (4.0, 0.0)
    assert whole(run)["verdict"]["exact"] == "within 1 %"
    assert run.findings


def test_a_loss_whose_draws_never_mattered_is_no_truth(tmp_path: Path) -> None:
    # The control: what is rare was not seen.
    rare = lambda: (THETA * (1 + (torch.rand(1) < 1e-9) * 1e9)).sum()  # noqa: E731
    run = audited(tmp_path, {"path": LOSSES["path"], "rare": rare}, THETA, truth="rare")
    assert whole(run)["verdict"]["path"] == "unknown"
    assert "never varied" in run.record["truth"]["note"]


def test_without_a_truth_no_bias_is_told(tmp_path: Path) -> None:
    run = audited(tmp_path, LOSSES, THETA)
    assert set(whole(run)["truth"]) == {"none"}
    assert run.findings == []
    assert whole(run)["variance"].gt(0).all()


def test_parameters_are_told_by_name_and_by_their_parents(tmp_path: Path) -> None:
    own = vae()
    run = audited(tmp_path, own.loss, own.model, replicates=100)
    names = ["all", "enc", "enc.weight", "enc.bias", "dec", "dec.weight", "dec.bias"]
    assert list(run.measurements["parameter"]) == names
    assert set(run.measurements["estimator"]) == {"loss"}


def test_fixed_parameters_are_no_part_of_the_gradient(tmp_path: Path) -> None:
    own = vae(seed=8)
    own.model["dec"].requires_grad_(False)
    run = audited(tmp_path, own.loss, own.model, replicates=50)
    assert set(run.measurements["parameter"]) == {"all", "enc.weight", "enc.bias"}


class Batches:
    """A loss of a batch: the gradient is the mean of the batch plus noise, both with known variances."""

    data = torch.randn(640, generator=torch.Generator().manual_seed(3)) * 2
    w = leaf(0.0)

    @classmethod
    def loss(cls, batch: Any) -> Tensor:
        (x,) = batch if isinstance(batch, list | tuple) else (batch,)
        return (cls.w * (x.mean() + 3 * torch.randn(1))).sum()


@pytest.mark.slow
def test_with_a_loader_the_variance_is_split(tmp_path: Path) -> None:
    loader = DataLoader(TensorDataset(Batches.data), batch_size=8)
    run = audited(tmp_path, {"mine": Batches.loss}, Batches.w, data=loader, batches=80, replicates=8000)
    row = whole(run).loc["mine"]
    between = float(Batches.data.view(80, 8).mean(1).var())
    assert row["sampling_variance_low"] < 9 < row["sampling_variance_high"]
    assert row["data_variance_low"] < between < row["data_variance_high"]
    assert row["data_variance_high"] < 3 * between, "an interval that is too wide tells nothing"
    assert row["variance"] == pytest.approx(9 + between, rel=0.1)


def test_a_list_of_batches_is_as_good_and_of_odd_sizes(tmp_path: Path) -> None:
    run = audited(tmp_path, Batches.loss, Batches.w, data=[Batches.data[:5], Batches.data[5:17]])
    assert whole(run)["status"].eq("ok").all()


@pytest.mark.slow
def test_gradients_of_another_framework(tmp_path: Path) -> None:
    """Only arrays cross: here NumPy's own generator draws."""

    def path(seed: int) -> dict[str, Any]:
        z = 2 + np.random.default_rng(seed).standard_normal(N)
        return {"theta": 2 * z.mean()}

    def half(seed: int) -> dict[str, Any]:
        return {"theta": path(seed)["theta"] / 2}

    run = bench.audit(
        gradients={"path": path, "half": half}, truth=[4.0], replicates=3000, out=tmp_path, progress=False
    )
    rows = whole(run)
    assert rows.loc["path", "variance"] == pytest.approx(4 / N, rel=0.15)
    assert list(rows["verdict"] == "biased") == [False, True]
    assert run.findings == [f for f in run.findings if f.startswith("half: its gradient is 0.50")]
    assert len(run.findings) == 1
    assert "½" in run.findings[0]


@pytest.mark.slow
def test_gradients_may_be_partial_functions_and_seed_torch_itself(tmp_path: Path) -> None:
    """As those of a framework that is made of torch."""
    state = torch.default_generator.get_state()

    def gradient(factor: float, seed: int) -> Any:
        torch.manual_seed(seed)
        w = torch.tensor([2.0], requires_grad=True)
        (factor * (w + torch.randn(N)).square().mean()).backward()
        return w.grad

    functions = {"path": partial(gradient, 1.0), "half": partial(gradient, 0.5)}
    run = bench.audit(gradients=functions, truth=[4.0], replicates=3000, out=tmp_path, progress=False)
    assert list(whole(run)["verdict"] == "biased") == [False, True]
    assert whole(run).loc["path", "variance"] == pytest.approx(4 / N, rel=0.15)
    assert torch.equal(torch.default_generator.get_state(), state)


@pytest.mark.slow
def test_gradients_of_batches(tmp_path: Path) -> None:
    def gradient(factor: float, seed: int, batch: Any) -> Any:
        (x,) = batch if isinstance(batch, list | tuple) else (batch,)
        return factor * float(x.mean()) + 3 * np.random.default_rng(seed).standard_normal()

    loader = DataLoader(TensorDataset(Batches.data), batch_size=8)
    asked: dict[str, Any] = {"data": loader, "batches": 80, "replicates": 8000, "out": tmp_path}
    run = bench.audit(gradients=partial(gradient, 1.0), progress=False, **asked)
    row = whole(run).iloc[0]
    between = float(Batches.data.view(80, 8).mean(1).var())
    assert row["sampling_variance_low"] < 9 < row["sampling_variance_high"]
    assert row["data_variance_low"] < between < row["data_variance_high"]


def of_replicates(run: Run, name: str) -> np.ndarray:
    """The squared deviations of a loss, one for each replicate."""
    return run.replicates_of(whole(run).loc[name, "cell"])["squared_deviation"].to_numpy()


@pytest.mark.slow
def test_the_order_of_losses_and_the_number_of_replicates_change_no_estimate(tmp_path: Path) -> None:
    first = audited(tmp_path, LOSSES, THETA, replicates=300)
    second = audited(tmp_path, dict(reversed(LOSSES.items())), THETA, replicates=300, vectorize="never")
    for name in LOSSES:
        one, other = (of_replicates(run, name) for run in (first, second))
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_loss_that_fails_is_a_row_and_the_others_are_measured(tmp_path: Path) -> None:
    def fails() -> Tensor:
        raise RuntimeError("no luck")

    run = audited(tmp_path, {"fails": fails, "path": LOSSES["path"]}, THETA)
    rows = whole(run)
    assert list(rows["status"]) == ["error", "ok"]
    assert "no luck" in rows.loc["fails", "reason"]


def test_how_rows_are_computed_is_told(tmp_path: Path) -> None:
    def branch() -> Tensor:
        z = Normal(THETA, 1.0).rsample()
        return z if z.item() > 0 else 2 * z

    run = audited(tmp_path, {"path": LOSSES["path"], "branch": branch}, THETA, replicates=50)
    (line,) = run.record["notes"]
    assert line.startswith("branch: computed one by one, since its rows cannot be computed together")


def with_weights(model: Any) -> Callable[[Path], Any]:
    return lambda at: audited(at, LOSSES, model)


def with_truth(truth: Any) -> Callable[[Path], Any]:
    return lambda at: audited(at, LOSSES, THETA, truth=truth)


def with_data(data: Any) -> Callable[[Path], Any]:
    return lambda at: audited(at, Batches.loss, Batches.w, data=data)


def of(losses: Any) -> Callable[[Path], Any]:
    return lambda at: audited(at, losses, THETA)


def having(**settings: Any) -> Callable[[Path], Any]:
    return lambda at: audited(at, LOSSES, THETA, **settings)


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no model": (with_weights(None), "wanted losses and their model"),
    "nothing": (of({}), "losses: wanted a function, or functions by name"),
    "no function": (of({"mine": 3}), "losses: 'mine': wanted a function, got a int"),
    "a module": (of({"mine": vae().model}), "losses: .*wanted a function, got a ModuleDict"),
    "no such truth": (with_truth("pth"), "truth: there is no loss 'pth'; did you mean 'path'?"),
    "a truth of another size": (
        with_truth([1.0, 2.0]),
        "truth: wanted 1 numbers, .* got 2",
    ),
    "a truth of other names": (
        with_truth({"phi": 1.0}),
        "by the names theta, got phi",
    ),
    "a truth that is not finite": (with_truth([math.nan]), "truth: wanted finite"),
    "a truth that is no number": (with_truth(object()), "truth: wanted the name"),
    "no weights": (with_weights(torch.nn.Tanh()), "model: wanted parameters .*, got none"),
    "fixed weights": (with_weights(torch.zeros(2)), "got 1 of them, none of which requires gradients"),
    "computed weights": (with_weights(leaf(1.0) * 2), "is computed from others"),
    "weights of two types": (
        with_weights([leaf(1.0), leaf(1.0).double().detach().requires_grad_()]),
        "got float32 on cpu, float64 on cpu",
    ),
    "an iterator": (with_data(iter([1, 2])), "data: an iterator would be used up"),
    "a tensor for a loader": (with_data(Batches.data), r"data=\[batch\] takes it as one batch"),
    "an empty loader": (with_data([]), "there is no batch in it"),
    "replicates": (having(replicates=1), "replicates: wanted a whole number of at least 2"),
    "a truth that draws": (with_truth(lambda: (THETA + torch.randn(1)) ** 2), "truth: the function draws"),
    "vectorize": (having(vectorize="yes"), 'vectorize: wanted "auto" or "never"'),
    "both": (having(gradients=math.sqrt), "gradients: wanted instead of losses"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, name: str) -> None:
    call, said = WRONG[name]
    with pytest.raises(Invalid, match=said):
        call(tmp_path)
    assert not [*tmp_path.iterdir()], "nothing is left half-written"
