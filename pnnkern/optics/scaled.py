"""Propagation to an output window of any pitch, size and place, and the Fraunhofer far field.

The output is a separable transform of the field (Fresnel, Fraunhofer) or of its propagated spectrum (angular spectrum), so that it
can be asked for on any uniform grid: zoomed into a focus, or stretched over a wide far field.
"""

from typing import Any, Protocol

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, accepts_any
from .._errors import SamplingWarning
from . import _checks, _fft, _separable, _transfer
from ._media import Media, unbroadcast
from ._separable import Factor, Line
from ._transfer import Grid, Medium

METHODS = ("angular_spectrum", "fresnel", "fraunhofer")
_WRT = ("field", "distance", "wavelength")


@accepts_any
def propagate_scaled(field: Array, *, distance: Any, wavelength: Any, pitch: Any, out_pitch: Any,
                     out_shape: tuple[int, int] | None = None, shift: Any = 0.0, method: str = "angular_spectrum",
                     transform: str = "matrix", pad: float = 2, band_limit: bool = True, evanescent: str = "decay") -> Array:  # fmt: skip
    """Propagate a field to a parallel plane, sampled there with another pitch.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude; varies as exp(-i omega t).
    distance, wavelength : metres; scalars or arrays that broadcast with the leading axes of `field`. Negative distances propagate back.
    pitch, out_pitch : metres, scalars or (dy, dx), of the field and of the result.
    out_shape : (my, mx) pixels of the result, if not those of `field`. Both planes have their origin at n // 2.
    shift : metres, (sy, sx): the output window lies this far from the axis of the input window.
    method : "angular_spectrum" (exact: the spectrum of `propagate`, summed at the asked points; its window grows beyond `pad` so as to
        hold the output, except that `pad=1` stays periodic), "fresnel" (the paraxial convolution, each output point summed directly), or
        "fraunhofer" (the same without the quadratic phase of the source: for distance >> size^2 / wavelength).
    transform : "matrix" (triple product of matrices) or "chirp_z" (FFTs; faster for large planes). The same result but for rounding.
    pad, band_limit, evanescent : as in `propagate`, for "angular_spectrum".

    Returns an array like `field`, of shape (..., my, mx). Raises as `propagate`, and ValueError for distance 0 with "fresnel" or
    "fraunhofer". Warns when the pitch does not sample the phase that "fresnel" and "fraunhofer" sum, so that the result repeats itself
    within the output window.
    Goodman, Introduction to Fourier Optics, sections 3.10, 4.2 and 4.3; Soummer et al., Opt. Express 15, 15935 (2007) for the matrices.
    """
    field = _checks.complex_field("field", field)
    plan = _scaled(tuple(field.shape[-2:]), distance, wavelength, pitch, out_pitch, out_shape, shift, method, transform, pad, band_limit,
                   evanescent)  # fmt: skip
    return _forward(plan, field)


