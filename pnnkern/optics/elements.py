"""Sources, apertures and the thin lens, on a plane of (ny, nx) pixels with its origin at pixel n // 2.

Everything is worked out in float64 and given in the asked precision: in float32 the phase of a lens would cost five digits.
Creation functions take `like`, an array whose device (and, without `dtype`, precision) the result shares.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _array
from .._array import Array, accepts_any
from .._errors import SamplingWarning
from . import _checks, masks
from ._media import unbroadcast


# -------------------------------------------------------------------------------------------------------------------- sources
@accepts_any
def plane_wave(shape: tuple[int, int], *, wavelength: float, pitch: Any, tilt: Any = 0.0, dtype: DTypeLike | None = None,
               like: Array | None = None) -> Array:  # fmt: skip
    """A plane wave of unit amplitude in the plane z = 0: ``exp(2 pi i (y sin tilt_y + x sin tilt_x) / wavelength)``.

    shape : (ny, nx). wavelength, pitch : metres, pitch a scalar or (dy, dx). tilt : radians, (tilt_y, tilt_x): the direction cosines of
    the wave along y and x are the sines of these angles. dtype : complex64 or complex128.

    Returns complex (ny, nx). Raises ValueError for lengths that are not positive and for a direction beyond grazing; warns when the
    pitch does not sample the tilt.
    """
    wavelength = _checks.positive("wavelength", wavelength)
    y, x = _coordinates(shape, _pitch(pitch, wavelength), 0.0)
    sines = [float(np.sin(a)) for a in _checks.pair("tilt", tilt, positive=False, unit="radians")]
    if np.hypot(sines[0], sines[1]) > 1:
        raise ValueError(
            f"tilt {tilt!r} has direction cosines {sines[0]:.4g}, {sines[1]:.4g} of squares that add up to more than 1"
        )
    for sine, d in zip(sines, _checks.pair("pitch", pitch), strict=True):
        if abs(sine) * d > wavelength / 2:
            _checks.warn(
                f"a tilt of sine {sine:.3g} turns its phase by {abs(sine) * d / wavelength:.3g} periods per pixel: it aliases above 1/2",
                SamplingWarning,
            )
    return _made(_turns((y * sines[0] + x * sines[1]) / wavelength), dtype, like)


@accepts_any
def gaussian_beam(shape: tuple[int, int], *, waist: float, wavelength: float, pitch: Any, distance: float = 0.0, centre: Any = 0.0,
                  dtype: DTypeLike | None = None, like: Array | None = None) -> Array:  # fmt: skip
    """A Gaussian beam at `distance` behind its waist, of unit amplitude in the middle of the waist.

    ``u = (w0 / w) exp(-r^2 / w^2) exp(i k z + i k r^2 / 2R - i psi)`` with ``zR = pi w0^2 / lambda``, ``w = w0 sqrt(1 + (z/zR)^2)``,
    ``1/R = z / (z^2 + zR^2)`` and the Gouy phase ``psi = atan(z / zR)``: the paraxial closed form at any z, also before the waist.

    shape : (ny, nx). waist : w0 in metres, the radius where the amplitude is 1/e. wavelength, pitch, distance : metres.
    centre : metres, (y, x) of the axis. dtype : complex64 or complex128.

    Returns complex (ny, nx). Raises ValueError for lengths that are not positive and finite.
    Saleh and Teich, Fundamentals of Photonics, equation 3.1-7, for exp(-i omega t).
    """
    wavelength, waist = _checks.positive("wavelength", wavelength), _checks.positive("waist", waist)
    z = _finite("distance", distance)
    y, x = _coordinates(shape, _pitch(pitch, wavelength), centre)
    rayleigh = np.pi * waist**2 / wavelength
    square = y**2 + x**2
    growth = np.hypot(1, z / rayleigh)
    curvature = z / (z**2 + rayleigh**2)
    turns = np.fmod(z, wavelength) / wavelength + square * curvature / (2 * wavelength) - np.arctan(z / rayleigh) / (2 * np.pi)
    return _made(np.exp(-square / (waist * growth) ** 2) / growth * _turns(turns), dtype, like)


@accepts_any
def point_source(shape: tuple[int, int], *, distance: float, wavelength: float, pitch: Any, centre: Any = 0.0,
                 dtype: DTypeLike | None = None, like: Array | None = None) -> Array:  # fmt: skip
    """The spherical wave of a point at `distance` in front of the plane, ``(z / r) exp(i k r)``: unit amplitude at its foot.

    distance : metres, not zero; negative is a wave that converges to a point |distance| behind the plane. centre : metres, (y, x) of
    the point. Others as in `gaussian_beam`.

    Returns complex (ny, nx). Raises ValueError for lengths that are not positive and finite, and for distance 0.
    """
    wavelength = _checks.positive("wavelength", wavelength)
    z = _finite("distance", distance)
    if z == 0:
        raise ValueError("distance must not be zero: the wave of a point in the plane itself has no finite amplitude there")
    y, x = _coordinates(shape, _pitch(pitch, wavelength), centre)
    square = y**2 + x**2
    r = np.sqrt(square + z**2)
    turns = np.fmod(abs(z), wavelength) / wavelength + square / (r + abs(z)) / wavelength
    return _made(abs(z) / r * _turns(np.sign(z) * turns), dtype, like)


# ------------------------------------------------------------------------------------------------------------------ apertures
@accepts_any
def circular_aperture(shape: tuple[int, int], *, radius: float, pitch: Any, centre: Any = 0.0, antialias: bool = True,
                      dtype: DTypeLike | None = None, like: Array | None = None) -> Array:  # fmt: skip
    """A disc that is open, as an amplitude mask in [0, 1].

    shape : (ny, nx). radius, pitch : metres. centre : metres, (y, x). dtype : float32 or float64.
    antialias : pixels on the edge transmit the fraction of their area that is open (worked out exactly), which brings diffraction
        integrals closer to those of the true disc; else 1 where the pixel's centre is inside, 0 elsewhere.

    Returns real (ny, nx). Raises ValueError for lengths that are not positive and finite.
    """
    radius, pitches = _checks.positive("radius", radius), _checks.pair("pitch", pitch)
    y, x = _coordinates(shape, pitches, centre)
    if not antialias:
        return _made_real(y**2 + x**2 <= radius**2, dtype, like)
    (dy, dx) = pitches
    edges_y = np.concatenate([y[:, 0] - dy / 2, y[-1:, 0] + dy / 2]) / radius
    edges_x = np.concatenate([x[0] - dx / 2, x[0, -1:] + dx / 2]) / radius
    area = np.diff(np.diff(_disc_below(edges_y[:, None], edges_x[None, :]), axis=0), axis=1)
    return _made_real(np.clip(area * radius**2 / (dy * dx), 0, 1), dtype, like)


@accepts_any
def rectangular_aperture(shape: tuple[int, int], *, size: Any, pitch: Any, centre: Any = 0.0, antialias: bool = True,
                         dtype: DTypeLike | None = None, like: Array | None = None) -> Array:  # fmt: skip
    """A rectangle that is open, as an amplitude mask in [0, 1]. size : (height, width) or a scalar, metres. Others as in
    `circular_aperture`."""
    sizes, pitches = _checks.pair("size", size), _checks.pair("pitch", pitch)
    sides = []
    for t, d, side in zip(_coordinates(shape, pitches, centre), pitches, sizes, strict=True):
        covered = np.minimum(t + d / 2, side / 2) - np.maximum(t - d / 2, -side / 2)
        sides.append(np.clip(covered / d, 0, 1) if antialias else (abs(t) <= side / 2).astype(float))
    return _made_real(sides[0] * sides[1], dtype, like)


@accepts_any
def gaussian_aperture(shape: tuple[int, int], *, radius: float, pitch: Any, centre: Any = 0.0, dtype: DTypeLike | None = None,
                      like: Array | None = None) -> Array:  # fmt: skip
    """A soft aperture ``exp(-r^2 / radius^2)``, as an amplitude mask. radius : metres, where the amplitude is 1/e. Others as in
    `circular_aperture`."""
    radius = _checks.positive("radius", radius)
    y, x = _coordinates(shape, _checks.pair("pitch", pitch), centre)
    return _made_real(np.exp(-(y**2 + x**2) / radius**2), dtype, like)


# ----------------------------------------------------------------------------------------------------------------------- lens
@accepts_any
def lens(field: Array, *, focal_length: Any, wavelength: Any, pitch: Any, centre: Any = 0.0, out: Array | None = None) -> Array:
    """Send a field through a thin lens: ``field * exp(-i k r^2 / 2 focal_length)``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    focal_length, wavelength : metres, scalars or arrays over the first axes of `field`; a negative focal length diverges.
    pitch : metres, a scalar or (dy, dx). centre : metres, (y, x) of the lens. out : where to put the result; may be `field`.

    Returns an array like `field`. Raises ValueError for a focal length of zero or not finite; warns when the pitch does not sample the
    phase at the edge of the field, r > wavelength focal_length / (2 pitch).
    Goodman, Introduction to Fourier Optics, equation 6-10 (without its constant phase).
    """
    field = _checks.complex_field("field", field)
    return masks.transmit(field, _Lens(field, focal_length, wavelength, pitch, centre).transmission.astype(field.dtype), out=out)


@accepts_any
def lens_vjp(cotangent: Array, field: Array, *, focal_length: Any, wavelength: Any, pitch: Any, centre: Any = 0.0,
             wrt: Any = ("field",)) -> Any:  # fmt: skip
    """The derivative of `lens`. cotangent : like its result. wrt : any of "field", "focal_length". Other arguments as there.

    field: ``exp(i k r^2 / 2f) g``; focal_length: ``-sum k r^2 / (2 f^2) Im(conj(g) lens(field))`` in float64 (dL/dmetre), of the shape
    that was given. Returns one array, or a tuple in the order of `wrt`.
    """
    names = _checks.chosen(wrt, ("field", "focal_length"))
    field = _checks.complex_field("field", field)
    one = _Lens(field, focal_length, wavelength, pitch, centre)
    inner = tuple({"focal_length": "transmission"}.get(n, n) for n in names)
    given = masks.transmit_vjp(cotangent, field, one.transmission.astype(field.dtype), wrt=inner)
    results = dict(zip(names, (given,) if len(names) == 1 else given, strict=True))
    if "focal_length" in results:
        slope = (results["focal_length"].conj() * one.transmission * one.slope).real.sum(axis=(-2, -1))
        results["focal_length"] = unbroadcast(slope, one.given)
    return _checks.only(results, names)


class _Lens:
    """`transmission` exp(-i k r^2 / 2f), complex128 (..., ny, nx), and `slope`, its derivative in f over itself."""

    def __init__(self, field: Array, focal_length: Any, wavelength: Any, pitch: Any, centre: Any) -> None:
        xp = _array.namespace(field)
        f, wavelengths = _checks.numbers("focal_length", focal_length), _checks.wavelengths(wavelength)
        if not np.isfinite(f).all() or not np.all(f):
            raise ValueError(f"focal_length must be finite and not zero (metres), got {focal_length!r:.80}")
        pitches = _checks.pitch(pitch, wavelengths)
        y, x = _coordinates(tuple(field.shape[-2:]), pitches, centre)
        self.given = f.shape
        product = (f * wavelengths)[..., None, None]
        worst = max(float(abs(t).max()) * d for t, d in ((y, pitches[0]), (x, pitches[1]))) / float(abs(product).min())
        if worst > 0.5:
            _checks.warn(
                f"the lens turns its phase by {worst:.3g} periods per pixel at the edge of the field: it aliases above 1/2",
                SamplingWarning,
            )
        square = y**2 + x**2
        self.transmission = xp.asarray(_turns(-square / (2 * product)))
        self.slope = xp.asarray(1j * np.pi * square / (product * f[..., None, None]))


# --------------------------------------------------------------------------------------------------------------------- inside
def _coordinates(shape: Any, pitches: tuple[float, float], centre: Any) -> tuple[np.ndarray, np.ndarray]:
    """y (ny, 1) and x (1, nx) from `centre`, metres."""
    ny, nx = _checks.plane("shape", shape)
    at = _checks.pair("centre", centre, positive=False)
    y, x = ((np.arange(n) - n // 2) * d - c for n, d, c in zip((ny, nx), pitches, at, strict=True))
    return y[:, None], x[None, :]


def _pitch(pitch: Any, wavelength: float) -> tuple[float, float]:
    return _checks.pitch(pitch, np.array(wavelength))


def _finite(name: str, value: Any) -> float:
    number = _checks.numbers(name, value)
    if number.shape != () or not np.isfinite(number):
        raise ValueError(f"{name} must be one finite number (metres), got {value!r:.80}")
    return float(number)


def _turns(turns: np.ndarray) -> np.ndarray:
    """exp(2 pi i turns), the whole turns taken off first."""
    return np.exp(2j * np.pi * (turns - np.rint(turns)))


def _disc_below(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Area of the unit disc at ordinates below `y` and abscissas below `x`."""
    y, x = np.broadcast_arrays(np.clip(y, -1, 1), np.clip(x, -1, 1))
    half = np.sqrt(1 - y**2)  # half the chord at y

    def sector(t: np.ndarray) -> np.ndarray:
        """The area between the circle and its diameter, from abscissa 0 to t."""
        return 0.5 * (t * np.sqrt(1 - t**2) + np.arcsin(t))

    # Left of -half and right of +half the disc lies wholly below y (y > 0) or above it (y < 0); between, it is cut at y.
    left, right = np.minimum(x, -half), np.maximum(x, half)
    middle = np.clip(x, -half, half)
    outer = 2 * (sector(left) - sector(np.full_like(x, -1.0))) + 2 * (sector(right) - sector(half))
    return np.where(y > 0, outer, 0.0) + y * (middle + half) + sector(middle) - sector(-half)


def _made(values: np.ndarray, dtype: DTypeLike | None, like: Array | None) -> Array:
    return _cast(values, dtype, like, (np.complex64, np.complex128))


def _made_real(values: np.ndarray, dtype: DTypeLike | None, like: Array | None) -> Array:
    return _cast(values, dtype, like, (np.float32, np.float64))


def _cast(values: np.ndarray, dtype: DTypeLike | None, like: Array | None, allowed: tuple[type, type]) -> Array:
    """`values` in `dtype`, else in the precision of `like`, else in single precision, on the device of `like`."""
    if dtype is None:
        double = like is not None and np.dtype(like.dtype) in (np.float64, np.complex128)
        dtype = allowed[1] if double else allowed[0]
    if np.dtype(dtype) not in allowed:
        raise TypeError(f"dtype must be {allowed[0].__name__} or {allowed[1].__name__}, got {np.dtype(dtype)}")
    return (np if like is None else _array.namespace(like)).asarray(values.astype(dtype))
