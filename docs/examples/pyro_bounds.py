"""Pyro: three bounds on a conjugate normal model, held against the exact gradient of the ELBO."""
import bench
import pyro
import torch
from pyro.distributions import Normal
from pyro.infer import RenyiELBO, Trace_ELBO, TraceGraph_ELBO

@pyro.plate("data", 2)
def model():
    z = pyro.sample("z", Normal(0.0, 1.0))
    pyro.sample("x", Normal(z, 1.0), obs=torch.tensor([-0.5, 2.0]))

@pyro.plate("data", 2)
def guide():
    pyro.sample("z", Normal(pyro.param("loc", torch.zeros(2)), pyro.param("scale", torch.ones(()))))

def gradient(bound, seed):
    pyro.clear_param_store()
    pyro.set_rng_seed(seed % 2**32)  # NumPy's old generators, which it seeds too, take no more
    bound.loss_and_grads(model, guide)
    return {name: leaf.grad for name, leaf in pyro.get_param_store().named_parameters()}
bounds = Trace_ELBO(), TraceGraph_ELBO(), RenyiELBO(alpha=0.0, num_particles=2)
functions = {type(each).__name__: lambda seed, bound=each: gradient(bound, seed) for each in bounds}
run = bench.audit(gradients=functions, truth={"loc": [0.5, -2.0], "scale": 2.0}, name="pyro_bounds")
run.report("pyro_bounds.html")
