"""A stack of crossbars with wires, eliminated on a GPU: the tree of `_tree`, all pairs of blocks of a level in one launch.

What a launch has to do stands in tables of whole numbers, which follow from the shape of the arrays alone, and are on the GPU from the first
call on. A level is all pairs at one depth. One that shares few nodes (`PANEL`) and keeps few ports (`SMALL`) is joined in one launch, by a
block or a few (`PARTS`). Of larger ones rows are laid out, with what each node has beyond the later ones; then blocks take strips of them,
and their conductances are a product of their own; more nodes than the rows of one block take (`MOST`) are eliminated in several stages.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array, Numbers, Real
from .._constants import Copies, clearable
from ._tree import LEAF, PANEL, PORTS, Circuit, Index, Key, layout

TILE = 32  # of the kernels' products
FIELDS = 14  # of a record
SCRATCH = 2 * (16 * 20 + 16) + 192  # numbers of shared memory beside the rows
SMALL = 192  # ports that pairs keep which are joined in one block
MOST = (128, 64)  # nodes of a stage, multiples of LEAF: the first whose rows fit the shared memory of a block
STRIPS = (64, 32)  # columns of a strip: 64 only for up to NARROW nodes, and where strips of a launch are many
NARROW = 64
THREADS = 256  # of a block that joins a small pair, if these fill the GPU
WIDE, PRODUCT = 512, 128  # threads of a block that eliminates a strip, and of one for a tile of a product
BLOCKS, PARTS = 128, 4  # blocks that small pairs are shared out to, where they are fewer, and no more for each
WARPS = 16  # of those blocks together that run at once on a multiprocessor
LAID, LAYING = 2, 320  # rows of a block that lays them, and its threads


@dataclass(frozen=True)
class Table:
    """Records, or tasks of a launch, among the plan's tables, from number `start` on."""

    start: int
    count: int


@dataclass(frozen=True)
class Stage:
    """The elimination of some nodes from `start` on, of all pairs of a level that have as many."""

    start: int
    laid: Table
    strips: tuple[Table, ...]  # by their width, as the level's
    updates: Table
    turns: Table
    splits: Table
    lines: Table


@dataclass(frozen=True)
class Level:
    """All pairs at one depth. Sizes are those of one array: of `above`, of the rows, of W in between stages, and of voltages for each."""

    records: Table
    stages: tuple[Stage, ...]
    tiles: Table
    small: bool
    widths: tuple[int, ...]  # that strips may have
    threads: int  # of a block that joins a small pair, at least
    memory: int  # numbers of shared memory
    above: int
    rows: int
    whole: int
    above_lines: int
    whole_lines: int


@dataclass(frozen=True)
class _Group:
    """The pairs of one layout in a level, of the blocks at (i, j); which of their own layouts the parts are from."""

    key: Key
    i: Index
    j: Index
    first: int
    second: int


