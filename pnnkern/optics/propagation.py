"""Free-space propagation between parallel planes through a transfer function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, accepts_any
from . import _checks, _fft, _transfer
from ._media import Media, unbroadcast
from ._transfer import Grid, Medium

NOT_FINITE = _launch.fault(1, "the field has NaN or infinite values (or they overflowed on the way)")
TABLE_BYTES = 256 << 20  # of transfer functions of different distances and wavelengths that are held at a time
_WRT = ("field", "distance", "wavelength")


@accepts_any
def propagate(field: Array, *, distance: Any, wavelength: Any, pitch: Any, method: str = "angular_spectrum", pad: float = 2,
              band_limit: bool = True, evanescent: str = "decay", shift: Any = 0.0,
              out_shape: tuple[int, int] | None = None) -> Array:  # fmt: skip
    """Propagate a field to a parallel plane: ``crop F^-1( H(fx, fy; distance, wavelength) F pad(field) )``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude; varies as exp(-i omega t).
    distance, wavelength : metres; scalars or arrays that broadcast with the leading axes of `field`: one field and five distances
        give five fields. A negative distance propagates back.
    pitch : metres, a scalar or (dy, dx).
    method : "angular_spectrum" (exact), "fresnel" (paraxial), or "rayleigh_sommerfeld" (exact; the transform of the sampled kernel,
        good where the pitch samples it: |distance| >= 2 n pitch^2 / wavelength).
    pad : linear size of the zero-padded window in fields (rounded up to a 5-smooth length); 1 is a periodic window.
    band_limit : drop what cannot be sampled, which would alias into the result: frequencies for which the window is too small at
        this distance (Matsushima's limit, kept exactly for both axes), or for "rayleigh_sommerfeld" the parts of the kernel for
        which the pitch is too coarse.
    evanescent : "decay" or "drop", for "angular_spectrum"; the other two have no such waves to treat apart.
    shift : metres, (sy, sx): the output window lies this far from the axis of the input window.
    out_shape : (my, mx) pixels of the output window, of the same pitch, if not that of `field`. Both have their origin at n // 2.

    Returns an array like `field`, of shape (..., my, mx). Raises TypeError for a field that is not complex, ValueError for lengths that
    are not positive and finite, for NaN (on a GPU: at `pnnkern.check()`), and for shapes that do not broadcast. Warns when
    pitch / wavelength suggests another unit.
    Goodman, Introduction to Fourier Optics, sections 3.5, 3.10, 4.2; Matsushima and Shimobaba, Opt. Express 17, 19662 (2009).
    """
    return _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift, out_shape)(field)


@accepts_any
def propagate_vjp(cotangent: Array, field: Array, *, distance: Any, wavelength: Any, pitch: Any, wrt: Any = ("field",),
                  method: str = "angular_spectrum", pad: float = 2, band_limit: bool = True, evanescent: str = "decay",
                  shift: Any = 0.0, out_shape: tuple[int, int] | None = None) -> Any:  # fmt: skip
    """The derivative of `propagate` by its adjoint, for a cotangent g = dL/dRe + i dL/dIm.

    cotangent : like the result of `propagate`. Other arguments as there.
    wrt : any of "field", "distance", "wavelength". field: ``crop F^-1( conj(H) F pad(g) )``; distance, wavelength:
        ``Re sum conj(G) dH U / (Py Px)`` over the window, in float64 (dL/dmetre), summed to the shape that was given. The band limit
        is held while they vary.

    Returns one array, or a tuple in the order of `wrt`. Raises as `propagate`, and ValueError for another `wrt` or a cotangent that
    is not like the result.
    """
    plan = _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift, out_shape)
    return plan.vjp(cotangent, field, wrt=wrt)


def _planned(field: Any, distance: Any, wavelength: Any, pitch: Any, method: str, pad: float, band_limit: bool, evanescent: str,
             shift: Any, out_shape: tuple[int, int] | None) -> "Propagator":  # fmt: skip
    field = _checks.complex_field("field", field)
    return Propagator(tuple(field.shape[-2:]), pitch=pitch, wavelength=wavelength, distance=distance, method=method, pad=pad,
                      band_limit=band_limit, evanescent=evanescent, shift=shift, out_shape=out_shape)  # fmt: skip


@dataclass(frozen=True)
class Losses:
    """Where the energy of a propagated field went, as fractions of the energy that entered; arrays over the leading axes.

    band_limit : in frequencies that the band limit dropped. evanescent : in waves that decayed or were dropped.
    outside : past the edges of the output window, within the padded one. edge : in the outermost tenth of the padded window,
        farthest from the output: what has reached it is about to wrap around.
    """

    band_limit: Array
    evanescent: Array
    outside: Array
    edge: Array


class Propagator:
    """The planned form of `propagate`, for one field shape: ``P(u)``, ``P.vjp(g, u)``, ``P.losses(u)``. Arguments as there.

    shape : (ny, nx) of the fields. Its transfer functions are worked out at the first call and kept.
    """

    def __init__(self, shape: tuple[int, int], *, pitch: Any, wavelength: Any, distance: Any, method: str = "angular_spectrum",
                 pad: float = 2, band_limit: bool = True, evanescent: str = "decay", shift: Any = 0.0,
                 out_shape: tuple[int, int] | None = None) -> None:  # fmt: skip
        if method not in _transfer.METHODS:
            raise ValueError(f"method must be one of {', '.join(_transfer.METHODS)}, got {method!r}")
        if evanescent not in ("decay", "drop"):
            raise ValueError(f"evanescent must be 'decay' or 'drop', got {evanescent!r}")
        self.shape = _checks.plane("shape", shape)
        self.out_shape = self.shape if out_shape is None else _checks.plane("out_shape", out_shape)
        self.method = method
        self.lines = Media(distance, wavelength)
        if method == "rayleigh_sommerfeld" and not np.all(self.lines.distance):
            raise ValueError("distance must not be zero for method='rayleigh_sommerfeld': its kernel is a delta function there")
        self.pitch = _checks.pitch(pitch, self.lines.wavelength)
        shift = _checks.pair("shift", shift, positive=False)
        # Both windows lie in one canvas with their origins, at n // 2, on the same pixel.
        self._canvas = (max(self.shape[0], self.out_shape[0]), max(self.shape[1], self.out_shape[1]))
        pad = _checks.padding(pad)
        self.grid = Grid((_fft.window_side(self._canvas[0], pad), _fft.window_side(self._canvas[1], pad)), self.pitch)
        self.media = tuple(Medium(z, w, shift, bool(band_limit), evanescent) for z, w in self.lines.pairs)
        self._held: dict[tuple[str, int | None], _fft.Transfer] = {}

    def transfer(self, like: Array) -> _fft.Transfer:
        """H on the padded window for each distinct (distance, wavelength), in the precision and on the device of `like`."""
        key = (like.dtype.name, like.device.id if _array.device_of(like) == "cuda" else None)
        if key not in self._held:
            self._held[key] = _transfer.stack_like(like, self.method, self.grid, self.media)
        return self._held[key]

    def _field(self, name: str, field: Any) -> Array:
        field = _checks.complex_field(name, field)
        if field.shape[-2:] != self.shape:
            raise ValueError(f"{name} must have (ny, nx) = {self.shape}, got {field.shape[-2:]}")
        return field

    def _cotangent(self, cotangent: Any, field: Array) -> Array:
        shape = (*self.lines.out_lead(field.shape[:-2]), *self.out_shape)
        return _checks.like("cotangent", cotangent, "the propagated field", shape, field.dtype)

    def _groups(self, like: Array) -> Iterator[tuple[int, int, _fft.Transfer]]:
        """(first, last + 1, transfer functions) of the media, as many at a time as `TABLE_BYTES` hold."""
        size = max(1, TABLE_BYTES // (self.grid.window[0] * self.grid.window[1] * like.dtype.itemsize))
        if size >= len(self.media):
            yield 0, len(self.media), self.transfer(like)
            return
        for first in range(0, len(self.media), size):
            last = min(first + size, len(self.media))
            yield first, last, _transfer.stack_like(like, self.method, self.grid, self.media[first:last])

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

    @accepts_any
    def __call__(self, field: Array) -> Array:
        """The field (..., my, mx) at the other plane, for `field` (..., ny, nx)."""
        field = self._field("field", field)
        lead = self.lines.out_lead(field.shape[:-2])
        out = self._convolve(self.lines.expand(field), self.lines.index(lead), self.shape, self.out_shape, adjoint=False)
        return out.reshape(*lead, *self.out_shape)

    @accepts_any
    def vjp(self, cotangent: Array, field: Array, *, wrt: Any = ("field",)) -> Any:
        """Derivatives by the adjoint; see `propagate_vjp`."""
        names = _checks.chosen(wrt, _WRT)
        field = self._field("field", field)
        cotangent = self._cotangent(cotangent, field)
        lead = cotangent.shape[:-2]
        flat = cotangent.reshape(-1, *self.out_shape)
        results: dict[str, Any] = {}
        if "field" in names:
            back = self._convolve(flat, self.lines.index(lead), self.out_shape, self.shape, adjoint=True)
            results["field"] = unbroadcast(back.reshape(*lead, *self.shape), field.shape)
        for name in names:
            if name != "field":
                results[name] = self.lines.gradient(name, self._slopes(flat, field, name).reshape(lead))
        return _checks.only(results, names)

    def _slopes(self, cotangent: Array, field: Array, name: str) -> Array:
        """Re sum conj(G) dH/dp U / (Py Px), float64, for each field of the result."""
        xp = _array.namespace(field)
        index = self.lines.index(self.lines.out_lead(field.shape[:-2]))
        u = self.lines.expand(field)
        slopes = xp.empty(len(u), np.float64)
        points = self.grid.window[0] * self.grid.window[1]
        chunk = _array.chunk(u, points * 16 * 4) if _array.on_device(u) else 1
        for m, medium in enumerate(self.media):
            dh = xp.asarray(_transfer.derivative(self.method, self.grid, medium, name))
            members = np.flatnonzero(index == m)
            for part in _parallel.pieces(len(members), chunk):
                some = members[part]
                before = self._spectrum(u[some], self.shape)
                after = self._spectrum(cotangent[some], self.out_shape)
                slopes[some] = xp.sum((after.conj() * before * dh).real, axis=(1, 2)) / points
        if xp is np and not np.isfinite(slopes).all():
            raise ValueError("the field or the cotangent has NaN or infinite values")
        return slopes

    def _spectrum(self, fields: Array, shape: tuple[int, int]) -> Array:
        return _fft.spectrum(_placed(fields.astype(np.complex128), shape, self._canvas), self.grid.window)

    @accepts_any
    def _losses(self, field: Array) -> tuple[Array, ...]:
        field = self._field("field", field)
        xp = _array.namespace(field)
        lead = self.lines.out_lead(field.shape[:-2])
        index = self.lines.index(lead)
        (ny, nx), (py, px) = self._canvas, self.grid.window
        (oy, ox), (my, mx) = _corner(self.out_shape, self._canvas), self.out_shape
        rows = []
        for b, u in enumerate(self.lines.expand(field)):
            medium = self.media[index[b]]
            spectrum = self._spectrum(u[None], self.shape)[0]
            power = xp.abs(spectrum) ** 2 / (py * px)
            entered = xp.sum(power)
            kept = xp.asarray(_transfer.band(self.method, self.grid, medium) if medium.band_limit else np.ones((py, px), bool))
            arrived = _array.scipy_fft(u).ifft2(spectrum * xp.asarray(_transfer.table(self.method, self.grid, medium)))
            intensity = xp.abs(arrived) ** 2
            total, dropped = xp.sum(intensity), xp.sum(xp.where(kept, 0.0, power))
            inside = xp.sum(intensity[oy : oy + my, ox : ox + mx])
            far_y, far_x = (xp.asarray(_far(n, p)) for n, p in ((ny, py), (nx, px)))
            edge = xp.sum(xp.where(far_y[:, None] | far_x[None, :], intensity, 0.0))
            rows.append(xp.stack([dropped, entered - dropped - total, total - inside, edge]) / xp.maximum(entered, 1e-300))
        values = xp.stack(rows).reshape(*lead, 4)
        return values[..., 0], values[..., 1], values[..., 2], values[..., 3]

    def losses(self, field: Array) -> Losses:
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


def _far(n: int, p: int) -> np.ndarray:
    """True in the tenth of a window of p points that is farthest from the field [0, n), for one axis."""
    far = np.zeros(p, bool)
    middle, half = n + (p - n) // 2, p // 20
    far[max(n, middle - half) : min(p, middle + half)] = True
    return far
