"""The binary tree of sub-arrays by which a crossbar with wires is eliminated, on the CPU. Work of one array: about 56 n^3 flop.

`layout` says where the ports of a block are and how it is split, from its shape alone. Ports lie in the order in which the parts keep
theirs. L, R: word lines at the left (driven) and right side; T, B: bit lines at the top and at the bottom (outputs).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels.crossbar import tree as kernel

LEAF = 4  # cells on a side of a leaf; 4 is faster than 2 and 8 in float64 on x86-64
Index = np.ndarray[Any, np.dtype[np.int64]]
Key = tuple[int, int, bool, bool]  # rows, cols of leaves; whether wires end at the top and at the right side


@dataclass(frozen=True, eq=False)
class Layout:
    """Ports of a block (indices), their number, and for more than one leaf the two parts, `side` by side or one above the other."""

    L: Index
    R: Index
    T: Index
    B: Index
    size: int
    first: Key | None = None
    second: Key | None = None
    side: bool = False
    wiring: tuple[Index, Index, Index, Index] = ()  # type: ignore[assignment]  # out1, keep1, out2, keep2

    @property
    def offset(self) -> tuple[int, int]:
        """Where the second part begins, in leaves."""
        assert self.first is not None
        return (0, self.first[1]) if self.side else (self.first[0], 0)


@lru_cache(maxsize=4096)
def layout(rows: int, cols: int, top: bool, right: bool) -> Layout:
    """Layout of a block of rows x cols leaves; at `top` and `right` wires end, so that side has no ports."""

    def joined(*parts: Any) -> Index:
        return np.ascontiguousarray(np.concatenate(parts).astype(np.int64))

    m = LEAF
    if rows == cols == 1:
        r = np.arange(m)
        none = r[:0]
        return Layout(joined(r), joined(none if right else m + r), joined(none if top else 2 * m + r), joined(3 * m + r), 4 * m)
    side = cols >= rows
    if side:
        half = cols // 2
        first, second = (rows, half, top, False), (rows, cols - half, top, right)
        A, B = layout(*first), layout(*second)
        wiring = A.R, joined(A.L, A.T, A.B), B.L, joined(B.R, B.T, B.B)
        offset, l, t, r, t2 = len(wiring[1]), len(A.L), len(A.T), len(B.R), len(B.T)
        return Layout(
            joined(np.arange(l)),
            joined(offset + np.arange(r)),
            joined(l + np.arange(t), offset + r + np.arange(t2)),
            joined(l + t + np.arange(len(A.B)), offset + r + t2 + np.arange(len(B.B))),
            offset + len(wiring[3]), first, second, side, wiring,
        )  # fmt: skip
    half = rows // 2
    first, second = (half, cols, top, right), (rows - half, cols, False, right)
    A, B = layout(*first), layout(*second)
    wiring = A.B, joined(A.L, A.R, A.T), B.T, joined(B.L, B.R, B.B)
    offset, l, r, l2, r2 = len(wiring[1]), len(A.L), len(A.R), len(B.L), len(B.R)
    return Layout(
        joined(np.arange(l), offset + np.arange(l2)),
        joined(l + np.arange(r), offset + l2 + np.arange(r2)),
        joined(l + r + np.arange(len(A.T))),
        joined(offset + l2 + r2 + np.arange(len(B.B))),
        offset + len(wiring[3]), first, second, side, wiring,
    )  # fmt: skip


class Tree:
    """One array, eliminated: `T` (n_in, n_out); with `keep`, what `vjp` and `voltages` need (about 14 n^2 log2(n) numbers).

    G (n_in, n_out) in units of its largest cell; wire: conductances in that unit of a word segment, a bit segment, the first word
    segment and the last bit segment of a line; pair: rows are positive and negative in turn and share the node on the bit line.
    """

    def __init__(self, G: np.ndarray, wire: np.ndarray, pair: bool = False, keep: bool = False) -> None:
        self.G, self.wire, self.pair = G, wire, pair
        n_in, n_out = G.shape
        self.rows, self.cols = -(-n_in // LEAF), -(-n_out // LEAF)
        self.up = self.rows * LEAF - n_in  # empty rows and columns at the two dead ends carry no current: the result is exact
        self.kept: dict[tuple[int, int, Key], np.ndarray] | None = {} if keep else None
        self.blocks = np.empty((self.rows * self.cols, 4 * LEAF, 4 * LEAF), G.dtype)
        kernel.leaves(G, wire, pair, self.up, LEAF, self.cols, self.blocks)
        self.whole = (self.rows, self.cols, True, True)
        top = layout(*self.whole)
        self.drivers, self.outputs = top.L[self.up :], top.B[:n_out]
        if top.first is None or top.second is None:
            self.T = np.ascontiguousarray(self.blocks[0][np.ix_(self.drivers, self.outputs)])
        else:
            i, j = top.offset
            first, second = self._build(0, 0, top.first), self._build(i, j, top.second)
            out1, keep1, out2, keep2 = top.wiring
            self.T, rows = kernel.join_last(first, out1, keep1, second, out2, keep2, self.drivers, self.outputs)
            if self.kept is not None:
                self.kept[0, 0, self.whole] = rows

    def _build(self, i: int, j: int, key: Key) -> np.ndarray:
        """Conductances between the ports of the block whose first leaf is (i, j)."""
        s = layout(*key)
        if s.first is None or s.second is None:
            return self.blocks[i * self.cols + j]
        di, dj = s.offset
        first, second = self._build(i, j, s.first), self._build(i + di, j + dj, s.second)
        out1, keep1, out2, keep2 = s.wiring
        C, rows = kernel.join(first, out1, keep1, second, out2, keep2)
        if self.kept is not None:
            self.kept[i, j, key] = rows
        result: np.ndarray = C
        return result

    def _down(self, i: int, j: int, key: Key, state: np.ndarray, divide: Any, leaves: np.ndarray) -> None:
        """Hand `state` of the block at (i, j) down to its leaves."""
        s = layout(*key)
        if s.first is None or s.second is None:
            leaves[i * self.cols + j] = state
            return
        assert self.kept is not None
        out1, keep1, out2, keep2 = s.wiring
        sizes = layout(*s.first).size, layout(*s.second).size
        first, second = divide(self.kept[i, j, key], state, out1, keep1, sizes[0], out2, keep2, sizes[1])
        di, dj = s.offset
        self._down(i, j, s.first, first, divide, leaves)
        self._down(i + di, j + dj, s.second, second, divide, leaves)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        """dL/dG (n_in, n_out) for a cotangent dL/dT (n_in, n_out)."""
        size = layout(*self.whole).size
        W = np.zeros((size, size), self.G.dtype)
        W[np.ix_(self.drivers, self.outputs)] = cotangent
        W[np.ix_(self.outputs, self.drivers)] = cotangent.T
        leaves = np.empty_like(self.blocks)
        self._down(0, 0, self.whole, W, kernel.split, leaves)
        gradient = np.empty_like(self.G)
        kernel.leaves_vjp(self.G, self.wire, self.pair, self.up, LEAF, self.cols, leaves, gradient)
        return gradient

    def voltages(self, drivers: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Voltages (n_in, n_out, q) on the word and bit lines for driver voltages (n_in, q) and output voltages (n_out, q)."""
        q = drivers.shape[1]
        V = np.zeros((layout(*self.whole).size, q), self.G.dtype)
        V[self.drivers], V[self.outputs] = drivers, outputs
        leaves = np.empty((*self.blocks.shape[:2], q), self.G.dtype)
        self._down(0, 0, self.whole, V, kernel.part_voltages, leaves)
        word, bit = np.empty((*self.G.shape, q), self.G.dtype), np.empty((*self.G.shape, q), self.G.dtype)
        kernel.leaves_voltages(self.G, self.wire, self.pair, self.up, LEAF, self.cols, leaves, word, bit)
        return word, bit
