"""Propagation to an output window of any pitch, size and place, and the Fraunhofer far field.

The output is a separable transform of the field (Fresnel, Fraunhofer) or of its propagated spectrum (the exact methods), so that it
can be asked for on any uniform grid: zoomed into a focus, or stretched over a wide far field.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, Field, Numbers, Pair, Values
from .._checks import only, wrt_names
from .._errors import SamplingWarning
from .._gate import accepts_any
from . import _checks, _fft, _grids, _plan, _sampling, _separable, _transfer
from ._media import Media, unbroadcast
from ._sampling import Axis
from ._separable import Factor, Line
from ._transfer import Grid
from .propagation import Losses, far_tenth

METHODS = ("auto", "angular_spectrum", "rayleigh_sommerfeld", "fresnel", "fraunhofer")
_WRT = ("field", "distance", "wavelength")


@accepts_any
def propagate_scaled(field: Field, *, distance: Values, wavelength: Values, pitch: Pair, out_pitch: Pair,
                     out_shape: tuple[int, int] | None = None, shift: Pair = 0.0, method: str = "auto",
                     transform: str = "matrix", pad: Pair = 2, band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay",
                     memory_limit: int | None = None) -> Array:  # fmt: skip
    """Propagate a field to a parallel plane, sampled there with another pitch.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude; varies as exp(-i omega t). A side of one sample is uniform along it.
    distance, wavelength
        Metres; scalars or arrays that broadcast with the leading axes of `field`. Negative distances propagate back.
    pitch
        Metres, of the field, a scalar or (dy, dx).
    out_pitch
        Metres, of the result, a scalar, (dy, dx), or an array (..., 2) of pairs that broadcasts with the leading axes of `field`.
    out_shape : tuple[int, int] | None
        (my, mx) pixels of the result, if not those of `field`. Both planes have their origin at n // 2.
    shift
        Metres, (sy, sx): the output window lies this far from the axis of the input window.
    method : str
        "auto" takes "angular_spectrum" or "rayleigh_sommerfeld", whichever the sampling allows (exact: the spectrum of `propagate`, summed at
        the asked points; its window grows beyond `pad` so as to hold the output, except that `pad=1` stays periodic), and

        - "fresnel" where that is exact to three parts in ten thousand and the window would be large; by name also
        - "fresnel" (the paraxial convolution, each output point summed directly) and "fraunhofer" (the same without the quadratic phase of

        the source: for distance >> size^2 / wavelength). `ScaledPropagator.method` and `.why` tell which was taken.
    transform : str
        "matrix" (triple product of matrices) or "chirp_z" (FFTs; faster for large planes). The same result but for rounding.
    pad, band_limit, evanescent, memory_limit
        As in `propagate`.

    Returns
    -------
    Array
        An array like `field`, of shape (..., my, mx).

    Notes
    -----
    Raises as `propagate`, and ValueError for distance 0 with "fresnel" or "fraunhofer".

    Warns as `propagate`, and when the pitch does not sample the phase that "fresnel" and "fraunhofer" sum, so that the result repeats itself
    within the output window. Goodman, Introduction to Fourier Optics, sections 3.10, 4.2 and 4.3; Soummer et al., Opt. Express 15, 15935 (2007)
    for the matrices.
    """
    field = _checks.complex_field("field", field)
    plan = ScaledPropagator(tuple(field.shape[-2:]), distance=distance, wavelength=wavelength, pitch=pitch, out_pitch=out_pitch,
                            out_shape=out_shape, shift=shift, method=method, transform=transform, pad=pad, band_limit=band_limit,
                            evanescent=evanescent, memory_limit=memory_limit)  # fmt: skip
    return plan(field)


@accepts_any
def propagate_scaled_vjp(cotangent: Numbers, field: Field, *, distance: Values, wavelength: Values, pitch: Pair, out_pitch: Pair,
                         out_shape: tuple[int, int] | None = None, shift: Pair = 0.0, method: str = "auto",
                         transform: str = "matrix", pad: Pair = 2, band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay",
                         wrt: str | Sequence[str] = ("field",), memory_limit: int | None = None) -> Any:  # fmt: skip
    """The derivative of `propagate_scaled` by its adjoint.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field" (the conjugate transpose), "distance", "wavelength" (``Re sum conj(g) dU`` in float64, dL/dmetre, summed to the shape
        that was given, the output grid and the method held).

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    Other arguments as there.
    """
    field = _checks.complex_field("field", field)
    plan = ScaledPropagator(tuple(field.shape[-2:]), distance=distance, wavelength=wavelength, pitch=pitch, out_pitch=out_pitch,
                            out_shape=out_shape, shift=shift, method=method, transform=transform, pad=pad, band_limit=band_limit,
                            evanescent=evanescent, memory_limit=memory_limit)  # fmt: skip
    return plan.vjp(cotangent, field, wrt=wrt)


@accepts_any
class ScaledPropagator(_plan.Explained):
    """The planned form of `propagate_scaled`, for one field shape: ``P(u)``, ``P.vjp(g, u)``, ``P.losses(u)``. Arguments as there.

    methods, reasons : for each distinct (distance, wavelength, output pitch), the method that is used and why; `method` and `why` say it in
    one line.
    """

    def __init__(
        self, shape: tuple[int, int], *, distance: Values, wavelength: Values, pitch: Pair, out_pitch: Pair,
        out_shape: tuple[int, int] | None = None, shift: Pair = 0.0, method: str = "auto", transform: str = "matrix", pad: Pair = 2,
        band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay", memory_limit: int | None = None,
    ) -> None:  # fmt: skip
        _plan.check_options(method, METHODS, evanescent)
        if transform not in _separable.TRANSFORMS:
            raise ValueError(f"transform must be one of {', '.join(_separable.TRANSFORMS)}, got {transform!r}")
        self.shape = _checks.plane("shape", shape)
        self.out_shape = self.shape if out_shape is None else _checks.plane("out_shape", out_shape)
        self.inner = _plan.inner(self.shape, self.out_shape)
        self.lines = Media(distance, wavelength, out_pitch)
        pitches = _checks.pitch(pitch, self.lines.wavelength, self.lines.distance)
        at = _checks.pair("shift", shift, positive=False)
        if method in ("rayleigh_sommerfeld", "fresnel", "fraunhofer") and not np.all(self.lines.distance):
            raise ValueError(f"distance must not be zero for {method}: its phase k x^2 / 2 distance has no limit there")
        self.maps: list[_Map] = []
        reasons = []
        for z, w, a in self.lines.pairs:
            axes = _plan.axes(self.shape, pitches, self.inner, a, at, pad, scaled=True)
            chosen, why = method, f"method={method!r} was asked for"
            if method == "auto" and _sampling.paraxial(axes, z, w) and evanescent == "decay":
                window = _sampling.choose(axes, z, w, evanescent).window
                if window[0] * window[1] > 4 * axes[0].padded() * axes[1].padded():
                    chosen, why = (
                        "fresnel",
                        f"exact to three parts in ten thousand here, and no window of {window[0]} x {window[1]} points",
                    )
            if chosen in ("fresnel", "fraunhofer"):
                self.maps.append(_Direct(axes, z, w, transform, chosen))
                reasons.append(why)
            else:
                one = _Zoomed(axes, z, w, transform, chosen, band_limit, evanescent, memory_limit)
                self.maps.append(one)
                reasons.append(one.why)
        self.methods, self.reasons = tuple(one.method for one in self.maps), tuple(reasons)

    def _field(self, field: Any) -> Array:
        field = _checks.complex_field("field", field)
        if field.shape[-2:] != self.shape:
            raise ValueError(f"field must have (ny, nx) = {self.shape}, got {field.shape[-2:]}")
        return field

    def __call__(self, field: Field) -> Array:
        """The field (..., my, mx) at the other plane, for `field` (..., ny, nx)."""
        return _plan.spread(_forward(self, self._field(field)), self.out_shape)

    def vjp(self, cotangent: Numbers, field: Field, *, wrt: str | Sequence[str] = ("field",)) -> Any:
        """Derivatives by the adjoint; see `propagate_scaled_vjp`."""
        return _vjp(self, cotangent, self._field(field), wrt)

    def _losses(self, field: Field) -> tuple[Array, ...]:
        field = self._field(field)
        xp = _array.namespace(field)
        lead = self.lines.out_lead(field.shape[:-2])
        index = self.lines.index(lead)
        rows = [self.maps[index[b]].balance(u.astype(np.complex128)) for b, u in enumerate(self.lines.expand(field))]
        return tuple(xp.moveaxis(xp.stack(rows).reshape(*lead, 5), -1, 0))

    def losses(self, field: Field) -> Losses:
        """The fractions of the energy of `field` that arrived and that did not. Energy: sum of |u|^2 times the area of a pixel, so that
        `window` is right where the output pitch samples the intensity."""
        return Losses(*self._losses(field))


@accepts_any
def fraunhofer(field: Field, *, distance: Values, wavelength: Values, pitch: Pair, pad: float = 1) -> Array:
    """The far field of a plane by a single FFT, on the grid that comes out of it: ``fraunhofer_pitch`` wide pixels.

    ``U(x) = exp(i k z) / (i lambda z) exp(i k x^2 / 2z) sum u(x') exp(-2 pi i x x' / (lambda z)) dy dx``; its energy, sum |U|^2 times the area
    of an output pixel, is that of the field.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    distance, wavelength
        Metres; scalars or arrays that broadcast with the leading axes of `field`. Distance not zero, and >> size^2 / wavelength for this
        approximation; or |distance| the focal length of a lens.
    pitch
        Metres, a scalar or (dy, dx).
    pad : float
        Linear size of the zero-padded window in fields (rounded up to a 5-smooth length), which is also the shape of the result; the output
        pixels are that much finer.

    Returns
    -------
    Array
        An array like `field`, of shape (..., py, px), origin at p // 2.

    Notes
    -----
    Raises as `propagate`, and ValueError for distance 0.

    Goodman, Introduction to Fourier Optics, section 4.3.
    """
    field = _checks.complex_field("field", field)
    plan = _FarPlan(tuple(field.shape[-2:]), Media(distance, wavelength), pitch, pad)
    return _forward(plan, field)


@accepts_any
def fraunhofer_vjp(cotangent: Numbers, field: Field, *, distance: Values, wavelength: Values, pitch: Pair, pad: float = 1,
                   wrt: str | Sequence[str] = ("field",)) -> Any:  # fmt: skip
    """The derivative of `fraunhofer` by its adjoint.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "distance", "wavelength" (dL/dmetre in float64, at fixed output pixels, whose pitch moves along).

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    Other arguments as there.
    """
    field = _checks.complex_field("field", field)
    return _vjp(_FarPlan(tuple(field.shape[-2:]), Media(distance, wavelength), pitch, pad), cotangent, field, wrt)


@accepts_any
def fraunhofer_pitch(
    shape: tuple[int, int], *, distance: float, wavelength: float, pitch: Pair, pad: float = 1
) -> tuple[float, float]:
    """The pitch (dy, dx) of `fraunhofer`'s result, ``wavelength |distance| / (p pitch)``, metres, for fields of shape (ny, nx)."""
    far = _FarPlan(_checks.plane("shape", shape), Media(distance, wavelength), pitch, pad)
    if len(far.lines.pairs) != 1:
        raise ValueError("fraunhofer_pitch takes one distance and one wavelength: each pair has another pitch")
    (z, w), (fy, fx) = far.lines.pairs[0], far.grid.step
    return w * abs(z) * fy, w * abs(z) * fx


