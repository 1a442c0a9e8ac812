"""Random numbers are a function of their address alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from bench import noise
from bench.distributions.families import FAMILIES
from bench.distributions.sobol import scrambled_sobol
from bench.engine.block_collector import BlockCollector
from bench.engine.blocks import Block, blocks_of, chunk_rows
from bench.engine.groups import _block as block_of_groups
from bench.engine.replicate import problems_of_chunks, replicate, run_block
from bench.engine.streams import Address, stream
from bench.noise import draws as draws_module
from bench.statistics.summary import Collection, Summary
from tests.cases import estimates_of, estimator_of, problem_of

CPU = torch.device("cpu")
ADDRESS = Address(seed=7, problem="p", sample_size=10, role="estimates", part=3)


def numbers(address: Address, count: int = 5) -> torch.Tensor:
    with stream(address, CPU):
        return torch.randint(0, 2**31, (count,))


def test_the_same_address_gives_the_same_numbers() -> None:
    assert torch.equal(numbers(ADDRESS), numbers(ADDRESS))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"seed": 7 + 2**32},
        {"problem": "q"},
        {"sample_size": 11},
        {"role": "reference"},
        {"part": 4},
    ],
    ids=repr,
)
def test_another_address_gives_others(change: dict[str, int | str]) -> None:
    assert not torch.equal(numbers(ADDRESS), numbers(replace(ADDRESS, **change)))  # type: ignore[arg-type]


def test_fields_cannot_run_into_one_another() -> None:
    # A problem's key is the user's text: it must not be able to imitate another address.
    a, b = Address(1, "a", 2, "b", 3), Address(1, "a', 2, 'b", 2, "b", 3)
    assert a.words(1) != b.words(1)
    assert Address(1, "p", 21, "r", 3).words(1) != Address(1, "p", 2, "1r", 3).words(1)


def test_the_whole_state_is_filled_with_the_words_of_the_address() -> None:
    twister = np.random.MT19937()
    state = twister.state
    state["state"] = {"key": ADDRESS.words(624, 0), "pos": 624}
    twister.state = state
    with stream(ADDRESS, CPU):
        drawn = torch.randint(0, 2**24, (1000,), dtype=torch.int32)  # one 32-bit word each
    assert np.array_equal(drawn.numpy(), twister.random_raw(1000) % 2**24)


def test_the_numbers_of_this_layout_stay_as_they_are() -> None:
    # If this fails, torch or numpy changed a stream, or the layout did: bump LAYOUT.
    assert numbers(ADDRESS).tolist() == GOLDEN
    with stream(ADDRESS, CPU) as draws:
        draws.begin(0, 4)
        normals = noise.normal((2, 4), torch.empty(0))
        draws.begin(2**33, 4)
        units = noise.unit((2, 4), torch.empty(0, dtype=torch.float64))
    assert torch.allclose(normals[:, :2].flatten(), torch.tensor(GOLDEN_NORMALS), atol=1e-6, rtol=0)
    assert units[:, :2].flatten().tolist() == GOLDEN_UNITS


GOLDEN = [91500837, 776158024, 1782020236, 1777782038, 1614434661]
GOLDEN_NORMALS = [-0.4279871, 0.9325471, 0.1113137, -0.8327110]
GOLDEN_UNITS = [0.13230268356192687, 0.9351265369687466, 0.599752680464939, 0.7402938415483656]


def test_the_global_generator_is_left_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    numbers(ADDRESS)
    assert torch.equal(torch.rand(3), expected)


def test_streams_of_neighbors_are_uncorrelated() -> None:
    # 400 streams of 1000 normals: 79 800 correlations of standard deviation 1/√1000, whose
    # mean square is 1/1000 within 5 of its standard errors.
    rows = []
    for block in range(400):
        with stream(replace(ADDRESS, part=block), CPU):
            rows.append(torch.empty(1000, dtype=torch.float64).normal_())
    correlations = torch.corrcoef(torch.stack(rows))
    upper = correlations[torch.triu(torch.ones_like(correlations), 1) > 0]
    error = (2 / len(upper)) ** 0.5 / 1000
    assert abs(float(upper.square().mean()) - 1 / 1000) < 5 * error
    assert upper.abs().max() < 0.2


@pytest.mark.parametrize("replicates", [2, 63, 64, 65, 1000, 4321])
@pytest.mark.parametrize("sample_size", [1, 10, 1000, 100_000, 10_000_000])
def test_blocks_are_all_replicates_once(sample_size: int, replicates: int) -> None:
    blocks = blocks_of(problem_of("gaussian"), sample_size, "cpu", replicates)
    covered = [r for b in blocks for c in b.chunks() for r in range(b.start + c.start, b.start + c.stop)]
    assert covered == list(range(replicates))
    assert all(b.rows >= 2 for b in blocks)


def test_block_sizes_do_not_depend_on_the_number_of_replicates() -> None:
    problem = problem_of("gaussian")
    few, many = (blocks_of(problem, 1000, "cpu", R) for R in (9_000, 90_000))
    assert few[:-1] == many[: len(few) - 1]


def test_large_problems_are_cut_smaller() -> None:
    assert chunk_rows(problem_of("vae-sampled"), 10, "cpu") < chunk_rows(problem_of("gaussian"), 10, "cpu")
    assert chunk_rows(problem_of("gaussian"), 10**9, "cpu") == 1


def collected(summaries: Sequence[Summary]) -> Summary:
    collection = Collection(sum(len(s.finite) for s in summaries), 1)
    for summary in summaries:
        collection.add(summary)
    return collection.whole()


TRUTH = torch.tensor([4.0], dtype=torch.float64)
CENTER = torch.tensor([3.5], dtype=torch.float64)
ONE = [slice(0, 1)]


def test_any_order_of_blocks_gives_the_same_numbers() -> None:
    problem, estimator = problem_of("gaussian"), estimator_of("reinforce")
    blocks = blocks_of(problem, 10_000, "cpu", 1000)
    assert len(blocks) > 2

    def summary(i: int) -> Summary:
        # By itself, as another process would: all that it knows of the others is their center.
        alone = BlockCollector(problem.theta, TRUTH, ONE, CENTER)
        return run_block(estimator, problem, 10_000, blocks[i], ADDRESS, alone).summary

    forth = [summary(i) for i in range(len(blocks))]
    back = [summary(i) for i in reversed(range(len(blocks)))][::-1]
    a, b = collected(forth), collected(back)
    assert torch.equal(a.moments.m4, b.moments.m4)
    assert torch.equal(a.distance, b.distance)
    whole = replicate(estimator, problem, 10_000, 1000, ADDRESS, TRUTH, ONE, CENTER)
    assert torch.equal(whole.summary.moments.m4, a.moments.m4)
    assert torch.equal(whole.summary.error, a.error)


# --- a replicate's draws are its own --------------------------------------------------------------

# Those that torch samples by rejection, from a twister for each block.
BY_REJECTION = {"beta", "binomial", "dirichlet", "gamma", "poisson", "student_t", "von_mises"}
POSITIVE, REAL = torch.tensor([0.7, 1.3, 0.9]), torch.tensor([0.2, -0.4, 1.1])
GIVEN: dict[str, dict[str, Tensor]] = {
    "bernoulli": {"probs": POSITIVE / 2},
    "categorical": {"logits": REAL},
    "exponential": {"rate": POSITIVE},
    "geometric": {"probs": POSITIVE / 2},
    "half_normal": {"scale": POSITIVE},
    "laplace": {"loc": REAL, "scale": POSITIVE},
    "lognormal": {"loc": REAL, "scale": POSITIVE},
    "multivariate_normal": {"loc": REAL, "scale_tril": torch.tensor([0.7, 0.2, 1.3, -0.3, 0.1, 0.8])},
    "normal": {"loc": REAL, "scale": POSITIVE},
    "normal_mixture": {"loc": REAL, "scale": POSITIVE, "logits": REAL.flip(0)},
    "weibull": {"scale": POSITIVE, "concentration": POSITIVE.flip(0)},
}


def test_every_family_is_known_to_draw_by_counter_or_by_rejection() -> None:
    assert {*GIVEN, *BY_REJECTION} == {*FAMILIES}


def samples(name: str, rows: slice, dtype: torch.dtype, sample_size: int, path: bool = False) -> Tensor:
    """The samples of some replicates, `[N, rows, ...]`."""
    family, count = FAMILIES[name], rows.stop - rows.start
    given = {key: value.to(dtype).expand(count, -1) for key, value in GIVEN[name].items()}
    p = family.make(given, 0 if family.vector else 1)
    with stream(ADDRESS, CPU) as draws:
        draws.begin(rows.start, count)
        return p.rsample((sample_size,)) if path else p.sample((sample_size,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sample_size", [1, 3, 200])
@pytest.mark.parametrize("name", GIVEN)
def test_a_replicates_samples_are_the_same_in_any_block(
    name: str, sample_size: int, dtype: torch.dtype
) -> None:
    many = samples(name, slice(0, 120), dtype, sample_size)
    assert len(torch.unique(many[:, :, ..., 0] if many.dim() > 2 else many)) > 1
    for rows in (slice(0, 30), slice(0, 1), slice(7, 8), slice(30, 119)):
        assert torch.equal(samples(name, rows, dtype, sample_size), many[:, rows])
    if FAMILIES[name].cls.has_rsample:
        assert torch.equal(samples(name, slice(0, 120), dtype, sample_size, path=True), many)
    # The control: other replicates have others.
    assert not torch.equal(many[:, :40], many[:, 40:80])


@pytest.mark.parametrize("name", GIVEN)
def test_samples_without_numba_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = [samples(name, slice(0, 40), dtype, 50) for dtype in (torch.float32, torch.float64)]
    monkeypatch.setattr(draws_module, "compiled_kernels", lambda: None)
    slow = [samples(name, slice(0, 40), dtype, 50) for dtype in (torch.float32, torch.float64)]
    if FAMILIES[name].cls.support.is_discrete:  # type: ignore[attr-defined]
        assert (compiled[0] != slow[0]).double().mean() < 1e-3  # a logarithm beside the edge of an integer
    else:
        torch.testing.assert_close(compiled[0], slow[0], rtol=1e-4, atol=1e-5)
    assert torch.equal(compiled[1], slow[1])


@pytest.mark.parametrize("name", ["gaussian", "bernoullis", "categorical", "vae-sampled"])
@pytest.mark.parametrize("estimator", ["reinforce", "leave_one_out"])
def test_few_replicates_are_the_first_of_many(estimator: str, name: str) -> None:
    few, many = (estimates_of(estimator_of(estimator), problem_of(name), 5, R) for R in (100, 500))
    # A sum over samples is rounded by its shape.
    torch.testing.assert_close(few, many[:100], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(few, many[100:200])


def test_batches_that_are_drawn_afresh_are_the_same_in_any_block() -> None:
    problem = problem_of("vae-sampled")

    def data(start: int, rows: int) -> Tensor:
        with stream(ADDRESS, CPU) as draws:
            draws.begin(start, rows)
            found: Tensor = problem.resampled(rows).data  # type: ignore[attr-defined]
            return found

    every = data(0, 30)
    assert torch.equal(data(11, 7), every[11:18])
    assert not torch.equal(every[0], every[1])


def test_batches_of_later_blocks_are_those_of_their_replicates() -> None:
    def data(block: Block) -> Tensor:
        found = problems_of_chunks(problem_of("vae-sampled"), block, ADDRESS, resampled=True)
        return torch.cat([each.data for each in found])  # type: ignore[attr-defined]

    assert torch.equal(data(Block(20, 20, 7)), data(Block(0, 40, 9))[20:])


def test_pairs_of_later_blocks_are_those_of_their_replicates() -> None:
    problem, estimator = problem_of("vae-sampled"), estimator_of("reparameterization")

    def pairs(block: Block) -> tuple[Tensor, Tensor]:
        return block_of_groups(estimator, problem, 1, block, 2, ADDRESS, [slice(0, len(problem.theta))])

    later, every = pairs(Block(20, 20, 14)), pairs(Block(0, 40, 18))
    for a, b in zip(later, every, strict=True):
        assert torch.allclose(a, b[20:], rtol=1e-9)
        assert not torch.allclose(a, b[:20], rtol=1e-3)


def test_scrambled_points_are_the_same_in_any_block() -> None:
    def points(start: int, rows: int) -> Tensor:
        with stream(ADDRESS, CPU) as draws:
            draws.begin(start, rows)
            return scrambled_sobol(16, torch.Size([rows]), 3, CPU)

    every = points(0, 20)
    assert torch.equal(points(6, 5), every[:, 6:11])
    assert not torch.equal(every[:, 0], every[:, 1])
