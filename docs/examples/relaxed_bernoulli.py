"""A relaxed Bernoulli variable in place of a discrete one: another gradient, whatever its noise."""
import bench
import torch
from torch.distributions import Bernoulli, RelaxedBernoulli

logit = torch.tensor(0.8, requires_grad=True)

def cost(b):
    return (b - 0.2) ** 2

def relaxed():
    return cost(RelaxedBernoulli(torch.tensor(0.5), logits=logit).rsample((4,))).mean()

def score():  # with the mean cost of the other samples as baseline
    p = Bernoulli(logits=logit)
    b = p.sample((4,))
    others = (cost(b).sum() - cost(b)) / 3
    return ((cost(b) - others) * p.log_prob(b)).mean()

p = logit.sigmoid().item()
exact = p * (1 - p) * (0.8**2 - 0.2**2)
losses = {"relaxed": relaxed, "score": score}
run = bench.audit(losses, logit, truth=exact, replicates=4000, name="relaxed_bernoulli")
run.report("relaxed_bernoulli.html")
