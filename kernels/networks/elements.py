"""CPU twin of elements.cu: one sample per thread, its nodes in the order of their colours."""

import numpy as np
from numba import prange

from .._jit import njit, with_functions
from ..scalar import own_f, own_slope
from .graph_sweep import CLOSER, SMALLEST, UNSETTLED, farther, first_order


def _net(f, slope):
    @njit(error_model="numpy")
    def _element_net(i, u, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven):
        """Net current out of node i at voltage u, and its slope."""
        net, rate = load * u - driven, load
        for k in range(offsets[i], offsets[i + 1]):
            e, s = edge[k], sense[k]
            w = s * (u - v[neighbour[k]])
            resistor = ohmic[e] != 0.0
            net += s * g[e] * (w if resistor else f(w, constants))
            rate += g[e] * (1.0 if resistor else slope(w, constants))
        return net, rate

    return _element_net


def _root(net):
    @njit(error_model="numpy")
    def _element_root(i, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven):
        """Where the net current vanishes: by Newton's steps, as long as each halves what is left; else by halving where it lies."""
        u = v[i]
        low = high = u
        left, rate = net(i, u, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven)
        for k in range(offsets[i], offsets[i + 1]):
            low, high = min(low, v[neighbour[k]]), max(high, v[neighbour[k]])
        small = 4e-16 * (abs(low) + abs(high))
        for _ in range(8):
            if not rate > 0:
                break
            following = u - left / rate
            after, then = net(i, following, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven)
            if abs(left / rate) <= small:
                return following
            if not abs(after) <= abs(left) / 2:
                break
            u, left, rate = following, after, then
        span = high - low if high > low else 1.0
        for _ in range(60):
            if not net(i, low, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven)[0] > 0:
                break
            low -= span
            span *= 2
        for _ in range(60):
            if not net(i, high, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven)[0] < 0:
                break
            high += span
            span *= 2
        u = u if low < u < high else low + (high - low) / 2
        last = before = high - low
        for _ in range(200):
            left, rate = net(i, u, v, g, ohmic, constants, offsets, neighbour, edge, sense, load, driven)
            if left == 0 or left != left:
                return u
            if left > 0:
                high = u
            else:
                low = u
            following = u - left / rate
            step = abs(following - u)
            if not (rate > 0 and low < following < high and step < before / 2):
                following = low + (high - low) / 2
                step = abs(following - u)
            before, last = last, step
            if step <= small or following == u:
                return following
            u = following
        return u

    return _element_root


@with_functions(own_f, own_slope)
def pnn_elements_sweep(f, slope):
    net_of = _net(f, slope)
    root = _root(net_of)

    @njit(parallel=True, work=lambda batch, n_nodes, colours, sweeps, *_: (batch > 1) * 1000 * batch * n_nodes * sweeps, error_model="numpy")
    def pnn_elements_sweep(batch, n_nodes, colours, sweeps, kept, tolerance, relaxation, enough, told, g, ohmic, constants, offsets,
                           neighbour, edge, sense, order, first, load, low, high, driven, scale, v, taken, left, fault):  # fmt: skip
        for s in prange(batch):
            own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
            small, taken[s] = tolerance * scale[s], 0
            while True:
                largest = np.inf
                while not largest <= small and taken[s] < sweeps:
                    largest = 0.0
                    for i in order:
                        u = root(i, own, g, ohmic, constants, offsets, neighbour, edge, sense, load[i], into[i])
                        u = min(max(own[i] + relaxation * (u - own[i]), low[i]), high[i])
                        largest = max(largest, abs(u - own[i]))
                        own[i] = u
                    taken[s] += 1
                over = 0.0
                for i in order:
                    net, rate = net_of(i, own[i], own, g, ohmic, constants, offsets, neighbour, edge, sense, load[i], into[i])
                    over = farther(over, first_order(own[i], net, rate, low[i], high[i]))
                left[s], small = over / scale[s], small / CLOSER
                if not enough > 0 or left[s] <= enough or taken[s] >= sweeps or small < SMALLEST * scale[s]:
                    break
        if told and not (left <= enough).all():
            fault[0] = UNSETTLED

    return pnn_elements_sweep


@with_functions(own_f, own_slope)
def pnn_elements_sweep_left(f, slope):
    net_of = _net(f, slope)

    @njit(parallel=True, work=lambda batch, n_nodes, *_: 200 * batch * n_nodes, error_model="numpy")
    def pnn_elements_sweep_left(batch, n_nodes, g, ohmic, constants, offsets, neighbour, edge, sense, free, load, low, high, driven, v, out):
        for s in prange(batch):
            own, into = v[s * n_nodes : (s + 1) * n_nodes], driven[s * n_nodes : (s + 1) * n_nodes]
            for i in range(n_nodes):
                left = 0.0
                if free[i]:
                    net, rate = net_of(i, own[i], own, g, ohmic, constants, offsets, neighbour, edge, sense, load[i], into[i])
                    left = first_order(own[i], net, rate, low[i], high[i])
                out[s * n_nodes + i] = left

    return pnn_elements_sweep_left
