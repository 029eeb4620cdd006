"""Distances and wavelengths over the leading axes of a field."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array, Field, Numbers, Pair, Values
from . import _checks


def _pitches(out_pitch: Any) -> np.ndarray:
    """Output pitches (..., 2), metres."""
    values = _checks.numbers("out_pitch", out_pitch)
    if values.ndim == 0:
        values = np.array([float(values)] * 2)
    if values.shape[-1] != 2:
        raise ValueError(
            f"out_pitch must be a number, a pair (dy, dx) or an array (..., 2) of pairs in metres, got shape {values.shape}"
        )
    if not np.isfinite(values).all() or not (values > 0).all():
        raise ValueError(f"out_pitch must be positive and finite (metres), got {out_pitch!r:.80}")
    return values


def unbroadcast(values: Numbers, shape: tuple[int, ...]) -> Array:
    """The sum of `values` over the axes along which `shape` was broadcast to theirs."""
    extra = values.ndim - len(shape)
    values = values.sum(axis=tuple(range(extra))) if extra else values
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and values.shape[i] != 1)
    return values.sum(axis=stretched, keepdims=True) if stretched else values


class Media:
    """What differs between the leading axes of a field: a distance and a wavelength (metres), each a scalar or an array that broadcasts with
    them, and for scaled results an output pitch, a scalar, a pair (dy, dx) or an array (..., 2).

    lead : their common shape. pairs : the distinct (distance, wavelength) or, with output pitches, (distance, wavelength, (dy, dx)).
    """

    def __init__(self, distance: Values, wavelength: Values, out_pitch: Pair | None = None) -> None:
        self.distance = _checks.distances(distance)
        self.wavelength = _checks.wavelengths(wavelength)
        given = {"distance": self.distance, "wavelength": self.wavelength}
        pitches = None
        if out_pitch is not None:
            pitches = _pitches(out_pitch)
            given["out_pitch"] = pitches[..., 0]
        try:
            z, w, *_ = np.broadcast_arrays(*given.values())
        except ValueError:
            shapes = " and ".join(f"{name} of shape {values.shape}" for name, values in given.items())
            raise ValueError(f"{shapes} must broadcast") from None
        self.lead = z.shape
        flat: list[Any] = list(zip(z.ravel().tolist(), w.ravel().tolist(), strict=True))
        if pitches is not None:
            each = np.broadcast_to(pitches, (*self.lead, 2)).reshape(-1, 2).tolist()
            flat = [(*pair, tuple(pitch)) for pair, pitch in zip(flat, each, strict=True)]
        self.pairs: tuple[Any, ...] = tuple(dict.fromkeys(flat))
        number = {pair: i for i, pair in enumerate(self.pairs)}
        self._number = np.array([number[pair] for pair in flat], np.int64).reshape(self.lead)

    def out_lead(self, lead: tuple[int, ...]) -> tuple[int, ...]:
        """The leading shape of the result for a field of leading shape `lead`."""
        try:
            return np.broadcast_shapes(lead, self.lead)
        except ValueError:
            raise ValueError(
                f"distance and wavelength of shape {self.lead} must broadcast against the leading axes {lead} of the field"
            ) from None

    def index(self, out_lead: tuple[int, ...]) -> np.ndarray:
        """Which of `pairs` each field of the result goes through, flat."""
        return np.broadcast_to(self._number, out_lead).ravel()

    def expand(self, field: Field) -> Array:
        """The field (..., ny, nx) once for every member of the result: (count, ny, nx), C-contiguous."""
        ny, nx = field.shape[-2:]
        full = _array.namespace(field).broadcast_to(field, (*self.out_lead(field.shape[:-2]), ny, nx))
        return _array.contiguous(full.reshape(-1, ny, nx))

    def gradient(self, name: str, per_field: Numbers) -> Array:
        """Derivatives per field of the result (out_lead), summed to the shape in which "distance" or "wavelength" was given."""
        given = self.distance if name == "distance" else self.wavelength
        return unbroadcast(per_field, given.shape)
