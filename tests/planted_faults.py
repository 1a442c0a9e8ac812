"""Losses with faults that people plant by mistake, and some that only look so, by somebody who had not seen what finds them."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Independent, Normal, kl_divergence


@dataclass
class Case:
    name: str
    model: nn.Module
    loss: Callable[[], Tensor]
    truth: Callable[[], Tensor] | dict
    truth_is: str
    cause: str
    where: str
    correct: bool


@contextlib.contextmanager
def seeded(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def hermite(dim, order, dtype=torch.float32):
    """Nodes [order**dim, dim] and weights of the standard normal."""
    x, w = np.polynomial.hermite_e.hermegauss(order)
    w = w / w.sum()
    nodes = np.array(list(itertools.product(x, repeat=dim)))
    weights = np.array([np.prod(t) for t in itertools.product(w, repeat=dim)])
    return torch.tensor(nodes, dtype=dtype), torch.tensor(weights, dtype=dtype)


def all_bits(n):
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)))


def frozen(module, *args):
    weights = {k: v.detach() for k, v in module.named_parameters()}
    return torch.func.functional_call(module, weights, args)


CASES = []


def register(build):
    CASES.append(build())
    return build


# ---------------------------------------------------------------- bandit


class BanditPolicy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, ctx):
        return self.head(torch.tanh(self.body(ctx)))


@register
def ad_placement():
    with seeded(101):
        policy = BanditPolicy()
        contexts = torch.randn(16, 3)
        payoff = torch.randn(16, 4)

    def loss():
        dist = Categorical(logits=policy(contexts))
        action = dist.sample()
        reward = payoff.gather(1, action[:, None]).squeeze(1)
        policy_loss = dist.log_prob(action) * reward
        return policy_loss.mean()

    def truth():
        probs = policy(contexts).softmax(-1)
        return -(probs * payoff).sum(-1).mean()

    return Case(
        "ad_placement",
        policy,
        loss,
        truth,
        "exact",
        "The REINFORCE loss lacks its minus: descending it lowers the expected reward.",
        "policy_loss = dist.log_prob(action) * reward",
        False,
    )


# ------------------------------------------------------------- binary VAE


@register
def pixel_vae():
    with seeded(102):
        net = nn.ModuleDict(
            {
                "encoder": nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)),
                "decoder": nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 6)),
            }
        )
        x = (torch.rand(12, 6) < 0.4).float()
    nodes, weights = hermite(2, 10)

    def loss_function(recon_x, mu, logvar):
        BCE = F.binary_cross_entropy_with_logits(recon_x, x, reduction="sum")
        KLD = 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (BCE + KLD) / len(x)

    def loss():
        mu, logvar = net["encoder"](x).chunk(2, dim=1)
        eps = torch.randn_like(mu)
        z = mu + eps * torch.exp(0.5 * logvar)
        return loss_function(net["decoder"](z), mu, logvar)

    def truth():
        mu, logvar = net["encoder"](x).chunk(2, dim=1)
        z = mu + nodes[:, None] * torch.exp(0.5 * logvar)
        nll = F.binary_cross_entropy_with_logits(
            net["decoder"](z), x.expand(len(nodes), -1, -1), reduction="none"
        ).sum(-1)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(1)
        return (weights @ nll + kl).mean()

    return Case(
        "pixel_vae",
        net,
        loss,
        truth,
        "exact",
        "The KL term has the wrong sign (the -0.5 lost its minus), so the loss rewards a large KL.",
        "KLD = 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())",
        False,
    )


# -------------------------------------------------------------------- A2C


class SeparateNets(nn.Module):
    def __init__(self, n_obs, n_act, width):
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(n_obs, width), nn.Tanh(), nn.Linear(width, n_act))
        self.value = nn.Sequential(nn.Linear(n_obs, width), nn.Tanh(), nn.Linear(width, 1))


class A2C:
    def __init__(self):
        self.net = SeparateNets(4, 3, 6)
        self.obs = torch.randn(20, 4)
        self.table = torch.randn(20, 3) + 0.5
        self.vf_coef = 0.5

    def rollout(self):
        pi = Categorical(logits=self.net.policy(self.obs))
        act = pi.sample()
        returns = self.table.gather(1, act.unsqueeze(1)).squeeze(1) + 0.3 * torch.randn(len(self.obs))
        return pi.log_prob(act), returns

    def loss(self):
        log_prob, returns = self.rollout()
        values = self.net.value(self.obs).squeeze(-1)
        advantages = values.detach() - returns
        policy_loss = -(advantages * log_prob).mean()
        value_loss = F.mse_loss(values, returns)
        return policy_loss + self.vf_coef * value_loss

    def truth(self):
        p = self.net.policy(self.obs).softmax(-1)
        v = self.net.value(self.obs)
        gain = (p * self.table).sum(-1).mean()
        mse = (p.detach() * (v - self.table) ** 2).sum(-1).mean()
        return -gain + self.vf_coef * mse


@register
def a2c_grid():
    with seeded(103):
        agent = A2C()
    return Case(
        "a2c_grid",
        agent.net,
        agent.loss,
        agent.truth,
        "exact",
        "The advantage is value minus return instead of return minus value, so the policy's gradient has the wrong sign.",
        "advantages = values.detach() - returns",
        False,
    )


# ----------------------------------------------------- VAE, real-valued x


class GaussVAE(nn.Module):
    def __init__(self, n=5, h=7, d=2):
        super().__init__()
        self.enc = nn.Linear(n, h)
        self.enc_mu = nn.Linear(h, d)
        self.enc_logvar = nn.Linear(h, d)
        self.dec = nn.Sequential(nn.Linear(d, h), nn.Softplus(), nn.Linear(h, n))

    def encode(self, x):
        h = torch.tanh(self.enc(x))
        return self.enc_mu(h), self.enc_logvar(h) - 1.0

    def reparameterize(self, mu, logvar):
        std = torch.exp(logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.dec(self.reparameterize(mu, logvar)), mu, logvar


@register
def sensor_vae():
    with seeded(104):
        vae = GaussVAE()
        with torch.no_grad():
            vae.dec[0].weight.mul_(2.5)
            vae.dec[2].weight.mul_(2.5)
        x = torch.randn(10, 5)
    nodes, weights = hermite(2, 12)

    def loss():
        recon, mu, logvar = vae(x)
        rec = F.mse_loss(recon, x, reduction="sum") / 2
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        return (rec + kl) / x.size(0)

    def truth():
        mu, logvar = vae.encode(x)
        z = mu + nodes[:, None] * (logvar / 2).exp()
        rec = (weights @ ((vae.dec(z) - x) ** 2).sum(-1)).sum() / 2
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum()
        return (rec + kl) / len(x)

    return Case(
        "sensor_vae",
        vae,
        loss,
        truth,
        "exact",
        "The sampler uses exp(logvar), the variance, as standard deviation: the factor 0.5 in the exponent is missing.",
        "std = torch.exp(logvar)",
        False,
    )


# ------------------------------------------------ VAE with distributions


@register
def topic_vae():
    with seeded(105):
        model = nn.Module()
        model.encoder = nn.Linear(8, 6)
        model.decoder = nn.Linear(3, 8)
        docs = (torch.rand(8, 8) < 0.3).float()
        with torch.no_grad():
            model.encoder.weight.mul_(2.0)
    nodes, weights = hermite(3, 7)
    prior = Normal(0.0, 1.0)

    def posterior():
        loc, raw = model.encoder(docs).split(3, dim=-1)
        return Normal(loc, F.softplus(raw) + 0.05)

    def loss():
        q = posterior()
        theta = q.rsample()
        log_lik = Bernoulli(logits=model.decoder(theta)).log_prob(docs).sum(-1).mean()
        kl = kl_divergence(q, prior).mean()
        return kl - log_lik

    def truth():
        q = posterior()
        theta = q.loc + q.scale * nodes[:, None]
        log_lik = Bernoulli(logits=model.decoder(theta)).log_prob(docs).sum(-1)
        return (kl_divergence(q, prior).sum(-1) - weights @ log_lik).mean()

    return Case(
        "topic_vae",
        model,
        loss,
        truth,
        "exact",
        "The KL is averaged over the 3 latent dimensions (and the batch) instead of summed over them: it is a factor 3 too small against the likelihood.",
        "kl = kl_divergence(q, prior).mean()",
        False,
    )


# ------------------------------------------- Bayesian linear regression


class BayesRegression(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.w_mu = nn.Parameter(torch.randn(n_features) * 0.3)
        self.w_rho = nn.Parameter(torch.full((n_features,), -1.5))

    def sigma(self):
        return F.softplus(self.w_rho)

    def sample_weights(self):
        return self.w_mu + self.sigma() * torch.randn_like(self.w_mu)

    def kl(self):
        s2 = self.sigma() ** 2
        return 0.5 * (s2 + self.w_mu**2 - 1 - s2.log()).sum()


@register
def bayes_by_minibatch():
    with seeded(106):
        bnn = BayesRegression(4)
        X = torch.randn(40, 4)
        y = X @ torch.tensor([1.0, -0.5, 0.0, 0.8]) + 0.5 * torch.randn(40)
    noise_var = 0.5
    batch_size = 10

    def nll(pred, target):
        return 0.5 * (pred - target) ** 2 / noise_var

    def loss():
        idx = torch.randperm(len(X))[:batch_size]
        w = bnn.sample_weights()
        data_term = nll(X[idx] @ w, y[idx]).sum()
        return data_term + bnn.kl()

    def truth():
        mean = nll(X @ bnn.w_mu, y).sum()
        spread = 0.5 * ((X**2) @ bnn.sigma() ** 2).sum() / noise_var
        return mean + spread + bnn.kl()

    return Case(
        "bayes_by_minibatch",
        bnn,
        loss,
        truth,
        "exact",
        "The minibatch likelihood is not scaled by N / batch_size (a factor 4) before the KL of the whole data set is added.",
        "data_term = nll(X[idx] @ w, y[idx]).sum()",
        False,
    )


# ------------------------------------------------- shared-trunk critic


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(4, 8)
        self.actor = nn.Linear(8, 3)
        self.critic = nn.Linear(8, 1)

    def forward(self, s):
        h = F.relu(self.trunk(s))
        return self.actor(h), self.critic(h)[..., 0]


@register
def cartpole_heads():
    with seeded(107):
        ac = TwoHeads()
        states = torch.randn(24, 4)
        mean_return = torch.randn(24, 3)

    def finish_episode():
        logits, values = ac(states)
        m = Categorical(logits=logits)
        a = m.sample()
        R = mean_return[torch.arange(24), a] + 0.2 * torch.randn(24)
        policy_losses = -m.log_prob(a) * (R - values)
        value_losses = 0.5 * (values - R).pow(2)
        return policy_losses.mean() + value_losses.mean()

    def truth():
        logits, values = ac(states)
        p = logits.softmax(1)
        gain = torch.einsum("sa,sa->s", p, mean_return)
        mse = torch.einsum("sa,sa->s", p.detach(), 0.5 * (values[:, None] - mean_return) ** 2)
        return (mse - gain).mean()

    return Case(
        "cartpole_heads",
        ac,
        finish_episode,
        truth,
        "exact",
        "The advantage in the policy loss is not detached from the critic: log_prob times the value's gradient leaks into the critic and trunk.",
        "policy_losses = -m.log_prob(a) * (R - values)",
        False,
    )


# ------------------------------------------------------- BBVI, noisy-or


class MeanField(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.logits = nn.Parameter(torch.linspace(-0.8, 0.9, n))

    def log_prob(self, z):
        return -F.binary_cross_entropy_with_logits(self.logits.expand_as(z), z, reduction="none").sum(-1)


class NoisyOr:
    """Three diseases, four symptoms, all seen."""

    prior = torch.tensor([0.2, 0.4, 0.3])
    cause = torch.tensor([[0.8, 0.1, 0.4, 0.2], [0.2, 0.6, 0.1, 0.5], [0.3, 0.3, 0.7, 0.1]])
    leak = 0.05
    symptoms = torch.tensor([1.0, 0.0, 1.0, 1.0])

    def log_joint(self, z):
        off = math.log(1 - self.leak) + z @ torch.log1p(-self.cause)
        on = torch.log(-torch.expm1(off))
        lp = z * self.prior.log() + (1 - z) * (1 - self.prior).log()
        return lp.sum(-1) + (self.symptoms * on + (1 - self.symptoms) * off).sum(-1)


@register
def diagnosis_bbvi():
    q = MeanField(3)
    net = NoisyOr()
    states = all_bits(3)

    def loss():
        with torch.no_grad():
            z = torch.bernoulli(torch.sigmoid(q.logits).expand(20, 3))
        log_q = q.log_prob(z)
        signal = net.log_joint(z) - log_q
        return -(log_q * signal).mean()

    def truth():
        log_q = q.log_prob(states)
        return (log_q.exp() * (log_q - net.log_joint(states))).sum()

    return Case(
        "diagnosis_bbvi",
        q,
        loss,
        truth,
        "exact",
        "The learning signal log p - log q is not detached, so the score-function surrogate also differentiates log_q inside it.",
        "signal = net.log_joint(z) - log_q",
        False,
    )


# ------------------------------------------------- straight-through code


class CodeModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(5, 4)
        self.codebook = nn.Parameter(torch.randn(4, 5) * 0.7)


def one_hot_st(logits, tau):
    gumbels = -torch.empty_like(logits).exponential_().log()
    y_soft = ((logits + gumbels) / tau).softmax(-1)
    index = y_soft.argmax(-1, keepdim=True)
    y_hard = torch.zeros_like(logits).scatter_(-1, index, 1.0)
    return y_hard - y_soft + y_soft


@register
def gumbel_codes():
    with seeded(109):
        model = CodeModel()
        x = torch.randn(12, 5)

    def loss():
        code = one_hot_st(model.encoder(x), tau=1.0)
        return F.mse_loss(code @ model.codebook, x)

    def truth():
        logits = model.encoder(x).expand(16, 12, 4)
        code = F.gumbel_softmax(logits, tau=1.0, hard=True)
        return ((code @ model.codebook - x) ** 2).mean()

    return Case(
        "gumbel_codes",
        model,
        loss,
        truth,
        "loss",
        "The straight-through one-hot subtracts y_soft without detaching it, so the soft gradient cancels and the encoder gets none.",
        "return y_hard - y_soft + y_soft",
        False,
    )


# ----------------------------------------------------------- softmax axis


@register
def news_ranker():
    with seeded(110):
        scorer = nn.Sequential(nn.Linear(3, 6), nn.ELU(), nn.Linear(6, 4))
        users = torch.randn(4, 3) * 1.5
        clicks = torch.rand(4, 4)

    def policy():
        return F.softmax(scorer(users), dim=0)

    def loss():
        dist = Categorical(probs=policy())
        shown = dist.sample((8,))
        r = clicks[torch.arange(4), shown]
        return -(dist.log_prob(shown) * (r - 0.5)).mean()

    def truth():
        return -(F.softmax(scorer(users), dim=-1) * clicks).sum(1).mean()

    return Case(
        "news_ranker",
        scorer,
        loss,
        truth,
        "exact",
        "The softmax is taken over the batch of users (dim 0) rather than over the actions.",
        "return F.softmax(scorer(users), dim=0)",
        False,
    )


# ------------------------------------------------------------------- IWAE


class LinearIWAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 4)
        self.decoder = nn.Linear(2, 4)

    def log_weights(self, x, shape):
        mu, log_std = self.encoder(x).chunk(2, -1)
        q = Independent(Normal(mu, log_std.exp()), 1)
        z = q.rsample(shape)
        p_z = Normal(0.0, 1.0).log_prob(z).sum(-1)
        p_x = Normal(self.decoder(z), 0.7).log_prob(x).sum(-1)
        return p_x + p_z - q.log_prob(z)


@register
def iwae_five():
    with seeded(111):
        model = LinearIWAE()
        x = torch.randn(8, 4)
    K = 5

    def loss():
        log_w = model.log_weights(x, (K,))
        bound = torch.logsumexp(log_w, dim=1) - math.log(K)
        return -bound.mean()

    def truth():
        log_w = model.log_weights(x, (32, K))
        return -(log_w.logsumexp(1) - math.log(K)).mean()

    return Case(
        "iwae_five",
        model,
        loss,
        truth,
        "loss",
        "The logsumexp of the importance weights runs over the batch (dim 1) instead of the K samples (dim 0).",
        "bound = torch.logsumexp(log_w, dim=1) - math.log(K)",
        False,
    )


# -------------------------------------------------------- value broadcast


@register
def ppo_style_critic():
    with seeded(112):
        net = SeparateNets(3, 4, 5)
        obs = torch.randn(16, 3)
        q_table = torch.randn(16, 4) + obs[:, :1]

    def collect():
        with torch.no_grad():
            acts = Categorical(logits=net.policy(obs)).sample()
            ret = q_table.gather(1, acts.view(-1, 1)).view(-1)
        return acts, ret + 0.1 * torch.randn(16)

    def loss():
        acts, ret = collect()
        values = net.value(obs)
        logp = torch.log_softmax(net.policy(obs), -1)[range(16), acts]
        adv = ret - values.squeeze(-1).detach()
        actor = -(logp * adv).mean()
        critic = (values - ret).pow(2).mean()
        return actor + critic

    def truth():
        p = torch.softmax(net.policy(obs), -1)
        mse = (p.detach() * (net.value(obs) - q_table) ** 2).sum(1).mean()
        return mse - (p * q_table).sum(1).mean()

    return Case(
        "ppo_style_critic",
        net,
        loss,
        truth,
        "exact",
        "values has shape [B, 1] and ret [B], so the critic's error broadcasts to [B, B] and each value is fitted to everyone's return.",
        "critic = (values - ret).pow(2).mean()",
        False,
    )


# ----------------------------------------------- group baseline (4 draws)


class BitPolicy(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.embed = nn.Parameter(torch.randn(4))
        self.out = nn.Linear(4, n)

    def dist(self):
        return Independent(Bernoulli(logits=self.out(self.embed)), 1)


def quadratic_score(bits, J):
    return torch.einsum("...i,ij,...j->...", bits, J, bits)


@register
def grpo_bits():
    with seeded(113):
        policy = BitPolicy(5)
        J = torch.randn(5, 5)
    G = 4
    every = all_bits(5)

    def loss():
        d = policy.dist()
        bits = d.sample((6, G))
        reward = quadratic_score(bits, J)
        baseline = reward.mean(dim=1, keepdim=True)
        return -((reward - baseline) * d.log_prob(bits)).mean()

    def truth():
        return -(policy.dist().log_prob(every).exp() * quadratic_score(every, J)).sum()

    return Case(
        "grpo_bits",
        policy,
        loss,
        truth,
        "exact",
        "The group baseline holds the sample's own reward (it should be leave-one-out), which shrinks the gradient by (G-1)/G = 3/4.",
        "baseline = reward.mean(dim=1, keepdim=True)",
        False,
    )


# ----------------------------------------------------- action-value critic


class QActor(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Linear(3, 3)
        self.q = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3))

    def act(self, s):
        pi = Categorical(logits=self.actor(s))
        a = pi.sample()
        return a, pi.log_prob(a), pi.probs


@register
def q_baseline():
    with seeded(114):
        agent = QActor()
        with torch.no_grad():
            agent.q[2].weight.mul_(2)
        s = torch.randn(16, 3)
        mean_reward = torch.stack([s.sum(1), s[:, 0] - 1, 1 - s[:, 1]], 1)

    def loss():
        a, logp, probs = agent.act(s)
        reward = mean_reward.gather(1, a[:, None])[:, 0] + 0.2 * torch.randn(16)
        q = agent.q(s)
        q_taken = q.gather(1, a[:, None])[:, 0]
        baseline = q_taken.detach()
        actor_loss = -(logp * (reward - baseline)).mean()
        return actor_loss + 0.1 * F.mse_loss(q_taken, reward)

    def truth():
        p = agent.actor(s).softmax(-1)
        fit = (p.detach() * (agent.q(s) - mean_reward) ** 2).sum(-1)
        return (0.1 * fit - (p * mean_reward).sum(-1)).mean()

    return Case(
        "q_baseline",
        agent,
        loss,
        truth,
        "exact",
        "The baseline is the critic's Q of the very action drawn, so it depends on the sample and biases the actor; it must be the policy's mean of Q.",
        "baseline = q_taken.detach()",
        False,
    )


# -------------------------------------------------------- moment matching


@register
def moment_generator():
    with seeded(115):
        gen = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 3))
        target = torch.tensor([0.5, -0.3, 0.2])
        with torch.no_grad():
            gen[2].weight.mul_(2)
    nodes, weights = hermite(2, 20)

    def moments(n):
        return gen(torch.randn(n, 2)).mean(0)

    def loss():
        gap = moments(6) - target
        other = gap
        return torch.dot(gap, other)

    def truth():
        gap = weights @ gen(nodes) - target
        return gap.square().sum()

    return Case(
        "moment_generator",
        gen,
        loss,
        truth,
        "exact",
        "Both factors of the squared gap of expectations use the same draws (double sampling), which adds the generator's variance / n; the second needs its own sample.",
        "other = gap",
        False,
    )


# --------------------------------------------------- squashed policy (SAC)


class SquashedActor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 8)
        self.mean = nn.Linear(8, 1)
        self.log_std = nn.Linear(8, 1)

    def forward(self, s):
        h = F.relu(self.body(s))
        return self.mean(h).squeeze(-1), self.log_std(h).squeeze(-1).clamp(-5, 2)

    def sample(self, s):
        mean, log_std = self(s)
        normal = Normal(mean, log_std.exp())
        u = normal.rsample()
        action = torch.tanh(u)
        log_prob = normal.log_prob(u)
        return action, log_prob


@register
def pendulum_sac():
    with seeded(116):
        actor = SquashedActor()
        s = torch.randn(16, 3)
    alpha = 0.4
    nodes = torch.linspace(-7, 7, 281)
    weights = torch.softmax(-0.5 * nodes**2, 0)
    nodes = nodes[:, None]

    def q_value(s, a):
        return -((a - torch.tanh(s[:, 0])) ** 2) + 0.5 * a * s[:, 1]

    def loss():
        a, logp = actor.sample(s)
        return (alpha * logp - q_value(s, a)).mean()

    def truth():
        mean, log_std = actor(s)
        u = mean + log_std.exp() * nodes
        jac = 2 * (math.log(2) - u - F.softplus(-2 * u))
        logp = -log_std - 0.5 * nodes**2 - jac
        return (weights @ (alpha * logp - q_value(s, torch.tanh(u)))).mean()

    return Case(
        "pendulum_sac",
        actor,
        loss,
        truth,
        "exact",
        "The log-density of the tanh-squashed action drops the change-of-variables term -log(1 - tanh(u)^2).",
        "log_prob = normal.log_prob(u)",
        False,
    )


# -------------------------------------------------------- amortized survey


class SurveyVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(7, 4)
        self.decoder = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 7))

    def q(self, x):
        loc, s = self.encoder(x).chunk(2, -1)
        return Independent(Normal(loc, F.softplus(s)), 1)

    def p_x(self, z):
        return Independent(Bernoulli(logits=self.decoder(z)), 1)


class NegativeELBO:
    def __init__(self, vae, x):
        self.vae, self.x = vae, x
        self.prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
        self.nodes, self.weights = hermite(2, 10)

    def __call__(self):
        q = self.vae.q(self.x)
        z = q.sample()
        log_px = self.vae.p_x(z).log_prob(self.x)
        return (kl_divergence(q, self.prior) - log_px).mean()

    def exact(self):
        q = self.vae.q(self.x)
        z = q.base_dist.loc + q.base_dist.scale * self.nodes[:, None]
        log_px = self.weights @ self.vae.p_x(z).log_prob(self.x)
        return (kl_divergence(q, self.prior) - log_px).mean()


@register
def survey_vae():
    with seeded(117):
        vae = SurveyVAE()
        with torch.no_grad():
            vae.decoder[0].weight.mul_(2)
            vae.decoder[2].weight.mul_(3)
        x = (torch.rand(10, 7) < 0.5).float()
    objective = NegativeELBO(vae, x)
    return Case(
        "survey_vae",
        vae,
        objective,
        objective.exact,
        "exact",
        "z is drawn with sample() instead of rsample(), so the likelihood's pathwise term is dropped from the encoder's gradient.",
        "z = q.sample()",
        False,
    )


# ---------------------------------------------------- learned output noise


class NoisyDecoderVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(4, 2)
        self.dec = nn.Linear(1, 4)
        self.log_noise = nn.Parameter(torch.full((4,), -0.2))

    def neg_log_lik(self, x, x_hat):
        err = (x - x_hat) * torch.exp(-self.log_noise)
        return (0.5 * err**2).sum(-1)


@register
def factor_model():
    with seeded(118):
        m = NoisyDecoderVAE()
        x = torch.randn(14, 4)
    nodes, weights = hermite(1, 5)

    def loss():
        mu, log_sd = m.enc(x).unbind(-1)
        z = mu + log_sd.exp() * torch.randn(len(x))
        kl = 0.5 * (mu**2 + torch.exp(2 * log_sd) - 1) - log_sd
        return (m.neg_log_lik(x, m.dec(z.unsqueeze(-1))) + kl).mean()

    def truth():
        mu, log_sd = m.enc(x).unbind(-1)
        z = mu + log_sd.exp() * nodes
        p_x = Normal(m.dec(z[..., None]), m.log_noise.exp())
        kl = 0.5 * (mu**2 + torch.exp(2 * log_sd) - 1) - log_sd
        return (kl - weights @ p_x.log_prob(x).sum(-1)).mean()

    return Case(
        "factor_model",
        m,
        loss,
        truth,
        "exact",
        "The Gaussian likelihood with learned noise drops its normaliser, the sum of log_noise.",
        "return (0.5 * err ** 2).sum(-1)",
        False,
    )


# ----------------------------------------------------------- actor + critic


class ActorCriticCont(nn.Module):
    def __init__(self):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1))
        self.critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


@register
def ddpg_joint():
    with seeded(119):
        nets = ActorCriticCont()
        obs = torch.randn(16, 3)
        with torch.no_grad():
            nets.critic[0].weight.mul_(2)
            nets.critic[2].weight.mul_(2)
    nodes, weights = hermite(1, 15)

    def reward(a):
        return 1.0 - (a - obs[:, :1]) ** 2

    def critic_in(a):
        return torch.cat([obs.expand(*a.shape[:-1], 3), a], -1)

    def loss():
        mu = nets.actor(obs)
        action = mu + 0.4 * torch.randn_like(mu)
        behaviour = action.detach()
        critic_loss = F.mse_loss(nets.critic(critic_in(behaviour)), reward(behaviour))
        actor_loss = -nets.critic(critic_in(action.detach())).mean()
        return critic_loss + actor_loss

    def truth():
        a = nets.actor(obs) + 0.4 * nodes[:, None]
        b = a.detach()
        fit = (nets.critic(critic_in(b)) - reward(b)) ** 2
        gain = frozen(nets.critic, critic_in(a))
        return torch.einsum("k,kbi->", weights, fit - gain) / len(obs)

    return Case(
        "ddpg_joint",
        nets,
        loss,
        truth,
        "exact",
        "In the actor loss the action is detached and the critic's weights are not: the critic gets the actor's gradient and the actor none.",
        "actor_loss = -nets.critic(critic_in(action.detach())).mean()",
        False,
    )


# ------------------------------------------------------------ two-head VAE


class HeadedVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 8)
        self.fc21 = nn.Linear(8, 2)
        self.fc22 = nn.Linear(8, 2)
        self.fc3 = nn.Linear(2, 8)
        self.fc4 = nn.Linear(8, 6)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc21(h1)

    def decode(self, z):
        return torch.sigmoid(self.fc4(torch.tanh(self.fc3(z))))


@register
def mnist_vae():
    with seeded(120):
        vae = HeadedVAE()
        with torch.no_grad():
            vae.fc3.weight.mul_(2)
        data = torch.rand(10, 6).round()
    nodes, weights = hermite(2, 28)

    def loss():
        mu, logvar = vae.encode(data)
        std = torch.exp(0.5 * logvar)
        recon = vae.decode(mu + std * torch.randn_like(std))
        BCE = F.binary_cross_entropy(recon, data, reduction="sum")
        KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (BCE + KLD) / 10

    def truth():
        h1 = F.relu(vae.fc1(data))
        mu, logvar = vae.fc21(h1), vae.fc22(h1)
        p = vae.decode(mu + torch.exp(0.5 * logvar) * nodes[:, None])
        nll = -(data * p.log() + (1 - data) * torch.log1p(-p)).sum(-1)
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1)
        return (weights @ nll + kl).mean()

    return Case(
        "mnist_vae",
        vae,
        loss,
        truth,
        "exact",
        "encode returns fc21 (the mean's layer) for logvar too; fc22 is never used and gets no gradient.",
        "return self.fc21(h1), self.fc21(h1)",
        False,
    )


# ----------------------------------------------------------- stl posterior


class Guide(nn.Module):
    def __init__(self):
        super().__init__()
        self.loc = nn.Parameter(torch.tensor([0.4, -0.6]))
        self.log_scale = nn.Parameter(torch.tensor([-0.7, 0.1]))


@register
def logistic_guide():
    with seeded(121):
        guide = Guide()
        X = torch.randn(15, 2)
        y = (X[:, 0] > 0).float()
    nodes, weights = hermite(2, 16)

    def log_joint(w):
        logits = w @ X.T
        lik = -F.binary_cross_entropy_with_logits(logits, y.expand_as(logits), reduction="none").sum(-1)
        return lik - 0.5 * (w**2).sum(-1)

    def loss():
        scale = guide.log_scale.exp()
        w = guide.loc + scale * torch.randn(6, 2)
        log_q = Normal(guide.loc.detach(), scale.detach()).log_prob(w).sum(-1)
        return (log_q - log_joint(w)).mean()

    def truth():
        w = guide.loc + guide.log_scale.exp() * nodes
        return -guide.log_scale.sum() - weights @ log_joint(w)

    return Case(
        "logistic_guide",
        guide,
        loss,
        truth,
        "exact",
        "Correct: the sticking-the-landing estimator; log_q with detached parameters drops only the score, of mean zero.",
        "",
        True,
    )


# -------------------------------------------------------- rescaled baseline


@register
def rloo_bits():
    with seeded(122):
        policy = BitPolicy(4)
        J = torch.randn(4, 4)
    n = 4
    every = all_bits(4)

    def loss():
        d = policy.dist()
        bits = d.sample((5, n))
        score = quadratic_score(bits, J)
        advantage = score - score.mean(1, keepdim=True)
        return -(d.log_prob(bits) * advantage).sum() / (5 * (n - 1))

    def truth():
        return -(policy.dist().log_prob(every).exp() @ quadratic_score(every, J))

    return Case(
        "rloo_bits",
        policy,
        loss,
        truth,
        "exact",
        "Correct: the mean with the own sample in it shrinks by (n-1)/n, and dividing by n-1 instead of n undoes it exactly.",
        "",
        True,
    )


# --------------------------------------------------------- soft bandit


@register
def soft_bandit():
    with seeded(123):
        policy = BanditPolicy()
        with torch.no_grad():
            policy.head.weight.mul_(2.5)
        ctx = torch.randn(16, 3)
        payoff = torch.randn(16, 4)
    beta = 0.5

    def loss():
        log_pi = policy(ctx).log_softmax(-1)
        a = torch.multinomial(log_pi.detach().exp(), 1)
        lp = log_pi.gather(1, a)
        soft_reward = payoff.gather(1, a) - beta * lp
        return -(lp * soft_reward.detach()).mean()

    def truth():
        log_pi = policy(ctx).log_softmax(-1)
        return -(log_pi.exp() * (payoff - beta * log_pi)).sum(-1).mean()

    return Case(
        "soft_bandit",
        policy,
        loss,
        truth,
        "exact",
        "Correct: the entropy bonus is detached, but its direct derivative is a score of mean zero.",
        "",
        True,
    )


# -------------------------------------------------------- antithetic VAE


class LogStdVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(5, 4)
        self.decoder = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 5))


@register
def mirrored_vae():
    with seeded(124):
        vae = LogStdVAE()
        with torch.no_grad():
            vae.encoder.weight.mul_(0.6)
        x = torch.randn(10, 5)
    nodes, weights = hermite(2, 24)

    def loss():
        mu, s = vae.encoder(x).chunk(2, 1)
        eps = torch.randn_like(mu)
        eps = torch.stack([eps, -eps])
        out = vae.decoder(mu + s.exp() * eps)
        nll = 0.5 * (out - x).pow(2).sum() / 2
        kl = -0.5 * torch.sum(1 + 2 * s - mu**2 - (2 * s).exp())
        return (nll + kl) / len(x)

    def truth():
        mu, s = vae.encoder(x).chunk(2, 1)
        out = vae.decoder(mu + s.exp() * nodes[:, None])
        nll = 0.5 * weights @ (out - x).pow(2).sum(-1)
        q = Normal(mu, s.exp())
        return (nll + kl_divergence(q, Normal(0.0, 1.0)).sum(1)).mean()

    return Case(
        "mirrored_vae",
        vae,
        loss,
        truth,
        "exact",
        "Correct: s is the log standard deviation, and the mirrored draws share noise but each has the right distribution.",
        "",
        True,
    )


# ----------------------------------------------------------- two-step DiCE


class TwoStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Parameter(torch.randn(3))
        self.second = nn.Parameter(torch.randn(3, 3))


def magic_box(x):
    return torch.exp(x - x.detach())


@register
def dice_costs():
    with seeded(125):
        agent = TwoStep()
        c1, c2 = torch.rand(3), 2 * torch.rand(3, 3)

    def loss():
        a = Categorical(logits=agent.first.expand(12, 3)).sample()
        b = Categorical(logits=agent.second[a]).sample()
        lp = torch.stack([agent.first.log_softmax(0)[a], agent.second.log_softmax(1)[a, b]])
        costs = torch.stack([c1[a], c2[a, b]])
        return (magic_box(lp.cumsum(0)) * costs).sum(0).mean()

    def truth():
        p = agent.first.softmax(0)
        return p @ (c1 + (agent.second.softmax(1) * c2).sum(1))

    return Case(
        "dice_costs",
        agent,
        loss,
        truth,
        "exact",
        "Correct: DiCE; costs are minimised (no minus), and each is multiplied by the box of the choices up to it.",
        "",
        True,
    )
