"""Arrays that do not change (index tables, ranges, nudges), made or copied to the device that uses them once, and kept there."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from . import _array
from ._array import Array
from .kernels import _forks

_holding: ContextVar[list[Any] | None] = ContextVar("holding", default=None)
KEPT = 64 << 20  # bytes of arrays that no owner holds, on all GPUs together
_clears: list[Callable[[], None]] = []


def clearable(clear: Callable[[], None]) -> None:
    """Have `clear` called by `clear_caches`."""
    _clears.append(clear)


def clear_caches() -> None:
    """See `pnnkern.clear_caches`."""
    for clear in _clears:
        clear()


@contextlib.contextmanager
def held() -> Iterator[list[Any]]:
    """Whatever is asked of a cache within this context, in a list: as long as it lives, so does what a graph has the addresses of."""
    found: list[Any] = []
    before = _holding.set(found)
    try:
        yield found
    finally:
        _holding.reset(before)


def _noted(value: Any) -> Any:
    if (found := _holding.get()) is not None:
        found.append(value)
    return value


class Copies:
    """The copies of an owner's arrays on GPUs; they live as long as their owner."""

    def __init__(self) -> None:
        self._copies: dict[tuple[Hashable, int], Array] = {}

    def on(self, name: Hashable, array: np.ndarray, like: Array) -> Array:
        """`array` on the device of `like`: itself on a CPU, else the copy that is kept there under `name`."""
        if _array.namespace(like) is np:
            return array
        key = (name, like.device.id)
        if key not in self._copies:
            self._copies[key] = _array.on_all_streams(_copied(array, like))
        return _noted(self._copies[key])


class Cache:
    """What later calls may ask for again: the last used, of which arrays (those of `arrays(value)`) take `limit` bytes together.

    What leaves is given back when the GPU it is on has done all that it was asked.
    """

    def __init__(self, limit: int, arrays: Callable[[Any], tuple[Array, ...]] = lambda value: (value,)) -> None:
        self.limit, self.arrays = limit, arrays
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = _forks.unlocked(threading.Lock())
        clearable(self.clear)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept under `key`, or what `make` gives, once any stream may use it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return _noted(self._kept[key])
        value = make()
        _array.on_all_streams(self.arrays(value))
        left = []
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > 1 and self.nbytes > self.limit:
                left.append(self._kept.popitem(last=False)[1])
        for gone in left:
            _array.out_of_use(self.arrays(gone)[0])
        return _noted(value)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """What the arrays take that are held now."""
        return sum(array.nbytes for value in self._kept.values() for array in self.arrays(value))

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            left = list(self._kept.values())
            self._kept.clear()
        for gone in left:
            _array.out_of_use(self.arrays(gone)[0])


_constants = Cache(KEPT)


def constant(values: Any, dtype: Any, like: Array) -> Array:
    """A few `values` as an array of `dtype` on the device of `like`, not to be written to; a GPU gets the same ones once."""
    array = np.asarray(values, dtype)
    return array if _array.namespace(like) is np else made((array.tobytes(), array.dtype, array.shape), lambda: array, like)


def made(name: Hashable, make: Callable[[], np.ndarray], like: Array) -> Array:
    """What `make` gives, on the device of `like`, not to be written to. A GPU keeps it under `name`, while it is among the last used."""
    if _array.namespace(like) is np:
        return make()
    return _constants.get((name, like.device.id), lambda: _copied(make(), like))


def _copied(array: np.ndarray, like: Array) -> Array:
    """A copy on the GPU of `like`."""
    with like.device:
        return _array.cupy().asarray(array)


__all__ = ["Cache", "Copies", "clear_caches", "clearable", "constant", "held", "made"]
