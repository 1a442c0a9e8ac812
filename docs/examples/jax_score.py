"""JAX: a path and a score function whose baseline includes the sample itself, of E[z²] with z ~ N(θ, 1)."""
import bench
import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

def path(theta, key):
    return jnp.mean((theta + jax.random.normal(key, (4,))) ** 2)

def score(theta, key):
    z = jax.lax.stop_gradient(theta + jax.random.normal(key, (4,)))
    return jnp.mean((z**2 - jnp.mean(z**2)) * norm.logpdf(z, theta))

def of_seed(loss):
    gradient = jax.jit(jax.grad(loss))
    return lambda seed: {"theta": gradient(2.0, jax.random.key(seed % 2**32))}

functions = {"path": of_seed(path), "score": of_seed(score)}
run = bench.audit(gradients=functions, truth={"theta": 4.0}, sample_size=4, name="jax_score")
run.report("jax_score.html")
