"""Free-space propagation between parallel planes through a transfer function."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, accepts_any
from . import _checks, _fft, _transfer
from ._transfer import Grid, Medium

NOT_FINITE = _launch.fault(1, "the field has NaN or infinite values (or they overflowed on the way)")
_WRT = ("field", "distance", "wavelength")


def propagate(field: Array, *, distance: Any, wavelength: Any, pitch: Any, method: str = "angular_spectrum", pad: float = 2,
              band_limit: bool = True, evanescent: str = "decay", shift: Any = 0.0) -> Array:  # fmt: skip
    """Propagate a field to a parallel plane: ``crop F^-1( H(fx, fy; distance, wavelength) F pad(field) )``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude; varies as exp(-i omega t).
    distance, wavelength : metres; scalars or arrays that broadcast against the leading axes of `field`. A negative distance
        propagates back.
    pitch : metres, a scalar or (dy, dx).
    method : "angular_spectrum" (exact), or "fresnel" (paraxial).
    pad : linear size of the zero-padded window in fields (rounded up to a 5-smooth length); 1 is a periodic window.
    band_limit : drop the frequencies that the window cannot sample at this distance (Matsushima's limit, kept exactly for both
        axes). Without it they alias into the window.
    evanescent : "decay" or "drop".
    shift : metres, (sy, sx): the output window lies this far from the axis of the input window.

    Returns an array like `field`. Raises TypeError for a field that is not complex, ValueError for lengths that are not positive
    and finite, for NaN, and for shapes that do not broadcast.
    Goodman, Introduction to Fourier Optics, section 3.10; Matsushima and Shimobaba, Opt. Express 17, 19662 (2009).
    """
    return _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift)(field)


def propagate_vjp(cotangent: Array, field: Array, *, distance: Any, wavelength: Any, pitch: Any, wrt: Any = ("field",),
                  method: str = "angular_spectrum", pad: float = 2, band_limit: bool = True, evanescent: str = "decay",
                  shift: Any = 0.0) -> Any:  # fmt: skip
    """The derivative of `propagate` by its adjoint, for a cotangent g = dL/dRe + i dL/dIm.

    cotangent : like the result of `propagate`. Other arguments as there.
    wrt : any of "field", "distance", "wavelength". field: ``crop F^-1( conj(H) F pad(g) )``; distance, wavelength:
        ``Re sum conj(G) dH U / (Py Px)`` over the window, float64, summed to the shape that was given (dL/dmetre).

    Returns one array, or a tuple in the order of `wrt`.
    """
    plan = _planned(field, distance, wavelength, pitch, method, pad, band_limit, evanescent, shift)
    return plan.vjp(cotangent, field, wrt=wrt)


def _planned(field: Any, distance: Any, wavelength: Any, pitch: Any, method: str, pad: float, band_limit: bool, evanescent: str,
             shift: Any) -> "Propagator":  # fmt: skip
    shape = getattr(field, "shape", ())
    if len(shape) < 2:
        raise TypeError(f"field must be an array (..., ny, nx) of complex64 or complex128, got {type(field).__name__} of shape {tuple(shape)}")
    return Propagator(tuple(shape[-2:]), pitch=pitch, wavelength=wavelength, distance=distance, method=method, pad=pad,
                      band_limit=band_limit, evanescent=evanescent, shift=shift)  # fmt: skip


@dataclass(frozen=True)
class Losses:
    """Where the energy of a propagated field went, as fractions of the energy that entered; arrays over the leading axes.

    band_limit : in frequencies that the band limit dropped. evanescent : in waves that decayed.
    outside : past the edges of the output window, within the padded one. edge : in the outermost tenth of the padded window,
        farthest from the output: what has reached it is about to wrap around.
    """

    band_limit: Array
    evanescent: Array
    outside: Array
    edge: Array


class Propagator:
    """The planned form of `propagate`, for one field shape: ``P(u)``, ``P.vjp(g, u)``, ``P.losses(u)``. Arguments as there.

    shape : (ny, nx) of the fields.
    """

    def __init__(self, shape: tuple[int, int], *, pitch: Any, wavelength: Any, distance: Any, method: str = "angular_spectrum",
                 pad: float = 2, band_limit: bool = True, evanescent: str = "decay", shift: Any = 0.0) -> None:  # fmt: skip
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"shape must be (ny, nx) with at least one pixel each, got {shape}")
        if method not in _transfer.METHODS:
            raise ValueError(f"method must be one of {', '.join(_transfer.METHODS)}, got {method!r}")
        if evanescent not in ("decay", "drop"):
            raise ValueError(f"evanescent must be 'decay' or 'drop', got {evanescent!r}")
        if not np.isfinite(pad) or pad < 1:
            raise ValueError(f"pad must be at least 1 (1 is no padding), got {pad!r}")
        self.shape = (int(shape[0]), int(shape[1]))
        self.method = method
        self.distance = _checks.distances(distance)
        self.wavelength = _checks.wavelengths(wavelength)
        self.pitch = _checks.pitch(pitch, self.wavelength)
        shift = _checks.pair("shift", shift, positive=False)
        self.grid = Grid((_fft.window_side(shape[0], pad), _fft.window_side(shape[1], pad)), self.pitch)
        pairs = np.broadcast_arrays(self.distance, self.wavelength)
        self.lead = pairs[0].shape
        self.media = tuple(
            Medium(float(z), float(w), shift, bool(band_limit), evanescent) for z, w in zip(pairs[0].flat, pairs[1].flat, strict=True)
        )

    def transfer(self, like: Array) -> _fft.Transfer:
        """H on the padded window for each (distance, wavelength), in the precision and on the device of `like`."""
        return _transfer.stack_like(like, self.method, self.grid, self.media)

    def _index(self, lead: tuple[int, ...]) -> np.ndarray:
        """Which medium each field of the leading shape goes through, flat."""
        try:
            return np.broadcast_to(np.arange(len(self.media)).reshape(self.lead), lead).ravel()
        except ValueError:
            raise ValueError(
                f"distance and wavelength of shape {self.lead} must broadcast against the leading axes {lead} of the field"
            ) from None

    def _field(self, name: str, field: Any) -> Array:
        field = _checks.complex_field(name, field)
        if field.shape[-2:] != self.shape:
            raise ValueError(f"{name} must have (ny, nx) = {self.shape}, got {field.shape[-2:]}")
        return field

    def _convolve(self, field: Array, transfer: _fft.Transfer) -> Array:
        lead = field.shape[:-2]
        out = _fft.convolve(field.reshape(-1, *self.shape), transfer, self._index(lead))
        # A NaN anywhere in a field spreads over all of its transform: one value each tells.
        _launch.launch("optics/spectrum", "finite", out.dtype, len(out), self.shape[0] * self.shape[1], out, threads=len(out))
        return out.reshape(field.shape)

    @accepts_any
    def __call__(self, field: Array) -> Array:
        """The field (..., ny, nx) at the other plane."""
        field = self._field("field", field)
        return self._convolve(field, self.transfer(field))

    @accepts_any
    def vjp(self, cotangent: Array, field: Array, *, wrt: Any = ("field",)) -> Any:
        """Derivatives by the adjoint; see `propagate_vjp`."""
        names = _checks.chosen(wrt, _WRT)
        field = self._field("field", field)
        cotangent = _checks.same_dtype("cotangent", cotangent, "the propagated field", field)
        results: dict[str, Any] = {}
        if "field" in names:
            results["field"] = self._convolve(cotangent, self.transfer(field).conj)
        for name in names:
            if name != "field":
                results[name] = self._parameter_vjp(cotangent, field, name)
        return _checks.only(results, names)

    def _parameter_vjp(self, cotangent: Array, field: Array, name: str) -> Array:
        """Re sum conj(G) dH/dp U / (Py Px), float64, one for each element of the parameter."""
        xp = _array.namespace(field)
        index = self._index(field.shape[:-2])
        u, g = field.reshape(-1, *self.shape), cotangent.reshape(-1, *self.shape)
        total = np.zeros(len(self.media))
        derivative = _transfer.METHODS[self.method][1]
        for m, medium in enumerate(self.media):
            dh = xp.asarray(_transfer.table(self.method, self.grid, medium) * derivative(self.grid, medium, name))
            for b in np.flatnonzero(index == m):
                pair = [_fft.spectrum(x[b : b + 1].astype(np.complex128), self.grid.window)[0] for x in (u, g)]
                total[m] += float(xp.sum((pair[1].conj() * pair[0] * dh).real)) / dh.size
        given = self.distance if name == "distance" else self.wavelength
        summed = total.reshape(self.lead)
        extra = summed.ndim - given.ndim
        summed = summed.sum(axis=tuple(range(extra))) if extra else summed
        stretched = tuple(i for i, n in enumerate(given.shape) if n == 1 and summed.shape[i] != 1)
        summed = summed.sum(axis=stretched, keepdims=True) if stretched else summed
        return xp.asarray(summed)

    @accepts_any
    def losses(self, field: Array) -> Losses:
        """The fractions of the energy of `field` that did not arrive, or arrived at the wrong place."""
        field = self._field("field", field)
        xp = _array.namespace(field)
        lead = field.shape[:-2]
        index = self._index(lead)
        (ny, nx), (py, px) = self.shape, self.grid.window
        rows = []
        for b, u in enumerate(field.reshape(-1, ny, nx)):
            medium = self.media[index[b]]
            entered = xp.sum(xp.abs(u.astype(np.complex128)) ** 2)
            spectrum = _fft.spectrum(u[None].astype(np.complex128), self.grid.window)[0]
            power = xp.abs(spectrum) ** 2 / (py * px)
            kept = xp.asarray(_transfer.band(self.grid, medium) if medium.band_limit else np.ones((py, px), bool))
            wave = xp.asarray(_transfer.propagating(self.grid, medium))
            arrived = _array.scipy_fft(u).ifft2(spectrum * xp.asarray(_transfer.table(self.method, self.grid, medium)))
            intensity = xp.abs(arrived) ** 2
            evanescent = xp.sum(power[kept]) - xp.sum(intensity)
            dropped = xp.sum(power[~kept & wave]) + xp.sum(power[~kept & ~wave])
            edge = intensity[_far(ny, py)][:, _all(px)].sum() + intensity[_near(ny, py)][:, _far(nx, px)].sum()
            rows.append(xp.stack([dropped, evanescent, xp.sum(intensity) - xp.sum(intensity[:ny, :nx]), edge]) / xp.maximum(entered, 1e-300))
        values = xp.stack(rows).reshape(*lead, 4)
        return Losses(values[..., 0], values[..., 1], values[..., 2], values[..., 3])


def _far(n: int, p: int) -> np.ndarray:
    """Indices in the tenth of the window farthest from the field [0, n), for one axis of a window of p points."""
    middle, half = n + (p - n) // 2, p // 20
    return np.arange(middle - half, middle + half) if p > n else np.arange(0)


def _near(n: int, p: int) -> np.ndarray:
    return np.setdiff1d(np.arange(p), _far(n, p))


def _all(p: int) -> slice:
    return slice(0, p)
