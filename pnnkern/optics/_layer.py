"""The fused layer chain on a GPU: two kernels per layer, where the padded window has one of the sides they are written for.

Between two kernels lives only the spectrum (..., N, P): rows transformed, columns in space. A layer moves 4 N P values, which is 64 N^2
bytes for complex64 and P = 2N; see kernels/optics/layer.cu.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array, _constants, _launch, _parallel
from .._array import Array, Field

SIDES = (256, 320, 384, 400, 448, 512)
LINES = 16  # the first factor of every side
ROWS = 4  # per block, as in layer.cu
COLUMNS = {"complex64": 8, "complex128": 4}
STATE = 32 << 20  # bytes of spectrum worked on at a time: it then stays in the second-level cache of large GPUs
BLOCKS = 1056  # aimed at: four rounds of two blocks on each of 132 multiprocessors


def supported(shape: tuple[int, int], side: int, dtype: Any) -> bool:
    """True if the kernels can do fields of this shape in a window of this side."""
    return shape[0] == shape[1] <= side and side in SIDES and np.dtype(dtype).name in COLUMNS


def traffic(batch: int, n: int, side: int, layers: int, itemsize: int = 8, *, save: bool = False) -> int:
    """Bytes that a forward chain of `layers` masks and layers + 1 propagations moves for `batch` fields n x n; tables are cached."""
    first_and_last = 2 * (n * n + n * side)
    columns, rows = 2 * n * side * (layers + 1), (2 * n * side + (n * n if save else 0)) * layers
    return batch * itemsize * (first_and_last + columns + rows)


def traffic_vjp(batch: int, n: int, side: int, layers: int, itemsize: int = 8, *, to_field: bool = False) -> int:
    """Bytes that the adjoint of the chain moves: it also reads the kept fields, and stops at the first mask unless `to_field`."""
    first_and_last = (2 if to_field else 1) * (n * n + n * side)
    columns = 2 * n * side * (layers + (1 if to_field else 0))
    return batch * itemsize * (first_and_last + columns + (2 * n * side + n * n) * layers)


def chain(
    field: Field, masks: Sequence[Array], transfers: Sequence[Array], side: int, *, save: bool = False
) -> tuple[Array, Array | None]:
    """The field behind masks[l] (layers, [population, 1,] n, n) with propagations transfers[l] / side^2 before, between and after them.

    field : ([population,] batch, n, n); without the axis where masks have it, every member has the same. Returns the field, and with `save`
    the fields after each mask (layers, *field.shape), else None.
    """
    field = _array.contiguous(field)
    sharing = math.prod(masks[0].shape[:-2]) if len(masks) and field.ndim == 3 else 1
    xp, one = _array.namespace(field), _Chain(field, side, sharing)
    lead = (sharing, len(field)) if sharing > 1 else field.shape[:-2]
    fields, out = one.by_member(field) if sharing == 1 else field, xp.empty(one.shape, field.dtype)
    saved = xp.empty((len(masks), *one.shape), field.dtype) if save else None
    begun: tuple[slice | None, Any] = None, None  # samples, and their spectra in front of the first mask
    for piece in one.pieces():
        if sharing > 1:
            if begun[0] != piece[1]:
                begun = piece[1], one.first(field[piece[1]])
                one.columns(transfers[0], begun[1])
            spectrum = xp.empty((*out[piece].shape[:-1], side), field.dtype)
            spectrum[...] = begun[1]
        else:
            spectrum = one.first(fields[piece])
            one.columns(transfers[0], spectrum)
        for l, mask in enumerate(masks):
            one.rows(one.by_member(mask)[piece[0]], spectrum, None if saved is None else saved[(l, *piece)])
            one.columns(transfers[l + 1], spectrum)
        one.last(spectrum, out[piece])
    return out.reshape(*lead, *out.shape[-2:]), None if saved is None else saved.reshape(len(masks), *lead, *out.shape[-2:])


def chain_vjp(
    cotangent: Array, saved: Array, masks: Array, transfers: Sequence[Array], side: int, *, to_field: bool = False,
    gradient: Array | None = None,
) -> tuple[Array, Array | None]:  # fmt: skip
    """Adjoint of `chain` for phase masks: the gradient of the phases (layers, [population, 1,] n, n) in float64, added to `gradient` if that is
    given, and with `to_field` the cotangent of the incoming field, else None."""
    xp, one = _array.namespace(cotangent), _Chain(cotangent, side)
    cotangent = _array.contiguous(cotangent)
    fields, kept = one.by_member(cotangent), _array.contiguous(saved).reshape(len(masks), *one.shape)
    gradient = xp.zeros(masks.shape, np.float64) if gradient is None else gradient
    incoming = xp.empty(one.shape, cotangent.dtype) if to_field else None
    for piece in one.pieces():
        spectrum = one.first(fields[piece])
        for l in reversed(range(len(masks))):
            one.columns(transfers[l + 1], spectrum, vjp=True)
            one.rows_vjp(one.by_member(masks[l])[piece[0]], kept[(l, *piece)], spectrum, one.by_member(gradient[l])[piece[0]])
        if incoming is not None:
            one.columns(transfers[0], spectrum, vjp=True)
            one.last(spectrum, incoming[piece])
    return gradient, None if incoming is None else incoming.reshape(cotangent.shape)


def _twiddles(side: int, like: Array) -> Array:
    """w[k1, n2] = exp(-2 pi i k1 n2 / side), worked out in float64; in the precision and on the device of `like`."""

    def table() -> np.ndarray:
        turns = np.outer(np.arange(LINES), np.arange(side // LINES)) % side / side
        return np.exp(-2j * np.pi * turns).astype(like.dtype)

    return _constants.made(("twiddles", side, like.dtype), table, like)


class _Chain:
    """The kernels for one shape of field, each named as in layer.cu."""

    def __init__(self, field: Field, side: int, sharing: int = 1) -> None:
        """`sharing` : members that have the same fields."""
        self.n, self.side, self.dtype = field.shape[-1], side, field.dtype
        self.population, self.batch = math.prod(field.shape[:-3]) * sharing, field.shape[-3]
        self.shape = self.population, self.batch, self.n, self.n
        self.xp = _array.namespace(field)
        self.w = _twiddles(side, field)
        self.threads = max(LINES, side // LINES)
        self.defines = {"PNN_FIELD": self.n, "PNN_SIDE": side}

    def by_member(self, x: Array) -> Array:
        """Fields, or masks, with a first axis of members, of which there may be one."""
        return x.reshape(self.population, -1, self.n, self.n)

    def pieces(self) -> list[tuple[slice, slice]]:
        """(members, samples) of pieces whose spectra fit `STATE`. Each is one stretch of memory: kernels read and write it where it lies."""
        most = max(1, STATE // (self.n * self.side * self.dtype.itemsize))
        if self.batch > most:
            return [(slice(m, m + 1), b) for b in _parallel.pieces(self.batch, most) for m in range(self.population)]
        return [(m, slice(None)) for m in _parallel.pieces(self.population, most // max(1, self.batch))]

    def _slices(self, batch: int, blocks: int) -> int:
        """Blocks per line of the grid that share the batch; a fixed rule, so that sums are the same on every run."""
        return max(1, min(batch, -(-BLOCKS // blocks)))

    def _launch(self, verb: str, batch: int, *args: Any, columns: bool = False, population: int = 1) -> None:
        per_block = COLUMNS[self.dtype.name] if columns else ROWS
        blocks = self.side // per_block if columns else -(-self.n // per_block)
        grid = (blocks, self._slices(batch, blocks * population), population)
        _launch.launch(
            "optics/layer",
            verb,
            self.dtype,
            batch,
            self.w,
            *args,
            grid=grid,
            block=(per_block * self.threads,),
            defines=self.defines,
        )

    def first(self, field: Field) -> Array:
        spectrum = self.xp.empty((*field.shape[:-1], self.side), self.dtype)
        self._launch("first", field.size // self.n**2, field, spectrum)
        return spectrum

    def columns(self, transfer: Array, spectrum: Array, *, vjp: bool = False) -> None:
        batch = spectrum.size // (self.n * self.side)
        self._launch("columns_vjp" if vjp else "columns", batch, transfer, spectrum, spectrum, columns=True)

    def rows(self, mask: Array, spectrum: Array, saved: Array | None) -> None:
        self._launch("rows", spectrum.shape[1], mask, spectrum, saved, spectrum, population=len(spectrum))

    def rows_vjp(self, mask: Array, saved: Array, spectrum: Array, gradient: Array) -> None:
        population, batch, real = len(spectrum), spectrum.shape[1], saved.real.dtype
        slices = self._slices(batch, -(-self.n // ROWS) * population)
        partial = self.xp.empty((population, slices, self.n, self.n), real)
        self._launch("rows_vjp", batch, mask, saved, spectrum, spectrum, partial, population=population)
        _launch.launch(
            "optics/layer", "gradient", real, population, slices, self.n**2, partial, gradient, threads=gradient.size, defines=self.defines
        )

    def last(self, spectrum: Array, field: Field) -> None:
        self._launch("last", field.size // self.n**2, spectrum, field)
