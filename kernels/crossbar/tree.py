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

from .._jit import inner, njit

M = 4  # cells on a side of a leaf; 4 is faster than 2 and 8 in float64 on x86-64
PORTS = 4 * M
STEPS = 2 * M * (M - 1) + 2 * M  # nodes of a leaf that go
LANES = 16
PANEL = 32
PERFECT = 1e20  # a segment without resistance, in units of the largest cell: shorter than rounding can tell
FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums of positive numbers: any order is as good


# -------------------------------------------------------------------------------------------------------------------- leaves
@inner(fastmath=FAST, error_model="numpy")
def move(C, ports, count, k, g, tape):
    """Port k of every lane moves on through a segment g; g = 0: it is eliminated. tape (ports, lanes): the weights of the node left."""
    scale = np.empty(LANES, C.dtype)
    for x in range(LANES):
        C[k, k, x] = 0
        scale[x] = g[x]
    for b in range(count):
        for x in range(LANES):
            scale[x] += C[k, ports[b], x]
    for x in range(LANES):
        scale[x] = 1 / scale[x] if scale[x] > 0 else 0  # a node that nothing reaches stays at zero
    for a in range(count):
        i = ports[a]
        if i == k:
            continue
        weight = tape[i]
        for x in range(LANES):
            weight[x] = C[k, i, x] * scale[x]
        for b in range(count):
            j = ports[b]
            for x in range(LANES):
                C[i, j, x] += weight[x] * C[k, j, x]
    for x in range(LANES):
        tape[k, x] = g[x] * scale[x]
    for a in range(count):
        i = ports[a]
        for x in range(LANES):
            moved = C[k, i, x] * tape[k, x]
            C[k, i, x] = moved
            C[i, k, x] = moved


@inner(error_model="numpy")
def close(C, k, shut, tape):
    """Eliminate port k of the lanes where `shut`; in the others it stays."""
    for x in range(LANES):
        if not shut[x]:
            tape[k, x] = 1
            continue
        C[k, k, x] = 0
        total = C[k, 0, x]
        for a in range(1, PORTS):
            total += C[k, a, x]
        for a in range(PORTS):
            tape[a, x] = C[k, a, x] / total if total > 0 else 0
        for a in range(PORTS):
            for b in range(PORTS):
                C[a, b, x] += tape[a, x] * C[k, b, x]
        for a in range(PORTS):
            C[k, a, x] = 0
            C[a, k, x] = 0


def _ports_by(i, j):
    """The ports of a leaf that exist when cell (i, j) is added."""
    words = [port for a in range(i + 1) for port in (a, M + a)]
    return words + [2 * M + a for a in range(M if i else j + 1)] + [3 * M + a for a in range(M if i else j)]


# Of every cell, and how many: constants, which are compiled sooner than what counts them. Unsigned: no negative-index test in the inner loop
COUNTS = np.array([[len(_ports_by(i, j)) for j in range(M)] for i in range(M)])
EVERY = np.arange(PORTS, dtype=np.uint32)
EXISTING = np.array([[(_ports_by(i, j) + PORTS * [0])[:PORTS] for j in range(M)] for i in range(M)], np.uint32)


@inner(error_model="numpy")
def segment_kind(row, col, n_in, n_out, pair):
    """Which conductance the word segment before and the bit segment after a cell have: 0 word, 1 bit, 2 first, 3 last, 4 perfect."""
    before = 2 if col == 0 else 0
    after = 3 if row == n_in - 1 else 4 if pair and row >= 0 and row % 2 == 0 else 1
    return before, after


