"""Sources, apertures and the thin lens, on a plane of (ny, nx) pixels with its origin at pixel n // 2.

Everything is worked out in float64 and given in the asked precision: in float32 the phase of a lens would cost five digits.
What is given per plane may be an array (see `pnnkern.optics`); what creation functions return has the leading axes that all of it
broadcasts to. They take `like`, an array whose device (and, without `dtype`, precision) the result shares.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _array
from .._array import Array, Field, Numbers, Pair, Values
from .._checks import only, wrt_names
from .._errors import SamplingWarning
from .._gate import accepts_any
from . import _axes, _checks, masks
from ._media import unbroadcast

EDGE = np.sqrt(np.log(1000))  # radii of a Gaussian to where it is a thousandth of its peak


# -------------------------------------------------------------------------------------------------------------------- sources
@accepts_any
def plane_wave(shape: tuple[int, int], *, wavelength: Values, pitch: Pair, tilt: Pair = 0.0, dtype: DTypeLike | None = None,
               like: Numbers | None = None) -> Array:  # fmt: skip
    """A plane wave of unit amplitude in the plane z = 0: ``exp(2 pi i (y sin tilt_y + x sin tilt_x) / wavelength)``.

    Parameters
    ----------
    shape : tuple[int, int]
        (ny, nx).
    wavelength
        Metres, a scalar or (...).
    pitch
        Metres, a scalar or (dy, dx).
    tilt
        Radians, a scalar, (tilt_y, tilt_x) or (..., 2): the direction cosines of the wave along y and x are the sines of these angles.
    dtype : DTypeLike | None
        complex64 or complex128.

    Returns
    -------
    Array
        Complex (..., ny, nx).

    Raises
    ------
    ValueError
        For lengths that are not positive, for a direction beyond grazing, and for shapes that do not broadcast.

    Notes
    -----
    Warns when the pitch does not sample the tilt.
    """
    wavelengths = _checks.wavelengths(wavelength)
    pitches = _checks.pitch(pitch, wavelengths, np.inf)
    sy, sx = (np.asarray(np.sin(angle)) for angle in _checks.pairs("tilt", tilt, unit="radians"))
    steep = np.hypot(sy, sx) > 1
    if steep.any():
        raise ValueError(
            f"tilt {tilt!r:.80} has direction cosines {sy[steep][0]:.4g}, {sx[steep][0]:.4g} of squares that add up to more than 1"
        )
    w, sy, sx = _planes((), _REST, {"tilt": (sy, sx)}, wavelength=wavelengths)
    y, x = _coordinates(shape, pitches)
    _sampled("the tilted wave turns its phase", "", shape, pitches, abs(sy) / w, abs(sx) / w)
    return _made(_turns(y * sy / w) * _turns(x * sx / w), dtype, like)


@accepts_any
def gaussian_beam(shape: tuple[int, int], *, waist: Values, wavelength: Values, pitch: Pair, distance: Values = 0.0, centre: Pair = 0.0,
                  dtype: DTypeLike | None = None, like: Numbers | None = None) -> Array:  # fmt: skip
    """A Gaussian beam at `distance` behind its waist, of unit amplitude in the middle of the waist.

    ``u = (w0 / w) exp(-r^2 / w^2) exp(i k z + i k r^2 / 2R - i psi)`` with ``zR = pi w0^2 / lambda``, ``w = w0 sqrt(1 + (z/zR)^2)``, ``1/R = z
    / (z^2 + zR^2)`` and the Gouy phase ``psi = atan(z / zR)``: the paraxial closed form at any z, also before the waist.

    Parameters
    ----------
    shape : tuple[int, int]
        (ny, nx).
    waist
        w0 in metres, the radius where the amplitude is 1/e.
    wavelength, distance
        Metres. Each a scalar or (...).
    pitch
        Metres, a scalar or (dy, dx).
    centre
        Metres, of the axis: a scalar, (y, x) or (..., 2).
    dtype : DTypeLike | None
        complex64 or complex128.

    Returns
    -------
    Array
        Complex (..., ny, nx).

    Raises
    ------
    ValueError
        For lengths that are not positive and finite, and for shapes that do not broadcast.

    Notes
    -----
    Warns when the pitch does not sample the beam to a thousandth of its amplitude. Saleh and Teich, Fundamentals of Photonics, equation 3.1-7,
    for exp(-i omega t).
    """
    wavelengths, waists, distances = _checks.wavelengths(wavelength), _checks.positives("waist", waist), _checks.distances(distance)
    pitches = _checks.pitch(pitch, wavelengths, distances if np.any(distances) else np.inf)
    w, w0, z, *at = _planes((), _REST, _centre(centre), wavelength=wavelengths, waist=waists, distance=distances)
    y, x = _coordinates(shape, pitches, *at)
    rayleigh = np.pi * w0**2 / w
    growth = np.hypot(1, z / rayleigh)
    curvature = z / (z**2 + rayleigh**2)
    # what the amplitude and the bent phase span: without an edge of the field, EDGE / (pi w0) at every distance
    ends = (np.minimum(abs(t).max(axis=(-2, -1), keepdims=True), EDGE * w0 * growth) * curvature / w for t in (y, x))
    _sampled("the beam varies", "", shape, pitches, *(np.hypot(EDGE / (np.pi * w0 * growth), end) for end in ends))
    on_axis = _turns(np.fmod(z, w) / w - np.arctan(z / rayleigh) / (2 * np.pi)) / growth
    along_y, along_x = (np.exp(-((t / (w0 * growth)) ** 2)) * _turns(t**2 * curvature / (2 * w)) for t in (y, x))
    return _made(on_axis * along_y * along_x, dtype, like)


@accepts_any
def point_source(shape: tuple[int, int], *, distance: Values, wavelength: Values, pitch: Pair, centre: Pair = 0.0,
                 dtype: DTypeLike | None = None, like: Numbers | None = None) -> Array:  # fmt: skip
    """The spherical wave of a point at `distance` in front of the plane, ``(z / r) exp(i k r)``: unit amplitude at its foot.

    Parameters
    ----------
    distance
        Metres, not zero; negative is a wave that converges to a point |distance| behind the plane.
    centre
        Metres, of the point, a scalar, (y, x) or (..., 2).

    Returns
    -------
    Array
        Complex (..., ny, nx).

    Raises
    ------
    ValueError
        For lengths that are not positive and finite, for distance 0, and for shapes that do not broadcast.

    Notes
    -----
    Others as in `gaussian_beam`.

    Warns when the pitch does not sample the phase at the edge of the field, r > wavelength |distance| / (2 pitch) nearly.
    """
    wavelengths, distances = _checks.wavelengths(wavelength), _checks.distances(distance)
    if not np.all(distances):
        raise ValueError("distance must not be zero: the wave of a point in the plane itself has no finite amplitude there")
    pitches = _checks.pitch(pitch, wavelengths, distances)
    w, z, *at = _planes((), _REST, _centre(centre), wavelength=wavelengths, distance=distances)
    y, x = _coordinates(shape, pitches, *at)
    square = y**2 + x**2
    r = np.sqrt(square + z**2)
    _sampled("the wave turns its phase", " at the edge of the field", shape, pitches, abs(y) / r / w, abs(x) / r / w)
    turns = np.fmod(abs(z), w) / w + square / (r + abs(z)) / w
    return _made(abs(z) / r * _turns(np.sign(z) * turns), dtype, like)


# ------------------------------------------------------------------------------------------------------------------ apertures
@accepts_any
def circular_aperture(shape: tuple[int, int], *, radius: Values, pitch: Pair, centre: Pair = 0.0, antialias: bool = True,
                      dtype: DTypeLike | None = None, like: Numbers | None = None) -> Array:  # fmt: skip
    """A disc that is open, as an amplitude mask in [0, 1].

    Parameters
    ----------
    shape : tuple[int, int]
        (ny, nx).
    radius
        Metres, a scalar or (...).
    pitch
        Metres, a scalar or (dy, dx).
    centre
        Metres, a scalar, (y, x) or (..., 2).
    antialias : bool
        Pixels on the edge transmit the fraction of their area that is open (worked out exactly), which brings diffraction integrals closer to
        those of the true disc; else 1 where the pixel's centre is inside, 0 elsewhere.
    dtype : DTypeLike | None
        float32 or float64.

    Returns
    -------
    Array
        Real (..., ny, nx).

    Raises
    ------
    ValueError
        For lengths that are not positive and finite, and for shapes that do not broadcast.
    """
    pitches = dy, dx = _checks.pair("pitch", pitch)
    r, *at = _planes((), _REST, _centre(centre), radius=_checks.positives("radius", radius))
    y, x = _coordinates(shape, pitches, *at)
    if not antialias:
        return _made_real(y**2 + x**2 <= r**2, dtype, like)
    edges_y = np.concatenate([y - dy / 2, y[..., -1:, :] + dy / 2], axis=-2) / r
    edges_x = np.concatenate([x - dx / 2, x[..., :, -1:] + dx / 2], axis=-1) / r
    area = np.diff(np.diff(_disc_below(edges_y, edges_x), axis=-2), axis=-1)
    return _made_real(np.clip(area * r**2 / (dy * dx), 0, 1), dtype, like)


@accepts_any
def rectangular_aperture(shape: tuple[int, int], *, size: Pair, pitch: Pair, centre: Pair = 0.0, antialias: bool = True,
                         dtype: DTypeLike | None = None, like: Numbers | None = None) -> Array:  # fmt: skip
    """A rectangle that is open, as an amplitude mask in [0, 1].

    Parameters
    ----------
    size
        Metres, a scalar, (height, width) or (..., 2).

    Notes
    -----
    Others as in
        `circular_aperture`.
    """
    pitches = _checks.pair("pitch", pitch)
    *at, height, width = _planes((), _REST, _centre(centre) | {"size": _checks.pairs("size", size, positive=True)})
    sides = []
    for t, d, side in zip(_coordinates(shape, pitches, *at), pitches, (height, width), strict=True):
        covered = np.minimum(t + d / 2, side / 2) - np.maximum(t - d / 2, -side / 2)
        sides.append(np.clip(covered / d, 0, 1) if antialias else (abs(t) <= side / 2).astype(float))
    return _made_real(sides[0] * sides[1], dtype, like)


@accepts_any
def gaussian_aperture(shape: tuple[int, int], *, radius: Values, pitch: Pair, centre: Pair = 0.0, dtype: DTypeLike | None = None,
                      like: Numbers | None = None) -> Array:  # fmt: skip
    """A soft aperture ``exp(-r^2 / radius^2)``, as an amplitude mask.

    Parameters
    ----------
    radius
        Metres, where the amplitude is 1/e.

    Notes
    -----
    Warns when the pitch does not sample it to a thousandth. Others as in `circular_aperture`.
    """
    pitches = _checks.pair("pitch", pitch)
    r, *at = _planes((), _REST, _centre(centre), radius=_checks.positives("radius", radius))
    y, x = _coordinates(shape, pitches, *at)
    _sampled("the aperture varies", "", shape, pitches, *(EDGE / (np.pi * r),) * 2)
    return _made_real(np.exp(-((y / r) ** 2)) * np.exp(-((x / r) ** 2)), dtype, like)


# ----------------------------------------------------------------------------------------------------------------------- lens
@accepts_any
def lens(field: Field, *, focal_length: Values, wavelength: Values, pitch: Pair, centre: Pair = 0.0, out: Numbers | None = None) -> Array:
    """Send a field through a thin lens: ``field * exp(-i k r^2 / 2 focal_length)``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    focal_length, wavelength
        Metres, scalars or arrays that broadcast with the leading axes of `field` (see `pnnkern.optics`); a negative focal length diverges.
    pitch
        Metres, a scalar or (dy, dx).
    centre
        Metres, of the lens, a scalar, (y, x) or (..., 2).
    out : Array | None
        Where to put the result; may be `field`.

    Returns
    -------
    Array
        An array like `field`, of the leading axes that all broadcast to.

    Raises
    ------
    ValueError
        For a focal length of zero or not finite and for shapes that do not broadcast.

    Notes
    -----
    Warns when the pitch does not sample the phase at the edge of the field, r > wavelength focal_length / (2 pitch). Goodman, Introduction to
    Fourier Optics, equation 6-10 (without its constant phase).
    """
    field = _checks.complex_field("field", field)
    return masks.transmit(field, _Lens(field, focal_length, wavelength, pitch, centre).transmission, out=out)


@accepts_any
def lens_vjp(cotangent: Numbers, field: Field, *, focal_length: Values, wavelength: Values, pitch: Pair, centre: Pair = 0.0,
             wrt: str | Sequence[str] = ("field",)) -> Any:  # fmt: skip
    """The derivative of `lens`.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "focal_length".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    Other arguments as there.

    field: ``exp(i k r^2 / 2f) g``; focal_length: ``-sum k r^2 / (2 f^2) Im(conj(g) lens(field))`` in float64 (dL/dmetre), of the shape that was
    given.
    """
    names = wrt_names(wrt, ("field", "focal_length"))
    field = _checks.complex_field("field", field)
    one = _Lens(field, focal_length, wavelength, pitch, centre)
    inner = tuple({"focal_length": "transmission"}.get(n, n) for n in names)
    given = masks.transmit_vjp(cotangent, field, one.transmission, wrt=inner)
    results = dict(zip(names, (given,) if len(names) == 1 else given, strict=True))
    if "focal_length" in results:
        results["focal_length"] = unbroadcast(one.slope(results["focal_length"]), one.given)
    return only(results, names)


class _Lens:
    """exp(-i k r^2 / 2f), which is separable."""

    def __init__(self, field: Field, focal_length: Any, wavelength: Any, pitch: Any, centre: Any) -> None:
        xp, shape = _array.namespace(field), tuple(field.shape)
        focal, wavelengths = _checks.numbers("focal_length", focal_length), _checks.wavelengths(wavelength)
        if not np.isfinite(focal).all() or not np.all(focal):
            raise ValueError(f"focal_length must be finite and not zero (metres), got {focal_length!r:.80}")
        pitches = _checks.pitch(pitch, wavelengths, focal)
        self.given = focal.shape
        f, w, *at = _planes(shape[:-2], "the field", _centre(centre), focal_length=focal, wavelength=wavelengths)
        y, x = _coordinates(shape[-2:], pitches, *at)
        _sampled("the lens turns its phase", " at the edge of the field", shape[-2:], pitches, *(abs(t / (f * w)) for t in (y, x)))
        self.dtype = field.dtype
        self.along = [xp.asarray(_turns(-(t**2) / (2 * f * w))) for t in (y, x)]  # complex128 (..., ny, 1) and (..., 1, nx)
        self.bend = [xp.asarray(np.pi * t**2 / (f**2 * w)) for t in (y, x)]  # their derivatives in f, over i times themselves

    @property
    def transmission(self) -> Array:
        """(..., ny, nx), in the precision of the field."""
        return (self.along[0] * self.along[1]).astype(self.dtype, copy=False)

    def slope(self, q: Array) -> Array:
        """The derivative in f for q (..., ny, nx), that in the transmission: Re sum conj(q) dt/df."""
        turned = (q.conj() * self.along[0] * self.along[1]).imag
        return -(turned * (self.bend[0] + self.bend[1])).sum(axis=(-2, -1))


# --------------------------------------------------------------------------------------------------------------------- inside
_REST = "the other arguments"
_Pairs = dict[str, tuple[np.ndarray, np.ndarray]]


def _centre(centre: Any) -> _Pairs:
    return {"centre": _checks.pairs("centre", centre)}


def _planes(lead: tuple[int, ...], of: str, pairs: _Pairs, **given: np.ndarray) -> tuple[np.ndarray, ...]:
    """What is given per plane, and y and x of each pair, with two more axes for the pixels. Raises ValueError for what does not broadcast
    with `lead`, the leading axes `of` something."""
    _axes.leading(lead, of, {n: v.shape for n, v in given.items()}, {n: y.shape for n, (y, _) in pairs.items()})
    return tuple(v[..., None, None] for v in (*given.values(), *(t for pair in pairs.values() for t in pair)))


def _coordinates(shape: Any, pitches: tuple[float, float], cy: Any = 0.0, cx: Any = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """y (..., ny, 1) and x (..., 1, nx) from a centre (..., 1, 1), metres."""
    ny, nx = _checks.plane("shape", shape)
    y, x = ((np.arange(n) - n // 2) * d for n, d in zip((ny, nx), pitches, strict=True))
    return y[:, None] - cy, x[None, :] - cx


def _sampled(what: str, where: str, shape: Any, pitches: tuple[float, float], *frequencies: np.ndarray) -> None:
    """Warn of frequencies along y and x, 1/metre, that the pitch does not sample; a side of one pixel has none."""
    worst = max(float(np.max(f)) * d for f, d, n in zip(frequencies, pitches, shape, strict=True) if n > 1) if max(shape) > 1 else 0.0
    if worst > 0.5:
        _checks.warn(f"{what} by {worst:.3g} periods per pixel{where}: it aliases above 1/2", SamplingWarning)


def _turns(turns: np.ndarray) -> np.ndarray:
    """exp(2 pi i turns), the whole turns taken off first."""
    return np.exp(2j * np.pi * (turns - np.rint(turns)))


def _disc_below(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Area of the unit disc at ordinates below `y` and abscissas below `x`, which broadcast."""
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
