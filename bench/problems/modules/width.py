"""The widest tensor that a call makes: by it the engine chooses how many rows are called at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def width_of(call: Callable[[], object]) -> int:
    """The numbers in the largest tensor that a call makes; a view of another does not count."""
    seen = _Widest()
    with seen:
        call()
    return seen.most


class _Widest(TorchDispatchMode):
    """Looks at the outputs of all operations.

    Attributes:
        most: the numbers in the largest that has memory of its own.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 1

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled within; to keep Dynamo away torch would import it, which takes a second.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, and note the largest of what it made."""
        result = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in given:
                self.most = max(self.most, leaf.numel())
        return result
