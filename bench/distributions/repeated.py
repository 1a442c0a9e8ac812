"""K independent draws of one distribution as a single draw."""

from __future__ import annotations

from typing import Any

from torch import Size, Tensor
from torch.distributions import Distribution

from bench.distributions.states import product_of, states_of


class Repeated(Distribution):
    """The joint distribution of K independent draws of `base`: the event is `[K, *event]` for its `[*event]`.

    The draws of one sample lie apart in memory, as if they were samples of `base`: what is
    computed of them for `base` needs no copy.
    """

    def __init__(self, base: Distribution, count: int) -> None:
        self.base, self.count = base, count
        super().__init__(base.batch_shape, Size([count]) + base.event_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return bool(self.base.has_rsample)

    @property
    def support(self) -> Any:
        return self.base.support

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        return self.folded(self.base.sample(self._of_base(sample_shape)))

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        return self.folded(self.base.rsample(self._of_base(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_probs(value).sum(-1)

    def log_probs(self, value: Tensor) -> Tensor:
        """The log density of each of the K draws, `[N, *batch, K]` for a value `[N, *batch, K, *event]`."""
        return self.apart(self.base.log_prob(self.unfolded(value)))

    def states(self, most: int) -> Tensor:
        """All values of the K draws together, `[S^K, K, *event]`, where they are no more than `most`."""
        return product_of(states_of(self.base, most), self.count, most)

    def unfolded(self, value: Tensor) -> Tensor:
        """`[N, *batch, K, *event]` as samples of `base`, `[N·K, *batch, *event]`."""
        return value.movedim(self._axis, 1).flatten(0, 1)

    def folded(self, value: Tensor) -> Tensor:
        """`[N·K, *batch, *event]` as samples of this, `[N, *batch, K, *event]`."""
        return value.view(-1, self.count, *value.shape[1:]).movedim(1, self._axis)

    def apart(self, log_prob: Tensor) -> Tensor:
        """A number for each sample of `base`, `[N·K, *batch]`, as `[N, *batch, K]`."""
        return log_prob.view(-1, self.count, *log_prob.shape[1:]).movedim(1, -1)

    @property
    def _axis(self) -> int:
        return -1 - len(self.base.event_shape)

    def _of_base(self, sample_shape: Any) -> Size:
        (N,) = sample_shape
        return Size([N * self.count])
