"""CPU twin of xy.cu. A tile of networks goes through all its steps together; products with large arrays of couplings are BLAS's.

Loops over nodes are written one operation at a time, over rows that stay in the nearest cache: then they vectorise.
"""

import math

import numba
import numpy as np
from numba import prange
from numba.extending import overload

from .._jit import njit
from ..random.draws import _normal4, _normal4_64, _whole, block, u8

inline = numba.njit(error_model="numpy")
REORDER = {"reassoc", "nsz", "contract"}  # sums over neighbours may be reordered; NaN and infinity keep their meaning
NUDGE, HOLD, LINEAR = range(3)
LAST = u8(2**64 - 1)  # the sample of keys
NEAR = 8 << 10  # couplings between two groups up to which our own loops are faster than BLAS: they lie in the nearest cache
TILE = 1 << 15  # values of a tile's states

f4, f8 = np.float32, np.float64
TURN4, TURN8 = f4(0.636619772), 0.63661977236758134308  # 2 / pi
SINES4 = tuple(f4(x) for x in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
COSINES4 = tuple(f4(x) for x in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2))
SINES8 = (1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06, -1.98412698298579493134e-04,
          8.33333333332248946124e-03, -1.66666666666666324348e-01)  # fmt: skip
COSINES8 = (-1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07, 2.48015872894767294178e-05,
            -1.38888888888741095749e-03, 4.16666666666666019037e-02)  # fmt: skip
WHOLE4, WHOLE8 = f4(12582912.0), 6755399441055744.0  # adding and taking it away rounds to a whole number
FOUR, QUARTER, SHIFT, HALF, ONE, TWO, THREE = (f4(x) for x in (4, 0.25, 0.375, 0.5, 1, 2, 3))
PARTS4 = f4(1.5703125), f4(4.837512969970703125e-4), f4(7.54978995489188216e-8)  # of pi / 2
PARTS8 = 1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21
FAR4, FAR8 = f4(8192.0), 1e12


# ---------------------------------------------------------------------------------------------------------------- sines and cosines
@njit(error_model="numpy")
def circle8(x, s, c):
    """Sines and cosines of x, which s and c may be."""
    for j in range(x.size):
        a = x[j]
        k = (a * TURN8 + WHOLE8) - WHOLE8
        r = ((a - k * PARTS8[0]) - k * PARTS8[1]) - k * PARTS8[2]
        r = r if a < FAR8 and a > -FAR8 else np.nan
        z = r * r
        p = ((((SINES8[0] * z + SINES8[1]) * z + SINES8[2]) * z + SINES8[3]) * z + SINES8[4]) * z + SINES8[5]
        q = ((((COSINES8[0] * z + COSINES8[1]) * z + COSINES8[2]) * z + COSINES8[3]) * z + COSINES8[4]) * z + COSINES8[5]
        u, v = r + r * z * p, 1.0 - (0.5 * z - z * z * q)
        n = k - 4.0 * (((k * 0.25 - 0.375) + WHOLE8) - WHOLE8)
        odd = (n == 1.0) | (n == 3.0)
        sine, cosine = (v if odd else u), (u if odd else v)
        s[j] = -sine if n >= 2.0 else sine
        c[j] = -cosine if (n == 1.0) | (n == 2.0) else cosine


@njit(error_model="numpy")
def circle4(x, s, c):
    """As `circle8`, in single precision."""
    far = False
    for j in range(x.size):
        far |= not (x[j] < FAR4 and x[j] > -FAR4)
    if far:
        wide, sine, cosine = x.astype(f8), np.empty(x.size), np.empty(x.size)
        circle8(wide, sine, cosine)
        s[:] = sine
        c[:] = cosine
        return
    for j in range(x.size):
        a = x[j]
        k = (a * TURN4 + WHOLE4) - WHOLE4
        r = ((a - k * PARTS4[0]) - k * PARTS4[1]) - k * PARTS4[2]
        z = r * r
        p = (SINES4[0] * z + SINES4[1]) * z + SINES4[2]
        q = (COSINES4[0] * z + COSINES4[1]) * z + COSINES4[2]
        u, v = r + r * z * p, ONE - (HALF * z - z * z * q)
        n = k - FOUR * (((k * QUARTER - SHIFT) + WHOLE4) - WHOLE4)
        odd = (n == ONE) | (n == THREE)
        sine, cosine = (v if odd else u), (u if odd else v)
        s[j] = -sine if n >= TWO else sine
        c[j] = -cosine if (n == ONE) | (n == TWO) else cosine


