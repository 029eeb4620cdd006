"""The fused layer chain on a GPU: two kernels per layer, where the padded window has one of the sides they are written for.

Between two kernels lives only the spectrum (..., N, P): rows transformed, columns in space. A layer moves 4 N P values, which is 64 N^2
bytes for complex64 and P = 2N; see kernels/optics/layer.cu.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array

SIDES = (256, 320, 384, 400, 448, 512)
LINES = 16  # the first factor of every side
ROWS = 4  # per block, as in layer.cu
COLUMNS = {"complex64": 8, "complex128": 4}
STATE = 30 << 20  # bytes of spectrum worked on at a time: it then stays in the second-level cache of large GPUs
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
    field: Array, masks: Sequence[Array], transfers: Sequence[Array], side: int, *, save: bool = False
) -> tuple[Array, Array | None]:
    """The field behind masks[l] (layers, [population,] n, n) with propagations transfers[l] / side^2 before, between and after them.

    field : ([population,] batch, n, n). Returns the field, and with `save` the fields after each mask (layers, *field.shape), else None.
    """
    xp = _array.namespace(field)
    out = xp.empty_like(field)
    saved = xp.empty((len(masks), *field.shape), field.dtype) if save else None
    one = _Chain(field, side)
    for piece in one.pieces():
        part = _array.contiguous(field[piece])
        spectrum = one.first(part)
        for l, mask in enumerate(masks):
            one.columns(transfers[l], spectrum)
            kept = xp.empty_like(part) if save else None
            one.rows(mask, spectrum, kept)
            if saved is not None:
                saved[l][piece] = kept
        one.columns(transfers[len(masks)], spectrum)
        out[piece] = one.last(spectrum, part)
    return out, saved


def chain_vjp(
    cotangent: Array, saved: Array, masks: Array, transfers: Sequence[Array], side: int, *, to_field: bool = False
) -> tuple[Array, Array | None]:
    """Adjoint of `chain` for phase masks: the gradient of the phases (layers, [population,] n, n) in float64, and with `to_field` the
    cotangent of the incoming field, else None."""
    xp = _array.namespace(cotangent)
    gradient = xp.zeros(masks.shape, np.float64)
    incoming = xp.empty_like(cotangent) if to_field else None
    one = _Chain(cotangent, side)
    for piece in one.pieces():
        part = _array.contiguous(cotangent[piece])
        spectrum = one.first(part)
        for l in reversed(range(len(masks))):
            one.columns(transfers[l + 1], spectrum, vjp=True)
            gradient[l] += one.rows_vjp(masks[l], _array.contiguous(saved[l][piece]), spectrum)
        if incoming is not None:
            one.columns(transfers[0], spectrum, vjp=True)
            incoming[piece] = one.last(spectrum, part)
    return gradient, incoming


@functools.lru_cache(maxsize=32)
def _twiddles(side: int, dtype: str, device: str, ordinal: int) -> Array:
    """w[k1, n2] = exp(-2 pi i k1 n2 / side), worked out in float64."""
    turns = np.outer(np.arange(LINES), np.arange(side // LINES)) % side / side
    table = np.exp(-2j * np.pi * turns).astype(dtype)
    return _array.cupy().asarray(table) if device == "cuda" else table


class _Chain:
    """The kernels for one shape of field, each named as in layer.cu."""

    def __init__(self, field: Array, side: int) -> None:
        self.n, self.side, self.dtype = field.shape[-1], side, field.dtype
        self.lead = field.shape[:-3]  # () or (population,)
        self.population, self.batch = int(np.prod(self.lead)), field.shape[-3]
        self.xp = _array.namespace(field)
        device = _array.device_of(field)
        self.w = _twiddles(side, field.dtype.name, device, field.device.id if device == "cuda" else 0)
        self.threads = max(LINES, side // LINES)
        self.defines = {"PNN_FIELD": self.n, "PNN_SIDE": side}

    def pieces(self) -> list[Any]:
        """Index expressions that cut the batch so that the spectra of a piece fit `STATE`."""
        size = max(1, STATE // (self.population * self.n * self.side * self.dtype.itemsize))
        return [(..., slice(b, b + size), slice(None), slice(None)) for b in range(0, self.batch, size)]

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

    def first(self, field: Array) -> Array:
        spectrum = self.xp.empty((*field.shape[:-1], self.side), self.dtype)
        self._launch("first", field.size // self.n**2, field, spectrum)
        return spectrum

    def columns(self, transfer: Array, spectrum: Array, *, vjp: bool = False) -> None:
        batch = spectrum.size // (self.n * self.side)
        self._launch("columns_vjp" if vjp else "columns", batch, transfer, spectrum, spectrum, columns=True)

    def rows(self, mask: Array, spectrum: Array, saved: Array | None) -> None:
        self._launch("rows", spectrum.shape[-3], mask, spectrum, saved, spectrum, population=self.population)

    def rows_vjp(self, mask: Array, saved: Array, spectrum: Array) -> Array:
        batch, real = spectrum.shape[-3], saved.real.dtype
        slices = self._slices(batch, -(-self.n // ROWS) * self.population)
        partial = self.xp.empty((self.population, slices, self.n, self.n), real)
        self._launch("rows_vjp", batch, mask, saved, spectrum, spectrum, partial, population=self.population)
        gradient = self.xp.empty((*self.lead, self.n, self.n), real)
        _launch.launch(
            "optics/layer", "gradient", real, self.population, slices, self.n**2, partial, gradient,
            threads=gradient.size, defines=self.defines,
        )  # fmt: skip
        return gradient

    def last(self, spectrum: Array, like: Array) -> Array:
        field = self.xp.empty_like(like)
        self._launch("last", field.size // self.n**2, spectrum, field)
        return field
