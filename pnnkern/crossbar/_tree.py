"""The binary tree of sub-arrays by which a crossbar with wires is eliminated. Work of one array n x n: about 56 n^3 flop.

`Tree` does one array depth first, on the CPU: a pair of blocks is joined while it is in the cache. `_levels.Levels` does a stack of arrays on
a GPU, all pairs of a level at a time.

`layout` says where the ports of a block are and how it is split, from its shape alone. Ports lie in the order in which the parts keep
theirs. L, R: word lines at the left (driven) and right side; T, B: bit lines at the top and at the bottom (outputs).
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from .. import _launch
from .._constants import clearable

LEAF = 4  # cells on a side of a leaf: M of the kernels
PORTS = 4 * LEAF
PANEL = 32  # nodes that are eliminated at a time, of the kernels


@cache
def _kernels() -> Any:
    """The CPU's kernels, and with them Numba, at first use."""
    from ..kernels.crossbar import tree

    if (tree.M, tree.PANEL) != (LEAF, PANEL):
        raise RuntimeError(f"kernels/crossbar/tree.py has leaves of {tree.M} and panels of {tree.PANEL}, not {LEAF} and {PANEL}")
    return tree


Index = np.ndarray[Any, np.dtype[np.int64]]
EVERY: Index = np.empty(0, np.int64)  # of the ports that stay
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
    wiring: tuple[Index, ...] = ()  # out1, keep1, out2, keep2

    @property
    def parts(self) -> tuple[Key, Key]:
        """The two parts of a block of more than one leaf."""
        if self.first is None or self.second is None:
            raise TypeError("a leaf has no parts")
        return self.first, self.second

    @property
    def offset(self) -> tuple[int, int]:
        """Where the second part begins, in leaves."""
        rows, cols = self.parts[0][:2]
        return (0, cols) if self.side else (rows, 0)


@lru_cache(maxsize=4096)
def layout(rows: int, cols: int, top: bool, right: bool) -> Layout:
    """Layout of a block of rows x cols leaves; at `top` and `right` wires end, so that side has no ports."""

    def joined(*parts: Any) -> Index:
        return np.ascontiguousarray(np.concatenate(parts).astype(np.int64))

    m = LEAF
    if rows == cols == 1:
        side_of = np.arange(m)
        none = side_of[:0]
        return Layout(
            joined(side_of),
            joined(none if right else m + side_of),
            joined(none if top else 2 * m + side_of),
            joined(3 * m + side_of),
            4 * m,
        )
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


clearable(layout.cache_clear)


@dataclass(frozen=True)
class Circuit:
    """The wires in units of the conductances they come with: a word and a bit segment, the first word and last bit segment of a line.

    pair: rows are positive and negative in turn and share the node on the bit line.
    """

    pair: bool
    word: float
    bit: float
    first: float
    last: float

    @property
    def args(self) -> tuple[int, float, float, float, float]:
        """As the kernels take them."""
        return int(self.pair), self.word, self.bit, self.first, self.last


class Tree:
    """One array (n_in, n_out) on the CPU, eliminated. `T` (n_in, n_out); with `keep`, what `vjp` and `voltages` need is kept: about
    14 n^2 log2(n) numbers. G in units of about its largest cell.
    """

    def __init__(self, G: np.ndarray, circuit: Circuit, keep: bool = False) -> None:
        self.G, self.circuit = G, circuit
        n_in, n_out = G.shape
        self.rows, self.cols = -(-n_in // LEAF), -(-n_out // LEAF)
        self.kept: dict[tuple[int, int, Key], np.ndarray] = {}
        self.keep = keep
        self.blocks = np.empty((self.rows * self.cols, PORTS, PORTS), G.dtype)
        _launch.launch("crossbar/tree", "leaves", G.dtype, 1, n_in, n_out, *circuit.args, G, self.blocks)
        self.whole = (self.rows, self.cols, True, True)
        top = layout(*self.whole)
        self.drivers, self.outputs = top.L[self.rows * LEAF - n_in :], top.B[:n_out]
        if top.first is None:
            self.T = np.ascontiguousarray(self.blocks[0][np.ix_(self.drivers, self.outputs)])
        else:
            i, j = top.offset
            first, second = self._build(0, 0, top.parts[0]), self._build(i, j, top.parts[1])
            out1, keep1, out2, keep2 = top.wiring
            self.T, rows = _kernels().join(first, out1, keep1, second, out2, keep2, self.drivers, self.outputs)
            self._remember(0, 0, self.whole, rows)

    def _remember(self, i: int, j: int, key: Any, rows: np.ndarray) -> None:
        if self.keep:
            self.kept[i, j, key] = rows

    def _build(self, i: int, j: int, key: Any) -> np.ndarray:
        """Conductances between the ports of the block whose first leaf is (i, j)."""
        s = layout(*key)
        if s.first is None:
            return self.blocks[i * self.cols + j]
        (a, b), (di, dj) = s.parts, s.offset
        first, second = self._build(i, j, a), self._build(i + di, j + dj, b)
        out1, keep1, out2, keep2 = s.wiring
        C, rows = _kernels().join(first, out1, keep1, second, out2, keep2, EVERY, EVERY)
        self._remember(i, j, key, rows)
        result: np.ndarray = C
        return result

    def _down(self, i: int, j: int, key: Any, state: np.ndarray, divide: Any, leaves: np.ndarray) -> None:
        """Hand `state` of the block at (i, j) down to its leaves."""
        s = layout(*key)
        if s.first is None:
            leaves[i * self.cols + j] = state
            return
        (a, b), (di, dj) = s.parts, s.offset
        out1, keep1, out2, keep2 = s.wiring
        rows = self.kept[i, j, key]
        first, second = divide(rows, state, out1, keep1, layout(*a).size, out2, keep2, layout(*b).size)
        self._down(i, j, a, first, divide, leaves)
        self._down(i + di, j + dj, b, second, divide, leaves)

    def vjp(self, cotangent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """dL/dG (n_in, n_out) for a cotangent dL/dT (n_in, n_out); and dL/d(conductance) of the four kinds of segments, float64 (4,)."""
        size = layout(*self.whole).size
        W = np.zeros((size, size), self.G.dtype)
        W[np.ix_(self.drivers, self.outputs)] = cotangent
        W[np.ix_(self.outputs, self.drivers)] = cotangent.T
        leaves = np.empty_like(self.blocks)
        self._down(0, 0, self.whole, W, _kernels().split, leaves)
        gradient, segments = np.empty_like(self.G), np.empty((len(leaves), 4), self.G.dtype)
        _launch.launch(
            "crossbar/tree", "leaves_vjp", self.G.dtype, 1, *self.G.shape, *self.circuit.args, self.G, leaves, gradient, segments
        )
        return gradient, segments.sum(0, dtype=np.float64)

    def voltages(self, drivers: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Voltages (n_in, n_out, q) on the word and bit lines for driver voltages (n_in, q) and output voltages (n_out, q)."""
        q = drivers.shape[1]
        V = np.zeros((layout(*self.whole).size, q), self.G.dtype)
        V[self.drivers], V[self.outputs] = drivers, outputs
        leaves = np.empty((len(self.blocks), PORTS, q), self.G.dtype)
        self._down(0, 0, self.whole, V, _kernels().part_voltages, leaves)
        word, bit = np.empty((*self.G.shape, q), self.G.dtype), np.empty((*self.G.shape, q), self.G.dtype)
        _launch.launch(
            "crossbar/tree", "voltages", self.G.dtype, 1, *self.G.shape, q, *self.circuit.args, self.G, leaves, word, bit
        )
        return word, bit
