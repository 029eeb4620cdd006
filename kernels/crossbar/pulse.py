"""CPU twin of pulse.cu and pulse.cuh: the same bits.

A row of cells is one task. Its coincidences are listed first, in the order of the samples; then the noise of all of them is drawn in a
loop that vectorises, and then they are applied in order.
"""

from typing import Any

import numpy as np
from numba import prange, types
from numba.extending import intrinsic

from .._jit import njit, with_functions
from ..random.draws import _normal4, block, exp_neg, fma, inline, log, normal2

f4, f8, i4, i8, u4, u8 = np.float32, np.float64, np.int32, np.int64, np.uint32, np.uint64

PULSES = u4(0x7FFFFFFF)
STEP, STEP_DTOD, UP_DOWN, UP_DOWN_DTOD, W_MAX, W_MAX_DTOD, W_MIN, W_MIN_DTOD = range(8)
SHAPE_UP, SHAPE_UP_DTOD, SHAPE_DOWN, SHAPE_DOWN_DTOD, NOISE, A_UP, A_DOWN, SLOPE, OFFSET = range(8, 17)
CONSTANT, LINEAR, EXPONENTIAL, POWER, PIECEWISE = range(5)
FEW = 8
MOST = 0x7FFFFFFF  # pulses of a cell
ROUND = 1024  # of them, after which is looked whether a weight still moves
PLANES = 8  # that are compared before looking which pulses are still open
EVENTS = 1024  # coincidences to list before they are applied
ZERO, ONE = f4(0), f4(1)


@intrinsic
def popcount(typingctx: Any, x: Any) -> Any:
    """Ones in a uint32."""
    return types.uint32(types.uint32), lambda context, builder, signature, args: builder.ctpop(args[0])


@inline
def _positive(x):
    return x if x > ZERO else ZERO


@inline
def _exp(x):
    return 1.0 / exp_neg(min(x, 690.0)) if x > 0.0 else exp_neg(min(-x, 690.0))


@inline
def _number(row, column):
    return u8(row) << u8(31) | u8(column)


@inline
def _cells(columns, device0, device1, row, column0, kind, p, up, down, high, low, shape_up, shape_down):
    """The cells of one row."""
    wide, tall, deep = p[STEP] * p[STEP_DTOD], p[W_MAX] * p[W_MAX_DTOD], p[W_MIN] * p[W_MIN_DTOD]
    for j in range(columns):
        z = _normal4(device0, device1, u8(2) * _number(row, column0 + j), 0, 0)
        size = abs(fma(wide, z[0], p[STEP]))
        a = fma(p[UP_DOWN_DTOD], z[1], p[UP_DOWN])
        up[j] = size * _positive(ONE + a)
        down[j] = size * _positive(ONE - a)
        high[j] = abs(fma(tall, z[2], p[W_MAX]))
        low[j] = -abs(fma(deep, z[3], p[W_MIN]))
    shape_up[:] = abs(p[SHAPE_UP])
    shape_down[:] = abs(p[SHAPE_DOWN])
    if p[SHAPE_UP_DTOD] != ZERO or p[SHAPE_DOWN_DTOD] != ZERO:
        for j in range(columns):
            y = _normal4(device0, device1, u8(2) * _number(row, column0 + j) + u8(1), 0, 0)
            shape_up[j] = abs(fma(p[SHAPE_UP_DTOD], y[0], p[SHAPE_UP]))
            shape_down[j] = abs(fma(p[SHAPE_DOWN_DTOD], y[1], p[SHAPE_DOWN]))
    if kind == LINEAR:
        for j in range(columns):
            shape_up[j] = shape_up[j] / high[j] if high[j] > ZERO else ZERO
            shape_down[j] = shape_down[j] / low[j] if low[j] < ZERO else ZERO


