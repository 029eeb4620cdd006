"""CPU twin of optimizer.cu."""

import numpy as np
from numba import prange

from .._jit import njit
from ..random.draws import inline


@inline
def _adam_of(i, g, step, b1, c1, b2, c2, k1, k2, tiny, least, most, first, second, parameter):
    m = b1 * first[i] + c1 * g
    v = b2 * second[i] + c2 * g * g
    first[i] = m
    second[i] = v
    p = parameter[i] - step * (m / k1) / (np.sqrt(v / k2) + tiny)
    p = least if p < least else p
    parameter[i] = most if p > most else p


@njit(parallel=True, work=lambda n, *_: n)
def _adam(n, factor, divisor, low, high, rate, beta1, beta2, epsilon, correction1, correction2, gradient, first, second, parameter):
    one = gradient.dtype.type
    b1, c1, b2, c2 = one(beta1), one(1 - beta1), one(beta2), one(1 - beta2)
    step, k1, k2, tiny, times, over = one(rate), one(correction1), one(correction2), one(epsilon), one(factor), one(divisor)
    least, most = one(low), one(high)
    if factor == 1 and divisor == 1:  # a loop of its own: a choice within one divides always
        for i in prange(n):
            _adam_of(i, gradient[i], step, b1, c1, b2, c2, k1, k2, tiny, least, most, first, second, parameter)
    else:
        for i in prange(n):
            _adam_of(i, gradient[i] * times / over, step, b1, c1, b2, c2, k1, k2, tiny, least, most, first, second, parameter)


@inline
def _sgd_of(i, g, step, keep, least, most, velocity, parameter):
    v = keep * velocity[i] + g
    velocity[i] = v
    p = parameter[i] - step * v
    p = least if p < least else p
    parameter[i] = most if p > most else p


@njit(parallel=True, work=lambda n, *_: n)
def _sgd(n, factor, divisor, low, high, rate, momentum, gradient, velocity, parameter):
    one = gradient.dtype.type
    step, keep, times, over = one(rate), one(momentum), one(factor), one(divisor)
    least, most = one(low), one(high)
    if factor == 1 and divisor == 1:
        for i in prange(n):
            _sgd_of(i, gradient[i], step, keep, least, most, velocity, parameter)
    else:
        for i in prange(n):
            _sgd_of(i, gradient[i] * times / over, step, keep, least, most, velocity, parameter)


def each(arrays, sizes, how, columns):
    """The number of each array, with its size and its row of `how`; of no arrays an empty one, so that a call without work compiles what
    others need."""
    if not arrays:
        return [(0, (0, *(1.0,) * columns))]
    return [(a, (int(sizes[a]), *(float(x) for x in how[columns * a : columns * (a + 1)]))) for a in range(arrays)]


def pnn_optimizer_adam(arrays, sizes, how, rate, beta1, beta2, epsilon, correction1, correction2, now, *moments):
    """Adam (Kingma and Ba 2015): corrections are 1 - beta^step. moments : 8 gradients, 8 first and 8 second moments, 8 parameters."""
    if now.size:
        rate, correction1, correction2 = now
    for a, own in each(arrays, sizes, how, 4):
        _adam(*own, rate, beta1, beta2, epsilon, correction1, correction2, *moments[a::8])


def pnn_optimizer_sgd(arrays, sizes, how, rate, momentum, now, *moments):
    """velocity = momentum velocity + gradient; parameter -= rate velocity. moments : 8 gradients, 8 velocities, 8 parameters."""
    if now.size:
        rate = now[0]
    for a, own in each(arrays, sizes, how, 4):
        _sgd(*own, rate, momentum, *moments[a::8])
