"""CPU twin of readout.cu: products by BLAS, the elimination panel by panel as there."""

import numpy as np

SIDE = 32  # of a tile, as in readout.cuh
ROUNDING = 64 * np.finfo(np.float64).eps  # what elimination leaves of a square, for each variable
SINGULAR = 79  # fault


def pnn_readout_moments(samples, features, outputs, x, labels, targets, gram, cross):
    """gram = X^T X and cross = X^T Y, X of features and a constant 1, Y of targets, or 1 at the label and 0 elsewhere."""
    given, x = x.reshape(samples, features), np.empty((samples, features + 1))
    x[:, :-1], x[:, -1] = given, 1
    if targets.size or not labels.size:
        y = targets.reshape(samples, outputs)
    else:
        y = (labels[:, None] == (1 if outputs == 1 else np.arange(outputs))).astype(np.float64)
    np.matmul(x.T, x, out=gram.reshape(features + 1, features + 1))
    np.matmul(x.T, y, out=cross.reshape(features + 1, outputs))


def pnn_readout_scores(samples, features, outputs, x, weights, out):
    """out = X W, of features and a constant 1."""
    weights, out = weights.reshape(features + 1, outputs), out.reshape(samples, outputs)
    np.matmul(x.reshape(samples, features).astype(np.float64), weights[:-1], out=out)
    out += weights[-1]


def _inverse(tile, least, fault):
    """The inverse of a tile, without those variables whose pivots are no more than `least`, which are a fault."""
    for k in range(len(tile)):
        row, column, pivot = tile[k].copy(), tile[:, k].copy(), tile[k, k]
        over = 0.0 if pivot <= least[k] else 1 / pivot
        if pivot <= least[k]:
            fault[0] = max(fault[0], SINGULAR)
        tile -= np.outer(column, over * row)
        tile[k], tile[:, k], tile[k, k] = over * row, -over * column, over
    return tile


def pnn_readout_begin(size, outputs, ridge, gram, cross, a, rhs, inverses, fault):
    """a = gram + ridge s diag(1, ..., 1, 0), rhs = cross, and the first of the inverses."""
    squares = gram[:: size + 1]
    a[:], rhs[:] = gram, cross
    a[: -1 : size + 1] += ridge * squares[:-1].mean() if size > 1 else 0.0
    _invert(size, 0, gram, a, inverses, fault)


def _invert(size, panel, gram, a, inverses, fault):
    """What goes to the inverses: of a panel's tile on the diagonal, with zeros beyond the matrix."""
    own = slice(panel * SIDE, min(size, (panel + 1) * SIDE))
    many, out = own.stop - own.start, inverses.reshape(-1, SIDE, SIDE)[panel]
    out[:] = 0
    out[:many, :many] = _inverse(a.reshape(size, size)[own, own].copy(), size * ROUNDING * gram[:: size + 1][own], fault)


def pnn_readout_panel(size, outputs, panel, gram, a, rhs, inverses, weights, fault):
    """One panel goes from the equations of all others; with the last come the weights."""
    own, right = slice(panel * SIDE, (panel + 1) * SIDE), slice((panel + 1) * SIDE, None)
    matrix, x = a.reshape(size, size), rhs.reshape(size, outputs)
    many = len(x[own])
    factor = matrix[:, own] @ inverses.reshape(-1, SIDE, SIDE)[panel, :many, :many]
    factor[own] = 0  # the panel itself stays
    matrix[:, right] -= factor @ matrix[own, right]
    x -= factor @ x[own]
    if right.start < size:
        _invert(size, panel + 1, gram, a, inverses, fault)
        return
    out = weights.reshape(size, outputs)
    for first in range(0, size, SIDE):
        some = slice(first, first + SIDE)
        out[some] = inverses.reshape(-1, SIDE, SIDE)[first // SIDE, : len(x[some]), : len(x[some])] @ x[some]
