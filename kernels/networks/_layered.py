"""CPU twin of pnnkern/layered.cuh: one hidden layer, the free state, then the nudged states as differences from it.

Models are numbered here, because a compiled function cannot take another and stay in the cache: see `value` and `difference`.
"""

import math

import numba
import numpy as np
from numba import prange

from .._jit import njit

inline = numba.njit(error_model="numpy")
# Sums over nodes may be reordered (they vectorise then); NaN and infinity keep their meaning.
REORDER = {"reassoc", "nsz", "contract"}
DIODES, HARD_SIGMOID, SIGMOID, TANH = range(4)


@inline
def value(model, positive, j, u):
    """The state of hidden node j that is pulled to u."""
    one = u.dtype.type
    if model == DIODES:
        return u if (j < positive) == (u > one(0)) else one(0)
    if model == HARD_SIGMOID:
        return min(max(u, one(0)), one(1))
    if model == SIGMOID:
        return one(0.5) + one(0.5) * one(math.tanh(one(2) * u - one(1)))
    return one(math.tanh(u))


@inline
def difference(model, positive, j, u, du):
    """value(u + du) - value(u), without cancellation."""
    one = u.dtype.type
    if model == DIODES:
        sign = one(1) if j < positive else one(-1)
        x, d = sign * u, sign * du
        if x > one(0):
            return sign * (d if x + d > one(0) else -x)
        return sign * (x + d if x + d > one(0) else one(0))
    if model == HARD_SIGMOID:
        below, above = -min(max(u, one(0)), one(1)), one(1) - min(max(u, one(0)), one(1))
        moved = u + du if u < one(0) else (u - one(1)) + du if u > one(1) else du  # past the edge that u lies beyond
        if (u < one(0) and moved < one(0)) or (u > one(1) and moved > one(0)):
            return one(0)
        return min(max(moved, below), above)
    if model == SIGMOID:  # tanh(x + d) - tanh(x) = tanh(d) (1 - tanh(x) tanh(x + d))
        x, d = one(2) * u - one(1), one(2) * du
        return one(0.5) * one(math.tanh(d)) * (one(1) - one(math.tanh(x)) * one(math.tanh(x + d)))
    return one(math.tanh(du)) * (one(1) - one(math.tanh(u)) * one(math.tanh(u + du)))


@njit(fastmath=REORDER)
def gather(hidden, outputs, weight, output, pull):
    """pull[j] = sum over k of weight[k, j] output[k]."""
    pull[:] = 0
    for k in range(outputs):
        x = output[k]
        for j in range(hidden):
            pull[j] += weight[k * hidden + j] * x


@njit(fastmath=REORDER)
def scatter(hidden, outputs, weight, state, output):
    """output[k] = sum over j of weight[k, j] state[j]."""
    for k in range(outputs):
        total = state.dtype.type(0)
        for j in range(hidden):
            total += weight[k * hidden + j] * state[j]
        output[k] = total


@njit
def ratio(step, largest):
    return step / largest if largest > 0 else step


@njit
def relax(model, positive, hidden, outputs, sweeps, tolerance, weight, drive, total1, total2, bias, h, o, pull, sums):
    """The free state in h and o, from what they hold; pull keeps what pulled the hidden nodes. Returns the relative last step."""
    change = h.dtype.type(0)
    for _ in range(sweeps):
        step, largest = h.dtype.type(0), h.dtype.type(0)
        gather(hidden, outputs, weight, o, pull)
        for j in range(hidden):
            u = (drive[j] + pull[j]) / total1[j]
            x = value(model, positive, j, u)
            pull[j] = u
            step = max(step, abs(x - h[j]))
            largest = max(largest, abs(x))
            h[j] = x
        scatter(hidden, outputs, weight, h, sums)
        for k in range(outputs):
            x = (bias[k] + sums[k]) / total2[k]
            step = max(step, abs(x - o[k]))
            largest = max(largest, abs(x))
            o[k] = x
        change = ratio(step, largest)
        if change <= tolerance:
            break
    return change


@njit
def respond(model, positive, hidden, outputs, sweeps, tolerance, weight, total1, total2, nudge, target, o, pull, dh, d_o, moved, sums):
    """The difference that a nudge makes to the free state whose hidden nodes are pulled by `pull`. Returns the relative last step."""
    change = dh.dtype.type(0)
    dh[:] = 0
    d_o[:] = 0
    for _ in range(sweeps):
        step, largest = dh.dtype.type(0), dh.dtype.type(0)
        scatter(hidden, outputs, weight, dh, sums)
        for k in range(outputs):
            x = (nudge * (target[k] - o[k]) + sums[k]) / (total2[k] + nudge)
            step = max(step, abs(x - d_o[k]))
            largest = max(largest, abs(x))
            d_o[k] = x
        gather(hidden, outputs, weight, d_o, moved)
        for j in range(hidden):
            x = difference(model, positive, j, pull[j], moved[j] / total1[j])
            step = max(step, abs(x - dh[j]))
            largest = max(largest, abs(x))
            dh[j] = x
        change = ratio(step, largest)
        if change <= tolerance:
            break
    return change


@njit(parallel=True)
def run(model, positive, batch, hidden, outputs, phases, sweeps, nudged_sweeps, tolerance, weight, drive, total1, total2, bias, nudge,
        target, h, o, dh, d_o, change):  # fmt: skip
    limit = weight.dtype.type(tolerance)
    for b in prange(batch):
        pull, moved, sums = np.empty(hidden, weight.dtype), np.empty(hidden, weight.dtype), np.empty(outputs, weight.dtype)
        hidden_of, outputs_of = slice(b * hidden, (b + 1) * hidden), slice(b * outputs, (b + 1) * outputs)
        change[b] = relax(model, positive, hidden, outputs, sweeps, limit, weight, drive[hidden_of], total1, total2, bias, h[hidden_of],
                          o[outputs_of], pull, sums)  # fmt: skip
        for p in range(phases):
            i = p * batch + b
            change[batch + i] = respond(
                model, positive, hidden, outputs, nudged_sweeps, limit, weight, total1, total2, nudge[p], target[outputs_of], o[outputs_of],
                pull, dh[i * hidden : (i + 1) * hidden], d_o[i * outputs : (i + 1) * outputs], moved, sums,
            )  # fmt: skip
