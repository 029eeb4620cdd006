"""Complex fields kept as pairs of 16-bit floats, in half the memory and traffic of complex64; as in kernels/include/pnnkern/halves.cuh.

IEEE 754 half precision has 11 bits and a range of 2^-24 to 2^16, which light in a field soon leaves. So each row of a field shares a power of
two: its largest part comes to 2^14 .. 2^15, and parts down to 2^-28 of that one keep all bits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Numbers
from .._gate import record


@record
@dataclass(frozen=True)
class Halves:
    """Complex fields (..., ny, nx) as 16-bit floats and a power of two for each row.

    Parameters
    ----------
    words : Array
        (..., ny, nx) int32, the real part in the lower 16 bits, the imaginary one in the upper ones.
    scale : Array
        (..., ny), real, of the precision of the fields. Each part is within 2^-11 of itself, or 2^-40 of the largest in its row.
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
        out = _array.namespace(self.words).empty(self.shape, self.dtype)
        _launch.launch("optics/halves", "take", self.dtype, *self._rows, self.words, self.scale, out, grid=self._grid, block=(128,))
        return out

    def put(self, fields: Numbers) -> None:
        """Keep fields of this shape, in C order."""
        fields = _array.contiguous(fields)
        _launch.launch("optics/halves", "put", self.dtype, *self._rows, fields, self.words, self.scale, grid=self._grid, block=(128,))

    @property
    def _rows(self) -> tuple[int, int]:
        """How many, and how long."""
        return math.prod(self.shape[:-1]), self.shape[-1]

    @property
    def _grid(self) -> tuple[int]:
        return (max(1, min(self._rows[0], _launch.MAX_BLOCKS)),)


def empty(shape: tuple[int, ...], dtype: Any, xp: Any) -> Halves:
    """Room for fields (..., ny, nx) of a complex type."""
    return Halves(xp.empty(shape, np.int32), xp.empty(shape[:-1], np.dtype(dtype).type().real.dtype))
