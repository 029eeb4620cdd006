"""Checks of what users give to a reading: one sentence that says what was wrong and what is right."""

from typing import Any

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real, Sample
from .._checks import number as number
from .._checks import warn
from .._checks import whole as whole
from .._errors import UnitWarning

OHMS = 1.0  # siemens; no cell conducts more, while ohms, kiloohms and megaohms are above it


def matrix(name: str, value: Real, least: int) -> Array:
    """An array with at least `least` axes, C-contiguous."""
    if value.ndim < least or 0 in value.shape:
        raise ValueError(f"{name} must have at least {least} axes, none of them empty, got shape {value.shape}")
    return _array.contiguous(value)


def batch(name: str, value: Real) -> Array:
    """An array (batch, n), C-contiguous."""
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name} must be (batch, n) with at least one value, got shape {value.shape}")
    return _array.contiguous(value)


def shaped(name: str, value: Numbers, shape: tuple[int, ...], other: str) -> None:
    """Refuse an array that has not the shape of what is called `other`."""
    if value.shape != shape:
        raise ValueError(f"{name} must have the shape {shape} of {other}, got {value.shape}")


def mask(name: str, value: Any, shape: tuple[int, ...], other: str) -> None:
    """Refuse what is no boolean array of the shape of what is called `other`."""
    if value.shape != shape or value.dtype != bool:
        raise ValueError(f"{name} must be boolean like {other} {shape}, got {value.dtype} {value.shape}")


def real(name: str, value: Any, unit: str, xp: Any) -> Array:
    """A real number, or an array of them, as a float64 array of `xp`."""
    given = value if _array.is_array(value) else np.asarray(value)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a real number or an array of them ({unit}), got {_told(value)}")
    return xp.asarray(given, dtype=np.float64)


def each(name: str, value: Any, like: Real, other: str) -> Array:
    """A real number, or an array, for each value of `like`, which is called `other`: contiguous, of its shape and dtype.

    For what functions of users return, too.
    """
    xp, given = _array.namespace(like), value if _array.is_array(value) else np.asarray(value)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be real, a number or like {other} {like.shape}, got {_told(value)}")
    try:
        given = xp.asarray(given, dtype=like.dtype)
        return _array.contiguous(given if given.shape == like.shape else xp.broadcast_to(given, like.shape))
    except ValueError:
        raise ValueError(f"{name} must be a number or like {other} {like.shape}, got {given.dtype} {given.shape}") from None


def _told(value: Any) -> str:
    return f"{value.dtype} {value.shape}" if _array.is_array(value) else f"{value!r:.80}"


def chain(V: Real, G: Real, rows: int = 1) -> tuple[Array, Array]:
    """Voltages (batch, n_in) and conductances (..., n_in, n_out) that fit, of one dtype. rows : of G for each input."""
    V, G = matrix("V", V, 2), matrix("G", G, 2)
    if V.ndim != 2 or V.shape[1] * rows != G.shape[-2]:
        raise ValueError(f"V (batch, n_in) must fit G (..., n_in, n_out): got {V.shape} and {G.shape}")
    if V.dtype != G.dtype:
        raise TypeError(f"V and G must have one dtype, got {V.dtype} and {G.dtype}")
    return V, G


def samples(sample: Sample, rows: int, xp: Any) -> tuple[int, Array | None]:
    """The index of row 0, or the indices of all rows on the device of `xp`."""
    if isinstance(sample, int | np.integer) and not isinstance(sample, bool):
        if not 0 <= sample < 2**63 - rows:
            raise ValueError(f"sample must be from 0 to below 2^63 - {rows}, got {sample}")
        return int(sample), None
    index: Array = sample if _array.is_array(sample) else np.asarray(sample)
    if index.dtype.kind not in "iu" or index.shape != (rows,):
        raise ValueError(f"sample must be one index, or {rows} indices, one for each row, got {sample!r:.80}")
    if _array.namespace(index) is np and index.size and not 0 <= int(index.min()) <= int(index.max()) < 2**63:
        raise ValueError(f"every sample index must be from 0 to below 2^63, got {int(index.min())} to {int(index.max())}")
    return 0, xp.ascontiguousarray(xp.asarray(index, dtype=np.int64))


def part(sample: Sample, rows: Any) -> Any:
    """The sample indices of some rows: a slice, or an array of row numbers."""
    if isinstance(sample, int | np.integer):
        return sample + (rows.start if isinstance(rows, slice) else rows)
    return sample[rows] if _array.is_array(sample) else np.asarray(sample)[_array.to_numpy(rows) if _array.is_array(rows) else rows]


def words(key: Key | None, purpose: int | str, like: Numbers | None = None) -> tuple[int, int, Array | None]:
    """A key for one purpose, as kernels on the device of `like` take it (`random.words_of`); zeros without a key, for what is not random."""
    return (0, 0, None) if key is None else random.words_of(random.fold_in(key, purpose), _array.namespace(like))


def floor(currents: Real) -> Array:
    """The least range that an ADC should have by these currents: a millionth of the largest; float64 (), amperes."""
    largest = currents.max().astype(np.float64)
    return _array.namespace(currents).maximum(largest * 1e-6, 1e-30)


def quantile(value: Any) -> float:
    if not isinstance(value, int | float | np.number) or not 0 < value <= 1:
        raise ValueError(f"quantile must lie in (0, 1], got {value!r:.40}")
    return float(value)


def bits(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= 24:
        raise ValueError(f"{name} must have {least} to 24 bits, got {value!r:.80}")
    return int(value)


def siemens(name: str, largest: Any) -> None:
    """Refuse conductances whose largest is infinite; warn, at the line outside of this package that led here, where it says that they are
    resistances."""
    if not float(largest) > OHMS:
        return
    if float(largest) == np.inf:
        raise ValueError(f"{name} must be finite (siemens), got {largest}")
    warn(f"{name} up to {float(largest):.4g} S looks like resistances in ohms: conductances are in siemens, 10 kohm is 1e-4", UnitWarning)


def same_memory(a: Array, b: Array) -> bool:
    """Whether two arrays are one: true of two views of one torch tensor, too."""

    def place(G: Array) -> tuple[Any, ...]:
        return G.shape, G.dtype, G.ctypes.data if isinstance(G, np.ndarray) else G.data.ptr

    return place(a) == place(b)
