"""Problems as people write them: right ones from practice, and some with a single planted mistake."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Beta,
    Categorical,
    Distribution,
    Normal,
    RelaxedBernoulli,
    Uniform,
    constraints,
)

from bench.engine.plan import Experiment, NamedEstimator
from bench.problem import NotApplicable, Problem, TruthKind, VariationalProblem
from tests.cases import estimator_of

FLOAT64 = torch.float64


def experiment_on(problem: Problem, *references: str, sample_size: int = 10) -> Experiment:
    """A problem with estimators that may give its truth; small."""
    named = [NamedEstimator(name, name, "{}", estimator_of(name)) for name in references]
    return Experiment(
        scenario="test",
        version=1,
        problem_name="expectation",
        problem_key="test",
        problem=problem,
        estimators=(),
        references=tuple(named),
        sample_sizes=(sample_size,),
        devices=("cpu",),
        dtypes=("float32",),
        replicates=10,
        seed=0,
        reference_sample_size=sample_size,
        reference_replicates=2000,
    )


class ReverseKL(Problem):
    """KL(π_θ ‖ π_ref) of a categorical policy: its cost depends on θ itself."""

    truth_kind: TruthKind = "enumeration"
    parameters: ClassVar[Mapping[str, slice]] = {"logits": slice(0, 4)}  # type: ignore[misc]

    def __init__(self) -> None:
        self.theta = torch.tensor([0.4, -0.3, 0.9, -1.0], dtype=FLOAT64)  # [4]
        self.log_reference = torch.tensor([-0.2, 0.5, 0.1, 0.3], dtype=FLOAT64).log_softmax(-1)  # [4]

    def distribution(self, theta: Tensor) -> Distribution:
        return Categorical(logits=theta, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        log_prob = theta.log_softmax(-1).expand(*x.shape, -1).gather(-1, x[..., None])[..., 0]  # [N, R]
        return log_prob - self.log_reference[x]

    def expectation(self, theta: Tensor) -> Tensor:
        log_prob = theta.log_softmax(-1)  # [R, 4]
        return (log_prob.exp() * (log_prob - self.log_reference)).sum(-1)


class CoinMixture(VariationalProblem):
    """Minus the evidence bound of a coin z ~ Bernoulli(0.3) with y | z ~ N(m_z, 0.7)."""

    truth_kind: TruthKind = "enumeration"
    parameters: ClassVar[Mapping[str, slice]] = {"logit": slice(0, 1)}  # type: ignore[misc]

    def __init__(self) -> None:
        self.theta = torch.tensor([0.6], dtype=FLOAT64)  # [1]

    def distribution(self, theta: Tensor) -> Distribution:
        return Bernoulli(logits=theta[:, 0], validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        prior = x * math.log(0.3) + (1 - x) * math.log(0.7)  # [N, R]
        mean = -0.5 + 1.7 * x  # [N, R]
        return prior + Normal(mean, 0.7, validate_args=False).log_prob(torch.full_like(mean, 0.8))

    def expectation(self, theta: Tensor) -> Tensor:
        z = torch.tensor([0.0, 1.0], dtype=theta.dtype)[:, None].expand(2, len(theta))  # [2, R]
        log_prob = self.distribution(theta).log_prob(z)  # [2, R]
        return (log_prob.exp() * (log_prob - self.log_joint(z, theta))).sum(0)


class Trajectory(Distribution):
    """Two decisions, of which the second knows the first: dependent numbers, `[R, 2]`."""

    arg_constraints: ClassVar[dict[str, Any]] = {"logits": constraints.real_vector}
    support = constraints.independent(constraints.boolean, 1)

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits  # [R, 3]
        super().__init__(logits.shape[:-1], torch.Size([2]), validate_args=False)

    def sample(self, shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        with torch.no_grad():
            first = Bernoulli(logits=self.logits[..., 0]).sample(torch.Size(shape))  # [N, R]
            second = Bernoulli(logits=self._second(first)).sample()  # [N, R]
            return torch.stack([first, second], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        first, second = x.unbind(-1)  # type: ignore[no-untyped-call]
        return Bernoulli(logits=self.logits[..., 0]).log_prob(first) + Bernoulli(
            logits=self._second(first)
        ).log_prob(second)

    def _second(self, first: Tensor) -> Tensor:
        return torch.where(first > 0, self.logits[..., 2], self.logits[..., 1])


class TwoSteps(Problem):
    """Minus the return of two decisions, the second discounted by one half."""

    truth_kind: TruthKind = "enumeration"
    width = 2
    parameters: ClassVar[Mapping[str, slice]] = {  # type: ignore[misc]
        "first": slice(0, 1),
        "second": slice(1, 3),
    }

    def __init__(self) -> None:
        self.theta = torch.tensor([0.4, -0.7, 0.9], dtype=FLOAT64)  # [3]

    def distribution(self, theta: Tensor) -> Distribution:
        return Trajectory(theta)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        a, b = x.unbind(-1)  # type: ignore[no-untyped-call]
        after = torch.where(a > 0, 0.5 + 2.5 * b, 2.0 - 3.0 * b)  # [N, R]
        reward: Tensor = 0.3 + 0.7 * a + 0.5 * after
        return -reward

    def expectation(self, theta: Tensor) -> Tensor:
        states = torch.cartesian_prod(torch.arange(2.0), torch.arange(2.0)).to(theta)  # [4, 2]
        x = states[:, None].expand(4, len(theta), 2)
        return (self.distribution(theta).log_prob(x).exp() * self.cost(x, theta)).sum(0)


class Cosine(Distribution):
    """Projection t of a von Mises-Fisher direction in five dimensions on its mean, density ∝ (1 − t²) e^{κt}.

    Its `rsample` differentiates straight through an accepted proposal of a rejection sampler, as
    published code does: the mean of that path is not the gradient.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"kappa": constraints.positive}
    support = constraints.interval(-1.0, 1.0)
    has_rsample = True

    def __init__(self, kappa: Tensor) -> None:
        self.kappa = kappa
        super().__init__(kappa.shape, torch.Size(), validate_args=False)

    def rsample(self, shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        # Wood (1994), Simulation of the von Mises Fisher distribution, with m = 4.
        kappa, m = self.kappa, 4
        b = (-2 * kappa + (4 * kappa**2 + m**2).sqrt()) / m
        x0 = (1 - b) / (1 + b)
        c = kappa * x0 + m * (1 - x0**2).log()
        proposal = Beta(torch.tensor(m / 2, dtype=kappa.dtype), torch.tensor(m / 2, dtype=kappa.dtype))
        accepted = torch.full((*shape, *kappa.shape), 0.5, dtype=kappa.dtype)  # [N, R]
        left = torch.ones_like(accepted, dtype=torch.bool)
        with torch.no_grad():
            while left.any():
                e = proposal.sample(accepted.shape)  # [N, R]
                w = (1 - (1 + b) * e) / (1 - (1 - b) * e)
                good = kappa * w + m * (1 - x0 * w).log() - c >= torch.rand_like(w).log()
                accepted = torch.where(left & good, e, accepted)
                left = left & ~good
        return (1 - (1 + b) * accepted) / (1 - (1 - b) * accepted)

    def sample(self, shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # type: ignore[override]
        with torch.no_grad():
            return self.rsample(shape)

    def log_prob(self, t: Tensor) -> Tensor:
        return (1 - t * t).log() + self.kappa * t - self.log_normalizer()

    def log_normalizer(self) -> Tensor:
        # ∫ (1 − t²) e^{κt} dt = 4 (κ cosh κ − sinh κ) / κ³.
        kappa = self.kappa
        return (4 * (kappa * kappa.cosh() - kappa.sinh()) / kappa**3).log()


class MeanCosine(Problem):
    """E[t] of such a projection, known or not."""

    parameters: ClassVar[Mapping[str, slice]] = {"kappa": slice(0, 1)}  # type: ignore[misc]

    def __init__(self, exact: bool = True) -> None:
        self.theta, self.exact = torch.tensor([2.0], dtype=FLOAT64), exact  # [1]

    def distribution(self, theta: Tensor) -> Distribution:
        return Cosine(theta[:, 0])

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return x

    def expectation(self, theta: Tensor) -> Tensor:
        if not self.exact:
            return super().expectation(theta)
        log_normalizer = Cosine(theta[:, 0]).log_normalizer().sum()
        (slope,) = torch.autograd.grad(log_normalizer, theta, create_graph=True)
        return slope[:, 0]


class Law(Normal):
    """A normal distribution whose methods may be replaced one by one."""

    def __init__(self, loc: Tensor, scale: Tensor, planted: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(loc, scale, validate_args=False)  # type: ignore[no-untyped-call]
        self.planted = planted

    def sample(self, shape: Any = ()) -> Tensor:  # type: ignore[override]
        with torch.no_grad():
            x = self.loc + self.scale * torch.randn((*shape, *self.loc.shape), dtype=self.loc.dtype)
            return self.planted.get("sample", lambda _, x: x)(self, x)  # type: ignore[no-any-return]

    def rsample(self, shape: Any = ()) -> Tensor:  # type: ignore[override]
        x = self.loc + self.scale * torch.randn((*shape, *self.loc.shape), dtype=self.loc.dtype)
        return self.planted.get("rsample", lambda _, x: x)(self, x)  # type: ignore[no-any-return]

    def log_prob(self, x: Tensor) -> Tensor:
        right = super().log_prob(x)  # type: ignore[no-untyped-call]
        return self.planted.get("log_prob", lambda *_: right)(self, x)  # type: ignore[no-any-return]


class Quadratic(Problem):
    """E[z² + 0.3 θ₀ z] of z ~ N(θ₀, e^{θ₁}): a cost that depends on θ, with planted mistakes."""

    parameters: ClassVar[Mapping[str, slice]] = {  # type: ignore[misc]
        "loc": slice(0, 1),
        "log_scale": slice(1, 2),
    }

    def __init__(
        self,
        known: Callable[[Tensor, Tensor], Tensor] | None = None,
        f: Callable[[Tensor], Tensor] = torch.square,
        **planted: Callable[..., Any],
    ) -> None:
        self.theta = torch.tensor([0.7, -0.4], dtype=FLOAT64)  # [2]
        self.known, self.f, self.planted = known, f, planted

    def distribution(self, theta: Tensor) -> Distribution:
        return Law(theta[:, 0], theta[:, 1].exp(), self.planted)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.f(x) + 0.3 * theta[:, 0] * x

    def expectation(self, theta: Tensor) -> Tensor:
        if self.known is None:
            raise NotApplicable("its expectation is not known")
        return self.known(theta[:, 0], theta[:, 1])


class Relaxed(Problem):
    """E[(z − 0.45)²] of a relaxed coin at a low temperature: most draws are at 0 or 1 but for rounding."""

    def __init__(self, name: str = "logits", temperature: float = 0.05) -> None:
        self.name, self.parameters = name, {name: slice(0, 1)}
        self.logit = torch.tensor(0.4, dtype=FLOAT64)
        self.temperature = torch.tensor(temperature, dtype=FLOAT64)
        self.theta = (self.logit if name == "logits" else self.temperature)[None]  # [1]

    def distribution(self, theta: Tensor) -> Distribution:
        if self.name == "logits":
            return RelaxedBernoulli(self.temperature, logits=theta[:, 0])  # type: ignore[no-untyped-call]
        return RelaxedBernoulli(theta[:, 0], logits=self.logit.expand(len(theta)))  # type: ignore[no-untyped-call]

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return (x - 0.45) ** 2

    def slope(self) -> float:
        """The gradient by a sum over the logistic noise behind the draw."""
        g = torch.linspace(-40, 40, 8_000_001, dtype=FLOAT64)  # [K]
        pre = (self.logit + g) / self.temperature
        z, density = pre.sigmoid(), g.sigmoid() * (-g).sigmoid()  # [K] each
        inner = 1 / self.temperature if self.name == "logits" else -pre / self.temperature
        return float((2 * (z - 0.45) * z * (1 - z) * inner * density).sum() * 1e-5)


class Edges(Problem):
    """E[z²] of z uniform on (0, θ), whose support moves with θ: the score does not have mean zero."""

    parameters: ClassVar[Mapping[str, slice]] = {"high": slice(0, 1)}  # type: ignore[misc]

    def __init__(self) -> None:
        self.theta = torch.tensor([1.7], dtype=FLOAT64)  # [1]

    def distribution(self, theta: Tensor) -> Distribution:
        low = torch.zeros_like(theta[:, 0])  # [R]
        return Uniform(low, theta[:, 0], validate_args=False)  # type: ignore[no-untyped-call]

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return x**2

    def expectation(self, theta: Tensor) -> Tensor:
        return theta[:, 0] ** 2 / 3
