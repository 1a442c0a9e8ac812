"""NumPyro: its ELBO on a conjugate normal model, held against the exact gradient."""
import bench
import jax
import jax.numpy as jnp
import numpyro
from numpyro.distributions import Normal
from numpyro.infer import RenyiELBO, Trace_ELBO

def model():
    with numpyro.plate("data", 2):
        z = numpyro.sample("z", Normal(0.0, 1.0))
        numpyro.sample("x", Normal(z, 1.0), obs=jnp.array([-0.5, 2.0]))

def guide():
    loc, scale = numpyro.param("loc", jnp.zeros(2)), numpyro.param("scale", jnp.ones(()))
    with numpyro.plate("data", 2):
        numpyro.sample("z", Normal(loc, scale))

def of_seed(bound):
    gradient = jax.jit(jax.grad(lambda at, key: bound.loss(key, at, model, guide)))
    return lambda seed: gradient({"loc": jnp.zeros(2), "scale": jnp.ones(())}, jax.random.key(seed % 2**32))
functions = {"Trace_ELBO": of_seed(Trace_ELBO()), "RenyiELBO": of_seed(RenyiELBO(alpha=0, num_particles=2))}
run = bench.audit(gradients=functions, truth={"loc": [0.5, -2.0], "scale": 2.0}, name="numpyro_elbo")
run.report("numpyro_elbo.html")
