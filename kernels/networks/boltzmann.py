"""CPU twin of boltzmann.cu: the same draws, one chain after another; layers by whole arrays."""

import math

import numpy as np
from numba import prange

from .._jit import njit
from .._loops import copy
from ..random.draws import _bernoulli4, _whole, block, folded, inline, pnn_draws_bernoulli, uniform

u4, u8 = np.uint32, np.uint64
REORDER = {"reassoc", "nsz", "contract"}  # sums over units may be reordered


@njit(error_model="numpy")
def _class_of(chance, k0, k1, sample):
    """The class that a uniform falls into, by chances that sum to one."""
    u, reach, number = uniform(block(k0, k1, u8(0), sample)[0]), chance.dtype.type(0), 0
    for c in range(chance.size - 1):
        reach += chance[c]
        number += u >= reach
    return number


@njit(error_model="numpy")
def _bits(k0, k1, sample, chance, out):
    """Draws of units by their chances; both have room for whole quads."""
    _whole(_bernoulli4, k0, k1, 0, chance.size // 4, sample, chance, out)


@njit(fastmath=REORDER, error_model="numpy")
def _pulled(across, h, bias, pull):
    """pull[c] = bias[c] + sum over j of across[c, j] h[j]."""
    for c in range(len(across)):
        w, total = across[c], h.dtype.type(0)
        for j in range(h.size):
            total += w[j] * h[j]
        pull[c] = total + bias[c]


@njit(error_model="numpy")
def _given(drive, weights, out):
    """Chances of hidden units; False if one is no chance."""
    half, good = drive.dtype.type(0.5), True
    for j in range(drive.size):
        out[j] = half + half * math.tanh((drive[j] + weights[j]) / drive.dtype.type(2))
        good &= out[j] >= 0 and out[j] <= 1
    return good


@njit(error_model="numpy")
def _softmax(pull, chance):
    most = pull[0]
    for c in range(pull.size):
        most = pull[c] if pull[c] > most or pull[c] != pull[c] else most
    total = pull.dtype.type(0)
    for c in range(pull.size):
        chance[c] = math.exp(pull[c] - most)
        total += chance[c]
    for c in range(pull.size):
        chance[c] /= total


@njit(error_model="numpy")
def _chain(b, batch, settle, sweeps, key, start, of_hidden, of_classes, sample, drive, across, bias, field, drawn, given, total):
    """One chain; False where hidden units have no chances. A class gives them the same ones whenever it comes back."""
    (classes, hidden), one, good = across.shape, drive.dtype.type(1), True
    room = (hidden + 3) // 4 * 4
    known, chances = np.zeros(classes, np.uint8), np.zeros((classes, room), drive.dtype)
    bits, h = np.empty(room, np.uint8), np.empty(hidden, drive.dtype)
    pull, chance = np.empty(classes, drive.dtype), np.full(classes, one / drive.dtype.type(classes), drive.dtype)
    total[:] = 0
    y = _class_of(chance, start[0], start[1], sample)
    for n in range(settle + sweeps):
        if not known[y]:
            known[y] = 1
            good &= _given(drive, across[y], chances[y])
        own = folded(key[0], key[1], u8(n))
        k = folded(own[0], own[1], of_hidden)
        _bits(k[0], k[1], sample, chances[y], bits)
        for j in range(hidden):
            h[j] = bits[j]
        _pulled(across, h, bias, pull)
        for c in range(field.size):
            pull[c] += field[c]
        _softmax(pull, chance)
        if n >= settle:
            row = (n - settle) * batch + b
            copy(chances[y, :hidden], given[row * hidden : (row + 1) * hidden])
            drawn[row * classes : (row + 1) * classes] = 0
            drawn[row * classes + y] = 1
            for c in range(classes):
                total[c] += chance[c] / drive.dtype.type(sweeps)
        k = folded(own[0], own[1], of_classes)
        y = _class_of(chance, k[0], k[1], sample)
    return good


@inline
def _joined(low, high):
    return u8(high) << u8(32) | u8(low)


@njit(
    parallel=True, error_model="numpy",
    work=lambda batch, hidden, classes, settle, sweeps, *_: (batch > 1) * batch * (settle + sweeps) * (hidden + 1) * (classes + 50),
)  # fmt: skip
def pnn_boltzmann_chain(batch, hidden, classes, settle, sweeps, kept, key0, key1, key, start0, start1, hidden0, hidden1, classes0, classes1,
                        sample0, index, drive, weight, bias, field, drawn, given, mean, fault):  # fmt: skip
    """Chains of hidden units and classes."""
    across = np.ascontiguousarray(weight.reshape(hidden, classes).T)
    if key.size:
        key0, key1 = key[0], key[1]
    by = u8(key0), u8(key1)
    start = folded(by[0], by[1], _joined(start0, start1))
    of_hidden, of_classes = _joined(hidden0, hidden1), _joined(classes0, classes1)
    for b in prange(batch):
        sample = index[b] if index.size else sample0 + b
        if sample < 0:
            fault[0] = max(fault[0], 4)
        here = slice(b * classes, (b + 1) * classes)
        own = field[here] if field.size else field
        good = _chain(b, batch, settle, sweeps, by, start, of_hidden, of_classes, u8(sample), drive[b * hidden : (b + 1) * hidden], across,
                      bias, own, drawn, given, mean[here])  # fmt: skip
        if not good:
            fault[0] = max(fault[0], 3)


def pnn_boltzmann_units(samples, units, slope, one, key0, key1, key, sample0, index, pull, bias, more, out, fault):
    """A layer of units from what pulls them."""
    if not index.size and sample0 < 0:
        fault[0] = max(fault[0], 4)
    x = pull.reshape(samples, units) + bias
    if more.size:
        x += more.reshape(samples, units)
    if slope != 1:
        x *= slope
    x /= 2
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    drawn = np.empty(x.size, np.uint8)
    pnn_draws_bernoulli(samples, units, key0, key1, key, 0, sample0, index, x.ravel(), drawn, fault)
    np.multiply(drawn, out.dtype.type(one), out=out)
