"""What holds for all tests."""

from __future__ import annotations

import torch

# Tensors here are small: a second thread costs more than it brings, above all when
# several test processes share two cores.
torch.set_num_threads(1)
