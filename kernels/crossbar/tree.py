"""CPU twin of tree.cu: a crossbar with resistive wires, eliminated node by node, blocks of cells first, then pairs of blocks up a tree.

Only conductances between ports are kept, never the diagonal of the nodal matrix: every step adds and multiplies positive numbers,
so nothing cancels, in float32 as in float64, whatever the ratio of wire to cell (Grassmann, Taksar, Heyman, Oper. Res. 33 (1985)).

Two moves are the whole physics of a block; C[k, a] is the conductance between ports k and a:
    cell g: C[w, u] += g
    segment g, over which port k moves on: s = g + sum_a C[k, a];  C[a, b] += C[k, a] C[k, b] / s;  C[k, a] *= g / s
The node left behind is an average of its neighbours: weight C[k, a] / s of port a, g / s of the new port. The reverse pass uses these.

A leaf of M x M cells has 4 M ports: word in (0..), word out (M..), bit top (2 M..), bit out (3 M..). Sixteen leaves go side by side.
Arguments of all kernels on leaves: G (arrays, n_in, n_out); word, bit, first, last: conductances of a word and a bit segment, the first
word and the last bit segment of a line; pair: rows are positive and negative in turn and share the node on the bit line. Leaves are
counted row by row; the array lies at the lower left of their grid, and empty rows above and columns beside it carry no current.

`join`, `split` and `part_voltages` work on one pair of blocks, depth first, so that it stays in the cache. A GPU does all pairs of a level at a
time: join.cu, whose twins are in join.py.
"""

import numpy as np
from numba import types

from .._jit import inner, njit
from .._vectors import LANES, add, every, load, mul, plus, ratio, store, where

M = 4  # cells on a side of a leaf; 4 is faster than 2 and 8 in float64 on x86-64
PORTS = 4 * M
STEPS = 2 * M * (M - 1) + 2 * M  # nodes of a leaf that go
PANEL = 32
PERFECT = 1e20  # a segment without resistance, in units of the largest cell: shorter than rounding can tell
FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums of positive numbers: any order is as good


# -------------------------------------------------------------------------------------------------------------------- leaves
# A group of leaves works in two arrays of rows of lanes: C, the conductances, row PORTS k + a between ports k and a, and tape, the weights of
# the nodes that are left, row PORTS step + a. Behind these are the segments of a move, or which lanes are shut, the five kinds of segments, and
# what the reverse pass works with.
GIVEN, WIRE, OWN = PORTS * STEPS, PORTS * STEPS + 1, PORTS * (STEPS + 1)


@inner(error_model="numpy")
def move(C, tape, step, cell, k):
    """Port k of every lane moves on through the segments given, with the ports that exist at a cell; 0: it is eliminated."""
    count, own, line = COUNTS[cell], k * PORTS, step * PORTS
    store(C, own + k, every(C, 0.0))
    given = load(tape, GIVEN)
    total = given
    for b in range(count):
        total = add(total, load(C, own + EXISTING[cell, b]))
    scale = ratio(every(C, 1.0), total)  # a node that nothing reaches stays at zero
    for a in range(count):
        i = EXISTING[cell, a]
        if i == k:
            continue
        weight = mul(load(C, own + i), scale)
        store(tape, line + i, weight)
        for b in range(count):
            j = EXISTING[cell, b]
            store(C, i * PORTS + j, plus(load(C, i * PORTS + j), weight, load(C, own + j)))
    passed = mul(given, scale)
    store(tape, line + k, passed)
    for a in range(count):
        i = EXISTING[cell, a]
        moved = mul(load(C, own + i), passed)
        store(C, own + i, moved)
        store(C, i * PORTS + k, moved)


@inner(error_model="numpy")
def close(C, tape, step, k):
    """Eliminate port k of the lanes that are shut; in the others it stays."""
    own, line, shut, zero = k * PORTS, step * PORTS, load(tape, GIVEN), every(C, 0.0)
    store(C, own + k, where(shut, zero, load(C, own + k)))
    total = load(C, own)
    for a in range(1, PORTS):
        total = add(total, load(C, own + a))
    for a in range(PORTS):
        weight = where(shut, ratio(load(C, own + a), total), zero)
        store(tape, line + a, weight)
        for b in range(PORTS):
            before = load(C, a * PORTS + b)
            store(C, a * PORTS + b, where(shut, add(before, mul(weight, load(C, own + b))), before))
    store(tape, line + k, where(shut, load(tape, line + k), every(C, 1.0)))
    for a in range(PORTS):
        store(C, own + a, where(shut, zero, load(C, own + a)))
        store(C, a * PORTS + k, where(shut, zero, load(C, a * PORTS + k)))


