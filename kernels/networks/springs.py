"""CPU twin of springs.cu: one sample per thread; springs once each, Cholesky row by row within the envelope."""

import numpy as np
from numba import prange

from .._jit import njit
from .._loops import copy

KEEP = 0.1  # a factor is used again while a step with it lowers the largest force to this part
EVEN = 1e-12  # of the energy: what two sums of the same springs may differ by
RESTLESS, FLOATING, NO_LENGTH, NO_STIFFNESS = 72, 73, 74, 75  # faults: the highest is told
LEAST, LARGEST = 1e-6, 1e12  # shifts of the Hessian, in the largest stiffness; beyond the largest, positions are no longer numbers


@njit
def _forces(n_nodes, d, k, l, offsets, neighbour, edge, place, pull, load, x, g):
    """Energy at x, and its gradient g (n_free * d) by the free positions; springs between held nodes do not count."""
    total = 0.0
    g[:] = 0.0
    w = np.empty(3)
    for i in range(n_nodes):
        r = place[i]
        if r >= 0:
            for a in range(d):
                g[r * d + a] -= pull[i * d + a] - load[i * d + a] * x[i * d + a]
                total -= (pull[i * d + a] - load[i * d + a] * x[i * d + a] / 2) * x[i * d + a]
        for q in range(offsets[i], offsets[i + 1]):
            j = neighbour[q]
            c = place[j]
            if j < i or (r < 0 and c < 0):
                continue
            square = 0.0
            for a in range(d):
                w[a] = x[i * d + a] - x[j * d + a]
                square += w[a] * w[a]
            length = np.sqrt(square)
            longer = length - l[edge[q]]
            stiff = k[edge[q]]
            total += stiff * longer * longer / 2
            per = stiff * longer / length if length > 0 else 0.0
            for a in range(d):
                if r >= 0:
                    g[r * d + a] += per * w[a]
                if c >= 0:
                    g[c * d + a] -= per * w[a]
    return total


@njit
def _hessian(n_free, d, k, l, offsets, neighbour, edge, node, place, first, begin, load, x, shift, h):
    """Lower envelope of the Hessian plus shift: entry (row, c) is h[begin[row] + c], d * first[row // d] <= c <= row."""
    h[:] = 0.0
    w = np.empty(3)
    for r in range(n_free):
        i = node[r]
        for a in range(d):
            h[begin[r * d + a] + r * d + a] = shift + load[i * d + a]
        for q in range(offsets[i], offsets[i + 1]):
            j = neighbour[q]
            c = place[j]
            square = 0.0
            for a in range(d):
                w[a] = x[i * d + a] - x[j * d + a]
                square += w[a] * w[a]
            length = np.sqrt(square)
            stiff = k[edge[q]]
            tension = stiff * (1 - l[edge[q]] / length) if length > 0 else 0.0
            along = (stiff - tension) / square if length > 0 else 0.0
            for a in range(d):
                row = begin[r * d + a]
                for b in range(d):
                    value = along * w[a] * w[b]
                    if a == b:
                        value += tension
                    if b <= a:
                        h[row + r * d + b] += value
                    if 0 <= c < r:
                        h[row + c * d + b] -= value


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(h, a, b, n):
    total = 0.0
    for i in range(n):
        total += h[a + i] * h[b + i]
    return total


