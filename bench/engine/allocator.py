"""Memory that is freed is kept for what comes next: pages new to a process must be made and cleared."""

from __future__ import annotations

import ctypes
import functools
import sys

# Options of `mallopt` in glibc's <malloc.h>, and up to how many bytes a block comes from memory that is kept,
# and how much of that is.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_BLOCK, _KEPT = 32 << 20, 128 << 20


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep 128 MiB of what tensors of a chunk free, for those of the next chunk.

    By default it hands large blocks back to the system. To get them anew costs a sixth to a
    fifth of the time of estimates that are sums over few samples. Elsewhere nothing is done.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
            mallopt(_TRIM_THRESHOLD, _KEPT)
