"""CPU twin of potts.cu: the same decisions, draw by draw, with sixteen chains as lanes as in pbit.py."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import inline
from .lanes import (
    LANES,
    add,
    draw,
    equal,
    least,
    load,
    longs,
    most,
    mul,
    reached,
    spread,
    store,
    sub,
    uniform,
    where,
    words,
)
from .pbit import LARGEST, ONE, ZERO, aligned, exp_neg, f4, i1, i8, lane_samples, spin_gain, u4, u8

NEVER = f4(80)


@inline
def _draw(states, w, gain, word):
    """A state for each lane, from the fields of each in w, which are overwritten."""
    top = load(w, 0)
    for a in range(1, states):
        top = most(load(w, a * LANES), top)
    top = least(top, spread(LARGEST))
    total = spread(ZERO)
    for a in range(states):
        short_of = least(sub(top, load(w, a * LANES)), spread(LARGEST))
        weight = exp_neg(least(mul(short_of, gain), spread(NEVER)))
        store(w, a * LANES, weight)
        total = add(total, weight)
    level = mul(uniform(word), total)
    state, reach = spread(ZERO), spread(ZERO)
    for a in range(states - 1):
        reach = add(reach, load(w, a * LANES))
        state = where(reached(reach, level), add(state, spread(ONE)), state)
    return state


@inline
def _visit(i, word, gain, each, states, own, fields, offsets, neighbour, coupling, w, s):
    """Draw the state of node i, unless it is -1."""
    if i >= 0:
        for a in range(states):
            at = i8(i) * states + a
            field = load(fields, at * LANES) if each else spread(own[at])
            for e in range(offsets[i], offsets[i + 1]):
                here = equal(load(s, i8(neighbour[e]) * LANES), spread(f4(a)))
                field = where(here, add(field, spread(coupling[e])), field)
            store(w, a * LANES, field)
        store(s, i8(i) * LANES, _draw(states, w, gain, word))


@njit(error_model="numpy")
def _chains(rows, nodes, each, states, colours, sweeps, key0, key1, sweep0, sample, quad_first, visit, offsets, neighbour, coupling, field,
            beta, state):  # fmt: skip
    """All sweeps of up to sixteen chains: their states lie (node, chain), a register for each node."""
    values = nodes * states
    s, w, fields = aligned(nodes * LANES), aligned(states * LANES), aligned(values * LANES if each else 0)
    for l in range(LANES):
        row = min(l, rows - 1)
        for i in range(nodes):
            s[i * LANES + l] = state[row * nodes + i]
        if each:
            for i in range(values):
                fields[i * LANES + l] = field[row * values + i]
    even, odd = longs(sample, 0), longs(sample, LANES // 2)
    k0, k1, z = u8(key0), u8(key1), np.empty(4 * LANES, u4)
    for n in range(sweeps):
        gain, block0 = spread(spin_gain(beta[n])), (sweep0 + n) * nodes
        for q in range(quad_first[colours]):
            draw(k0, k1, u8(block0 + q), even, odd, z)
            for j in range(4):
                _visit(visit[4 * q + j], words(z, j * LANES), gain, each, states, field, fields, offsets, neighbour, coupling, w, s)
    for l in range(rows):
        for i in range(nodes):
            state[l * nodes + i] = i1(s[i * LANES + l])


@njit(
    parallel=True, error_model="numpy",
    work=lambda samples, nodes, field_rows, states, colours, sweeps, *_: (samples > LANES) * samples * sweeps * nodes * (nodes + 50) * states,
)  # fmt: skip
def pnn_potts_sweep(samples, nodes, field_rows, states, colours, sweeps, kept, pad, key0, key1, key, sweep0, sample0, index, quad_first,
                    visit, offsets, neighbour, coupling, field, beta, state, fault):  # fmt: skip
    """Gibbs sweeps of Potts spins, colour by colour, in place."""
    if key.size:
        key0, key1 = key[0], key[1]
    for group in prange((samples + LANES - 1) // LANES):
        row = group * LANES
        rows, each, sample = min(LANES, samples - row), field_rows > 1, np.empty(LANES, u8)
        lane_samples(row, rows, sample0, index, sample)
        own = field[row * nodes * states : (row + rows) * nodes * states] if each else field
        _chains(rows, nodes, each, states, colours, sweeps, key0, key1, sweep0, sample, quad_first, visit, offsets, neighbour, coupling, own,
                beta, state[row * nodes : (row + rows) * nodes])  # fmt: skip
