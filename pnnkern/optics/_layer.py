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
from . import _halves
from ._halves import Halves

SIDES = (256, 320, 384, 400, 448, 512)
LINES = {"complex64": 8, "complex128": 4}  # columns of a block, and samples of which a block has a row, as in layer.cu
STATE = 32 << 20  # bytes of spectrum worked on at a time: it then stays in the second-level cache of large GPUs
PLAIN = 48 << 10  # bytes of shared memory that a kernel can declare


def supported(shape: tuple[int, int], side: int, dtype: Any) -> bool:
    """True if the kernels can do fields of this shape in a window of this side."""
    return shape[0] == shape[1] <= side and side in SIDES and np.dtype(dtype).name in LINES


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
    field: Field, masks: Sequence[Array], transfers: Sequence[Array], side: int, *, save: bool = False, halves: bool = False
) -> tuple[Array, Array | Halves | None]:
    """The field behind masks[l] (layers, [population, 1,] n, n) with propagations transfers[l] / side^2 before, between and after them.

    field : ([population,] batch, n, n); without the axis where masks have it, every member has the same. Returns the field, and with `save`
    the fields after each mask (layers, *field.shape), with `halves` as such, else None.
    """
    field = _array.contiguous(field)
    sharing = math.prod(masks[0].shape[:-2]) if len(masks) and field.ndim == 3 else 1
    xp, one = _array.namespace(field), _Chain(field, side, sharing)
    lead = (sharing, len(field)) if sharing > 1 else field.shape[:-2]
    fields, out = one.by_member(field) if sharing == 1 else field, xp.empty(one.shape, field.dtype)
    saved: Array | Halves | None = None
    if save:
        shape = len(masks), *one.shape
        saved = _halves.empty(shape, field.dtype, xp) if halves else xp.empty(shape, field.dtype)
    begun: tuple[slice | None, Any] = None, None  # samples, and their spectra in front of the first mask, where members share them
    for piece in one.pieces():
        if sharing == 1 or begun[0] != piece[1]:
            spectrum = one.first(fields[piece[1]] if sharing > 1 else fields[piece])
            one.columns(transfers[0], spectrum)
            begun = piece[1], spectrum
        before, spectrum = begun[1], begun[1] if sharing == 1 else xp.empty((*out[piece].shape[:-1], side), field.dtype)
        for l, mask in enumerate(masks):
            one.rows(one.by_member(mask)[piece[0]], before, None if saved is None else saved[(l, *piece)], spectrum)
            one.columns(transfers[l + 1], spectrum)
            before = spectrum
        one.last(spectrum, out[piece])
    return out.reshape(*lead, *out.shape[-2:]), None if saved is None else saved.reshape(len(masks), *lead, *out.shape[-2:])


def chain_vjp(
    cotangent: Array, saved: Array | Halves, masks: Array, transfers: Sequence[Array], side: int, *, to_field: bool = False,
    gradient: Array | None = None,
) -> tuple[Array, Array | None]:  # fmt: skip
    """Adjoint of `chain` for phase masks: the gradient of the phases (layers, [population, 1,] n, n) in float64, added to `gradient` if that is
    given, and with `to_field` the cotangent of the incoming field, else None."""
    xp, one = _array.namespace(cotangent), _Chain(cotangent, side)
    cotangent = _array.contiguous(cotangent)
    saved = saved if isinstance(saved, Halves) else _array.contiguous(saved)
    fields, kept = one.by_member(cotangent), saved.reshape(len(masks), *one.shape)
    gradient = xp.zeros(masks.shape, np.float64) if gradient is None else gradient
    total = gradient if gradient.flags.c_contiguous else xp.zeros(masks.shape, np.float64)
    incoming = xp.empty(one.shape, cotangent.dtype) if to_field else None
    for piece in one.pieces():
        spectrum = one.first(fields[piece])
        partial = one.partial(len(masks), spectrum)
        for l in reversed(range(len(masks))):
            one.columns(transfers[l + 1], spectrum, vjp=True)
            one.rows_vjp(one.by_member(masks[l])[piece[0]], kept[(l, *piece)], spectrum, partial[l], onward=l > 0 or to_field)
        one.add(partial, piece[0].start or 0, total)
        if incoming is not None:
            one.columns(transfers[0], spectrum, vjp=True)
            one.last(spectrum, incoming[piece])
    if total is not gradient:
        gradient += total
    return gradient, None if incoming is None else incoming.reshape(cotangent.shape)


def _factor(side: int) -> int:
    """A of side = A B, as in fft.cuh."""
    return 20 if side % 20 == 0 else 16


