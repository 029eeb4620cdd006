"""CPU twin of join.cu: the pairs of a level of a crossbar's tree, all of them, of all arrays of a stack, in plain NumPy. A CPU joins one pair
at a time, depth first, by `tree.py`; these say in what order a GPU does it, and tests hold both against it.

joins (pairs, 14): nodes that go and all nodes; where `ports` has the number of each node among the ports of the first part, and then of the
second, -1 where it is none of them; where the parts and their sizes are, `-1 - number` for a leaf; where what lies above, the rows, and W of
a whole pair are; and the places of the parts, above and whole for voltages, in nodes.
"""

from collections.abc import Iterator

import numpy as np

PORTS = 16  # of a leaf
TILE = 32
LAID = 2  # rows of a task
FIELDS = 14


class Pair:
    """One record: e nodes go of n, and the nodes that the parts have, by the numbers of their ports."""

    def __init__(self, record, ports):
        self.e, self.n, at = (int(v) for v in record[:3])
        self.parts = [
            (place, size, line, nodes[nodes >= 0], np.flatnonzero(nodes >= 0))
            for place, size, line, nodes in zip(record[3:7:2], record[4:7:2], record[10:12], ports[at : at + 2 * self.n].reshape(2, -1))
        ]
        self.above, self.rows, self.whole = (int(v) for v in record[7:10])
        self.above_line, self.whole_line = (int(v) for v in record[12:14])

    def matrices(self, leaves, below):
        """Of each part its matrix, and the numbers of its ports and of the nodes that these are."""
        for place, size, _, ports, nodes in self.parts:
            memory, start = (leaves, (-1 - place) * PORTS * PORTS) if place < 0 else (below, place)
            yield memory[start : start + size * size].reshape(size, size), ports, nodes

    def wired(self, leaves, below):
        """What the nodes have between them, (n, n), before any goes."""
        both = np.zeros((self.n, self.n), leaves.dtype)
        for C, ports, nodes in self.matrices(leaves, below):
            both[np.ix_(nodes, nodes)] += C[np.ix_(ports, ports)]
        return both


def pairs(arrays, count, joins, ports, tasks=None) -> Iterator[tuple[int, Pair, int, int]]:
    """The number of an array, a pair, and the two numbers of a task, for all of them."""
    tasks = np.arange(count).repeat(3).reshape(-1, 3) if tasks is None else tasks.reshape(-1, 3)
    for a in range(arrays):
        for number, x0, y0 in tasks.tolist():
            yield a, Pair(joins[number * FIELDS : (number + 1) * FIELDS], ports), x0, y0


def block(memory, start, *shape):
    """An array of `shape` from `start` on."""
    return memory[start : start + np.prod(shape, dtype=int)].reshape(shape)


def eliminated(A, rest, B):
    """Z = U^-T B and the weights U^-1 Z for nodes with A between them (above the diagonal), `rest` to all that stays, and B to some of it."""
    e = len(A)
    rows = np.concatenate([np.triu(A, 1) + np.triu(A, 1).T, rest[:, None], B], 1)
    for k in range(e):
        total = rows[k, k + 1 : e + 1].sum()
        inverse = 1 / total if total > 0 else 0 * total
        rows[k + 1 :, k + 1 :] += (rows[k, k + 1 : e] * inverse)[:, None] * rows[k, k + 1 :]
        rows[k, k + 1 :] *= np.sqrt(inverse)
        rows[k, k] = np.sqrt(inverse)
    Z = rows[:, e + 1 :].copy()
    weights = Z.copy()
    for k in range(e - 1, -1, -1):
        weights[k] = rows[k, k] * (weights[k] + rows[k, k + 1 : e] @ weights[k + 1 :])
    return Z, weights


def pnn_join_small(arrays, count, leaf_each, below_each, above_each, rows_each, joins, ports, leaves, below, above, weights):
    for a, pair, _, _ in pairs(arrays, count, joins, ports):
        e, kept = pair.e, pair.n - pair.e
        C = pair.wired(leaves[a * leaf_each :], below[a * below_each :])
        Z, shares = eliminated(C[:e, :e], C[:e, e:].sum(1), C[:e, e:])
        block(above, a * above_each + pair.above, kept, kept)[:] = C[e:, e:] + Z.T @ Z
        if weights.size:
            block(weights, a * rows_each + pair.rows, kept, e)[:] = shares.T


def pnn_join_lay(arrays, count, leaf_each, below_each, rows_each, start, most, joins, ports, tasks, leaves, below, rows):
    for a, pair, x0, _ in pairs(arrays, count, joins, ports, tasks):
        e, n, stop = pair.e, pair.n, min(start + most, pair.e)
        R = block(rows, a * rows_each + pair.rows, e, n)
        for b in range(x0, min(x0 + LAID, stop if start else e)):
            if start == 0:
                R[b, b + 1 :] = pair.wired(leaves[a * leaf_each :], below[a * below_each :])[b, b + 1 :]
            if b < stop:
                R[b:stop, b] = R[b, b + 1 :][::-1].cumsum()[::-1][: stop - b]


def pnn_join_eliminate(arrays, count, rows_each, start, most, strip, joins, ports, tasks, rows, done, weights):
    for a, pair, column, _ in pairs(arrays, count, joins, ports, tasks):
        n, own, stop, last = pair.n, a * rows_each + pair.rows, min(start + most, pair.e), min(column + strip, pair.n)
        mine = block(rows, own, pair.e, n)[start:stop]
        Z, shares = eliminated(mine[:, start:stop], mine[-1, start:stop], mine[:, column:last])
        block(done, own, pair.e, n)[start:stop, column:last] = Z
        if weights.size:
            block(weights, own + start * n, n - stop, stop - start)[column - stop : last - stop] = shares.T


