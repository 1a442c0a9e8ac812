"""A longer battery of the noise by counter: what a generator that is not random enough would fail."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from bench.noise.draws import Draws
from bench.noise.philox import words
from tests.calibration.table import Rate, Table, rate_of

CPU = torch.device("cpu")
STREAMS, LEVEL = 1000, 0.01
CDF = {"normal": stats.norm.cdf, "uniform": stats.uniform.cdf, "exponential": stats.expon.cdf}


def below_level(pvalues: list[float]) -> Rate:
    """How many of many tests reject at the level, each on a stream of its own."""
    return rate_of([p < LEVEL for p in pvalues])


def numbers(kind: str, dtype: torch.dtype, key: int, rows: int = 100, count: int = 200) -> Tensor:
    """Numbers of the streams of neighboring keys, `[count, rows]`."""
    made: Tensor = getattr(Draws((key, 5), 0, rows), kind)((count, rows), dtype, CPU)
    return made.double()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("kind", CDF)
def test_distribution(kind: str, dtype: torch.dtype, table: Table) -> None:
    streams = [numbers(kind, dtype, key).flatten().numpy() for key in range(STREAMS)]
    name = f"{kind} numbers by counter, {str(dtype).removeprefix('torch.')}"
    found = [stats.kstest(each, CDF[kind]).pvalue for each in streams]
    table.hold(f"Kolmogorov-Smirnov below 0.01: {name}", below_level(found), 0.0, 0.012)
    shifted = [stats.kstest(each + 0.02, CDF[kind]).pvalue for each in streams[:200]]
    table.control(f"the same of numbers that are 0.02 larger: {name}", below_level(shifted), 0.0, 0.012)


def correlation_p(a: Tensor, b: Tensor) -> float:
    """The p-value of a correlation of many independent numbers."""
    r = float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])
    return float(2 * stats.norm.sf(abs(r) * a.numel() ** 0.5))


PAIRS: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "places side by side": lambda x, _: (x[:-1], x[1:]),
    "lanes": lambda x, _: (x[:50], x[50:100]),
    "sine and cosine of one angle": lambda x, _: (x[:50].square(), x[50:100].square()),
    "replicates side by side": lambda x, _: (x[:, :-1], x[:, 1:]),
    "neighboring streams": lambda x, y: (x, y),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_correlation(pair: str, table: Table) -> None:
    streams = [numbers("normal", torch.float32, key) for key in range(STREAMS + 1)]
    found = [correlation_p(*PAIRS[pair](x, y)) for x, y in pairwise(streams)]
    table.hold(f"correlation below 0.01: normal numbers by counter, {pair}", below_level(found), 0.0, 0.012)
    mixed = [
        correlation_p(a, a * 0.1 + b) for a, b in (PAIRS[pair](x, y) for x, y in pairwise(streams[:200]))
    ]
    table.control(f"the same, one a part of the other: {pair}", below_level(mixed), 0.0, 0.012)


def bits(key: int, count: int = 1 << 14) -> np.ndarray:
    """Words of consecutive counters of one replicate, `[count, 4]`."""
    index = torch.arange(count)
    zero = torch.zeros_like(index)
    return torch.stack(words((index, zero, zero, zero), (key, 5)), 1).numpy()


def chi_square_p(counts: np.ndarray) -> float:
    return float(stats.chisquare(counts.ravel()).pvalue)


def serial_p(key: int, shift: int) -> float:
    """Pairs of bytes of neighboring words are equally frequent."""
    byte = bits(key) >> shift & 0xFF
    pair = byte[:, :-1] // 16 * 16 + byte[:, 1:] // 16
    return chi_square_p(np.bincount(pair.ravel(), minlength=256))


def bytes_p(key: int) -> float:
    found = bits(key)
    each = np.stack([found >> shift & 0xFF for shift in (0, 8, 16, 24)])
    return chi_square_p(np.bincount(each.ravel(), minlength=256))


def weights_p(key: int) -> float:
    """The number of ones in a word is binomial."""
    ones = np.bitwise_count(bits(key).ravel().astype(np.uint64))
    expected = stats.binom.pmf(np.arange(33), 32, 0.5) * ones.size
    counts = np.bincount(ones, minlength=33)
    inner = slice(7, 26)
    seen = [counts[:7].sum(), *counts[inner], counts[26:].sum()]
    wanted = [expected[:7].sum(), *expected[inner], expected[26:].sum()]
    return float(stats.chisquare(seen, wanted).pvalue)


def spacings_p(key: int) -> float:
    """Birthday spacings (Marsaglia, 1985): of 512 in 2^24 days those that are equal are Poisson of mean 2."""
    days = np.sort(bits(key, 1 << 14).ravel()[: 512 * 128].reshape(128, 512) >> 8, axis=1)
    spaces = np.sort(np.diff(days, axis=1), axis=1)
    equal = (np.diff(spaces, axis=1) == 0).sum()
    mean = 128 * 512**3 / (4 * 2**24)
    return float(min(1.0, 2 * min(stats.poisson.cdf(equal, mean), stats.poisson.sf(equal - 1, mean))))


BITS: dict[str, Callable[[int], float]] = {
    "bytes": bytes_p,
    "upper halves of neighboring high bytes": lambda key: serial_p(key, 24),
    "upper halves of neighboring low bytes": lambda key: serial_p(key, 0),
    "ones in a word": weights_p,
    "birthday spacings": spacings_p,
}


@pytest.mark.parametrize("name", BITS)
def test_bits(name: str, table: Table) -> None:
    found = [BITS[name](key) for key in range(STREAMS)]
    table.hold(f"below 0.01: words of Philox, {name}", below_level(found), 0.0, 0.012)
