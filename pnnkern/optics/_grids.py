"""Grids of two axes for kernels of optics: pixels along the first, fields or masks along the second."""

from typing import Any

import numpy as np

from .. import _launch

WIDE, LANES = 16, 32  # bytes of an access, and pixels of a warp in kernels that sum over fields, as in wide.cuh and mask.cuh


def over(pixels: int, fields: int, dtype: Any) -> dict[str, Any]:
    """For kernels that go through pixels 16 bytes at a time, field by field; they stride."""
    blocks = -(-pixels * np.dtype(dtype).itemsize // (WIDE * _launch.BLOCK))
    return _grid(blocks, fields) | {"block": (_launch.BLOCK,)}


def sums(pixels: int, masks: int, dtype: Any) -> dict[str, Any]:
    """For kernels that sum over the fields of each mask."""
    return _grid(-(-pixels * np.dtype(dtype).itemsize // (WIDE * LANES)), masks) | {"block": (256,)}


def _grid(across: int, along: int) -> dict[str, Any]:
    across = max(1, min(across, _launch.MAX_BLOCKS))
    return {"grid": (across, max(1, min(along, _launch.MAX_BLOCKS // across)))}
