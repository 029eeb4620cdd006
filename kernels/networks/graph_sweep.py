"""CPU twin of graph_sweep.cu: one sample per thread, its nodes in the order of their colours."""

import numpy as np
from numba import prange

from .._jit import njit

UNSETTLED = 76  # a fault
SMALLEST, CLOSER = 1e-17, 20  # as in graph_sweep.cuh


@njit
def first_order(u, net, rate, low, high):
    """v - clip(v - net / slope, low, high) at voltage u; NaN stays NaN."""
    aim = u - (net / rate if rate > 0 else 0.0)
    return u - (low if aim < low else high if aim > high else aim)


@njit
def farther(left, step):
    """The larger of what is left and the size of a step; NaN if one is."""
    step = abs(step)
    return step if step > left or step != step else left


# ----------------------------------------------------------------------------------------------------------------------- diodes
@njit
def _diode_net(i, u, v, g, reverse, drop, offsets, neighbour, edge, sense, load, driven):
    """Net current out of node i at voltage u, and its slope."""
    net, rate = load * u - driven, load
    for k in range(offsets[i], offsets[i + 1]):
        e, s = edge[k], sense[k]
        w = s * (u - v[neighbour[k]])
        net += s * g[e] * reverse[e] * w
        rate += g[e] * reverse[e]
        if w > drop[e]:
            net += s * g[e] * (1 - reverse[e]) * (w - drop[e])
            rate += g[e] * (1 - reverse[e])
    return net, rate


@njit
def _diode_root(i, v, g, reverse, drop, offsets, neighbour, edge, sense, load, driven):
    """Where the net current vanishes: on the straight piece that the last voltage lies on, if it is there, else among all pieces."""
    net, rate = _diode_net(i, v[i], v, g, reverse, drop, offsets, neighbour, edge, sense, load, driven)
    if rate > 0:
        u = v[i] - net / rate
        same = True
        for k in range(offsets[i], offsets[i + 1]):
            t, s = v[neighbour[k]], sense[k]
            same = same and (s * (u - t) > drop[edge[k]]) == (s * (v[i] - t) > drop[edge[k]])
        if same:
            return u
    below, above, f_below, f_above = -np.inf, np.inf, 0.0, 0.0
    for k in range(offsets[i], offsets[i + 1]):
        t = v[neighbour[k]] + sense[k] * drop[edge[k]]
        f, _ = _diode_net(i, t, v, g, reverse, drop, offsets, neighbour, edge, sense, load, driven)
        if f <= 0 and t > below:
            below, f_below = t, f
        if f >= 0 and t < above:
            above, f_above = t, f
    if below > -np.inf and above < np.inf:
        if f_above > f_below:
            return below + (above - below) * (-f_below / (f_above - f_below))
        return min(max(v[i], below), above)
    right = below > -np.inf
    t, f, rate = (below, f_below, load) if right else (above, f_above, load)
    for k in range(offsets[i], offsets[i + 1]):
        e = edge[k]
        rate += g[e] * (1.0 if (sense[k] > 0) == right else reverse[e])
    return t - f / rate if rate > 0 else t


@njit(parallel=True, work=lambda batch, n_nodes, colours, sweeps, *_: (batch > 1) * 500 * batch * n_nodes * sweeps)
def pnn_graph_sweep_diode(batch, n_nodes, colours, sweeps, kept, tolerance, relaxation, enough, told, g, reverse, drop, offsets, neighbour,
                          edge, sense, order, first, load, low, high, driven, scale, v, taken, left, fault):  # fmt: skip
    """Each node to its root, in turn, until none moves by more than tolerance * scale, and no more than enough * scale is left."""
    for s in prange(batch):
        own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
        small, taken[s] = tolerance * scale[s], 0
        while True:
            largest = np.inf
            while not largest <= small and taken[s] < sweeps:
                largest = 0.0
                for i in order:
                    u = _diode_root(i, own, g, reverse, drop, offsets, neighbour, edge, sense, load[i], into[i])
                    u = min(max(own[i] + relaxation * (u - own[i]), low[i]), high[i])
                    largest = max(largest, abs(u - own[i]))
                    own[i] = u
                taken[s] += 1
            over = 0.0
            for i in order:
                net, rate = _diode_net(i, own[i], own, g, reverse, drop, offsets, neighbour, edge, sense, load[i], into[i])
                over = farther(over, first_order(own[i], net, rate, low[i], high[i]))
            left[s], small = over / scale[s], small / CLOSER
            if not enough > 0 or left[s] <= enough or taken[s] >= sweeps or small < SMALLEST * scale[s]:
                break
    if told and not (left <= enough).all():
        fault[0] = UNSETTLED


@njit(parallel=True, work=lambda batch, n_nodes, *_: 100 * batch * n_nodes)
def pnn_graph_sweep_diode_left(batch, n_nodes, g, reverse, drop, offsets, neighbour, edge, sense, free, load, low, high, driven, v, out):
    """v - clip(v - net / slope, low, high) at free nodes."""
    for s in prange(batch):
        own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
        for i in range(n_nodes):
            left = 0.0
            if free[i]:
                net, rate = _diode_net(i, own[i], own, g, reverse, drop, offsets, neighbour, edge, sense, load[i], into[i])
                left = first_order(own[i], net, rate, low[i], high[i])
            out[s * n_nodes + i] = left