def _twiddles(side: int, like: Array) -> Array:
    """w[k1, n2] = exp(-2 pi i k1 n2 / side), worked out in float64; in the precision and on the device of `like`."""

    def table() -> np.ndarray:
        turns = np.outer(np.arange(_factor(side)), np.arange(side // _factor(side))) % side / side
        return np.exp(-2j * np.pi * turns).astype(like.dtype)

    return _constants.made(("twiddles", side, like.dtype), table, like)


def slices(groups: int, blocks: int, resident: int, multiprocessors: int) -> int:
    """How many blocks walk over `groups` of samples for each of `blocks` stretches of columns: those with which the multiprocessor that has
    the most to do has the least, of which there is room for `resident` blocks on each; of equal ones the most, for more to be under way."""

    def rounds(s: int) -> int:
        return -(-blocks * s // multiprocessors) * -(-groups // s)

    most = max(1, min(groups, multiprocessors * resident // blocks))
    return min(range(most, 0, -1), key=rounds)


class _Chain:
    """The kernels for one shape of field, each named as in layer.cu."""

    def __init__(self, field: Field, side: int, sharing: int = 1) -> None:
        """`sharing` : members that have the same fields."""
        self.n, self.side, self.dtype = field.shape[-1], side, field.dtype
        self.population, self.batch = math.prod(field.shape[:-3]) * sharing, field.shape[-3]
        self.shape = self.population, self.batch, self.n, self.n
        self.xp = _array.namespace(field)
        self.w = _twiddles(side, field)
        self.defines = {"PNN_FIELD": self.n, "PNN_SIDE": side}
        # blocks, as in layer.cu
        a, b, size, lines = _factor(side), side // _factor(side), self.dtype.itemsize, LINES[self.dtype.name]
        threads, line = max(a, b), a * (b | 1)
        self.row_samples = lines if lines * size // 2 * (2 * line + self.n) <= PLAIN else lines // 2
        self.column_samples = 2 if size == 8 and 2 * lines * threads <= 320 else 1
        self.row_threads, self.column_threads = self.row_samples * threads, self.column_samples * lines * threads
        # columns: the transfer function's are kept in shared memory where a block may have so much
        room, table = self.column_samples * lines * line * size, lines * side * size
        self.kept = room + table <= _launch.shared_limit(field)
        self.column_shared, self.column_blocks = room + table * self.kept, side // lines
        self.resident = max(1, (8 if size == 16 else 20 if threads <= 20 else 16) // -(-self.column_threads // 32))
        self.multiprocessors = _launch.multiprocessors(field)

    def by_member(self, x: Array) -> Array:
        """Fields, or masks, with a first axis of members, of which there may be one."""
        return x.reshape(self.population, -1, self.n, self.n)

    def pieces(self) -> list[tuple[slice, slice]]:
        """(members, samples) of pieces whose spectra fit `STATE`. Each is one stretch of memory: kernels read and write it where it lies."""
        most = max(1, STATE // (self.n * self.side * self.dtype.itemsize))
        if self.batch > most:
            return [(slice(m, m + 1), b) for b in _parallel.pieces(self.batch, most) for m in range(self.population)]
        return [(m, slice(None)) for m in _parallel.pieces(self.population, most // max(1, self.batch))]

    def _groups(self, batch: int) -> int:
        """Blocks of samples of which each does a row; there is one even where there are no samples."""
        return max(1, -(-batch // self.row_samples))

    def _rows(self, verb: str, population: int, batch: int, *args: Any) -> None:
        _launch.launch(
            "optics/layer", verb, self.dtype, batch, *args, grid=(self.n, self._groups(batch), population),
            block=(self.row_threads,), defines=self.defines,
        )  # fmt: skip

    def first(self, field: Field) -> Array:
        spectrum = self.xp.empty((*field.shape[:-1], self.side), self.dtype)
        self._rows("first", 1, field.size // self.n**2, self.w, field, spectrum)
        return spectrum

    def columns(self, transfer: Array, spectrum: Array, *, vjp: bool = False) -> None:
        batch = spectrum.size // (self.n * self.side)
        along = slices(-(-batch // self.column_samples), self.column_blocks, self.resident, self.multiprocessors)
        _launch.launch(
            "optics/layer", "columns_vjp" if vjp else "columns", self.dtype, batch, int(self.kept), self.w, transfer, spectrum, spectrum,
            grid=(self.column_blocks, along), block=(self.column_threads,), shared=self.column_shared, defines=self.defines,
        )  # fmt: skip

    def rows(self, mask: Array, before: Array, saved: Array | Halves | None, spectrum: Array) -> None:
        """`before` : the spectra of each member, `spectrum` itself, or those that all members share."""
        population, batch = spectrum.shape[:2]
        sizes = population, batch, batch if before is spectrum else 0
        if isinstance(saved, Halves):
            self._rows("rows_halves", *sizes, self.w, mask, before, saved.words, saved.scale, spectrum)
        else:
            self._rows("rows", *sizes, self.w, mask, before, saved, spectrum)

    def partial(self, layers: int, spectrum: Array) -> Array:
        """Memory for sums over `row_samples` samples each, which the number of samples alone decides on."""
        population, batch = spectrum.shape[:2]
        return self.xp.empty((layers, population, self._groups(batch), self.n, self.n), spectrum.real.dtype)

    def rows_vjp(self, mask: Array, saved: Array | Halves, spectrum: Array, partial: Array, *, onward: bool) -> None:
        population, batch = spectrum.shape[:2]
        rest = spectrum, spectrum if onward else None, partial
        if isinstance(saved, Halves):
            self._rows("rows_halves_vjp", population, batch, self.w, mask, saved.words, saved.scale, *rest)
        else:
            self._rows("rows_vjp", population, batch, self.w, mask, saved, *rest)

    def add(self, partial: Array, first: int, gradient: Array) -> None:
        """Add the sums of members from `first` on to the gradient."""
        layers, population, slices = partial.shape[:3]
        pixels = self.n**2
        _launch.launch(
            "optics/layer", "gradient", partial.dtype, layers, population, first, self.population, slices, pixels, partial, gradient,
            grid=(-(-pixels // _launch.BLOCK), min(layers * population, 65535)), defines=self.defines,
        )  # fmt: skip

    def last(self, spectrum: Array, field: Field) -> None:
        self._rows("last", 1, field.size // self.n**2, self.w, spectrum, field)
