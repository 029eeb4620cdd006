"""A crossbar as two families of ladders, word lines and bit lines, joined by its cells: the voltages for given currents by conjugate gradients.

With the conductances g of the cells, word and bit voltages w, u obey (L_w + g) w - g u = f_w and (L_b + g) u - g w = f_u. A sweep solves
all lines of one family, A_w^-1 = (L_w + g)^-1 or A_b^-1, without subtractions (kernels/crossbar/ladder). Elimination of w leaves::

    u = c + K u,    K = A_b^-1 S,    S = g A_w^-1 g,    c = A_b^-1 (f_u + g A_w^-1 f_w)

K is positive and self-adjoint in the scalar product x S y, with eigenvalues from 0 to rho < 1, the rate of alternating sweeps. Conjugate
gradients in that product take one sweep of each family an iteration, perfect wires and open cells included, and need about
ln(2 / tolerance) / ln((1 + q) / (1 - q)) of them, q = sqrt(1 - rho).
"""

from typing import Any

import numpy as np

from .. import _array, _launch
from .._array import Array
from .._errors import ConvergenceError

WARPS = 16384  # lines times right-hand sides from which a GPU has enough threads with one for each


class Ladders:
    """g (n_in, n_out, sets): the cells, for all right-hand sides (1 set) or for each its own. before (n_out,), after (n_in,): conductances
    of the word segment before and the bit segment after a cell.
    """

    def __init__(self, g: Array, before: np.ndarray, after: np.ndarray) -> None:
        self.g, self.xp = g, _array.namespace(g)
        self.n_in, self.n_out, self.sets = g.shape
        lines = [(self.n_in, self.n_out, 0, self.n_out, 1), (self.n_out, self.n_in, (self.n_in - 1) * self.n_out, 1, -self.n_out)]
        self.families = []
        for (count, cells, *where), wire in zip(lines, (before, after[::-1])):
            ratio, inverse = self.xp.empty_like(g), self.xp.empty_like(g)
            on = self.xp.asarray(np.ascontiguousarray(wire, g.dtype))
            args = count, cells, self.sets, *where, on, g, ratio, inverse
            _launch.launch("crossbar/ladder", "factor", g.dtype, *args, threads=count * self.sets)
            self.families.append((count, cells, where, ratio, inverse))

    def sweep(self, family: int, f: Array, x: Array | None = None) -> Array:
        """Voltages on the word (0) or bit lines (1) for currents f (n_in, n_out, rhs), all other nodes at 0 V; into `x`, which may be f."""
        count, cells, where, ratio, inverse = self.families[family]
        rhs = f.shape[-1]
        x = self.xp.empty_like(f) if x is None else x
        args = count, cells, rhs, int(self.sets > 1), *where, ratio, inverse, f, x
        few = count * rhs < WARPS and _array.on_device(f)
        threads = min(count * rhs * (32 if few else 1), _launch.MAX_BLOCKS * _launch.BLOCK)
        _launch.launch("crossbar/ladder", "scan" if few else "sweep", f.dtype, *args, threads=threads)
        return x

    def solve(self, on_word: Array, on_bit: Array | None, tolerance: float, limit: int) -> tuple[Array, Array, int]:
        """Word and bit voltages (n_in, n_out, rhs) for currents into the nodes; and the number of iterations.

        Raises `ConvergenceError` with the largest change that a further pair of sweeps would make, relative to the first one's.
        """
        xp, g = self.xp, self.g
        c = self.sweep(0, on_word)
        c *= g
        if on_bit is not None:
            c += on_bit
        self.sweep(1, c, c)
        u, r = c.copy(), self.sweep(1, self._coupled(c))  # u_0 = c, r = c + K u - u = K c
        s = self._coupled(r)  # S r
        start = _dot(c, self._coupled(c))
        rr = _dot(r, s)
        d, sd = r.copy(), s.copy()
        goal = (tolerance * tolerance) * start
        done = 0
        while bool((rr > goal).any()):
            if done == limit:
                worst = float(xp.sqrt((rr / xp.where(start > 0, start, 1)).max()))
                raise ConvergenceError(
                    f"the currents have not converged to {tolerance:.2g} in {limit} iterations: the residual is {worst:.2g} of the drive. "
                    "Allow more iterations, or use method='tree', which does not iterate"
                )
            kd = self.sweep(1, sd)
            curvature = _dot(d, sd) - _dot(kd, sd)
            step = xp.where(curvature > 0, rr / xp.where(curvature > 0, curvature, 1), 0).astype(g.dtype)
            u += step * d
            kd -= d
            r += step * kd
            s = self._coupled(r)
            before, rr = rr, _dot(r, s)
            ratio = xp.where(before > 0, rr / xp.where(before > 0, before, 1), 0).astype(g.dtype)
            d *= ratio
            d += r
            sd *= ratio
            sd += s
            done += 1
        u = self.sweep(1, self._coupled(u))
        u += c  # one more pair of sweeps: sums of positive terms, which also settles what open cells hide from S
        w = g * u
        w += on_word
        self.sweep(0, w, w)
        return w, u, done

    def _coupled(self, x: Array) -> Array:
        """S x."""
        y = self.g * x
        self.sweep(0, y, y)
        y *= self.g
        return y


def _dot(a: Array, b: Array) -> Array:
    """Scalar product of each right-hand side, in float64 (rhs,)."""
    n = a.shape[-1]
    return (a * b).reshape(-1, n).sum(0, dtype=np.float64)


def softest(g: float, n: int) -> float:
    """Smallest eigenvalue of a wire of n segments of conductance g, driven at one end."""
    return float(4 * g * np.sin(np.pi / (2 * (2 * n + 1))) ** 2)


def iterations(largest: float, word: float, bit: float, shape: tuple[int, ...], tolerance: float) -> float:
    """Bound on the iterations of `Ladders.solve` for cells of at most `largest` and segments of conductance `word` and `bit`."""
    n_in, n_out = shape
    rho = largest / (largest + softest(word, n_out)) * largest / (largest + softest(bit, n_in)) if largest else 0.0
    q: Any = np.sqrt(max(1 - rho, 1e-16))
    return float(np.log(2 / tolerance) / max(np.log((1 + q) / max(1 - q, 1e-300)), 1e-9))