@inline
def _response(rising, w, high, low, shape, kind, p, count, nodes):
    if kind == LINEAR:
        return _positive(fma(-shape, w, ONE))
    extent = high - low
    if not extent > ZERO:
        return ZERO
    if kind == EXPONENTIAL:
        z = fma(f8(p[SLOPE]), 2.0 * f8(w) / f8(extent), f8(p[OFFSET]))
        e = _exp(f8(shape) * z if rising else -(f8(shape) * z))
        return _positive(f4(fma(-f8(p[A_UP] if rising else p[A_DOWN]), e, 1.0)))
    part = (w - low) / extent
    if kind == POWER:
        base = (high - w) / extent if rising else part
        return f4(_exp(f8(shape) * log(f8(base)))) if base > ZERO else ZERO
    x = _positive(part) * f4(count - 1)
    left = i8(x) if x < f4(count - 2) else count - 2
    first = left if rising else count + left
    return _positive(fma(x - f4(left), nodes[first + 1] - nodes[first], nodes[first]))


@inline
def _within(w, low, high):
    w = high if w > high else w
    return low if w < low else w


def _pulses(*own):
    """n pulses one after another, by the responses above, or by a user's functions up and down, whose constants are the nodes."""
    response = _own_response(*own) if own else _response

    @inline
    def _pulsed(rising, n, factor, w, up, down, high, low, shape_up, shape_down, kind, p, count, nodes):
        size = (up if rising else -down) * factor
        if kind == CONSTANT:
            w = fma(f4(n), size, w)
            return _within(w, low, high)
        shape = shape_up if rising else shape_down
        for _ in range(n):
            w = fma(size, response(rising, w, high, low, shape, kind, p, count, nodes), w)
            w = _within(w, low, high)
        return w

    return _pulsed


def _own_response(own_up, own_down):
    @inline
    def response(rising, w, high, low, shape, kind, p, count, nodes):
        size = f4(own_up(w, low, high, nodes)) if rising else f4(own_down(w, low, high, nodes[count:]))
        return ZERO if size < ZERO else size  # NaN stays, and is found in the weight

    return response


@inline
def _normals(events, cycle0, cycle1, first, where, when, z):
    for e in range(events):  # nothing else in here: with one more array it no longer vectorises, and takes six times as long
        r = block(cycle0, cycle1, first + u8(where[e]), when[e])
        z[e] = normal2(r[0], r[1])[0]


@inline
def _most(values):
    """The largest size, NaN if one is."""
    most, bad = ZERO, False
    for i in range(values.size):
        size = abs(values[i])
        most = size if size > most else most
        bad |= size != size
    return f4(np.nan) if bad else most


@njit(parallel=True, work=lambda batch, rows, columns, *_: 10 * batch * (rows + columns), error_model="numpy")
def pnn_pulse_chances(batch, rows, columns, lr, now, step, pulses, x, d, slots, scale_x, scale_d):
    if now.size:
        lr = now[0]
    for s in prange(batch):
        most_x, most_d = f8(_most(x[s * rows : (s + 1) * rows])), f8(_most(d[s * columns : (s + 1) * columns]))
        steps = lr * most_x * most_d / step
        steps = min(steps, f8(pulses)) if steps > 0.0 else 0.0
        n = max(np.ceil(steps), 1.0)
        share = np.sqrt(steps / n)
        slots[s] = i4(n)
        scale_x[s] = share / (most_x if most_x > 0.0 else 1.0)
        scale_d[s] = share / (most_d if most_d > 0.0 else 1.0)


