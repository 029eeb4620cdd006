"""A crossbar with resistive wires, eliminated node by node on the CPU: blocks of cells, then pairs of blocks up a binary tree.

Only conductances between ports are kept, never the diagonal of the nodal matrix: every step adds and multiplies positive numbers,
so nothing cancels, in float32 as in float64, whatever the ratio of wire to cell (Grassmann, Taksar, Heyman, Oper. Res. 33 (1985)).

Two moves are the whole physics of a block; C[k, a] is the conductance between ports k and a:
    cell g: C[w, u] += g
    segment g, over which port k moves on: s = g + sum_a C[k, a];  C[a, b] += C[k, a] C[k, b] / s;  C[k, a] *= g / s
The node left behind is an average of its neighbours: weight C[k, a] / s of port a, g / s of the new port. The reverse pass uses these.

A leaf of m x m cells has 4 m ports: word in (0..), word out (m..), bit top (2 m..), bit out (3 m..). Sixteen leaves go side by side.
"""

import numpy as np

from .._jit import njit

LANES = 16
PANEL = 32
FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums of positive numbers: any order is as good


# -------------------------------------------------------------------------------------------------------------------- leaves
@njit(fastmath=FAST)
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


@njit
def close(C, k, shut, tape):
    """Eliminate port k of the lanes where `shut`; in the others it stays."""
    p = C.shape[0]
    for x in range(LANES):
        if not shut[x]:
            tape[k, x] = 1
            continue
        C[k, k, x] = 0
        total = C[k, 0, x]
        for a in range(1, p):
            total += C[k, a, x]
        for a in range(p):
            tape[a, x] = C[k, a, x] / total if total > 0 else 0
        for a in range(p):
            for b in range(p):
                C[a, b, x] += tape[a, x] * C[k, b, x]
        for a in range(p):
            C[k, a, x] = 0
            C[a, k, x] = 0


@njit
def ports_by(m, i, j, ports):
    """The ports of a leaf that exist when cell (i, j) is added, and how many."""
    count = 0
    for a in range(i + 1):
        ports[count] = a
        ports[count + 1] = m + a
        count += 2
    for a in range(m if i else j + 1):
        ports[count] = 2 * m + a
        count += 1
    for a in range(m if i else j):
        ports[count] = 3 * m + a
        count += 1
    return count


@njit
def leaf_group(G, wire, pair, up, m, cols, start, blocks, C, tape):
    """Leaves start, start + 1, ... of the grid `cols` wide, one in each lane; C (4 m, 4 m, lanes), tape (steps, 4 m, lanes) are filled.

    wire: conductances of a word segment, a bit segment, the first word segment of a line and the last bit segment of a line.
    up: empty rows above the array. pair: rows are positive and negative in turn and share the node on the bit line.
    """
    n_in, n_out = G.shape
    rows = blocks // cols
    ports = np.empty(4 * m, np.uint32)  # unsigned: no negative-index test in the inner loop
    g = np.empty(LANES, G.dtype)
    zero = np.zeros(LANES, G.dtype)
    shut = np.empty(LANES, np.bool_)
    perfect = G.dtype.type(1e20)
    C[:] = 0
    tape[:] = 0
    step = 0
    for i in range(m):
        for j in range(m):
            w, u = m + i, (2 * m + j if i == 0 else 3 * m + j)
            count = ports_by(m, i, j, ports)
            for x in range(LANES):
                at = min(start + x, blocks - 1)
                g[x] = wire[2] if j == 0 and at % cols == 0 else wire[0]
            if j == 0:
                for x in range(LANES):
                    C[i, w, x] = g[x]
                    C[w, i, x] = g[x]
            else:
                move(C, ports, count, w, g, tape[step])
                step += 1
            for x in range(LANES):
                at = min(start + x, blocks - 1)
                row, col = at // cols * m + i - up, at % cols * m + j
                if row >= 0 and col < n_out:
                    cell = G[row, col]
                    C[w, u, x] += cell
                    C[u, w, x] += cell
                g[x] = wire[1]
                if at // cols == rows - 1 and i == m - 1:
                    g[x] = wire[3]
                elif pair and row % 2 == 0:
                    g[x] = perfect
            if i == 0:
                for x in range(LANES):
                    C[u, 3 * m + j, x] = g[x]
                    C[3 * m + j, u, x] = g[x]
            else:
                move(C, ports, count, u, g, tape[step])
                step += 1
    if start % cols + LANES >= cols or start < cols:  # perhaps a leaf at the right or the upper edge: wires end there
        for k in range(m):
            for x in range(LANES):
                shut[x] = min(start + x, blocks - 1) % cols == cols - 1
            close(C, m + k, shut, tape[step])
            for x in range(LANES):
                shut[x] = min(start + x, blocks - 1) < cols
            close(C, 2 * m + k, shut, tape[step + 1])
            step += 2
    else:
        for k in range(m):
            for x in range(LANES):
                tape[step, m + k, x] = 1
                tape[step + 1, 2 * m + k, x] = 1
            step += 2


