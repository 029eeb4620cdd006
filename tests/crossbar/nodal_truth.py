"""A crossbar with wires by Kirchhoff's law, written out for all nodes and solved by SuperLU. Nothing is shared with the package."""

from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as sla


class Nodal:
    """All nodes of the circuit. gw, gb (n_in, n_out): conductances of the word segment before and the bit segment after each cell.

    pair: rows 2 k and 2 k + 1 share their node on the bit line, and no segment lies between them.
    """

    def __init__(self, G: np.ndarray, gw: np.ndarray, gb: np.ndarray, pair: bool = False) -> None:
        M, N = G.shape
        self.gw, self.gb = gw, gb
        step = 2 if pair else 1
        self.w = np.arange(M * N).reshape(M, N)
        self.u = np.repeat(M * N + np.arange(M // step * N).reshape(-1, N), step, axis=0)
        below = gb[step - 1 : -1 : step]
        above, under = self.u[step - 1 : -1 : step], self.u[step::step]
        a = np.concatenate([self.w[:, :-1].ravel(), above.ravel(), self.w.ravel()])
        b = np.concatenate([self.w[:, 1:].ravel(), under.ravel(), self.u.ravel()])
        g = np.concatenate([gw[:, 1:].ravel(), below.ravel(), np.asarray(G, float).ravel()])
        n = int(self.u.max()) + 1
        values, rows, cols = np.concatenate([g, g, -g, -g]), np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
        ground = np.zeros(n)
        ground[self.w[:, 0]] += gw[:, 0]
        ground[self.u[-1]] += gb[-1]
        self.A = (sp.coo_matrix((values, (rows, cols)), shape=(n, n)) + sp.diags(ground)).tocsc()
        self.lu = sla.splu(self.A, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)

    def solve(self, drivers: np.ndarray, outputs: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Voltages (batch, M, N) on both lines for driver voltages (batch, M) and output voltages (batch, N)."""
        b = np.zeros((self.A.shape[0], len(drivers)))
        b[self.w[:, 0]] = self.gw[:, :1] * drivers.T
        if outputs is not None:
            b[self.u[-1]] += self.gb[-1][:, None] * outputs.T
        x = self.lu.solve(b)
        for _ in range(2):
            x += self.lu.solve(b - self.A @ x)
        return x.T[:, self.w], x.T[:, self.u]

    def T(self) -> np.ndarray:
        """Currents into the outputs for one volt at each driver."""
        _, u = self.solve(np.eye(len(self.gw)))
        return u[:, -1] * self.gb[-1]


def lines(G: np.ndarray, word: float, bit: float, source: float = 0.0, load: float = 0.0, pair: bool = False) -> Nodal:
    """The default circuit, or with `pair` the interleaved one; ohms."""
    gw, gb = np.full(G.shape, 1 / word), np.full(G.shape, 1 / bit)
    gw[:, 0], gb[-1] = 1 / (word + source), 1 / (bit + load)
    return Nodal(G, gw, gb, pair)


def gated(G: np.ndarray, gate: np.ndarray, v: float, wires: Any) -> np.ndarray:
    """Currents (n_out,) of one read, by a dense nodal matrix for every column."""
    n, pair = len(G), wires.pair
    step = 2 if pair else 1
    steps = n // step
    out = []
    for column in G.T:
        size = steps * (step + 1)  # supply nodes of each line, then bit nodes
        A, b = np.zeros((size, size)), np.zeros(size)

        def branch(i: int, j: int | None, g: float, A=A) -> None:
            A[i, i] += g
            if j is not None:
                A[j, j] += g
                A[i, j] -= g
                A[j, i] -= g

        for k in range(steps):
            bit = step * steps + k
            for s in range(step):
                here = s * steps + k
                g = 1 / (wires.word + (wires.source if k == 0 else 0))
                branch(here, here - 1 if k else None, g)
                if k == 0:
                    b[here] = g * (v if s == 0 else -v)
                branch(here, bit, column[step * k + s] * gate[step * k + s])
            branch(bit, bit + 1 if k + 1 < steps else None, 1 / (wires.bit + (wires.load if k + 1 == steps else 0)))
        out.append(np.linalg.solve(A, b)[-1] / (wires.bit + wires.load))
    return np.array(out)


def cells(rng: np.random.Generator, *shape: int, low: float = 1e-5, high: float = 1e-4) -> np.ndarray:
    """Uniform conductances."""
    return rng.uniform(low, high, shape)


def worst(got: np.ndarray, expected: np.ndarray) -> float:
    """Largest relative error of an entry."""
    return float(np.abs(got / expected - 1).max())
