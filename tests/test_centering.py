"""Costs less their mean: compiled or not, and however they lie in memory."""

from __future__ import annotations

import pytest
import torch

from bench import centering
from bench.centering import centered

SHAPES = [(2, 3), (10, 5000), (5000, 10), (3, 4, 500), (2049, 2049)]


def costs(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return 100 + torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("across", [True, False])
def test_each_is_less_the_mean_of_the_others(
    shape: tuple[int, ...], dtype: torch.dtype, across: bool
) -> None:
    f = costs(shape, dtype)
    if not across:
        f = f.movedim(0, -1).contiguous().movedim(-1, 0)
    others = (f.double().sum(0) - f.double()) / (len(f) - 1)
    wanted = f.double() - others
    # The rounding of a mean of numbers near 100.
    tolerance = 2000 * torch.finfo(dtype).eps
    torch.testing.assert_close(centered(f).double(), wanted, rtol=0, atol=tolerance)
    # The control: the mean of all is another one.
    of_all = f.double() - f.double().mean(0)
    assert len(f) > 1000 or not torch.allclose(centered(f).double(), of_all, rtol=0, atol=tolerance)


def test_without_numba_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    f = costs((100, 300), torch.float32)
    compiled = centered(f), centered(f.T.contiguous().T)
    monkeypatch.setattr(centering, "_compiled", lambda: None)
    for found in compiled:
        torch.testing.assert_close(found, centered(f), rtol=1e-4, atol=1e-4)


def test_it_is_without_a_graph_and_leaves_the_costs_as_they_are() -> None:
    f = costs((100, 300), torch.float32).requires_grad_()
    before = f.detach().clone()
    assert not centered(f).requires_grad
    assert torch.equal(f, before)


def test_what_is_not_finite_stays_in_its_column() -> None:
    f = costs((20, 500), torch.float32)
    f[3, 7] = torch.nan
    bad = centered(f).isnan().any(0)
    assert bad[7]
    assert int(bad.sum()) == 1
