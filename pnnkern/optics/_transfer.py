"""Transfer functions of free space and their derivatives, worked out in float64 and stored in the working precision.

In float32 the phase k z (half a million radians for 5 cm of visible light) would cost five digits. Frequencies are in FFT order;
`fy` is a column, `fx` a row, in 1/m. Fields vary as exp(-i omega t), so propagation by +z multiplies by exp(+i kz z).
Without a shift a transfer function is even in both frequencies: half of each axis is worked out, and the half of the table that lies in
one piece is kept. What is worked on at a time are a few rows that stay in the cache; f_z is found once for all distances of a wavelength.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from .. import _array, _constants
from ._fft import Transfer

METHODS = ("auto", "angular_spectrum", "fresnel", "rayleigh_sommerfeld")
CACHE_BYTES = 512 << 20  # of tables kept for calls of `propagate` to come; a planned `Propagator` holds its own
PIECE = 1 << 14  # values worked on at a time


@dataclass(frozen=True)
class Grid:
    """The padded window: points (py, px), pitch (dy, dx) in metres. A side of one point is uniform along it."""

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
    """How a plane wave travels: everything but the grid that a transfer function depends on. Metres.

    finer : how many times finer than the pitch "rayleigh_sommerfeld" samples its kernel. reach : metres beyond which that kernel falls to
    zero within `fade` metres, as smoothly as the window is long; infinite where it need not.
    """

    distance: float
    wavelength: float
    shift: tuple[float, float] = (0.0, 0.0)
    band_limit: tuple[bool, bool] = (False, False)
    evanescent: str = "decay"
    method: str = "angular_spectrum"
    finer: tuple[int, int] = (1, 1)
    reach: tuple[float, float] = (math.inf, math.inf)
    fade: tuple[float, float] = (0.0, 0.0)


def distinct(grid: Grid, shift: tuple[float, float]) -> tuple[int, int]:
    """Rows and columns that differ: half of each axis along which the transfer function is even."""
    (py, px), (sy, sx) = grid.window, shift
    return (py if sy else py // 2 + 1), (px if sx else px // 2 + 1)


def _mirrored(table: np.ndarray, sx: int) -> None:
    """Fill the columns from `sx` on, which an even table repeats backward."""
    px = table.shape[-1]
    if sx < px:
        table[..., sx:] = table[..., px - sx : 0 : -1]


def _frequency_axes(grid: Grid, sides: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    fy, fx = (
        abs(np.fft.fftfreq(p, d)[:s]) if s < p else np.fft.fftfreq(p, d)
        for p, d, s in zip(grid.window, grid.pitch, sides, strict=True)
    )
    return fy[:, None], fx[None, :]


def _axial(fy: np.ndarray, fx: np.ndarray, wavelength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(fz, fz - 1/lambda, decay), 1/m: fz = sqrt(1/lambda^2 - fx^2 - fy^2) where it is real, and decay its modulus where it is imaginary.

    f_z - 1/lambda is found without cancellation as -(fx^2 + fy^2) / (f_z + 1/lambda); the whole turns of z/lambda are added later.
    """
    k = 1 / wavelength
    transverse2 = fx**2 + fy**2
    transverse = np.sqrt(transverse2)
    square = (k - transverse) * (k + transverse)
    fz = np.sqrt(np.maximum(square, 0))
    return fz, np.where(square > 0, -transverse2 / (fz + k), -k), np.sqrt(np.maximum(-square, 0))


