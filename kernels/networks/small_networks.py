"""CPU twin of small_networks.cu: the same factorisation, one network per thread."""

import numpy as np
from numba import prange

from .._jit import njit


@njit
def _solve_one(batch, n_nodes, n_free, place, edges, g, out):
    """One network: out (batch * n_nodes) holds the held voltages and receives the rest. Returns False if a node floats."""
    a = np.zeros((n_free, n_free))
    for e in range(len(g)):
        i, j = place[edges[2 * e]], place[edges[2 * e + 1]]
        if i >= 0:
            a[i, i] += g[e]
        if j >= 0:
            a[j, j] += g[e]
        if i >= 0 and j >= 0:
            a[max(i, j), min(i, j)] -= g[e]
    for r in range(n_free):
        for c in range(r + 1):
            total = a[r, c]
            for k in range(c):
                total -= a[r, k] * a[c, k]
            if c < r:
                a[r, c] = total / a[c, c]
            elif total > 0:
                a[r, r] = np.sqrt(total)
            else:
                return False
    x = np.empty(n_free)
    for s in range(batch):
        v = out[s * n_nodes : (s + 1) * n_nodes]
        x[:] = 0.0
        for e in range(len(g)):
            i, j = edges[2 * e], edges[2 * e + 1]
            if place[i] >= 0 and place[j] < 0:
                x[place[i]] += g[e] * v[j]
            if place[j] >= 0 and place[i] < 0:
                x[place[j]] += g[e] * v[i]
        for r in range(n_free):
            for c in range(r):
                x[r] -= a[r, c] * x[c]
            x[r] /= a[r, r]
        for r in range(n_free - 1, -1, -1):
            x[r] /= a[r, r]
            for c in range(r):
                x[c] -= a[r, c] * x[r]
        for i in range(n_nodes):
            if place[i] >= 0:
                v[i] = x[place[i]]
    return True


@njit(parallel=True, work=lambda networks, batch, n_nodes, n_edges, n_free, *_: 5 * networks * n_free**2 * (n_free + batch))
def pnn_small_networks_solve(networks, batch, n_nodes, n_edges, n_free, place, edges, conductance, work, out, fault):
    """Each network by a dense Cholesky factorisation of its grounded Laplacian, in float64; `work` is not needed."""
    each = batch * n_nodes
    fine = np.ones(networks, np.bool_)
    for m in prange(networks):
        g, v = conductance[m * n_edges : (m + 1) * n_edges], out[m * each : (m + 1) * each]
        fine[m] = _solve_one(batch, n_nodes, n_free, place, edges, g, v)
    if not fine.all():
        fault[0] = 60