def _ports_by(i, j):
    """The ports of a leaf that exist when cell (i, j) is added."""
    words = [port for a in range(i + 1) for port in (a, M + a)]
    return words + [2 * M + a for a in range(M if i else j + 1)] + [3 * M + a for a in range(M if i else j)]


# Of every cell, and at last of the whole leaf, and how many: constants, which are compiled sooner than what counts them
_PORTS = [*(_ports_by(i, j) for i in range(M) for j in range(M)), range(PORTS)]
COUNTS, EXISTING = np.array([len(ports) for ports in _PORTS]), np.array([([*ports] + PORTS * [0])[:PORTS] for ports in _PORTS])
WHOLE = M * M


@inner(error_model="numpy")
def segment_kind(row, col, n_in, n_out, pair):
    """Which conductance the word segment before and the bit segment after a cell have: 0 word, 1 bit, 2 first, 3 last, 4 perfect."""
    before = 2 if col == 0 else 0
    after = 3 if row == n_in - 1 else 4 if pair and row >= 0 and row % 2 == 0 else 1
    return before, after


@inner(error_model="numpy")
def leaf_group(G, n, n_in, n_out, pair, start, lanes, C, tape):
    """Leaves start, start + 1, ... of array n, one in each of so many lanes: C and tape are filled."""
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, zero = rows * M - n_in, every(C, 0.0)
    for a in range(PORTS * PORTS):
        store(C, a, zero)
    for a in range(GIVEN + 1):
        store(tape, a, zero)
    step = np.int64(0)  # which a 0 alone is not: what is called would be compiled for it by itself
    for cell in range(M * M):
        i, j = cell // M, cell % M
        w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
        for bit in range(2):
            down, right = start // cols, start % cols
            for x in range(lanes):
                row, col = down * M + i - up, right * M + j
                before, after = segment_kind(row, col, n_in, n_out, pair)
                if bit and row >= 0 and col < n_out:
                    conductance = G[(n * n_in + row) * n_out + col]
                    C[(w * PORTS + u) * LANES + x] += conductance
                    C[(u * PORTS + w) * LANES + x] += conductance
                tape[GIVEN * LANES + x] = tape[WIRE * LANES + (after if bit else before)]
                right += 1
                if right == cols:
                    down, right = down + 1, 0
            if (i if bit else j) > 0:
                move(C, tape, step, cell, u if bit else w)
                step += 1
            else:  # the first of a line
                a, b = (u, 3 * M + j) if bit else (i, w)
                store(C, a * PORTS + b, load(tape, GIVEN))
                store(C, b * PORTS + a, load(tape, GIVEN))
    for line in range(2 * M):  # lines end at the right and at the upper edge of the array
        some, right, k = False, start % cols, 2 * M + line // 2 if line % 2 else M + line // 2
        for x in range(lanes):
            shut = start + x < cols if line % 2 else right == cols - 1
            some = some or shut
            tape[GIVEN * LANES + x] = shut
            right = right + 1 if right < cols - 1 else 0
        if some:
            close(C, tape, step, k)
        else:
            store(tape, step * PORTS + k, every(C, 1.0))
        step += 1


@inner(error_model="numpy")
def memory(word, bit, first, last, dtype):
    """C and tape, with the five kinds of segments in it."""
    C, tape, at = np.empty(PORTS * PORTS * LANES, dtype), np.empty(PORTS * (STEPS + 2) * LANES, dtype), WIRE * LANES
    tape[at], tape[at + 1], tape[at + 2], tape[at + 3], tape[at + 4] = word, bit, first, last, PERFECT
    return C, tape


