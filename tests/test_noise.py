"""Noise by counter: the published vectors, the distributions, and a replicate's numbers as its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from bench import noise
from bench.noise import draws
from bench.noise.draws import Draws
from bench.noise.philox import words
from tests.parameters import some

CPU = torch.device("cpu")
KEY = 0x9F3A11C7, 0x00C0FFEE
SINGLE, DOUBLE = torch.float32, torch.float64
KINDS = ["normal", "uniform", "unit", "exponential", "gumbel", "logistic"]

# Of the authors of Philox: `kat_vectors` of Random123 1.14, philox4x32 with 10 rounds.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def numbers(kind: str, shape: tuple[int, ...], dtype: torch.dtype = SINGLE, **more: int) -> Tensor:
    given = {"first": 0, "rows": shape[1]} | more
    with noise.drawn_from(Draws(KEY, **given)):
        made: Tensor = getattr(noise, kind)(shape, torch.empty(0, dtype=dtype))
    return made


@pytest.mark.parametrize(("counter", "key", "wanted"), PUBLISHED)
def test_the_words_are_those_of_the_authors(counter: str, key: str, wanted: str) -> None:
    values = [torch.tensor([int(word, 16)]) for word in counter.split()]
    k0, k1 = (int(word, 16) for word in key.split())
    found = words((values[0], values[1], values[2], values[3]), (k0, k1))
    assert " ".join(f"{int(word):08x}" for word in found) == wanted
    changed = words((values[0] ^ 1, values[1], values[2], values[3]), (k0, k1))
    assert all(int(a) != int(b) for a, b in zip(found, changed, strict=True))


@pytest.mark.parametrize("shape", [(1, 7), (10, 300), (700, 3), (2051, 2)])
@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("shared", [True, False])
def test_shifted_numbers_are_the_numbers_shifted(
    shape: tuple[int, int], dtype: torch.dtype, shared: bool
) -> None:
    R = shape[1]
    loc, scale = (torch.linspace(a, a + 1, R, dtype=dtype) for a in (-0.7, 0.3))
    if shared:
        loc, scale = loc[:1].expand(R), scale[:1].expand(R)
    with noise.drawn_from(Draws(KEY, 5, R)):
        shifted = noise.shifted_normal(shape, loc, scale)
    plain = numbers("normal", shape, dtype, first=5)
    assert torch.equal(shifted, plain * scale + loc)
    assert not torch.equal(shifted, plain)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "shape", [(1, 7), (2, 9), (3, 8), (5, 5), (10, 300), (700, 3), (2051, 2), (6, 4, 3, 2)]
)
def test_compiled_numbers_are_those_of_tensors(
    kind: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = [numbers(kind, shape, dtype, first=2**32 - 2) for dtype in (SINGLE, DOUBLE)]  # across a carry
    monkeypatch.setattr(draws, "compiled_kernels", lambda: None)
    slow = [numbers(kind, shape, dtype, first=2**32 - 2) for dtype in (SINGLE, DOUBLE)]
    for made, dtype in zip(fast, (SINGLE, DOUBLE), strict=True):
        assert made.shape == shape
        assert made.dtype == dtype
    # Logarithm, sine and cosine of two libraries: some units in the last place, of a radius up to 6.7.
    torch.testing.assert_close(fast[0], slow[0], rtol=3e-6, atol=3e-6)
    assert torch.equal(fast[1], slow[1])  # of one library


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("kind", KINDS)
def test_a_replicates_numbers_are_its_own(kind: str, dtype: torch.dtype) -> None:
    every = numbers(kind, (6, 50, 3), dtype)
    for first, rows in ((0, 1), (7, 13), (49, 1), (20, 30)):
        assert torch.equal(numbers(kind, (6, rows, 3), dtype, first=first), every[:, first : first + rows])
    # The layout in memory changes with the number of rows, and the numbers do not.
    few, many = numbers(kind, (20, 5), dtype), numbers(kind, (20, 90), dtype)
    assert torch.equal(few, many[:, :5])


def test_calls_keys_and_replicates_differ() -> None:
    source = Draws(KEY, 0, 40)
    first, second = (source.normal((30, 40), SINGLE, CPU) for _ in range(2))
    assert source.calls == 2
    other = Draws((KEY[0], KEY[1] ^ 1), 0, 40).normal((30, 40), SINGLE, CPU)
    seen = torch.cat([first.flatten(), second.flatten(), other.flatten()])
    assert len(seen.unique()) > 0.999 * len(seen)
    assert torch.equal(Draws(KEY, 0, 40, calls=1).normal((30, 40), SINGLE, CPU), second)


def test_points_share_the_rows() -> None:
    both = numbers("normal", (4, 12), rows=6)  # two points of six rows each
    for row in range(6):
        alone = numbers("normal", (4, 2), first=row, rows=1)
        assert torch.equal(both[:, [row, 6 + row]], alone)
    with pytest.raises(ValueError, match="noise of 13 rows was asked for, wanted a multiple of 6"):
        Draws(KEY, rows=6).normal((4, 13), SINGLE, CPU)


CDF: dict[str, Callable[..., object]] = {
    "normal": stats.norm.cdf,
    "uniform": stats.uniform.cdf,
    "unit": stats.uniform.cdf,
    "exponential": stats.expon.cdf,
    "gumbel": stats.gumbel_r.cdf,
    "logistic": stats.logistic.cdf,
}
LEVEL = 1e-4
"""The level of each test: about 30 of them raise a false alarm in 3 of 1000 choices of the fixed key."""


@pytest.mark.parametrize("dtype", some([SINGLE, DOUBLE], 1))
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_have_their_distribution(kind: str, dtype: torch.dtype) -> None:
    made = numbers(kind, (1000, 200), dtype).double().flatten().numpy()
    assert stats.kstest(made, CDF[kind]).pvalue > LEVEL
    assert stats.kstest(1.05 * made, CDF[kind]).pvalue < LEVEL
    if kind in ("uniform", "unit"):
        assert 0 < made.min() < made.max() < 1
    if kind == "exponential":
        assert made.min() > 0


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_the_tails_of_normal_numbers_are_full(dtype: torch.dtype) -> None:
    made = numbers("normal", (2000, 2000), dtype).double()
    for z in (3.0, 4.0, 4.5):
        expected = 2 * stats.norm.sf(z) * made.numel()
        seen = int((made.abs() > z).sum())
        assert stats.poisson.cdf(seen, expected) > LEVEL
        assert stats.poisson.sf(seen - 1, expected) > LEVEL
    moments = [float(made.pow(k).mean()) for k in range(1, 7)]
    errors = [float(np.sqrt(stats.norm.moment(2 * k) / made.numel())) for k in range(1, 7)]
    wanted = [float(stats.norm.moment(k)) for k in range(1, 7)]
    assert all(abs(m - w) < 4.5 * e for m, w, e in zip(moments, wanted, errors, strict=True))


def correlation(a: Tensor, b: Tensor) -> float:
    """The correlation in standard errors."""
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).double())[0, 1]) * a.numel() ** 0.5


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_lanes_replicates_calls_and_keys_are_uncorrelated(dtype: torch.dtype) -> None:
    source = Draws(KEY, 0, 500)
    made = source.normal((400, 500), dtype, CPU)
    lanes = made.view(4, 100, 500)
    pairs = list(itertools.combinations(range(4), 2))
    beside = {f"lanes {i} {j}": (lanes[i], lanes[j]) for i, j in pairs}
    beside |= {f"squares {i} {j}": (lanes[i] ** 2, lanes[j] ** 2) for i, j in pairs}
    beside["places"] = made[:-1], made[1:]
    beside["replicates"] = made[:, :-1], made[:, 1:]
    beside["calls"] = made, source.normal((400, 500), dtype, CPU)
    beside["keys"] = made, Draws((KEY[0] ^ 1, KEY[1]), 0, 500).normal((400, 500), dtype, CPU)
    found = {name: correlation(*pair) for name, pair in beside.items()}
    assert {name: value for name, value in found.items() if abs(value) > 4.5} == {}
    assert abs(correlation(made, 0.05 * made + source.normal((400, 500), dtype, CPU))) > 4.5  # a control


def test_what_is_rare_is_as_rare_as_it_should_be() -> None:
    # A uniform number of float32 with 23 bits would make these up to half as rare again.
    count = 20_000_000
    made = numbers("unit", (2000, 10_000))
    assert float(made.min()) > 0
    assert float(made.max()) <= 1
    for p in (3e-7, 1.5e-6, 1e-5):
        seen = int((made <= p).sum())
        assert stats.binomtest(seen, count, p).pvalue > LEVEL
    assert stats.binomtest(int((made <= 1e-5).sum()), count, 1.5e-5).pvalue < LEVEL  # a control
    small = made[made < 2**-20].double() * 2**23
    assert bool((small != small.round()).any())


def test_without_a_stream_noise_is_of_torchs_generator() -> None:
    like = torch.empty(0, dtype=DOUBLE)
    for kind in KINDS:
        made = getattr(noise, kind)((20_000,), like).numpy()
        assert stats.kstest(made, CDF[kind]).pvalue > LEVEL / 10  # of any seed: once in a million runs or so
        torch.manual_seed(3)
        first = getattr(noise, kind)((5,), like)
        torch.manual_seed(3)
        assert torch.equal(first, getattr(noise, kind)((5,), like))


def test_noise_that_cannot_be_told_apart_by_rows_is_of_torchs_generator() -> None:
    source = Draws(KEY, rows=6)
    with noise.drawn_from(source):
        for shape in ((), (6,), (4, 13)):
            assert noise.normal(shape, torch.empty(0)).shape == shape
        assert source.calls == 0
        noise.normal((4, 12), torch.empty(0))
        assert source.calls == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, SINGLE, DOUBLE])
def test_noise_is_of_the_type_that_is_asked_for(dtype: torch.dtype) -> None:
    like = torch.empty(0, dtype=dtype)
    for rows in (2, 3):  # of the counter, and of torch's generator
        with noise.drawn_from(Draws(KEY, rows=rows)):
            assert noise.normal((5, 4), like).dtype == dtype


def test_common_noise_is_drawn_once_more() -> None:
    source, like = Draws(KEY, rows=6), torch.empty(0)
    with noise.drawn_from(source):
        with noise.common(CPU):
            first = noise.normal((4, 6), like), noise.uniform((2, 6), like), torch.randn(3)
        again = noise.normal((4, 6), like), noise.uniform((2, 6), like), torch.randn(3)
        other = noise.normal((4, 6), like), noise.uniform((2, 6), like), torch.randn(3)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert len(source.drawn) == 6


@pytest.mark.slow
def test_compilation_is_told_of_once(tmp_path: Path) -> None:
    # In a process of its own, with nothing kept from before, and again with what is kept.
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(TINY)
    words = [sys.executable, "-m", "bench", "run", scenario, "--out", tmp_path / "out", "--no-report"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    first, again = (
        subprocess.run(words, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert first.stderr.splitlines().count("compiling for this processor, once: half a minute") == 1
    assert "compiling" not in again.stderr
    compiled = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*.nbc"))
    assert compiled, "nothing was kept"
    assert max(map(compiled.count, compiled)) <= 2  # float32 and float64, and no other kinds of arrays


TINY = """\
schema: 1
name: tiny
version: 1
problem: {name: expectation, distribution: {normal: {loc: 2.0, scale: 1.0}}, parameters: [loc], cost: z**2}
estimators: [reinforce, {reinforce: {baseline: leave_one_out}}, reparameterization]
sweep: {sample_sizes: [10, 1000], dtypes: [float32, float64]}
replicates: 100
"""


@pytest.mark.slow
def test_without_numba_a_run_has_the_same_numbers_to_rounding(tmp_path: Path) -> None:
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(TINY)
    script = (
        "import sys; BLOCK\nimport bench\n"
        "frame = bench.run(sys.argv[1], out=sys.argv[2], progress=False).measurements\n"
        "print(frame[['variance', 'bias', 'kurtosis']].to_json(orient='values'))"
    )
    found = []
    for block in ("pass", "sys.modules['numba'] = None"):
        words = [sys.executable, "-c", script.replace("BLOCK", block), scenario, tmp_path / block[:4]]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found.append(np.array(json.loads(done.stdout.splitlines()[-1]), float))
    np.testing.assert_allclose(found[0], found[1], rtol=2e-4, atol=1e-4)
