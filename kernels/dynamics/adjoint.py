"""CPU twin of adjoint.cu: tiles as in ode.py; each has its own row of the sums over samples."""

import numpy as np
from numba import prange

from .._jit import inner, njit, with_functions
from .ode import (
    FAST,
    LANES,
    SUMS,
    added,
    apart,
    copied,
    drawn,
    driven,
    evaluation,
    own_felt,
    own_rates,
    places,
    shares,
    stages_of,
    stepping,
)

inline = inner(error_model="numpy", fastmath=SUMS)


@inline
def own_rates_back(y, i, n, c, u, p, constants, g, gy, gc, gu, gp):
    total = p[i] - p[i]
    for l in range(y.shape[1]):
        gy[i, l] = -p[i] * g[n + i, l]
        gy[n + i, l] = g[i, l]
        gc[l] = g[n + i, l]
        gu[l] = g[n + i, l]
        total -= g[n + i, l] * y[i, l]
    gp[i] += total


@inline
def own_felt_back(own, other, weight, constants, gc, gown, gother, i, n, gp):
    total = weight - weight
    for l in range(gc.shape[0]):
        gother[l] += weight * gc[l]
        total += gc[l] * other[l]
    return total


@inline
def onto_velocities(n, half, g):
    """What cotangents of places that a velocity has moved add to the velocity's."""
    apart()
    for i in range(n):
        for l in range(g.shape[1]):
            g[n + i, l] += half * g[i, l]


@inline
def scaled(a, x, b, y, out):
    """out = a x + b y."""
    for j in range(out.shape[0]):
        for l in range(out.shape[1]):
            out[j, l] = a * x[j, l] + b * y[j, l]