@njit(parallel=True, work=lambda batch, lines, *_: 100 * batch * lines, error_model="numpy")
def pnn_pulse_trains(batch, lines, key0, key1, sample0, index, scale, slots, values, line_stride, sample_stride, words, fault):
    quads = (lines + 3) // 4
    bad = 0
    for s in prange(batch):
        sample = index[s] if index.size else sample0 + s
        n = slots[s]
        every = (u4(1) << u4(n)) - u4(1)
        chance = np.zeros(4 * quads, u8)
        got = np.zeros(4 * quads, u4)
        for line in range(lines):
            v = abs(values[s * lines + line])
            bad += not (v <= f4(3.4028234663852886e38))
            x = scale[s] * f8(v)
            chance[line] = u8(1 << 32) if x >= 1.0 else u8(x * 2.0**32) if x > 0.0 else u8(0)
        if n < FEW:
            for k in range(n):
                for q in range(quads):
                    r = block(key0, key1, 32 * q + k, sample)
                    got[4 * q] |= u4(r[0] < chance[4 * q]) << u4(k)
                    got[4 * q + 1] |= u4(r[1] < chance[4 * q + 1]) << u4(k)
                    got[4 * q + 2] |= u4(r[2] < chance[4 * q + 2]) << u4(k)
                    got[4 * q + 3] |= u4(r[3] < chance[4 * q + 3]) << u4(k)
        else:
            opened = np.empty(4 * quads, u4)
            for line in range(4 * quads):
                opened[line] = every if (chance[line] > u8(0)) & (chance[line] < u8(1 << 32)) else u4(0)
            for k in range(PLANES):
                for q in range(quads):
                    r = block(key0, key1, 32 * q + k, sample)
                    _plane(r[0], k, 4 * q, chance, got, opened)
                    _plane(r[1], k, 4 * q + 1, chance, got, opened)
                    _plane(r[2], k, 4 * q + 2, chance, got, opened)
                    _plane(r[3], k, 4 * q + 3, chance, got, opened)
            for q in range(quads):
                k = PLANES
                while k < 32 and opened[4 * q] | opened[4 * q + 1] | opened[4 * q + 2] | opened[4 * q + 3]:
                    r = block(key0, key1, 32 * q + k, sample)
                    _plane(r[0], k, 4 * q, chance, got, opened)
                    _plane(r[1], k, 4 * q + 1, chance, got, opened)
                    _plane(r[2], k, 4 * q + 2, chance, got, opened)
                    _plane(r[3], k, 4 * q + 3, chance, got, opened)
                    k += 1
        for line in range(lines):
            word = every if chance[line] >= u8(1 << 32) else got[line]
            words[s * sample_stride + line * line_stride] = word | (u4(0x80000000) if values[s * lines + line] < ZERO else u4(0))
    if bad:
        fault[0] = max(fault[0], 21)


@inline
def _plane(r, k, line, chance, got, opened):
    r = u4(r)
    bit = u4(0) - u4((chance[line] >> u8(31 - k)) & u8(1))
    got[line] |= opened[line] & ~r & bit
    opened[line] &= ~(r ^ bit)