def circle(x, s, c):
    """Sines and cosines of x, by its precision."""


@overload(circle)
def _circle(x, s, c):
    one = circle4 if x.dtype == numba.float32 else circle8
    return lambda x, s, c: one(x, s, c)


# ------------------------------------------------------------------------------------------------------------------------- products
@njit(fastmath=REORDER, error_model="numpy")
def _spread(across, wave, sums):
    """sums[i] = sum over k of across[k, i] wave[k], for few k: four rows at a time."""
    few, n = across.shape
    fours = few - few % 4
    sums[:] = 0
    for k in range(0, fours, 4):
        p, q, r, t = across[k], across[k + 1], across[k + 2], across[k + 3]
        a, b, c, d = wave[k], wave[k + 1], wave[k + 2], wave[k + 3]
        for i in range(n):
            sums[i] += (p[i] * a + q[i] * b) + (r[i] * c + t[i] * d)
    for k in range(fours, few):
        p, a = across[k], wave[k]
        for i in range(n):
            sums[i] += p[i] * a


@njit(fastmath=REORDER, error_model="numpy")
def _collect(across, wave, sums):
    """sums[k] = sum over i of across[k, i] wave[i], for few k."""
    for k in range(len(across)):
        p, x = across[k], wave.dtype.type(0)
        for i in range(wave.size):
            x += p[i] * wave[i]
        sums[k] = x


@njit(error_model="numpy")
def _sums(below, coupling, across, live, waves, sums, one, two):
    """sums[r] = waves[r] times the couplings, for the first `live` rows; each of cosines and sines (2, nodes)."""
    nodes = waves.shape[2]
    if below == 0:
        np.dot(waves[:live].reshape(2 * live, nodes), coupling, sums[:live].reshape(2 * live, nodes))
        return
    if coupling.size <= NEAR:
        for r in range(live):
            for w in range(2):
                wave, total = waves[r, w], sums[r, w]
                if nodes - below <= below:  # `across` is the transpose
                    _spread(across, wave[below:], total[:below])
                    _collect(across, wave[:below], total[below:])
                else:
                    _collect(coupling, wave[below:], total[:below])
                    _spread(coupling, wave[:below], total[below:])
        return
    for r in range(live):
        one[2 * r : 2 * r + 2] = waves[r, :, :below]
        two[2 * r : 2 * r + 2] = waves[r, :, below:]
    first, second = np.dot(two[: 2 * live], across), np.dot(one[: 2 * live], coupling)
    for r in range(live):
        sums[r, :, :below] = first[2 * r : 2 * r + 2]
        sums[r, :, below:] = second[2 * r : 2 * r + 2]


@njit(error_model="numpy")
def _add(x, to):
    for j in range(x.size):
        to[j] += x[j]


@njit(error_model="numpy")
def _most(x):
    """The largest |x|, NaN if one is."""
    most, bad = x.dtype.type(0), False
    for j in range(x.size):
        a = abs(x[j])
        most = a if a > most else most
        bad |= a != a
    return x.dtype.type(np.nan) if bad else most


# ------------------------------------------------------------------------------------------------------------------------------ steps
@njit(error_model="numpy")
def _pull(waves, sums, push, second):
    """push = cosine Y - sine X - 2 second sine cosine."""
    c, s, X, Y, two = waves[0], waves[1], sums[0], sums[1], waves.dtype.type(2)
    for j in range(c.size):
        push[j] = c[j] * Y[j] - s[j] * X[j]
    if second.size:
        for j in range(c.size):
            push[j] -= two * second[j] * s[j] * c[j]


@njit(error_model="numpy")
def _scaled(x, by):
    if by.size:
        for j in range(x.size):
            x[j] *= by[j]


