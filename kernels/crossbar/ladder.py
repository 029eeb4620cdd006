"""CPU twin of ladder.cu. The loops run along memory: over right-hand sides, over bit lines, or over eight word lines at a time."""

import numpy as np

from .._jit import njit
from .._loops import copy

FAST = {"contract", "nsz"}
LINES = 8  # word lines with one right-hand side that are walked side by side: their recurrences do not wait for each other


@njit(fastmath=FAST, error_model="numpy")
def pnn_ladder_factor(lines, cells, sets, first, line_stride, cell_stride, wire, cell, ratio, inverse):
    if line_stride != 1 and sets == 1:
        work = np.ones((2, cells, LINES), cell.dtype)
        for line in range(0, lines, LINES):
            _several_factors(
                cells, min(LINES, lines - line), first + line * line_stride, line_stride, wire, cell, ratio, inverse, work
            )
        return
    group = lines if line_stride == 1 else 1
    run = group * sets
    carry = np.empty(run, cell.dtype)
    for line in range(0, lines, group):
        carry[:] = 0
        for k in range(cells - 1, -1, -1):
            at = (first + line * line_stride + k * cell_stride) * sets
            for r in range(run):
                D = cell[at + r] + carry[r]
                c = 1 / (wire[k] + D) if wire[k] + D > 0 else 0 * D  # a node that nothing reaches stays at zero
                inverse[at + r] = c
                ratio[at + r] = wire[k] * c
                carry[r] = wire[k] * c * D


@njit(fastmath=FAST, error_model="numpy")
def _several_factors(cells, lines, start, line_stride, wire, cell, ratio, inverse, work):
    """The factors of at most `LINES` word lines, as `_several`; work (2, cells, LINES)."""
    g, c = work[0], work[1]
    for l in range(lines):
        G = cell[start + l * line_stride : start + l * line_stride + cells]
        for k in range(cells):
            g[k, l] = G[k]
    carry = np.zeros(LINES, cell.dtype)
    for k in range(cells - 1, -1, -1):
        segment = wire[k]
        for l in range(LINES):
            D = g[k, l] + carry[l]
            c[k, l] = 1 / (segment + D) if segment + D > 0 else 0 * D
            carry[l] = segment * c[k, l] * D
    for l in range(lines):
        line = slice(start + l * line_stride, start + l * line_stride + cells)
        A, C = ratio[line], inverse[line]
        for k in range(cells):
            C[k] = c[k, l]
            A[k] = wire[k] * c[k, l]


@njit(fastmath=FAST)
def _runs(cells, run, start, stride, ratio, inverse, f, x):
    """`run` neighbours in memory are solved side by side, each with factors of its own. x may be f: never read and written in one loop."""
    carry = np.zeros(run, f.dtype)
    for k in range(cells - 1, -1, -1):
        at = start + k * stride
        F = f[at : at + run]
        for r in range(run):
            carry[r] = F[r] + carry[r]
        copy(carry, x[at : at + run])
        a = ratio[at : at + run]
        for r in range(run):
            carry[r] *= a[r]
    carry[:] = 0
    for k in range(cells):
        at = start + k * stride
        J, a, c = x[at : at + run], ratio[at : at + run], inverse[at : at + run]
        for r in range(run):
            carry[r] = c[r] * J[r] + a[r] * carry[r]
        copy(carry, J)


@njit(fastmath=FAST)
def _shared(cells, rhs, start, stride, ratio, inverse, f, x):
    """One line with many right-hand sides."""
    carry = np.zeros(rhs, f.dtype)
    weight = f.dtype.type(0)
    for k in range(cells - 1, -1, -1):
        at = start + k * stride
        F = f[at * rhs : (at + 1) * rhs]
        for r in range(rhs):
            carry[r] = F[r] + weight * carry[r]
        weight = ratio[at]
        copy(carry, x[at * rhs : (at + 1) * rhs])
    carry[:] = 0
    for k in range(cells):
        at = start + k * stride
        J, a, c = x[at * rhs : (at + 1) * rhs], ratio[at], inverse[at]
        for r in range(rhs):
            carry[r] = c * J[r] + a * carry[r]
        copy(carry, J)


@njit(fastmath=FAST)
def _several(cells, lines, start, line_stride, ratio, inverse, f, x, work):
    """At most `LINES` word lines with one right-hand side each, moved into work (3, cells, LINES), where neighbours lie side by side."""
    J, a, c = work[0], work[1], work[2]
    for l in range(lines):
        line = slice(start + l * line_stride, start + l * line_stride + cells)
        F, A, C = f[line], ratio[line], inverse[line]
        for k in range(cells):
            J[k, l] = F[k]
            a[k, l] = A[k]
            c[k, l] = C[k]
    for k in range(cells - 2, -1, -1):
        for l in range(LINES):
            J[k, l] += a[k + 1, l] * J[k + 1, l]
    for l in range(LINES):
        J[0, l] *= c[0, l]
    for k in range(1, cells):
        for l in range(LINES):
            J[k, l] = c[k, l] * J[k, l] + a[k, l] * J[k - 1, l]
    for l in range(lines):
        X = x[start + l * line_stride : start + l * line_stride + cells]
        for k in range(cells):
            X[k] = J[k, l]


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
    else:  # one read, and lines along memory (cell_stride is 1)
        work = np.zeros((3, cells, LINES), f.dtype)
        for line in range(0, lines, LINES):
            _several(cells, min(LINES, lines - line), first + line * line_stride, line_stride, ratio, inverse, f, x, work)


@njit
def pnn_ladder_scan(lines, cells, rhs, own, first, line_stride, cell_stride, ratio, inverse, f, x):
    """The same sums; only a GPU takes them in another order."""
    pnn_ladder_sweep(lines, cells, rhs, own, first, line_stride, cell_stride, ratio, inverse, f, x)
