"""Gradients by JAX, `jit(vmap(grad))` with one key per replicate: run by an interpreter that has it.

It reads lines "name N R" and answers each with the seconds that R estimates took, compiled before.
"""

from __future__ import annotations

import functools
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
import jax.numpy as jnp
from jax import random

D, WIDE = 20, 200
COVARIANCE = jnp.eye(D) + 0.3 * jnp.tril(jnp.ones((D, D)), -1)
POINTS = {
    "normal": jnp.array([2.0]),
    "bernoulli": jnp.array([0.3]),
    "categorical": jnp.linspace(-1, 1, 8),
    "normals": jnp.concatenate([jnp.linspace(-1, 1, WIDE), jnp.zeros(WIDE)]),
    "full": jnp.concatenate([jnp.linspace(-1, 1, D), COVARIANCE[jnp.tril_indices(D)]]),
}


def score(log_prob, sample, cost):
    """The surrogate whose gradient is that of the score function."""

    def surrogate(theta, key, N, leave_one_out=False):
        x = jax.lax.stop_gradient(sample(theta, key, N))
        f = cost(x)
        if leave_one_out:
            f = (f - f.mean()) * (N / (N - 1))
        return (jax.lax.stop_gradient(f) * log_prob(theta, x)).mean()

    return surrogate


def path(sample, cost):
    return lambda theta, key, N: cost(sample(theta, key, N)).mean()


def lower(theta):
    return jnp.zeros((D, D)).at[jnp.tril_indices(D)].set(theta[D:])


def full_sample(theta, key, N):
    return theta[:D] + random.normal(key, (N, D)) @ lower(theta).T


def full_log_prob(theta, x):
    L = lower(theta)
    z = jax.scipy.linalg.solve_triangular(L, (x - theta[:D]).T, lower=True)
    return -0.5 * (z**2).sum(0) - jnp.log(jnp.diagonal(L)).sum()


def normal(theta, key, N):
    return theta + random.normal(key, (N,))


def normals(theta, key, N):
    return theta[:WIDE] + jnp.exp(theta[WIDE:]) * random.normal(key, (N, WIDE))


def bernoulli(theta, key, N):
    return random.bernoulli(key, jax.nn.sigmoid(theta[0]), (N,)).astype(jnp.float32)


def categorical(theta, key, N):
    return random.categorical(key, theta, shape=(N,))


def squares(x):
    return (x**2).sum(-1)


WORK = {
    "reinforce": ("normal", score(lambda t, x: -0.5 * (x - t) ** 2, normal, jnp.square)),
    "leave_one_out": (
        "normal",
        functools.partial(score(lambda t, x: -0.5 * (x - t) ** 2, normal, jnp.square), leave_one_out=True),
    ),
    "reparameterization": ("normal", path(normal, jnp.square)),
    "bernoulli": (
        "bernoulli",
        score(lambda t, b: b * t[0] - jax.nn.softplus(t[0]), bernoulli, lambda b: (b - 0.45) ** 2),
    ),
    "categorical": (
        "categorical",
        score(lambda t, k: jax.nn.log_softmax(t)[k], categorical, lambda k: (k - 2.5) ** 2),
    ),
    "normals": ("normals", path(normals, squares)),
    "full path": ("full", path(full_sample, squares)),
    "full score": ("full", score(full_log_prob, full_sample, squares)),
}


@functools.cache
def compiled(name, N, R):
    point, surrogate = WORK[name]
    keys = random.split(random.key(0), R)
    theta = POINTS[point]
    gradient = jax.jit(jax.vmap(jax.grad(surrogate), in_axes=(None, 0, None)), static_argnums=2)

    def run():
        gradient(theta, keys, N).block_until_ready()

    run()
    return run


print("ready", jax.__version__, flush=True)
for line in sys.stdin:
    name, N, R = line.rsplit(maxsplit=2)
    run = compiled(name, int(N), int(R))
    start = time.perf_counter()
    run()
    print(time.perf_counter() - start, flush=True)
