"""Transfer functions of free space and their derivatives, worked out in float64 and stored in the working precision.

In float32 the phase k z (half a million radians for 5 cm of visible light) would cost five digits. Frequencies are in FFT order;
`fy` is a column, `fx` a row, in 1/m. Fields vary as exp(-i omega t), so propagation by +z multiplies by exp(+i kz z).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _constants
from ._fft import Transfer

METHODS = ("angular_spectrum", "fresnel", "rayleigh_sommerfeld")
CACHE_BYTES = 512 << 20  # of tables kept for calls of `propagate` to come; a planned `Propagator` holds its own


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


def axial_frequency(grid: Grid, medium: Medium) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(fz, fz - 1/lambda, decay), 1/m: fz = sqrt(1/lambda^2 - fx^2 - fy^2) where it is real, and decay its modulus where it is imaginary.

    f_z - 1/lambda is found without cancellation as -(fx^2 + fy^2) / (f_z + 1/lambda); the whole turns of z/lambda are added later.
    """
    fy, fx = grid.frequencies
    k = 1 / medium.wavelength
    transverse = np.hypot(fx, fy)
    square = (k - transverse) * (k + transverse)
    fz = np.sqrt(np.maximum(square, 0))
    return fz, np.where(square > 0, -(transverse**2) / (fz + k), -k), np.sqrt(np.maximum(-square, 0))


def band(method: str, grid: Grid, medium: Medium) -> np.ndarray:
    """True where the window samples the transfer function finely enough at this distance.

    The local frequency of its phase in fx must not exceed the half width 1 / (2 dfx) of the window, and likewise in y.
    Angular spectrum: |s_x - z fx / f_z| (Matsushima and Shimobaba, Opt. Express 17, 19662 (2009), eq. 13; with a shift s: Matsushima,
    Opt. Express 18, 18453 (2010)). The bounds are ellipses, here kept exactly and for both axes, not as their inscribed rectangle;
    without a shift: fx^2/u^2 + lambda^2 fy^2 <= 1, u = 1/(lambda sqrt((2 dfx z)^2 + 1)). Evanescent waves carry the phase of the
    shift alone, and their decay must be as slow as that: |s_x| + |z fx| / |f_z|.
    Fresnel: |s_x - lambda z fx|. Rayleigh-Sommerfeld: everything, its kernel is limited in space instead.
    """
    fy, fx = grid.frequencies
    k, z = 1 / medium.wavelength, medium.distance
    inside = np.ones(grid.window, dtype=bool)
    if method == "rayleigh_sommerfeld":
        return inside
    fz, _, decay = axial_frequency(grid, medium)
    for f, step, s in ((fx, grid.step[1], medium.shift[1]), (fy, grid.step[0], medium.shift[0])):
        half = 1 / (2 * step)
        slope = z * f
        if method == "fresnel":
            inside &= abs(s - slope / k) <= half
            continue
        # |s - z f / fz| <= half, without the division; f_z is zero on the rim between the two kinds of waves
        waves = (slope <= (s + half) * fz) & (slope >= (s - half) * fz)
        inside &= np.where(decay > 0, abs(slope) <= (half - abs(s)) * decay, waves)
    return inside


def _phase(turns: np.ndarray) -> np.ndarray:
    """exp(2 pi i turns), the whole turns taken off first."""
    return np.exp(2j * np.pi * (turns - np.rint(turns)))


def _carrier(medium: Medium) -> float:
    """z / lambda in turns without the whole ones; the remainder of two floats is exact."""
    return math.fmod(medium.distance, medium.wavelength) / medium.wavelength


def angular_spectrum(grid: Grid, medium: Medium) -> np.ndarray:
    """H = exp(2 pi i z sqrt(1/lambda^2 - fx^2 - fy^2)), complex128. Goodman, Introduction to Fourier Optics, section 3.10.

    Evanescent waves decay over |z| in either direction, or are dropped (`evanescent="drop"`).
    """
    z = medium.distance
    _, excess, decay = axial_frequency(grid, medium)
    h = _phase(np.where(decay > 0, 0.0, _carrier(medium) + z * excess))
    h *= np.exp(-2 * np.pi * abs(z) * decay) if medium.evanescent == "decay" else decay == 0
    return h


def angular_spectrum_slope(grid: Grid, medium: Medium, wrt: str) -> np.ndarray:
    """(dH/dz) / H or (dH/dlambda) / H, complex128. On the rim f_z = 0 the slope in lambda is infinite: taken as 0."""
    z, k = medium.distance, 1 / medium.wavelength
    fz, _, decay = axial_frequency(grid, medium)
    if wrt == "distance":
        return np.where(decay > 0, -2 * np.pi * np.sign(z) * decay, 2j * np.pi * fz)
    # d fz / d lambda = -k^3 / fz;  d decay / d lambda = +k^3 / decay
    safe = np.where(decay > 0, decay, fz)
    safe = np.where(safe == 0, np.inf, safe)
    return np.where(decay > 0, -2 * np.pi * abs(z), -2j * np.pi * z) * k**3 / safe


