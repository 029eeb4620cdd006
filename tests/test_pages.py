"""Memory that is used again: addresses, what may be reused and what may not, and the bounds."""

import gc

import numpy as np

import pnnkern
from pnnkern import _pages


def address(x: np.ndarray) -> int:
    return int(x.ctypes.data)


def test_arrays_lie_on_lines_of_the_cache() -> None:
    for shape, dtype in (((3, 5), np.complex64), ((0, 4), np.float64), ((1000, 7), np.float32), ((), np.float64)):
        x = _pages.zeros(shape, dtype)
        assert (x.shape, x.dtype, x.flags.c_contiguous, x.flags.writeable) == (shape, np.dtype(dtype), True, True)
        assert address(x) % _pages.ALIGNED == 0 or not x.size
        assert not x.any()


def test_what_nobody_holds_is_used_again() -> None:
    """And what a view holds is not."""
    pnnkern.clear_caches()
    x = _pages.empty((100, 100), np.float32)
    first, part = address(x), x[50:]
    part[...] = 7
    del x
    gc.collect()
    y = _pages.empty((100, 100), np.float32)
    assert address(y) != first
    assert (part == 7).all()
    del part
    assert address(_pages.empty((50, 200), np.float32)) == first  # of the same size
    pnnkern.clear_caches()
    assert _pages._spare == {}


def test_no_more_is_kept_than_is_said() -> None:
    pnnkern.clear_caches()
    for size in range(1, 3 * _pages.BLOCKS):
        _pages.empty((size,), np.float64)
        assert sum(map(len, _pages._spare.values())) <= _pages.BLOCKS
    pnnkern.clear_caches()
    _pages.empty((_pages.LARGEST // 8 + 1,), np.float64)
    assert not any(_pages._spare.values())
