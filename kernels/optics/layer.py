"""The passes of layer.cu on a CPU: SIMD lanes are neighbouring lines of one field, which goes through all passes while it is in the cache.

A row pass works on `lanes` rows side by side, a column pass on as many columns, which it transposes on the way in and out. Between two passes
lives only the spectrum, rows transformed, columns in space. The bits of a field depend on nothing but itself.

A line of P = A B points holds x[B n1 + n2] in space, at n2 + B n1, and X[k1 + A k2] in the spectrum, at k1 pitch + k2:

  X[k1 + A k2] = sum_n2 exp(-2 pi i n2 k2 / B) (w[n2][k1] sum_n1 exp(-2 pi i n1 k1 / A) x[B n1 + n2]),   w[n2][k1] = exp(-2 pi i k1 n2 / P)

Both halves work in place. Of A points over n1 the first `live` are not zero on the way out and are wanted on the way back, `width = live B` of
all: fields end inside, and what lies between is zero in every mask.

Arguments are addresses; those of anything but fields are aligned to vectors. For blocks of `lanes` rows:

  field, saved   (ny, nx) complex, C order           mask      (blocks, width, 2, lanes)
  spectrum       (blocks, row, 2, lanes)             gradient  (blocks, width, lanes)
  table          (columns / lanes, P, 2, lanes), H / (py px) in the order of the spectrum
  room           points to work in: `width` for a row pass, `A pitch + SLACK + max(width, rows)` for a column pass
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._jit import njit
from ._codelets import LONGEST, Emitter, codelet, lanes

SLACK = 16  # points between two buffers: neighbours in one would else be neighbours in the cache
FLUSH = {4: 1e-20, 8: 1e-280}  # |H| below it is zero: what it would leave are denormal numbers, of which each costs a hundred cycles


class Line(NamedTuple):
    """A plan for lines of P = A B points in lanes of numbers of `itemsize` bytes, of which `live` B points are live."""

    A: int
    B: int
    live: int
    itemsize: int

    @property
    def points(self) -> int:
        return self.A * self.B

    @property
    def width(self) -> int:
        """Points in space that are read and written."""
        return self.live * self.B

    @property
    def lanes(self) -> int:
        return lanes(self.itemsize)

    @property
    def point(self) -> int:
        """Bytes of a point of all lanes."""
        return 2 * self.itemsize * self.lanes

    @property
    def pitch(self) -> int:
        """Points from one k1 to the next: at a multiple of 2 kB all would fall into a few cache sets."""
        return self.B + (self.B * self.point % 2048 == 0)

    @property
    def columns(self) -> int:
        """Columns of a spectrum whose rows are such lines, whole vectors of them."""
        return -(-self.points // self.lanes) * self.lanes

    @property
    def row(self) -> int:
        """Points of memory for a line."""
        return max(self.A * self.pitch, self.columns)


def plan(points: int, count: int, itemsize: int) -> Line | None:
    """The plan for lines of so many points of which the first `count` are live; None where there is none.

    A is even if it can be, so that padding halves its work, not far above B, and the nearest to 16: the fastest, measured at 64 to 2048.
    """
    pairs = [(A, points // A) for A in range(1, LONGEST + 1) if points % A == 0 and points // A <= LONGEST and (points - A) % 2 == 0]
    if not pairs or not _smooth(points) or not 0 < count <= points:
        return None
    A, B = min(pairs, key=lambda pair: (pair[0] ** 2 > 1.7 * points, abs(math.log(pair[0] / 16))))
    return Line(A, B, -(-count // B), itemsize)


def _smooth(n: int) -> bool:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n == 1


@functools.cache
def twiddles(A: int, B: int, itemsize: int) -> np.ndarray:
    """w[n2][k1] as complex numbers."""
    turns = np.outer(np.arange(B), np.arange(A)) / (A * B)
    return np.exp(-2j * np.pi * turns).astype(f"c{2 * itemsize}")


# ---------------------------------------------------------------------------------------------------------------- codelets of a line
def _points(e: Emitter, address: Any, count: int, step: int = 1) -> list[Callable[[], Any]]:
    return [lambda i=i: e.get(address, step * i) for i in range(count)]  # type: ignore[misc]


def _from_space(e: Emitter, v: list[Callable[[], Any]], line: Any, w: Any, A: int, pitch: int) -> None:
    """A points over k1 of one n2, out of the live ones."""
    e.flow_padded(v, A, lambda k1, z: e.put(e.cmul(z, e.everywhere(w, k1)) if k1 else z, line, pitch * k1))


def _to_space(e: Emitter, line: Any, w: Any, A: int, live: int, pitch: int, give: Callable[[int, Any], None]) -> None:
    """The live points over n1 of one n2."""

    def turned(k1: int) -> Any:
        z = e.get(line, pitch * k1)
        return e.cmul_conj(z, e.everywhere(w, k1)) if k1 else z

    e.flow_cropped([lambda k1=k1: turned(k1) for k1 in range(A)], live, give)  # type: ignore[misc]


@codelet
def from_space(e: Any, space: Any, line: Any, w: Any, *, A: int, B: int, live: int, pitch: int, itemsize: int) -> None:
    _from_space(e, _points(e, space, live, B), line, w, A, pitch)


@codelet
def to_space(e: Any, line: Any, space: Any, w: Any, *, A: int, B: int, live: int, pitch: int, itemsize: int) -> None:
    _to_space(e, line, w, A, live, pitch, lambda n1, z: e.put(z, space, B * n1))


@codelet
def to_spectrum(e: Any, line: Any, *, B: int, itemsize: int) -> None:
    """B points over n2 of one k1 to those over k2, in place."""
    e.flow(_points(e, line, B), False, lambda k2, z: e.put(z, line, k2))


@codelet
def from_spectrum(e: Any, line: Any, *, B: int, itemsize: int) -> None:
    e.flow(_points(e, line, B), True, lambda n2, z: e.put(z, line, n2))


@codelet
def through(e: Any, line: Any, table: Any, *, B: int, conjugate: int, itemsize: int) -> None:
    """B points over n2 of one k1 to the spectrum, times the table or its conjugate, and back."""
    times = e.cmul_conj if conjugate else e.cmul
    e.flow(_points(e, line, B), False, lambda k2, z: e.put(times(z, e.get(table, k2)), line, k2))
    e.barrier()
    e.flow(_points(e, line, B), True, lambda n2, z: e.put(z, line, n2))


@codelet
def masked(e: Any, line: Any, w: Any, mask: Any, saved: Any, *, A: int, B: int, live: int, pitch: int, save: int, itemsize: int) -> None:
    """To space, times mask, (kept,) and back, for one n2."""

    def give(n1: int, z: Any) -> None:
        z = e.cmul(z, e.get(mask, B * n1))
        if save:
            e.put(z, saved, B * n1)
        e.put(z, e.scratch, LONGEST + n1)

    _to_space(e, line, w, A, live, pitch, give)
    e.barrier()
    _from_space(e, [lambda n1=n1: e.get(e.scratch, LONGEST + n1) for n1 in range(live)], line, w, A, pitch)  # type: ignore[misc]


@codelet
def masked_vjp(e: Any, line: Any, w: Any, mask: Any, saved: Any, gradient: Any, *, A: int, B: int, live: int, pitch: int, onward: int,
               itemsize: int) -> None:  # fmt: skip
    """To space, gradient += Im(z conj(saved)), and where it goes onward times conj(mask) and back, for one n2."""

    def give(n1: int, z: Any) -> None:
        v, at = e.get(saved, B * n1), B * n1 * e.bytes
        product = e.fma(z[1], v[0], e.neg(e.mul(z[0], v[1])))
        e.store(e.add(e.load(gradient, at), product), gradient, at)
        if onward:
            e.put(e.cmul_conj(z, e.get(mask, B * n1)), e.scratch, LONGEST + n1)

    _to_space(e, line, w, A, live, pitch, give)
    if onward:
        e.barrier()
        _from_space(e, [lambda n1=n1: e.get(e.scratch, LONGEST + n1) for n1 in range(live)], line, w, A, pitch)  # type: ignore[misc]


# -------------------------------------------------------------------------------------------------------------- codelets that move data
@codelet
def transpose(e: Any, source: Any, out: Any, *, itemsize: int) -> None:
    """`lanes` points of as many lanes: lines become points."""
    for part in (0, e.bytes):
        rows = [e.load(source, e.point * i + part) for i in range(e.lanes)]
        for i, x in enumerate(e.transposed(rows)):
            e.store(x, out, e.point * i + part)


@codelet
def gather(e: Any, source: Any, pitch: Any, out: Any, *, itemsize: int) -> None:
    """`lanes` rows, `pitch` bytes apart, of `lanes / 2` complex numbers each, to as many points."""
    rows = [e.load(e.b.add(source, e.b.mul(pitch, e.ir.Constant(e.address, i))), aligned=False) for i in range(e.lanes)]
    for i, x in enumerate(e.transposed(rows)):
        e.store(x, out, e.bytes * i)


@codelet
def scatter(e: Any, source: Any, out: Any, pitch: Any, *, itemsize: int) -> None:
    """The way back of `gather`."""
    rows = [e.load(source, e.bytes * i) for i in range(e.lanes)]
    for i, x in enumerate(e.transposed(rows)):
        e.store(x, e.b.add(out, e.b.mul(pitch, e.ir.Constant(e.address, i))), aligned=False)


@codelet
def move(e: Any, source: Any, source_step: Any, out: Any, out_step: Any, *, itemsize: int) -> None:
    """A real number and the one a step (bytes) further."""
    for _ in range(2):
        e.b.store(e.b.load(e.at(source, 0, e.real), align=itemsize), e.at(out, 0, e.real), align=itemsize)
        source, out = e.b.add(source, source_step), e.b.add(out, out_step)


@codelet
def clear(e: Any, point: Any, *, itemsize: int) -> None:
    e.put((e.constant(0.0), e.constant(0.0)), point)


# ------------------------------------------------------------------------------------------------------------------------- the passes
@functools.cache
def moves(itemsize: int) -> tuple[Any, Any]:
    """(gathered, scattered): `rows` rows of nx complex numbers to `width` points of all lanes, the others zero, and back."""
    L = lanes(itemsize)
    number, point, half = 2 * itemsize, 2 * itemsize * L, max(L // 2, 1)

    @njit
    def gathered(field, rows, nx, out, width):
        if rows < L:
            for x in range(width):
                clear(out + x * point, itemsize)
        for x in range(nx, width):
            clear(out + x * point, itemsize)
        whole = nx // half * half if rows == L else 0
        for x in range(0, whole, half):
            gather(field + x * number, nx * number, out + x * point, itemsize)
        for y in range(rows):
            for x in range(whole, nx):
                move(field + (y * nx + x) * number, itemsize, out + x * point + y * itemsize, itemsize * L, itemsize)

    @njit
    def scattered(source, field, rows, nx):
        whole = nx // half * half if rows == L else 0
        for x in range(0, whole, half):
            scatter(source + x * point, field + x * number, nx * number, itemsize)
        for y in range(rows):
            for x in range(whole, nx):
                move(source + x * point + y * itemsize, itemsize * L, field + (y * nx + x) * number, itemsize, itemsize)

    return gathered, scattered


@functools.cache
def row_passes(plan: Line) -> dict[str, Any]:
    """first, rows, rows_vjp, last, and `in_lanes`, which brings a mask in their order."""
    A, B, live, itemsize = plan
    L, point, pitch, row, width = plan.lanes, plan.point, plan.pitch, plan.row, plan.width
    gathered, scattered = moves(itemsize)

    @njit
    def in_lanes(field, ny, nx, out):
        for y in range(0, ny, L):
            gathered(field + y * nx * 2 * itemsize, min(L, ny - y), nx, out + y // L * width * point, width)

    @njit
    def first(field, ny, nx, w, room, spectrum):
        """spectrum = rows of field, padded and transformed."""
        for y in range(0, ny, L):
            gathered(field + y * nx * 2 * itemsize, min(L, ny - y), nx, room, width)
            line = spectrum + y // L * row * point
            for n2 in range(B):
                from_space(room + n2 * point, line + n2 * point, w + n2 * A * 2 * itemsize, A, B, live, pitch, itemsize)
            for k1 in range(A):
                to_spectrum(line + k1 * pitch * point, B, itemsize)

    @njit
    def rows(spectrum, ny, nx, w, mask):
        """spectrum = rows of (field of spectrum times mask)."""
        for y in range((ny + L - 1) // L):
            line, own = spectrum + y * row * point, mask + y * width * point
            for k1 in range(A):
                from_spectrum(line + k1 * pitch * point, B, itemsize)
            for n2 in range(B):
                masked(line + n2 * point, w + n2 * A * 2 * itemsize, own + n2 * point, 0, A, B, live, pitch, 0, itemsize)
            for k1 in range(A):
                to_spectrum(line + k1 * pitch * point, B, itemsize)

    @njit
    def rows_saved(spectrum, ny, nx, w, mask, room, saved):
        """`rows`, and saved = that product."""
        for y in range(0, ny, L):
            line, own = spectrum + y // L * row * point, mask + y // L * width * point
            for k1 in range(A):
                from_spectrum(line + k1 * pitch * point, B, itemsize)
            for n2 in range(B):
                masked(line + n2 * point, w + n2 * A * 2 * itemsize, own + n2 * point, room + n2 * point, A, B, live, pitch, 1, itemsize)
            scattered(room, saved + y * nx * 2 * itemsize, min(L, ny - y), nx)
            for k1 in range(A):
                to_spectrum(line + k1 * pitch * point, B, itemsize)

    @njit
    def rows_vjp(spectrum, ny, nx, w, mask, room, saved, gradient):
        """The adjoint: gradient += Im(field of spectrum times conj(saved)), spectrum = rows of (that field times conj(mask))."""
        for y in range(0, ny, L):
            line, own, sums = spectrum + y // L * row * point, mask + y // L * width * point, gradient + y // L * width * (point // 2)
            gathered(saved + y * nx * 2 * itemsize, min(L, ny - y), nx, room, width)
            for k1 in range(A):
                from_spectrum(line + k1 * pitch * point, B, itemsize)
            for n2 in range(B):
                masked_vjp(line + n2 * point, w + n2 * A * 2 * itemsize, own + n2 * point, room + n2 * point, sums + n2 * (point // 2),
                           A, B, live, pitch, 1, itemsize)  # fmt: skip
            for k1 in range(A):
                to_spectrum(line + k1 * pitch * point, B, itemsize)

    @njit
    def rows_vjp_end(spectrum, ny, nx, w, room, saved, gradient):
        """`rows_vjp` of the first mask, behind which nobody asks for the field."""
        for y in range(0, ny, L):
            line, sums = spectrum + y // L * row * point, gradient + y // L * width * (point // 2)
            gathered(saved + y * nx * 2 * itemsize, min(L, ny - y), nx, room, width)
            for k1 in range(A):
                from_spectrum(line + k1 * pitch * point, B, itemsize)
            for n2 in range(B):
                masked_vjp(line + n2 * point, w + n2 * A * 2 * itemsize, 0, room + n2 * point, sums + n2 * (point // 2),
                           A, B, live, pitch, 0, itemsize)  # fmt: skip

    @njit
    def last(spectrum, ny, nx, w, room, field):
        """field = the rows back in space, cropped."""
        for y in range(0, ny, L):
            line = spectrum + y // L * row * point
            for k1 in range(A):
                from_spectrum(line + k1 * pitch * point, B, itemsize)
            for n2 in range(B):
                to_space(line + n2 * point, room + n2 * point, w + n2 * A * 2 * itemsize, A, B, live, pitch, itemsize)
            scattered(room, field + y * nx * 2 * itemsize, min(L, ny - y), nx)

    passes = (in_lanes, first, rows, rows_saved, rows_vjp, rows_vjp_end, last)
    return {function.__name__: function for function in passes}


@functools.cache
def column_passes(plan: Line) -> dict[str, Any]:
    """columns, columns_vjp: spectrum = columns of it times the transfer function, or its conjugate; each works in place.

    rows : blocks of rows. line : bytes of a row of the spectrum. first, blocks : of columns, those that the table holds; after `per` columns
    follow `gap` points of nothing.
    """
    A, B, live, itemsize = plan
    L, point, pitch, width = plan.lanes, plan.point, plan.pitch, plan.width
    beyond = (A * pitch + SLACK) * point

    def made(conjugate: int) -> Any:
        @njit
        def columns(spectrum, rows, line, first, blocks, per, gap, w, table, room):
            space = room + beyond
            for block in range(first, first + blocks):
                corner = spectrum + (block * L + block * L // per * gap) * point
                own = table + (block - first) * A * B * point
                for y in range(rows):
                    transpose(corner + y * line, space + y * L * point, itemsize)
                for y in range(rows * L, width):
                    clear(space + y * point, itemsize)
                for n2 in range(B):
                    from_space(space + n2 * point, room + n2 * point, w + n2 * A * 2 * itemsize, A, B, live, pitch, itemsize)
                for k1 in range(A):
                    through(room + k1 * pitch * point, own + k1 * B * point, B, conjugate, itemsize)
                for n2 in range(B):
                    to_space(room + n2 * point, space + n2 * point, w + n2 * A * 2 * itemsize, A, B, live, pitch, itemsize)
                for y in range(rows):
                    transpose(space + y * L * point, corner + y * line, itemsize)

        return columns

    return {"columns": made(0), "columns_vjp": made(1)}


@njit
def add_gradient(partial, gradient):
    """gradient (ny, nx), float64, += partial (chunks, blocks, width, lanes), summed over the chunks in order."""
    chunks, _, _, lanes = partial.shape
    ny, nx = gradient.shape
    total = np.empty(nx)
    for y in range(ny):
        block, lane = y // lanes, y % lanes
        total[:] = 0
        for c in range(chunks):
            for x in range(nx):
                total[x] += partial[c, block, x, lane]
        for x in range(nx):
            gradient[y, x] += total[x]


@njit
def fill_table(transfer, scale, flush, A, B, A_x, B_x, first, out):
    """out (blocks, py, 2, lanes) = the columns from block `first` on of transfer (sy, px) in FFT order, times scale; sy < py where it is even
    in y."""
    sy, px = transfer.shape
    py, lanes = A * B, out.shape[3]
    columns = np.empty(lanes, np.int64)
    for block in range(out.shape[0]):
        for lane in range(lanes):
            q = (first + block) * lanes + lane
            columns[lane] = q // B_x + A_x * (q % B_x) if q < px else -1
        for i in range(py):
            y = i // B + A * (i % B)
            row, own = transfer[y if y < sy else py - y], out[block, i]
            for lane in range(lanes):
                x = columns[lane]
                h = row[x] if x >= 0 else row[0] * 0
                if max(abs(h.real), abs(h.imag)) < flush:
                    h = row[0] * 0
                own[0, lane] = np.float64(h.real) * scale
                own[1, lane] = np.float64(h.imag) * scale


__all__ = ["FLUSH", "SLACK", "Line", "add_gradient", "column_passes", "fill_table", "plan", "row_passes", "twiddles"]
