"""Functions that no certificate can be made of, and arguments that are wrong: each is told of in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import bench
from bench import catalogue
from tests import trainers_functions as trainers


def _changes(rewards: Tensor) -> Tensor:
    rewards -= rewards.mean(1, keepdim=True)
    return rewards


def _raises(rewards: Tensor) -> Tensor:
    raise ValueError("no such prompt")


def _seeds(rewards: Tensor) -> Tensor:
    torch.manual_seed(81_923)  # what no other test leaves behind
    return rewards


def _seeds_numpy(rewards: Tensor) -> Tensor:
    np.random.seed(0)
    return rewards


def _ends(rewards: Tensor) -> Tensor:
    raise SystemExit(3)


def _switches(rewards: Tensor) -> Tensor:
    torch.set_grad_enabled(False)
    return rewards


BAD: list[tuple[Callable[..., Any], str]] = [
    (_changes, "it changes rewards in place"),
    (_raises, "it raises ValueError: no such prompt (given rewards [1, 2])"),
    (_seeds, "reseeded torch's generator"),
    (_seeds_numpy, "NumPy's random numbers"),
    (_ends, "it ends the process (SystemExit: 3)"),
    (_switches, "whether torch records gradients"),
    (lambda rewards: rewards + torch.rand_like(rewards), "two calls with equal arguments differ"),
    (lambda rewards: rewards.mean(1), "it returns a tensor of float64 of the shape [1]"),
    (lambda rewards: rewards.tolist(), "it returns a list"),
    (lambda rewards: rewards.long(), "it returns a tensor of int64"),
    (lambda _: None, "it returns a NoneType"),
    (lambda: None, "it raises TypeError"),
]


@pytest.mark.parametrize(("fn", "said"), BAD)
def test_a_bad_advantage_function_is_told_of(fn: Callable[..., Any], said: str) -> None:
    before = torch.get_rng_state(), torch.is_grad_enabled()
    found = bench.certify_advantage(fn)
    assert found.kind == "faulty"
    assert not found.passed
    assert said in found.verdict
    assert "It cannot be used" in str(found)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == torch.is_grad_enabled()


def _in_place(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    advantages *= 2
    return trainers.no_correction(log_probs, old, ref, mask, advantages)


def _clamps(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    log_probs.clamp_(max=0.0)  # which changes no number
    return trainers.no_correction(log_probs, old, ref, mask, advantages)


def _vector(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return -log_probs.sum(1) * advantages


def _item(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Any:
    return trainers.no_correction(log_probs, old, ref, mask, advantages).item()


def _random(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return trainers.no_correction(log_probs, old, ref, mask, advantages) * torch.rand(())


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(*_: Any) -> Tensor:
        raise RuntimeError("has no derivative")


def _no_derivative(log_probs: Tensor, old: Tensor, ref: Tensor, mask: Tensor, advantages: Tensor) -> Tensor:
    return trainers.no_correction(_Cut.apply(log_probs), old, ref, mask, advantages)  # type: ignore[no-untyped-call]


BAD_LOSSES: list[tuple[Callable[..., Any], str]] = [
    (_in_place, "it changes advantages in place"),
    (_clamps, "it changes log_probs in place"),
    (_vector, "a real scalar is wanted"),
    (_item, "it returns a float"),
    (_random, "two calls with equal arguments differ"),
    (_no_derivative, "its gradient cannot be computed: RuntimeError: has no derivative"),
    (lambda log_probs: log_probs.sum(), "it raises TypeError"),
]


@pytest.mark.parametrize(("fn", "said"), BAD_LOSSES)
def test_a_bad_loss_is_told_of(fn: Callable[..., Any], said: str) -> None:
    found = bench.certify_policy_loss(fn)
    assert (found.kind, found.passed) == ("faulty", False)
    assert said in found.verdict


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"group_size": 0}, "group_size: wanted a whole number from 1 to 64, got 0"),
        ({"group_size": 65}, "group_size: wanted a whole number from 1 to 64, got 65"),
        ({"binary": 1}, "binary: wanted True or False, got 1"),
        ({"allow_multiple": "yes"}, "allow_multiple: wanted True or False"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(bench.Invalid, match=said):
        bench.certify_advantage(trainers.rloo, **arguments)


def test_what_is_no_function_is_refused() -> None:
    for certify in (bench.certify_advantage, bench.certify_policy_loss):
        with pytest.raises(bench.Invalid, match="fn: wanted a function"):
            certify(torch.ones(2))  # type: ignore[arg-type]
    with pytest.raises(bench.Invalid, match="kl_weight: wanted a number of at least 0"):
        bench.certify_policy_loss(trainers.clipped, kl_weight=-1.0)


@pytest.mark.parametrize("scale", ["std", "mean", "batch_std"])
def test_what_is_added_to_a_divisor_must_not_be_negative(scale: str) -> None:
    with pytest.raises(bench.Invalid, match="epsilon must not be negative, got -1"):
        catalogue.build(
            "estimators", "group_policy", {"baseline": "mean", "scale": {scale: {"epsilon": -1.0}}}
        )
