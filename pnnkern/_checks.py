"""Checks that several rooms make of what they are given: one sentence that says what was wrong and what is right."""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _array
from ._array import Array
from ._gate import kind_of


def class_labels(labels: Array, batch: int, classes: int) -> None:
    """Raise TypeError for labels that are no integers, ValueError for another shape than (batch,) and for classes that there are not.

    One class is told from another by one output, or two. The values of labels on a GPU are not looked at: that would take launches of every
    step, and data sets are held against their classes when they are read.
    """
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got {labels.dtype}")
    if labels.shape != (batch,):
        raise ValueError(f"labels must be ({batch},), one for each sample, got shape {labels.shape}")
    most = max(classes, 2) - 1
    if not _array.is_on_gpu(labels) and labels.size and (labels.min() < 0 or labels.max() > most):
        raise ValueError(f"labels must be from 0 to {most}, got {labels.min()} to {labels.max()}")


def shaped(name: str, array: Array, *shape: int | str | None) -> Array:
    """`array`, or ValueError if it is of another shape; None stands for any length of one or more, a word for any length.

    Raises TypeError for what is no array.
    """
    if not _array.is_array(array):
        raise TypeError(f"{name} must be an array, got {type(array).__name__}")
    fits = array.ndim == len(shape) and all(
        isinstance(m, str) or (n >= 1 if m is None else n == m) for n, m in zip(array.shape, shape, strict=True)
    )
    if not fits:
        right = ", ".join("any" if m is None else str(m) for m in shape)
        raise ValueError(f"{name} must be ({right}{',' * (len(shape) == 1)}), got shape {array.shape}")
    return array


def numbers(name: str, value: Any) -> np.ndarray:
    """Real numbers as a float64 array on the host."""
    try:
        values = np.asarray(_array.to_numpy(value) if _array.is_array(value) else value)
        if values.dtype.kind not in "iuf":
            raise TypeError
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number or an array of them, got {value!r:.80}") from None
    return values.astype(np.float64)


def real(name: str, x: Array) -> Array:
    """`x` itself, if it holds real numbers. Raises TypeError."""
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {x.dtype}")
    return x


def double(name: str, values: Any, like: Array) -> Array:
    """Real numbers, an array or not, as a float64 array on the device of `like`. Raises TypeError."""
    values = values if _array.is_array(values) else np.asarray(values)
    return _array.namespace(like).asarray(real(name, values), np.float64)


def floats(name: str, values: Any, like: Array | None = None) -> Array:
    """Real numbers: an array of float32 or float64 as it is, other arrays in float64, what is no array on the device of `like` too.

    Raises TypeError.
    """
    if not _array.is_array(values):
        host = numbers(name, values)
        return host if like is None else _array.namespace(like).asarray(host)
    return real(name, values) if values.dtype in (np.float32, np.float64) else real(name, values).astype(np.float64)


def plain(name: str, arrays: Sequence[Any]) -> list[Array]:
    """Arrays of floating point numbers, real or complex, that a record holds; subclasses of NumPy's as NumPy's. Raises TypeError."""
    for x in arrays:
        if kind_of(type(x)) not in ("numpy", "cupy", "subclass"):
            raise TypeError(f"{name} must be arrays, got {type(x).__name__}")
        if x.dtype.kind not in "fc":
            raise TypeError(f"{name} must be floating point numbers, got {x.dtype}")
    return [np.asarray(x) if isinstance(x, np.ndarray) else x for x in arrays]


def number(name: str, value: Any, unit: str = "", *, positive: bool = False, most: float = np.inf) -> float:
    """One finite number, 0 or more (`positive`: more than 0), and not above `most`."""
    fits = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if not fits or value < 0 or (positive and value == 0):
        right = "positive and finite" if positive else "finite and 0 or more"
        raise ValueError(f"{name} must be {right}{unit and f' ({unit})'}, got {value!r:.80}")
    if value > most:
        raise ValueError(f"{name} must be at most {most:g}{unit and f' ({unit})'}, got {value!r:.80}")
    return float(value)


def whole(name: str, value: Any, least: int = 1, most: int = 2**62) -> int:
    """One integer."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        limit = f"from {least} to {most}" if most < 2**62 else f"of {least} or more"
        raise ValueError(f"{name} must be an integer {limit}, got {value!r:.80}")
    return int(value)


def wrt_names(wrt: str | Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """`wrt`, what a derivative is by, as a tuple of argument names. Raises ValueError for one that is not among `known`, and TypeError."""
    if not isinstance(wrt, str | tuple | list):
        raise TypeError(f"wrt must name what the derivative is by, one or more of {', '.join(known)}, got {wrt!r:.40}")
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    for name in names:
        if name not in known:
            raise ValueError(f"wrt names {name!r}: this derivative exists for {', '.join(known)}")
    return names


def only(results: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The one result asked for, or a tuple in the order of `names`."""
    return results[names[0]] if len(names) == 1 else tuple(results[n] for n in names)


def largest(holds: Callable[[float], bool], failed: float) -> float:
    """The largest value that holds, to two per cent, below one that does not; 0 where none does down to 1e-24 times as much."""
    held = failed / 4
    while not holds(held):
        held /= 4
        if held < 1e-24 * failed:
            return 0.0
    for step in range(1, 7):
        more = held * 4 ** 0.5**step
        held = more if holds(more) else held
    return held


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside of this package, and of those whose operators its functions are, that led here."""
    level, frame = 2, sys._getframe(1)
    inside = (__name__.partition(".")[0], "torch", "jax", "jaxlib")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in inside:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
