"""Transfer functions of free space, worked out in float64 and stored in the working precision.

In float32 the phase k z (half a million radians for 5 cm of visible light) would cost five digits. Frequencies are in FFT order;
`fy` is a column, `fx` a row, in 1/m. Fields vary as exp(-i omega t), so propagation by +z multiplies by exp(+i kz z).
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array
from ._fft import Transfer


@dataclass(frozen=True)
class Grid:
    """The padded window: points (py, px), pitch (dy, dx) in metres."""

    window: tuple[int, int]
    pitch: tuple[float, float]

    @property
    def step(self) -> tuple[float, float]:
        """Frequency steps (dfy, dfx) = 1 / (points pitch), 1/m."""
        return 1 / (self.window[0] * self.pitch[0]), 1 / (self.window[1] * self.pitch[1])

    @property
    def frequencies(self) -> tuple[np.ndarray, np.ndarray]:
        """fy (py, 1) and fx (1, px), 1/m, in FFT order."""
        return np.fft.fftfreq(self.window[0], self.pitch[0])[:, None], np.fft.fftfreq(self.window[1], self.pitch[1])[None, :]


@dataclass(frozen=True)
class Medium:
    """How a plane wave travels: everything but the grid that a transfer function depends on. Metres."""

    distance: float
    wavelength: float
    shift: tuple[float, float] = (0.0, 0.0)
    band_limit: bool = True
    evanescent: str = "decay"


def axial_frequency(grid: Grid, medium: Medium) -> tuple[np.ndarray, np.ndarray]:
    """(fz - 1/lambda, decay) in 1/m: f_z = sqrt(1/lambda^2 - fx^2 - fy^2) where it is real, and its modulus where it is imaginary.

    f_z - 1/lambda is found without cancellation as -(fx^2 + fy^2) / (f_z + 1/lambda); the whole turns of z/lambda are added later.
    """
    fy, fx = grid.frequencies
    k = 1 / medium.wavelength
    transverse = np.hypot(fx, fy)
    square = (k - transverse) * (k + transverse)
    fz = np.sqrt(np.maximum(square, 0))
    return np.where(square > 0, -(transverse**2) / (fz + k), -k), np.sqrt(np.maximum(-square, 0))


def propagating(grid: Grid, medium: Medium) -> np.ndarray:
    """True where a plane wave propagates: fx^2 + fy^2 < 1/lambda^2."""
    fy, fx = grid.frequencies
    return np.hypot(fx, fy) < 1 / medium.wavelength


def band(grid: Grid, medium: Medium) -> np.ndarray:
    """True where exp(2 pi i (f_z z + f.s)) is sampled finely enough by the window.

    The local frequency of the phase in fx, |s_x - z fx / f_z|, must not exceed 1 / (2 dfx), and likewise in y (Matsushima and
    Shimobaba, Opt. Express 17, 19662 (2009), eq. 13, and Matsushima, Opt. Express 18, 18453 (2010) with a shift): the bounds are
    ellipses, here kept exactly and for both axes. Without a shift: fx^2/u^2 + lambda^2 fy^2 <= 1, u = 1/(lambda sqrt((2 dfx z)^2 + 1)).
    """
    fy, fx = grid.frequencies
    k, z = 1 / medium.wavelength, medium.distance
    inside = np.ones(grid.window, dtype=bool)
    for f, other, step, s in ((fx, fy, grid.step[1], medium.shift[1]), (fy, fx, grid.step[0], medium.shift[0])):
        # |s - z f / fz| <= h  <=>  s - h <= z f / fz <= s + h,  with fz = sqrt(k^2 - f^2 - other^2)
        h = 1 / (2 * step)
        fz = np.sqrt(np.maximum((k - f) * (k + f) - other**2, 0))
        slope = z * f
        inside &= (slope <= (s + h) * fz) & (slope >= (s - h) * fz)
    return inside


def _phase(turns: np.ndarray) -> np.ndarray:
    """exp(2 pi i turns), the whole turns taken off first."""
    return np.exp(2j * np.pi * (turns - np.rint(turns)))


def angular_spectrum(grid: Grid, medium: Medium) -> np.ndarray:
    """H = exp(2 pi i z sqrt(1/lambda^2 - fx^2 - fy^2)), complex128. Goodman, Introduction to Fourier Optics, section 3.10.

    Evanescent waves decay over |z| in either direction, or are dropped (`evanescent="drop"`).
    """
    z, k = medium.distance, 1 / medium.wavelength
    excess, decay = axial_frequency(grid, medium)
    h = _phase(np.where(decay > 0, 0.0, np.fmod(z * k, 1.0) + z * excess))
    h *= np.exp(-2 * np.pi * abs(z) * decay) if medium.evanescent == "decay" else decay == 0
    return h


def angular_spectrum_derivative(grid: Grid, medium: Medium, wrt: str) -> np.ndarray:
    """(dH/dz) / H or (dH/dlambda) / H, complex128."""
    z, k = medium.distance, 1 / medium.wavelength
    excess, decay = axial_frequency(grid, medium)
    fz = np.where(decay > 0, 0.0, k + excess)
    if wrt == "distance":
        return np.where(decay > 0, -2 * np.pi * np.sign(z) * decay, 2j * np.pi * fz)
    # d fz / d lambda = -k^3 / fz;  d decay / d lambda = +k^3 / decay
    safe = np.where(decay > 0, decay, fz)
    safe = np.where(safe == 0, np.inf, safe)
    return np.where(decay > 0, -2 * np.pi * abs(z), -2j * np.pi * z) * k**3 / safe


def fresnel(grid: Grid, medium: Medium) -> np.ndarray:
    """H = exp(i k z) exp(-i pi lambda z (fx^2 + fy^2)), the paraxial approximation. Goodman, section 4.2."""
    fy, fx = grid.frequencies
    z = medium.distance
    return _phase(np.fmod(z / medium.wavelength, 1.0) - 0.5 * medium.wavelength * z * (fx**2 + fy**2))


def fresnel_derivative(grid: Grid, medium: Medium, wrt: str) -> np.ndarray:
    """(dH/dz) / H or (dH/dlambda) / H, complex128."""
    fy, fx = grid.frequencies
    square = fx**2 + fy**2
    z, wavelength = medium.distance, medium.wavelength
    if wrt == "distance":
        return 2j * np.pi * (1 / wavelength - 0.5 * wavelength * square)
    return -2j * np.pi * z * (1 / wavelength**2 + 0.5 * square)


METHODS = {"angular_spectrum": (angular_spectrum, angular_spectrum_derivative), "fresnel": (fresnel, fresnel_derivative)}


def table(method: str, grid: Grid, medium: Medium) -> np.ndarray:
    """The transfer function with band limit and window shift, complex128 (py, px)."""
    h = METHODS[method][0](grid, medium)
    if medium.shift != (0.0, 0.0):
        fy, fx = grid.frequencies
        h = h * _phase(fy * medium.shift[0] + fx * medium.shift[1])
    if medium.band_limit:
        h = h * band(grid, medium)
    return h


@functools.lru_cache(maxsize=16)
def stack(method: str, grid: Grid, media: tuple[Medium, ...], dtype: str, device: str, ordinal: int) -> Transfer:
    """The transfer functions of several media as one `Transfer` in the working precision on the given device; cached."""
    tables = np.stack([table(method, grid, medium) for medium in media]).astype(dtype)
    return Transfer(tables if device != "cuda" else _array.cupy().asarray(tables))


def stack_like(field: Any, method: str, grid: Grid, media: tuple[Medium, ...]) -> Transfer:
    """`stack` on the device and in the precision of `field`."""
    device = _array.device_of(field)
    ordinal = field.device.id if device == "cuda" else 0
    return stack(method, grid, media, field.dtype.name, "cuda" if device == "cuda" else "cpu", ordinal)