@njit
def leaves(G, wire, pair, up, m, cols, out):
    """Port conductances of all leaves, row by row of the grid: out (blocks, 4 m, 4 m). G (n_in, n_out), the rest as in `leaf_group`."""
    p, blocks = 4 * m, len(out)
    C = np.empty((p, p, LANES), G.dtype)
    tape = np.empty((2 * m * (m - 1) + 2 * m, p, LANES), G.dtype)
    for start in range(0, blocks, LANES):
        leaf_group(G, wire, pair, up, m, cols, start, blocks, C, tape)
        for b in range(start, min(start + LANES, blocks)):
            for a in range(p):
                for c in range(p):
                    out[b, a, c] = C[a, c, b - start]


# --------------------------------------------------------------------------------------------------------------------- joins
@njit(fastmath=FAST)
def eliminate(rows):
    """rows (e, n): conductances of e nodes that go, to each other (columns :e, symmetric) and to the ports that stay (columns e:).

    In place: on return rows[:, e:] = Z, and the conductances of the ports that stay grow by Z.T @ Z. The voltage of node k is then
    rows[k, k] * sum_{a > k} rows[k, a] v_a.
    """
    e, n = rows.shape
    for start in range(0, e, PANEL):
        stop = min(start + PANEL, e)
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
        if stop < e:
            panel = rows[start:stop, stop:].copy()
            rows[stop:, stop:] += np.dot(np.ascontiguousarray(panel[:, : e - stop]).T, panel)


@njit
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


@njit
def join(first, out1, keep1, second, out2, keep2):
    """Two blocks wired together at out1 = out2: conductances of their other ports (first's, then second's), and the eliminated rows."""
    rows = shared_rows(first, out1, keep1, second, out2, keep2)
    eliminate(rows)
    Z = rows[:, len(out1) :].copy()
    C = np.dot(Z.T, Z)
    n = len(keep1)
    for a in range(n):
        for b in range(n):
            C[a, b] += first[keep1[a], keep1[b]]
    for a in range(len(keep2)):
        for b in range(len(keep2)):
            C[n + a, n + b] += second[keep2[a], keep2[b]]
    return C, rows


@njit
def join_last(first, out1, keep1, second, out2, keep2, drivers, outputs):
    """As `join`, but only the conductances between the kept ports `drivers` and `outputs`: (drivers, outputs), and the rows."""
    rows = shared_rows(first, out1, keep1, second, out2, keep2)
    eliminate(rows)
    e, n = len(out1), len(keep1)
    left = np.empty((e, len(drivers)), rows.dtype)
    right = np.empty((e, len(outputs)), rows.dtype)
    for k in range(e):
        for a in range(len(drivers)):
            left[k, a] = rows[k, e + drivers[a]]
        for a in range(len(outputs)):
            right[k, a] = rows[k, e + outputs[a]]
    T = np.dot(left.T, right)
    for a in range(len(drivers)):
        for b in range(len(outputs)):
            i, j = drivers[a], outputs[b]
            if i < n and j < n:
                T[a, b] += first[keep1[i], keep1[j]]
            elif i >= n and j >= n:
                T[a, b] += second[keep2[i - n], keep2[j - n]]
    return T, rows


