"""Networks of springs in static equilibrium: nodes in the plane or in space, some held, the rest where the elastic energy is least.

    E = sum_e k_e (r_e - l_e)^2 / 2 - sum_i f_i x_i,     r_e = |x_i - x_j|

with stiffnesses k (newtons per metre), rest lengths l (metres) and forces f (newtons). The energy is not convex: what settles depends on
where one starts. Newton's method with a shift of the Hessian while a step does not lower the energy, all samples at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array
from .._array import Array, accepts_any
from .._errors import ConvergenceError
from ._graph import Graph

TOLERANCE = 1e-9  # of the largest net force, relative to the largest stiffness times the largest rest length


@dataclass(frozen=True)
class Shape:
    """positions (batch, n_nodes, dimension) metres; residual (batch,), the largest net force at a free node, relative; steps; converged."""

    positions: Array
    residual: np.ndarray
    steps: int
    converged: bool


class ElasticNetwork(Graph):
    """A network of springs. Stiffnesses and rest lengths are arrays that you pass.

    edges : (E, 2) integers. n_nodes : how many nodes there are. dimension : 1, 2 or 3.
    """

    def __init__(self, edges: Any, n_nodes: int, dimension: int = 2) -> None:
        super().__init__(edges, n_nodes)
        if dimension not in (1, 2, 3):
            raise ValueError(f"dimension must be 1, 2 or 3, got {dimension}")
        self.dimension = dimension

    @accepts_any
    def lengths(self, positions: Array) -> Array:
        """Distances (batch, E) between the ends of the edges at positions (batch, n_nodes, dimension)."""
        i, j = self.edges.T
        return ((positions[:, i] - positions[:, j]) ** 2).sum(axis=2) ** 0.5

    @accepts_any
    def energy(self, stiffness: Array, rest: Array, positions: Array, forces: Array | None = None) -> Array:
        """Elastic energy (batch,), joules, less the work of forces (batch, n_nodes, dimension)."""
        total = (stiffness * (self.lengths(positions) - rest) ** 2 / 2).sum(axis=1)
        return total if forces is None else total - (forces * positions).sum(axis=(1, 2))

    @accepts_any
    def solve(self, stiffness: Array, rest: Array, nodes: Any, positions: Array, start: Array, **options: Any) -> Array:
        """Positions (batch, n_nodes, dimension) at rest; arguments and errors as of `relax`."""
        return self.relax(stiffness, rest, nodes, positions, start, **options).positions

    @accepts_any
    def relax(
        self, stiffness: Array, rest: Array, nodes: Any, positions: Array, start: Array, *, forces: Array | None = None,
        tolerance: float = TOLERANCE, steps: int = 200, on_failure: str = "raise",
    ) -> Shape:  # fmt: skip
        """The network at rest, with some nodes held.

        stiffness : (E,) N/m, not negative. rest : (E,) metres, not negative. nodes : (held,) integers.
        positions : (batch, held, dimension) metres, where they are held. start : (n_nodes, dimension) or (batch, n_nodes, dimension), where
            the nodes are before they settle; close to the wanted equilibrium, of several.
        forces : (batch, n_nodes, dimension) newtons. tolerance : of the net force at the free nodes, relative to the largest stiffness times
            the largest rest length. steps : of Newton's method at most. on_failure : "raise" or "flag".

        Dense: meant for up to some hundred free nodes. Raises ValueError for nodes that hang on no spring, ConvergenceError.
        """
        xp = _array.namespace(stiffness, rest, positions)
        held = self._indices("nodes", nodes)
        k, l = self._edge_values("stiffness", stiffness, "N/m"), self._edge_values("rest", rest, "m")
        given = xp.asarray(positions, np.float64)
        d = self.dimension
        if given.ndim != 3 or given.shape[1:] != (len(held), d):
            raise ValueError(f"positions must be (batch, {len(held)}, {d}), got shape {given.shape}")
        if on_failure not in ("raise", "flag"):
            raise ValueError(f"on_failure must be 'raise' or 'flag', got {on_failure!r}")
        self._refuse_floating(_array.to_numpy(k) > 0, held)
        x = xp.array(xp.broadcast_to(xp.asarray(start, np.float64), (len(given), self.n_nodes, d)))
        x[:, held] = given
        free = np.setdiff1d(np.arange(self.n_nodes), held)
        pull = xp.zeros_like(x) if forces is None else xp.asarray(forces, np.float64)
        scale = float((k.max() * l.max()) or k.max() * abs(x).max())
        residual, taken = np.zeros(len(x)), 0
        chunk = _array.chunk(k, 8 * 3 * (len(free) * d) ** 2)
        for a in range(0, len(x), chunk):
            part = slice(a, a + chunk)
            x[part], left, count = self._settle(k, l, x[part], free, pull[part], tolerance * scale, steps)
            residual[part], taken = _array.to_numpy(left) / scale, max(taken, count)
        converged = bool((residual <= tolerance).all())
        if not converged and on_failure == "raise":
            raise ConvergenceError(
                f"the springs have not come to rest in {steps} steps: the worst of {len(residual)} samples has a residual of "
                f"{residual.max():.1e}, {tolerance:.1e} was asked for; start closer, allow more steps, or on_failure='flag'"
            )
        return Shape(x, residual, taken, converged)

    def _settle(self, k: Array, l: Array, x: Array, free: np.ndarray, pull: Array, goal: float, steps: int) -> tuple[Array, Array, int]:
        """Positions, largest net forces, and steps taken."""
        xp = _array.namespace(k)
        shift = xp.zeros(len(x))
        energy = self.energy(k, l, x, pull)
        size = float(k.max())
        for step in range(steps):
            gradient, hessian = self._derivatives(k, l, x, free, pull)
            left = abs(gradient).max(axis=1)
            if bool((left <= goal).all()):
                return x, left, step
            n = gradient.shape[1]
            accepted = left <= goal
            for _ in range(30):
                change = -xp.linalg.solve(hessian + shift[:, None, None] * xp.eye(n), gradient[:, :, None])[:, :, 0]
                trial = x.copy()
                trial[:, free] += change.reshape(len(x), len(free), -1)
                new = self.energy(k, l, trial, pull)
                # close to the minimum energies are equal to rounding; then the force decides
                close = abs(self._derivatives(k, l, trial, free, pull)[0]).max(axis=1) < left
                good = ~accepted & xp.isfinite(new) & ((new < energy) | ((new <= energy + 1e-12 * abs(energy)) & close))
                x = xp.where(good[:, None, None], trial, x)
                energy = xp.where(good, new, energy)
                shift = xp.where(good, xp.where(shift > 1e-8 * size, shift / 10, 0.0), shift)
                accepted |= good
                if bool(accepted.all()):
                    break
                shift = xp.where(accepted, shift, xp.where(shift > 0, 10 * shift, 1e-6 * size))
        gradient, _ = self._derivatives(k, l, x, free, pull)
        return x, abs(gradient).max(axis=1), steps

    def _derivatives(self, k: Array, l: Array, x: Array, free: np.ndarray, pull: Array) -> tuple[Array, Array]:
        """Gradient (batch, free * dimension) and Hessian of the energy by the free positions."""
        xp = _array.namespace(k)
        i, j = self.edges.T
        w = x[:, i] - x[:, j]
        r = (w**2).sum(axis=2) ** 0.5
        safe = xp.where(r > 0, r, 1.0)
        unit = w / safe[:, :, None]
        force = (k * (r - l))[:, :, None] * unit
        along = unit[:, :, :, None] * unit[:, :, None, :]
        tension = xp.where(r > 0, k * (1 - l / safe), 0.0)
        block = (k - tension)[:, :, None, None] * along + tension[:, :, None, None] * xp.eye(self.dimension)
        first, second = (xp.asarray((end[:, None] == free[None, :]).astype(np.float64)) for end in (i, j))  # (E, free)
        gradient = xp.einsum("bea,en->bna", force, first - second) - pull[:, free]
        m, d = len(free), self.dimension
        hessian = xp.zeros((len(x), m, d, m, d))
        place = np.full(self.n_nodes, -1)
        place[free] = np.arange(m)
        inside = np.flatnonzero((place[i] >= 0) & (place[j] >= 0))
        rows, columns = place[i[inside]], place[j[inside]]
        own = xp.einsum("beac,en->bnac", block, first + second)
        for a in range(d):
            for c in range(d):
                hessian[:, rows, a, columns, c] = hessian[:, columns, a, rows, c] = -block[:, inside, a, c]
                hessian[:, np.arange(m), a, np.arange(m), c] = own[:, :, a, c]
        return gradient.reshape(len(x), m * d), hessian.reshape(len(x), m * d, m * d)