# --------------------------------------------------------------------------------------------------------------------- inside
class _Map(Protocol):
    """A linear map of fields, for one distance, wavelength and output pitch.

    one : fields (count, *shape) to `out` (count, *inner). one_adjoint : its conjugate transpose. slopes : Re sum conj(cotangent) d one(field) /
    d name for each field, all complex128. balance : the fractions of `Losses` for one field. points : values of the largest array per field.
    """

    method: str
    points: int

    def one(self, fields: Array, out: Array) -> None: ...

    def one_adjoint(self, cotangents: Array, out: Array) -> None: ...

    def slopes(self, cotangents: Array, fields: Array, name: str) -> Array: ...

    def balance(self, field: Field) -> Array: ...


class _Planned(Protocol):
    """Maps for each distinct member of `lines`; inner : the shape that they give, out_shape : that of the result."""

    shape: tuple[int, int]
    inner: tuple[int, int]
    out_shape: tuple[int, int]
    lines: Media
    maps: list[_Map]


def _mapped(plan: _Planned, fields: Array, index: np.ndarray, adjoint: bool) -> Array:
    xp = _array.namespace(fields)
    out = xp.empty((len(fields), *(plan.shape if adjoint else plan.inner)), fields.dtype)

    def work(one: _Map, some: Any) -> None:
        part = out[some]
        (one.one_adjoint if adjoint else one.one)(fields[some], part)
        if not isinstance(some, slice):  # part is a copy
            out[some] = part

    _each(plan, index, fields, fields.dtype.itemsize, work)
    # A NaN anywhere in a field spreads over all of its transform: one value each tells.
    _launch.launch("optics/spectrum", "finite", out.dtype, len(out), out[0].size, out, threads=len(out))
    return out


