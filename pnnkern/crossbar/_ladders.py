"""A crossbar as two families of ladders, word lines and bit lines, joined by its cells: the voltages for given currents by conjugate gradients.

With the conductances g of the cells, word and bit voltages w, u obey (L_w + g) w - g u = f_w and (L_b + g) u - g w = f_u. A sweep solves
all lines of one family, A_w^-1 = (L_w + g)^-1 or A_b^-1, without subtractions (kernels/crossbar/ladder). Elimination of w leaves::

    u = c + K u,    K = A_b^-1 S,    S = g A_w^-1 g,    c = A_b^-1 (f_u + g A_w^-1 f_w)

K is positive and self-adjoint in the scalar product x S y, with eigenvalues from 0 to rho < 1, the rate of alternating sweeps. Conjugate
gradients in that product take one sweep of each family an iteration, perfect wires and open cells included, and need about
ln(2 / tolerance) / ln((1 + q) / (1 - q)) of them, q = sqrt(1 - rho).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _array, _launch, _parallel
from .._array import Array, Numbers, Real
from .._errors import ConvergenceError

KEPT = 64 << 20  # bytes of memory that is kept from one solve to the next, at most
WARPS = 16384  # lines times right-hand sides from which a GPU has enough threads with one for each


def keeper(shape: tuple[int, ...], like: Numbers) -> Callable[[str], Array]:
    """Name -> an array of `shape`, like `like`, which this thread finds again under that name at the next call: the system's price for fresh
    memory is higher than that of a solve. Large ones and those on a GPU, whose pool does the same, are new each time.
    """
    xp = _array.namespace(like)
    if xp is not np or 12 * like.dtype.itemsize * int(np.prod(shape)) > KEPT:
        return lambda name: xp.empty(shape, like.dtype)
    store: dict[str, Array] = _parallel.workspace(("ladders", shape, like.dtype.name), dict)
    return lambda name: store[name] if name in store else store.setdefault(name, np.empty(shape, like.dtype))


class Ladders:
    """g (n_in, n_out, sets): the cells, for all right-hand sides (1 set) or for each its own. before (n_out,), after (n_in,): conductances
    of the word segment before and the bit segment after a cell. Factors and results lie in kept memory: one object for a thread and shape
    at a time, and what `bits` returns holds until the next call.
    """

    def __init__(self, g: Numbers, before: np.ndarray, after: np.ndarray) -> None:
        self.g, self.xp = g, _array.namespace(g)
        self.n_in, self.n_out, self.sets = g.shape
        lines = [(self.n_in, self.n_out, 0, self.n_out, 1), (self.n_out, self.n_in, (self.n_in - 1) * self.n_out, 1, -self.n_out)]
        self.families, memory = [], keeper(g.shape, g)
        for family, ((count, cells, *where), wire) in enumerate(zip(lines, (before, after[::-1]))):
            ratio, inverse = memory(f"ratio {family}"), memory(f"inverse {family}")
            on = self.xp.asarray(np.ascontiguousarray(wire, g.dtype))
            args = count, cells, self.sets, *where, on, g, ratio, inverse
            _launch.launch("crossbar/ladder", "factor", g.dtype, *args, threads=count * self.sets)
            self.families.append((count, cells, where, ratio, inverse))

    def sweep(self, family: int, f: Numbers, x: Real | None = None) -> Array:
        """Voltages on the word (0) or bit lines (1) for currents f (n_in, n_out, rhs), all other nodes at 0 V; into `x`, which may be f."""
        count, cells, where, ratio, inverse = self.families[family]
        rhs = f.shape[-1]
        x = self.xp.empty_like(f) if x is None else x
        args = count, cells, rhs, int(self.sets > 1), *where, ratio, inverse, f, x
        few = count * rhs < WARPS and _array.on_device(f)
        threads = min(count * rhs * (32 if few else 1), _launch.MAX_BLOCKS * _launch.BLOCK)
        _launch.launch("crossbar/ladder", "scan" if few else "sweep", f.dtype, *args, threads=threads)
        return x

    def solve(self, on_word: Numbers, on_bit: Numbers | None, tolerance: float, limit: int) -> tuple[Array, Array, int]:
        """Word and bit voltages (n_in, n_out, rhs) for currents into the nodes; and the number of iterations. As `bits`."""
        u, done = self.bits(on_word, on_bit, tolerance, limit)
        u = u.copy()
        w = self.g * u
        w += on_word
        return self.sweep(0, w, w), u, done

    def bits(self, on_word: Numbers, on_bit: Numbers | None, tolerance: float, limit: int) -> tuple[Array, int]:
        """Bit voltages only: one sweep less.

        Raises `ConvergenceError` with the largest change that a further pair of sweeps would make, relative to the first one's.
        """
        xp, g = self.xp, self.g
        memory = keeper(on_word.shape, g)
        c = self.sweep(0, on_word, memory("c"))
        c *= g
        if on_bit is not None:
            c += on_bit
        self.sweep(1, c, c)
        su = self._coupled(c, memory("su"))  # S u, of u = c to start with
        start = _dot(c, su)
        r = self.sweep(1, su, memory("r"))  # c + K u - u
        s = self._coupled(r, memory("s"))  # S r
        rr = _dot(r, s)
        goal, done = (tolerance * tolerance) * start, 0
        d, sd, scratch = memory("d"), memory("sd"), memory("scratch")
        d[...], sd[...] = r, s
        while bool((rr > goal).any()):
            if done == limit:
                worst = float(xp.sqrt((rr / xp.where(start > 0, start, 1)).max()))
                raise ConvergenceError(
                    f"the currents have not converged to {tolerance:.2g} in {limit} iterations: the residual is {worst:.2g} of the drive. "
                    "Allow more iterations, or use method='tree', which does not iterate"
                )
            kd = self.sweep(1, sd, scratch)
            curvature = _dot(d, sd) - _dot(kd, sd)
            step = xp.where(curvature > 0, rr / xp.where(curvature > 0, curvature, 1), 0).astype(g.dtype)
            kd -= d
            kd *= step
            r += kd
            su += xp.multiply(sd, step, out=scratch)
            self._coupled(r, s)
            before, rr = rr, _dot(r, s)
            ratio = xp.where(before > 0, rr / xp.where(before > 0, before, 1), 0).astype(g.dtype)
            d *= ratio
            d += r
            sd *= ratio
            sd += s
            done += 1
        u = self.sweep(1, su, su)  # the last u is c + K u: sums of positive terms, which also settles what open cells hide from S
        u += c
        return u, done

    def _coupled(self, x: Real, out: Array) -> Array:
        """S x."""
        self.xp.multiply(x, self.g, out=out)
        self.sweep(0, out, out)
        out *= self.g
        return out


def _dot(a: Array, b: Array) -> Array:
    """Scalar product of each right-hand side, float64 (rhs,)."""
    xp, n = _array.namespace(a), a.shape[-1]
    if n == 1:
        return xp.vdot(a, b).astype(np.float64).reshape(1)
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
