"""Pruned FFT convolution of batched fields: `crop F^-1(H F pad(u))`, the one operation under every transfer-function propagator.

The field lies in the corner of the padded window (a circular convolution does not care where). Rows known to be zero are never
transformed and rows that are cropped are never transformed back: for a twofold window this saves a quarter of the work.
On the CPU one field at a time goes through, so that the window stays in the cache, and threads take different fields: by our own passes
where its sides have a plan (`_lanes`), else by a library.
"""

import contextlib
import functools
import hashlib
import importlib.util
import math
import os
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import scipy

from .. import _array, _launch, _parallel
from .._array import Array, Field
from .._errors import DeviceMemoryError, SettingError
from ..kernels import _cache, _forks
from . import _grids, _lanes, _layer

LONGEST = 1 << 40  # points on a side of a window: no memory holds so many
TILE = 16  # columns that FFTW transforms at a time: with their twins they fit the first-level cache
LANES_FROM = 64  # points on the sides of windows that go through `_lanes` unless something else is asked for
AWKWARD = 13, 2000  # FFTW is slower than SciPy where a side has a larger prime factor, unless that side is longer
LANES_KEPT = 256 << 20  # bytes of tables in the order of `_lanes` that one `Transfer` keeps; more are brought into order for each field
MKL_TILE = 32  # columns that MKL transforms at a time, whose calls cost more
BLOCK, SMALL = 64, 3 << 19  # columns that SciPy transforms at a time, where the window has more bytes than these


class Transfer:
    """Transfer functions of one window (py, px), and their layouts, made when first asked for.

    table : (count, sy, px) in FFT order; sy is py, or p // 2 + 1 where they are even in y. columns : as many differ, px or px // 2 + 1.
    """

    def __init__(self, table: Array, window: tuple[int, int], columns: int, conj_of: "Transfer | None" = None) -> None:
        self.table, self.window, self.columns, self.conj_of = table, window, columns, conj_of
        self.used = False  # by `_lanes`: what is used again is kept in their order

    def __getstate__(self) -> dict[str, Any]:
        """For copies: a table in the order of `_lanes` lies where vectors fit, which a copy of it need not."""
        return {name: value for name, value in vars(self).items() if name != "lanes"}

    @property
    def arrays(self) -> tuple[Array, ...]:
        """All that is held so far."""
        made = vars(self)
        own = [made.get(name) for name in ("transposed", "full", "normalised", "lanes")]
        own = [x for x in own if x is not None and x is not self.table]
        return (self.table, *own, *(made["conj"].arrays if "conj" in made else ()))

    @functools.cached_property
    def conj(self) -> "Transfer":
        """conj(H): the adjoint propagator."""
        return Transfer(_array.on_all_streams(self.table.conj()), self.window, self.columns, self)

    def _whole(self, table: Array) -> Array:
        """A table (count, sy, ...) with the second half of its y axis, too: (count, py, ...)."""
        missing = self.window[0] - table.shape[1]
        return _array.namespace(table).concatenate([table, table[:, missing:0:-1]], axis=1) if missing else table

    @functools.cached_property
    def transposed(self) -> Array:
        """(count, columns, py), C order: the columns that differ."""
        xp = _array.namespace(self.table)
        return _array.on_all_streams(xp.ascontiguousarray(self._whole(self.table[:, :, : self.columns]).swapaxes(-1, -2)))

    @functools.cached_property
    def lanes(self) -> np.ndarray | None:
        """H / (py px) in the order of `_lanes`, (count, ...); None if that is too much to keep."""
        if len(self.table) * math.prod(self.window) * self.table.itemsize > LANES_KEPT:
            return None
        return _lanes.tables(self.table, self.window)

    def in_lanes(self, index: int = 0) -> np.ndarray:
        """One of them in the order of `_lanes`."""
        return _lanes.tables(self.table[index : index + 1], self.window)[0] if self.lanes is None else self.lanes[index]

    @functools.cached_property
    def full(self) -> Array:
        """(count, py, px), C order: every frequency of the window."""
        return _array.on_all_streams(_array.contiguous(self._whole(self.table)))

    @functools.cached_property
    def normalised(self) -> Array:
        """H / (py px) at every frequency of the window, for kernels whose inverse transform carries no factor."""
        py, px = self.window
        return _array.on_all_streams(self._whole(self.table) * self.table.real.dtype.type(1.0 / (py * px)))


