"""Masks, propagation, detectors and their derivatives: by library transforms, by the fused chain, and the chain's kernels by themselves."""

from collections.abc import Iterator

import numpy as np
import pytest

from pnnkern import _array, _launch, optics
from pnnkern._errors import FaultError
from pnnkern.optics import _halves

REALS = (np.float32, np.float64)
SIDES = ((19, 256), (21, 320))  # of fields and windows for the fused kernels: as many threads for rows in space as in the spectrum, and fewer


def noise(rng: np.random.Generator, shape: tuple[int, ...], real: type) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.result_type(real, np.complex64))


def light() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for real in REALS:
        for n, pad, window in ((13, 2, 27), (19, 13.4, 256)):  # the second by the fused kernels
            u, phase = noise(rng, (2, n, n), real), rng.standard_normal((n, n)).astype(real)
            plan = optics.Propagator((n, n), pitch=4e-6, wavelength=6e-7, distance=1e-3, pad=pad)
            assert plan.grid.window[0] == window
            masked = optics.phase_mask(u, phase)
            regions = optics.Regions((n, n), [(0, 3, 1, 8), (4, n, 2, 3)])
            yield from (plan(masked), plan.vjp(masked, u), optics.intensity(u), optics.powers(u, regions))
            yield from optics.phase_mask_vjp(u, masked, phase, wrt=("field", "phase"))
            yield optics.powers_vjp(np.ones((2, 2), real), u, regions)
            masks = optics.chain.phasor(phase[None])
            out, saved = optics.chain.forward(u, masks, [plan] * 2, save=True)
            assert saved is not None
            gradient, back = optics.chain.phase_adjoint(u, saved, masks, [plan] * 2, to_field=True)
            yield from (out, gradient.astype(real), back)


