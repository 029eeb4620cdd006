"""Shares as bytes, for other processes: a description in JSON and the arrays behind each other. No pickle: nothing that is read is run."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _array
from ._array import Array
from ._layout import Layout
from ._updates import Factors, Gradient, Move, Set

ALIGNED = 64  # bytes that each array begins at a multiple of
_UPDATES = {"gradient": Gradient, "factors": Factors, "move": Move, "set": Set}
_FIELDS = {"gradient": ("value", "scale"), "factors": ("first", "second", "scale"), "move": ("value",), "set": ("value",)}
_NAMES = {cls: name for name, cls in _UPDATES.items()}


@dataclass
class Packed:
    """description : JSON. arrays : contiguous ones of NumPy, in order; on_gpu : those that stay on their GPU."""

    description: bytes = b""
    arrays: list[np.ndarray] = field(default_factory=list)
    on_gpu: list[Array] = field(default_factory=list)


def pack(value: Any, leave_on_gpu: bool = False) -> Packed:
    """Arrays, numbers, words, updates, layouts and None, in dictionaries, tuples and lists. Raises TypeError for anything else.

    leave_on_gpu : arrays of a GPU are given as they are; else they are copied from it.
    """
    out = Packed()

    def told(one: Any) -> Any:
        if one is None or isinstance(one, bool | int | str) or type(one) is float:
            return one
        if isinstance(one, dict):
            return {"d": [[key, told(item)] for key, item in one.items()]}
        if isinstance(one, tuple | list):
            return {"t" if isinstance(one, tuple) else "l": [told(item) for item in one]}
        if type(one) in _NAMES:
            name = _NAMES[type(one)]
            return {"u": name, "f": [told(getattr(one, part)) for part in _FIELDS[name]]}
        if isinstance(one, Layout):
            return {"o": [one.shape, one.axes]}
        if isinstance(one, np.generic):
            out.arrays.append(np.array(one))
            return {"n": one.dtype.str}
        if not _array.is_array(one):
            raise TypeError(f"a {type(one).__name__} cannot be sent to another rank")
        layout, gpu = Layout.of(one), _array.is_on_gpu(one)
        lying = layout.packed(one)
        if gpu and leave_on_gpu:
            out.on_gpu.append(lying)
        else:
            out.arrays.append(_array.to_numpy(lying))
        return {"a": one.dtype.str, "s": layout.shape, "x": None if layout.plain else layout.axes, "g": gpu}

    out.description = json.dumps(told(value), separators=(",", ":")).encode()
    return out


def unpack(description: bytes, host: np.ndarray, gpu: Array | None = None) -> Any:
    """What was packed, of its description and its bytes: host (bytes,) uint8, each array at a multiple of `ALIGNED`; gpu, likewise."""
    take, take_gpu = _reader(host), None if gpu is None else _reader(gpu)

    def made(one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        if "d" in one:
            return {key: made(item) for key, item in one["d"]}
        if "t" in one:
            return tuple(made(item) for item in one["t"])
        if "l" in one:
            return [made(item) for item in one["l"]]
        if "u" in one:
            return _UPDATES[one["u"]](*(made(part) for part in one["f"]))
        if "o" in one:
            return Layout(*map(tuple, one["o"]))
        if "n" in one:
            return take(np.dtype(one["n"]), 1)[0]
        shape = tuple(one["s"])
        layout = Layout(shape, tuple(range(len(shape)) if one["x"] is None else one["x"]))
        reader = take_gpu if one["g"] and take_gpu is not None else take
        array = layout.unpacked(reader(np.dtype(one["a"]), int(np.prod(shape, dtype=np.int64))))
        return _array.cupy().asarray(array) if one["g"] and take_gpu is None else array

    return made(json.loads(description))


def places(arrays: list[Any]) -> tuple[list[int], int]:
    """Where arrays begin that lie behind each other, and how many bytes that takes."""
    found, at = [], 0
    for array in arrays:
        found.append(at)
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    return found, at


def laid_out(arrays: list[Any], into: Any) -> None:
    """Write arrays behind each other into bytes (n,) uint8 of the same device."""
    for array, at in zip(arrays, places(arrays)[0], strict=True):
        into[at : at + array.nbytes] = array.reshape(-1).view(np.uint8)


def _reader(data: Any) -> Callable[[np.dtype[Any], int], Any]:
    """Takes so many elements of a type after the other from bytes."""
    at = 0

    def take(dtype: np.dtype[Any], count: int) -> Any:
        nonlocal at
        size = count * dtype.itemsize
        piece = data[at : at + size].view(dtype)
        at += -(-size // ALIGNED) * ALIGNED
        return piece

    return take


__all__ = ["ALIGNED", "Packed", "laid_out", "pack", "places", "unpack"]
