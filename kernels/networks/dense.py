"""CPU twin of dense.cu: products by BLAS, in one pass what is at their edges."""

import numpy as np

_NONE, TANH, RELU, SIGMOID = range(4)


def _active(activation, a):
    if activation == TANH:
        np.tanh(a, out=a)
    elif activation == RELU:
        np.maximum(a, 0, out=a)
    elif activation == SIGMOID:
        np.tanh(np.divide(a, 2, out=a), out=a)
        a *= 0.5
        a += 0.5


def _slope(activation, h):
    return 1 - h * h if activation == TANH else h > 0 if activation == RELU else h * (1 - h)


def pnn_dense_layer(members, shared, batch, n_in, n_out, activation, ones, x, w, out):
    """f(x @ w), and ones behind it if asked for."""
    x, w = x.reshape((batch, n_in) if shared else (members, batch, n_in)), w.reshape(members, n_in, n_out)
    if not ones:
        _active(activation, np.matmul(x, w, out=out.reshape(members, batch, n_out)))
        return
    a, out = np.matmul(x, w), out.reshape(members, batch, n_out + 1)
    _active(activation, a)
    out[..., :-1], out[..., -1] = a, 1


def pnn_dense_below(batch, n_in, n_out, activation, error, w, entered, out):
    """f'(entered) times error @ w.T, but for the bias."""
    up = np.matmul(error.reshape(batch, n_out), w.reshape(n_in, n_out).T)[:, :-1]
    np.multiply(up, _slope(activation, entered.reshape(batch, n_in)[:, :-1]), out=out.reshape(batch, n_in - 1))


def pnn_dense_outer(samples, rows, columns, scale, first, second, out):
    """first.T @ second, times a scale, which is put on what is small beside the product."""
    second = second.reshape(samples, columns)
    np.matmul(first.reshape(samples, rows).T, second if scale == 1 else second * scale, out=out.reshape(rows, columns))


def pnn_dense_slope(values, activation, error, left, out):
    """f'(left) error."""
    np.multiply(error, _slope(activation, left), out=out)
