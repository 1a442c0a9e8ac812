"""Random numbers are a function of their address alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.engine.block_collector import BlockCollector
from bench.engine.blocks import blocks_of, chunk_rows
from bench.engine.replicate import replicate, run_block
from bench.engine.streams import Address, stream
from bench.statistics.summary import Collection, Summary
from tests.cases import estimator_of, problem_of

CPU = torch.device("cpu")
ADDRESS = Address(seed=7, problem="p", sample_size=10, role="estimates", block=3)


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
        {"block": 4},
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
    state["state"] = {"key": ADDRESS.words(624), "pos": 624}
    twister.state = state
    with stream(ADDRESS, CPU):
        drawn = torch.randint(0, 2**24, (1000,), dtype=torch.int32)  # one 32-bit word each
    assert np.array_equal(drawn.numpy(), twister.random_raw(1000) % 2**24)


def test_the_numbers_of_this_layout_stay_as_they_are() -> None:
    # If this fails, torch or numpy changed a stream, or the layout did: bump LAYOUT.
    assert numbers(ADDRESS).tolist() == GOLDEN
    with stream(ADDRESS, CPU):
        normals = torch.empty(16).normal_()
    assert torch.allclose(normals[:4], torch.tensor(GOLDEN_NORMALS), atol=1e-6, rtol=0)


GOLDEN = [768862278, 1379129705, 1679461338, 1636691132, 486921430]
GOLDEN_NORMALS = [-1.2517006, 1.8563938, -0.4952755, 0.0356126]


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
        with stream(replace(ADDRESS, block=block), CPU):
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
    assert [b.index for b in blocks] == list(range(len(blocks)))
    assert all(b.rows >= 2 for b in blocks)


def test_block_sizes_do_not_depend_on_the_number_of_replicates() -> None:
    problem = problem_of("gaussian")
    few, many = (blocks_of(problem, 1000, "cpu", R) for R in (9_000, 90_000))
    assert few[:-1] == many[: len(few) - 1]


def test_large_problems_are_cut_smaller() -> None:
    assert chunk_rows(problem_of("vae-sampled"), 10, "cpu") < chunk_rows(problem_of("gaussian"), 10, "cpu")
    assert chunk_rows(problem_of("gaussian"), 10**9, "cpu") == 1


def collected(summaries: dict[int, Summary]) -> Summary:
    collection = Collection(sum(len(s.finite) for s in summaries.values()), 1)
    for i in range(len(summaries)):
        collection.add(summaries[i])
    return collection.whole()


def test_any_order_of_blocks_gives_the_same_numbers() -> None:
    problem, estimator = problem_of("gaussian"), estimator_of("reinforce")
    blocks = blocks_of(problem, 10_000, "cpu", 1000)
    assert len(blocks) > 2
    truth = torch.tensor([4.0], dtype=torch.float64)

    first = BlockCollector(problem.theta, truth, [slice(0, 1)])
    run_block(estimator, problem, 10_000, blocks[0], replace(ADDRESS, block=0), first)

    def summary(i: int) -> Summary:
        # By itself, as another process would: all that it knows of the others is their center.
        alone = BlockCollector(problem.theta, truth, [slice(0, 1)])
        alone.center = first.center if i else None
        return run_block(estimator, problem, 10_000, blocks[i], replace(ADDRESS, block=i), alone).summary

    def summaries(order: list[int]) -> dict[int, Summary]:
        return {i: summary(i) for i in order}

    forth = summaries(list(range(len(blocks))))
    back = summaries(list(reversed(range(len(blocks)))))
    a, b = collected(forth), collected(back)
    assert torch.equal(a.moments.m4, b.moments.m4)
    assert torch.equal(a.deviation, b.deviation)
    whole = replicate(
        estimator, problem, 10_000, 1000, lambda i: replace(ADDRESS, block=i), truth, [slice(0, 1)]
    )
    assert torch.equal(whole.summary.moments.m4, a.moments.m4)
    assert torch.equal(whole.summary.error, a.error)