@inner(error_model="numpy")
def leaf_group(G, wire, pair, start, C, tape):
    """Leaves start, start + 1, ... of one array, one in each lane; C (ports, ports, lanes), tape (steps, ports, lanes) are filled."""
    n_in, n_out = G.shape
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, blocks = rows * M - n_in, rows * cols
    g = np.empty(LANES, G.dtype)
    shut = np.empty(LANES, np.bool_)
    top, left = np.empty(LANES, np.int64), np.empty(LANES, np.int64)  # the first row and column of the leaf in each lane
    for x in range(LANES):
        at = start + x if start + x < blocks else blocks - 1
        top[x] = at // cols * M - up
        left[x] = at % cols * M
    C[:] = 0
    tape[:] = 0
    step = 0
    for i in range(M):
        for j in range(M):
            w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
            ports, count = EXISTING[i, j], COUNTS[i, j]
            for x in range(LANES):
                before, _ = segment_kind(top[x] + i, left[x] + j, n_in, n_out, pair)
                g[x] = wire[before]
            if j == 0:
                for x in range(LANES):
                    C[i, w, x] = g[x]
                    C[w, i, x] = g[x]
            else:
                move(C, ports, count, w, g, tape[step])
                step += 1
            for x in range(LANES):
                row, col = top[x] + i, left[x] + j
                if row >= 0 and col < n_out:
                    cell = G[row, col]
                    C[w, u, x] += cell
                    C[u, w, x] += cell
                _, after = segment_kind(row, col, n_in, n_out, pair)
                g[x] = wire[after]
            if i == 0:
                for x in range(LANES):
                    C[u, 3 * M + j, x] = g[x]
                    C[3 * M + j, u, x] = g[x]
            else:
                move(C, ports, count, u, g, tape[step])
                step += 1
    edge = start % cols + LANES >= cols or start < cols  # perhaps a leaf at the right or the upper edge: wires end there
    for k in range(M):
        for x in range(LANES):
            shut[x] = edge and left[x] == (cols - 1) * M
        close(C, M + k, shut, tape[step])
        for x in range(LANES):
            shut[x] = edge and top[x] == -up
        close(C, 2 * M + k, shut, tape[step + 1])
        step += 2


@inner(error_model="numpy")
def wires_of(word, bit, first, last, dtype):
    wire = np.empty(5, dtype)
    wire[0], wire[1], wire[2], wire[3], wire[4] = word, bit, first, last, PERFECT
    return wire


