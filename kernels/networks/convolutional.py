"""CPU twin of convolutional.cu, written with windows of arrays: what kernels are held against. Large networks on a CPU go through
`pnnkern.networks.convolutional`, whose products are the library's."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _convolved(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Maps (.., below, height, width) through weights (above, below, side, side), with zeros beyond the edge."""
    side = weight.shape[-1]
    edge = [(0, 0)] * (x.ndim - 2) + [(side // 2, side // 2)] * 2
    windows = sliding_window_view(np.pad(x, edge), (side, side), axis=(-2, -1))
    out: np.ndarray = np.einsum("...cyxij,ocij->...oyx", windows, weight, optimize=True)
    return out


def _squares(y: np.ndarray) -> np.ndarray:
    """The four pixels of each square of 2 x 2, as a last axis."""
    *lead, height, width = y.shape
    parts = y.reshape(*lead, height // 2, 2, width // 2, 2)
    return np.moveaxis(parts, -3, -2).reshape(*lead, height // 2, width // 2, 4)


def _spread(y: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values of squares at their pixels, times `share` (.., 4)."""
    *lead, height, width = y.shape
    parts = (y[..., None] * share).reshape(*lead, height, width, 2, 2)
    return np.moveaxis(parts, -2, -3).reshape(*lead, 2 * height, 2 * width)


def _share(squares: np.ndarray, largest: int) -> np.ndarray:
    """Of each pixel in the pooling."""
    if not largest:
        return np.full(4, 0.25, squares.dtype)
    return (np.arange(4) == squares.argmax(axis=-1)[..., None]).astype(squares.dtype)


class _Sample:
    """A sample that settles: states and pulls of all layers, (maps, height, width) or (outputs,)."""

    def __init__(self, model, largest, softmax, sizes, weights, biases, totals):
        self.model, self.largest, self.softmax, self.sizes, self.weights, self.totals = model, largest, softmax, sizes, weights, totals
        self.last, self.biases = len(weights) - 1, [b.reshape(-1, *[1] * (len(s) - 1)) for b, s in zip(biases, sizes[1:])]
        self.shares = [None] * self.last  # of pixels, once they are there for good

    def up(self, l, x):
        if l == self.last:
            return x.ravel() @ self.weights[l]
        squares = _squares(_convolved(x, self.weights[l]))
        share = _share(squares, self.largest) if self.shares[l] is None else self.shares[l]
        return (squares * share).sum(axis=-1)

    def down(self, l, y, below):
        """What layer l + 1 pulls at layer l with y; below : the free states there."""
        w = self.weights[l + 1]
        if l + 1 == self.last:
            return (w @ y).reshape(self.sizes[l + 1])
        share = self.shares[l + 1]
        if share is None:
            share = _share(_squares(_convolved(below, w)), self.largest)
        return _convolved(_spread(y, share), w[:, :, ::-1, ::-1].swapaxes(0, 1))

    def value(self, u):
        if self.model == 0:
            return u.clip(0, 1)
        one = u.dtype.type
        return one(0.5) + one(0.5) * np.tanh(one(2) * u - one(1)) if self.model == 1 else np.tanh(u)

    def difference(self, u, du):
        one = u.dtype.type
        if self.model == 0:
            x = u.clip(0, 1)
            return (du + (u - x)).clip(-x, 1 - x)
        x, d = (one(2) * u - one(1), one(2) * du) if self.model == 1 else (u, du)
        moved = np.tanh(d) * (one(1) - np.tanh(x) * np.tanh(x + d))
        return one(0.5) * moved if self.model == 1 else moved

    def sweep(self, states, step, first, count, sweeps, tolerance):
        """Let `states` go where step(l) says; the last step, relative to the largest state."""
        left = 0.0
        for _ in range(sweeps):
            moved = largest = states[0].dtype.type(0)
            for l in [*range(first, count, 2), *range(1 - first, count, 2)]:
                new = step(l)
                moved, largest = np.maximum(moved, abs(new - states[l]).max()), np.maximum(largest, abs(new).max())
                states[l] = new
            if count <= self.last:  # held
                largest = np.maximum(largest, abs(states[-1]).max())
            left = moved / largest if largest > 0 else moved
            if tolerance > 0 and left <= tolerance:
                break
        return left

    def free(self, x, states, sweeps, tolerance):
        fed, pulls = self.up(0, x) + self.biases[0], [np.zeros_like(s) for s in states]

        def step(l):
            u = fed if l == 0 else self.up(l, states[l - 1]) + self.biases[l]
            if l < self.last:
                u = u + self.down(l, states[l + 1], states[l])
            elif self.softmax:
                return np.zeros_like(u)
            pulls[l] = u = u / self.totals[l]
            return self.value(u) if l < self.last else u

        left = self.sweep(states, step, 0, self.last + 1, sweeps, tolerance)
        for l in range(1, self.last):
            self.shares[l] = _share(_squares(_convolved(states[l - 1], self.weights[l])), self.largest)
        if self.softmax:
            pulls[-1] = self.up(self.last, states[-2]) + self.biases[-1]
        return pulls, left

    def nudged(self, states, pulls, nudge, target, hold, sweeps, tolerance):
        moved = [np.zeros_like(s) for s in states]
        if hold:
            moved[-1] = nudge * (target - states[-1])

        def step(l):
            u = self.up(l, moved[l - 1]) if l else np.zeros_like(moved[0])
            if l < self.last:
                return self.difference(pulls[l], (u + self.down(l, moved[l + 1], states[l])) / self.totals[l])
            if not self.softmax:
                return (nudge * (target - states[-1]) + u) / (self.totals[-1] + nudge)
            share = np.exp(pulls[-1] + u - (pulls[-1] + u).max())
            return nudge * (target - share / share.sum())

        return moved, self.sweep(moved, step, self.last % 2, self.last + (not hold), sweeps, tolerance)


def pnn_convolutional_relax(batch, layers, model, largest, softmax, phases, begun, hold, together, sweeps, nudged_sweeps, tolerance, shape,
                            x, total, *given):  # fmt: skip
    weights, biases, (nudge, target, state, moved, output, change) = given[:layers], given[8 : 8 + layers], given[16:]
    rows = shape.reshape(-1, 4).tolist()
    sizes = [tuple(row[:3]) for row in rows[:-1]] + [(rows[-1][0],)]
    counts = [int(np.prod(size)) for size in sizes]
    ends = np.cumsum([0, *counts[1:]])
    weights = [
        w.reshape(above[0], below[0], row[3], row[3]) if l + 1 < layers else w.reshape(counts[-2], counts[-1])
        for l, (w, row, below, above) in enumerate(zip(weights, rows, sizes, sizes[1:]))
    ]
    all_totals = total if total.size else np.ones(ends[-1], x.dtype)
    totals = [all_totals[a:b].reshape(size) for a, b, size in zip(ends, ends[1:], sizes[1:])]
    change = change.reshape(1 + phases, batch)
    for b in range(batch):
        free = [state[batch * a + b * n :][:n] for a, n in zip(ends, counts[1:])]
        sample = _Sample(model, largest, softmax, sizes, weights, biases, totals)
        states = [(s if begun else 0 * s).reshape(size).copy() for s, size in zip(free, sizes[1:])]
        pulls, change[0, b] = sample.free(x.reshape(batch, *sizes[0])[b], states, sweeps, tolerance)
        for out, s in zip(free, states):
            out[:] = s.ravel()
        output.reshape(batch, -1)[b] = pulls[-1]
        wanted = target.reshape(batch, -1)[b] if target.size else np.zeros_like(pulls[-1])
        for p in range(phases):
            found, change[1 + p, b] = sample.nudged(states, pulls, nudge[p], wanted, hold, nudged_sweeps, tolerance)
            for a, n, m in zip(ends, counts[1:], found):
                moved[phases * batch * a + (p * batch + b) * n :][:n] = m.ravel()


def pnn_convolutional_choose(batch, below, maps, height, width, side, x, weight, out):
    y = _convolved(x.reshape(batch, below, height, width), weight.reshape(maps, below, side, side))
    out[:] = _squares(y).argmax(axis=-1).ravel()


def pnn_convolutional_product(rows, batch, below, maps, height, width, side, first, second, sums, picked, of_weight, of_bias):
    above = second.reshape(rows, maps, height // 2, width // 2)
    share = np.full(4, 0.25, above.dtype)
    if picked.size:
        one = picked.reshape(batch, *above.shape[1:])[np.arange(rows) % batch]
        share = (np.arange(4) == one[..., None]).astype(above.dtype)
    edge = [(0, 0)] * 2 + [(side // 2, side // 2)] * 2
    windows = sliding_window_view(np.pad(first.reshape(rows, below, height, width), edge), (side, side), axis=(-2, -1))
    of_weight[:] = np.einsum("royx,rcyxij->ocij", _spread(above, share), windows, optimize=True).ravel()
    of_bias[:] = sums.reshape(maps, -1).sum(axis=1)
