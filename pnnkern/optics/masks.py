"""Thin masks: a field times a transmission.

A mask is given per pixel: it broadcasts with the whole field, (colours, ny, nx) against (samples, colours, ny, nx), by the rule of axes in
`pnnkern.optics`. Masks are worked on in the precision of the field; derivatives come back in the shape and precision of the mask.
Thin-element approximation, Goodman, Introduction to Fourier Optics, section 5.1.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Field, Numbers, Real, Values
from .._checks import only, wrt_names
from .._gate import accepts_any
from . import _axes, _checks, _grids, chain
from ._media import unbroadcast


# -------------------------------------------------------------------------------------------------------------------- complex
@accepts_any
def transmit(field: Field, transmission: Numbers, *, out: Numbers | None = None) -> Array:
    """Transmit a field through a mask of any complex transmission: ``field * transmission``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    transmission : Array
        (..., ny, nx), broadcasts with `field` (see `pnnkern.optics`); complex, converted to the field's precision.
    out : Array | None
        Where to put the result; may be `field`.

    Returns
    -------
    Array
        An array like `field`, of the shape that the two broadcast to.

    Raises
    ------
    TypeError
        For a real transmission.
    ValueError
        For shapes that do not broadcast.
    """
    field = _checks.complex_field("field", field)
    return _times(field, _transmission(field, transmission), out)


@accepts_any
def transmit_vjp(cotangent: Numbers, field: Field, transmission: Numbers, *, wrt: str | Sequence[str] = ("field",)) -> Any:
    """The derivative of `transmit`.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "transmission".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    field: ``conj(transmission) g``; transmission: ``sum over the fields of the mask of g conj(field)``, summed in float64.
    """
    field = _checks.complex_field("field", field)
    t = _transmission(field, transmission)
    return _vjp(cotangent, field, t, wrt, "transmission", transmission, lambda q: q)


# ----------------------------------------------------------------------------------------------------------------------- real
@accepts_any
def phase_mask(field: Field, phase: Real, *, out: Numbers | None = None) -> Array:
    """Transmit a field through a thin phase mask: ``field * exp(i phase)``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    phase : Real
        Radians, (..., ny, nx), broadcasts with `field` (see `pnnkern.optics`). float32 or float64.
    out : Array | None
        Where to put the result; may be `field`.

    Returns
    -------
    Array
        An array like `field`, of the shape that the two broadcast to.

    Raises
    ------
    TypeError
        For a phase that is not real.
    ValueError
        For shapes that do not broadcast.
    """
    field = _checks.complex_field("field", field)
    return _times(field, chain.phasor(_real("phase", phase, field)), out)


@accepts_any
def phase_mask_vjp(cotangent: Numbers, field: Field, phase: Real, *, wrt: str | Sequence[str] = ("field",)) -> Any:
    """The derivative of `phase_mask`.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "phase".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    field: ``exp(-i phase) g``; phase: ``sum over the fields of the mask of Im(g conj(field exp(i phase)))``.
    """
    field = _checks.complex_field("field", field)
    t = chain.phasor(_real("phase", phase, field))
    return _vjp(cotangent, field, t, wrt, "phase", phase, lambda q: (q * t.conj()).imag)


@accepts_any
def amplitude_mask(field: Field, amplitude: Real, *, out: Numbers | None = None) -> Array:
    """Transmit a field through a real mask: ``field * amplitude``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    amplitude : Real
        (..., ny, nx), broadcasts with `field` (see `pnnkern.optics`); real (a passive mask lies in [0, 1]; negative values are a phase of pi).
        float32 or float64.
    out : Array | None
        Where to put the result; may be `field`.

    Returns
    -------
    Array
        An array like `field`, of the shape that the two broadcast to.

    Raises
    ------
    TypeError
        For an amplitude that is not real.
    ValueError
        For shapes that do not broadcast.
    """
    field = _checks.complex_field("field", field)
    return _times(field, _real("amplitude", amplitude, field).astype(field.dtype), out)


@accepts_any
def amplitude_mask_vjp(cotangent: Numbers, field: Field, amplitude: Real, *, wrt: str | Sequence[str] = ("field",)) -> Any:
    """The derivative of `amplitude_mask`.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "amplitude".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    field: ``amplitude g``; amplitude: ``sum over the fields of the mask of Re(g conj(field))``.
    """
    field = _checks.complex_field("field", field)
    t = _real("amplitude", amplitude, field).astype(field.dtype)
    return _vjp(cotangent, field, t, wrt, "amplitude", amplitude, lambda q: q.real)


@accepts_any
def height_mask(field: Field, height: Real, *, wavelength: Values, index: Values, absorption: Values = 0.0, index_medium: Values = 1.0,
                out: Numbers | None = None) -> Array:  # fmt: skip
    """Transmit a field through a relief of material: ``field * exp(2 pi i (index - index_medium + i absorption) height / wavelength)``.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128, any unit of amplitude.
    height : Real
        Metres, (..., ny, nx), broadcasts with `field` (see `pnnkern.optics`); float32 or float64.
    wavelength
        Metres, in vacuum.
    index
        Refractive index of the material.
    absorption
        Its extinction coefficient (the imaginary part of the index).
    index_medium
        Refractive index around it. Each a scalar, or an array that broadcasts with the leading axes of `field`: (colours,) for a field
        (samples, colours, ny, nx) and one relief.
    out : Array | None
        Where to put the result; may be `field`.

    Returns
    -------
    Array
        An array like `field`, of the shape that all broadcast to.

    Raises
    ------
    TypeError
        For a height that is not real.
    ValueError
        For shapes that do not broadcast and for numbers that are not finite.

    Notes
    -----
    The transmission is worked out in float64.
    """
    field = _checks.complex_field("field", field)
    material = _Material(field, height, wavelength, index, absorption, index_medium)
    return _times(field, material.transmission.astype(field.dtype), out)


@accepts_any
def height_mask_vjp(cotangent: Numbers, field: Field, height: Real, *, wavelength: Values, index: Values, absorption: Values = 0.0,
                    index_medium: Values = 1.0, wrt: str | Sequence[str] = ("field",)) -> Any:  # fmt: skip
    """The derivative of `height_mask`.

    Parameters
    ----------
    cotangent : Array
        Like its result.
    wrt
        Any of "field", "height".

    Returns
    -------
    array
        One array, or a tuple in the order of `wrt`.

    Notes
    -----
    Other arguments as there.

    field: ``conj(t) g`` for the transmission t; height: with ``q = sum over the fields of the mask of g conj(t field)``, ``2 pi / wavelength
    ((index - index_medium) Im q - absorption Re q)`` (dL/dmetre).
    """
    field = _checks.complex_field("field", field)
    material = _Material(field, height, wavelength, index, absorption, index_medium)
    t = material.transmission

    def slope(q: Array) -> Array:
        return (q.astype(np.complex128) * (1j * material.wavenumber * t).conj()).real

    return _vjp(cotangent, field, t.astype(field.dtype), wrt, "height", height, slope)


class _Material:
    """`transmission` exp(i wavenumber height), complex128, and `wavenumber` = 2 pi (dn + i kappa) / lambda, of shape (..., 1, 1)."""

    def __init__(self, field: Field, height: Real, wavelength: Any, index: Any, absorption: Any, index_medium: Any) -> None:
        xp = _array.namespace(field)
        given = {"index": index, "absorption": absorption, "index_medium": index_medium}
        values = {name: _checks.numbers(name, value) for name, value in given.items()}
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{name} must be finite, got {given[name]!r:.80}")
        wavelengths, height = _checks.wavelengths(wavelength), _checks.real("height", height)
        lead = _axes.whole(field.shape, "height", height.shape)[:-2]
        _axes.leading(lead, "the field", {"wavelength": wavelengths.shape} | {name: value.shape for name, value in values.items()})
        contrast = values["index"] - values["index_medium"] + 1j * values["absorption"]
        self.wavenumber = xp.asarray((2 * np.pi * contrast / wavelengths)[..., None, None])
        height = _array.as_type(height, np.float64)
        self.transmission = chain.phasor(self.wavenumber.real * height)
        if values["absorption"].any():
            self.transmission *= xp.exp(-self.wavenumber.imag * height)


# --------------------------------------------------------------------------------------------------------------------- inside
def _transmission(field: Field, transmission: Any) -> Array:
    if not _array.is_array(transmission) or transmission.dtype.kind != "c":
        got = transmission.dtype if _array.is_array(transmission) else type(transmission).__name__
        raise TypeError(f"transmission must be complex64 or complex128, got {got}; a real one is an amplitude_mask")
    _axes.whole(field.shape, "transmission", transmission.shape)
    return transmission.astype(field.dtype, copy=False)


def _real(name: str, mask: Any, field: Field) -> Array:
    mask = _checks.real(name, mask)
    _axes.whole(field.shape, name, mask.shape)
    return mask.astype(field.real.dtype, copy=False)


def _on_planes(mask: Array, shape: tuple[int, ...]) -> Array:
    """A mask with all pixels of the planes of a result, and as many axes; its leading axes stay as they are."""
    if mask.shape[-2:] != shape[-2:]:
        mask = _array.namespace(mask).broadcast_to(mask, (*mask.shape[:-2], *shape[-2:]))
    return _array.contiguous(mask[(None,) * (len(shape) - mask.ndim)])


def _broadcast(field: Field, shape: tuple[int, ...]) -> Array:
    return field if field.shape == shape else _array.contiguous(_array.namespace(field).broadcast_to(field, shape))


def _times(field: Field, transmission: Array, out: Array | None) -> Array:
    shape = _axes.joined(field.shape, transmission.shape)
    if out is None:
        out = _array.namespace(field).empty(shape, field.dtype)
    elif not _array.is_array(out) or out.shape != shape or out.dtype != field.dtype or not out.flags.c_contiguous:
        raise ValueError(f"out must be a C-contiguous {field.dtype} array of shape {shape}, like the result")
    field, transmission = _broadcast(field, shape), _on_planes(transmission, shape)
    pixels = shape[-2] * shape[-1]
    for planes, mask, sizes in _axes.Pieces.of(shape[:-2], transmission.shape[:-2]):
        into = out[planes]
        part = into if into.flags.c_contiguous else _array.namespace(field).empty(into.shape, field.dtype)
        _launch.launch(
            "optics/mask", "transmit", field.dtype, *sizes, pixels, transmission[mask], _array.contiguous(field[planes]), part,
            **_grids.over(pixels, math.prod(sizes), field.dtype),
        )  # fmt: skip
        if part is not into:
            into[...] = part
    return out


def _vjp(cotangent: Any, field: Field, transmission: Array, wrt: Any, parameter: str, given: Array, from_sum: Any) -> Any:
    """Derivatives of `field * transmission`; `from_sum` makes that of the parameter, `given`, out of q = sum of g conj(field) over the
    fields of each mask, before it is summed to the shape that was given."""
    names = wrt_names(wrt, ("field", parameter))
    shape = _axes.joined(field.shape, transmission.shape)
    cotangent = _checks.like("cotangent", cotangent, "the transmitted field", shape, field.dtype)
    results: dict[str, Any] = {}
    if "field" in names:
        results["field"] = unbroadcast(_times(cotangent, transmission.conj(), None), field.shape)
    if parameter in names:
        field, full = _broadcast(field, shape), _on_planes(transmission, shape)
        q = _array.namespace(field).empty_like(full)
        for planes, mask, sizes in _axes.Pieces.of(shape[:-2], full.shape[:-2]):
            g, u = _array.contiguous(cotangent[planes]), _array.contiguous(field[planes])
            pixels = shape[-2] * shape[-1]
            grid = _grids.sums(pixels, sizes[1], field.dtype)
            _launch.launch("optics/mask", "transmit_vjp", field.dtype, *sizes, pixels, g, u, q[mask], **grid)
        q = q.astype(np.complex128) if full.size != given.size else q  # to be added up
        results[parameter] = unbroadcast(from_sum(q), given.shape).astype(given.dtype, copy=False)
    return only(results, names)
