"""Thin masks: a field times a transmission.

A mask has shape (ny, nx), or leading axes that are the first axes of the field: (population, ny, nx) against (population, ..., ny, nx).
Masks are worked on in the precision of the field; derivatives come back in the precision of the mask.
Thin-element approximation, Goodman, Introduction to Fourier Optics, section 5.1.
"""

from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, accepts_any
from . import _checks, chain
from ._media import unbroadcast


# -------------------------------------------------------------------------------------------------------------------- complex
@accepts_any
def transmit(field: Array, transmission: Array, *, out: Array | None = None) -> Array:
    """Transmit a field through a mask of any complex transmission: ``field * transmission``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    transmission : (ny, nx), or with leading axes that are the first axes of `field`; complex, converted to the field's precision.
    out : where to put the result; may be `field`.

    Returns an array like `field`. Raises TypeError for a real transmission, ValueError for shapes that do not fit.
    """
    field = _checks.complex_field("field", field)
    return _times(field, _transmission(field, transmission), out)


@accepts_any
def transmit_vjp(cotangent: Array, field: Array, transmission: Array, *, wrt: Any = ("field",)) -> Any:
    """The derivative of `transmit`. cotangent : like its result. wrt : any of "field", "transmission".

    field: ``conj(transmission) g``; transmission: ``sum over the batch of g conj(field)``, summed in float64.
    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    t = _transmission(field, transmission)
    return _vjp(cotangent, field, t, wrt, "transmission", lambda q: q.astype(transmission.dtype, copy=False))


# ----------------------------------------------------------------------------------------------------------------------- real
@accepts_any
def phase_mask(field: Array, phase: Array, *, out: Array | None = None) -> Array:
    """Transmit a field through a thin phase mask: ``field * exp(i phase)``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    phase : radians, (ny, nx), or with leading axes that are the first axes of `field`: (population, ny, nx). float32 or float64.
    out : where to put the result; may be `field`.

    Returns an array like `field`. Raises TypeError for a phase that is not real, ValueError for shapes that do not fit.
    """
    field = _checks.complex_field("field", field)
    return _times(field, chain.phasor(_real("phase", phase, field)), out)


@accepts_any
def phase_mask_vjp(cotangent: Array, field: Array, phase: Array, *, wrt: Any = ("field",)) -> Any:
    """The derivative of `phase_mask`. cotangent : like its result. wrt : any of "field", "phase".

    field: ``exp(-i phase) g``; phase: ``sum over the batch of Im(g conj(field exp(i phase)))``.
    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    t = chain.phasor(_real("phase", phase, field))
    return _vjp(cotangent, field, t, wrt, "phase", lambda q: (q * t.conj()).imag.astype(phase.dtype))


@accepts_any
def amplitude_mask(field: Array, amplitude: Array, *, out: Array | None = None) -> Array:
    """Transmit a field through a real mask: ``field * amplitude``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    amplitude : (ny, nx), or with leading axes that are the first axes of `field`; real (a passive mask lies in [0, 1]; negative
        values are a phase of pi). float32 or float64.
    out : where to put the result; may be `field`.

    Returns an array like `field`. Raises TypeError for an amplitude that is not real, ValueError for shapes that do not fit.
    """
    field = _checks.complex_field("field", field)
    return _times(field, _real("amplitude", amplitude, field).astype(field.dtype), out)


