"""CPU twin of layered.cu: layers joined one to the next, the free state, then the nudged states as differences from it."""

import math
from itertools import accumulate
from typing import Any

import numba
import numpy as np
from numba import prange

from .._jit import njit
from .._loops import copy

inline = numba.njit(error_model="numpy")
# Sums over nodes may be reordered (they vectorise then); NaN and infinity keep their meaning.
REORDER = {"reassoc", "nsz", "contract"}
BOX, SIGMOID, TANH, DIODES = range(4)
LANES = 16
FEW = 8  # samples up to which one pass over the conductances gives their sums and the drive; more are a product by BLAS
TILE = 512  # columns of a pass
NARROW = 64  # columns of the last weights below which they are turned, so that rows are long
UNBOUNDED, ALONE, NEGATIVE = 61, 62, 63  # faults


# ------------------------------------------------------------------------------------------------------------------------- drive
# Without `work`: Numba lays out loops for threads by hashes, another way in each process, so that sums that may be reordered differ.
@njit(parallel=True, fastmath=REORDER)
def _columns(rows, columns, samples, x, weight, pulled, sums, least):
    """sums[j] += sum_i weight[i, j], least[j] the least of them, and pulled[s, j] += sum_i x[s, i] weight[i, j]; four rows at a time."""
    for tile in prange((columns + TILE - 1) // TILE):
        j0 = tile * TILE
        n = min(TILE, columns - j0)
        total, low = sums[j0 : j0 + n], least[j0 : j0 + n]
        whole = rows - rows % 4
        for i in range(0, whole, 4):
            at = i * columns + j0
            a, b = weight[at : at + n], weight[at + columns : at + columns + n]
            c, d = weight[at + 2 * columns : at + 2 * columns + n], weight[at + 3 * columns : at + 3 * columns + n]
            for j in range(n):
                total[j] += (a[j] + b[j]) + (c[j] + d[j])
                low[j] = min(low[j], min(min(a[j], b[j]), min(c[j], d[j])))
            for s in range(samples):
                k = s * rows + i
                p, q, r, t = x[k], x[k + 1], x[k + 2], x[k + 3]
                if p != 0 or q != 0 or r != 0 or t != 0:  # black pixels
                    out = pulled[s * columns + j0 : s * columns + j0 + n]
                    for j in range(n):
                        out[j] += (p * a[j] + q * b[j]) + (r * c[j] + t * d[j])
        for i in range(whole, rows):
            a = weight[i * columns + j0 : i * columns + j0 + n]
            for j in range(n):
                total[j] += a[j]
                low[j] = min(low[j], a[j])
            for s in range(samples):
                p, out = x[s * rows + i], pulled[s * columns + j0 : s * columns + j0 + n]
                for j in range(n):
                    out[j] += p * a[j]


@njit(fastmath=REORDER)
def _rows(rows, columns, weight, sums):
    """sums[i] += sum_j weight[i, j]."""
    for i in range(rows):
        total = sums.dtype.type(0)
        for j in range(columns):
            total += weight[i * columns + j]
        sums[i] += total


def pnn_layered_drive(
    networks: int, batch: int, layers: int, given: int, least: float, size: np.ndarray, x: np.ndarray, bias: np.ndarray, slope: np.ndarray,
    weight0: np.ndarray, weight1: np.ndarray, weight2: np.ndarray, weight3: np.ndarray, weight4: np.ndarray, weight5: np.ndarray,
    weight6: np.ndarray, weight7: np.ndarray, drive: np.ndarray, total: np.ndarray, fault: np.ndarray,
) -> None:  # fmt: skip
    """What the inputs pull the first layer with, and the total conductance of every node."""
    weights = (weight0, weight1, weight2, weight3, weight4, weight5, weight6, weight7)
    n = size.tolist()
    nodes = sum(n[1 : layers + 1])
    for m in range(networks):
        first = weight0[m * n[0] * n[1] : (m + 1) * n[0] * n[1]]
        pulled = drive[m * batch * n[1] : (m + 1) * batch * n[1]]
        by_blas = x.size and (batch > FEW or not total.size)
        if by_blas:
            np.matmul(x.reshape(batch, n[0]), first.reshape(n[0], n[1]), out=pulled.reshape(batch, n[1]))
            pulled.reshape(batch, n[1])[...] += bias[m * n[1] : (m + 1) * n[1]]
        if not total.size:
            if not x.size and batch:
                pulled.reshape(batch, n[1])[...] = bias[m * n[1] : (m + 1) * n[1]]
            continue
        at = m * nodes
        for l in range(layers):
            rows, columns, last = n[l], n[l + 1], l + 1 == given
            w = weights[l][m * rows * columns : (m + 1) * rows * columns]
            sums = np.zeros(columns, np.float64 if last else w.dtype)
            low = np.full(columns, np.inf, w.dtype)
            samples = batch if l == 0 and x.size and not by_blas else 0
            if samples:
                pulled[:] = 0
            _columns(rows, columns, samples, x, w, pulled, sums, low)
            if samples:
                pulled.reshape(batch, columns)[...] += bias[m * columns : (m + 1) * columns]
            if np.isnan(sums).any() or (low < 0).any():
                fault[0] = max(fault[0], NEGATIVE)
            if l + 1 < given:
                _rows(columns, n[l + 2], weights[l + 1][m * columns * n[l + 2] : (m + 1) * columns * n[l + 2]], sums)
            if slope.size:
                sums /= slope[at - m * nodes : at - m * nodes + columns]
            if columns and not sums.min() > 0:
                fault[0] = max(fault[0], ALONE)
            if last and least < 0 and columns and not sums.min() + least > 0:
                fault[0] = max(fault[0], UNBOUNDED)
            total[at : at + columns] = sums
            at += columns


# ------------------------------------------------------------------------------------------------------------------------- relax
@inline
def clamped(x, low, high):
    return low if x < low else high if x > high else x


@inline
def larger(a, b):
    """The larger, or NaN if one is."""
    return a if a >= b or a != a else b


@njit(error_model="numpy")
def value(model, pull, out):
    """out[j] = the state of a hidden node that is pulled to pull[j]."""
    one = pull.dtype.type
    zero = one(0)
    if model == BOX:
        for j in range(pull.size):
            out[j] = clamped(pull[j], zero, one(1))
    elif model == DIODES:
        up = pull.size - pull.size // 2
        for j in range(up):
            out[j] = zero if pull[j] < zero else pull[j]
        for j in range(up, pull.size):
            out[j] = zero if pull[j] > zero else pull[j]
    elif model == SIGMOID:
        for j in range(pull.size):
            out[j] = one(0.5) + one(0.5) * math.tanh(one(2) * pull[j] - one(1))
    else:
        for j in range(pull.size):
            out[j] = math.tanh(pull[j])


@njit(error_model="numpy")
def difference(model, pull, by, out):
    """out[j] = value(pull[j] + by[j]) - value(pull[j]), without cancellation."""
    one = pull.dtype.type
    zero = one(0)
    if model == BOX:
        for j in range(pull.size):
            x = clamped(pull[j], zero, one(1))
            out[j] = clamped(by[j] + (pull[j] - x), zero - x, one(1) - x)
        return
    if model == DIODES:
        up = pull.size - pull.size // 2
        for j in range(up):
            x = zero if pull[j] < zero else pull[j]
            y = by[j] + (pull[j] - x)
            out[j] = zero - x if y < zero - x else y
        for j in range(up, pull.size):
            x = zero if pull[j] > zero else pull[j]
            y = by[j] + (pull[j] - x)
            out[j] = zero - x if y > zero - x else y
        return
    shift, scale = (one(1), one(2)) if model == SIGMOID else (one(0), one(1))
    for j in range(pull.size):
        x, d = scale * pull[j] - shift, scale * by[j]
        out[j] = math.tanh(d) * (one(1) - math.tanh(x) * math.tanh(x + d)) / scale  # tanh(x + d) - tanh(x)


@njit(error_model="numpy")
def advance(new, old, step, largest):
    """Copy new to old; the larger of `step` and the largest change, and of `largest` and the largest value, NaN if there is one."""
    steps, sizes = np.zeros(LANES, new.dtype), np.zeros(LANES, new.dtype)  # a maximum for each lane: the loop vectorises then
    whole = new.size - new.size % LANES
    for j in range(0, whole, LANES):
        for l in range(LANES):
            x = new[j + l]
            steps[l] = larger(steps[l], abs(x - old[j + l]))
            sizes[l] = larger(sizes[l], abs(x))
            old[j + l] = x
    for j in range(whole, new.size):
        step = larger(step, abs(new[j] - old[j]))
        largest = larger(largest, abs(new[j]))
        old[j] = new[j]
    for l in range(LANES):
        step, largest = larger(step, steps[l]), larger(largest, sizes[l])
    return step, largest


@njit(fastmath=REORDER, error_model="numpy")
def gather(weight, output, pull):
    """pull[j] = sum over k of weight[k, j] output[k]."""
    n, pairs = pull.size, output.size // 2
    if output.size % 2:
        x = output[output.size - 1]
        for j in range(n):
            pull[j] = weight[(output.size - 1) * n + j] * x
    else:
        pull[:] = 0
    for k in range(pairs):  # two rows at a time: half the traffic of `pull`
        x, y = output[2 * k], output[2 * k + 1]
        a, b = weight[2 * k * n : (2 * k + 1) * n], weight[(2 * k + 1) * n : (2 * k + 2) * n]
        for j in range(n):
            pull[j] += a[j] * x + b[j] * y


@njit(fastmath=REORDER, error_model="numpy")
def scatter(weight, state, output):
    """output[k] = sum over j of weight[k, j] state[j]."""
    for k in range(output.size):
        total = state.dtype.type(0)
        for j in range(state.size):
            total += weight[k * state.size + j] * state[j]
        output[k] = total


@njit(error_model="numpy")
def reach(l, layers, turned, m, size, offset, weights, x, out, spare):
    """out[j] = what the layers below and above pull at node j of layer l. turned : the last weights lie with their columns as rows."""
    n = size[l + 1]
    if l == 0:
        out[:] = 0
    else:
        w = weights[l - 1][m * size[l] * n : (m + 1) * size[l] * n]
        below = x[offset[l - 1] : offset[l]]
        if turned and l == layers - 1:
            scatter(w, below, out)
        else:
            gather(w, below, out)
    if l == layers - 1:
        return
    w = weights[l][m * n * size[l + 2] : (m + 1) * n * size[l + 2]]
    above = x[offset[l + 1] : offset[l + 1] + size[l + 2]]
    to = out if l == 0 else spare[:n]
    if turned and l == layers - 2:
        gather(w, above, to)
    else:
        scatter(w, above, to)
    if l > 0:
        for j in range(n):
            out[j] += to[j]


@njit(error_model="numpy")
def relax(layers, model, turned, m, sweeps, tolerance, size, offset, weights, biases, drive, total, x, pull, new):
    """The free state in x, from what it holds; pull keeps what pulled the nodes. Returns the relative last step."""
    change = x.dtype.type(0)
    for _ in range(sweeps):
        step, largest = x.dtype.type(0), x.dtype.type(0)
        for half in range(2):
            for l in range(half, layers, 2):
                n = size[l + 1]
                own, u = x[offset[l] : offset[l] + n], pull[offset[l] : offset[l] + n]
                reach(l, layers, turned, m, size, offset, weights, x, u, new)
                base = drive if l == 0 else biases[l - 1][m * n : (m + 1) * n]
                if total.size:
                    divisor = total[offset[l] : offset[l] + n]
                    for j in range(n):
                        u[j] = (base[j] + u[j]) / divisor[j]
                else:
                    for j in range(n):
                        u[j] = base[j] + u[j]
                if l < layers - 1:
                    value(model, u, new[:n])
                    step, largest = advance(new[:n], own, step, largest)
                else:
                    step, largest = advance(u, own, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


@njit(error_model="numpy")
def respond(layers, model, turned, hold, m, sweeps, tolerance, size, offset, weights, total, nudge, force, pull, x, moved, new):
    """The difference in x that a nudge, or a force that holds the outputs, makes to a free state. Returns the relative last step."""
    change, outputs = x.dtype.type(0), x[offset[layers - 1] :]
    first = (layers - 1) % 2
    x[:] = 0
    if hold:
        copy(force, outputs)
    for _ in range(sweeps):
        step, largest = x.dtype.type(0), x.dtype.type(0)
        if hold:
            for k in range(outputs.size):
                largest = larger(largest, abs(outputs[k]))
        for half in range(2):
            for l in range(1 - first if half else first, layers - 1 if hold else layers, 2):
                n = size[l + 1]
                own, by = x[offset[l] : offset[l] + n], moved[:n]
                reach(l, layers, turned, m, size, offset, weights, x, by, new)
                if l == layers - 1:
                    for k in range(n):
                        divisor = total[offset[l] + k] if total.size else x.dtype.type(1)
                        by[k] = (force[k] + by[k]) / (divisor + nudge)
                    step, largest = advance(by, own, step, largest)
                else:
                    if total.size:
                        divisor = total[offset[l] : offset[l] + n]
                        for j in range(n):
                            by[j] /= divisor[j]
                    difference(model, pull[offset[l] : offset[l] + n], by, new[:n])
                    step, largest = advance(new[:n], own, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


@njit(error_model="numpy")
def relax_one(model, sweeps, tolerance, weight, drive, total1, total2, bias, h, o, pull, new, sums):
    """One hidden layer, which most networks have: the free state in h and o, from what they hold; pull keeps what pulled the hidden nodes.
    Returns the relative last step."""
    change = h.dtype.type(0)
    for _ in range(sweeps):
        step, largest = h.dtype.type(0), h.dtype.type(0)
        gather(weight, o, pull)
        if total1.size:
            for j in range(h.size):
                pull[j] = (drive[j] + pull[j]) / total1[j]
        else:
            for j in range(h.size):
                pull[j] = drive[j] + pull[j]
        value(model, pull, new)
        step, largest = advance(new, h, step, largest)
        scatter(weight, h, sums)
        for k in range(o.size):
            sums[k] = (bias[k] + sums[k]) / (total2[k] if total2.size else h.dtype.type(1))
        step, largest = advance(sums, o, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


@njit(error_model="numpy")
def respond_one(model, hold, sweeps, tolerance, weight, total1, total2, nudge, force, pull, dh, d_o, moved, new, sums):
    """The difference that a nudge makes to the free state whose hidden nodes are pulled by `pull`. Returns the relative last step."""
    change = dh.dtype.type(0)
    dh[:] = 0
    d_o[:] = 0
    for _ in range(sweeps):
        step, largest = dh.dtype.type(0), dh.dtype.type(0)
        if hold:
            for k in range(d_o.size):
                d_o[k] = force[k]
                largest = larger(largest, abs(d_o[k]))
        else:
            scatter(weight, dh, sums)
            for k in range(d_o.size):
                sums[k] = (force[k] + sums[k]) / ((total2[k] if total2.size else dh.dtype.type(1)) + nudge)
            step, largest = advance(sums, d_o, step, largest)
        gather(weight, d_o, moved)
        if total1.size:
            for j in range(dh.size):
                moved[j] /= total1[j]
        difference(model, pull, moved, new)
        step, largest = advance(new, dh, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


def _sweeps(batch, each, layers, model, turned, phases, begun, hold, sweeps, nudged_sweeps, tolerance, size, *_):
    wide = size.astype(float)
    return (batch > 1) * batch * (sweeps + phases * nudged_sweeps) * (5 * (wide[1:-1] @ wide[2:]) + 100 * wide[1:].sum())


@njit(parallel=True, work=_sweeps, error_model="numpy")
def _relax(batch, each, layers, model, turned, phases, begun, hold, sweeps, nudged_sweeps, tolerance, size, offset, drive, total, weights,
           biases, nudge, target, state, moved, change):  # fmt: skip
    nodes, outputs, widest = offset[layers], size[layers], size[1:].max()
    for b in prange(batch):
        m = b // each
        x, pull, d = np.zeros(nodes, drive.dtype), np.empty(nodes, drive.dtype), np.empty(nodes, drive.dtype)
        by, new, force = np.empty(widest, drive.dtype), np.empty(widest, drive.dtype), np.empty(outputs, drive.dtype)
        more = np.empty(outputs, drive.dtype)
        if begun:
            for l in range(layers):
                at = batch * offset[l] + b * size[l + 1]
                copy(state[at : at + size[l + 1]], x[offset[l] : offset[l + 1]])
        inner, mine = total[m * nodes : (m + 1) * nodes], drive[b * size[1] : (b + 1) * size[1]]
        one, n = layers == 2 and turned, size[1]
        w, first, second, sums = weights[0][m * n * outputs :], inner[:n], inner[n:], by[:outputs]
        if one:
            change[b] = relax_one(model, sweeps, tolerance, w, mine, first, second, biases[0][m * outputs :], x[:n], x[n:], pull[:n], new[:n],
                                  sums)  # fmt: skip
        else:
            change[b] = relax(layers, model, turned, m, sweeps, tolerance, size, offset, weights, biases, mine, inner, x, pull, new)
        for l in range(layers):
            at = batch * offset[l] + b * size[l + 1]
            copy(x[offset[l] : offset[l + 1]], state[at : at + size[l + 1]])
        for p in range(phases):
            for k in range(outputs):
                force[k] = nudge[p] * (target[b * outputs + k] - x[offset[layers - 1] + k])
            if one:
                change[(1 + p) * batch + b] = respond_one(
                    model, hold, nudged_sweeps, tolerance, w, first, second, nudge[p], force, pull[:n], d[:n], d[n:], by[:n], new[:n], more
                )
            else:
                change[(1 + p) * batch + b] = respond(
                    layers, model, turned, hold, m, nudged_sweeps, tolerance, size, offset, weights, inner, nudge[p], force, pull, d, by, new
                )
            for l in range(layers):
                at = phases * batch * offset[l] + (p * batch + b) * size[l + 1]
                copy(d[offset[l] : offset[l + 1]], moved[at : at + size[l + 1]])


def pnn_layered_relax(
    batch: int, each: int, layers: int, model: int, phases: int, begun: int, hold: int, together: int, pitch: int, sweeps: int,
    nudged_sweeps: int, tolerance: float, size: np.ndarray, drive: np.ndarray, total: np.ndarray, *arrays: np.ndarray,
) -> None:  # fmt: skip
    """Every sweep of every phase of layered networks, `each` samples of each. arrays : weight1 .. 7, bias1 .. 7, nudge, target, state,
    moved, change."""
    weights: list[Any] = list(arrays[:7])
    if not layers:  # a call without work, by which all is compiled
        size = np.zeros(2, size.dtype)
    n = size.tolist()
    rows, columns = n[layers - 1 : layers + 1] if layers else (0, 0)
    turned = int(layers == 2 or (layers > 1 and columns < NARROW))
    if turned:
        weights[layers - 2] = np.ascontiguousarray(weights[layers - 2].reshape(-1, rows, columns).swapaxes(1, 2)).ravel()
    offset = np.array([0, *accumulate(n[1 : layers + 1])])
    _relax(
        batch, each, layers, model, turned, phases, begun, hold, sweeps, nudged_sweeps, drive.dtype.type(tolerance), size, offset, drive, total,
        tuple(weights), tuple(arrays[7:14]), *arrays[14:],
    )  # fmt: skip


def pnn_layered_relax_few(
    batch: int, each: int, n: int, m: int, model: int, phases: int, begun: int, hold: int, together: int, sweeps: int, nudged_sweeps: int,
    tolerance: float, drive: np.ndarray, total: np.ndarray, weight: np.ndarray, bias: np.ndarray, *arrays: np.ndarray,
) -> None:  # fmt: skip
    """The same of one hidden layer and a few outputs. arrays : nudge, target, state, moved, change."""
    none = [drive[:0]] * 6
    pnn_layered_relax(
        batch, each, 2 * bool(batch), model, phases, begun, hold, together, 0, sweeps, nudged_sweeps, tolerance, np.array([0, n, m], np.int32),
        drive, total, weight, *none, bias, *none, *arrays,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------- contrast
@njit(fastmath={"contract"})
def _contrast(batch, n, drops, s, x, y, out, sums):
    """Factors of one layer; x, y : how it has moved in the two phases, empty where it has not."""
    one = s.dtype.type
    half = batch + drops
    sums[:] = 0
    products = np.zeros(n, s.dtype)
    for b in range(batch):
        for j in range(n):
            i = b * n + j
            first, second = x[i] if x.size else one(0), y[i] if y.size else one(0)
            m, d = s[i] + (first + second) / one(2), second - first
            out[i] = m
            out[half * n + i] = d
            out[2 * half * n + i] = m
            sums[j] += d
            products[j] += d * m
    if drops:
        out[batch * n : half * n] = -1
        out[(half + batch) * n : 2 * half * n] = products
        out[(2 * half + batch) * n : 3 * half * n] = -1


def pnn_layered_contrast(batch: int, layers: int, drops: int, a: int, b: int, size: np.ndarray, x: np.ndarray, *arrays: np.ndarray) -> None:
    """Factors of the change of dE/dweights between two phases. arrays : state0 .. 7, moved0 .. 7, inputs, factors, sums."""
    states, moved, (inputs, factors, sums) = arrays[:8], arrays[8:16], arrays[16:]
    n = size.tolist()
    if inputs.size:
        inputs[: batch * n[0]], inputs[batch * n[0] :] = x, -1
    at = 0
    for l in range(layers):
        count, own = batch * n[l + 1], slice(at, at + n[l + 1])
        one, two = (moved[l][(p - 1) * count : p * count] if p else moved[l][:0] for p in (a, b))
        rows = 3 * (batch + drops)
        _contrast(batch, n[l + 1], drops, states[l], one, two, factors[rows * at : rows * (at + n[l + 1])], sums[own])
        at += n[l + 1]
