"""CPU twin of pbit.cu: the same decisions, draw by draw."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import bernoulli, block, exp_neg, fma, inline

i8 = np.int64


@inline
def spin_chance(x):
    """P(s = +1) = 1 / (1 + exp(-2 x))."""
    y = 2.0 * abs(x)
    e = exp_neg(y) if y < 700.0 else 0.0
    p = 1.0 / (1.0 + e)
    return 1.0 - p if x < 0 else p


@njit(parallel=True, error_model="numpy")
def pnn_pbit_sweep(samples, nodes, field_rows, colours, sweeps, key0, key1, sweep0, sample0, index, colour_first, order, first, neighbour,
                   coupling, field, beta, state, total):  # fmt: skip
    """Gibbs sweeps of +-1 spins, colour by colour, in place."""
    for s in prange(samples):
        mine = state[s * nodes : (s + 1) * nodes]
        own = field[s * nodes : (s + 1) * nodes] if field_rows > 1 else field[:nodes]
        sample = index[s] if index.size else sample0 + s
        for n in range(sweeps):
            for k in range(colour_first[0], colour_first[colours]):
                i = order[k]
                x = np.float64(own[i])
                for e in range(first[i], first[i + 1]):
                    x = fma(np.float64(coupling[e]), np.float64(mine[neighbour[e]]), x)
                w = block(key0, key1, (sweep0 + n) * nodes + i, sample)
                mine[i] = 1 if bernoulli(spin_chance(beta[n] * x), w[0], w[1]) else -1
            if total.size:
                for i in range(nodes):
                    total[s * nodes + i] += mine[i]
