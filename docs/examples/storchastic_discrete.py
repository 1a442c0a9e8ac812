"""Storchastic: the score function with a leave-one-out baseline, and a relaxation."""
import bench
import storch
import torch
from storch.method import GumbelSoftmax, ScoreFunction
from torch.distributions import Bernoulli

logit = torch.tensor([0.8], requires_grad=True)

def gradient(method, seed):
    torch.manual_seed(seed)
    logit.grad = None
    b = method(Bernoulli(logits=logit))
    storch.add_cost(((b - 0.2) ** 2).sum(-1), "cost")
    storch.backward()
    return {"logit": logit.grad}

score = ScoreFunction("b", n_samples=4, baseline_factory="batch_average")
relaxed = GumbelSoftmax("b", n_samples=4, initial_temperature=0.5, annealing_rate=0.0)
functions = {"score": lambda seed: gradient(score, seed), "relaxed": lambda seed: gradient(relaxed, seed)}
p = logit.sigmoid().item()
exact = [p * (1 - p) * (0.8**2 - 0.2**2)]
run = bench.audit(gradients=functions, truth={"logit": exact}, name="storchastic_discrete")
run.report("storchastic_discrete.html")
