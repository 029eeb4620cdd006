"""Complex fields kept as pairs of 16-bit floats, in half the memory and traffic of complex64; as in kernels/include/pnnkern/halves.cuh.

IEEE 754 half precision has 11 bits and a range of 2^-24 to 2^16, which light in a field soon leaves. So each row of a field shares a power of
two: its largest part comes to 2^14 .. 2^15, and parts down to 2^-28 of that one keep all bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from .._gate import record

LEAST = -100  # exponent of the largest part of a row below which rows share the scale of such a row


@record
@dataclass(frozen=True)
class Halves:
    """Complex fields (..., ny, nx) as 16-bit floats and a power of two for each row.

    words : (..., ny, nx) int32, the real part in the lower 16 bits, the imaginary one in the upper ones. scale : (..., ny), real, of the
    precision of the fields. Each part is within 2^-11 of itself, or 2^-40 of the largest in its row.
    """

    words: Array
    scale: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the fields."""
        return tuple(self.words.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the fields."""
        return np.result_type(self.scale.dtype, np.complex64)

    def __getitem__(self, at: Any) -> "Halves":
        """Of leading axes."""
        return Halves(self.words[at], self.scale[at])

    def reshape(self, *shape: int) -> "Halves":
        return Halves(self.words.reshape(shape), self.scale.reshape(shape[:-1]))

    def full(self) -> Array:
        """The fields as complex numbers."""
        halves = self.words.view(np.float16).reshape(*self.shape, 2)
        parts: Array = halves.astype(self.scale.dtype) * self.scale[..., None, None]
        return parts.view(self.dtype)[..., 0]

    def put(self, fields: Array) -> None:
        """Keep fields of this shape."""
        xp = _array.namespace(fields)
        parts = fields[..., None].view(self.scale.dtype)
        largest = xp.abs(parts).max(axis=(-2, -1)) if parts.size else xp.zeros(self.scale.shape, self.scale.dtype)
        exponent = xp.where(xp.isfinite(largest) & (largest > 0), xp.maximum(xp.frexp(largest)[1], LEAST) - 15, 0)
        one = xp.ones((), self.scale.dtype)
        self.scale[...] = xp.ldexp(one, exponent)
        with np.errstate(over="ignore", invalid="ignore"):  # of a row with infinite values or NaN, which the powers tell of
            halves = (parts * xp.ldexp(one, -exponent)[..., None, None]).astype(np.float16)
        self.words[...] = _array.contiguous(halves).view(np.int32)[..., 0]


def empty(shape: tuple[int, ...], dtype: Any, xp: Any) -> Halves:
    """Room for fields (..., ny, nx) of a complex type."""
    return Halves(xp.empty(shape, np.int32), xp.empty(shape[:-1], np.dtype(dtype).type().real.dtype))
