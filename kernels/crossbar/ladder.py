"""CPU twin of ladder.cu. The loops run along memory: over right-hand sides, over bit lines, or over eight word lines at a time."""

import numpy as np

from .._jit import njit

FAST = {"contract", "nsz"}
LINES = 8  # word lines with one right-hand side that are walked side by side: their recurrences do not wait for each other


@njit(fastmath=FAST, error_model="numpy")
def pnn_ladder_factor(lines, cells, sets, first, line_stride, cell_stride, wire, cell, ratio, inverse):
    group = lines if line_stride == 1 else 1
    run = group * sets
    for line in range(0, lines, group):
        carry = np.zeros(run, cell.dtype)
        for k in range(cells - 1, -1, -1):
            at = (first + line * line_stride + k * cell_stride) * sets
            for r in range(run):
                D = cell[at + r] + carry[r]
                inverse[at + r] = 1 / (wire[k] + D)
                ratio[at + r] = wire[k] * inverse[at + r]
                carry[r] = ratio[at + r] * D


@njit(fastmath=FAST)
def _runs(cells, run, start, stride, ratio, inverse, f, x):
    """`run` neighbours in memory are solved side by side, each with factors of its own."""
    for k in range(cells - 1, -1, -1):
        at = start + k * stride
        X, F = x[at : at + run], f[at : at + run]
        if k == cells - 1:
            X[:] = F
        else:
            J, a = x[at + stride : at + stride + run], ratio[at + stride : at + stride + run]
            for r in range(run):
                X[r] = F[r] + a[r] * J[r]
    for k in range(cells):
        at = start + k * stride
        X, a, c = x[at : at + run], ratio[at : at + run], inverse[at : at + run]
        if k == 0:
            for r in range(run):
                X[r] = c[r] * X[r]
        else:
            near = x[at - stride : at - stride + run]
            for r in range(run):
                X[r] = c[r] * X[r] + a[r] * near[r]


@njit(fastmath=FAST)
def _shared(cells, rhs, start, stride, ratio, inverse, f, x):
    """One line with many right-hand sides."""
    for k in range(cells - 1, -1, -1):
        at = start + k * stride
        X, F = x[at * rhs : (at + 1) * rhs], f[at * rhs : (at + 1) * rhs]
        if k == cells - 1:
            X[:] = F
        else:
            far = at + stride
            J, a = x[far * rhs : (far + 1) * rhs], ratio[far]
            for r in range(rhs):
                X[r] = F[r] + a * J[r]
    for k in range(cells):
        at = start + k * stride
        X, a, c = x[at * rhs : (at + 1) * rhs], ratio[at], inverse[at]
        if k == 0:
            for r in range(rhs):
                X[r] = c * X[r]
        else:
            near = x[(at - stride) * rhs : (at - stride + 1) * rhs]
            for r in range(rhs):
                X[r] = c * X[r] + a * near[r]


@njit(fastmath=FAST)
def _several(cells, lines, start, line_stride, stride, ratio, inverse, f, x):
    """At most `LINES` lines with one right-hand side each."""
    carry, weight = np.zeros(LINES, f.dtype), np.zeros(LINES, f.dtype)
    for k in range(cells - 1, -1, -1):
        for l in range(lines):
            at = start + l * line_stride + k * stride
            carry[l] = f[at] + weight[l] * carry[l]
            weight[l] = ratio[at]
            x[at] = carry[l]
    carry[:] = 0
    for k in range(cells):
        for l in range(lines):
            at = start + l * line_stride + k * stride
            carry[l] = inverse[at] * x[at] + ratio[at] * carry[l]
            x[at] = carry[l]


@njit
def pnn_ladder_sweep(lines, cells, rhs, own, first, line_stride, cell_stride, ratio, inverse, f, x):
    if line_stride == 1 and (own or rhs == 1):
        _runs(cells, lines * rhs, first * rhs, cell_stride * rhs, ratio, inverse, f, x)
    elif own and rhs > 1:
        for line in range(lines):
            _runs(cells, rhs, (first + line * line_stride) * rhs, cell_stride * rhs, ratio, inverse, f, x)
    elif rhs > 1:
        for line in range(lines):
            _shared(cells, rhs, first + line * line_stride, cell_stride, ratio, inverse, f, x)
    else:
        for line in range(0, lines, LINES):
            _several(cells, min(LINES, lines - line), first + line * line_stride, line_stride, cell_stride, ratio, inverse, f, x)


@njit
def pnn_ladder_scan(lines, cells, rhs, own, first, line_stride, cell_stride, ratio, inverse, f, x):
    """The same sums; only a GPU takes them in another order."""
    pnn_ladder_sweep(lines, cells, rhs, own, first, line_stride, cell_stride, ratio, inverse, f, x)
