"""CPU twin of optimizer.cu."""

import numpy as np
from numba import prange

from .._jit import njit


@njit(parallel=True)
def pnn_optimizer_adam(n, rate, beta1, beta2, epsilon, correction1, correction2, now, gradient, first, second, parameter):
    """Adam (Kingma and Ba 2015): corrections are 1 - beta^step. now : (rate, correction1, correction2) in their place, if it is not empty."""
    if now.size > 0:
        rate, correction1, correction2 = now[0], now[1], now[2]
    one = gradient.dtype.type
    b1, c1, b2, c2 = one(beta1), one(1 - beta1), one(beta2), one(1 - beta2)
    step, k1, k2, tiny = one(rate), one(correction1), one(correction2), one(epsilon)
    for i in prange(n):
        g = gradient[i]
        m = b1 * first[i] + c1 * g
        v = b2 * second[i] + c2 * g * g
        first[i] = m
        second[i] = v
        parameter[i] -= step * (m / k1) / (np.sqrt(v / k2) + tiny)


@njit(parallel=True)
def pnn_optimizer_sgd(n, rate, momentum, now, gradient, velocity, parameter):
    """velocity = momentum velocity + gradient; parameter -= rate velocity. now : (rate, ...) in its place, if it is not empty."""
    if now.size > 0:
        rate = now[0]
    one = gradient.dtype.type
    step, keep = one(rate), one(momentum)
    for i in prange(n):
        v = keep * velocity[i] + gradient[i]
        velocity[i] = v
        parameter[i] -= step * v
