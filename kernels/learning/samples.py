"""CPU twin of samples.cu."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import folded


@njit
def pnn_samples_gather(count, size, label_bytes, order, at, rows, labels, out, out_labels, index):
    """The next samples of an order: index[b] = order[at[0] + b], out[b] = rows[index[b]], and likewise their labels."""
    for b in range(count):
        row = order[at[0] + b]
        index[b] = row
        for i in range(size):
            out[b * size + i] = rows[row * size + i]
        for i in range(label_bytes):
            out_labels[b * label_bytes + i] = labels[row * label_bytes + i]


@njit
def pnn_samples_advance(
    count, steps, columns, slots, known, loss, rating, at, now, found, keys, width, key0, key1, paths, key
):  # fmt: skip
    """A step is done: its loss and rating go to found (slots, 2), at = (samples, steps, first) advances, and so do `now` and keys."""
    step = at[1]
    for k in range(keys):
        own = folded(key0, key1, np.uint64(at[2] + step + 1))
        for n in range(1, int(paths[k * width]) + 1):
            own = folded(own[0], own[1], paths[k * width + n])
        key[2 * k], key[2 * k + 1] = own[0], own[1]
    slot = step % slots
    found[2 * slot], found[2 * slot + 1] = loss[0], rating[0]
    at[0] += count
    at[1] = step + 1
    if step + 1 < steps:
        for c in range(columns):
            now[c] = known[(step + 1) * columns + c]


@njit
def _bytes(batch, n, gain, both, low, high, code, samples, out, fault):
    """out (batch, n), or (batch, 2 n) where both signs enter: gain times fractions of 255."""
    one = out.dtype.type
    white, factor, wide = one(255), one(gain), 2 * n if both else n
    for b in range(batch):
        for i in range(n):
            out[b * wide + i] = one(samples[b * n + i]) / white * factor
        if both:
            for i in range(n):
                out[b * wide + n + i] = -out[b * wide + i]


@njit
def _numbers(batch, n, gain, both, low, high, code, samples, out, fault):
    """out (batch, n), or (batch, 2 n) where both signs enter: gain times each value."""
    one = out.dtype.type
    factor, wide = one(gain), 2 * n if both else n
    for b in range(batch):
        for i in range(n):
            x = samples[b * n + i]
            if not (x >= low and x <= high):
                fault[0] = code
            out[b * wide + i] = one(x) * factor
        if both:
            for i in range(n):
                out[b * wide + n + i] = -out[b * wide + i]


def _encode(
    batch, n, gain, both, low, high, code, label_bytes, target_bytes, order, at, samples, labels, targets, out, out_labels, out_targets, index,
    fault,
):  # fmt: skip
    """What enters a system, of all samples or of those that are next in an order, then with their labels, targets and numbers."""
    if order.size and batch:
        index[:] = order[at[0] : at[0] + batch]
        for size, rows, found in ((label_bytes, labels, out_labels), (target_bytes, targets, out_targets)):
            found.reshape(batch, size)[...] = rows.reshape(-1, size)[index] if size else 0
        samples = samples.reshape(-1, n)[index].reshape(-1)
    (_bytes if samples.dtype.itemsize == 1 else _numbers)(batch, n, gain, both, low, high, code, samples, out, fault)


pnn_samples_single = pnn_samples_double = _encode


@njit(parallel=True, work=lambda batch, side, height, width, *_: 20 * batch * (side + height) * (side + width))
def pnn_samples_spread(batch, side, height, width, rows, columns, reach, images, out):
    """Amplitudes (batch, side, side) of images (batch, height, width): rows (side, height) @ image @ columns (side, width)^T."""
    none = rows.dtype.type(0)
    for line in prange(batch * side):
        b = line // side
        y = line - b * side
        for x in range(side):
            total = none
            for i in range(reach[2 * y], reach[2 * y + 1]):
                across = none
                for j in range(reach[2 * (side + x)], reach[2 * (side + x) + 1]):
                    across += images[(b * height + i) * width + j] * columns[x * width + j]
                total += rows[y * height + i] * across
            out[line * side + x] = total