@accepts_any
def propagate_scaled_vjp(cotangent: Array, field: Array, *, distance: Any, wavelength: Any, pitch: Any, out_pitch: Any,
                         out_shape: tuple[int, int] | None = None, shift: Any = 0.0, method: str = "angular_spectrum",
                         transform: str = "matrix", pad: float = 2, band_limit: bool = True, evanescent: str = "decay",
                         wrt: Any = ("field",)) -> Any:  # fmt: skip
    """The derivative of `propagate_scaled` by its adjoint. cotangent : like its result. Other arguments as there.

    wrt : any of "field" (the conjugate transpose), "distance", "wavelength" (``Re sum conj(g) dU`` in float64, dL/dmetre, summed to the
        shape that was given, the output grid held).

    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    plan = _scaled(tuple(field.shape[-2:]), distance, wavelength, pitch, out_pitch, out_shape, shift, method, transform, pad, band_limit,
                   evanescent)  # fmt: skip
    return _vjp(plan, cotangent, field, wrt)


@accepts_any
def fraunhofer(field: Array, *, distance: Any, wavelength: Any, pitch: Any, pad: float = 1) -> Array:
    """The far field of a plane by a single FFT, on the grid that comes out of it: ``fraunhofer_pitch`` wide pixels.

    ``U(x) = exp(i k z) / (i lambda z) exp(i k x^2 / 2z) sum u(x') exp(-2 pi i x x' / (lambda z)) dy dx``; its energy, sum |U|^2 times
    the area of an output pixel, is that of the field.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    distance, wavelength : metres; scalars or arrays that broadcast with the leading axes of `field`. Distance not zero, and
        >> size^2 / wavelength for this approximation; or |distance| the focal length of a lens.
    pitch : metres, a scalar or (dy, dx).
    pad : linear size of the zero-padded window in fields (rounded up to a 5-smooth length), which is also the shape of the result; the
        output pixels are that much finer.

    Returns an array like `field`, of shape (..., py, px), origin at p // 2. Raises as `propagate`, and ValueError for distance 0.
    Goodman, Introduction to Fourier Optics, section 4.3.
    """
    field = _checks.complex_field("field", field)
    return _forward(_FarField(tuple(field.shape[-2:]), Media(distance, wavelength), pitch, pad), field)


@accepts_any
def fraunhofer_vjp(cotangent: Array, field: Array, *, distance: Any, wavelength: Any, pitch: Any, pad: float = 1,
                   wrt: Any = ("field",)) -> Any:  # fmt: skip
    """The derivative of `fraunhofer` by its adjoint. cotangent : like its result. Other arguments as there.

    wrt : any of "field", "distance", "wavelength" (dL/dmetre in float64, at fixed output pixels, whose pitch moves along).
    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    return _vjp(_FarField(tuple(field.shape[-2:]), Media(distance, wavelength), pitch, pad), cotangent, field, wrt)


def fraunhofer_pitch(
    shape: tuple[int, int], *, distance: float, wavelength: float, pitch: Any, pad: float = 1
) -> tuple[float, float]:
    """The pitch (dy, dx) of `fraunhofer`'s result, ``wavelength |distance| / (p pitch)``, metres, for fields of shape (ny, nx)."""
    far = _FarField(_checks.plane("shape", shape), Media(distance, wavelength), pitch, pad)
    if len(far.lines.pairs) != 1:
        raise ValueError("fraunhofer_pitch takes one distance and one wavelength: each pair has another pitch")
    (z, w), (fy, fx) = far.lines.pairs[0], far.grid.step
    return w * abs(z) * fy, w * abs(z) * fx


# --------------------------------------------------------------------------------------------------------------------- inside
class _Map(Protocol):
    """A linear map of fields for each distinct (distance, wavelength) of `lines`.

    one : fields (count, *shape) through medium `number`, to (count, *out_shape). one_adjoint : its conjugate transpose. slopes :
    Re sum conj(cotangent) d one(field) / d name for each field, all complex128. points : values of the largest array per field.
    """

    shape: tuple[int, int]
    out_shape: tuple[int, int]
    points: int
    lines: Media

    def one(self, fields: Array, number: int) -> Array: ...

    def one_adjoint(self, cotangents: Array, number: int) -> Array: ...

    def slopes(self, cotangents: Array, fields: Array, number: int, name: str) -> Array: ...


def _groups(plan: _Map, index: np.ndarray, like: Array) -> Any:
    """(medium, which fields) in chunks that fit the memory."""
    chunk = _array.chunk(like, plan.points * like.dtype.itemsize * 4)
    for number in range(len(plan.lines.pairs)):
        members = np.flatnonzero(index == number)
        for part in _parallel.pieces(len(members), chunk):
            yield number, members[part]


def _mapped(plan: _Map, fields: Array, index: np.ndarray, adjoint: bool) -> Array:
    xp = _array.namespace(fields)
    out = xp.empty((len(fields), *(plan.shape if adjoint else plan.out_shape)), fields.dtype)
    for number, some in _groups(plan, index, fields):
        out[some] = (plan.one_adjoint if adjoint else plan.one)(fields[some], number)
    # A NaN anywhere in a field spreads over all of its transform: one value each tells.
    _launch.launch("optics/spectrum", "finite", out.dtype, len(out), out[0].size, out, threads=len(out))
    return out