def axial_frequency(grid: Grid, wavelength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(fz, fz - 1/lambda, decay)` on the whole window."""
    return _axial(*grid.frequencies, wavelength)


def _within(fy: np.ndarray, fx: np.ndarray, grid: Grid, medium: Medium) -> np.ndarray:
    """True where the window samples the transfer function finely enough at this distance.

    The local frequency of its phase in fx must not exceed the half width 1 / (2 dfx) of the window, and likewise in y.
    Angular spectrum: |s_x - z fx / f_z| (Matsushima and Shimobaba, Opt. Express 17, 19662 (2009), eq. 13; with a shift s: Matsushima,
    Opt. Express 18, 18453 (2010)). The bounds are ellipses, here kept exactly and for both axes, not as their inscribed rectangle;
    without a shift: fx^2/u^2 + lambda^2 fy^2 <= 1, u = 1/(lambda sqrt((2 dfx z)^2 + 1)). Evanescent waves carry the phase of the
    shift alone, and their decay must be as slow as that: |s_x| + |z fx| / |f_z|.
    Fresnel: |s_x - lambda z fx|. Rayleigh-Sommerfeld: everything, its kernel is limited in space instead.
    """
    k, z = 1 / medium.wavelength, medium.distance
    inside = np.ones(np.broadcast_shapes(fy.shape, fx.shape), dtype=bool)
    if medium.method == "rayleigh_sommerfeld":
        return inside
    fz, _, decay = _axial(fy, fx, medium.wavelength)
    sides = zip((fx, fy), grid.step[::-1], medium.shift[::-1], medium.band_limit[::-1], grid.window[::-1], strict=True)
    for f, step, s, limited, points in sides:
        if not limited or points == 1:
            continue
        half = 1 / (2 * step)
        slope = z * f
        if medium.method == "fresnel":
            inside &= abs(s - slope / k) <= half
            continue
        # |s - z f / fz| <= half, without the division; f_z is zero on the rim between the two kinds of waves
        waves = (slope <= (s + half) * fz) & (slope >= (s - half) * fz)
        inside &= np.where(decay > 0, abs(slope) <= (half - abs(s)) * decay, waves)
    return inside


def band(grid: Grid, medium: Medium) -> np.ndarray:
    """True on the window where the band limit keeps a frequency."""
    return _within(*grid.frequencies, grid, medium)


def _turn(out: np.ndarray, turns: np.ndarray, amplitude: np.ndarray | float = 1.0) -> None:
    """out = amplitude exp(2 pi i turns), the whole turns taken off first. Two real functions are faster than one complex one."""
    angle = np.rint(turns)
    np.subtract(turns, angle, out=angle)
    angle *= 2 * np.pi
    np.multiply(np.cos(angle), amplitude, out=out.real)
    np.multiply(np.sin(angle), amplitude, out=out.imag)


def _carrier(z: float, wavelength: float) -> float:
    """z / lambda in turns without the whole ones; the remainder of two floats is exact."""
    return math.fmod(z, wavelength) / wavelength


def _pieces(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, PIECE // max(1, columns))
    for first in range(0, rows, step):
        yield slice(first, min(rows, first + step))


def _angular_spectrum(
    h: np.ndarray, axial: tuple[np.ndarray, ...], fy: np.ndarray, fx: np.ndarray, medium: Medium, wrt: str
) -> None:
    """H = exp(2 pi i z sqrt(1/lambda^2 - fx^2 - fy^2)). Goodman, Introduction to Fourier Optics, section 3.10.

    Evanescent waves decay over |z| in either direction, or are dropped (`evanescent="drop"`).
    wrt "distance", "wavelength": that derivative. On the rim f_z = 0 the slope in lambda is infinite: taken as 0.
    """
    z, k = medium.distance, 1 / medium.wavelength
    fz, excess, decay = axial
    beyond = decay > 0
    turns = np.where(beyond, 0.0, _carrier(z, medium.wavelength) + z * excess)
    if beyond.any():
        _turn(h, turns, np.exp(-2 * np.pi * abs(z) * decay) if medium.evanescent == "decay" else ~beyond)
    else:
        _turn(h, turns)
    if wrt == "distance":
        h *= np.where(beyond, -2 * np.pi * np.sign(z) * decay, 2j * np.pi * fz)
    elif wrt == "wavelength":
        # d fz / d lambda = -k^3 / fz;  d decay / d lambda = +k^3 / decay
        safe = np.where(beyond, decay, fz)
        safe = np.where(safe == 0, np.inf, safe)
        h *= np.where(beyond, -2 * np.pi * abs(z), -2j * np.pi * z) * k**3 / safe


def _fresnel(h: np.ndarray, axial: tuple[np.ndarray, ...], fy: np.ndarray, fx: np.ndarray, medium: Medium, wrt: str) -> None:
    """H = exp(i k z) exp(-i pi lambda z (fx^2 + fy^2)), the paraxial approximation. Goodman, section 4.2."""
    z, wavelength = medium.distance, medium.wavelength
    square = fx**2 + fy**2
    _turn(h, _carrier(z, wavelength) - 0.5 * wavelength * z * square)
    if wrt == "distance":
        h *= 2j * np.pi * (1 / wavelength - 0.5 * wavelength * square)
    elif wrt == "wavelength":
        h *= -2j * np.pi * z * (1 / wavelength**2 + 0.5 * square)


_SPECTRAL = {"angular_spectrum": _angular_spectrum, "fresnel": _fresnel}


def _kernel(y: np.ndarray, x: np.ndarray, medium: Medium, wrt: str, pitch: tuple[float, float]) -> np.ndarray:
    """The first Rayleigh-Sommerfeld kernel at offsets y (rows, 1), x (1, columns), complex128.

    h = z / (2 pi r^2) (1/r - i k) exp(i k r), r^2 = x^2 + y^2 + z^2: Goodman, section 3.5, for exp(-i omega t). A negative distance
    takes the conjugate of the kernel of |z|. wrt : "distance", "wavelength" for that derivative. With `band_limit`, offsets where the
    kernel oscillates faster than the pitch samples, |x| / (lambda r) > 1 / (2 dx), are left out.
    """
    z, wavelength = abs(medium.distance), medium.wavelength
    k = 2 * np.pi / wavelength
    square = x**2 + y**2
    r = np.sqrt(square + z * z)
    wave = np.empty(r.shape, np.complex128)
    _turn(wave, _carrier(z, wavelength) + square / (r + z) / wavelength)  # r - z without cancellation
    if wrt == "distance":
        kernel = (1 / r - 1j * k) / (2 * np.pi * r**2) + z**2 / (2 * np.pi * r**3) * (k**2 + 3j * k / r - 3 / r**2)
        kernel *= np.sign(medium.distance)
        kernel *= wave
    elif wrt == "wavelength":
        kernel = wave
        kernel *= -z * k**2 / (2 * np.pi * wavelength * r)
    else:
        kernel = wave
        kernel *= (1 / r - 1j * k) * (z / (2 * np.pi * r**2))
    return _limited(kernel, y, x, r, medium, pitch)


def _line_kernel(x: np.ndarray, medium: Medium, wrt: str, pitch: float, axis: int) -> np.ndarray:
    """`_kernel` integrated along an axis in which the field is uniform: i k z / (2 r) H1(k r), r^2 = x^2 + z^2, H1 the Hankel function."""
    z, wavelength = abs(medium.distance), medium.wavelength
    k = 2 * np.pi / wavelength
    r = np.sqrt(x**2 + z * z)
    wave = np.empty(r.shape, np.complex128)
    _turn(wave, _carrier(z, wavelength) + x**2 / (r + z) / wavelength)
    zero, one = (scipy.special.hankel1e(order, k * r) for order in (0, 1))  # without exp(i k r)
    if wrt == "distance":
        kernel = 0.5j * k / r * (one + z**2 / r * (k * zero - 2 * one / r)) * np.sign(medium.distance)
    elif wrt == "wavelength":
        kernel = -0.5j * k**2 * z / wavelength * zero
    else:
        kernel = 0.5j * k * z / r * one
    still = np.zeros_like(x)
    return _limited(kernel * wave, *((still, x) if axis == 1 else (x, still)), r, medium, (pitch, pitch))


def _limited(
    kernel: np.ndarray, y: np.ndarray, x: np.ndarray, r: np.ndarray, medium: Medium, pitch: tuple[float, float]
) -> np.ndarray:
    """The conjugate for a negative distance; without what the pitch does not sample; fading out beyond the reach."""
    if medium.distance < 0:
        np.conj(kernel, out=kernel)
    for t, d, limited, reach, fade, s in zip(
        (y, x), pitch, medium.band_limit, medium.reach, medium.fade, medium.shift, strict=True
    ):
        if limited:
            kernel *= 2 * d * abs(t) <= medium.wavelength * r
        if fade:
            kernel *= _fading((abs(t - s) - reach) / fade)
    return kernel


def _fading(t: np.ndarray) -> np.ndarray:
    """1 up to t = 0, 0 from t = 1, and between them smooth in all derivatives: 1 / (1 + exp(1 / (1 - t) - 1 / t))."""
    out = (t <= 0).astype(float)
    inside = (t > 0) & (t < 1)
    u = t[inside]
    out[inside] = 0.5 * (1 - np.tanh(0.5 * (1 / (1 - u) - 1 / u)))
    return out


def _transformed(values: np.ndarray, axis: int, even: bool, keep: int, points: int) -> np.ndarray:
    """The DFT along an axis of samples in FFT order, `even` ones given by their first half, kept to the `keep` lowest of `points` frequencies
    (of which an even transform needs the first half)."""
    finer = points // keep
    if even and points % 2 == 0:
        out = scipy.fft.dct(values, type=1, axis=axis, overwrite_x=True)
        return out if finer == 1 else _first(out, axis, keep // 2 + 1)
    if even:
        tail = np.flip(values, axis)
        values = np.concatenate([values, tail[:-1] if axis == 0 else tail[:, :-1]], axis=axis)
        return _first(scipy.fft.fft(values, axis=axis, overwrite_x=True), axis, keep // 2 + 1)
    out = scipy.fft.fft(values, axis=axis, overwrite_x=True)
    if finer == 1:
        return out
    order = np.fft.fftfreq(keep, 1 / keep).astype(int)
    return np.take(out, order, axis=axis)


def _first(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    return values[:count] if axis == 0 else values[:, :count]


def _rayleigh_sommerfeld(out: np.ndarray, grid: Grid, medium: Medium, wrt: str) -> None:
    """The transform of the first Rayleigh-Sommerfeld kernel, sampled on the window's offsets, times the pixel area.

    A kernel that is sampled finer is kept to the frequencies of the window: the field between its samples is then the one with no
    frequencies above those of the pitch.
    """
    sides = distinct(grid, medium.shift)
    area, offsets, evens = 1.0, [], []
    for points, d, s, q, side in zip(grid.window, grid.pitch, medium.shift, medium.finer, sides, strict=True):
        even = side < points or points == 1
        count = points * q // 2 + 1 if even else points * q
        offsets.append(np.fft.fftfreq(points * q, 1 / (points * q))[:count] * (d / q))
        if even:
            offsets[-1] = abs(offsets[-1])
        else:
            offsets[-1] = offsets[-1] + s
        evens.append(even)
        area *= d / q if points > 1 else 1.0
    y, x = offsets[0][:, None], offsets[1][None, :]
    if 1 in grid.window:
        axis = 1 if grid.window[0] == 1 else 0
        line = _line_kernel(x if axis == 1 else y, medium, wrt, grid.pitch[axis], axis)
        out[:, : sides[1]] = _transformed(line, axis, evens[axis], grid.window[axis], grid.window[axis] * medium.finer[axis]) * area
        _mirrored(out, sides[1])
        return
    # rows in space, columns transformed; in the place of the result, if that has as many rows
    half = out[:, : sides[1]] if len(y) == len(out) else np.empty((len(y), sides[1]), np.complex128)
    for rows in _pieces(len(y), x.shape[1]):
        kernel = _kernel(y[rows], x, medium, wrt, grid.pitch)
        half[rows] = _transformed(kernel, 1, evens[1], grid.window[1], grid.window[1] * medium.finer[1])
    for columns in _pieces(sides[1], len(y)):
        part = half[:, columns].T.astype(np.complex128, order="C")
        whole = _transformed(part, 1, evens[0], grid.window[0], grid.window[0] * medium.finer[0])
        out[:, columns] = whole.T * area
    _mirrored(out, sides[1])


def fill(tables: np.ndarray, grid: Grid, media: Sequence[Medium], wrt: str = "") -> None:
    """The transfer functions of `media` with band limits and window shifts into `tables` (count, rows that differ, px), or their derivatives
    by "distance" or "wavelength", for which the band keeps its frequencies."""
    sides = distinct(grid, media[0].shift)
    fy, fx = _frequency_axes(grid, sides)
    groups: dict[float, list[int]] = {}
    for number, medium in enumerate(media):
        if medium.method == "rayleigh_sommerfeld":
            _rayleigh_sommerfeld(tables[number], grid, medium, wrt)
        else:
            groups.setdefault(medium.wavelength, []).append(number)
    for wavelength, numbers in groups.items():
        for rows in _pieces(sides[0], sides[1]):
            axial = _axial(fy[rows], fx, wavelength)
            h = np.empty(axial[0].shape, np.complex128)
            for number in numbers:
                medium = media[number]
                _SPECTRAL[medium.method](h, axial, fy[rows], fx, medium, wrt)
                for f, s in ((fy[rows], medium.shift[0]), (fx, medium.shift[1])):
                    if s:
                        turned = np.empty(f.shape, np.complex128)
                        _turn(turned, f * s)
                        h *= turned
                if True in medium.band_limit:
                    h *= _within(fy[rows], fx, grid, medium)
                tables[number, rows, : sides[1]] = h
                _mirrored(tables[number, rows], sides[1])


def made(grid: Grid, media: Sequence[Medium], dtype: Any = np.complex128, wrt: str = "") -> Transfer:
    """`fill` as a `Transfer` on the CPU."""
    rows, columns = distinct(grid, media[0].shift)
    tables = np.empty((len(media), rows, grid.window[1]), dtype)
    fill(tables, grid, media, wrt)
    return Transfer(tables, grid.window, columns)


_cache = _constants.Cache(CACHE_BYTES, lambda transfer: transfer.arrays)


def stack(grid: Grid, media: tuple[Medium, ...], dtype: str, device: str, ordinal: int) -> Transfer:
    """The transfer functions of several media as one `Transfer` in the working precision on the given device; cached."""

    def make() -> Transfer:
        transfer = made(grid, media, dtype)
        if device != "cuda":
            return transfer
        xp = _array.cupy()
        with xp.cuda.Device(ordinal):
            return Transfer(xp.asarray(transfer.table), grid.window, transfer.columns)

    transfer: Transfer = _cache.get((grid, media, dtype, device, ordinal), make)
    return transfer


def stack_like(field: Any, grid: Grid, media: tuple[Medium, ...]) -> Transfer:
    """`stack` on the device and in the precision of `field`."""
    device = _array.device_of(field)
    ordinal = field.device.id if device == "cuda" else 0
    return stack(grid, media, field.dtype.name, "cuda" if device == "cuda" else "cpu", ordinal)