def populations() -> Iterator[np.ndarray]:
    """Several masks, of several samples each, and all that more than once; detectors of more pixels than a block has threads."""
    rng = np.random.default_rng(1)
    for real in REALS:
        for pixels in (101, 134):  # one at a time, and two of complex64
            masks, batch = 3, 18  # fields, of which some warps of a block take three
            u, g, v = (noise(rng, (masks, batch, pixels), real) for _ in range(3))
            t = np.exp(1j * rng.standard_normal((masks, pixels))).astype(u.dtype)
            out, q, gradient = np.empty_like(u), np.empty_like(t), np.empty((masks, pixels), real)
            sizes = masks, batch, pixels
            sums = {"grid": (1, 2), "block": (256,)}
            for outer, inner in ((1, batch), (2, batch // 2), (batch, 1)):
                _launch.launch("optics/mask", "transmit", u.dtype, outer, masks, inner, pixels, t, u, out, grid=(2, 2), block=(32,))
                _launch.launch("optics/mask", "transmit_vjp", u.dtype, outer, masks, inner, pixels, g, u, q, **sums)
                yield from (out.copy(), q.copy())
            back = g.copy()
            _launch.launch("optics/mask", "phase_adjoint", u.dtype, *sizes, t, v, back, gradient, **sums)
            yield from (back, gradient)
        field = noise(rng, (5, 31, 33), real)
        yield optics.powers(field, optics.Regions((31, 33), [(0, 20, 0, 33), (20, 31, 0, 9), (21, 30, 10, 30)]))
        even, regions = noise(rng, (5, 31, 34), real), optics.Regions((31, 34), [(0, 20, 0, 33), (20, 31, 0, 9)])
        yield from (optics.intensity(even), optics.powers_vjp(rng.standard_normal((5, 2)).astype(real), even, regions))
        for points in (67, 134):
            spectrum, transfer = noise(rng, (5, points), real), noise(rng, (2, points), real)
            index, grid = np.array([1, 0, 1, 1, 0]), {"grid": (2, 3), "block": (16,)}
            _launch.launch("optics/spectrum", "multiply", u.dtype, 5, points, index, transfer, spectrum, **grid)
            yield spectrum
        rolled, along_y, along_x = noise(rng, (3, 7, 12), real), noise(rng, (7,), real), noise(rng, (9,), real)
        before = noise(rng, (3, 7, 10), real)
        _launch.launch("optics/spectrum", "roll", u.dtype, 3, 7, 9, 10, 12, 2, 5, along_y, along_x, before, rolled, **grid)
        yield rolled


def halves() -> Iterator[np.ndarray]:
    """Rows of every size, shorter and longer than a block, with light of every size: what is kept is told by its bits."""
    rng = np.random.default_rng(2)
    for real in REALS:
        for nx in (1, 77, 300):
            rows = 7
            size = 2.0 ** np.array([[0], [-5], [-90], [-110], [-130], [90], [3]]) * 2.0 ** rng.uniform(-40, 0, (rows, nx))
            field = (noise(rng, (rows, nx), np.float64) * size).astype(np.result_type(real, np.complex64))
            field[6] = 0
            words, scale, back = np.empty((rows, nx), np.int32), np.empty(rows, real), np.empty_like(field)
            _launch.launch("optics/halves", "put", field.dtype, rows, nx, field, words, scale, grid=(3,), block=(128,))
            _launch.launch("optics/halves", "take", field.dtype, rows, nx, words, scale, back, grid=(3,), block=(32,))
            yield from (words, np.frexp(scale)[1], back / scale[:, None])


def faults() -> Iterator[np.ndarray]:
    """A field that is not finite, the last of more fields than there are threads."""
    for real in REALS:
        for bad in (np.nan, np.inf * 1j):
            fields = np.ones((500, 2), np.result_type(real, np.complex64))
            _launch.launch("optics/spectrum", "finite", fields.dtype, 500, 2, fields, threads=500)
            fields[-1, 0] = bad
            with pytest.raises(FaultError):
                _launch.launch("optics/spectrum", "finite", fields.dtype, 500, 2, fields, threads=500)
    yield np.ones(1)


# ------------------------------------------------------------------------------------------- the chain's kernels by themselves
POPULATION, SLICES = 2, 2  # columns: of one sample less than there is, two at a time or one, so that the last is alone


def layers() -> Iterator[np.ndarray]:
    """Blocks with as many samples as they take and with one, and blocks of columns that walk several; on a CPU, which has no such kernels,
    NumPy's transforms. Columns are done by two blocks, which is less work: the others stay as they are."""
    for real in REALS:
        for n, side in SIDES:
            rng, batch = np.random.default_rng(n), lines_of(real) + 1  # a block of rows has all but one, and another the last
            u, saved = (noise(rng, (POPULATION, batch, n, n), real) for _ in range(2))
            spectrum, h = noise(rng, (POPULATION, batch, n, side), real), noise(rng, (side, side), real)
            masks, partial = noise(rng, (POPULATION, n, n), real), rng.standard_normal((2, POPULATION, 7, n, n)).astype(real)
            yield from (by_kernels if _array.host_active.get() else by_numpy)(u, spectrum, h, masks, saved, partial)


def lines_of(real: type) -> int:
    """Columns of a block, and samples of which it has a row, as in layer.cu."""
    return 8 if real is np.float32 else 4


def like(halves: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Where each part is within a rounding of what was kept."""
    parts, true = (np.stack([x.real, x.imag]) for x in (halves, fields))
    close = np.abs(parts - true) <= 2**-10.9 * np.abs(true) + 1e-6 * np.abs(true).max()
    return close.all(axis=0).astype(int)


def by_kernels(
    u: np.ndarray, spectrum: np.ndarray, h: np.ndarray, masks: np.ndarray, saved: np.ndarray, partial: np.ndarray
) -> Iterator[np.ndarray]:
    n, side, real = u.shape[-1], spectrum.shape[-1], u.real.dtype.type
    first = 20 if side % 20 == 0 else 16
    second, lines, together = side // first, lines_of(real), 2 if real is np.float32 else 1
    batch = u.shape[1]
    threads, line = max(first, second), first * (second | 1)
    w = np.exp(-2j * np.pi * np.outer(np.arange(first), np.arange(second)) / side).astype(u.dtype)
    how = {"defines": {"PNN_FIELD": n, "PNN_SIDE": side}}

    def rows(verb: str, *args: object, population: int = 1) -> None:
        fields = batch if population > 1 else POPULATION * batch
        grid, block = (n, -(-fields // lines), population), (lines * threads,)
        _launch.launch("optics/layer", verb, u.dtype, fields, *args, grid=grid, block=block, **how)

    out = np.empty_like(spectrum)
    rows("first", w, u, out)
    yield out
    for verb, kept in (("columns", 1), ("columns_vjp", 1), ("columns", 0), ("columns_vjp", 0)):
        within = spectrum.copy()
        _launch.launch(
            "optics/layer", verb, u.dtype, 2 * batch - 1, kept, w, h, within, within, grid=(2, SLICES), block=(together * lines * threads,),
            shared=lines * (together * line + side * kept) * u.itemsize, **how,
        )  # fmt: skip
        yield within
    for to, apart in ((np.empty_like(u), batch), (None, batch), (np.empty_like(u), 0)):
        out = np.empty_like(spectrum)
        rows("rows", apart, w, masks, spectrum, to, out, population=POPULATION)
        yield from (out,) if to is None else (out, to)
    out, halves = np.empty_like(spectrum), _halves.empty(u.shape, u.dtype, np)
    rows("rows_halves", batch, w, masks, spectrum, halves.words, halves.scale, out, population=POPULATION)
    yield from (out, like(halves.full(), side * np.fft.ifft(spectrum.astype(complex))[..., :n] * masks[:, None]))
    halves.put(saved)
    for verb, given in (("rows_vjp", (saved,)), ("rows_halves_vjp", (halves.words, halves.scale))):
        for onward in (True, False):
            out, sums = spectrum.copy(), np.empty((POPULATION, -(-batch // lines), n, n), real)
            rows(verb, w, masks, *given, out, out if onward else None, sums, population=POPULATION)
            yield from (out, sums)
    field = np.empty_like(u)
    rows("last", w, spectrum, field)
    yield field
    gradient = np.ones((2, POPULATION + 1, n, n))  # which the sums are added to, but for the first member's
    sizes = *partial.shape[:2], 1, POPULATION + 1, partial.shape[2], n * n
    _launch.launch("optics/layer", "gradient", real, *sizes, partial, gradient, grid=(2, 3), block=(32,), **how)
    yield gradient


def by_numpy(
    u: np.ndarray, spectrum: np.ndarray, h: np.ndarray, masks: np.ndarray, saved: np.ndarray, partial: np.ndarray
) -> Iterator[np.ndarray]:
    n, side, real = u.shape[-1], spectrum.shape[-1], u.real.dtype.type
    wide, lines, batch = spectrum.astype(complex), lines_of(real), u.shape[1]
    done = slice(2 * batch - 1), slice(None), slice(2 * lines)

    def rows(field: np.ndarray) -> np.ndarray:
        return np.fft.fft(field, side).astype(u.dtype)

    yield rows(u.astype(complex))
    for transfer in 2 * (h.astype(complex), h.conj().astype(complex)):
        out = spectrum.copy().reshape(-1, n, side)
        each = wide.reshape(out.shape)[done]
        out[done] = (side * np.fft.ifft(transfer[:, : 2 * lines] * np.fft.fft(each, side, axis=-2), axis=-2))[:, :n]
        yield out.reshape(spectrum.shape)
    field = side * np.fft.ifft(wide)[..., :n]
    masked, shared = field * masks[:, None], field[:1] * masks[:, None]
    yield from (rows(masked), masked.astype(u.dtype), rows(masked), rows(shared), shared.astype(u.dtype))
    yield from (rows(masked), np.ones(u.shape, int))
    halves = _halves.empty(u.shape, u.dtype, np)
    halves.put(saved)
    for after in (saved, halves.full()):
        each = (field * after.conj()).imag
        sums = np.stack([each[:, s : s + lines].sum(1) for s in range(0, batch, lines)], 1).astype(real)
        yield from (rows(field * masks[:, None].conj()), sums, spectrum, sums)
    yield field.astype(u.dtype)
    gradient = np.ones((2, POPULATION + 1, n, n))
    gradient[:, 1:] += partial.sum(2, dtype=float)
    yield gradient


CALLS = (light, populations, halves, faults, layers)
