"""Separable transforms between uniform grids, ``out = Ay X Ax^T``: as matrices, or by the chirp-z transform.

Each factor is ``A[m, j] = left[m] exp(2 pi i rate out[m] into[j]) right[j]``, worked out in float64 and used in the working precision.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy

from .. import _array, _constants
from .._array import Array, Numbers

TRANSFORMS = ("matrix", "chirp_z")


@dataclass(frozen=True)
class Line:
    """`count` points of a uniform grid: first, first + step, ..."""

    first: float
    step: float
    count: int

    @property
    def points(self) -> np.ndarray:
        return self.first + self.step * np.arange(self.count)

    @property
    def reach(self) -> float:
        """The largest distance of a point from 0."""
        return max(abs(self.first), abs(self.first + self.step * (self.count - 1)))

    @classmethod
    def centred(cls, count: int, step: float, at: float = 0.0) -> "Line":
        """`count` points with point count // 2 at `at`."""
        return cls(at - step * (count // 2), step, count)


@dataclass(frozen=True)
class Factor:
    """One axis of the transform. Chirps on both sides: left = scale exp(2 pi i bend_out out^2), right = exp(2 pi i (bend_into into^2
    + tilt into)), in turns per squared or plain length."""

    out: Line
    into: Line
    rate: float
    bend_out: float = 0.0
    bend_into: float = 0.0
    tilt: float = 0.0
    scale: complex = 1.0

    def matrix(self) -> np.ndarray:
        """A, complex128 (out, into)."""
        x, y = self.out.points[:, None], self.into.points[None, :]
        turns = self.rate * x * y + self.bend_out * x**2 + self.bend_into * y**2 + self.tilt * y
        return self.scale * np.exp(2j * np.pi * (turns - np.rint(turns)))


class Transform(Protocol):
    """One axis of a planned transform, and the arrays that it holds."""

    arrays: tuple[Array, ...]

    def apply(self, x: Numbers, axis: int) -> Array: ...

    def adjoint(self, x: Numbers, axis: int) -> Array: ...


class Dense:
    """A as a matrix: m j products for each line, by matrix multiplication."""

    def __init__(self, factor: Factor, dtype: Any, xp: Any) -> None:
        self.a = xp.asarray(factor.matrix().astype(dtype))
        self.arrays = (self.a,)

    def apply(self, x: Numbers, axis: int) -> Array:
        return x @ self.a.T if axis == -1 else self.a @ x

    def adjoint(self, x: Numbers, axis: int) -> Array:
        return x @ self.a.conj() if axis == -1 else self.a.conj().T @ x


class ChirpZ:
    """A by Bluestein's identity mj = (m^2 + j^2 - (m - j)^2) / 2: a convolution with a chirp, by FFTs of length m + j.

    Rabiner, Schafer and Rader, The chirp z-transform algorithm, IEEE Trans. Audio Electroacoust. 17, 86 (1969).
    """

    def __init__(self, factor: Factor, dtype: Any, xp: Any) -> None:
        out, into = factor.out, factor.into
        m, j = np.arange(out.count), np.arange(into.count)
        half = 0.5 * factor.rate * out.step * into.step  # turns for (m - j)^2 = 1

        def wave(turns: np.ndarray) -> Array:
            return np.exp(2j * np.pi * (turns - np.rint(turns)))

        x, y = out.points, into.points
        left = wave(factor.rate * into.first * (x - out.first) + factor.bend_out * x**2 + half * m**2) * factor.scale
        right = wave(factor.rate * out.first * y + factor.bend_into * y**2 + factor.tilt * y + half * j**2)
        self.counts = (out.count, into.count)
        self.length = scipy.fft.next_fast_len(out.count + into.count - 1)
        kernel = np.zeros(self.length, np.complex128)
        kernel[: out.count] = wave(-half * m**2)
        kernel[self.length - into.count + 1 :] = wave(-half * j[:0:-1] ** 2)
        self.arrays = tuple(xp.asarray(v.astype(dtype)) for v in (left, right, scipy.fft.fft(kernel)))
        self.left, self.right, self.kernel = self.arrays

    def _through(self, x: Array, axis: int, first: Array, kernel: Array, last: Array) -> Array:
        def along(v: Array) -> Array:
            return v if axis == -1 else v[:, None]

        fft = _array.scipy_fft(x)
        spectrum = fft.fft(x * along(first), n=self.length, axis=axis) * along(kernel)
        back = fft.ifft(spectrum, axis=axis)
        return (back[..., : len(last)] if axis == -1 else back[..., : len(last), :]) * along(last)

    def apply(self, x: Numbers, axis: int) -> Array:
        return self._through(x, axis, self.right, self.kernel, self.left)

    def adjoint(self, x: Numbers, axis: int) -> Array:
        return self._through(x, axis, self.left.conj(), self.kernel.conj(), self.right.conj())


_plans = _constants.Cache(64 << 20, lambda transform: transform.arrays)


def planned_like(x: Numbers, factor: Factor, transform: str) -> Transform:
    """The transform of one axis on the device and in the precision of `x`; cached."""
    xp, kind = _array.namespace(x), Dense if transform == "matrix" else ChirpZ
    key = (factor, transform, x.dtype.name, xp, x.device.id if xp is not np else 0)
    planned: Transform = _plans.get(key, lambda: kind(factor, x.dtype, xp))
    return planned


def apply(x: Numbers, factors: tuple[Factor, Factor], transform: str) -> Array:
    """Ay x Ax^T for x (..., y, x)."""
    y, last = (planned_like(x, factor, transform) for factor in factors)
    return y.apply(last.apply(x, -1), -2)


def adjoint(x: Numbers, factors: tuple[Factor, Factor], transform: str) -> Array:
    """Ay^H x conj(Ax) for x (..., y, x): the adjoint of `apply`."""
    y, last = (planned_like(x, factor, transform) for factor in factors)
    return last.adjoint(y.adjoint(x, -2), -1)