def _each(plan: _Planned, index: np.ndarray, like: Array, itemsize: int, work: Callable[[_Map, Any], None]) -> None:
    """Call `work(map, which fields)` for all fields. On the CPU one field at a time, so that its window stays in the cache, and threads take
    different fields; on a GPU in chunks that fit its memory."""
    if _array.on_device(like):
        for number, one in enumerate(plan.maps):
            members = np.flatnonzero(index == number)
            for part in _parallel.pieces(len(members), _array.chunk(like, one.points * itemsize * 4)):
                work(one, part if len(plan.maps) == 1 else members[part])
        return

    def piece(start: int, stop: int) -> None:
        with np.errstate(invalid="ignore"):  # infinite values are reported by the caller, in words
            for b in range(start, stop):
                work(plan.maps[index[b]], slice(b, b + 1))

    _parallel.over(len(index), piece)


def _forward(plan: _Planned, field: Field) -> Array:
    lead = plan.lines.out_lead(field.shape[:-2])
    return _mapped(plan, plan.lines.expand(field), plan.lines.index(lead), adjoint=False).reshape(*lead, *plan.inner)


def _vjp(plan: _Planned, cotangent: Any, field: Field, wrt: Any) -> Any:
    names = wrt_names(wrt, _WRT)
    lead = plan.lines.out_lead(field.shape[:-2])
    cotangent = _checks.like("cotangent", cotangent, "the propagated field", (*lead, *plan.out_shape), field.dtype)
    flat, index = _plan.gathered(cotangent, plan.inner).reshape(-1, *plan.inner), plan.lines.index(lead)
    xp = _array.namespace(field)
    results: dict[str, Any] = {}
    if "field" in names:
        back = _mapped(plan, flat, index, adjoint=True)
        results["field"] = unbroadcast(back.reshape(*lead, *plan.shape), field.shape)
    for name in names:
        if name != "field":
            u = plan.lines.expand(field)
            slopes = xp.empty(len(u), np.float64)

            def work(one: _Map, some: Any, name: str = name, u: Array = u, slopes: Array = slopes) -> None:
                slopes[some] = one.slopes(flat[some].astype(np.complex128), u[some].astype(np.complex128), name)

            _each(plan, index, flat, 16, work)
            if xp is np and not np.isfinite(slopes).all():
                raise ValueError("the field or the cotangent has NaN or infinite values")
            results[name] = plan.lines.gradient(name, slopes.reshape(lead))
    return only(results, names)


