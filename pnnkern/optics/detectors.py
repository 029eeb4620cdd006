"""Intensity detectors and their regions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Field, Numbers
from .._checks import wrt_names
from .._constants import Copies
from .._gate import accepts_any
from . import _checks, _grids

Box = tuple[int, int, int, int]
_launch.fault(5, "the light on a detector is NaN or infinite: the field that came in, or a mask on its way, has such values")


@accepts_any
class Regions:
    """Disjoint rectangular detector areas on a plane.

    Parameters
    ----------
    shape : tuple[int, int]
        (ny, nx) of the plane.
    boxes : Sequence[Box]
        (y0, y1, x0, x1) pixels each, half open.

    Raises
    ------
    ValueError
        For a box that is empty, sticks out, or overlaps another.
    """

    def __init__(self, shape: tuple[int, int], boxes: Sequence[Box]) -> None:
        self.shape = shape = _checks.plane("shape", shape)
        self.boxes = tuple((int(y0), int(y1), int(x0), int(x1)) for y0, y1, x0, x1 in boxes)
        if not self.boxes:
            raise ValueError("boxes must hold at least one detector (y0, y1, x0, x1)")
        self.label = np.full(shape, -1, np.int32)
        pixels = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
        lists = []
        for r, (y0, y1, x0, x1) in enumerate(self.boxes):
            if not (0 <= y0 < y1 <= shape[0] and 0 <= x0 < x1 <= shape[1]):
                raise ValueError(f"detector {r} (y0, y1, x0, x1) = {(y0, y1, x0, x1)} must be a box inside the plane {shape}")
            if (self.label[y0:y1, x0:x1] >= 0).any():
                raise ValueError(f"detector {r} {(y0, y1, x0, x1)} overlaps detector {self.label[y0:y1, x0:x1].max()}")
            self.label[y0:y1, x0:x1] = r
            lists.append(pixels[y0:y1, x0:x1].ravel())
        self.pixel = np.concatenate(lists)
        self.start = np.concatenate([[0], np.cumsum([len(p) for p in lists])]).astype(np.int64)
        self._copies = Copies()

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def rows(cls, shape: tuple[int, int], counts: Sequence[int], size: int, spacing: tuple[int, int]) -> "Regions":
        """Rows of equal squares about the centre: `counts` squares in each row, `size` pixels wide, `spacing` (y, x) between centres.

        ``rows((200, 200), (3, 4, 3), 20, (44, 44))`` is the usual layout for ten digits.
        """
        boxes = []
        for i, count in enumerate(counts):
            y = shape[0] / 2 + (i - (len(counts) - 1) / 2) * spacing[0]
            for j in range(count):
                x = shape[1] / 2 + (j - (count - 1) / 2) * spacing[1]
                y0, x0 = round(y - size / 2), round(x - size / 2)
                boxes.append((y0, y0 + size, x0, x0 + size))
        return cls(shape, boxes)

    def like(self, field: Field) -> tuple[Array, Array, Array]:
        """(start, pixel, label) on the device of `field`."""
        start, pixel, label = (self._copies.on(name, getattr(self, name), field) for name in ("start", "pixel", "label"))
        return start, pixel, label


@accepts_any
def intensity(field: Field) -> Array:
    """|field|^2 of a field (..., ny, nx), complex; real of the same precision and shape, in the unit of the field squared.

    Raises
    ------
    TypeError
        For a field that is not complex.
    """
    field = _checks.complex_field("field", field)
    out = _array.namespace(field).empty(field.shape, field.real.dtype)
    _launch.launch("optics/detector", "intensity", field.dtype, field.size, field, out, threads=field.size)
    return out


@accepts_any
def intensity_vjp(cotangent: Numbers, field: Field, *, wrt: str | Sequence[str] = ("field",)) -> Array:
    """The derivative of `intensity`: ``2 g field`` for a real cotangent g like its result.

    Returns
    -------
    Array
        An array like `field`.

    Raises
    ------
    ValueError
        For a cotangent of another shape or dtype.
    """
    wrt_names(wrt, ("field",))
    field = _checks.complex_field("field", field)
    return 2 * _checks.like("cotangent", cotangent, "the intensity", field.shape, field.real.dtype) * field


@accepts_any
def powers(field: Field, regions: Regions) -> Array:
    """Power on each detector: the sum of |field|^2 over its pixels, added up in float64.

    Parameters
    ----------
    field : Field
        (..., ny, nx) complex64 or complex128.
    regions : Regions
        Detectors on a plane (ny, nx).

    Returns
    -------
    Array
        Real (..., detectors), in the unit of the field squared; times pitch^2 it is an integral over the area.

    Raises
    ------
    TypeError
        For a field that is not complex.
    ValueError
        For one of another (ny, nx) than the detectors' plane, and for powers that are NaN or infinite (on a GPU: at `pnnkern.check()`).
    """
    field = _on_plane(field, regions)
    pixels = field.shape[-2] * field.shape[-1]
    batch = field.size // pixels
    out = _array.namespace(field).empty((*field.shape[:-2], len(regions)), field.real.dtype)
    start, pixel, _ = regions.like(field)
    _launch.launch(
        "optics/detector", "powers", field.dtype, batch, pixels, len(regions), start, pixel, field, out,
        grid=(max(1, min(batch * len(regions), _launch.MAX_BLOCKS)),), block=(128,),
    )  # fmt: skip
    return out


@accepts_any
def powers_vjp(cotangent: Numbers, field: Field, regions: Regions, *, wrt: str | Sequence[str] = ("field",)) -> Array:
    """The derivative of `powers`: ``2 g[detector of the pixel] field``, zero between the detectors.

    Parameters
    ----------
    cotangent : Array
        Real (..., detectors), converted to the precision of `field`.

    Returns
    -------
    Array
        An array like `field`.

    Notes
    -----
    Raises as `powers`, and ValueError for a cotangent of another shape.
    """
    wrt_names(wrt, ("field",))
    field = _on_plane(field, regions)
    pixels = field.shape[-2] * field.shape[-1]
    out = _array.namespace(field).empty_like(field)
    cotangent = _checks.real("cotangent", cotangent).astype(field.real.dtype, copy=False)
    shape = (*field.shape[:-2], len(regions))
    cotangent = _checks.like("cotangent", cotangent, "the powers", shape, field.real.dtype)
    _, _, label = regions.like(field)
    _launch.launch(
        "optics/detector", "powers_vjp", field.dtype, field.size // pixels, pixels, len(regions), label, cotangent, field, out,
        **_grids.over(pixels, field.size // pixels, field.dtype),
    )  # fmt: skip
    return out


def _on_plane(field: Any, regions: Regions) -> Array:
    field = _checks.complex_field("field", field)
    if field.shape[-2:] != regions.shape:
        raise ValueError(f"field has (ny, nx) = {field.shape[-2:]}, but the detectors lie on a plane {regions.shape}")
    return field
