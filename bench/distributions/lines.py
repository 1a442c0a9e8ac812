"""How the support of a law is laid onto the real line, where its tails are to be thin."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution, StudentT, Transform, VonMises, biject_to, constraints

_ANGLES = constraints.interval(-math.pi, math.pi)  # type: ignore[no-untyped-call]


def line_of(p: Distribution) -> Transform:
    """A smooth, growing map from the real line onto the support of p; far out its density vanishes fast."""
    if isinstance(p, StudentT):
        return Sinh()
    if isinstance(p, VonMises):
        return biject_to(_ANGLES)  # type: ignore[no-any-return]
    return biject_to(p.support)  # type: ignore[no-any-return]


class Sinh(Transform):
    """z = sinh u: tails like a power of z are those of an exponential in u."""

    domain: ClassVar[constraints.Constraint] = constraints.real  # type: ignore[misc]
    codomain: ClassVar[constraints.Constraint] = constraints.real  # type: ignore[misc]
    bijective = True
    sign = 1

    def _call(self, x: Tensor) -> Tensor:
        return x.sinh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.asinh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.cosh().log()
