"""Distances and wavelengths over the leading axes of a field."""

from typing import Any

import numpy as np

from .. import _array
from .._array import Array
from . import _checks


def unbroadcast(values: Array, shape: tuple[int, ...]) -> Array:
    """The sum of `values` over the axes along which `shape` was broadcast to theirs."""
    extra = values.ndim - len(shape)
    values = values.sum(axis=tuple(range(extra))) if extra else values
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and values.shape[i] != 1)
    return values.sum(axis=stretched, keepdims=True) if stretched else values


class Media:
    """Pairs of a distance and a wavelength (metres), each a scalar or an array that broadcasts with a field's leading axes.

    lead : their common shape. pairs : the distinct ones, (distance, wavelength) each.
    """

    def __init__(self, distance: Any, wavelength: Any) -> None:
        self.distance = _checks.distances(distance)
        self.wavelength = _checks.wavelengths(wavelength)
        try:
            z, w = np.broadcast_arrays(self.distance, self.wavelength)
        except ValueError:
            raise ValueError(
                f"distance of shape {self.distance.shape} and wavelength of shape {self.wavelength.shape} must broadcast"
            ) from None
        self.lead = z.shape
        self.pairs = tuple(dict.fromkeys(zip(z.ravel().tolist(), w.ravel().tolist(), strict=True)))
        number = {pair: i for i, pair in enumerate(self.pairs)}
        flat = [number[pair] for pair in zip(z.ravel().tolist(), w.ravel().tolist(), strict=True)]
        self._number = np.array(flat, np.int64).reshape(self.lead)

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

    def expand(self, field: Array) -> Array:
        """The field (..., ny, nx) once for every member of the result: (count, ny, nx), C-contiguous."""
        ny, nx = field.shape[-2:]
        full = _array.namespace(field).broadcast_to(field, (*self.out_lead(field.shape[:-2]), ny, nx))
        return _array.contiguous(full.reshape(-1, ny, nx))

    def gradient(self, name: str, per_field: Array) -> Array:
        """Derivatives per field of the result (out_lead), summed to the shape in which "distance" or "wavelength" was given."""
        given = self.distance if name == "distance" else self.wavelength
        return unbroadcast(per_field, given.shape)