def _forward(plan: _Map, field: Array) -> Array:
    lead = plan.lines.out_lead(field.shape[:-2])
    return _mapped(plan, plan.lines.expand(field), plan.lines.index(lead), adjoint=False).reshape(*lead, *plan.out_shape)


def _vjp(plan: _Map, cotangent: Any, field: Array, wrt: Any) -> Any:
    names = _checks.chosen(wrt, _WRT)
    lead = plan.lines.out_lead(field.shape[:-2])
    cotangent = _checks.like("cotangent", cotangent, "the propagated field", (*lead, *plan.out_shape), field.dtype)
    flat, index = cotangent.reshape(-1, *plan.out_shape), plan.lines.index(lead)
    xp = _array.namespace(field)
    results: dict[str, Any] = {}
    if "field" in names:
        back = _mapped(plan, flat, index, adjoint=True)
        results["field"] = unbroadcast(back.reshape(*lead, *plan.shape), field.shape)
    for name in names:
        if name != "field":
            u = plan.lines.expand(field)
            slopes = xp.empty(len(u), np.float64)
            for number, some in _groups(plan, index, flat.astype(np.complex128)):
                slopes[some] = plan.slopes(flat[some].astype(np.complex128), u[some].astype(np.complex128), number, name)
            if xp is np and not np.isfinite(slopes).all():
                raise ValueError("the field or the cotangent has NaN or infinite values")
            results[name] = plan.lines.gradient(name, slopes.reshape(lead))
    return _checks.only(results, names)


def _overlap(a: Array, b: Array) -> Array:
    """sum conj(a) b over each plane."""
    return (a.conj() * b).sum(axis=(-2, -1))


def _scaled(shape: tuple[int, int], distance: Any, wavelength: Any, pitch: Any, out_pitch: Any, out_shape: tuple[int, int] | None,
            shift: Any, method: str, transform: str, pad: float, band_limit: bool, evanescent: str) -> _Map:  # fmt: skip
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if transform not in _separable.TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(_separable.TRANSFORMS)}, got {transform!r}")
    if evanescent not in ("decay", "drop"):
        raise ValueError(f"evanescent must be 'decay' or 'drop', got {evanescent!r}")
    lines = Media(distance, wavelength)
    pitches = _checks.pitch(pitch, lines.wavelength)
    out_pitches = _checks.pair("out_pitch", out_pitch)
    out = shape if out_shape is None else _checks.plane("out_shape", out_shape)
    at = _checks.pair("shift", shift, positive=False)
    pad = _checks.padding(pad)
    if method == "angular_spectrum":
        return _Zoomed(shape, out, lines, pitches, out_pitches, at, transform, pad, band_limit, evanescent)
    return _Direct(shape, out, lines, pitches, out_pitches, at, transform, method)


def _not_zero(lines: Media, method: str) -> None:
    if not np.all(lines.distance):
        raise ValueError(f"distance must not be zero for {method}: its phase k x^2 / 2 distance has no limit there")


