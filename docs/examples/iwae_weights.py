"""Importance weights in a loss: detached they give the gradient of the bound, attached they do not."""
import bench
import torch
from torch.distributions import Normal

loc, scale = torch.tensor(-0.3, requires_grad=True), torch.tensor(0.9, requires_grad=True)

def log_weights():
    q = Normal(loc, scale)
    z = q.rsample((5,))
    return Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(torch.tensor(1.5)) - q.log_prob(z)

def detached():
    log_w = log_weights()
    return -(log_w.softmax(0).detach() * log_w).sum()

def attached():
    log_w = log_weights()
    return -(log_w.softmax(0) * log_w).sum()

losses = {"bound": lambda: -log_weights().logsumexp(0), "detached": detached, "attached": attached}
run = bench.audit(losses, {"loc": loc, "scale": scale}, truth="bound", name="iwae_weights")
run.report("iwae_weights.html")
