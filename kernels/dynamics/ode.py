"""CPU twin of ode.cu: up to `LANES` samples side by side in one thread, each loop over them as long as a row of its arrays."""

import functools
from typing import Any

import numpy as np
from numba import prange, types
from numba.extending import intrinsic

from .._jit import inner, njit, with_functions
from ..random.draws import _normal4, _normal4_64

LANES = 64  # of a tile: longer rows spread the checks of what overlaps over more numbers
FAST = {"contract", "nsz"}
SUMS = {"contract", "nsz", "reassoc"}
inline = inner(error_model="numpy", fastmath=FAST)


@intrinsic
def apart(typingctx: Any) -> Any:
    """In a function: its callers call it. One function of all loops would take LLVM half a minute."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), emit


# ----------------------------------------------------------------------------------------- without a user's functions: springs and masses
@inline
def own_rates(y, i, n, c, u, p, constants, out):
    """q' = v, v' = c + u - p q."""
    stiff = p[i]
    for l in range(y.shape[1]):
        out[i, l] = y[n + i, l]
    for l in range(y.shape[1]):
        out[n + i, l] = c[l] + u[l] - stiff * y[i, l]


@inline
def own_felt(own, other, weight, constants, c):
    """What a node feels of another one: its first component."""
    for l in range(c.shape[0]):
        c[l] += weight * other[l]


# ------------------------------------------------------------------------------------------------------------------ what both twins share
@inline
def stages_of(method):
    """Of the methods 0 RK4, 1 leapfrog, 2 Heun."""
    return 4 if method == 0 else 1 if method == 1 else 2


@inline
def places(method, at):
    """Where in the step the stages are."""
    if method == 0:
        at[0], at[1], at[2], at[3] = 0.0, 0.5, 0.5, 1.0
    elif method == 1:
        at[0] = 0.5
    else:
        at[0], at[1] = 0.0, 1.0


@inline
def shares(method, part):
    """What the stages weigh."""
    if method == 0:
        part[0], part[1], part[2], part[3] = 1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0
    elif method == 1:
        part[0] = 1.0
    else:
        part[0], part[1] = 0.5, 0.5


@inline
def driven(drive, first, times, channels, t, out):
    """out[channel, lane] of the drive at time t; 0 where there is none."""
    apart()
    for l in range(out.shape[1]):
        at = ((first + l) * times + (t if times > 1 else 0)) * channels
        for j in range(channels):
            out[j, l] = drive[at + j]


@inline
def between(a, b, part, out):
    for l in range(out.shape[0]):
        out[l] = a[l] + part * (b[l] - a[l])


@inline
def ahead(x, h, k, out):
    """out = x + h k."""
    for j in range(x.shape[0]):
        for l in range(x.shape[1]):
            out[j, l] = x[j, l] + h * k[j, l]


@inline
def moved(n, x, h, of, out):
    """Places of x after h with the velocities of `of`, and these: out."""
    for i in range(n):
        for l in range(x.shape[1]):
            out[i, l] = x[i, l] + h * of[n + i, l]
            out[n + i, l] = of[n + i, l]


@inline
def copied(x, out):  # not by a slice, which takes seconds to compile
    for j in range(x.shape[0]):
        for l in range(x.shape[1]):
            out[j, l] = x[j, l]


@inline
def added(out, z):
    for j in range(out.shape[0]):
        for l in range(out.shape[1]):
            out[j, l] += z[j, l]


@inline
def drawn(key0, key1, samples, n, t, root, sigma, z):
    """Increments of the noise in a step: the quad of node i at step t is number t n + i."""
    apart()
    d = z.shape[0] // n
    for i in range(n):
        for l in range(z.shape[1]):
            if z.itemsize == 4:
                a = _normal4(key0, key1, t * n + i, samples[l], 0)
                for k in range(d):
                    z[k * n + i, l] = root * sigma[k] * (a[0] if k == 0 else a[1] if k == 1 else a[2] if k == 2 else a[3])
            else:
                b = _normal4_64(key0, key1, t * n + i, samples[l], 0)
                for k in range(d):
                    z[k * n + i, l] = root * sigma[k] * (b[0] if k == 0 else b[1] if k == 1 else b[2] if k == 2 else b[3])


# What follows is made and compiled once for a law, and both twins call it.
@functools.cache
def evaluation(rates, felt):
    @inline
    def coupled(y, i, weights, offsets, neighbour, edge, constants, c):
        for l in range(c.shape[0]):
            c[l] = 0.0
        for k in range(offsets[i], offsets[i + 1]):
            felt(y[i], y[neighbour[k]], weights[edge[k]], constants, c)

    @inline
    def evaluate(y, n, joined, weights, offsets, neighbour, edge, parameters, constants, u0, u1, part, c, u, out):
        """Rates of all nodes at a stage."""
        apart()
        if u0.shape[0] == 1:
            between(u0[0], u1[0], part, u)
        for i in range(n):
            if u0.shape[0] > 1:
                between(u0[i], u1[i], part, u)
            if joined:
                coupled(y, i, weights, offsets, neighbour, edge, constants, c)
            rates(y, i, n, c, u, parameters, constants, out)

    return coupled, evaluate


@functools.cache
def stepping(evaluate):
    @inline
    def step(method, h, at, part, x, ys, keep, acc, k, c, u, z, noisy, n, joined, weights, offsets, neighbour, edge, parameters, constants,
             u0, u1):  # fmt: skip
        """x after a step, in place. keep : 1 where the states of stage j stay in ys[j], else 0."""
        apart()
        half = h * at[0]  # of the leapfrog: places by half a step, velocities, places by the other half
        for j in range(stages_of(method)):
            y = ys[keep * j]
            if method == 1:
                moved(n, x, half, x, y)
            elif j == 0:
                copied(x, y)
                copied(x, acc)
            else:
                ahead(x, h * at[j], k, y)
                if noisy:
                    added(y, z)
            evaluate(y, n, joined, weights, offsets, neighbour, edge, parameters, constants, u0, u1, at[j], c, u, k)
            if method == 1:
                for i in range(n):
                    for l in range(x.shape[1]):
                        x[n + i, l] += h * k[n + i, l]
                moved(n, y, half, x, x)
            else:
                ahead(acc, h * part[j], k, acc)
        if method != 1:
            copied(acc, x)
            if noisy:
                added(x, z)

    return step


@with_functions(own_rates, own_felt)
def pnn_ode_solve(rates, felt):
    _, evaluate = evaluation(rates, felt)
    step = stepping(evaluate)

    @njit(
        parallel=True, error_model="numpy", fastmath=FAST,
        work=lambda samples, n, steps, *_: (samples > LANES) * samples * steps * n * (n + 20),
    )  # fmt: skip
    def pnn_ode_solve(samples, n, steps, every, step0, method, team, times, channels, dt, constants, parameters, weights, offsets, neighbour,
                      edge, drive, noisy, sigma, key0, key1, key, sample0, index, state, out):  # fmt: skip
        if key.size > 0:
            key0, key1 = key[0], key[1]
        rows, real = state.size // samples, state.dtype
        records = steps // every
        for tile in prange((samples + LANES - 1) // LANES):
            first = tile * LANES
            width = min(LANES, samples - first)
            h, root = real.type(dt), real.type(np.sqrt(dt))
            tiles, vectors = np.zeros((4 + noisy, rows, width), real), np.zeros((2, width), real)  # each array that is made takes a second
            inputs, fours = np.zeros((2, max(channels, 1), width), real), np.zeros((2, 4), real)
            x, ys, acc, k, z = tiles[0], tiles[3:], tiles[1], tiles[2], tiles[3 + noisy]
            c, u, u0, u1, at, part = vectors[0], vectors[1], inputs[0], inputs[1], fours[0], fours[1]
            numbers = np.zeros(width, np.uint64)
            places(method, at)
            shares(method, part)
            for l in range(width):
                numbers[l] = index[first + l] if index.size > 0 else sample0 + first + l
                for j in range(rows):
                    x[j, l] = state[(first + l) * rows + j]
            if channels > 0:  # a 0 without its type is a type of its own, for which what is called would be compiled by itself
                driven(drive, first, times, channels, np.int64(0), u0)
                copied(u0, u1)
            for t in range(steps):
                if times > 1 and channels > 0:
                    driven(drive, first, times, channels, t + 1, u1)
                if noisy:
                    drawn(key0, key1, numbers, n, step0 + t, root, sigma, z)
                step(method, h, at, part, x, ys, np.int64(0), acc, k, c, u, z, noisy, n, offsets.size > 0, weights, offsets, neighbour, edge,
                     parameters, constants, u0, u1)  # fmt: skip
                if times > 1:
                    copied(u1, u0)
                if (t + 1) % every == 0:
                    for l in range(width):
                        to = ((first + l) * records + (t + 1) // every - 1) * rows
                        for j in range(rows):
                            out[to + j] = x[j, l]

    return pnn_ode_solve