def times(spectrum: np.ndarray, table: np.ndarray) -> None:
    """spectrum *= table, in place, for a spectrum (py, px) and a table (sy, px) as in `Transfer`."""
    py, sy = len(spectrum), len(table)
    spectrum[:sy] *= table
    if sy < py:
        spectrum[sy:] *= table[py - sy : 0 : -1]


def window_side(n: int, pad: float) -> int:
    """Side of the padded window: the next 5-smooth length from `pad n`; exactly n without padding (periodic)."""
    if not pad * n <= LONGEST:
        raise DeviceMemoryError(f"a window of {pad * n:.3g} points on a side is more than any memory holds: give a smaller pad")
    return n if pad == 1 else scipy.fft.next_fast_len(int(np.ceil(pad * n)), real=True)


def _asked() -> str:
    name = os.environ.get("PNNKERN_FFT", "auto")
    if name not in ("auto", *_ENGINES):
        raise SettingError(f"PNNKERN_FFT must be 'auto', 'lanes', 'scipy', 'fftw' or 'mkl', got {name!r}")
    return name


def by_lanes(field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> bool:
    """Whether fields of this shape in this window go through `_lanes`: by default all large ones that have a plan."""
    name = _asked()
    if name not in ("auto", "lanes") or (name == "auto" and min(window) < LANES_FROM):
        return False
    return _lanes.plans(field, window, dtype) is not None


def described() -> str:
    """What transforms on this CPU: "lanes, else" a library, or that library alone."""
    return f"lanes, else {engine_name()}" if _asked() in ("auto", "lanes") else engine_name()


def engine_name() -> str:
    """The CPU's FFT library, "scipy", "fftw" or "mkl": `PNNKERN_FFT`, or FFTW where pyfftw is installed."""
    name = _asked()
    automatic = name in ("auto", "lanes")
    wanted = "fftw" if automatic else name
    package = {"scipy": "scipy", "fftw": "pyfftw", "mkl": "mkl_fft"}[wanted]
    if importlib.util.find_spec(package) is not None:
        return wanted
    if not automatic:
        raise SettingError(f"PNNKERN_FFT={name}, but {package} is not installed: pip install pnnkern[{name}]")
    return "scipy"


def library(window: tuple[int, int]) -> str:
    """The one that transforms windows which do not go through `_lanes`: the faster one, by measurement, unless one was asked for."""
    name, (prime, long) = engine_name(), AWKWARD
    if name == "fftw" and _asked() != "fftw" and any(p <= long and _largest_factor(p) > prime for p in window):
        return "scipy"
    return name


@functools.cache
def _largest_factor(n: int) -> int:
    """The largest prime factor; 1 of 1."""
    return next((max(d, _largest_factor(n // d)) for d in range(2, math.isqrt(n) + 1) if n % d == 0), n)


class _ScipyEngine:
    """One field through `scipy.fft`: its rows in place, its columns in place a block at a time, or all at once where the window is small."""

    def __init__(self, field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.field, self.window = field, window
        (ny, _), (py, px) = field, window
        slack = _slack(px, dtype)
        self.width = px if py * px * dtype.itemsize <= SMALL else BLOCK
        whole = self.width == px
        self.block = np.zeros((py, px + slack if whole else BLOCK), dtype)[:, : self.width]
        self.rows = self.block[:ny] if whole else np.zeros((ny, px + slack), dtype)[:, :px]

    def run(self, u: np.ndarray, transfer: Transfer, index: int, out: np.ndarray) -> None:
        (ny, nx), (_, px) = self.field, self.window
        rows, table = self.rows, transfer.table[index]
        rows[:, :nx] = u
        rows[:, nx:] = 0
        done = scipy.fft.fft(rows, axis=-1, overwrite_x=True)
        if not np.may_share_memory(done, rows):  # `overwrite_x` allows it, and is no promise
            rows[...] = done
        for first in range(0, px, self.width):
            part = slice(first, min(px, first + self.width))
            columns = self.block[:, : part.stop - part.start]
            if self.width < px:
                columns[:ny] = rows[:, part]
            columns[ny:] = 0
            columns = scipy.fft.fft(columns, axis=-2, overwrite_x=True)
            times(columns, table[:, part])
            back = scipy.fft.ifft(columns, axis=-2, overwrite_x=True)[:ny]
            if not np.may_share_memory(back, rows):
                rows[:, part] = back
        out[...] = scipy.fft.ifft(rows, axis=-1, overwrite_x=True)[:, :nx]


_planning = _forks.unlocked(threading.Lock())  # FFTW's planner is not thread-safe
_digests: dict[str, str] = {}  # see `plan_digests`


class _TiledEngine:
    """One field through a library's transforms in place: of its rows, and of its columns in transposed tiles that stay in a near cache."""

    row_forward: Callable[[], Any]
    row_backward: Callable[[], Any]
    column_forward: Callable[[], Any]
    column_backward: Callable[[], Any]

    def __init__(self, field: tuple[int, int], window: tuple[int, int], zeros: Callable[[tuple[int, int]], np.ndarray], width: int) -> None:
        (ny, _), (py, px) = self.field, self.window = field, window
        # eight values of slack per row: a power-of-two row length would put a whole column into one cache set
        self.rows = zeros((ny, px + 8))[:, :px]
        self.tile = zeros((width, py))
        self.scale = self.rows.real.dtype.type(1.0 / (py * px))  # what the inverse transforms leave out

    def run(self, u: np.ndarray, transfer: Transfer, index: int, out: np.ndarray) -> None:
        (ny, nx), (_, px) = self.field, self.window
        rows, tile = self.rows, self.tile
        rows[:, :nx] = u
        rows[:, nx:] = 0
        self.row_forward()
        for c in range(0, px, len(tile)):
            width = min(len(tile), px - c)
            tile[:width, :ny] = rows[:, c : c + width].T
            tile[:, ny:] = 0
            self.column_forward()
            np.multiply(tile[:width], _columns(transfer, index, c, width), out=tile[:width])
            self.column_backward()
            rows[:, c : c + width] = tile[:width, :ny].T
        self.row_backward()
        np.multiply(rows[:, :nx], self.scale, out=out)


class _FftwEngine(_TiledEngine):
    """One field through planned FFTW transforms."""

    def __init__(self, field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        with _planning, _shared_plans() as fftw:
            super().__init__(field, window, lambda shape: fftw.zeros_aligned(shape, dtype), TILE)

            def plan(array: np.ndarray, direction: str) -> Callable[[], Any]:
                return fftw.FFTW(array, array, axes=(1,), direction=direction, flags=("FFTW_MEASURE",)).execute

            self.row_forward, self.row_backward = plan(self.rows, "FFTW_FORWARD"), plan(self.rows, "FFTW_BACKWARD")
            self.column_forward, self.column_backward = plan(self.tile, "FFTW_FORWARD"), plan(self.tile, "FFTW_BACKWARD")
            name = "{}x{} in {}x{} {}".format(*field, *window, dtype)
            if name not in _digests:
                _digests[name] = self._digest()
        self.rows[...] = 0
        self.tile[...] = 0

    def _digest(self) -> str:
        """Eight hexadecimal digits that follow from the last bits of what the plans make of values that are the same everywhere."""
        found = hashlib.sha256()
        for execute, array in (
            (self.row_forward, self.rows), (self.row_backward, self.rows), (self.column_forward, self.tile), (self.column_backward, self.tile),
        ):  # fmt: skip
            numbers = np.arange(array.shape[1]) ** 2 % 4093 / 4093
            array[...] = numbers + 1j * numbers[::-1]
            execute()
            for row in array:
                found.update(row)
        return found.hexdigest()[:8]


class _MklEngine(_TiledEngine):
    """One field through the transforms of MKL, on the thread that asks: others take other fields."""

    def __init__(self, field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        import mkl_fft

        super().__init__(field, window, functools.partial(_aligned_zeros, dtype), MKL_TILE)
        self.scale = self.scale.dtype.type(1.0)  # its inverse transforms leave nothing out
        self.row_forward, self.row_backward = (functools.partial(f, self.rows, out=self.rows) for f in (mkl_fft.fft, mkl_fft.ifft))
        self.column_forward, self.column_backward = (functools.partial(f, self.tile, out=self.tile) for f in (mkl_fft.fft, mkl_fft.ifft))

    def run(self, u: np.ndarray, transfer: Transfer, index: int, out: np.ndarray) -> None:
        set_threads = _mkl_threads()
        before = set_threads(1)
        try:
            super().run(u, transfer, index, out)
        finally:
            set_threads(before)  # the caller's own work with MKL goes on as it did


def _aligned_zeros(dtype: np.dtype[Any], shape: tuple[int, int]) -> np.ndarray:
    """Zeros that begin at a cache line: MKL's last bits depend on where an array lies."""
    line = 64
    raw = np.zeros(math.prod(shape) * dtype.itemsize + line, np.uint8)
    first = -raw.ctypes.data % line
    return raw[first : len(raw) - line + first].view(dtype).reshape(shape)


@functools.cache
def _mkl_threads() -> Callable[[int], int]:
    """MKL's own call that sets how many threads it takes for the calling thread, 0 for as many as elsewhere, and returns what was set."""
    import threadpoolctl

    found = threadpoolctl.ThreadpoolController().select(internal_api="mkl").lib_controllers
    if not found:
        raise SettingError("PNNKERN_FFT=mkl, but the MKL behind mkl_fft was not found among the libraries of this process")
    return found[0].dynlib.MKL_Set_Num_Threads_Local


def _columns(transfer: Transfer, index: int, first: int, width: int) -> np.ndarray:
    """Columns first, ..., first + width - 1 of one transfer function as rows (width, py).

    Out of those that differ, where they lie transposed: the later ones are the early ones backward. Else, for a few fields, out of the table.
    """
    last, (py, px), made = first + width, transfer.window, vars(transfer).get("transposed")
    if made is None:
        part = transfer.table[index, :, first:last]
        return (part if len(part) == py else np.concatenate([part, part[py - len(part) : 0 : -1]])).T
    table, held = made[index], transfer.columns
    if last <= held:
        return table[first:last]
    if first >= held:
        return table[px - first : px - last : -1]
    return np.concatenate([table[first:], table[px - held : px - last : -1]])


@contextlib.contextmanager
def _shared_plans() -> Iterator[ModuleType]:
    """pyfftw with the plans of all processes on this machine so far; those made in this context are theirs from then on.

    Which plan is the fastest is measured, and with it the last bits change: one process at a time measures, and no plan is lost.
    """
    import pyfftw

    with _cache.locked("fftw") as alone:
        # first lines name the library and what the processor can do: on others the plans are others
        name = f"plans-{_cache.key([text.splitlines()[:1] for text in pyfftw.export_wisdom()])}"
        found = _cache.read("fftw", name)
        known = found[1] if found else b""
        if known:
            pyfftw.import_wisdom(tuple(known.split(b"\0")))
        yield pyfftw
        now = b"\0".join(pyfftw.export_wisdom())
        if now != known and not (alone and _cache.write("fftw", name, now, replace=True)):
            _cache.tell("plans", "FFTW plans could not be kept: a resumed run may differ in the last bits")


def plan_digests() -> dict[str, str]:
    """Of each pair of field and window that this process has planned for with FFTW, a digest of what its plans make of fixed values.

    Which plans are the fastest is measured, so another process may have others. Where the digests are the same, results are to the last bit.
    """
    return dict(_digests)


class _LanesEngine:
    """One field through the passes of `_lanes`."""

    def __init__(self, field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.passes = _lanes.passes(field, window, dtype)

    def run(self, u: np.ndarray, transfer: Transfer, index: int, out: np.ndarray) -> None:
        vjp, whole = transfer.conj_of is not None, transfer.conj_of or transfer
        kept = vars(whole).get("lanes")
        self.passes.first(u.ctypes.data)
        if kept is None:
            self.passes.columns_of(whole.table[index], vjp=vjp)
        else:
            self.passes.columns(kept[index].ctypes.data, vjp=vjp)
        self.passes.last(out.ctypes.data)


_ENGINES = {"lanes": _LanesEngine, "scipy": _ScipyEngine, "fftw": _FftwEngine, "mkl": _MklEngine}


def tiled(window: tuple[int, int]) -> bool:
    """Whether the CPU's library for this window takes columns in transposed tiles, and so `Transfer.transposed`."""
    return issubclass(_ENGINES[library(window)], _TiledEngine)


def engine(field: tuple[int, int], window: tuple[int, int], dtype: np.dtype[Any]) -> Any:
    """This thread's convolution engine for the given field and window shapes, with `run(u, transfer, index, out)`; u and out in C order."""
    name = "lanes" if by_lanes(field, window, dtype) else library(window)
    return _parallel.workspace((name, field, window, dtype), lambda: _ENGINES[name](field, window, dtype))


def convolve(field: Field, transfer: Transfer, index: np.ndarray) -> Array:
    """`crop F^-1(H[index[b]] F pad(field[b]))` for fields (batch, ny, nx); index (batch,) on the host."""
    if _array.on_device(field):
        return _convolve_device(field, transfer, index)
    batch, ny, nx = field.shape
    field = _array.contiguous(field)
    out = np.empty_like(field)
    if by_lanes((ny, nx), transfer.window, field.dtype):
        whole = transfer.conj_of or transfer
        if whole.used or batch > len(whole.table):
            _ = whole.lanes  # once, before the threads
        whole.used = True
    elif tiled(transfer.window) and batch > len(transfer.table):
        _ = transfer.transposed  # for one field each it would cost more than it saves

    def work(start: int, stop: int) -> None:
        one = engine((ny, nx), transfer.window, field.dtype)
        with np.errstate(invalid="ignore"):  # infinite values are reported by the caller, in words
            for b in range(start, stop):
                one.run(field[b], transfer, int(index[b]), out[b])

    _parallel.over(batch, work)
    return out


def _convolve_device(field: Field, transfer: Transfer, index: np.ndarray) -> Array:
    """By the fused kernels where all fields share a transfer function and its window is one of theirs; else by library transforms."""
    side, shape, same = transfer.window[0], field.shape[-2:], (index == index[:1]).all()
    if transfer.window == (side, side) and _layer.supported(shape, side, field.dtype) and same:
        return _layer.chain(field, (), [transfer.normalised[int(index[0])]], side)[0]
    fft = _array.scipy_fft(field)
    xp = _array.namespace(field)
    batch, ny, nx = field.shape
    py, px = transfer.window
    out = xp.empty_like(field)
    where = xp.full(batch, index[0], np.int64) if same and batch else xp.asarray(index, dtype=np.int64)
    chunk = _array.chunk(field, py * px * field.dtype.itemsize * 3)
    for part in _parallel.pieces(batch, chunk):
        columns = fft.fft(fft.fft(field[part], n=px, axis=-1), n=py, axis=-2)
        _launch.launch(
            "optics/spectrum", "multiply", field.dtype, len(columns), py * px, where[part], transfer.full, columns,
            **_grids.over(py * px, len(columns), field.dtype),
        )  # fmt: skip
        rows = fft.ifft(columns, axis=-2)[:, :ny]
        out[part] = fft.ifft(rows, axis=-1)[:, :, :nx]
    return out


def multiplied(spectra: Array, transfer: Transfer) -> Array:
    """Spectra (batch, py, px) times the first of the transfer functions, in place."""
    if _array.on_device(spectra):
        spectra *= transfer.full[0]
    else:
        for one in spectra:
            times(one, transfer.table[0])
    return spectra


def spectrum(field: Field, window: tuple[int, int], inverse: bool = False) -> Array:
    """F pad(field) for fields (batch, ny, nx); with `inverse` F^-1 pad(field). Both unnormalised. On the CPU rows may lie further apart than
    they are long."""
    if _array.on_device(field):
        transform = _unnormalised(field, inverse)
        return transform(transform(field, n=window[1], axis=-1), n=window[0], axis=-2, overwrite_x=True)
    py, px = window
    rows = np.empty((len(field), py, px + _slack(px, field.dtype)), field.dtype)
    for one, values in zip(field, rows[:, :, :px], strict=True):
        _to_spectrum(one, values, inverse)
    return rows[:, :, :px]


def fields(spectra: Array, shape: tuple[int, int], inverse: bool = True) -> Array:
    """The adjoint of `spectrum` by the other transform: crop F^-1(spectra), or crop F(spectra), unnormalised."""
    transform, (ny, nx) = _unnormalised(spectra, inverse), shape
    return transform(transform(spectra, axis=-2)[:, :ny], axis=-1, overwrite_x=True)[:, :, :nx]


def _unnormalised(like: Array, inverse: bool) -> Callable[..., Any]:
    fft = _array.scipy_fft(like)
    transform: Callable[..., Any] = functools.partial(fft.ifft, norm="forward") if inverse else fft.fft
    return transform


class _Room:
    """`spectrum` and `fields` of one field at a time on the CPU, in place in `rows` (py, px or more), an array of one thread."""

    def __init__(self, window: tuple[int, int], dtype: np.dtype[Any]) -> None:
        py, px = window
        self.rows = np.zeros((py, px + _slack(px, dtype)), dtype)
        self.values = self.rows[:, :px]

    def spectrum(self, u: np.ndarray, inverse: bool) -> np.ndarray:
        """Returns `rows`, which hold the spectrum until the next call."""
        _to_spectrum(u, self.values, inverse)
        return self.rows

    def field(self, shape: tuple[int, int], inverse: bool) -> np.ndarray:
        """Of the spectrum in `rows`; a view that holds until the next call."""
        ny, nx = shape
        _in_place(self.values, -2, inverse)
        _in_place(self.values[:ny], -1, inverse)
        return self.values[:ny, :nx]


def _to_spectrum(u: np.ndarray, values: np.ndarray, inverse: bool) -> None:
    """The spectrum of one field u (ny, nx) to `values` (py, px); rows that are zero are not transformed."""
    ny, nx = u.shape
    values[:ny, :nx] = u
    values[:ny, nx:] = 0
    values[ny:] = 0
    _in_place(values[:ny], -1, inverse)
    _in_place(values, -2, inverse)


def _in_place(values: np.ndarray, axis: int, inverse: bool) -> None:
    done = _unnormalised(values, inverse)(values, axis=axis, overwrite_x=True)
    if not np.may_share_memory(done, values):  # `overwrite_x` allows it, and is no promise
        values[...] = done


def room(window: tuple[int, int], dtype: np.dtype[Any]) -> _Room:
    """This thread's room for one field of the CPU."""
    made: _Room = _parallel.workspace(("room", window, dtype), lambda: _Room(window, dtype))
    return made


def _slack(px: int, dtype: np.dtype[Any]) -> int:
    """Values to leave behind each row: a whole number of pages in one would put each column into one cache set, a third of the time for
    sides of a power of two."""
    return 8 if px * dtype.itemsize % 4096 == 0 else 0
