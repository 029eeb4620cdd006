"""The binary tree of sub-arrays by which a crossbar with wires is eliminated. Work of one array n x n: about 56 n^3 flop.

`Tree` does one array depth first, on the CPU: a pair of blocks is joined while it is in the cache. `Levels` does a stack of arrays on a
GPU, all pairs of one shape at a time: what a level has to do are then a few large array operations and products.

`layout` says where the ports of a block are and how it is split, from its shape alone. Ports lie in the order in which the parts keep
theirs. L, R: word lines at the left (driven) and right side; T, B: bit lines at the top and at the bottom (outputs).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Real
from .._constants import Copies, clearable

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

    @cached_property
    def ports(self) -> tuple[Index, Index]:
        """Of each part all ports: those that the pair shares, and then those that it keeps."""
        out1, keep1, out2, keep2 = self.wiring
        return np.concatenate([out1, keep1]), np.concatenate([out2, keep2])

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
            self.T, rows = _kernels().join_last(first, out1, keep1, second, out2, keep2, self.drivers, self.outputs)
            self._remember(0, 0, self.whole, rows)

    def _remember(self, i: int, j: int, key: Key, rows: np.ndarray) -> None:
        if self.keep:
            self.kept[i, j, key] = rows

    def _build(self, i: int, j: int, key: Key) -> np.ndarray:
        """Conductances between the ports of the block whose first leaf is (i, j)."""
        s = layout(*key)
        if s.first is None:
            return self.blocks[i * self.cols + j]
        (a, b), (di, dj) = s.parts, s.offset
        first, second = self._build(i, j, a), self._build(i + di, j + dj, b)
        out1, keep1, out2, keep2 = s.wiring
        C, rows = _kernels().join(first, out1, keep1, second, out2, keep2)
        self._remember(i, j, key, rows)
        result: np.ndarray = C
        return result

    def _down(self, i: int, j: int, key: Key, state: np.ndarray, divide: Any, leaves: np.ndarray) -> None:
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


# ------------------------------------------------------------------------------------------------------- level by level, for a GPU
@dataclass(frozen=True, eq=False)
class Group:
    """All blocks of one shape in a tree: where the two parts of each are in their groups, or, for leaves, which leaves they are."""

    layout: Layout
    first: Index
    second: Index
    leaves: Index


class Plan:
    """The groups of a tree, parts before what they make up; its index tables are copied to a GPU once."""

    def __init__(self, groups: dict[Key, Group]) -> None:
        self.groups, self._copies = groups, Copies()

    def on(self, index: Index, like: Array) -> Array:
        """An index table of one of the groups, on the device of `like`. The groups hold it, so that nothing else gets its id."""
        return self._copies.on(id(index), index, like)


@lru_cache(maxsize=64)
def plan(rows: int, cols: int) -> Plan:
    """The plan of a tree over rows x cols leaves."""
    places: dict[Key, dict[tuple[int, int], int]] = {}

    def walk(i: int, j: int, key: Key) -> None:
        here = places.setdefault(key, {})
        here[i, j] = len(here)
        s = layout(*key)
        if s.first is not None:
            (di, dj), (a, b) = s.offset, s.parts
            walk(i, j, a)
            walk(i + di, j + dj, b)

    walk(0, 0, (rows, cols, True, True))

    def index(numbers: Iterator[int]) -> Index:
        return np.fromiter(numbers, np.int64)

    groups = {}
    for key in sorted(places, key=lambda k: k[0] * k[1]):
        s, at = layout(*key), places[key]
        if s.first is None:
            groups[key] = Group(s, index(iter(())), index(iter(())), index(i * cols + j for i, j in at))
        else:
            (di, dj), (a, b) = s.offset, s.parts
            groups[key] = Group(
                s, index(places[a][p] for p in at), index(places[b][i + di, j + dj] for i, j in at), index(iter(()))
            )
    return Plan(groups)


clearable(plan.cache_clear)
clearable(layout.cache_clear)


class Levels:
    """A stack of arrays (arrays, n_in, n_out), eliminated level by level. As `Tree`, with a leading axis."""

    def __init__(self, G: Real, circuit: Circuit, keep: bool = False) -> None:
        self.G, self.circuit, self.xp = G, circuit, _array.namespace(G)
        arrays, n_in, n_out = G.shape
        self.rows, self.cols = -(-n_in // LEAF), -(-n_out // LEAF)
        self.plan = plan(self.rows, self.cols)
        self.groups = self.plan.groups
        self.whole = (self.rows, self.cols, True, True)
        top = self.groups[self.whole].layout
        self.drivers, self.outputs = self._on(top.L)[self.rows * LEAF - n_in :], self._on(top.B)[:n_out]
        self.kept: dict[Key, Array] = {}
        blocks = self.xp.empty((arrays, self.rows * self.cols, PORTS, PORTS), G.dtype)
        self._launch_leaves("leaves", (), G, blocks)
        ports: dict[Key, Array] = {}
        for key, group in self.groups.items():
            if group.layout.first is None:
                ports[key] = blocks[:, self._on(group.leaves)]
                continue
            a, b = group.layout.parts
            first, second = ports[a][:, self._on(group.first)], ports[b][:, self._on(group.second)]
            rows = self._shared_rows(group, first, second)
            self._eliminate(rows)
            if keep:
                self.kept[key] = rows
            ports[key] = self._joined(group, first, second, rows)
        self.T = self.xp.ascontiguousarray(ports[self.whole][..., self.drivers[:, None], self.outputs][:, 0])

    def _on(self, index: Index) -> Array:
        return self.plan.on(index, self.G)

    def _pick(self, C: Array, a: Index, b: Index) -> Array:
        """C[..., a, b] of all pairs."""
        return C[..., self._on(a)[:, None], self._on(b)]

    def _launch_leaves(self, verb: str, sizes: tuple[int, ...], *arrays: Array) -> None:
        count, n_in, n_out = self.G.shape
        warps = count * self.rows * self.cols
        block = 64 if verb == "voltages" else 128
        grid = max(1, min(-(-warps // (block // 32)), _launch.MAX_BLOCKS))
        args = count, n_in, n_out, *sizes, *self.circuit.args, *arrays
        _launch.launch("crossbar/tree", verb, self.G.dtype, *args, grid=(grid,), block=(block,))

    def _shared_rows(self, group: Group, first: Array, second: Array) -> Array:
        """Rows of the nodes that a pair shares: (arrays, pairs, e, e + kept ports)."""
        out1, keep1, out2, keep2 = group.layout.wiring
        own = self._pick(first, out1, out1) + self._pick(second, out2, out2)
        rows = self.xp.concatenate([own, self._pick(first, out1, keep1), self._pick(second, out2, keep2)], -1)
        return self.xp.ascontiguousarray(rows)

    def _eliminate(self, rows: Array) -> None:
        arrays, pairs, e, n = rows.shape
        block = min(256, max(32, 1 << (n - 1).bit_length()))
        for start in range(0, e, PANEL):
            stop = min(start + PANEL, e)
            grid = min(arrays * pairs, 1 << 20)
            _launch.launch(
                "crossbar/tree", "eliminate", rows.dtype, arrays * pairs, e, n, start, stop, rows, grid=(grid,), block=(block,)
            )
            if stop < e:
                panel = rows[..., start:stop, stop:]
                rows[..., stop:, stop:] += panel[..., : e - stop].swapaxes(-1, -2) @ panel

    def _joined(self, group: Group, first: Array, second: Array, rows: Array) -> Array:
        """Conductances between the ports that a pair keeps, the first part's and then the second's."""
        out1, keep1, _, keep2 = group.layout.wiring
        Z = rows[..., len(out1) :]
        C = Z.swapaxes(-1, -2) @ Z
        n = len(keep1)
        C[..., :n, :n] += self._pick(first, keep1, keep1)
        C[..., n:, n:] += self._pick(second, keep2, keep2)
        return C

    def _interpolate(self, rows: Array, kept: Array) -> Array:
        """Voltages (..., e + kept, q) of all nodes of pairs from those of the ports that they keep (..., kept, q)."""
        arrays, pairs, e, n = rows.shape
        q = kept.shape[-1]
        V = self.xp.empty((arrays, pairs, n, q), rows.dtype)
        V[..., e:, :] = kept
        for start in range((e - 1) // PANEL * PANEL, -1, -PANEL):
            stop = min(start + PANEL, e)
            V[..., start:stop, :] = rows[..., start:stop, stop:] @ V[..., stop:, :]
            count = arrays * pairs
            _launch.launch("crossbar/tree", "substitute", rows.dtype, count, e, n, q, start, stop, rows, V, threads=count * q)
        return V

    def _down(self, state: Array, divide: Any, shape: tuple[int, ...]) -> Array:
        """Hand `state` (arrays, ...) of the whole down to the leaves: (arrays, leaves, ...), `shape` of a block by its ports."""
        states = {self.whole: state[:, None]}
        out = self.xp.empty((len(state), self.rows * self.cols, PORTS, *shape), state.dtype)
        for key, group in reversed(self.groups.items()):
            here = states.pop(key)
            if group.layout.first is None:
                out[:, self._on(group.leaves)] = here
                continue
            divided = divide(group, self.kept[key], here)
            for part, index, piece in zip(group.layout.parts, (group.first, group.second), divided):
                if part not in states:
                    count = len(self.groups[part].leaves) or len(self.groups[part].first)
                    states[part] = self.xp.empty((len(state), count, *piece.shape[2:]), state.dtype)
                states[part][:, self._on(index)] = piece
        return out

    def _split(self, group: Group, rows: Array, W: Real) -> list[Array]:
        """W = Phi Q Phi^T of the ports that pairs keep -> W of all ports of their parts (Phi: port voltages, Q: the cotangent)."""
        out1, keep1, _, _ = group.layout.wiring
        e, n1 = len(out1), len(keep1)
        V = self._interpolate(rows, W)[..., :e, :]
        E = self._interpolate(rows, V.swapaxes(-1, -2))[..., :e, :]
        pieces = []
        for part, ports, at in zip(group.layout.parts, group.layout.ports, (slice(0, n1), slice(n1, None))):
            own, size = V[..., at], layout(*part).size
            upper = self.xp.concatenate([E, own], -1)
            lower = self.xp.concatenate([own.swapaxes(-1, -2), W[..., at, at]], -1)
            piece = self.xp.zeros((*W.shape[:2], size, size), W.dtype)
            order = self._on(ports)
            piece[..., order[:, None], order] = self.xp.concatenate([upper, lower], -2)
            pieces.append(piece)
        return pieces

    def _part_voltages(self, group: Group, rows: Array, V: Real) -> list[Array]:
        """Voltages of the ports that pairs keep -> voltages of all ports of their parts."""
        out1, keep1, _, _ = group.layout.wiring
        e, n1 = len(out1), len(keep1)
        shared = self._interpolate(rows, V)[..., :e, :]
        pieces = []
        for part, ports, at in zip(group.layout.parts, group.layout.ports, (slice(0, n1), slice(n1, None))):
            piece = self.xp.zeros((*V.shape[:2], layout(*part).size, V.shape[-1]), V.dtype)
            piece[..., self._on(ports), :] = self.xp.concatenate([shared, V[..., at, :]], -2)
            pieces.append(piece)
        return pieces

    @cached_property
    def _size(self) -> int:
        return self.groups[self.whole].layout.size

    def vjp(self, cotangent: Array) -> tuple[Array, Array]:
        """dL/dG like G, and dL/d(conductance) of the four kinds of segments, float64 (arrays, 4); cotangent dL/dT like T."""
        W = self.xp.zeros((len(cotangent), self._size, self._size), self.G.dtype)
        drivers, outputs = self.drivers, self.outputs
        W[:, drivers[:, None], outputs] = cotangent
        W[:, outputs[:, None], drivers] = cotangent.swapaxes(-1, -2)
        leaves = self._down(W, self._split, (PORTS,))
        gradient, segments = self.xp.empty_like(self.G), self.xp.empty((*leaves.shape[:2], 4), self.G.dtype)
        self._launch_leaves("leaves_vjp", (), self.G, leaves, gradient, segments)
        return gradient, segments.sum(1, dtype=np.float64)

    def voltages(self, drivers: Array, outputs: Array) -> tuple[Array, Array]:
        """Voltages (arrays, n_in, n_out, q) on both lines for driver (arrays, n_in, q) and output voltages (arrays, n_out, q)."""
        q = drivers.shape[-1]
        V = self.xp.zeros((len(drivers), self._size, q), self.G.dtype)
        V[:, self.drivers], V[:, self.outputs] = drivers, outputs
        leaves = self._down(V, self._part_voltages, (q,))
        word, bit = (self.xp.empty((*self.G.shape, q), self.G.dtype) for _ in range(2))
        self._launch_leaves("voltages", (q,), self.G, leaves, word, bit)
        return word, bit