def pnn_join_update(arrays, count, rows_each, start, most, joins, ports, tasks, done, rows):
    for a, pair, x0, y0 in pairs(arrays, count, joins, ports, tasks):
        e, n, own, stop = pair.e, pair.n, a * rows_each + pair.rows, min(start + most, pair.e)
        Z, R = block(done, own, e, n)[start:stop], block(rows, own, e, n)
        x, y = slice(x0, min(x0 + TILE, e)), slice(y0, y0 + TILE)
        above = np.arange(n)[x, None] < np.arange(n)[y]
        R[x, y] = np.where(above, R[x, y] + Z[:, x].T @ Z[:, y], R[x, y])


def pnn_join_couple(
    arrays, count, leaf_each, below_each, above_each, rows_each, n_in, n_out, joins, ports, tasks, leaves, below, done, above
):  # fmt: skip
    for a, pair, x0, y0 in pairs(arrays, count, joins, ports, tasks):
        e, n = pair.e, pair.n
        Z = block(done, a * rows_each + pair.rows, e, n)
        x, y = slice(x0, x0 + TILE), slice(y0, y0 + TILE)
        found = pair.wired(leaves[a * leaf_each :], below[a * below_each :])[x, y] + Z[:, x].T @ Z[:, y]
        if n_out:
            left = -(-n_in // 4) * 4  # drivers are the last ports at the left, outputs the first at the bottom
            rows, columns = np.arange(n - e)[x0 - e : x0 - e + TILE] - left + n_in, np.arange(n - e)[y0 - e : y0 - e + TILE] - left
            i, j = (rows >= 0) & (rows < n_in), (columns >= 0) & (columns < n_out)
            block(above, a * above_each + pair.above, n_in, n_out)[np.ix_(rows[i], columns[j])] = found[np.ix_(i, j)]
            continue
        C = block(above, a * above_each + pair.above, n - e, n - e)
        C[x0 - e : x0 - e + TILE, y0 - e : y0 - e + TILE] = found
        C[y0 - e : y0 - e + TILE, x0 - e : x0 - e + TILE] = found.T


# ------------------------------------------------------------------------------------------------------------- down the tree
def of_stage(pair, a, start, most, above_each, whole_each, above, whole):
    """Where a stage stops, and W of what stays after it."""
    stop = min(start + most, pair.e)
    kept = pair.n - stop
    if stop < pair.e:
        return stop, block(whole, a * whole_each + pair.whole, kept, kept)
    return stop, block(above, a * above_each + pair.above, kept, kept)


def pnn_join_turn(arrays, count, above_each, rows_each, whole_each, start, most, joins, ports, tasks, weights, above, whole, turned):
    for a, pair, c0, k0 in pairs(arrays, count, joins, ports, tasks):
        stop, W = of_stage(pair, a, start, most, above_each, whole_each, above, whole)
        where = a * rows_each + pair.rows + start * pair.n, pair.n - stop, stop - start
        columns, nodes = slice(c0, c0 + TILE), slice(k0, k0 + TILE)
        block(turned, *where)[columns, nodes] = W[:, columns].T @ block(weights, *where)[:, nodes]


def pnn_join_split(
    arrays, count, leaf_each, below_each, above_each, rows_each, whole_each, start, most, joins, ports, tasks, weights, above, whole, turned,
    out, leaves, below,
):  # fmt: skip
    for a, pair, x0, y0 in pairs(arrays, count, joins, ports, tasks):
        stop, W = of_stage(pair, a, start, most, above_each, whole_each, above, whole)
        where = a * rows_each + pair.rows + start * pair.n, pair.n - stop, stop - start
        V, n = block(turned, *where).T, pair.n - start
        every = np.block([[V @ block(weights, *where), V], [V.T, W]])
        x, y = slice(x0, x0 + TILE), slice(y0, y0 + TILE)
        if start:
            F = block(out, a * whole_each + pair.whole, n, n)
            F[x, y], F[y, x] = every[x, y], every[x, y].T
            continue
        for state, numbers, nodes in pair.matrices(leaves[a * leaf_each :], below[a * below_each :]):
            i, j = ((nodes >= at.start) & (nodes < at.stop) for at in (x, y))
            found = every[np.ix_(nodes[i], nodes[j])]
            state[np.ix_(numbers[i], numbers[j])], state[np.ix_(numbers[j], numbers[i])] = found, found.T


def pnn_join_voltages(
    arrays, count, leaf_each, below_each, above_each, rows_each, whole_each, start, most, q, joins, ports, tasks, weights, above, whole, out,
    leaves, below,
):  # fmt: skip
    for a, pair, x0, _ in pairs(arrays, count, joins, ports, tasks):
        stop = min(start + most, pair.e)
        kept, h, n = pair.n - stop, stop - start, pair.n - start
        if stop < pair.e:
            V = block(whole, (a * whole_each + pair.whole_line) * q, kept, q)
        else:
            V = block(above, (a * above_each + pair.above_line) * q, kept, q)
        every = np.concatenate([block(weights, a * rows_each + pair.rows + start * pair.n, kept, h).T @ V, V])
        x = slice(x0, x0 + TILE)
        if start:
            block(out, (a * whole_each + pair.whole_line) * q, n, q)[x] = every[x]
            continue
        for place, size, line, numbers, nodes in pair.parts:
            memory, first = (leaves, a * leaf_each + (-1 - place) * PORTS) if place < 0 else (below, a * below_each + line)
            mine = (nodes >= x.start) & (nodes < x.stop)
            block(memory, first * q, size, q)[numbers[mine]] = every[nodes[mine]]
