"""CPU twin of pbit.cu: the same decisions, draw by draw. Sixteen chains at a time go through all sweeps, as lanes of registers."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import inline
from .lanes import (
    LANES,
    MANY_REGISTERS,
    absolute,
    add,
    below,
    div,
    draw,
    draw_quarters,
    fma,
    halved,
    join,
    least,
    load,
    load_quarter,
    longs,
    minus,
    mul,
    negative,
    number,
    quarter_longs,
    same,
    split,
    spread,
    spread_quarter,
    store,
    where,
    whole,
    words,
)

i1, i4, i8, u4, u8, f4 = np.int8, np.int32, np.int64, np.uint32, np.uint64, np.float32

FEW = 4  # chains that lie side by side where there are no more
MANY = 1 << 16  # sums of as many spins are exact in float32
ZERO, ONE, HALF, MINUS, SURE = f4(0), f4(1), f4(0.5), f4(-1), f4(24)
MOST = 3.4028234e38
LARGEST = f4(MOST)
INVERSE_LN2, LN2, LN2_LOW, SCALE = f4(1.44269504), f4(0.693147182), f4(-1.90465421e-9), f4(-(2.0**32))
EXP = tuple(f4(x) for x in (1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1, 1))


@inline
def exp_neg(y):
    """exp(-y), 0 <= y <= 80."""
    n = whole(fma(y, spread(INVERSE_LN2), spread(HALF)))
    m = number(n)
    r = fma(m, spread(LN2_LOW), fma(m, spread(LN2), mul(y, spread(MINUS))))
    p = fma(spread(EXP[0]), r, spread(EXP[1]))
    p = fma(p, r, spread(EXP[2]))
    p = fma(p, r, spread(EXP[3]))
    p = fma(p, r, spread(EXP[4]))
    p = fma(p, r, spread(EXP[5]))
    p = fma(p, r, spread(EXP[6]))
    p = fma(p, r, spread(EXP[7]))
    return halved(p, n)


@inline
def spin(field, gain, word):
    """+1 or -1: the sign of the field, unless the word is below 2^32 / (1 + exp(gain |field|))."""
    y = least(mul(least(absolute(field), spread(LARGEST)), gain), spread(SURE))
    e = exp_neg(y)
    against = minus(whole(mul(div(e, add(spread(ONE), e)), spread(SCALE))))
    return where(same(below(word, against), negative(field)), spread(ONE), spread(MINUS))


@inline
def spin_gain(gain):
    """In float32, however large."""
    return f4(min(gain, MOST))


@inline
def aligned(size):
    """So many float32, from a boundary of cache lines on and up to one."""
    room = np.empty(size + 2 * LANES, f4)
    start = -(i8(room.ctypes.data) // 4) % LANES
    return room[start : start + (size + LANES - 1) // LANES * LANES]


@inline
def lane_samples(row, rows, sample0, index, out):
    """Global indices of sixteen rows, those of even lanes first; lanes without a row repeat the last one."""
    for l in range(LANES):
        known = row + min(l, rows - 1)
        out[l // 2 + l % 2 * (LANES // 2)] = index[known] if index.size else sample0 + known


# ------------------------------------------------------------------------------------------------------------------------- any graph
@inline
def _field(i, load, spread, side, each, own, fields, width, first, other, coupling, s):
    """The field of node i in `side` chains."""
    at = u8(i)  # unsigned, or Numba looks at every index whether it counts from the end
    field = load(fields, at * u8(side)) if each else spread(own[at])
    if width == 1:
        for e in range(u8(first[at]), u8(first[at + u8(1)])):
            field = fma(spread(coupling[e]), load(s, i8(other[e]) * side), field)
        return field
    for e in range(first[at], first[at + u8(1)]):
        product = load(s, i8(other[e * width]) * side)
        for m in range(e * width + 1, (e + 1) * width):
            if other[m] < 0:
                break
            product = mul(product, load(s, i8(other[m]) * side))
        field = fma(spread(coupling[e]), product, field)
    return field


@inline
def _sixteen(key0, key1, n, sample, z, node, gain, each, own, fields, width, first, other, coupling, s):
    """Draw the nodes of a quad, those that are not -1, in sixteen chains: a register for each node."""
    draw(key0, key1, n, longs(sample, 0), longs(sample, LANES // 2), z)
    for j in range(4):
        i = node[j]
        if i >= 0:
            field = _field(i, load, spread, LANES, each, own, fields, width, first, other, coupling, s)
            store(s, i8(i) * LANES, spin(field, gain, words(z, j * LANES)))


@inline
def _four_of(i, each, own, fields, width, first, other, coupling, s):
    if i < 0:
        return spread_quarter(ZERO)
    return _field(i, load_quarter, spread_quarter, FEW, each, own, fields, width, first, other, coupling, s)


@inline
def _four(key0, key1, n, sample, z, node, gain, each, own, fields, width, first, other, coupling, s):
    """Draw the nodes of a quad in four chains: all in one register."""
    a = _four_of(node[0], each, own, fields, width, first, other, coupling, s)
    b = _four_of(node[1], each, own, fields, width, first, other, coupling, s)
    c = _four_of(node[2], each, own, fields, width, first, other, coupling, s)
    d = _four_of(node[3], each, own, fields, width, first, other, coupling, s)
    drawn = split(spin(join(a, b, c, d), gain, draw_quarters(key0, key1, n, quarter_longs(sample, 0))))
    if node[0] >= 0:
        store(s, i8(node[0]) * FEW, drawn[0])
    if node[1] >= 0:
        store(s, i8(node[1]) * FEW, drawn[1])
    if node[2] >= 0:
        store(s, i8(node[2]) * FEW, drawn[2])
    if node[3] >= 0:
        store(s, i8(node[3]) * FEW, drawn[3])


@inline
def _add(rows, nodes, side, sums, total):
    """Add the sums to total, and forget them."""
    for l in range(rows):
        for i in range(nodes):
            total[l * nodes + i] += i4(sums[i * side + l])
    sums[:] = 0


@inline
def _sweeps(visit_quad, side, rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other,
            coupling, field, beta, state, total):  # fmt: skip
    """All sweeps of up to `side` chains, whose spins lie (node, chain)."""
    s, fields, sums = aligned(nodes * side), aligned(nodes * side if each else 0), aligned(nodes * side if total.size else 0)
    for i in range(nodes):
        for l in range(side):
            s[i * side + l] = state[min(l, rows - 1) * nodes + i]
            if each:
                fields[i * side + l] = field[min(l, rows - 1) * nodes + i]
    k0, k1, z = u8(key0), u8(key1), np.empty(4 * LANES, u4)
    sums[:] = 0
    for n in range(sweeps):
        gain, block0 = spread(spin_gain(2.0 * beta[n])), (sweep0 + n) * nodes
        for q in range(quad_first[colours]):
            node = visit[4 * q : 4 * q + 4]
            visit_quad(k0, k1, u8(block0 + q), sample, z, node, gain, each, field, fields, width, first, other, coupling, s)
        for i in range(0, sums.size, LANES):
            store(sums, i, add(load(sums, i), load(s, i)))
        if total.size and (n % MANY == MANY - 1 or n == sweeps - 1):
            _add(rows, nodes, side, sums, total)
    for l in range(rows):
        for i in range(nodes):
            state[l * nodes + i] = i1(s[i * side + l])


@njit(error_model="numpy")
def _many_chains(rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling, field,
                 beta, state, total):  # fmt: skip
    _sweeps(_sixteen, LANES, rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling,
            field, beta, state, total)  # fmt: skip


@njit(error_model="numpy")
def _few_chains(rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling, field,
                beta, state, total):  # fmt: skip
    _sweeps(_four, FEW, rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling,
            field, beta, state, total)  # fmt: skip


@njit(
    parallel=True, error_model="numpy",
    work=lambda samples, nodes, field_rows, colours, sweeps, *_: (samples > LANES) * samples * sweeps * nodes * (nodes + 20),
)  # fmt: skip
def pnn_pbit_sweep(samples, nodes, field_rows, colours, sweeps, width, kept, pad, key0, key1, key, sweep0, sample0, index, quad_first, visit,
                   first, other, coupling, field, beta, state, total, fault):  # fmt: skip
    """Gibbs sweeps of +-1 spins, colour by colour, in place. What is given was looked at before."""
    if key.size:
        key0, key1 = key[0], key[1]
    for group in prange((samples + LANES - 1) // LANES):
        row = group * LANES
        rows, each, sample = min(LANES, samples - row), field_rows > 1, np.empty(LANES, u8)
        here = slice(row * nodes, (row + rows) * nodes)
        own = field[here] if each else field
        if rows > FEW:
            lane_samples(row, rows, sample0, index, sample)
            _many_chains(rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling, own,
                         beta, state[here], total[here])  # fmt: skip
        else:
            for l in range(FEW):
                known = row + min(l, rows - 1)
                sample[l] = index[known] if index.size else sample0 + known
            _few_chains(rows, nodes, each, colours, sweeps, width, key0, key1, sweep0, sample, quad_first, visit, first, other, coupling, own,
                        beta, state[here], total[here])  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------------- dense layers
@inline
def _own(i, each, field, nodes, row, rows, gathered):
    """Fields of node i in sixteen rows; 0 where i is -1."""
    if i < 0:
        return spread(ZERO)
    if not each:
        return spread(field[i])
    for l in range(LANES):
        gathered[l] = field[(row + min(l, rows - 1)) * nodes + i]
    return load(gathered, 0)


@inline
def _put(i, field, gain, word, s):
    if i >= 0:
        store(s, i8(i) * LANES, spin(field, gain, word))


@njit(error_model="numpy")
def _panel(rows, row, nodes, each, inputs, key0, key1, block0, sample, node, input_, weight, field, beta, s):
    """Fields and states of the eight nodes of a panel in sixteen chains."""
    gathered, z = np.empty(LANES, f4), np.empty(4 * LANES, u4)
    a = _own(node[0], each, field, nodes, row, rows, gathered)
    b = _own(node[1], each, field, nodes, row, rows, gathered)
    c = _own(node[2], each, field, nodes, row, rows, gathered)
    d = _own(node[3], each, field, nodes, row, rows, gathered)
    e = _own(node[4], each, field, nodes, row, rows, gathered)
    f = _own(node[5], each, field, nodes, row, rows, gathered)
    g = _own(node[6], each, field, nodes, row, rows, gathered)
    h = _own(node[7], each, field, nodes, row, rows, gathered)
    if MANY_REGISTERS:
        for k in range(inputs):
            x = load(s, i8(input_[k]) * LANES)
            a = fma(spread(weight[8 * k]), x, a)
            b = fma(spread(weight[8 * k + 1]), x, b)
            c = fma(spread(weight[8 * k + 2]), x, c)
            d = fma(spread(weight[8 * k + 3]), x, d)
            e = fma(spread(weight[8 * k + 4]), x, e)
            f = fma(spread(weight[8 * k + 5]), x, f)
            g = fma(spread(weight[8 * k + 6]), x, g)
            h = fma(spread(weight[8 * k + 7]), x, h)
    else:  # half of the nodes at a time
        for k in range(inputs):
            x = load(s, i8(input_[k]) * LANES)
            a = fma(spread(weight[8 * k]), x, a)
            b = fma(spread(weight[8 * k + 1]), x, b)
            c = fma(spread(weight[8 * k + 2]), x, c)
            d = fma(spread(weight[8 * k + 3]), x, d)
        for k in range(inputs):
            x = load(s, i8(input_[k]) * LANES)
            e = fma(spread(weight[8 * k + 4]), x, e)
            f = fma(spread(weight[8 * k + 5]), x, f)
            g = fma(spread(weight[8 * k + 6]), x, g)
            h = fma(spread(weight[8 * k + 7]), x, h)
    even, odd, gain = longs(sample, 0), longs(sample, LANES // 2), spread(spin_gain(2.0 * beta))
    draw(u8(key0), u8(key1), u8(block0), even, odd, z)
    _put(node[0], a, gain, words(z, 0), s)
    _put(node[1], b, gain, words(z, LANES), s)
    _put(node[2], c, gain, words(z, 2 * LANES), s)
    _put(node[3], d, gain, words(z, 3 * LANES), s)
    draw(u8(key0), u8(key1), u8(block0 + 1), even, odd, z)
    _put(node[4], e, gain, words(z, 0), s)
    _put(node[5], f, gain, words(z, LANES), s)
    _put(node[6], g, gain, words(z, 2 * LANES), s)
    _put(node[7], h, gain, words(z, 3 * LANES), s)


@njit(
    parallel=True, error_model="numpy",
    work=lambda samples, nodes, field_rows, panels, inputs, *_: 8 * samples * panels * (inputs + 20),
)  # fmt: skip
def pnn_pbit_layer(samples, nodes, field_rows, panels, inputs, key0, key1, key, block0, sample0, index, visit, input_, coupling, field, beta,
                   state):  # fmt: skip
    """One colour of one sweep, whose nodes have nearly all the same neighbours: panels of eight nodes by sixteen chains."""
    if key.size:
        key0, key1 = key[0], key[1]
    groups = (samples + LANES - 1) // LANES
    for task in prange(groups * panels):
        group, p = task // panels, task % panels
        row = group * LANES
        rows, sample = min(LANES, samples - row), np.empty(LANES, u8)
        lane_samples(row, rows, sample0, index, sample)
        weight, s = coupling[8 * p * inputs : 8 * (p + 1) * inputs], state[row * nodes : (row + LANES) * nodes]
        _panel(rows, row, nodes, field_rows > 1, inputs, key0, key1, block0 + 2 * p, sample, visit[8 * p : 8 * p + 8], input_, weight, field,
               beta[0], s)  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------------- differences
def pnn_pbit_contrast(samples, nodes, below, a, b, first, second, moved, field):
    """How states differ, as factors and sums."""
    a, b = a.reshape(samples, nodes), b.reshape(samples, nodes)
    first, second = first.reshape(2, samples, below), second.reshape(2, samples, nodes - below)
    first[0], first[1] = a[:, :below], b[:, :below]
    second[0] = a[:, below:]
    np.negative(b[:, below:], out=second[1], casting="unsafe")
    np.subtract(a[:, :below], b[:, :below], out=moved.reshape(samples, below), casting="unsafe")
    field[...] = a.sum(axis=0, dtype=np.int64) - b.sum(axis=0, dtype=np.int64)