@with_functions()
def pnn_pulse_update(*own):
    _pulsed = _pulses(*own)

    @njit(parallel=True, work=lambda rows, columns, batch, *_: 500 * rows * columns * (batch + 2), error_model="numpy")
    def pnn_pulse_update(rows, columns, batch, device0, device1, cycle0, cycle1, row0, column0, sample0, index, kind, p, count, nodes, x_words,
                         d_words, w, fault):  # fmt: skip
        # for each sample the columns that fire at all
        first = np.zeros(batch + 1, i8)
        fired = np.empty(batch * columns, i4)
        fired_words = np.empty(batch * columns, u4)
        total = 0
        for s in range(batch):
            for j in range(columns):
                word = d_words[s * columns + j]
                fired[total] = j
                fired_words[total] = word
                total += (word & PULSES) != u4(0)
            first[s + 1] = total
        noise_scale = np.zeros(32, f4)
        for n in range(1, 32):
            noise_scale[n] = f4(f8(p[NOISE]) / np.sqrt(f8(n)))
        bad = 0
        for i in prange(rows):
            cells = np.empty((6, columns), f4)
            up, down, high, low, shape_up, shape_down = cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
            _cells(columns, device0, device1, row0 + i, column0, kind, p, up, down, high, low, shape_up, shape_down)
            row = w[i * columns : (i + 1) * columns]
            for j in range(columns):
                bad += not ((row[j] >= low[j]) & (row[j] <= high[j]))
            where = np.empty(EVENTS + columns, i4)
            when = np.empty(EVENTS + columns, i8)
            word = np.empty(EVENTS + columns, u4)
            z = np.zeros(EVENTS + columns, f4)
            events = 0
            for s in range(batch):
                x = x_words[i * batch + s]
                if (x & PULSES) != u4(0):
                    sample = index[s] if index.size else sample0 + s
                    for t in range(first[s], first[s + 1]):
                        d = fired_words[t]
                        where[events] = fired[t]
                        when[events] = sample
                        word[events] = (x & d & PULSES) | ((x ^ d) & ~PULSES)
                        events += (x & d & PULSES) != u4(0)
                if events >= EVENTS or s == batch - 1:
                    if p[NOISE] != ZERO:
                        _normals(events, cycle0, cycle1, _number(row0 + i, column0), where, when, z)
                    if kind == CONSTANT:  # without a branch on the sign, which nothing predicts
                        for e in range(events):
                            j = u8(where[e])
                            n = popcount(word[e] & PULSES)
                            rising, falling = up[j], -down[j]
                            size = (rising if word[e] > PULSES else falling) * fma(noise_scale[n], z[e], ONE)
                            row[j] = _within(fma(f4(n), size, row[j]), low[j], high[j])
                    else:
                        for e in range(events):
                            j = u8(where[e])
                            n = popcount(word[e] & PULSES)
                            row[j] = _pulsed(
                                word[e] > PULSES, n, fma(noise_scale[n], z[e], ONE), row[j], up[j], down[j], high[j], low[j], shape_up[j],
                                shape_down[j], kind, p, count, nodes,
                            )  # fmt: skip
                    events = 0
        if bad:
            fault[0] = max(fault[0], 20)

    return pnn_pulse_update


@with_functions()
def pnn_pulse_apply(*own):
    _pulsed = _pulses(*own)

    @njit(parallel=True, work=lambda rows, columns, *_: 1000 * rows * columns, error_model="numpy")
    def pnn_pulse_apply(
        rows, columns, device0, device1, cycle0, cycle1, row0, column0, sample0, index, kind, p, count, nodes, counts, w, fault
    ):
        bad, sample = 0, index[0] if index.size else sample0
        for i in prange(rows):
            cells = np.empty((6, columns), f4)
            up, down, high, low, shape_up, shape_down = cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]
            _cells(columns, device0, device1, row0 + i, column0, kind, p, up, down, high, low, shape_up, shape_down)
            row = w[i * columns : (i + 1) * columns]
            for j in range(columns):
                bad += not ((row[j] >= low[j]) & (row[j] <= high[j]))
                n = min(abs(i8(counts[i * columns + j])), MOST)
                if n:
                    r = block(cycle0, cycle1, _number(row0 + i, column0 + j), sample)
                    factor = fma(f4(f8(p[NOISE]) / np.sqrt(f8(n))), normal2(r[0], r[1])[0], ONE)
                    while n > 0:
                        some = ROUND if kind != CONSTANT and n > ROUND else n
                        old = row[j]
                        row[j] = _pulsed(
                            counts[i * columns + j] > 0, some, factor, old, up[j], down[j], high[j], low[j], shape_up[j], shape_down[j], kind,
                            p, count, nodes,
                        )  # fmt: skip
                        n -= some
                        if not (row[j] < old or row[j] > old):
                            n %= ROUND  # nor will further rounds move it
        if bad:
            fault[0] = max(fault[0], 20)

    return pnn_pulse_apply


@njit(parallel=True, work=lambda rows, columns, *_: 50 * rows * columns, error_model="numpy")
def pnn_pulse_cells(rows, columns, device0, device1, row0, column0, kind, p, out):
    every = rows * columns
    for i in prange(rows):
        a = i * columns
        b = a + columns
        _cells(
            columns, device0, device1, row0 + i, column0, kind, p, out[a:b], out[every + a : every + b], out[2 * every + a : 2 * every + b],
            out[3 * every + a : 3 * every + b], out[4 * every + a : 4 * every + b], out[5 * every + a : 5 * every + b],
        )  # fmt: skip
