"""CPU twin of edges.cu."""

import numpy as np
from numba import prange

from .._jit import njit

FLOATING, UNFIT = 77, 78  # faults: the higher one is told


@njit
def _product(e, columns, edges, a, b):
    """Sum over columns of (a_i - a_j)(b_i - b_j) for edge e, in float64."""
    i, j = edges[2 * e] * columns, edges[2 * e + 1] * columns
    total = 0.0
    for c in range(columns):
        total += (float(a[i + c]) - float(a[j + c])) * (float(b[i + c]) - float(b[j + c]))
    return total


@njit(parallel=True, work=lambda n_edges, columns, *_: 5 * n_edges * columns)
def pnn_edges_contrast(n_edges, columns, lanes, scale, edges, a, b, out):
    """out[e] = scale sum_c (a_i - a_j)(b_i - b_j), edge e = (i, j)."""
    for e in prange(n_edges):
        out[e] = scale * _product(e, columns, edges, a, b)


@njit(parallel=True, work=lambda n_edges, columns, *_: 5 * n_edges * columns)
def pnn_edges_update(n_edges, columns, lanes, scale, step, lower, upper, edges, a, b, conductance):
    """The same, added to the conductances (or one step in its direction), kept within [lower, upper]."""
    for e in prange(n_edges):
        change = scale * _product(e, columns, edges, a, b)
        if step > 0:
            change = step if change > 0 else -step if change < 0 else 0.0
        conductance[e] = min(max(float(conductance[e]) + change, lower), upper)


@njit(parallel=True, work=lambda n_nodes, columns, offsets, neighbour, *_: 5 * neighbour.size * columns)
def pnn_edges_laplacian(n_nodes, columns, offsets, neighbour, edge, free, conductance, v, out):
    """out = L v on free rows, 0 on the others."""
    for i in prange(n_nodes):
        for c in range(columns):
            out[i * columns + c] = 0.0
        if free[i]:
            for k in range(offsets[i], offsets[i + 1]):
                g = conductance[edge[k]]
                for c in range(columns):
                    out[i * columns + c] += g * (v[i * columns + c] - v[neighbour[k] * columns + c])


@njit
def pnn_edges_fit(n_nodes, n_edges, lowest, passes, offsets, neighbour, edge, free, value, marks, fault):
    """Flags values out of range, and nodes that no path of edges above 0 joins to a held one; `marks` are not needed."""
    reached, more = free == 0, not passes
    while more:
        more = False
        for i in range(n_nodes):
            for k in range(offsets[i], offsets[i + 1]):
                if not reached[i] and value[edge[k]] > 0 and reached[neighbour[k]]:
                    reached[i] = more = True
    if not (passes or reached.all()):
        fault[0] = FLOATING
    for e in range(n_edges):
        if not (value[e] >= lowest and np.isfinite(value[e])):
            fault[0] = UNFIT