def _overlap(a: Array, b: Array) -> Array:
    """sum conj(a) b over each plane."""
    return (a.conj() * b).sum(axis=(-2, -1))


def _cells(axes: tuple[Axis, Axis]) -> float:
    """The area of a pixel of the result in pixels of the field; an axis in which the field is uniform counts once."""
    return math.prod(1.0 if a.uniform else a.out_pitch / a.pitch for a in axes)


class _Zoomed:
    """The propagated spectrum, summed at the points of the output: ``Ey (H F) Ex^T``."""

    def __init__(self, axes: tuple[Axis, Axis], z: float, w: float, transform: str, method: str, band_limit: Any, evanescent: str,
                 memory_limit: int | None) -> None:  # fmt: skip
        self.axes, self.transform, self.memory_limit = axes, transform, memory_limit
        self.grid, (self.medium,), (self.why,) = _plan.media(((z, w),), axes, method, band_limit, evanescent)
        self.method = self.medium.method
        self.points = self.grid.window[0] * self.grid.window[1]
        one, two = (
            Factor(Line.centred(a.out_count, a.out_pitch), Line.centred(p, f), 1.0, tilt=(a.count // 2) * a.pitch, scale=1 / p)
            for a, p, f in zip(axes, self.grid.window, self.grid.step, strict=True)
        )
        self.factors = (one, two)

    def _transfer(self, like: Array) -> _fft.Transfer:
        _plan.check_memory(
            self.grid, (self.medium,), like, self.memory_limit, "method='fresnel' needs no window, for paraxial light"
        )
        return _transfer.stack_like(like, self.grid, (self.medium,))

    def one(self, fields: Array, out: Array) -> None:
        transfer = self._transfer(fields)  # which checks the memory first
        spectrum = _fft.multiplied(_fft.spectrum(fields, self.grid.window), transfer)
        out[...] = _separable.apply(_array.namespace(fields).fft.fftshift(spectrum, axes=(-2, -1)), self.factors, self.transform)

    def _back(self, cotangents: Array) -> Array:
        spectrum = _separable.adjoint(cotangents, self.factors, self.transform)
        return _array.namespace(cotangents).fft.ifftshift(spectrum, axes=(-2, -1))

    def one_adjoint(self, cotangents: Array, out: Array) -> None:
        transfer = self._transfer(cotangents).conj
        spectrum = _fft.multiplied(self._back(cotangents), transfer)
        out[...] = _fft.fields(spectrum, (self.axes[0].count, self.axes[1].count))

    def slopes(self, cotangents: Array, fields: Array, name: str) -> Array:
        dh = _array.namespace(fields).asarray(_transfer.made(self.grid, (self.medium,), wrt=name).full[0])
        return _overlap(self._back(cotangents), _fft.spectrum(fields, self.grid.window) * dh).real

    def balance(self, field: Field) -> Array:
        xp = _array.namespace(field)
        one = _plan.Balance(_plan.Lossy(self.grid, self.medium, xp), _fft.spectrum(field[None], self.grid.window)[0])
        result = _separable.apply(xp.fft.fftshift(one.arrived, axes=(-2, -1))[None], self.factors, self.transform)[0]
        far_y, far_x = (xp.asarray(far_tenth(a.count, p)) for a, p in zip(self.axes, self.grid.window, strict=True))
        intensity = abs(_array.scipy_fft(field).ifft2(one.arrived)) ** 2
        edge = xp.sum(xp.where(far_y[:, None] | far_x[None, :], intensity, 0.0)) * one.wraps(self.axes)
        return one.fractions(xp.sum(abs(result) ** 2) * _cells(self.axes), edge)


class _Direct:
    """The Fresnel or Fraunhofer integral, summed directly: ``exp(ikz)/(i lambda z) sum u(x') exp(2 pi i q(x, x') / (lambda z)) dy dx``
    with q = (x - x')^2 / 2, or without its x'^2. An axis in which the field is uniform has 1 instead of its share
    ``1 / sqrt(i lambda z) sum ... dy``."""

    def __init__(self, axes: tuple[Axis, Axis], z: float, w: float, transform: str, method: str) -> None:
        self.axes, self.z, self.w, self.transform, self.method = axes, z, w, transform, method
        self.points = max(a.count for a in axes) * max(a.out_count for a in axes)
        self.source = [Line.centred(a.count, a.pitch) for a in axes]
        self.out = [Line.centred(a.out_count, a.out_pitch, a.shift) for a in axes]
        self.bend = 0.5 if method == "fresnel" else 0.0
        self.summed = sum(not a.uniform for a in axes)  # axes
        for name, axis, source, out in zip("yx", axes, self.source, self.out, strict=True):
            reach, period = out.reach + (source.reach if method == "fresnel" else 0), w * abs(z) / axis.pitch
            if not axis.uniform and reach > period / 2 * (1 + 1e-9):
                _checks.warn(
                    f"the {method} sum repeats itself along {name} every wavelength |distance| / pitch = {period:.3g} m, but the output "
                    f"reaches {reach:.3g} m from the {'far edge of the field' if method == 'fresnel' else 'axis'}: more than half of that",
                    SamplingWarning,
                )

    def _factors(self) -> tuple[Factor, Factor]:
        size, carrier = self.w * self.z, complex(np.exp(2j * np.pi * np.fmod(self.z, self.w) / self.w))
        y, x = (
            Factor(out, source, 0.0, scale=c)
            if axis.uniform
            else Factor(
                out, source, -1 / size, 0.5 / size, self.bend / size, scale=c * complex(np.sqrt(1 / (1j * size))) * axis.pitch
            )
            for axis, out, source, c in zip(self.axes, self.out, self.source, (carrier, 1.0), strict=True)
        )
        return y, x

    def _summed(self, fields: Array) -> Array:
        return _separable.apply(fields, self._factors(), self.transform)

    def one(self, fields: Array, out: Array) -> None:
        out[...] = self._summed(fields)

    def one_adjoint(self, cotangents: Array, out: Array) -> None:
        out[...] = _separable.adjoint(cotangents, self._factors(), self.transform)

    def slopes(self, cotangents: Array, fields: Array, name: str) -> Array:
        xp = _array.namespace(fields)
        z, w = self.z, self.w
        # d/dp of log scale, and of 1 / (w z) over itself
        share = 0.5 * self.summed
        common, rate = (
            (2j * np.pi / w - share / z, -1 / z) if name == "distance" else (-2j * np.pi * z / w**2 - share / w, -1 / w)
        )
        plain, changed = [], []
        for axis, factor in zip(self.axes, self._factors(), strict=True):
            x, y = factor.out.points[:, None], factor.into.points[None, :]
            q = 0.0 if axis.uniform else 0.5 * x**2 - x * y + self.bend * y**2
            a = factor.matrix()
            plain.append(xp.asarray(a))
            changed.append(xp.asarray(a * (2j * np.pi * q * rate / (w * z))))
        (ay, ax), (dy, dx) = plain, changed
        right = fields @ ax.T
        change = common * (ay @ right) + dy @ right + ay @ (fields @ dx.T)
        return _overlap(cotangents, change).real

    def balance(self, field: Field) -> Array:
        xp = _array.namespace(field)
        inside = xp.sum(abs(self._summed(field[None])[0]) ** 2) * _cells(self.axes) / xp.maximum(xp.sum(abs(field) ** 2), 1e-300)
        nothing = xp.zeros_like(inside)
        return xp.stack([inside, 1 - inside, nothing, nothing, nothing])


class _FarPlan:
    """`_FarField` for each distance and wavelength."""

    def __init__(self, shape: tuple[int, int], lines: Media, pitch: Any, pad: Any) -> None:
        if not np.all(lines.distance):
            raise ValueError("distance must not be zero for fraunhofer: its phase k x^2 / 2 distance has no limit there")
        pitches = _checks.pitch(pitch, lines.wavelength, lines.distance)
        y, x = _plan.axes(shape, pitches, shape, pitches, (0.0, 0.0), pad)
        self.shape, self.lines = shape, lines
        self.grid = Grid((y.padded(), x.padded()), pitches)
        self.inner = self.out_shape = self.grid.window
        self.maps: list[Any] = [_FarField((y, x), self.grid, z, w) for z, w in lines.pairs]


class _FarField:
    """The Fraunhofer integral by one FFT: the spectrum at f = x / (lambda z), rolled to its centre, times its prefactors, which are separable.
    Distances below zero run as the complex conjugate of those above: with the inverse transform and conjugate prefactors."""

    method = "fraunhofer"

    def __init__(self, axes: tuple[Axis, Axis], grid: Grid, z: float, w: float) -> None:
        self.grid, self.z, self.w = grid, z, w
        self.shape = (axes[0].count, axes[1].count)
        self.points = grid.window[0] * grid.window[1]
        self.summed = sum(not a.uniform for a in axes)
        # what multiplies the spectrum of a field in the corner of the window, complex128: along y and along x
        self.along, turns = [], np.fmod(abs(z), w) / w
        for axis, f in zip(axes, grid.frequencies, strict=True):
            turns = turns + 0.5 * w * abs(z) * f.ravel() ** 2
            scale = 1.0 + 0j
            if not axis.uniform:
                turns += f.ravel() * (axis.count // 2 * axis.pitch)
                scale = complex(np.sqrt(1 / (1j * w * abs(z)))) * axis.pitch
            factor = scale * np.exp(2j * np.pi * (turns - np.rint(turns)))
            self.along.append(factor.conj() if z < 0 else factor)
            turns = np.zeros(())  # the carrier comes in once

    def _roll(self, before: Array, after: Array, shift: list[int], along: list[np.ndarray]) -> None:
        """`before` times its factors (..., py, rows of any length) to `after`, rolled by `shift`."""
        xp, (py, px) = _array.namespace(before), self.grid.window
        batch = before.size // (py * before.shape[-1])
        _launch.launch(
            "optics/spectrum", "roll", before.dtype, batch, py, px, before.shape[-1], after.shape[-1], *shift,
            *(xp.asarray(a.astype(before.dtype)) for a in along), before, after, **_grids.over(px, batch * py, before.dtype),
        )  # fmt: skip

    def _centre(self, spectra: Array, out: Array) -> None:
        self._roll(spectra, out, [p // 2 for p in self.grid.window], self.along)

    def _corner(self, cotangents: Array, out: Array) -> None:
        """The adjoint of `_centre`."""
        along = [np.roll(a.conj(), p // 2) for a, p in zip(self.along, self.grid.window, strict=True)]
        self._roll(cotangents, out, [(p + 1) // 2 % p for p in self.grid.window], along)

    def one(self, fields: Array, out: Array) -> None:
        if _array.on_device(fields):
            self._centre(_fft.spectrum(fields, self.grid.window, self.z < 0), out)
            return
        room = _fft.room(self.grid.window, fields.dtype)
        for u, far in zip(fields, out, strict=True):
            self._centre(room.spectrum(u, self.z < 0), far)

    def one_adjoint(self, cotangents: Array, out: Array) -> None:
        if _array.on_device(cotangents):
            spectra = _array.namespace(cotangents).empty_like(cotangents)
            self._corner(cotangents, spectra)
            out[...] = _fft.fields(spectra, self.shape, self.z > 0)
            return
        room = _fft.room(self.grid.window, cotangents.dtype)
        for far, u in zip(cotangents, out, strict=True):
            self._corner(far, room.rows)
            u[...] = room.field(self.shape, self.z > 0)

    def slopes(self, cotangents: Array, fields: Array, name: str) -> Array:
        """By d one = one (constant + square f^2)."""
        xp, (z, w), share = _array.namespace(fields), (abs(self.z), self.w), 0.5 * self.summed
        constant, square = (
            (2j * np.pi / w - share / z, 1j * np.pi * w) if name == "distance" else (-2j * np.pi * z / w**2 - share / w, 1j * np.pi * z)
        )
        product = xp.empty_like(cotangents)
        self.one(fields, product)
        product *= cotangents.conj()
        total_y, total_x = product.sum(axis=-1), product.sum(axis=-2)
        fy, fx = (xp.asarray(np.fft.fftshift(f.ravel()) ** 2) for f in self.grid.frequencies)
        whole, bent = total_y.sum(axis=-1), total_y @ fy + total_x @ fx
        if self.z < 0:
            constant, square = (constant.conjugate(), square.conjugate())
        slope = (constant * whole + square * bent).real
        return -slope if name == "distance" and self.z < 0 else slope