@njit(error_model="numpy")
def pnn_tree_leaves(arrays, n_in, n_out, pair, word, bit, first, last, G, out):
    blocks = -(-n_in // M) * -(-n_out // M)
    C, tape = memory(word, bit, first, last, G.dtype)
    for n in range(arrays):
        for start in range(0, blocks, LANES):
            lanes = LANES if start + LANES < blocks else blocks - start
            leaf_group(G, n, n_in, n_out, pair, start, lanes, C, tape)
            for x in range(lanes):
                for a in range(PORTS * PORTS):
                    out[(n * blocks + start + x) * PORTS * PORTS + a] = C[a * LANES + x]


# --------------------------------------------------------------------------------------------------------------------- joins
@inner(fastmath=FAST, error_model="numpy")
def panel(rows, start, stop):
    """The nodes start to stop of `join`, without the update of the rows below."""
    n = rows.shape[1]
    for k in range(start, stop):
        total = rows[k, k + 1]
        for a in range(k + 2, n):
            total += rows[k, a]
        inverse = 1 / total if total > 0 else 0 * total
        for b in range(k + 1, stop):
            weight = rows[k, b] * inverse
            for a in range(b + 1, n):
                rows[b, a] += weight * rows[k, a]
        root = np.sqrt(inverse)
        for a in range(k + 1, n):
            rows[k, a] *= root
        rows[k, k] = root


# Loops instead of Numba's slices and sums of arrays, which bring the text of their errors along: that takes longer to compile than all of this.
@inner(error_model="numpy")
def corner(A, top, bottom, left, right, numbers):
    """A copy of A[top:bottom, left:right], or where there are numbers of these columns from `left` on."""
    count = len(numbers)
    out = np.empty((bottom - top, count if count else right - left), A.dtype)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = A[top + i, left + (numbers[j] if count else j)]
    return out


@njit(error_model="numpy")
def join(first, out1, keep1, second, out2, keep2, drivers, outputs):
    """Two blocks wired together at out1 = out2: conductances of their other ports (first's, then second's), and the eliminated rows.

    Where there are `drivers`, only the conductances between these and the `outputs` among the other ports: (drivers, outputs).

    rows (e, n): conductances of e nodes that go, to each other (columns :e, symmetric) and to the ports that stay (columns e:). In the end
    rows[:, e:] = Z, and the conductances of the ports that stay have grown by Z.T @ Z. The voltage of node k is then
    rows[k, k] * sum_{a > k} rows[k, a] v_a.
    """
    e, n1, n2 = len(out1), len(keep1), len(keep2)
    n = e + n1 + n2
    rows = np.empty((e, n), first.dtype)
    for k in range(e):
        for a in range(e):
            rows[k, a] = first[out1[k], out1[a]] + second[out2[k], out2[a]]
        for a in range(n1):
            rows[k, e + a] = first[out1[k], keep1[a]]
        for a in range(n2):
            rows[k, e + n1 + a] = second[out2[k], keep2[a]]
    none = out1[:0]
    C = rows  # what it will be is of this type
    for start in range(0, e, PANEL):
        stop = start + PANEL if start + PANEL < e else e
        panel(rows, start, stop)
        last = stop == e
        left = corner(rows, 0 if last else start, stop, stop, n if last else e, drivers if last else none)
        right = left if last and not len(drivers) else corner(rows, 0 if last else start, stop, stop, n, outputs if last else none)
        C = np.dot(left.T, right, np.empty((left.shape[1], right.shape[1]), left.dtype))
        if not last:
            for k in range(stop, e):
                for a in range(stop, n):
                    rows[k, a] += C[k - stop, a - stop]
    for a in range(len(drivers)):
        for b in range(len(outputs)):
            i, j = drivers[a], outputs[b]
            if i < n1 and j < n1:
                C[a, b] += first[keep1[i], keep1[j]]
            elif i >= n1 and j >= n1:
                C[a, b] += second[keep2[i - n1], keep2[j - n1]]
    if not len(drivers):
        for a in range(n1):
            for b in range(n1):
                C[a, b] += first[keep1[a], keep1[b]]
        for a in range(n2):
            for b in range(n2):
                C[n1 + a, n1 + b] += second[keep2[a], keep2[b]]
    return C, rows


# ------------------------------------------------------------------------------------------------------------- down the tree
@inner(error_model="numpy")
def place(A, out, top):
    """out[top:] = A."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[top + i, j] = A[i, j]


@inner(fastmath=FAST, error_model="numpy")
def back(rows, V, start, stop):
    """V[k] = rows[k, k] (V[k] + sum_{k < a < stop} rows[k, a] V[a]) for stop > k >= start."""
    for k in range(stop - 1, start - 1, -1):
        for a in range(k + 1, stop):
            weight = rows[k, a]
            for x in range(V.shape[1]):
                V[k, x] += weight * V[a, x]
        root = rows[k, k]
        for x in range(V.shape[1]):
            V[k, x] *= root


@inner(error_model="numpy")
def interpolate(rows, V):
    """Fill V[:e], the eliminated nodes, from V[e:], the kept ports; V (n, q), rows from `join`."""
    e, none = rows.shape[0], np.empty(0, np.int64)
    for start in range((e - 1) // PANEL * PANEL, -1, -PANEL):
        stop = min(start + PANEL, e)
        place(np.dot(corner(rows, start, stop, stop, rows.shape[1], none), V[stop:]), V, start)
        back(rows, V, start, stop)


@njit(error_model="numpy")
def split(rows, W, out1, keep1, size1, out2, keep2, size2):
    """W = Phi Q Phi^T of the kept ports of a joined block -> W of all ports of its two parts (Phi: port voltages, Q: the cotangent)."""
    e, n = rows.shape
    n1, n2 = len(keep1), len(keep2)
    V = np.empty((n, n - e), rows.dtype)
    place(W, V, e)
    interpolate(rows, V)
    E = np.empty((n, e), rows.dtype)
    for a in range(n - e):
        for k in range(e):
            E[e + a, k] = V[k, a]
    interpolate(rows, E)
    first, second = np.zeros((size1, size1), rows.dtype), np.zeros((size2, size2), rows.dtype)
    for a in range(e):
        for b in range(e):
            first[out1[a], out1[b]] = E[a, b]
            second[out2[a], out2[b]] = E[a, b]
        for b in range(n1):
            first[out1[a], keep1[b]] = V[a, b]
            first[keep1[b], out1[a]] = V[a, b]
        for b in range(n2):
            second[out2[a], keep2[b]] = V[a, n1 + b]
            second[keep2[b], out2[a]] = V[a, n1 + b]
    for a in range(n1):
        for b in range(n1):
            first[keep1[a], keep1[b]] = W[a, b]
    for a in range(n2):
        for b in range(n2):
            second[keep2[a], keep2[b]] = W[n1 + a, n1 + b]
    return first, second


@njit(error_model="numpy")
def part_voltages(rows, V, out1, keep1, size1, out2, keep2, size2):
    """V (kept ports, q) of a joined block -> voltages of all ports of its two parts."""
    e, n1, q = len(out1), len(keep1), V.shape[1]
    full = np.empty((e + len(V), q), rows.dtype)
    place(V, full, e)
    interpolate(rows, full)
    first, second = np.zeros((size1, q), rows.dtype), np.zeros((size2, q), rows.dtype)
    for x in range(q):
        for a in range(e):
            first[out1[a], x] = full[a, x]
            second[out2[a], x] = full[a, x]
        for a in range(n1):
            first[keep1[a], x] = V[a, x]
        for a in range(len(keep2)):
            second[keep2[a], x] = V[n1 + a, x]
    return first, second


@inner(error_model="numpy")
def unmove(W, tape, step, cell, k):
    """W with port k -> W with the node that was left behind when port k moved on; -sum Q dv dv of the segment between them."""
    count, own, line = COUNTS[cell], k * PORTS, step * PORTS
    zero = every(W, 0.0)
    for b in range(count):
        j, total = EXISTING[cell, b], zero
        for a in range(count):
            i = EXISTING[cell, a]
            total = plus(total, load(tape, line + i), load(W, i * PORTS + j))
        store(tape, OWN + j, total)
    corner = zero
    for a in range(count):
        i = EXISTING[cell, a]
        corner = plus(corner, load(tape, line + i), load(tape, OWN + i))
    along = plus(load(tape, OWN + k), every(W, -0.5), add(load(W, own + k), corner))
    for a in range(count):
        i = EXISTING[cell, a]
        store(W, own + i, load(tape, OWN + i))
        store(W, i * PORTS + k, load(tape, OWN + i))
    store(W, own + k, corner)
    return along


@inner(error_model="numpy")
def between(W, a, b):
    """-sum Q dv dv between two ports."""
    return plus(load(W, a * PORTS + b), every(W, -0.5), add(load(W, a * PORTS + a), load(W, b * PORTS + b)))


@njit(error_model="numpy")
def pnn_tree_leaves_vjp(arrays, n_in, n_out, pair, word, bit, first, last, G, W, gradient, segments):
    """From W (arrays, blocks, ports, ports): gradient (arrays, n_in, n_out), and for each leaf the sums over its segments of each kind."""
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, blocks = rows * M - n_in, rows * cols
    C, tape = memory(word, bit, first, last, G.dtype)
    for at in range(4 * arrays * blocks):
        segments[at] = 0
    for n in range(arrays):
        for start in range(0, blocks, LANES):
            lanes = LANES if start + LANES < blocks else blocks - start
            leaf_group(G, n, n_in, n_out, pair, start, lanes, C, tape)
            for x in range(lanes):
                for a in range(PORTS * PORTS):
                    C[a * LANES + x] = W[(n * blocks + start + x) * PORTS * PORTS + a]
            step = STEPS - np.int64(2 * M)
            if start % cols + LANES >= cols or start < cols:  # perhaps a leaf at the right or the upper edge
                for line in range(2 * M - 1, -1, -1):
                    unmove(C, tape, step + line, np.int64(WHOLE), 2 * M + line // 2 if line % 2 else M + line // 2)
            for cell in range(M * M - 1, -1, -1):
                i, j = cell // M, cell % M
                w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
                for other in range(2):
                    if (j if other else i) > 0:
                        step -= 1
                        along = unmove(C, tape, step, cell, w if other else u)
                    else:
                        a, b = (i, w) if other else (u, 3 * M + j)
                        along = between(C, a, b)
                    store(tape, GIVEN, along)
                    for x in range(lanes):
                        at = start + x
                        row, col = at // cols * M + i - up, at % cols * M + j
                        if row >= 0 and col < n_out:
                            before, after = segment_kind(row, col, n_in, n_out, pair)
                            kind = before if other else after
                            if not other:
                                cross, own, its = (w * PORTS + u) * LANES, (w * PORTS + w) * LANES, (u * PORTS + u) * LANES
                                gradient[(n * n_in + row) * n_out + col] = C[cross + x] - (C[own + x] + C[its + x]) / 2
                            if kind < 4:
                                segments[4 * (n * blocks + at) + kind] += tape[GIVEN * LANES + x]


@inner(fastmath=FAST, error_model="numpy")
def left_behind(v, q, k, tape, step, x):
    """The voltages of the node that was left behind when port k of lane x moved on, in its place."""
    line = step * PORTS * LANES + x
    for s in range(q):
        v[k * q + s] *= tape[line + k * LANES]
    for a in range(PORTS):
        weight = tape[line + a * LANES]
        if a != k and weight != 0:
            for s in range(q):
                v[k * q + s] += weight * v[a * q + s]


@njit(error_model="numpy")
def pnn_tree_voltages(arrays, n_in, n_out, q, pair, word, bit, first, last, G, V, on_word, on_bit):
    """Voltages (arrays, n_in, n_out, q) of the nodes on both lines at every cell, from those of the ports V (arrays, blocks, ports, q)."""
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, blocks = rows * M - n_in, rows * cols
    C, tape = memory(word, bit, first, last, G.dtype)
    v = np.empty(PORTS * q, G.dtype)
    for n in range(arrays):
        for start in range(0, blocks, LANES):
            lanes = LANES if start + LANES < blocks else blocks - start
            leaf_group(G, n, n_in, n_out, pair, start, lanes, C, tape)
            for x in range(lanes):
                at = start + x
                for s in range(PORTS * q):
                    v[s] = V[(n * blocks + at) * PORTS * q + s]
                step = np.int64(STEPS)
                for line in range(2 * M - 1, -1, -1):
                    step -= 1
                    left_behind(v, q, 2 * M + line // 2 if line % 2 else M + line // 2, tape, step, x)
                for cell in range(M * M - 1, -1, -1):
                    i, j = cell // M, cell % M
                    w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
                    row, col = at // cols * M + i - up, at % cols * M + j
                    for other in range(2):
                        if (j if other else i) > 0:
                            step -= 1
                            left_behind(v, q, w if other else u, tape, step, x)
                        if not other and row >= 0 and col < n_out:
                            for s in range(q):
                                on_word[((n * n_in + row) * n_out + col) * q + s] = v[w * q + s]
                                on_bit[((n * n_in + row) * n_out + col) * q + s] = v[u * q + s]


def others():
    """What is called beside the kernels, with the types that it is called with: for `pnnkern warm`."""
    ports = types.Array(types.int64, 1, "C")
    for real in (types.float32, types.float64):
        block = types.Array(real, 2, "C")
        down = block, block, ports, ports, types.int64, ports, ports, types.int64
        yield join, (block, ports, ports, block, ports, ports, ports, ports)
        yield split, down
        yield part_voltages, down