@accepts_any
def amplitude_mask_vjp(cotangent: Array, field: Array, amplitude: Array, *, wrt: Any = ("field",)) -> Any:
    """The derivative of `amplitude_mask`. cotangent : like its result. wrt : any of "field", "amplitude".

    field: ``amplitude g``; amplitude: ``sum over the batch of Re(g conj(field))``.
    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    t = _real("amplitude", amplitude, field).astype(field.dtype)
    return _vjp(cotangent, field, t, wrt, "amplitude", lambda q: q.real.astype(amplitude.dtype))


@accepts_any
def height_mask(field: Array, height: Array, *, wavelength: Any, index: Any, absorption: Any = 0.0, index_medium: Any = 1.0,
                out: Array | None = None) -> Array:  # fmt: skip
    """Transmit a field through a relief of material: ``field * exp(2 pi i (index - index_medium + i absorption) height / wavelength)``.

    field : (..., ny, nx) complex64 or complex128, any unit of amplitude.
    height : metres, (ny, nx), or with leading axes that are the first axes of `field`; float32 or float64.
    wavelength : metres, in vacuum. index : refractive index of the material. absorption : its extinction coefficient (the imaginary
        part of the index). index_medium : refractive index around it. Each a scalar, or an array that broadcasts with the leading axes
        of `height`: (colours,) for a field (colours, ..., ny, nx) and one relief.
    out : where to put the result; may be `field`.

    The transmission is worked out in float64. Returns an array like `field`. Raises TypeError for a height that is not real,
    ValueError for shapes that do not fit and for numbers that are not finite.
    """
    field = _checks.complex_field("field", field)
    material = _Material(field, height, wavelength, index, absorption, index_medium)
    return _times(field, material.transmission.astype(field.dtype), out)


@accepts_any
def height_mask_vjp(cotangent: Array, field: Array, height: Array, *, wavelength: Any, index: Any, absorption: Any = 0.0,
                    index_medium: Any = 1.0, wrt: Any = ("field",)) -> Any:  # fmt: skip
    """The derivative of `height_mask`. cotangent : like its result. wrt : any of "field", "height". Other arguments as there.

    field: ``conj(t) g`` for the transmission t; height: with ``q = sum over the batch of g conj(t field)``,
    ``2 pi / wavelength ((index - index_medium) Im q - absorption Re q)`` (dL/dmetre).
    Returns one array, or a tuple in the order of `wrt`.
    """
    field = _checks.complex_field("field", field)
    material = _Material(field, height, wavelength, index, absorption, index_medium)
    t = material.transmission

    def slope(q: Array) -> Array:
        per_transmission = (q.astype(np.complex128) * (1j * material.wavenumber * t).conj()).real
        return unbroadcast(per_transmission, height.shape).astype(height.dtype)

    return _vjp(cotangent, field, t.astype(field.dtype), wrt, "height", slope)


class _Material:
    """`transmission` exp(i wavenumber height), complex128, and `wavenumber` = 2 pi (dn + i kappa) / lambda, of shape (..., 1, 1)."""

    def __init__(self, field: Array, height: Array, wavelength: Any, index: Any, absorption: Any, index_medium: Any) -> None:
        xp = _array.namespace(field)
        given = {"index": index, "absorption": absorption, "index_medium": index_medium}
        values = {name: _checks.numbers(name, value) for name, value in given.items()}
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite, got {given[name]!r:.80}")
        contrast = values["index"] - values["index_medium"] + 1j * values["absorption"]
        wavenumber = 2 * np.pi * contrast / _checks.wavelengths(wavelength)
        self.wavenumber = xp.asarray(wavenumber[..., None, None])
        self.transmission = xp.exp(1j * self.wavenumber * _checks.real("height", height).astype(np.float64))
        _fits("height", self.transmission.shape, field)


# --------------------------------------------------------------------------------------------------------------------- inside
def _fits(name: str, shape: tuple[int, ...], field: Array) -> None:
    lead = len(shape) - 2
    if lead < 0 or shape[-2:] != field.shape[-2:] or lead > field.ndim - 2 or shape[:lead] != field.shape[:lead]:
        raise ValueError(
            f"{name} of shape {shape} does not fit a field {field.shape}: it must end in (ny, nx) = {field.shape[-2:]}, and any axes "
            "before that must be the first ones of the field"
        )


def _transmission(field: Array, transmission: Any) -> Array:
    if not _array.is_array(transmission) or transmission.dtype.kind != "c":
        got = transmission.dtype if _array.is_array(transmission) else type(transmission).__name__
        raise TypeError(f"transmission must be complex64 or complex128, got {got}; a real one is an amplitude_mask")
    _fits("transmission", transmission.shape, field)
    return _array.contiguous(transmission.astype(field.dtype, copy=False))


def _real(name: str, mask: Any, field: Array) -> Array:
    mask = _checks.real(name, mask)
    _fits(name, mask.shape, field)
    return _array.contiguous(mask.astype(field.real.dtype, copy=False))


def _sizes(field: Array, transmission: Array) -> tuple[int, int, int]:
    pixels = field.shape[-2] * field.shape[-1]
    masks = transmission.size // pixels
    return masks, field.size // transmission.size, pixels


def _times(field: Array, transmission: Array, out: Array | None) -> Array:
    if out is None:
        out = _array.namespace(field).empty_like(field)
    elif not _array.is_array(out) or out.shape != field.shape or out.dtype != field.dtype or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous {field.dtype} array of shape {field.shape}, like the field")
    _launch.launch(
        "optics/mask", "transmit", field.dtype, *_sizes(field, transmission), transmission, field, out, threads=field.size
    )
    return out


def _vjp(cotangent: Any, field: Array, transmission: Array, wrt: Any, parameter: str, from_sum: Any) -> Any:
    """Derivatives of `field * transmission`; `from_sum` makes the parameter's out of q = sum over the batch of g conj(field)."""
    names = _checks.chosen(wrt, ("field", parameter))
    cotangent = _checks.like("cotangent", cotangent, "the transmitted field", field.shape, field.dtype)
    results: dict[str, Any] = {}
    if "field" in names:
        results["field"] = _times(cotangent, transmission.conj(), None)
    if parameter in names:
        q = _array.namespace(field).empty_like(transmission)
        sizes = _sizes(field, transmission)
        _launch.launch("optics/mask", "transmit_vjp", field.dtype, *sizes, cotangent, field, q, threads=q.size)
        results[parameter] = from_sum(q)
    return _checks.only(results, names)