@njit
def _factor(n, d, first, begin, h):
    """Cholesky factor in place. False if the matrix is not positive definite."""
    for r in range(n):
        row, low = begin[r], d * first[r // d]
        for c in range(low, r):
            column = begin[c]
            start = max(low, d * first[c // d])
            h[row + c] = (h[row + c] - _dot(h, row + start, column + start, c - start)) / h[column + c]
        pivot = h[row + r] - _dot(h, row + low, row + low, r - low)
        if not pivot > 0:
            return False
        h[row + r] = np.sqrt(pivot)
    return True


@njit
def _solve(n, d, first, begin, h, y):
    """y in place, by the factor."""
    for r in range(n):
        row = begin[r]
        total = y[r]
        for c in range(d * first[r // d], r):
            total -= h[row + c] * y[c]
        y[r] = total / h[row + r]
    for r in range(n - 1, -1, -1):
        row = begin[r]
        y[r] /= h[row + r]
        for c in range(d * first[r // d], r):
            y[c] -= h[row + c] * y[r]


@njit
def _settle_one(n_nodes, n_free, d, steps, goal, stiffest, k, l, offsets, neighbour, edge, node, place, first, begin, pull, load, x):
    """The largest force left at a free node, and steps taken; x in place."""
    n = n_free * d
    h, g, y, trial, other = np.empty(begin[n]), np.empty(n), np.empty(n), x.copy(), np.empty(n)
    energy = _forces(n_nodes, d, k, l, offsets, neighbour, edge, place, pull, load, x, g)
    left = np.abs(g).max() if n else 0.0
    shift, last, kept = 0.0, 0.0, False
    for step in range(steps):
        if left <= goal:
            return left, step
        if not kept:
            shift = 0.0
            while shift < LARGEST * stiffest:
                _hessian(n_free, d, k, l, offsets, neighbour, edge, node, place, first, begin, load, x, shift, h)
                if _factor(n, d, first, begin, h):
                    break
                shift = 10 * shift if shift > 0 else max(last / 10, LEAST * stiffest)
                last = shift
            if not shift < LARGEST * stiffest:
                return left, step
        copy(g, y)
        _solve(n, d, first, begin, h, y)
        length, fell = 1.0, False
        for _ in range(40):
            for r in range(n_free):
                for a in range(d):
                    trial[node[r] * d + a] = x[node[r] * d + a] - length * y[r * d + a]
            new = _forces(n_nodes, d, k, l, offsets, neighbour, edge, place, pull, load, trial, other)
            force = np.abs(other).max()
            # close to the minimum energies are equal to rounding; then the force decides
            fell = new < energy or (new <= energy + EVEN * abs(energy) and force < left)
            if fell or kept:
                break
            length /= 2
        if fell:
            x[:], g[:], energy = trial, other, new
            kept = shift == 0 and length == 1 and force <= KEEP * left
            left = force
        elif kept:
            kept = False  # a factor that was used once too often
        else:
            return left, step  # rounding is all there is to gain
    return left, steps


@njit
def _own(values, count, s):
    """What sample s has of `values`, which are those of `count` samples, or of all."""
    each = len(values) // count
    return values[s * each : (s + 1) * each] if count > 1 else values


@njit
def _span(n_free, n_edges, k, l, offsets, neighbour, edge, node, place, fault):
    """The largest stiffness and rest length; flags what is no such number, and free nodes that no stiff springs join to a held one."""
    stiffest, longest = 0.0, 0.0
    for e in range(n_edges):
        _fits(k[e], l[e], fault)
        stiffest, longest = max(stiffest, k[e]), max(longest, l[e])
    if (k[:n_edges] == 0).any():
        reached, last = 0, -1
        path = np.zeros(n_free, np.bool_)
        while reached > last:
            last = reached
            for r in range(n_free):
                i = node[r]
                for q in range(offsets[i], offsets[i + 1]):
                    at = place[neighbour[q]]
                    if not path[r] and k[edge[q]] > 0 and (at < 0 or path[at]):
                        path[r] = True
                        reached += 1
        if reached < n_free:
            fault[0] = max(fault[0], FLOATING)
    return stiffest, longest


@njit
def _fits(stiff, rest, fault):
    """Flag a stiffness or a rest length that is negative or not finite."""
    if not (stiff >= 0 and np.isfinite(stiff)):
        fault[0] = max(fault[0], NO_STIFFNESS)
    if not (rest >= 0 and np.isfinite(rest)):
        fault[0] = max(fault[0], NO_LENGTH)


@njit(parallel=True, work=lambda batch, n_nodes, n_free, n_edges, dimension, n_held, starts, pulls, loads, steps, *_: (
    (batch > 1) * batch * steps * (n_free * dimension + 8) ** 3))
def pnn_springs_settle(batch, n_nodes, n_free, n_edges, dimension, n_held, starts, pulls, loads, steps, tolerance, told, k, l, offsets,
                       neighbour, edge, node, place, first, begin, held, start, pull, load, work, x, left, taken, fault):  # fmt: skip
    """Each sample by Newton's method in an envelope; `work` is not needed."""
    each, d = n_nodes * dimension, dimension
    stiffest, longest = _span(n_free, n_edges, k, l, offsets, neighbour, edge, node, place, fault)
    for s in prange(batch):
        begins = s * each if starts > 1 else 0
        for i in range(n_nodes):
            for a in range(d):
                at = place[i]
                x[s * each + i * d + a] = held[(s * n_held - 1 - at) * d + a] if at < 0 else start[begins + i * d + a]
    scale = stiffest * longest
    if scale == 0:
        scale = stiffest * np.abs(x).max()
    for s in prange(batch):
        own = slice(s * each, (s + 1) * each)
        over, taken[s] = _settle_one(n_nodes, n_free, d, steps, tolerance * scale, stiffest, k, l, offsets, neighbour, edge, node, place,
                                     first, begin, _own(pull, pulls, s), _own(load, loads, s), x[own])  # fmt: skip
        left[s] = over / scale if scale > 0 else np.nan
    if told and not (left <= tolerance).all():
        fault[0] = max(fault[0], RESTLESS)


@njit
def _respond_one(n_nodes, n_free, d, k, l, offsets, neighbour, edge, node, place, first, begin, load, x, y):
    """Displacements for forces y, in place; False where the Hessian is not positive definite."""
    n = n_free * d
    h, by_row = np.empty(begin[n]), np.empty(n)
    _hessian(n_free, d, k, l, offsets, neighbour, edge, node, place, first, begin, load, x, 0.0, h)
    if not _factor(n, d, first, begin, h):
        return False
    for r in range(n_free):
        copy(y[node[r] * d : (node[r] + 1) * d], by_row[r * d : (r + 1) * d])
    _solve(n, d, first, begin, h, by_row)
    for r in range(n_free):
        copy(by_row[r * d : (r + 1) * d], y[node[r] * d : (node[r] + 1) * d])
    return True


@njit(parallel=True, work=lambda batch, n_nodes, n_free, n_edges, dimension, *_: (batch > 1) * batch * (n_free * dimension + 8) ** 3)
def pnn_springs_respond(batch, n_nodes, n_free, n_edges, dimension, loads, k, l, offsets, neighbour, edge, node, place, first, begin, load,
                        work, x, y, stable, fault):  # fmt: skip
    """Each sample's Hessian factorised once; `work` is not needed."""
    each = n_nodes * dimension
    for e in range(n_edges):
        _fits(k[e], l[e], fault)
    for s in prange(batch):
        own = slice(s * each, (s + 1) * each)
        stable[s] = _respond_one(n_nodes, n_free, dimension, k, l, offsets, neighbour, edge, node, place, first, begin,
                                 _own(load, loads, s), x[own], y[own])  # fmt: skip