def fresnel(grid: Grid, medium: Medium) -> np.ndarray:
    """H = exp(i k z) exp(-i pi lambda z (fx^2 + fy^2)), the paraxial approximation. Goodman, section 4.2."""
    fy, fx = grid.frequencies
    return _phase(_carrier(medium) - 0.5 * medium.wavelength * medium.distance * (fx**2 + fy**2))


def fresnel_slope(grid: Grid, medium: Medium, wrt: str) -> np.ndarray:
    """(dH/dz) / H or (dH/dlambda) / H, complex128."""
    fy, fx = grid.frequencies
    square = fx**2 + fy**2
    z, wavelength = medium.distance, medium.wavelength
    if wrt == "distance":
        return 2j * np.pi * (1 / wavelength - 0.5 * wavelength * square)
    return -2j * np.pi * z * (1 / wavelength**2 + 0.5 * square)


def rayleigh_sommerfeld(grid: Grid, medium: Medium, wrt: str = "") -> np.ndarray:
    """The transform of the first Rayleigh-Sommerfeld kernel, sampled on the window's offsets, times the pixel area; complex128.

    h = z / (2 pi r^2) (1/r - i k) exp(i k r), r^2 = x^2 + y^2 + z^2: Goodman, section 3.5, for exp(-i omega t). A negative distance
    takes the conjugate of the kernel of |z|. wrt : "distance", "wavelength" for that derivative. With `band_limit`, offsets where the
    kernel oscillates faster than the pitch samples, |x| / (lambda r) > 1 / (2 dx), are left out.
    """
    z, k = abs(medium.distance), 2 * np.pi / medium.wavelength
    y, x = (
        (np.fft.fftfreq(n, 1 / n) * d + s).reshape(shape)
        for n, d, s, shape in zip(grid.window, grid.pitch, medium.shift, ((-1, 1), (1, -1)), strict=True)
    )
    square = x**2 + y**2
    r = np.sqrt(square + z * z)
    forward = Medium(z, medium.wavelength)
    wave = _phase(_carrier(forward) + square / (r + z) / medium.wavelength)  # r - z without cancellation
    kernel = z / (2 * np.pi * r**2) * (1 / r - 1j * k) * wave
    if wrt == "distance":
        kernel = kernel / z + z**2 / (2 * np.pi * r**3) * (k**2 + 3j * k / r - 3 / r**2) * wave
        kernel *= np.sign(medium.distance)
    elif wrt == "wavelength":
        kernel = -z * k**2 / (2 * np.pi * medium.wavelength * r) * wave
    if medium.distance < 0:
        kernel = kernel.conj()
    if medium.band_limit:
        dy, dx = grid.pitch
        kernel *= (2 * dx * abs(x) <= medium.wavelength * r) & (2 * dy * abs(y) <= medium.wavelength * r)
    return np.fft.fft2(kernel) * (grid.pitch[0] * grid.pitch[1])


_SMOOTH = {"angular_spectrum": (angular_spectrum, angular_spectrum_slope), "fresnel": (fresnel, fresnel_slope)}


def table(method: str, grid: Grid, medium: Medium) -> np.ndarray:
    """The transfer function with band limit and window shift, complex128 (py, px)."""
    if method == "rayleigh_sommerfeld":
        return rayleigh_sommerfeld(grid, medium)
    h = _SMOOTH[method][0](grid, medium)
    if medium.shift != (0.0, 0.0):
        fy, fx = grid.frequencies
        h = h * _phase(fy * medium.shift[0] + fx * medium.shift[1])
    if medium.band_limit:
        h = h * band(method, grid, medium)
    return h


def derivative(method: str, grid: Grid, medium: Medium, wrt: str) -> np.ndarray:
    """d table / d "distance" or "wavelength", complex128 (py, px). The band keeps its frequencies while it is differentiated."""
    if method == "rayleigh_sommerfeld":
        return rayleigh_sommerfeld(grid, medium, wrt)
    return table(method, grid, medium) * _SMOOTH[method][1](grid, medium, wrt)


_cache = _constants.Cache(CACHE_BYTES, lambda transfer: (transfer.table,))


def stack(method: str, grid: Grid, media: tuple[Medium, ...], dtype: str, device: str, ordinal: int) -> Transfer:
    """The transfer functions of several media as one `Transfer` in the working precision on the given device; cached."""

    def make() -> Transfer:
        tables = np.empty((len(media), *grid.window), dtype)
        for each, medium in zip(tables, media, strict=True):
            each[...] = table(method, grid, medium)
        if device != "cuda":
            return Transfer(tables)
        xp = _array.cupy()
        with xp.cuda.Device(ordinal):
            return Transfer(xp.asarray(tables))

    transfer: Transfer = _cache.get((method, grid, media, dtype, device, ordinal), make)
    return transfer


def stack_like(field: Any, method: str, grid: Grid, media: tuple[Medium, ...]) -> Transfer:
    """`stack` on the device and in the precision of `field`."""
    device = _array.device_of(field)
    ordinal = field.device.id if device == "cuda" else 0
    return stack(method, grid, media, field.dtype.name, "cuda" if device == "cuda" else "cpu", ordinal)
