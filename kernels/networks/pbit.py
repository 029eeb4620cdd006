"""CPU twin of pbit.cu: the same decisions, draw by draw."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import bernoulli, block, exp_neg, fma, inline

i8 = np.int64


TILE = 256  # nodes of a colour that are worked on together: fields, then draws, then states, in loops that vectorise


@inline
def spin_chance(x):
    """P(s = +1) = 1 / (1 + exp(-2 x))."""
    y = 2.0 * abs(x)
    p = 1.0 / (1.0 + exp_neg(y if y < 600.0 else 600.0))
    return 1.0 - p if x < 0 else p


@njit(error_model="numpy")
def _visit(nodes, beta, key0, key1, element0, sample, own, first, neighbour, coupling, mine, x, up):
    """Draw the states of these nodes, none of them neighbours."""
    for k in range(nodes.size):
        i = nodes[k]
        total = np.float64(own[i])
        for e in range(first[i], first[i + 1]):
            total = fma(np.float64(coupling[e]), np.float64(mine[neighbour[e]]), total)
        x[k] = beta * total
    for k in range(nodes.size):
        x[k] = spin_chance(x[k])
    for k in range(nodes.size):
        w = block(key0, key1, element0 + nodes[k], sample)
        up[k] = bernoulli(x[k], w[0], w[1])
    for k in range(nodes.size):
        mine[nodes[k]] = 1 if up[k] else -1


@njit(parallel=True, error_model="numpy")
def pnn_pbit_sweep(samples, nodes, field_rows, colours, sweeps, key0, key1, sweep0, sample0, index, colour_first, order, first, neighbour,
                   coupling, field, beta, state, total):  # fmt: skip
    """Gibbs sweeps of +-1 spins, colour by colour, in place."""
    for s in prange(samples):
        x, up = np.empty(TILE, np.float64), np.empty(TILE, np.bool_)
        mine = state[s * nodes : (s + 1) * nodes]
        own = field[s * nodes : (s + 1) * nodes] if field_rows > 1 else field[:nodes]
        sample = index[s] if index.size else sample0 + s
        for n in range(sweeps):
            for c in range(colours):
                for k in range(colour_first[c], colour_first[c + 1], TILE):
                    part = order[k : min(k + TILE, colour_first[c + 1])]
                    _visit(part, beta[n], key0, key1, (sweep0 + n) * nodes, sample, own, first, neighbour, coupling, mine, x, up)
            if total.size:
                for i in range(nodes):
                    total[s * nodes + i] += mine[i]