@njit(error_model="numpy")
def pnn_tree_leaves(arrays, n_in, n_out, pair, word, bit, first, last, G, out):
    blocks = -(-n_in // M) * -(-n_out // M)
    cells, ends = G.reshape(arrays, n_in, n_out), out.reshape(arrays, blocks, PORTS, PORTS)
    C, tape = np.empty((PORTS, PORTS, LANES), G.dtype), np.empty((STEPS, PORTS, LANES), G.dtype)
    wire = wires_of(word, bit, first, last, G.dtype)
    for n in range(arrays):
        for start in range(0, blocks, LANES):
            leaf_group(cells[n], wire, pair, start, C, tape)
            for b in range(start, start + LANES if start + LANES < blocks else blocks):
                for a in range(PORTS):
                    for c in range(PORTS):
                        ends[n, b, a, c] = C[a, c, b - start]


# --------------------------------------------------------------------------------------------------------------------- joins
@inner(fastmath=FAST, error_model="numpy")
def panel(rows, start, stop):
    """The nodes start to stop of `eliminate`, without the update of the rows below."""
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
def corner(A, top, bottom, left, right):
    """A copy of A[top:bottom, left:right]."""
    out = np.empty((bottom - top, right - left), A.dtype)
    for i in range(top, bottom):
        for j in range(left, right):
            out[i - top, j - left] = A[i, j]
    return out


@inner(error_model="numpy")
def place(A, out, top):
    """out[top:] = A."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[top + i, j] = A[i, j]


@inner(error_model="numpy")
def product(left, right):
    """left.T @ right."""
    out = np.empty((left.shape[1], right.shape[1]), left.dtype)
    return np.dot(left.T, right, out)


@inner(error_model="numpy")
def eliminate(rows):
    """rows (e, n): conductances of e nodes that go, to each other (columns :e, symmetric) and to the ports that stay (columns e:).

    In place: on return rows[:, e:] = Z, and the conductances of the ports that stay grow by Z.T @ Z. The voltage of node k is then
    rows[k, k] * sum_{a > k} rows[k, a] v_a.
    """
    e, n = rows.shape
    for start in range(0, e, PANEL):
        stop = start + PANEL if start + PANEL < e else e
        panel(rows, start, stop)
        if stop < e:
            done = corner(rows, start, stop, stop, n)
            more = product(corner(rows, start, stop, stop, e), done)
            for k in range(stop, e):
                for a in range(stop, n):
                    rows[k, a] += more[k - stop, a - stop]


@inner(error_model="numpy")
def shared_rows(first, out1, keep1, second, out2, keep2):
    """The rows that `eliminate` takes, for two blocks whose ports out1 and out2 are one."""
    e, n1, n2 = len(out1), len(keep1), len(keep2)
    rows = np.empty((e, e + n1 + n2), first.dtype)
    for k in range(e):
        for a in range(e):
            rows[k, a] = first[out1[k], out1[a]] + second[out2[k], out2[a]]
        for a in range(n1):
            rows[k, e + a] = first[out1[k], keep1[a]]
        for a in range(n2):
            rows[k, e + n1 + a] = second[out2[k], keep2[a]]
    return rows


@inner(error_model="numpy")
def columns(A, start, numbers):
    """A copy of the columns start + numbers."""
    out = np.empty((A.shape[0], len(numbers)), A.dtype)
    for i in range(A.shape[0]):
        for j in range(len(numbers)):
            out[i, j] = A[i, start + numbers[j]]
    return out


@njit(error_model="numpy")
def join(first, out1, keep1, second, out2, keep2, drivers, outputs):
    """Two blocks wired together at out1 = out2: conductances of their other ports (first's, then second's), and the eliminated rows.

    Where there are `drivers`, only the conductances between these and the `outputs` among the other ports: (drivers, outputs).
    """
    rows = shared_rows(first, out1, keep1, second, out2, keep2)
    eliminate(rows)
    e, n = len(out1), len(keep1)
    if len(drivers):
        left, right = columns(rows, e, drivers), columns(rows, e, outputs)
    else:
        left = corner(rows, 0, e, e, rows.shape[1])
        right = left
    C = product(left, right)
    if len(drivers):
        for a in range(len(drivers)):
            for b in range(len(outputs)):
                i, j = drivers[a], outputs[b]
                if i < n and j < n:
                    C[a, b] += first[keep1[i], keep1[j]]
                elif i >= n and j >= n:
                    C[a, b] += second[keep2[i - n], keep2[j - n]]
    else:
        for a in range(n):
            for b in range(n):
                C[a, b] += first[keep1[a], keep1[b]]
        for a in range(len(keep2)):
            for b in range(len(keep2)):
                C[n + a, n + b] += second[keep2[a], keep2[b]]
    return C, rows


# ------------------------------------------------------------------------------------------------------------- down the tree
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
    """Fill V[:e], the eliminated nodes, from V[e:], the kept ports; V (n, q), rows from `eliminate`."""
    e = rows.shape[0]
    for start in range((e - 1) // PANEL * PANEL, -1, -PANEL):
        stop = min(start + PANEL, e)
        place(np.dot(corner(rows, start, stop, stop, rows.shape[1]), V[stop:]), V, start)
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


@inner(fastmath=FAST, error_model="numpy")
def unmove(W, ports, count, k, tape, row, along):
    """W with port k -> W with the node that was left behind when port k moved on; along: -sum Q dv dv of the segment between them."""
    for b in range(count):
        for x in range(LANES):
            row[ports[b], x] = 0
    for a in range(count):
        i = ports[a]
        for b in range(count):
            j = ports[b]
            for x in range(LANES):
                row[j, x] += tape[i, x] * W[i, j, x]
    corner = np.zeros(LANES, W.dtype)
    for a in range(count):
        i = ports[a]
        for x in range(LANES):
            corner[x] += tape[i, x] * row[i, x]
    for x in range(LANES):
        along[x] = row[k, x] - (W[k, k, x] + corner[x]) / 2
    for a in range(count):
        i = ports[a]
        for x in range(LANES):
            W[k, i, x] = row[i, x]
            W[i, k, x] = row[i, x]
    for x in range(LANES):
        W[k, k, x] = corner[x]


@inner(fastmath=FAST, error_model="numpy")
def between(W, a, b, along):
    """-sum Q dv dv between two ports."""
    for x in range(LANES):
        along[x] = W[a, b, x] - (W[a, a, x] + W[b, b, x]) / 2


@njit(error_model="numpy")
def pnn_tree_leaves_vjp(arrays, n_in, n_out, pair, word, bit, first, last, G, W, gradient, segments):
    """From W (arrays, blocks, ports, ports): gradient (arrays, n_in, n_out), and for each leaf the sums over its segments of each kind."""
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, blocks = rows * M - n_in, rows * cols
    cells, slopes, sums = (
        G.reshape(arrays, n_in, n_out),
        gradient.reshape(arrays, n_in, n_out),
        segments.reshape(arrays, blocks, 4),
    )
    ends = W.reshape(arrays, blocks, PORTS, PORTS)
    C, tape = np.empty((PORTS, PORTS, LANES), G.dtype), np.empty((STEPS, PORTS, LANES), G.dtype)
    row, along = np.empty((PORTS, LANES), G.dtype), np.empty(LANES, G.dtype)
    wire = wires_of(word, bit, first, last, G.dtype)
    for n in range(arrays):
        sums[n] = 0
        for start in range(0, blocks, LANES):
            leaf_group(cells[n], wire, pair, start, C, tape)
            for a in range(PORTS):
                for c in range(PORTS):
                    for x in range(LANES):
                        C[a, c, x] = ends[n, min(start + x, blocks - 1), a, c]
            lanes = min(LANES, blocks - start)
            step = STEPS
            edge = start % cols + LANES >= cols or start < cols
            for k in range(M - 1, -1, -1):
                step -= 2
                if edge:
                    unmove(C, EVERY, PORTS, 2 * M + k, tape[step + 1], row, along)
                    unmove(C, EVERY, PORTS, M + k, tape[step], row, along)
            for i in range(M - 1, -1, -1):
                for j in range(M - 1, -1, -1):
                    w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
                    ports, count = EXISTING[i, j], COUNTS[i, j]
                    if i:
                        step -= 1
                        unmove(C, ports, count, u, tape[step], row, along)
                    else:
                        between(C, u, 3 * M + j, along)
                    for x in range(lanes):
                        at = start + x
                        r, c = at // cols * M + i - up, at % cols * M + j
                        if r >= 0 and c < n_out:
                            slopes[n, r, c] = C[w, u, x] - (C[w, w, x] + C[u, u, x]) / 2
                            _, after = segment_kind(r, c, n_in, n_out, pair)
                            if after < 4:
                                sums[n, at, after] += along[x]
                    if j:
                        step -= 1
                        unmove(C, ports, count, w, tape[step], row, along)
                    else:
                        between(C, i, w, along)
                    for x in range(lanes):
                        at = start + x
                        r, c = at // cols * M + i - up, at % cols * M + j
                        if r >= 0 and c < n_out:
                            before, _ = segment_kind(r, c, n_in, n_out, pair)
                            sums[n, at, before] += along[x]


@inner(fastmath=FAST, error_model="numpy")
def left_behind(v, k, tape, x):
    for s in range(v.shape[1]):
        v[k, s] *= tape[k, x]
    for a in range(PORTS):
        weight = tape[a, x]
        if a != k and weight != 0:
            for s in range(v.shape[1]):
                v[k, s] += weight * v[a, s]


@njit(error_model="numpy")
def pnn_tree_voltages(arrays, n_in, n_out, q, pair, word, bit, first, last, G, V, on_word, on_bit):
    """Voltages (arrays, n_in, n_out, q) of the nodes on both lines at every cell, from those of the ports V (arrays, blocks, ports, q)."""
    rows, cols = -(-n_in // M), -(-n_out // M)
    up, blocks = rows * M - n_in, rows * cols
    cells, ends = G.reshape(arrays, n_in, n_out), V.reshape(arrays, blocks, PORTS, q)
    W, B = on_word.reshape(arrays, n_in, n_out, q), on_bit.reshape(arrays, n_in, n_out, q)
    C, tape = np.empty((PORTS, PORTS, LANES), G.dtype), np.empty((STEPS, PORTS, LANES), G.dtype)
    v = np.empty((PORTS, q), G.dtype)
    wire = wires_of(word, bit, first, last, G.dtype)
    for n in range(arrays):
        for start in range(0, blocks, LANES):
            leaf_group(cells[n], wire, pair, start, C, tape)
            for x in range(min(LANES, blocks - start)):
                at = start + x
                place(ends[n, at], v, 0)
                step = STEPS
                for k in range(M - 1, -1, -1):
                    step -= 2
                    left_behind(v, 2 * M + k, tape[step + 1], x)
                    left_behind(v, M + k, tape[step], x)
                for i in range(M - 1, -1, -1):
                    for j in range(M - 1, -1, -1):
                        w, u = M + i, (2 * M + j if i == 0 else 3 * M + j)
                        if i:
                            step -= 1
                            left_behind(v, u, tape[step], x)
                        r, c = at // cols * M + i - up, at % cols * M + j
                        if r >= 0 and c < n_out:
                            for s in range(q):
                                W[n, r, c, s] = v[w, s]
                                B[n, r, c, s] = v[u, s]
                        if j:
                            step -= 1
                            left_behind(v, w, tape[step], x)