# ------------------------------------------------------------------------------------------------------------- down the tree
@njit(fastmath=FAST)
def interpolate(rows, V):
    """Fill V[:e], the eliminated nodes, from V[e:], the kept ports; V (n, q), rows from `eliminate`."""
    e = rows.shape[0]
    for start in range((e - 1) // PANEL * PANEL, -1, -PANEL):
        stop = min(start + PANEL, e)
        V[start:stop] = np.dot(rows[start:stop, stop:].copy(), V[stop:])
        for k in range(stop - 1, start - 1, -1):
            for a in range(k + 1, stop):
                weight = rows[k, a]
                for x in range(V.shape[1]):
                    V[k, x] += weight * V[a, x]
            root = rows[k, k]
            for x in range(V.shape[1]):
                V[k, x] *= root


@njit
def split(rows, W, out1, keep1, size1, out2, keep2, size2):
    """W = Phi Q Phi^T of the kept ports of a joined block -> W of all ports of its two parts (Phi: port voltages, Q: the cotangent)."""
    e, n = rows.shape
    n1, n2 = len(keep1), len(keep2)
    V = np.empty((n, n - e), rows.dtype)
    V[e:] = W
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


@njit
def part_voltages(rows, V, out1, keep1, size1, out2, keep2, size2):
    """V (kept ports, q) of a joined block -> voltages of all ports of its two parts."""
    e, n1, q = len(out1), len(keep1), V.shape[1]
    full = np.empty((e + len(V), q), rows.dtype)
    full[e:] = V
    interpolate(rows, full)
    first, second = np.zeros((size1, q), rows.dtype), np.zeros((size2, q), rows.dtype)
    for a in range(e):
        first[out1[a]] = full[a]
        second[out2[a]] = full[a]
    for a in range(n1):
        first[keep1[a]] = V[a]
    for a in range(len(keep2)):
        second[keep2[a]] = V[n1 + a]
    return first, second


@njit(fastmath=FAST)
def leaves_vjp(G, wire, pair, up, m, cols, W, gradient):
    """gradient (n_in, n_out) = -sum over (i, j) of Q_ij (drop by driver i)(drop by output j) at each cell, from W (blocks, 4 m, 4 m)."""
    n_in, n_out = G.shape
    p, blocks = 4 * m, len(W)
    steps = 2 * m * (m - 1) + 2 * m
    C = np.empty((p, p, LANES), G.dtype)
    tape = np.empty((steps, p, LANES), G.dtype)
    ports = np.empty(p, np.uint32)
    row = np.empty((p, LANES), G.dtype)
    corner = np.empty(LANES, G.dtype)
    for start in range(0, blocks, LANES):
        leaf_group(G, wire, pair, up, m, cols, start, blocks, C, tape)
        for a in range(p):
            for c in range(p):
                for x in range(LANES):
                    C[a, c, x] = W[min(start + x, blocks - 1), a, c]
        for a in range(p):
            ports[a] = a
        step = steps
        if start % cols + LANES >= cols or start < cols:
            for k in range(m - 1, -1, -1):
                step -= 2
                unmove(C, ports, p, 2 * m + k, tape[step + 1], row, corner)
                unmove(C, ports, p, m + k, tape[step], row, corner)
        else:
            step -= 2 * m
        for i in range(m - 1, -1, -1):
            for j in range(m - 1, -1, -1):
                w, u = m + i, (2 * m + j if i == 0 else 3 * m + j)
                count = ports_by(m, i, j, ports)
                if i:
                    step -= 1
                    unmove(C, ports, count, u, tape[step], row, corner)
                for x in range(min(LANES, blocks - start)):
                    at = start + x
                    r, c = at // cols * m + i - up, at % cols * m + j
                    if r >= 0 and c < n_out:
                        gradient[r, c] = C[w, u, x] - (C[w, w, x] + C[u, u, x]) / 2
                if j:
                    step -= 1
                    unmove(C, ports, count, w, tape[step], row, corner)


@njit(fastmath=FAST)
def unmove(W, ports, count, k, tape, row, corner):
    """W with port k -> W with the node that was left behind when port k moved on."""
    for b in range(count):
        for x in range(LANES):
            row[ports[b], x] = 0
    for a in range(count):
        i = ports[a]
        for b in range(count):
            j = ports[b]
            for x in range(LANES):
                row[j, x] += tape[i, x] * W[i, j, x]
    for x in range(LANES):
        corner[x] = 0
    for a in range(count):
        i = ports[a]
        for x in range(LANES):
            corner[x] += tape[i, x] * row[i, x]
    for a in range(count):
        i = ports[a]
        for x in range(LANES):
            W[k, i, x] = row[i, x]
            W[i, k, x] = row[i, x]
    for x in range(LANES):
        W[k, k, x] = corner[x]


@njit(fastmath=FAST)
def leaves_voltages(G, wire, pair, up, m, cols, V, word, bit):
    """Voltages (n_in, n_out, q) of the nodes on the word and bit lines at every cell, from the port voltages V (blocks, 4 m, q)."""
    n_in, n_out = G.shape
    p, blocks, q = 4 * m, len(V), V.shape[2]
    steps = 2 * m * (m - 1) + 2 * m
    C = np.empty((p, p, LANES), G.dtype)
    tape = np.empty((steps, p, LANES), G.dtype)
    v = np.empty((p, q), G.dtype)
    for start in range(0, blocks, LANES):
        leaf_group(G, wire, pair, up, m, cols, start, blocks, C, tape)
        for x in range(min(LANES, blocks - start)):
            at = start + x
            v[:] = V[at]
            step = steps
            for k in range(m - 1, -1, -1):
                step -= 2
                left_behind(v, 2 * m + k, tape[step + 1], x)
                left_behind(v, m + k, tape[step], x)
            for i in range(m - 1, -1, -1):
                for j in range(m - 1, -1, -1):
                    w, u = m + i, (2 * m + j if i == 0 else 3 * m + j)
                    if i:
                        step -= 1
                        left_behind(v, u, tape[step], x)
                    r, c = at // cols * m + i - up, at % cols * m + j
                    if r >= 0 and c < n_out:
                        for s in range(q):
                            word[r, c, s] = v[w, s]
                            bit[r, c, s] = v[u, s]
                    if j:
                        step -= 1
                        left_behind(v, w, tape[step], x)


@njit(fastmath=FAST)
def left_behind(v, k, tape, x):
    for s in range(v.shape[1]):
        v[k, s] *= tape[k, x]
    for a in range(v.shape[0]):
        weight = tape[a, x]
        if a != k and weight != 0:
            for s in range(v.shape[1]):
                v[k, s] += weight * v[a, s]