class _Zoomed:
    """The propagated spectrum, summed at the points of the output: ``Ey (H F) Ex^T``."""

    def __init__(self, shape: tuple[int, int], out_shape: tuple[int, int], lines: Media, pitch: tuple[float, float],
                 out_pitch: tuple[float, float], shift: tuple[float, float], transform: str, pad: float, band_limit: bool,
                 evanescent: str) -> None:  # fmt: skip
        self.shape, self.out_shape, self.lines, self.transform = shape, out_shape, lines, transform
        # Both windows side by side must fit the periodic one.
        fields = [
            1.0 if pad == 1 else max(pad, 1 + m * a / (n * d))
            for n, m, a, d in zip(shape, out_shape, out_pitch, pitch, strict=True)
        ]
        window = (_fft.window_side(shape[0], fields[0]), _fft.window_side(shape[1], fields[1]))
        self.grid = Grid(window, pitch)
        self.points = window[0] * window[1]
        self.media = tuple(Medium(z, w, shift, bool(band_limit), evanescent) for z, w in lines.pairs)
        one, two = (
            Factor(Line.centred(m, a), Line.centred(p, f), 1.0, tilt=(n // 2) * d, scale=1 / p)
            for m, a, p, f, n, d in zip(out_shape, out_pitch, window, self.grid.step, shape, pitch, strict=True)
        )
        self.factors = (one, two)

    def _transfer(self, like: Array, number: int) -> Array:
        return _transfer.stack_like(like, "angular_spectrum", self.grid, self.media[number : number + 1]).table[0]

    def one(self, fields: Array, number: int) -> Array:
        spectrum = _fft.spectrum(fields, self.grid.window) * self._transfer(fields, number)
        return _separable.apply(_array.namespace(fields).fft.fftshift(spectrum, axes=(-2, -1)), self.factors, self.transform)

    def _back(self, cotangents: Array) -> Array:
        spectrum = _separable.adjoint(cotangents, self.factors, self.transform)
        return _array.namespace(cotangents).fft.ifftshift(spectrum, axes=(-2, -1))

    def one_adjoint(self, cotangents: Array, number: int) -> Array:
        spectrum = self._back(cotangents) * self._transfer(cotangents, number).conj()
        (ny, nx), fft = self.shape, _array.scipy_fft(cotangents)
        return fft.ifft(fft.ifft(spectrum, axis=-2, norm="forward")[:, :ny], axis=-1, norm="forward")[:, :, :nx]

    def slopes(self, cotangents: Array, fields: Array, number: int, name: str) -> Array:
        dh = _array.namespace(fields).asarray(_transfer.derivative("angular_spectrum", self.grid, self.media[number], name))
        return _overlap(self._back(cotangents), _fft.spectrum(fields, self.grid.window) * dh).real


class _Direct:
    """The Fresnel or Fraunhofer integral, summed directly: ``exp(ikz)/(i lambda z) sum u(x') exp(2 pi i q(x, x') / (lambda z)) dy dx``
    with q = (x - x')^2 / 2, or without its x'^2."""

    def __init__(self, shape: tuple[int, int], out_shape: tuple[int, int], lines: Media, pitch: tuple[float, float],
                 out_pitch: tuple[float, float], shift: tuple[float, float], transform: str, method: str) -> None:  # fmt: skip
        _not_zero(lines, method)
        self.shape, self.out_shape, self.lines, self.transform = shape, out_shape, lines, transform
        self.points = max(shape[0], out_shape[0]) * max(shape[1], out_shape[1])
        self.source = [Line.centred(n, d) for n, d in zip(shape, pitch, strict=True)]
        self.out = [Line.centred(m, a, s) for m, a, s in zip(out_shape, out_pitch, shift, strict=True)]
        self.bend = 0.5 if method == "fresnel" else 0.0
        self.area = pitch[0] * pitch[1]
        nearest = min(abs(z) * w for z, w in lines.pairs)
        for axis, source, out, d in zip("yx", self.source, self.out, pitch, strict=True):
            reach = out.reach + (source.reach if method == "fresnel" else 0)
            if reach > nearest / (2 * d) * (1 + 1e-9):
                _checks.warn(
                    f"at the smallest wavelength |distance|, the {method} sum repeats itself along {axis} every "
                    f"wavelength |distance| / pitch = {nearest / d:.3g} m, but the output reaches {reach:.3g} m from the "
                    f"{'far edge of the field' if method == 'fresnel' else 'axis'}: more than half of that",
                    SamplingWarning,
                )

    def _factors(self, number: int) -> tuple[Factor, Factor]:
        z, w = self.lines.pairs[number]
        size = w * z
        turns = np.fmod(z, w) / w
        scale = complex(np.exp(2j * np.pi * turns) / (1j * size) * self.area)
        y, x = (
            Factor(out, source, -1 / size, 0.5 / size, self.bend / size, scale=c)
            for out, source, c in zip(self.out, self.source, (scale, 1.0), strict=True)
        )
        return y, x

    def one(self, fields: Array, number: int) -> Array:
        return _separable.apply(fields, self._factors(number), self.transform)

    def one_adjoint(self, cotangents: Array, number: int) -> Array:
        return _separable.adjoint(cotangents, self._factors(number), self.transform)

    def slopes(self, cotangents: Array, fields: Array, number: int, name: str) -> Array:
        xp = _array.namespace(fields)
        z, w = self.lines.pairs[number]
        # d/dp of log scale, and of 1 / (w z) over itself
        common, rate = (2j * np.pi / w - 1 / z, -1 / z) if name == "distance" else (-2j * np.pi * z / w**2 - 1 / w, -1 / w)
        plain, changed = [], []
        for factor in self._factors(number):
            x, y = factor.out.points[:, None], factor.into.points[None, :]
            q = 0.5 * x**2 - x * y + self.bend * y**2
            a = factor.matrix()
            plain.append(xp.asarray(a))
            changed.append(xp.asarray(a * (2j * np.pi * q * rate / (w * z))))
        (ay, ax), (dy, dx) = plain, changed
        right = fields @ ax.T
        change = common * (ay @ right) + dy @ right + ay @ (fields @ dx.T)
        return _overlap(cotangents, change).real


class _FarField:
    """The Fraunhofer integral by one FFT: the spectrum at f = x / (lambda z), times its prefactors. Distances below zero run as the
    complex conjugate of those above."""

    def __init__(self, shape: tuple[int, int], lines: Media, pitch: Any, pad: float) -> None:
        _not_zero(lines, "fraunhofer")
        self.shape, self.lines = shape, lines
        pitches, pad = _checks.pitch(pitch, lines.wavelength), _checks.padding(pad)
        self.out_shape = (_fft.window_side(shape[0], pad), _fft.window_side(shape[1], pad))
        self.grid = Grid(self.out_shape, pitches)
        self.points = self.out_shape[0] * self.out_shape[1]

    def _prefactor(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """What multiplies the spectrum of a field in the corner of the window, complex128, for |z|; and f^2."""
        z, w = abs(self.lines.pairs[number][0]), self.lines.pairs[number][1]
        fy, fx = self.grid.frequencies
        (dy, dx), (ny, nx) = self.grid.pitch, self.shape
        square = fy**2 + fx**2
        turns = np.fmod(z, w) / w + 0.5 * w * z * square + fy * (ny // 2 * dy) + fx * (nx // 2 * dx)
        return dy * dx / (1j * w * z) * np.exp(2j * np.pi * (turns - np.rint(turns))), square

    def _flip(self, x: Array, number: int) -> Array:
        return x.conj() if self.lines.pairs[number][0] < 0 else x

    def one(self, fields: Array, number: int) -> Array:
        xp = _array.namespace(fields)
        spectrum = _fft.spectrum(self._flip(fields, number), self.grid.window)
        spectrum *= xp.asarray(self._prefactor(number)[0].astype(fields.dtype))
        return self._flip(xp.fft.fftshift(spectrum, axes=(-2, -1)), number)

    def one_adjoint(self, cotangents: Array, number: int) -> Array:
        xp, fft = _array.namespace(cotangents), _array.scipy_fft(cotangents)
        spectrum = xp.fft.ifftshift(self._flip(cotangents, number), axes=(-2, -1))
        spectrum = spectrum * xp.asarray(self._prefactor(number)[0].conj().astype(cotangents.dtype))
        ny, nx = self.shape
        back = fft.ifft(fft.ifft(spectrum, axis=-2, norm="forward")[:, :ny], axis=-1, norm="forward")[:, :, :nx]
        return self._flip(back, number)

    def slopes(self, cotangents: Array, fields: Array, number: int, name: str) -> Array:
        xp = _array.namespace(fields)
        z, w = self.lines.pairs[number]
        prefactor, square = self._prefactor(number)
        if name == "distance":
            slope = np.sign(z) * (2j * np.pi / w - 1 / abs(z) + 1j * np.pi * w * square)
        else:
            slope = -2j * np.pi * abs(z) / w**2 - 1 / w + 1j * np.pi * abs(z) * square
        after = xp.fft.ifftshift(self._flip(cotangents, number), axes=(-2, -1))
        return _overlap(after, _fft.spectrum(self._flip(fields, number), self.grid.window) * xp.asarray(prefactor * slope)).real