@njit(error_model="numpy")
def _moved(state, push, step):
    for j in range(state.size):
        state[j] += step * push[j]


@njit(error_model="numpy")
def _forced(i, field_rows, batch, others, x, y, second, slope, detuning, nudge, target, waves, sums, push):
    """What moves the oscillators of network i, from their sums."""
    if x.size:
        _add(x[i % field_rows], sums[0])
    if y.size:
        _add(y[i % field_rows], sums[1])
    if nudge.size:
        beta, wanted = nudge[i // batch], target[i % batch]
        for k in range(push.size - others):
            sums[0, others + k] += beta * (wanted[k] - waves[0, others + k])
    _pull(waves, sums, push, second)
    _scaled(push, slope)
    if detuning.size:
        _add(detuning, push)


@njit(error_model="numpy")
def _leave(r, live, out, state, waves, row):
    """Network r goes out where it is, and the last one takes its place; how many are left."""
    out[row[r]] = state[r]
    live -= 1
    state[r] = state[live]
    waves[r] = waves[live]
    row[r] = row[live]
    return live


@njit(error_model="numpy")
def _relax(lo, hi, nodes, below, outputs, field_rows, batch, start_rows, steps, tolerance, step, coupling, across, x, y, second,
           slope, detuning, nudge, target, scale, start, phase, left):  # fmt: skip
    """All steps of networks lo to hi; settled ones leave, and the last takes their place."""
    live, others, real = hi - lo, nodes - outputs, coupling.dtype
    state, push = np.empty((live, nodes), real), np.empty(nodes, real)
    waves, sums = np.empty((live, 2, nodes), real), np.empty((live, 2, nodes), real)
    one, two = np.empty((2 * live, below), real), np.empty((2 * live, nodes - below), real)
    row = np.arange(lo, hi)
    for r in range(live):
        state[r] = start[row[r] % start_rows]
        circle(state[r], waves[r, 1], waves[r, 0])
    for n in range(steps):
        _sums(below, coupling, across, live, waves, sums, one, two)
        for r in range(live - 1, -1, -1):
            i = row[r]
            _forced(i, field_rows, batch, others, x, y, second, slope, detuning, nudge, target, waves[r], sums[r], push)
            _moved(state[r], push, step)
            if tolerance != 0 or n == steps - 1:
                left[i] = _most(push) / scale[i % scale.size]
                if n == steps - 1 or left[i] <= tolerance:
                    live = _leave(r, live, phase, state, waves, row)
                    continue
            circle(state[r], waves[r, 1], waves[r, 0])
        if not live:
            return


@njit(error_model="numpy")
def _warm(lo, hi, nodes, below, outputs, field_rows, batch, start_rows, steps, amplitude, step, key0, key1, sample0, index, coupling, across,
          x, y, second, slope, detuning, nudge, target, start, phase):  # fmt: skip
    """All steps of networks lo to hi in a bath, from `start` to `phase`, which they stay in."""
    count, others, real = hi - lo, nodes - outputs, coupling.dtype
    push, z, spread = np.empty(nodes, real), np.empty((nodes + 3) // 4 * 4, real), np.full(nodes, amplitude, real)
    waves, sums = np.empty((count, 2, nodes), real), np.empty((count, 2, nodes), real)
    one, two = np.empty((2 * count, below), real), np.empty((2 * count, nodes - below), real)
    for j in range(slope.size):
        spread[j] *= np.sqrt(slope[j])
    for r in range(count):
        phase[lo + r] = start[(lo + r) % start_rows]
    for n in range(steps):
        own = block(key0, key1, u8(n), LAST)
        for r in range(count):
            circle(phase[lo + r], waves[r, 1], waves[r, 0])
        _sums(below, coupling, across, count, waves, sums, one, two)
        for r in range(count):
            i = lo + r
            _forced(i, field_rows, batch, others, x, y, second, slope, detuning, nudge, target, waves[r], sums[r], push)
            normals(own[0], own[1], u8(index[i % batch] if index.size else sample0 + i % batch), z)
            for j in range(nodes):
                phase[i, j] += step * push[j] + spread[j] * z[j]


def normals(k0, k1, sample, z):
    """Standard normals of whole quads, by their precision."""


@overload(normals)
def _normals(k0, k1, sample, z):
    quad = _normal4 if z.dtype == numba.float32 else _normal4_64
    return lambda k0, k1, sample, z: _whole(quad, k0, k1, 0, z.size // 4, sample, z, z)


@njit(error_model="numpy")
def _halves(by, waves, free):
    """Differences of cosines and sines: with d = 2 h, cos(p + d) - cos p = -2 sin(p + h) sin h, and so on. waves has those of h."""
    dc, ds, c, s, two = waves[0], waves[1], free[0], free[1], by.dtype.type(2)
    for j in range(by.size):
        ch, sh = dc[j], ds[j]
        dc[j] = -two * sh * (s[j] * ch + c[j] * sh)
        ds[j] = two * sh * (c[j] * ch - s[j] * sh)


@njit(error_model="numpy")
def _waves_of(mode, by, half, waves, free):
    """How cosines and sines differ where phases moved by `by`, or in mode LINEAR to first order."""
    if mode == LINEAR:
        for j in range(by.size):
            waves[0, j] = -free[1, j] * by[j]
        for j in range(by.size):
            waves[1, j] = free[0, j] * by[j]
        return
    two = by.dtype.type(2)
    for j in range(by.size):
        half[j] = by[j] / two
    circle(half, waves[1], waves[0])
    _halves(by, waves, free)


@njit(error_model="numpy")
def _pushed(mode, by, waves, sums, free, second, push):
    """What moves the differences, but for the nudge."""
    dc, ds, dX, dY, c, s, X, Y = waves[0], waves[1], sums[0], sums[1], free[0], free[1], free[2], free[3]
    two = by.dtype.type(2)
    if mode == LINEAR:
        for j in range(by.size):
            push[j] = c[j] * dY[j] - s[j] * dX[j]
        for j in range(by.size):
            push[j] -= (s[j] * Y[j] + c[j] * X[j]) * by[j]
        if second.size:
            for j in range(by.size):
                push[j] -= two * second[j] * (c[j] - s[j]) * (c[j] + s[j]) * by[j]
        return
    for j in range(by.size):
        push[j] = dc[j] * Y[j] + (c[j] + dc[j]) * dY[j]
    for j in range(by.size):
        push[j] -= ds[j] * X[j] + (s[j] + ds[j]) * dX[j]
    if second.size:  # sin(2 p + 2 d) - sin(2 p) = 2 cos(2 p + d) sin d, from the cosines and sines that are there
        for j in range(by.size):
            push[j] -= two * second[j] * (c[j] * (c[j] + dc[j]) - s[j] * (s[j] + ds[j])) * (ds[j] * c[j] - dc[j] * s[j])


@njit(error_model="numpy")
def _respond(lo, hi, nodes, below, outputs, mode, batch, steps, tolerance, step, coupling, across, second, slope, nudge, target,
             scale, phase, free, moved, left):  # fmt: skip
    live, others, real = hi - lo, nodes - outputs, coupling.dtype
    state, push, half = np.zeros((live, nodes), real), np.empty(nodes, real), np.empty(nodes, real)
    waves, sums = np.empty((live, 2, nodes), real), np.empty((live, 2, nodes), real)
    one, two = np.empty((2 * live, below), real), np.empty((2 * live, nodes - below), real)
    row = np.arange(lo, hi)
    for r in range(live):
        b, beta = row[r] % batch, nudge[row[r] // batch]
        if mode == HOLD:
            for k in range(outputs):
                state[r, others + k] = _held(f8(phase[b, others + k]), free[b, 1, others + k], f8(beta), f8(target[b, k]))
        _waves_of(mode, state[r], half, waves[r], free[b])
    for n in range(steps):
        _sums(below, coupling, across, live, waves, sums, one, two)
        for r in range(live - 1, -1, -1):
            i, b, beta = row[r], row[r] % batch, nudge[row[r] // batch]
            _pushed(mode, state[r], waves[r], sums[r], free[b], second, push)
            for k in range(outputs):
                j = others + k
                if mode == HOLD:
                    push[j] = 0
                elif mode == LINEAR:
                    push[j] += free[b, 1, j] * target[b, k]
                else:
                    push[j] -= (free[b, 1, j] + waves[r, 1, j]) * beta * (target[b, k] - (free[b, 0, j] + waves[r, 0, j]))
            if mode != LINEAR:
                _scaled(push, slope)
            _moved(state[r], push, step)
            if tolerance != 0 or n == steps - 1:
                left[i] = _most(push) / scale[i]
                if n == steps - 1 or left[i] <= tolerance:
                    live = _leave(r, live, moved, state, waves, row)
                    continue
            _waves_of(mode, state[r], half, waves[r], free[b])
        if not live:
            return


@inline
def _held(phase, sine, beta, target):
    """How far an output goes that is held at the cosine c + beta (target - c), cut to -1 .. 1, on its half of the circle."""
    c = math.cos(phase)
    to = c + beta * (target - c)
    by = math.acos(-1.0 if to < -1 else 1.0 if to > 1 else to) - math.acos(c)
    return -by if sine < 0 else by


def _steps(rows, tile, nodes, below, outputs, field_rows, batch, start_rows, steps, *_):
    return (rows > tile) * rows * steps * nodes * (nodes + 50)


@njit(parallel=True, work=_steps, error_model="numpy")
def _relax_all(rows, tile, nodes, below, outputs, field_rows, batch, start_rows, steps, tolerance, step, coupling, across, x, y,
               second, slope, detuning, nudge, target, scale, start, phase, left):  # fmt: skip
    for t in prange((rows + tile - 1) // tile):
        _relax(t * tile, min(rows, (t + 1) * tile), nodes, below, outputs, field_rows, batch, start_rows, steps, tolerance, step,
               coupling, across, x, y, second, slope, detuning, nudge, target, scale, start, phase, left)  # fmt: skip


@njit(parallel=True, work=_steps, error_model="numpy")
def _warm_all(rows, tile, nodes, below, outputs, field_rows, batch, start_rows, steps, amplitude, step, key0, key1, sample0, index, coupling,
              across, x, y, second, slope, detuning, nudge, target, start, phase):  # fmt: skip
    for t in prange((rows + tile - 1) // tile):
        _warm(t * tile, min(rows, (t + 1) * tile), nodes, below, outputs, field_rows, batch, start_rows, steps, amplitude, step, key0, key1,
              sample0, index, coupling, across, x, y, second, slope, detuning, nudge, target, start, phase)  # fmt: skip


@njit(
    parallel=True, error_model="numpy",
    work=lambda rows, tile, nodes, below, outputs, mode, batch, steps, *_: (rows > tile) * rows * steps * nodes * (nodes + 50),
)  # fmt: skip
def _respond_all(rows, tile, nodes, below, outputs, mode, batch, steps, tolerance, step, coupling, across, second, slope, nudge,
                 target, scale, phase, free, moved, left):  # fmt: skip
    for t in prange((rows + tile - 1) // tile):
        _respond(t * tile, min(rows, (t + 1) * tile), nodes, below, outputs, mode, batch, steps, tolerance, step, coupling, across,
                 second, slope, nudge, target, scale, phase, free, moved, left)  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------------- kernels
def _square(nodes, below, coupling, across):
    """Couplings as matrices, and those of two groups the other way round."""
    if below == 0:
        return coupling.reshape(nodes, nodes), coupling.reshape(nodes, nodes)
    matrix = coupling.reshape(below, nodes - below)
    return matrix, np.ascontiguousarray(matrix.T)


def _largest(nodes, below, field_rows, coupling, x, y, second):
    """The largest force that any oscillator of each row of fields could feel, 1 if that is none."""
    size = np.abs(coupling)
    total = size.sum(axis=0) if below == 0 else np.concatenate([size.sum(axis=1), size.sum(axis=0)])
    if second.size:
        total = total + np.abs(second)
    most = np.broadcast_to(total, (field_rows if x.size or y.size else 1, nodes))
    for field in (x, y):
        if field.size:
            most = most + np.abs(field)
    most = np.max(most, axis=1, initial=0)
    return np.where(most != 0, most, most.dtype.type(1))


def _fields(nodes, *fields):
    return [field.reshape(field.size // max(1, nodes), nodes) for field in fields]


def pnn_xy_relax(rows, field_rows, batch, start_rows, nodes, below, outputs, slices, slices_above, steps, place, tolerance, step, coupling,
                 across, x, y, second, slope, detuning, nudge, target, start, phase, output, left, workspace):  # fmt: skip
    """All steps of oscillators down their energy."""
    matrix, other = _square(nodes, below, coupling, across)
    x, y, begin, phase = _fields(nodes, x, y, start, phase)
    scale = _largest(nodes, below, field_rows, matrix, x, y, second)
    outputs = outputs if nudge.size else 0
    _relax_all(
        rows, max(1, TILE // max(1, nodes)), nodes, below, outputs, field_rows, batch, start_rows, steps,
        coupling.dtype.type(tolerance), coupling.dtype.type(step), matrix, other, x, y, second, slope, detuning, nudge,
        target.reshape(-1, max(1, outputs)), scale, begin, phase, left,
    )  # fmt: skip
    if output.size:
        output = output.reshape(rows, -1)
        np.cos(phase[:, nodes - output.shape[1] :], out=output)


def pnn_xy_warm(
    rows, field_rows, batch, start_rows, nodes, below, outputs, slices, slices_above, steps, place, amplitude, step, key0, key1, key, sample0,
    index, coupling, across, x, y, second, slope, detuning, nudge, target, start, phase, workspace, fault,
):  # fmt: skip
    """All steps of oscillators in a bath."""
    if (np.min(index) if index.size else sample0) < 0:
        fault[0] = max(fault[0], 4)
    if key.size:
        key0, key1 = key
    matrix, other = _square(nodes, below, coupling, across)
    x, y, begin, phase = _fields(nodes, x, y, start, phase)
    real, outputs = coupling.dtype.type, outputs if nudge.size else 0
    _warm_all(
        rows, max(1, TILE // max(1, nodes)), nodes, below, outputs, field_rows, batch, start_rows, steps, real(amplitude), real(step),
        u8(key0), u8(key1), sample0, index, matrix, other, x, y, second, slope, detuning, nudge, target.reshape(-1, max(1, outputs)), begin,
        phase,
    )  # fmt: skip


def pnn_xy_respond(rows, field_rows, batch, mode, nodes, below, outputs, slices, slices_above, steps, place, tolerance, step, coupling,
                   across, x, y, second, slope, nudge, target, phase, moved, output, left, workspace):  # fmt: skip
    """How far nudges move free phases."""
    matrix, other = _square(nodes, below, coupling, across)
    x, y, phase, moved, target = *_fields(nodes, x, y, phase, moved), target.reshape(batch, outputs)
    free = _free(below, matrix, other, x, y, phase)
    wanted = np.abs(free[:, 1, nodes - outputs :] * target if mode == LINEAR else target - free[:, 0, nodes - outputs :]).max(axis=1, initial=0)
    scale = (np.ones_like(nudge) if mode == LINEAR else np.abs(nudge))[:, None] * wanted
    scale = np.where(scale != 0, scale, scale.dtype.type(1))
    if mode != LINEAR:
        scale = np.minimum(scale, _largest(nodes, below, field_rows, matrix, x, y, second))
    _respond_all(
        rows, max(1, TILE // max(1, nodes)), nodes, below, outputs, mode, batch, steps, coupling.dtype.type(tolerance),
        coupling.dtype.type(step), matrix, other, second, slope, nudge, target, scale.ravel(), phase, free, moved, left,
    )  # fmt: skip
    if output.size:
        output.reshape(batch, outputs)[...] = free[:, 0, nodes - outputs :]


@njit(error_model="numpy")
def _free(below, coupling, across, x, y, phase):
    """Cosines and sines of the free state, and the fields on each oscillator: (batch, 4, nodes)."""
    batch, nodes = phase.shape
    free, sums = np.empty((batch, 4, nodes), phase.dtype), np.empty((batch, 2, nodes), phase.dtype)
    waves = np.empty((batch, 2, nodes), phase.dtype)
    one, two = np.empty((2 * batch, below), phase.dtype), np.empty((2 * batch, nodes - below), phase.dtype)
    for b in range(batch):
        circle(phase[b], waves[b, 1], waves[b, 0])
    _sums(below, coupling, across, batch, waves, sums, one, two)
    for b in range(batch):
        free[b, :2] = waves[b]
        free[b, 2:] = sums[b]
        if x.size:
            _add(x[b % len(x)], free[b, 2])
        if y.size:
            _add(y[b % len(y)], free[b, 3])
    return free


def pnn_xy_drive(batch, inputs, hidden, rest, x, weight, bias, others, out):
    """Fields that inputs and biases make."""
    nodes = hidden + rest
    out = out.reshape(batch, nodes)
    np.matmul(x.reshape(batch, inputs), weight.reshape(inputs, hidden), out=out[:, :hidden])
    out[:, :hidden] += bias
    out[:, hidden:] = others


def pnn_xy_contrast(batch, nodes, firsts, start, scale, free, a, b, first, second, dx, dy, field, harmonic):
    """How waves differ between two phases, as factors and sums."""
    zero = np.zeros((1, nodes), free.dtype)
    free, a, b = (m.reshape(batch, nodes) if m.size else zero for m in (free, a, b))
    waves = np.empty((4, batch, nodes), free.dtype)  # c, dc, s, ds
    c, dc, s, ds = waves
    middle, half, two, size = free + (a + b) / 2, np.broadcast_to((b - a) / 2, free.shape), free.dtype.type(2), free.dtype.type(scale)
    # cos(m + h) + cos(m - h) = 2 cos m cos h,  cos(m + h) - cos(m - h) = -2 sin m sin h
    ch, sh = np.cos(half), np.sin(half)
    np.cos(middle, out=c)
    np.sin(middle, out=s)
    np.multiply(s, -two * sh, out=dc)
    np.multiply(c, two * sh, out=ds)
    c *= ch
    s *= ch
    first.reshape(4, batch, firsts)[...] = waves[:, :, :firsts]
    np.multiply(waves[(1, 0, 3, 2), :, start:], -size, out=second.reshape(4, batch, nodes - start))
    np.negative(dc[:, :firsts], out=dx.reshape(batch, firsts))
    if dy.size:
        np.negative(ds[:, :firsts], out=dy.reshape(batch, firsts))
    np.negative(dc.sum(axis=0), out=field)
    np.multiply((c * dc).sum(axis=0), -two * size, out=harmonic)


def pnn_xy_waves(count: int, phase: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> None:
    """Cosines and sines of phases."""
    (circle4 if phase.dtype == f4 else circle8)(phase, sine, cosine)


def pnn_xy_force(rows: int, nodes: int, field_rows: int, cosine: np.ndarray, sine: np.ndarray, sum_cosine: np.ndarray,
                 sum_sine: np.ndarray, field_x: np.ndarray, field_y: np.ndarray, second: np.ndarray, force: np.ndarray) -> None:  # fmt: skip
    """-dE/dphase of every oscillator: cosine (y) - sine (x) - 2 k sine cosine, with the fields x and y of sources and neighbours."""
    c, s = cosine.reshape(rows, nodes), sine.reshape(rows, nodes)
    x, y, out = sum_cosine.reshape(rows, nodes), sum_sine.reshape(rows, nodes), force.reshape(rows, nodes)
    if field_x.size:
        x = _plus(x, field_x, rows, nodes, field_rows)
    if field_y.size:
        y = _plus(y, field_y, rows, nodes, field_rows)
    if second.size:
        x = x + 2 * second * c
    np.multiply(c, y, out=out)
    out -= s * x


def _plus(total: np.ndarray, field: np.ndarray, rows: int, nodes: int, field_rows: int) -> np.ndarray:
    return (total.reshape(-1, field_rows, nodes) + field.reshape(field_rows, nodes)).reshape(rows, nodes)