# ------------------------------------------------------------------------------------------------------------------ transistors
@njit
def _transistor_net(i, v, u, strength, threshold, least, gate, offsets, neighbour, edge, load, driven):
    """The current that leaves the node at the voltage u."""
    total = load * u - driven
    for k in range(offsets[i], offsets[i + 1]):
        w = v[neighbour[k]]
        total += strength * max(gate[edge[k]] - threshold - (u + w) / 2, least) * (u - w)
    return total


@njit
def _transistor_slope(i, v, strength, threshold, least, gate, offsets, neighbour, edge, load, driven):
    """Net current out of node i, and its slope where all that conducts goes on conducting as it does."""
    net, rate = load * v[i] - driven, load
    for k in range(offsets[i], offsets[i + 1]):
        w = v[neighbour[k]]
        over = strength * max(gate[edge[k]] - threshold - (v[i] + w) / 2, least)
        net += over * (v[i] - w)
        rate += over
    return net, rate


@njit
def _downstream(i, v, strength, threshold, least, gate, offsets, neighbour, edge, load, driven):
    """The next voltage above, or below, at which the net current has changed its sign: C du/dt = -net goes there."""
    law = (strength, threshold, least, gate, offsets, neighbour, edge, load, driven)
    near, span = v[i], 0.0
    net = _transistor_net(i, v, near, *law)
    if net == 0:
        return near
    way = 1.0 if net < 0 else -1.0
    for k in range(offsets[i], offsets[i + 1]):
        span = max(span, abs(v[neighbour[k]] - near))
    if span == 0:
        span = 1.0
    far = near + way * span
    for _ in range(60):
        if way * _transistor_net(i, v, far, *law) >= 0:
            break
        span *= 2
        far = near + way * span
    for _ in range(60):
        middle = near + (far - near) / 2
        if way * _transistor_net(i, v, middle, *law) < 0:
            near = middle
        else:
            far = middle
    return far


@njit(error_model="numpy")  # NaN divided by 0, where voltages or currents are NaN, is NaN as in the kernel
def _transistor_root(i, v, strength, threshold, least, gate, offsets, neighbour, edge, load, driven):
    """The smaller root of the quadratic, with the transistors that conduct found by trial; where there is none, where the current leads."""
    u = v[i]
    for _ in range(8):
        square, linear, constant = 0.0, load, driven
        for k in range(offsets[i], offsets[i + 1]):
            w, a = v[neighbour[k]], gate[edge[k]] - threshold
            if a - (u + w) / 2 > least:
                square += strength
                linear += strength * a
                constant += strength * (a * w - w * w / 2)
            else:
                linear += strength * least
                constant += strength * least * w
        inside = linear * linear - 2 * square * constant
        following = 2 * constant / (linear + np.sqrt(inside)) if inside > 0 else linear / square
        same = inside > 0
        for k in range(offsets[i], offsets[i + 1]):
            w, a = v[neighbour[k]], gate[edge[k]] - threshold
            same = same and (a - (u + w) / 2 > least) == (a - (following + w) / 2 > least)
        u = following
        if same:
            return u
    return _downstream(i, v, strength, threshold, least, gate, offsets, neighbour, edge, load, driven)


@njit(parallel=True, work=lambda batch, n_nodes, colours, sweeps, *_: (batch > 1) * 500 * batch * n_nodes * sweeps)
def pnn_graph_sweep_transistor(batch, n_nodes, colours, sweeps, kept, tolerance, relaxation, enough, told, strength, threshold, least,
                               gate, offsets, neighbour, edge, sense, order, first, load, low, high, driven, scale, v, taken, left,
                               fault):  # fmt: skip
    """Each node to its root, in turn, until none moves by more than tolerance * scale, and no more than enough * scale is left."""
    for s in prange(batch):
        own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
        small, taken[s] = tolerance * scale[s], 0
        while True:
            largest = np.inf
            while not largest <= small and taken[s] < sweeps:
                largest = 0.0
                for i in order:
                    u = _transistor_root(i, own, strength, threshold, least, gate, offsets, neighbour, edge, load[i], into[i])
                    u = min(max(own[i] + relaxation * (u - own[i]), low[i]), high[i])
                    largest = max(largest, abs(u - own[i]))
                    own[i] = u
                taken[s] += 1
            over = 0.0
            for i in order:
                net, rate = _transistor_slope(i, own, strength, threshold, least, gate, offsets, neighbour, edge, load[i], into[i])
                over = farther(over, first_order(own[i], net, rate, low[i], high[i]))
            left[s], small = over / scale[s], small / CLOSER
            if not enough > 0 or left[s] <= enough or taken[s] >= sweeps or small < SMALLEST * scale[s]:
                break
    if told and not (left <= enough).all():
        fault[0] = UNSETTLED


@njit(parallel=True, work=lambda batch, n_nodes, *_: 100 * batch * n_nodes)
def pnn_graph_sweep_transistor_left(batch, n_nodes, strength, threshold, least, gate, offsets, neighbour, edge, sense, free, load, low, high,
                                    driven, v, out):  # fmt: skip
    """v - clip(v - net / slope, low, high) at free nodes."""
    for s in prange(batch):
        own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
        for i in range(n_nodes):
            left = 0.0
            if free[i]:
                net, rate = _transistor_slope(i, own, strength, threshold, least, gate, offsets, neighbour, edge, load[i], into[i])
                left = first_order(own[i], net, rate, low[i], high[i])
            out[s * n_nodes + i] = left
