"""Arrays that do not change (index tables, ranges, nudges), copied to the device that uses them once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from . import _array
from ._array import Array

KEPT = 64 << 20  # bytes of arrays that no owner holds, on all GPUs together


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
            self._copies[key] = _copied(array)
        return self._copies[key]


_constants: OrderedDict[tuple[Hashable, int], Array] = OrderedDict()


def constant(values: Any, dtype: Any, like: Array) -> Array:
    """A few `values` as an array of `dtype` on the device of `like`, not to be written to; a GPU gets the same ones once."""
    array = np.asarray(values, dtype)
    return array if _array.namespace(like) is np else made((array.tobytes(), array.dtype, array.shape), lambda: array, like)


def made(name: Hashable, make: Callable[[], np.ndarray], like: Array) -> Array:
    """What `make` gives, on the device of `like`, not to be written to. A GPU keeps it under `name`, while it is among the last used."""
    if _array.namespace(like) is np:
        return make()
    key = (name, like.device.id)
    if key not in _constants:
        _constants[key] = _copied(make())
        while len(_constants) > 1 and sum(array.nbytes for array in _constants.values()) > KEPT:
            _constants.popitem(last=False)
    _constants.move_to_end(key)
    return _constants[key]


def _copied(array: np.ndarray) -> Array:
    """A copy on the current GPU that any stream may use from now on."""
    copy: Array = _array.on_all_streams(_array.cupy().asarray(array))
    return copy


__all__ = ["Copies", "constant", "made"]
