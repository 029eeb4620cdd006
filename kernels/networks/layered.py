"""CPU twin of layered.cu: one hidden layer, the free state, then the nudged states as differences from it."""

import math

import numba
import numpy as np
from numba import prange

from .._jit import njit

inline = numba.njit(error_model="numpy")
# Sums over nodes may be reordered (they vectorise then); NaN and infinity keep their meaning.
REORDER = {"reassoc", "nsz", "contract"}
BOX, SIGMOID, TANH = range(3)
LANES = 16


@inline
def clamped(x, low, high):
    return low if x < low else high if x > high else x


@inline
def larger(a, b):
    """The larger, or NaN if one is."""
    return a if a >= b or a != a else b


@njit(error_model="numpy")
def value(model, pull, low, high, out):
    """out[j] = the state of a hidden node that is pulled to pull[j]."""
    one = pull.dtype.type
    if model == BOX:
        for j in range(pull.size):
            out[j] = clamped(pull[j], low[j], high[j])
    elif model == SIGMOID:
        for j in range(pull.size):
            out[j] = one(0.5) + one(0.5) * math.tanh(one(2) * pull[j] - one(1))
    else:
        for j in range(pull.size):
            out[j] = math.tanh(pull[j])


@njit(error_model="numpy")
def difference(model, pull, by, low, high, out):
    """out[j] = value(pull[j] + by[j]) - value(pull[j]), without cancellation."""
    one = pull.dtype.type
    if model == BOX:
        for j in range(pull.size):
            x = clamped(pull[j], low[j], high[j])
            out[j] = clamped(by[j] + (pull[j] - x), low[j] - x, high[j] - x)
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
def relax(model, sweeps, tolerance, weight, drive, total1, total2, bias, low, high, h, o, pull, new, sums):
    """The free state in h and o, from what they hold; pull keeps what pulled the hidden nodes. Returns the relative last step."""
    change = h.dtype.type(0)
    for _ in range(sweeps):
        step, largest = h.dtype.type(0), h.dtype.type(0)
        gather(weight, o, pull)
        for j in range(h.size):
            pull[j] = (drive[j] + pull[j]) / total1[j]
        value(model, pull, low, high, new)
        step, largest = advance(new, h, step, largest)
        scatter(weight, h, sums)
        for k in range(o.size):
            sums[k] = (bias[k] + sums[k]) / total2[k]
        step, largest = advance(sums, o, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


@njit(error_model="numpy")
def respond(model, hold, sweeps, tolerance, weight, total1, total2, low, high, nudge, target, o, pull, dh, d_o, moved, new, sums):
    """The difference that a nudge makes to the free state whose hidden nodes are pulled by `pull`. Returns the relative last step."""
    change = dh.dtype.type(0)
    dh[:] = 0
    d_o[:] = 0
    for _ in range(sweeps):
        step, largest = dh.dtype.type(0), dh.dtype.type(0)
        if hold:
            for k in range(o.size):
                d_o[k] = nudge * (target[k] - o[k])
                largest = larger(largest, abs(d_o[k]))
        else:
            scatter(weight, dh, sums)
            for k in range(o.size):
                sums[k] = (nudge * (target[k] - o[k]) + sums[k]) / (total2[k] + nudge)
            step, largest = advance(sums, d_o, step, largest)
        gather(weight, d_o, moved)
        for j in range(dh.size):
            moved[j] /= total1[j]
        difference(model, pull, moved, low, high, new)
        step, largest = advance(new, dh, step, largest)
        change = step / largest if largest > 0 else step
        if change <= tolerance:
            break
    return change


@njit(parallel=True, error_model="numpy")
def pnn_layered_relax(batch, each, hidden, outputs, model, phases, hold, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2,
                      bias, low, high, nudge, target, h, o, dh, d_o, change):  # fmt: skip
    """Every sweep of every phase of layered networks with one hidden layer, each of `each` samples."""
    limit = weight.dtype.type(tolerance)
    for b in prange(batch):
        pull, moved, new = np.empty(hidden, weight.dtype), np.empty(hidden, weight.dtype), np.empty(hidden, weight.dtype)
        sums = np.empty(outputs, weight.dtype)
        mine, out = slice(b * hidden, (b + 1) * hidden), slice(b * outputs, (b + 1) * outputs)
        m = b // each
        w, inner, outer = weight[m * outputs * hidden :], total1[m * hidden :], total2[m * outputs :]
        change[b] = relax(model, sweeps, limit, w, drive[mine], inner, outer, bias[m * outputs :], low, high, h[mine], o[out], pull, new, sums)
        for p in range(phases):
            i = p * batch + b
            change[batch + i] = respond(
                model, hold, nudged_sweeps, limit, w, inner, outer, low, high, nudge[p], target[out], o[out], pull,
                dh[i * hidden : (i + 1) * hidden], d_o[i * outputs : (i + 1) * outputs], moved, new, sums,
            )  # fmt: skip