def _row(nodes: int, ports: int) -> int:
    """Numbers between two rows in shared memory of so many nodes and ports, as join_row in join.cuh."""
    return -(-nodes // 16) * 16 + -(-ports // 32) * 32 + 4


def _pairs(rows: int, cols: int) -> list[list[_Group]]:
    """The pairs of every level of a tree over rows x cols leaves, the top first."""
    zero = np.zeros(1, np.int64)
    levels: list[list[_Group]] = []
    here = {(rows, cols, True, True): (zero, zero)}
    while True:
        below: dict[Key, list[tuple[Index, Index]]] = {}
        groups = []
        for key, (i, j) in here.items():
            s = layout(*key)
            if s.first is None:
                continue
            starts = []
            for part, (di, dj) in zip(s.parts, ((0, 0), s.offset), strict=True):
                known = below.setdefault(part, [])
                starts.append(sum(len(at) for at, _ in known))
                known.append((i + di, j + dj))
            groups.append(_Group(key, i, j, *starts))
        if not groups:
            return levels
        levels.append(groups)
        here = {key: (np.concatenate([a for a, _ in at]), np.concatenate([b for _, b in at])) for key, at in below.items()}


class Plan:
    """The levels of arrays (n_in, n_out), the deepest first, and their tables, which are copied to a GPU once.

    The ports of the whole are at its left, where drivers are last, and at its bottom, where outputs are first: what only fills the leaves up
    is on both sides of them. Ports and nodes lie in fours that are neighbours in both parts, too, as the kernels take for granted.
    """

    def __init__(self, n_in: int, n_out: int, most: int) -> None:
        if most % LEAF or most > MOST[0]:
            raise ValueError(f"a stage has {most} nodes: no multiple of {LEAF}, or more than {MOST[0]}")
        self.n_in, self.n_out, self.most = n_in, n_out, most
        self.leaf_rows, self.leaf_cols = -(-n_in // LEAF), -(-n_out // LEAF)
        self._whole: Key = (self.leaf_rows, self.leaf_cols, True, True)
        self._parts: list[Index] = []
        self._length = 0
        self._ports: dict[Key, int] = {}
        pairs = _pairs(self.leaf_rows, self.leaf_cols)
        self.levels = [self._level(groups, below) for groups, below in zip(pairs, [*pairs[1:], []])][::-1]
        self.table = np.concatenate([*self._parts, np.zeros(1, np.int64)])
        self._copies = Copies()

    def on(self, table: Table, width: int, like: Numbers) -> Array:
        """A table of `width` numbers a row on the device of `like`."""
        return self._copies.on("table", self.table, like)[table.start : table.start + table.count * width]

    def _put(self, *rows: Index) -> Table:
        """Rows of one table, one below the other."""
        start, values = self._length, [np.ascontiguousarray(r, np.int64) for r in rows]
        self._parts += [r.ravel() for r in values]
        self._length += sum(r.size for r in values)
        return Table(start, sum(len(r) for r in values))

    def _ports_of(self, key: Any) -> int:
        """Where the ports of the parts stand by the nodes of a pair: those that go, and then those that stay."""
        if key not in self._ports:
            s = layout(*key)
            out1, keep1, out2, keep2 = s.wiring
            at, e = np.full((2, len(out1) + s.size), -1, np.int64), len(out1)
            at[0, : e + len(keep1)] = np.concatenate([out1, keep1])
            at[1, :e], at[1, e + len(keep1) :] = out2, keep2
            self._ports[key] = self._put(at).start
        return self._ports[key]

    def _level(self, groups: list[_Group], below: list[_Group]) -> Level:
        """The level of `groups`, whose parts are leaves and pairs of `below`."""
        places, lines, at, line = {}, {}, 0, 0
        for group in below:
            size = layout(*group.key).size
            places[group.key], lines[group.key] = at, line
            at, line = at + len(group.i) * size * size, line + len(group.i) * size
        sizes = [(len(layout(*g.key).wiring[0]), layout(*g.key).size) for g in groups]  # nodes that go, ports that stay
        records, above, rows, whole, above_line, whole_line = [], 0, 0, 0, 0, 0
        for group, (e, kept) in zip(groups, sizes, strict=True):
            n, several = e + kept, e > self.most
            count, record = np.arange(len(group.i)), np.zeros((len(group.i), FIELDS), np.int64)
            record[:, 0], record[:, 1] = e, n
            record[:, 2] = self._ports_of(group.key)
            s = layout(*group.key)
            for field, start, part, (di, dj) in ((3, group.first, s.parts[0], (0, 0)), (5, group.second, s.parts[1], s.offset)):
                size = layout(*part).size if part in places else PORTS
                record[:, field + 1] = size
                if part in places:
                    record[:, field] = places[part] + (start + count) * size * size
                    record[:, 10 + (field == 5)] = lines[part] + (start + count) * size
                else:
                    record[:, field] = -1 - ((group.i + di) * self.leaf_cols + group.j + dj)
            record[:, 7], record[:, 8], record[:, 9] = above + count * kept * kept, rows + count * e * n, whole + count * n * n * several
            record[:, 12], record[:, 13] = above_line + count * kept, whole_line + count * n * several
            above, rows, whole = above + len(count) * kept * kept, rows + len(count) * e * n, whole + len(count) * n * n * several
            above_line, whole_line = above_line + len(count) * kept, whole_line + len(count) * n * several
            records.append(record)
        largest = max(e for e, _ in sizes)
        small = largest <= PANEL and max(kept for _, kept in sizes) <= SMALL
        widths = STRIPS[largest > NARROW :]
        counts = [len(g.i) for g in groups]
        memory = 0
        for e, kept in sizes:
            for start in range(0, e, self.most):
                h = min(self.most, e - start)
                width = kept if small else min(widths[0], e + kept - start - h)
                memory = max(memory, -(-h // 16) * 16 * _row(h, width))
        return Level(
            self._put(*records),
            tuple(self._stage(start, sizes, counts, widths) for start in range(0, largest, self.most)),
            self._tasks(sizes, counts, lambda e, n: self._asked(e, n, groups[0].key == self._whole)),
            small,
            widths,
            min(THREADS, max(32, 8 << (largest - 1).bit_length())),
            SCRATCH + memory,
            above, rows, whole, above_line, whole_line,
        )  # fmt: skip

    def _asked(self, e: int, n: int, top: bool) -> list[tuple[int, int]]:
        """Tiles of what the ports of a pair have between them: of the whole, only those of drivers with outputs."""
        corner = e + self.leaf_rows * LEAF
        return [(x, y) for x, y in _upper(e, n, n) if not top or (x < corner < y + TILE and y < corner + self.n_out)]

    def _stage(self, start: int, sizes: list[tuple[int, int]], counts: list[int], widths: tuple[int, ...]) -> Stage:
        def stop(e: int) -> int:
            return min(start + self.most, e)

        def table(tasks: Any) -> Table:
            return self._tasks(sizes, counts, lambda e, n: tasks(e, n) if start < e else [])

        return Stage(
            start,
            table(lambda e, n: [(b, 0) for b in range(start, stop(e) if start else e, LAID)]),
            tuple(table(lambda e, n, width=width: [(c, 0) for c in range(stop(e), n, width)]) for width in widths),
            table(lambda e, n: _upper(stop(e), e, n)),
            table(lambda e, n: [(c, k) for c in range(0, n - stop(e), TILE) for k in range(0, stop(e) - start, TILE)]),
            table(lambda e, n: _upper(0, n - start, n - start)),
            table(lambda e, n: [(x, 0) for x in range(0, n - start, TILE)]),
        )

    def _tasks(self, sizes: list[tuple[int, int]], counts: list[int], tasks: Any) -> Table:
        """(pair, two numbers) of all pairs of a level, from the tasks of one that has e nodes that go and n in all."""
        made, first = [], 0
        for (e, kept), count in zip(sizes, counts, strict=True):
            own = np.array(tasks(e, e + kept), np.int64).reshape(-1, 2)
            made.append(np.column_stack([np.repeat(first + np.arange(count), len(own)), np.tile(own, (count, 1))]))
            first += count
        return self._put(*made)


def _upper(first: int, last: int, end: int) -> list[tuple[int, int]]:
    """(x, y) of the tiles of a matrix with x from first to last, y from first to end, on and above the diagonal."""
    return [(x, y) for x in range(first, last, TILE) for y in range(x, end, TILE)]


@lru_cache(maxsize=64)
def plan(n_in: int, n_out: int, most: int) -> Plan:
    """The plan for arrays (n_in, n_out) with `most` nodes to a stage."""
    return Plan(n_in, n_out, most)


clearable(plan.cache_clear)


class Levels:
    """A stack of arrays (arrays, n_in, n_out), eliminated level by level: as `Tree`, with a leading axis. Without `keep`, what outputs see of
    drivers is in `T` (arrays, n_in, n_out)."""

    def __init__(self, G: Real, circuit: Circuit, keep: bool = False, T: Array | None = None) -> None:
        self.G, self.circuit, self.keep, self.xp = G, circuit, keep, _array.namespace(G)
        _, n_in, n_out = G.shape
        room = _launch.shared_limit(G) // G.dtype.itemsize - SCRATCH
        most = next((m for m in MOST if m * _row(m, STRIPS[-1]) <= room), MOST[-1])
        self.plan = plan(n_in, n_out, most)
        self.leaf_count = self.plan.leaf_rows * self.plan.leaf_cols
        self.leaf_each = self.leaf_count * PORTS * PORTS
        self.weights: list[Array] = []
        self.leaves = self._empty(self.leaf_each)
        self._launch_leaves("leaves", (), G, self.leaves)
        below, below_each = None, 0
        if not keep:
            self.T = self.xp.empty_like(G) if T is None else T
        direct = not keep and bool(self.plan.levels) and not self.plan.levels[-1].small  # the last product is T
        turns = self._spaces([level.above for level in self.plan.levels[: -1 if direct else None]])
        large = [level.rows for level in self.plan.levels if not level.small]
        work = tuple(self._empty(max(large)) for _ in range(2)) if large else ()
        for level, above in zip(self.plan.levels, [*turns, self.T] if direct else turns, strict=True):
            self._join(level, below, below_each, above, *work)
            below, below_each = above, level.above
        if not keep and not direct:
            whole = self.leaves if below is None else below
            self.T[...] = whole.reshape(len(G), self._size, self._size)[:, *self._ends]

    @property
    def _size(self) -> int:
        """Ports of the whole."""
        return PORTS if not self.plan.levels else self.plan.levels[-1].above_lines

    @property
    def _ends(self) -> tuple[slice, slice]:
        """The drivers and the outputs among the ports of the whole."""
        _, n_in, n_out = self.G.shape
        left = self.plan.leaf_rows * LEAF
        bottom = left if self.plan.levels else 3 * LEAF
        return slice(left - n_in, left), slice(bottom, bottom + n_out)

    def _empty(self, each: int) -> Array:
        return self.xp.empty(len(self.G) * each, self.G.dtype)

    def _spaces(self, each: list[int]) -> list[Array]:
        """Arrays of so many numbers, one after another in two pieces of memory, which take turns: what stays small stays in the GPU's cache."""
        turns = [self._empty(max(each[turn::2], default=0)) for turn in range(2)]
        return [turns[i % 2][: len(self.G) * size] for i, size in enumerate(each)]

    def _launch_leaves(self, verb: str, sizes: tuple[int, ...], *arrays: Array) -> None:
        count, n_in, n_out = self.G.shape
        block = 64 if verb == "voltages" else 128
        each = block // 16 if verb == "leaves" else block // 32
        grid = max(1, min(-(-count * self.leaf_count // each), _launch.MAX_BLOCKS))
        args = count, n_in, n_out, *sizes, *self.circuit.args, *arrays
        _launch.launch("crossbar/tree", verb, self.G.dtype, *args, grid=(grid,), block=(block,))

    def _launch(self, verb: str, level: Level, count: int, sizes: tuple[int, ...], *arrays: Array | None, tasks: Table | None = None,
                threads: int = PRODUCT, shared: int = 0, times: int = 1) -> None:  # fmt: skip
        """A block for each of `count` tasks of every array, and of `times` parts of them."""
        tables = [self.plan.on(level.records, FIELDS, self.G), self.plan.on(Table(0, len(self.plan.table)), 1, self.G)]
        if tasks is not None:
            tables.append(self.plan.on(tasks, 3, self.G))
        grid = tuple(min(n, _launch.MAX_BLOCKS) for n in (count, len(self.G), times))
        args = len(self.G), count, *sizes, *tables, *arrays
        _launch.launch("crossbar/join", verb, self.G.dtype, *args, grid=grid, block=(threads,), shared=shared)

    def _join(self, level: Level, below: Array | None, below_each: int, above: Array, *work: Array) -> None:
        """The blocks that a level makes of those below it. work : for the rows of a large level, twice."""
        weights = self._empty(level.rows) if self.keep else None
        if weights is not None:
            self.weights.append(weights)
        shared = level.memory * self.G.dtype.itemsize
        if level.small:
            arrays, ends = (self.leaves, below, above, weights), (self.leaf_each, below_each, level.above, level.rows)
            pairs = level.records.count * len(self.G)
            parts = max(1, min(PARTS, BLOCKS // pairs))
            warps = min(WARPS, BLOCKS * WARPS // (pairs * parts))  # as many as fill a GPU
            how = {"threads": max(level.threads, 32 * warps), "shared": shared, "times": parts}
            self._launch("small", level, level.records.count, ends, *arrays, **how)
            return
        rows, done = work
        for stage in level.stages:
            at = level.rows, stage.start, self.plan.most
            laid = self.leaf_each, below_each, *at
            self._launch("lay", level, stage.laid.count, laid, self.leaves, below, rows, tasks=stage.laid, threads=LAYING)
            widths = list(zip(level.widths, stage.strips, strict=True))  # the widest that still fill a GPU
            width, strips = next((each for each in widths if each[1].count * len(self.G) >= BLOCKS), widths[-1])
            how = {"threads": WIDE, "shared": shared}
            self._launch("eliminate", level, strips.count, (*at, width), rows, done, weights, tasks=strips, **how)
            if stage.updates.count:
                self._launch("update", level, stage.updates.count, at, done, rows, tasks=stage.updates)
        last = level is self.plan.levels[-1]
        if last and self.keep:
            return
        n_in, n_out = self.G.shape[1:] if last else (0, 0)
        sizes = self.leaf_each, below_each, n_in * n_out if last else level.above, level.rows, n_in, n_out
        self._launch("couple", level, level.tiles.count, sizes, self.leaves, below, done, above, tasks=level.tiles)

    # ---- down the tree
    def _down(self, state: Array, q: int | None = None) -> Array:
        """What is known of the ports of the whole, W (arrays, ports, ports) or voltages (arrays, ports, q), handed down: that of the leaves,
        (arrays, leaves, 16, 16) or (arrays, leaves, 16, q)."""
        levels, each = self.plan.levels, 1 if q is None else q
        if not levels:
            return state[:, None]
        leaf_each = self.leaf_each if q is None else self.leaf_count * PORTS
        leaves, above = self.xp.zeros(len(self.G) * leaf_each * each, self.G.dtype), state
        for depth in range(len(levels) - 1, -1, -1):
            level, weights = levels[depth], self.weights[depth]
            mine, whole_each = (level.above, level.whole) if q is None else (level.above_lines, level.whole_lines)
            below_each = 0 if depth == 0 else levels[depth - 1].above if q is None else levels[depth - 1].above_lines
            below = self._empty(below_each * each) if depth else None
            whole: Array | None = None
            for stage in reversed(level.stages):
                out = self._empty(whole_each * each) if stage.start else None
                at = mine, level.rows, whole_each, stage.start, self.plan.most
                ends, known, to = (leaf_each, below_each), (weights, above, whole), (out, leaves, below)
                if q is None:
                    turned = self._empty(level.rows)
                    self._launch("turn", level, stage.turns.count, at, *known, turned, tasks=stage.turns)
                    self._launch("split", level, stage.splits.count, (*ends, *at), *known, turned, *to, tasks=stage.splits)
                else:
                    parts = -(-q // TILE)
                    self._launch("voltages", level, stage.lines.count, (*ends, *at, q), *known, *to, tasks=stage.lines, times=parts)
                whole = out
            above = below
        return leaves.reshape(len(self.G), self.leaf_count, PORTS, PORTS if q is None else q)

    def vjp(self, cotangent: Numbers) -> tuple[Array, Array]:
        """dL/dG like G, and dL/d(conductance) of the four kinds of segments, float64 (arrays, 4); cotangent dL/dT like T."""
        W = self.xp.zeros((len(cotangent), self._size, self._size), self.G.dtype)
        drivers, outputs = self._ends
        W[:, drivers, outputs] = cotangent
        W[:, outputs, drivers] = cotangent.swapaxes(-1, -2)
        leaves = self._down(W)
        gradient, segments = self.xp.empty_like(self.G), self.xp.empty((*leaves.shape[:2], 4), self.G.dtype)
        self._launch_leaves("leaves_vjp", (), self.G, leaves, gradient, segments)
        return gradient, segments.sum(1, dtype=np.float64)

    def voltages(self, drivers: Numbers, outputs: Numbers) -> tuple[Array, Array]:
        """Voltages (arrays, n_in, n_out, q) on both lines for driver (arrays, n_in, q) and output voltages (arrays, n_out, q)."""
        q = drivers.shape[-1]
        V = self.xp.zeros((len(drivers), self._size, q), self.G.dtype)
        at = self._ends
        V[:, at[0]], V[:, at[1]] = drivers, outputs
        leaves = self._down(V, q)
        word, bit = (self.xp.empty((*self.G.shape, q), self.G.dtype) for _ in range(2))
        self._launch_leaves("voltages", (q,), self.G, leaves, word, bit)
        return word, bit
