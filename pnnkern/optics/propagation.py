"""Free-space propagation between parallel planes through a transfer function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, Field, Numbers, Pair, Values
from .._checks import only, wrt_names
from .._gate import accepts_any, record
from . import _checks, _fft, _plan, _transfer
from ._media import Media, unbroadcast

NOT_FINITE = _launch.fault(1, "the field has NaN or infinite values (or they overflowed on the way)")
TABLE_BYTES = 256 << 20  # of transfer functions of different distances and wavelengths that are held at a time
_WRT = ("field", "distance", "wavelength")


@accepts_any
def propagate(
    field: Field, *, distance: Values, wavelength: Values, pitch: Pair, method: str = "auto", pad: Pair = 2,
    band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay", shift: Pair = 0.0, out_shape: tuple[int, int] | None = None,
    memory_limit: int | None = None,
) -> Array:  # fmt: skip
    """Propagate a field to a parallel plane: ``crop F^-1( H(fx, fy; distance, wavelength) F pad(field) )``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude; varies as exp(-i omega t). A side of one sample is uniform along it: light
        that does not change in that direction, which is never padded.
    distance, wavelength
        Metres; scalars or arrays that broadcast with the leading axes of `field`: one field and five distances give five fields. A negative
        distance propagates back.
    pitch
        Metres, a scalar or (dy, dx).
    method : str
        "auto" takes the exact one that the sampling allows (`Propagator.method` and `.why` tell which):

        - "angular_spectrum", the transfer function sampled on the window: exact up to |distance| of about 2 n pitch^2 / wavelength for n pixels
          and pad=2;
        - "rayleigh_sommerfeld", the transform of the sampled impulse response, which equals the sum over all pixels: exact from that distance
          on. "auto" also samples it finer than the pitch, or enlarges the window, where neither holds (large shifts, planes much longer in one
          direction);

        Exact: to 1e-3 of the peak for fields that their pitch samples. Where the transfer function is used, light at the very edge of the band
        wraps around with pad=2: of random phases with 3 x 3 samples each it makes errors of 0.3 % at a tenth of its range and 4 % at its end;
        with pad=4, 0.06 and 0.5 %. The sum has none.

        - "fresnel", the paraxial transfer function: errors of phase of about pi theta^4 |distance| / (4 wavelength) for light at an angle
          theta, within the range of "angular_spectrum".

        A method asked for outside its range warns with the range and the expected error.
    pad
        Linear size of the zero-padded window in fields (rounded up to a 5-smooth length), or a pair (y, x); 1 is a periodic window, worked out
        by its spectrum.
    band_limit
        True, False or a pair (y, x), for a method asked for by name: drop what cannot be sampled, which would alias into the result:
        frequencies for which the window is too small at this distance (Matsushima's limit, kept exactly for both axes), or for
        "rayleigh_sommerfeld" the parts of the kernel for which the pitch is too coarse. "auto" has nothing to drop.
    evanescent : str
        "decay" or "drop", for "angular_spectrum"; the other two have no such waves to treat apart.
    shift
        Metres, (sy, sx): the output window lies this far from the axis of the input window.
    out_shape : tuple[int, int] | None
        (my, mx) pixels of the output window, of the same pitch, if not that of `field`. Both have their origin at n // 2.
    memory_limit : int | None
        Bytes that one transfer function and the work on one field may take; None is half of the machine's memory.

    Returns
    -------
    Array
        An array like `field`, of shape (..., my, mx).

    Raises
    ------
    TypeError
        For a field that is not complex.
    ValueError
        For lengths that are not positive and finite, for NaN (on a GPU: at `pnnkern.check()`), and for shapes that do not broadcast.
    MemoryError
        Before anything is allocated, for a plan that would take more than `memory_limit`.

    Notes
    -----
    Warns when pitch / wavelength suggests another unit. Goodman, Introduction to Fourier Optics, sections 3.5, 3.10, 4.2; Matsushima and
    Shimobaba, Opt. Express 17, 19662 (2009).
    """
    return _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift, out_shape, memory_limit)(
        field
    )


@accepts_any
def propagate_vjp(
    cotangent: Numbers, field: Field, *, distance: Values, wavelength: Values, pitch: Pair, wrt: str | Sequence[str] = ("field",),
    method: str = "auto", pad: Pair = 2, band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay", shift: Pair = 0.0,
    out_shape: tuple[int, int] | None = None, memory_limit: int | None = None,
) -> Any:  # fmt: skip
    """The derivative of `propagate` by its adjoint, for a cotangent g = dL/dRe + i dL/dIm.

    Parameters
    ----------
    cotangent : Array
        Like the result of `propagate`.
    wrt
        Any of "field", "distance", "wavelength". field: ``crop F^-1( conj(H) F pad(g) )``; distance, wavelength: ``Re sum conj(G) dH U / (Py
        Px)`` over the window, in float64 (dL/dmetre), summed to the shape that was given. The method and the band limit are held while they
        vary.

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    Other arguments as there.

    Raises as `propagate`, and ValueError for another `wrt` or a cotangent that is not like the result.
    """
    plan = _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift, out_shape, memory_limit)
    return plan.vjp(cotangent, field, wrt=wrt)


def _planned(field: Any, distance: Any, wavelength: Any, pitch: Any, method: str, pad: Any, band_limit: Any, evanescent: str,
             shift: Any, out_shape: tuple[int, int] | None, memory_limit: int | None) -> "Propagator":  # fmt: skip
    field = _checks.complex_field("field", field)
    return Propagator(tuple(field.shape[-2:]), pitch=pitch, wavelength=wavelength, distance=distance, method=method, pad=pad,
                      band_limit=band_limit, evanescent=evanescent, shift=shift, out_shape=out_shape,
                      memory_limit=memory_limit)  # fmt: skip


@record
@dataclass(frozen=True)
class Losses:
    """Where the energy of a propagated field went, as fractions of the energy that entered; arrays over the leading axes.

    ``window + outside + evanescent + band_limit = 1``.

    Parameters
    ----------
    window : Array
        Arrived in the output window.
    outside : Array
        Went past its edges.
    evanescent : Array
        In waves that decayed or were dropped.
    band_limit : Array
        In frequencies, or parts of the impulse response, that the band limit dropped.
    edge : Array
        Of the energy outside, what is in the outermost tenth of the padded window, farthest from the output: what has reached it is about to
        wrap around. Nothing wraps around with "rayleigh_sommerfeld" and pad=2.
    """

    window: Array
    outside: Array
    evanescent: Array
    band_limit: Array
    edge: Array


@accepts_any
class Propagator(_plan.Explained):
    """The planned form of `propagate`, for one field shape: ``P(u)``, ``P.vjp(g, u)``, ``P.losses(u)``. Arguments as there.

    Parameters
    ----------
    shape : tuple[int, int]
        (ny, nx) of the fields. Its transfer functions are worked out at the first call and kept. methods, reasons : for each distinct
        (distance, wavelength), the method that is used and why; `method` and `why` say it in one line.
    """

    def __init__(self, shape: tuple[int, int], *, pitch: Pair, wavelength: Values, distance: Values, method: str = "auto",
                 pad: Pair = 2, band_limit: bool | tuple[bool, bool] = True, evanescent: str = "decay", shift: Pair = 0.0,
                 out_shape: tuple[int, int] | None = None, memory_limit: int | None = None) -> None:  # fmt: skip
        _plan.check_options(method, _transfer.METHODS, evanescent)
        self.shape = _checks.plane("shape", shape)
        self.out_shape = self.shape if out_shape is None else _checks.plane("out_shape", out_shape)
        self.lines = Media(distance, wavelength)
        if method == "rayleigh_sommerfeld" and not np.all(self.lines.distance):
            raise ValueError("distance must not be zero for method='rayleigh_sommerfeld': its kernel is a delta function there")
        self.pitch = _checks.pitch(pitch, self.lines.wavelength, self.lines.distance)
        # A side of one sample stays one, and is spread over the pixels of the result at the end.
        self._inner = _plan.inner(self.shape, self.out_shape)
        self.axes = _plan.axes(self.shape, self.pitch, self._inner, self.pitch, _checks.pair("shift", shift, positive=False), pad)
        # Both windows lie in one canvas with their origins, at n // 2, on the same pixel.
        self._canvas = (max(self.shape[0], self._inner[0]), max(self.shape[1], self._inner[1]))
        self.grid, self.media, self.reasons = _plan.media(self.lines.pairs, self.axes, method, band_limit, evanescent)
        self.methods = tuple(medium.method for medium in self.media)
        self.memory_limit = memory_limit
        self._held: dict[tuple[str, int | None], _fft.Transfer] = {}

    def transfer(self, like: Field) -> _fft.Transfer:
        """H on the padded window for each distinct (distance, wavelength), in the precision and on the device of `like`."""
        key = (like.dtype.name, like.device.id if _array.device_of(like) == "cuda" else None)
        if key not in self._held:
            self._check_memory(like)
            self._held[key] = _transfer.stack_like(like, self.grid, self.media)
        return self._held[key]

    def _check_memory(self, like: Array) -> None:
        _plan.check_memory(
            self.grid,
            self.media,
            like,
            self.memory_limit,
            "propagate_scaled(..., method='fresnel') needs no window, for paraxial light",
        )

    def _field(self, name: str, field: Any) -> Array:
        field = _checks.complex_field(name, field)
        if field.shape[-2:] != self.shape:
            raise ValueError(f"{name} must have (ny, nx) = {self.shape}, got {field.shape[-2:]}")
        return field

    def _cotangent(self, cotangent: Any, field: Field) -> Array:
        shape = (*self.lines.out_lead(field.shape[:-2]), *self.out_shape)
        return _checks.like("cotangent", cotangent, "the propagated field", shape, field.dtype)

    def _groups(self, like: Array) -> Iterator[tuple[int, int, _fft.Transfer]]:
        """(first, last + 1, transfer functions) of the media, as many at a time as `TABLE_BYTES` hold."""
        rows = _transfer.distinct(self.grid, self.media[0].shift)[0]
        size = max(1, TABLE_BYTES // (rows * self.grid.window[1] * like.dtype.itemsize))
        if size >= len(self.media):
            yield 0, len(self.media), self.transfer(like)
            return
        self._check_memory(like)
        for first in range(0, len(self.media), size):
            last = min(first + size, len(self.media))
            yield first, last, _transfer.stack_like(like, self.grid, self.media[first:last])

    def _convolve(
        self, fields: Array, index: np.ndarray, shape: tuple[int, int], out_shape: tuple[int, int], adjoint: bool
    ) -> Array:
        """Fields (count, *shape) through their transfer functions (or the conjugates) into windows (count, *out_shape)."""
        fields = _placed(fields, shape, self._canvas)
        whole = None
        for first, last, transfer in self._groups(fields):
            transfer = transfer.conj if adjoint else transfer
            if last - first == len(self.media):
                whole = _fft.convolve(fields, transfer, index)
                break
            if whole is None:
                whole = _array.namespace(fields).empty_like(fields)
            where = np.flatnonzero((index >= first) & (index < last))
            if where.size:
                whole[where] = _fft.convolve(fields[where], transfer, index[where] - first)
        out = _array.contiguous(_placed(whole, self._canvas, out_shape))
        # A NaN anywhere in a field spreads over all of its transform: one value each tells.
        _launch.launch("optics/spectrum", "finite", out.dtype, len(out), out_shape[0] * out_shape[1], out, threads=len(out))
        return out

    def __call__(self, field: Field) -> Array:
        """The field (..., my, mx) at the other plane, for `field` (..., ny, nx)."""
        field = self._field("field", field)
        lead = self.lines.out_lead(field.shape[:-2])
        out = self._convolve(self.lines.expand(field), self.lines.index(lead), self.shape, self._inner, adjoint=False)
        return _plan.spread(out.reshape(*lead, *self._inner), self.out_shape)

    def vjp(self, cotangent: Numbers, field: Field, *, wrt: str | Sequence[str] = ("field",)) -> Any:
        """Derivatives by the adjoint; see `propagate_vjp`."""
        names = wrt_names(wrt, _WRT)
        field = self._field("field", field)
        cotangent = _plan.gathered(self._cotangent(cotangent, field), self._inner)
        lead = cotangent.shape[:-2]
        flat = cotangent.reshape(-1, *self._inner)
        results: dict[str, Any] = {}
        if "field" in names:
            back = self._convolve(flat, self.lines.index(lead), self._inner, self.shape, adjoint=True)
            results["field"] = unbroadcast(back.reshape(*lead, *self.shape), field.shape)
        for name in names:
            if name != "field":
                results[name] = self.lines.gradient(name, self._slopes(flat, field, name).reshape(lead))
        return only(results, names)

    def _slopes(self, cotangent: Array, field: Field, name: str) -> Array:
        """Re sum conj(G) dH/dp U / (Py Px), float64, for each field of the result."""
        xp = _array.namespace(field)
        index = self.lines.index(self.lines.out_lead(field.shape[:-2]))
        u = self.lines.expand(field)
        slopes = xp.empty(len(u), np.float64)
        points = self.grid.window[0] * self.grid.window[1]
        chunk = _array.chunk(u, points * 16 * 4) if _array.on_device(u) else 1
        for m, medium in enumerate(self.media):
            dh = xp.asarray(_transfer.made(self.grid, (medium,), wrt=name).full[0])
            members = np.flatnonzero(index == m)
            for part in _parallel.pieces(len(members), chunk):
                some = members[part]
                before = self._spectrum(u[some], self.shape)
                after = self._spectrum(cotangent[some], self._inner)
                slopes[some] = xp.sum((after.conj() * before * dh).real, axis=(1, 2)) / points
        if xp is np and not np.isfinite(slopes).all():
            raise ValueError("the field or the cotangent has NaN or infinite values")
        return slopes

    def _spectrum(self, fields: Array, shape: tuple[int, int]) -> Array:
        return _fft.spectrum(_placed(fields.astype(np.complex128), shape, self._canvas), self.grid.window)

    def _losses(self, field: Field) -> tuple[Array, ...]:
        field = self._field("field", field)
        xp = _array.namespace(field)
        lead = self.lines.out_lead(field.shape[:-2])
        index = self.lines.index(lead)
        (oy, ox), (my, mx) = _corner(self._inner, self._canvas), self._inner
        far_y, far_x = (xp.asarray(far_tenth(n, p)) for n, p in zip(self._canvas, self.grid.window, strict=True))
        rows: list[Any] = [None] * len(index)
        fields = self.lines.expand(field)
        for number, medium in enumerate(self.media):
            lossy = _plan.Lossy(self.grid, medium, xp)
            for b in np.flatnonzero(index == number):
                one = _plan.Balance(lossy, self._spectrum(fields[b][None], self.shape)[0])
                intensity = xp.abs(_array.scipy_fft(field).ifft2(one.arrived, overwrite_x=True)) ** 2
                inside = xp.sum(intensity[oy : oy + my, ox : ox + mx])
                edge = xp.sum(xp.where(far_y[:, None] | far_x[None, :], intensity, 0.0)) * one.wraps(self.axes)
                rows[b] = one.fractions(inside, edge)
        return tuple(xp.moveaxis(xp.stack(rows).reshape(*lead, 5), -1, 0))

    def losses(self, field: Field) -> Losses:
        """The fractions of the energy of `field` that did not arrive, or arrived at the wrong place. Energy: sum of |u|^2."""
        return Losses(*self._losses(field))


def _corner(small: tuple[int, int], large: tuple[int, int]) -> tuple[int, int]:
    """Where a plane of shape `small` begins in one of shape `large`, origins (n // 2) on each other."""
    return abs(large[0] // 2 - small[0] // 2), abs(large[1] // 2 - small[1] // 2)


def _placed(fields: Array, shape: tuple[int, int], out_shape: tuple[int, int]) -> Array:
    """Fields (count, *shape) embedded in zeros, or cropped, to (count, *out_shape); themselves if the shapes agree."""
    if shape == out_shape:
        return fields
    (y, x) = _corner(shape, out_shape)
    if out_shape[0] >= shape[0] and out_shape[1] >= shape[1]:
        out = _array.namespace(fields).zeros((len(fields), *out_shape), fields.dtype)
        out[:, y : y + shape[0], x : x + shape[1]] = fields
        return out
    return fields[:, y : y + out_shape[0], x : x + out_shape[1]]


def far_tenth(n: int, p: int) -> np.ndarray:
    """True in the tenth of a window of p points that is farthest from the field [0, n), for one axis."""
    far = np.zeros(p, bool)
    middle, half = n + (p - n) // 2, p // 20
    far[max(n, middle - half) : min(p, middle + half)] = True
    return far
