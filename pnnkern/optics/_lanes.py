"""The fused layer chain on a CPU, by the passes of kernels/optics/layer.py: any batch, any window whose sides have a plan.

A field goes through the whole chain while its spectrum is in the second-level cache, and threads take different fields. The passes are
imported where they are used, as that takes Numba.
"""

import functools
import importlib.util
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _array, _pages, _parallel
from .._array import Array
from . import _halves
from ._halves import Halves

if TYPE_CHECKING:
    from ..kernels.optics.layer import Line

PIECE = 4  # blocks of columns of a transfer function that is brought into order and not kept
CHUNK = 8  # fields per partial gradient: the sums are the same for any number of threads


@functools.cache
def plans(shape: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> "tuple[Line, Line] | None":
    """Plans (y, x) for fields of this shape in this window; None where a side has none, or there is no Numba."""
    if dtype.name not in ("complex64", "complex128") or importlib.util.find_spec("numba") is None:
        return None
    from ..kernels.optics import layer

    y, x = (layer.plan(p, n, dtype.itemsize // 2) for p, n in zip(window, shape, strict=True))
    return None if y is None or x is None else (y, x)


def tables(transfers: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Transfer functions (count, sy, px) in the order in which the column pass meets them, over the points of the window."""
    from ..kernels.optics import layer

    both = plans(window, window, transfers.dtype)
    if both is None:
        raise ValueError(f"no plan for windows of {window[0]} x {window[1]} points")
    y, x = both
    out = _pages.empty((len(transfers), x.columns // x.lanes, y.points, 2, x.lanes), transfers.real.dtype)
    for transfer, own in zip(_array.contiguous(transfers), out, strict=True):
        layer.fill_table(transfer, 1 / math.prod(window), layer.FLUSH[y.itemsize], y.A, y.B, x.A, x.B, 0, own)
    return out


class Passes:
    """The passes for fields of one shape in one window, and a thread's memory for them. Named as in layer.cu; arguments are addresses."""

    def __init__(self, shape: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        from ..kernels.optics import layer

        (self.ny, self.nx), both = shape, plans(shape, window, dtype)
        if both is None:
            raise ValueError(f"no plan for fields of {shape[0]} x {shape[1]} points in a window of {window[0]} x {window[1]}")
        self.y, self.x = y, x = both
        self.blocks = -(-self.ny // x.lanes)
        real = dtype.type().real.dtype
        self.spectrum_memory = _pages.zeros((self.blocks, x.row, 2, x.lanes), real)
        space = max(y.width, self.blocks * y.lanes)
        self.room_memory = _pages.zeros((max(x.width, y.A * y.pitch + layer.SLACK + space), 2, x.lanes), real)
        self.spectrum, self.room = self.spectrum_memory.ctypes.data, self.room_memory.ctypes.data
        self.twiddles = [layer.twiddles(p.A, p.B, p.itemsize) for p in both]  # held here: two threads may have made two at a time
        self.w_y, self.w_x = (w.ctypes.data for w in self.twiddles)
        self.row, self.column = layer.row_passes(x), layer.column_passes(y)
        self.each = self.ny * self.nx * dtype.itemsize  # bytes of a field
        self.line, self.across, self.gap = x.row * x.point, x.columns // x.lanes, x.pitch - x.B
        self.mask_shape = self.blocks, x.width, 2, x.lanes
        self.gradient_shape = self.blocks, x.width, x.lanes

    def in_lanes(self, mask: int, out: int) -> None:
        self.row["in_lanes"](mask, self.ny, self.nx, out)

    def first(self, field: int) -> None:
        self.row["first"](field, self.ny, self.nx, self.w_x, self.room, self.spectrum)

    def columns(self, transfer: int, *, vjp: bool = False, first: int = 0, blocks: int = 0) -> None:
        """Of all columns, or of so many blocks from `first` on, whose table lies at `transfer`."""
        self.column["columns_vjp" if vjp else "columns"](
            self.spectrum, self.blocks, self.line, first, blocks or self.across, self.x.B, self.gap, self.w_y, transfer, self.room
        )

    def columns_of(self, transfer: np.ndarray, *, vjp: bool = False) -> None:
        """`columns` with a transfer function (sy, px) as it is: a few blocks at a time are brought into order, and none of it is kept."""
        from ..kernels.optics import layer

        y, x = self.y, self.x
        out = _pages.empty((min(PIECE, self.across), y.points, 2, x.lanes), transfer.real.dtype)
        for first in range(0, self.across, PIECE):
            own = out[: self.across - first]
            layer.fill_table(transfer, 1 / (y.points * x.points), layer.FLUSH[y.itemsize], y.A, y.B, x.A, x.B, first, own)
            self.columns(out.ctypes.data, vjp=vjp, first=first, blocks=len(own))

    def rows(self, mask: int, saved: int | None) -> None:
        if saved is None:
            self.row["rows"](self.spectrum, self.ny, self.nx, self.w_x, mask)
        else:
            self.row["rows_saved"](self.spectrum, self.ny, self.nx, self.w_x, mask, self.room, saved)

    def rows_vjp(self, mask: int, saved: int, gradient: int, *, onward: bool) -> None:
        if onward:
            self.row["rows_vjp"](self.spectrum, self.ny, self.nx, self.w_x, mask, self.room, saved, gradient)
        else:
            self.row["rows_vjp_end"](self.spectrum, self.ny, self.nx, self.w_x, self.room, saved, gradient)

    def last(self, field: int) -> None:
        self.row["last"](self.spectrum, self.ny, self.nx, self.w_x, self.room, field)


def passes(shape: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> Passes:
    """This thread's own."""
    return _parallel.workspace(("passes", shape, window, dtype), lambda: Passes(shape, window, dtype))


def _by_member(x: Array, layers: int, shape: tuple[int, int]) -> Array:
    return x.reshape(layers, -1, *shape)


def _masks(one: Passes, masks: Array) -> np.ndarray:
    """Masks (layers, members, ny, nx) as the row pass takes them."""
    out = _pages.empty((*masks.shape[:2], *one.mask_shape), masks.real.dtype)
    for own, mask in zip(out.reshape(-1, *one.mask_shape), masks.reshape(-1, one.ny, one.nx), strict=True):
        one.in_lanes(mask.ctypes.data, own.ctypes.data)
    return out


def chain(
    field: Array, masks: Sequence[Array] | Array, tables: Sequence[np.ndarray], window: tuple[int, int], *, save: bool = False,
    halves: bool = False,
) -> tuple[Array, Array | Halves | None]:  # fmt: skip
    """The field behind masks (layers, [population, 1,] ny, nx) with propagations `tables` before, between and after them; as `_layer.chain`."""
    shape, layers, batch = field.shape[-2:], len(masks), field.shape[-3]
    field = _array.contiguous(field)
    own: Any = _masks(passes(shape, window, field.dtype), _by_member(np.asarray(masks), layers, shape)) if layers else ()
    sharing = own.shape[1] if layers and field.ndim == 3 else 1  # members, of which each has the same fields
    lead = (sharing, batch) if sharing > 1 else field.shape[:-2]
    out = _pages.empty((*lead, *shape), field.dtype)
    fields = math.prod(lead)
    saved = _pages.empty((layers, *lead, *shape), field.dtype) if save and not halves else None
    kept = _halves.empty((layers, fields, *shape), field.dtype, _pages) if save and halves else None
    transfers = [t.ctypes.data for t in tables]

    begun = _pages.empty((batch, *passes(shape, window, field.dtype).spectrum_memory.shape), field.real.dtype) if sharing > 1 else None

    def begin(one: Passes, b: int) -> None:
        one.first(field.ctypes.data + b * one.each)
        one.columns(transfers[0])

    def keep(start: int, stop: int) -> None:  # what is the same for all members
        one = passes(shape, window, field.dtype)
        for b in range(start, stop):
            begin(one, b)
            begun[b] = one.spectrum_memory  # type: ignore[index]

    def work(start: int, stop: int) -> None:
        one = passes(shape, window, field.dtype)
        whole = None if kept is None else np.empty(shape, field.dtype)  # one field, before it is kept
        for i in range(start, stop):
            if begun is None:
                begin(one, i)
            else:
                one.spectrum_memory[...] = begun[i % batch]
            for l in range(layers):
                if kept is not None and whole is not None:
                    one.rows(own[l, i // batch].ctypes.data, whole.ctypes.data)
                    kept[l, i].put(whole)
                else:
                    one.rows(own[l, i // batch].ctypes.data, None if saved is None else saved.ctypes.data + (l * fields + i) * one.each)
                one.columns(transfers[l + 1])
            one.last(out.ctypes.data + i * one.each)

    if begun is not None:
        _parallel.over(batch, keep)
    _parallel.over(fields, work)
    return out, saved if kept is None else kept.reshape(layers, *lead, *shape)


def chain_vjp(
    cotangent: Array, saved: Array | Halves, masks: Array, tables: Sequence[np.ndarray], window: tuple[int, int], *, to_field: bool = False,
    gradient: Array,
) -> Array | None:  # fmt: skip
    """Adjoint of `chain` for phase masks, as `_layer.chain_vjp`: adds the gradient of the phases to `gradient`, float64."""
    from ..kernels.optics import layer

    shape, layers, batch = cotangent.shape[-2:], len(masks), cotangent.shape[-3]
    cotangent = _array.contiguous(cotangent)
    incoming = np.empty_like(cotangent) if to_field else None
    fields = math.prod(cotangent.shape[:-2])
    kept = saved.reshape(layers, fields, *shape) if isinstance(saved, Halves) else None
    saved = saved if isinstance(saved, Halves) else _array.contiguous(saved)
    members, chunks = fields // max(1, batch), -(-batch // CHUNK)
    one = passes(shape, window, cotangent.dtype)
    own = _masks(one, _by_member(masks, layers, shape))
    partial = _pages.zeros((members, layers, chunks, *one.gradient_shape), cotangent.real.dtype)
    transfers = [t.ctypes.data for t in tables]

    def work(start: int, stop: int) -> None:
        one = passes(shape, window, cotangent.dtype)
        for chunk in range(start, stop):
            member, c = divmod(chunk, chunks)
            for i in range(member * batch + c * CHUNK, member * batch + min(batch, (c + 1) * CHUNK)):
                one.first(cotangent.ctypes.data + i * one.each)
                for l in reversed(range(layers)):
                    one.columns(transfers[l + 1], vjp=True)
                    whole = None if kept is None else kept[l, i].full()
                    after = saved.ctypes.data + (l * fields + i) * one.each if whole is None else whole.ctypes.data  # type: ignore[union-attr]
                    one.rows_vjp(own[l, member].ctypes.data, after, partial[member, l, c].ctypes.data, onward=l > 0 or to_field)
                if incoming is not None:
                    one.columns(transfers[0], vjp=True)
                    one.last(incoming.ctypes.data + i * one.each)

    _parallel.over(members * chunks, work)
    total = gradient if gradient.flags.c_contiguous else np.zeros(gradient.shape)
    for member, l in itertools.product(range(members), range(layers)):
        layer.add_gradient(partial[member, l], _by_member(total, layers, shape)[l, member])
    if total is not gradient:
        gradient += total
    return incoming


__all__ = ["CHUNK", "Passes", "chain", "chain_vjp", "plans", "tables"]
