"""Arrays on the CPU for vectors, in memory that was used before: pages that are new to a process cost as much as the work on them.

What such an array leaves when nobody holds it any more waits for the next one of its size: at most `BLOCKS` pieces of at most `LARGEST` bytes.
"""

import math
import weakref
from typing import Any

import numpy as np

from . import _constants

ALIGNED = 64  # bytes: a line of the cache, and the longest vector
BLOCKS, LARGEST = 6, 128 << 20

_spare: dict[int, list[np.ndarray]] = {}  # by their bytes


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array at a multiple of `ALIGNED` bytes, C order, whose values are yet to be set."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        memory = _spare[size + ALIGNED].pop()
    except (KeyError, IndexError):
        memory = np.empty(size + ALIGNED, np.uint8)
    raw = np.frombuffer(memory.data, np.uint8)  # over no array, so that views of it hold it, and it ends with the last of them
    if memory.nbytes <= LARGEST:
        weakref.finalize(raw, _keep, memory).atexit = False
    first = -raw.ctypes.data % ALIGNED
    return raw[first : first + size].view(dtype).reshape(shape)


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """`empty`, with zeros."""
    out = empty(shape, dtype)
    out.fill(0)
    return out


def _keep(memory: np.ndarray) -> None:
    if sum(map(len, list(_spare.values()))) >= BLOCKS:
        _spare.clear()
    _spare.setdefault(memory.nbytes, []).append(memory)


_constants.clearable(_spare.clear)

__all__ = ["ALIGNED", "empty", "zeros"]