@with_functions(own_rates, own_felt, own_rates_back, own_felt_back)
def pnn_adjoint_back(rates, felt, rates_back, felt_back):
    coupled, evaluate = evaluation(rates, felt)
    step = stepping(evaluate)

    @inline
    def evaluate_back(y, n, joined, weights, offsets, neighbour, edge, parameters, constants, u0, u1, part, c, u, g, ga, gc, gu, gp, gw, d0,
                      d1):  # fmt: skip
        """ga of cotangents g of the rates at a stage; what falls to parameters and constants, weights and the drive before and behind is
        added."""
        apart()
        channels, after = u0.shape[0], part
        before = 1 - part
        for i in range(n):
            j = i if channels > 1 else 0
            for l in range(u.shape[0]):
                u[l] = u0[j, l] + part * (u1[j, l] - u0[j, l])
            if joined:
                coupled(y, i, weights, offsets, neighbour, edge, constants, c)
            rates_back(y, i, n, c, u, parameters, constants, g, ga, gc[i], gu, gp)
            for l in range(u.shape[0]):
                d0[j, l] += before * gu[l]
                d1[j, l] += after * gu[l]
        if joined:
            for i in range(n):
                for k in range(offsets[i], offsets[i + 1]):
                    other, e = neighbour[k], edge[k]
                    gw[e] += felt_back(y[i], y[other], weights[e], constants, gc[i], ga[i], ga[other], i, n, gp)

    @njit(
        parallel=True, error_model="numpy", fastmath=FAST,
        work=lambda samples, n, steps, *_: (samples > LANES) * samples * steps * n * (n + 50),
    )  # fmt: skip
    def pnn_adjoint_back(samples, n, steps, every, segment, step0, method, team, times, channels, dt, constants, parameters, weights, offsets,
                         neighbour, edge, from_offsets, from_neighbour, from_edge, edges, both, ends, drive, noisy, sigma, key0, key1, key,
                         sample0, index, state, checkpoints, cotangent, history, by_state, by_parameters, by_weights, by_drive):  # fmt: skip
        if key.size > 0:
            key0, key1 = key[0], key[1]
        rows, real, each = state.size // samples, state.dtype, by_parameters.size // ((samples + LANES - 1) // LANES)
        records, kept, joined = steps // every, steps // segment, offsets.size > 0
        for tile in prange((samples + LANES - 1) // LANES):
            first = tile * LANES
            width = min(LANES, samples - first)
            h, root = real.type(dt), real.type(np.sqrt(dt))
            count, wide = stages_of(method), max(channels, 1)
            tiles, vectors = np.zeros((6 + noisy, rows, width), real), np.zeros((3 + n, width), real)  # each array that is made takes a second
            inputs, fours, ys = np.zeros((4, wide, width), real), np.zeros((2, 4), real), np.zeros((segment, count, rows, width), real)
            x, acc, k, g, gk, ga, z = tiles[0], tiles[1], tiles[2], tiles[3], tiles[4], tiles[5], tiles[5 + noisy]
            c, u, gu, gc = vectors[0], vectors[1], vectors[2], vectors[3:]
            u0, u1, d0, d1, at, part = inputs[0], inputs[1], inputs[2], inputs[3], fours[0], fours[1]
            numbers = np.zeros(width, np.uint64)
            places(method, at)
            shares(method, part)
            gp, gw = by_parameters[tile * each : (tile + 1) * each], by_weights[tile * edges : (tile + 1) * edges]
            for l in range(width):
                numbers[l] = index[first + l] if index.size > 0 else sample0 + first + l
            for piece in range((steps + segment - 1) // segment - 1, -1, -1):
                begin, end = piece * segment, min(steps, (piece + 1) * segment)
                for l in range(width):
                    for j in range(rows):
                        if piece > 0:
                            x[j, l] = checkpoints[((first + l) * kept + piece - 1) * rows + j]
                        else:
                            x[j, l] = state[(first + l) * rows + j]
                for t in range(begin, end):
                    if channels > 0:
                        driven(drive, first, times, channels, t, u0)
                        driven(drive, first, times, channels, t + 1, u1)
                    if noisy:
                        drawn(key0, key1, numbers, n, step0 + t, root, sigma, z)
                    step(method, h, at, part, x, ys[t - begin], np.int64(1), acc, k, c, u, z, noisy, n, joined, weights, offsets, neighbour,
                         edge, parameters, constants, u0, u1)  # fmt: skip
                for t in range(end - 1, begin - 1, -1):
                    if (t + 1) % every == 0:
                        for l in range(width):
                            to = ((first + l) * records + (t + 1) // every - 1) * rows
                            for j in range(rows):
                                g[j, l] += cotangent[to + j]
                    if channels > 0:
                        driven(drive, first, times, channels, t, u0)
                        driven(drive, first, times, channels, t + 1, u1)
                    for l in range(width):
                        for j in range(d0.shape[0]):
                            d0[j, l] = d1[j, l] = 0.0
                    if method == 1:
                        onto_velocities(n, h * at[0], g)
                    else:
                        copied(g, acc)
                        for j in range(rows):
                            for l in range(width):
                                ga[j, l] = 0.0
                    for s in range(count - 1, -1, -1):
                        if method == 1:
                            for i in range(n):
                                for l in range(width):
                                    gk[i, l] = 0.0
                                    gk[n + i, l] = h * g[n + i, l]
                        else:  # ga is 0 before the last stage
                            scaled(h * part[s], g, h * at[s + 1] if s + 1 < count else h * 0, ga, gk)
                        evaluate_back(ys[t - begin, s], n, joined, weights, offsets, neighbour, edge, parameters, constants, u0, u1, at[s], c,
                                      u, gk, ga, gc, gu, gp, gw, d0, d1)  # fmt: skip
                        if method == 1:
                            added(g, ga)
                            onto_velocities(n, h * at[0], g)
                        else:
                            added(acc, ga)
                    if method != 1:
                        copied(acc, g)
                    if by_drive.size > 0:
                        for l in range(width):
                            for j in range(channels):
                                to = ((first + l) * times + (t if times > 1 else 0)) * channels + j
                                by_drive[to] += d0[j, l]
                                by_drive[to + (channels if times > 1 else 0)] += d1[j, l]
            for l in range(width):
                for j in range(rows):
                    by_state[(first + l) * rows + j] = g[j, l]

    return pnn_adjoint_back
