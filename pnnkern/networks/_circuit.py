"""What networks of conducting edges have in common: currents at nodes, drops along edges, and states they relax to."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Numbers, Real, Values
from .._checks import real, shaped
from .._errors import ConvergenceError
from .._gate import accepts_any, record
from ._graph import Graph
from ._phases import Settled

LANES = 32  # most threads of one edge
KEPT = 16  # sets of nodes that are held, and known to hold all others
_launch.fault(78, "what edges are given must be finite, and not below the least that it can be")
_launch.fault(77, "a node floats: no path of conducting edges joins it to a node that is held; remove it or raise what edges conduct around it")
UNSETTLED = _launch.fault(
    76, "a sample of a network has not converged: allow more steps, a larger tolerance, or on_failure='flag'", ConvergenceError
)  # fmt: skip


@record
@dataclass(frozen=True)
class State(Settled):
    """A state that a network has relaxed to.

    voltages : (batch, n_nodes). residual : (batch,), what is left of the net current at the free nodes, relative to the largest one
    before they settled. steps : iterations taken. converged : whether every residual is within the tolerance.
    """

    voltages: Array


@accepts_any
class Conductors(Graph):
    """A graph whose edges conduct; dE/dg of an edge is half the square of its drop, unless a subclass says otherwise."""

    _joined: frozenset[bytes] | set[bytes] = frozenset()

    def laplacian(self, conductance: Real, v: Real, free: Numbers) -> Array:
        """Net currents L v (n_nodes, columns) that leave the nodes with free[i] != 0, 0 at the others; v (n_nodes, columns), float64."""
        shaped("v", v, self.n_nodes, "columns")
        for name, x, size, dtype in (("conductance", conductance, self.n_edges, v.dtype), ("free", free, self.n_nodes, np.dtype(np.uint8))):
            if shaped(name, x, size).dtype != dtype:
                raise TypeError(f"{name} must be {dtype} here, got {x.dtype}")
        conductance, v, free = (_array.contiguous(x) for x in (conductance, v, free))
        out = _array.namespace(v).empty_like(v)
        _launch.launch(
            "networks/edges", "laplacian", v.dtype, self.n_nodes, v.shape[1], *self.neighbours(v), free, conductance, v, out, threads=v.size
        )
        return out

    def _fitting(self, values: Array, held: np.ndarray, *, lowest: float = 0.0, passes: bool = False) -> Array:
        """Values of edges on a GPU, (E,) float64; its kernel says what is wrong with them, and of nodes that float (not with `passes`, where
        edges conduct whatever they are given)."""
        if held.tobytes() not in self._joined:  # with all edges
            self._refuse_floating(np.ones(self.n_edges, bool), held)
            self._joined = {*self._joined, held.tobytes()} if len(self._joined) < KEPT else {held.tobytes()}
        x = _array.contiguous(_array.as_type(shaped("values", values, self.n_edges), np.float64, copy=False))
        shared, marks = 2 * self.n_nodes, None
        if shared > _launch.shared_limit(x):
            shared, marks = 0, _array.namespace(x).empty(shared, np.uint8)
        _launch.launch("networks/edges", "fit", "float64", self.n_nodes, self.n_edges, lowest, int(passes), *self.neighbours(x),
                       self._free(held, x), x, marks, grid=(1,), block=(_launch.BLOCK,), shared=shared)  # fmt: skip
        return x

    def _free(self, held: np.ndarray, like: Array) -> Array:
        """0 where a node is held, 1 elsewhere, (n_nodes,) uint8, on the device of `like`."""
        free = np.ones(self.n_nodes, np.uint8)
        free[held] = 0
        return _constants.constant(free, np.uint8, like)

    def _columns(self, a: Array, b: Array, dtype: Any) -> tuple[Array, Array]:
        """Two arrays (n_nodes, columns) in `dtype`."""
        shaped("b", b, *shaped("a", a, self.n_nodes, "columns").shape)
        return _array.contiguous(a.astype(dtype, copy=False)), _array.contiguous(b.astype(dtype, copy=False))

    def _states(self, **states: Array) -> None:
        """Raise ValueError or TypeError unless all are real (batch, n_nodes), of one batch."""
        batch: Any = "batch"
        for name, x in states.items():
            batch = len(shaped(name, real(name, x), batch, self.n_nodes))

    def drop_products(self, a: Real, b: Real, scale: float = 1.0) -> Array:
        """For each edge (i, j) ``scale sum_c (a_i - a_j)(b_i - b_j)``, (E,);

        Parameters
        ----------
        a, b : Real
            (n_nodes, columns).
        """
        a, b = self._columns(a, b, a.dtype)
        out = _array.namespace(a).empty(self.n_edges, a.dtype)
        lanes = _lanes(a.shape[1])
        edges = self.on("edges", self.edges, a)
        _launch.launch("networks/edges", "contrast", a.dtype, self.n_edges, a.shape[1], lanes, scale, edges, a, b, out,
                       threads=self.n_edges * lanes)  # fmt: skip
        return out

    def contrast(self, a: Numbers, b: Numbers, share: Values = 1.0) -> Array:
        """dE/dg of each edge, half the square of its drop, in states b less that in states a (batch, n_nodes), in product form, (E,).

        A sum over the batch, each sample times its share, (batch, 1) or a number.
        """
        self._states(a=a, b=b)
        return self.drop_products(((b - a) * share).T, (b + a).T, 1 / 2)

    def update(self, a: Real, b: Real, conductance: Real, scale: float, *, step: float = 0.0, limits: tuple[float, float]) -> None:
        """Add `drop_products` to the conductances in place, or if `step` > 0 a step of that size in its direction; kept within `limits`."""
        low, high = limits
        if not 0 <= low < high:
            raise ValueError(f"limits must be two conductances, 0 <= low < high, got {low:g} and {high:g}")
        shaped("conductance", conductance, self.n_edges)
        a, b = self._columns(a, b, conductance.dtype)
        lanes = _lanes(a.shape[1])
        edges = self.on("edges", self.edges, a)
        with _array.in_place(conductance) as inside:
            _launch.launch("networks/edges", "update", a.dtype, self.n_edges, a.shape[1], lanes, scale, step, low, high, edges, a, b, inside,
                           threads=self.n_edges * lanes)  # fmt: skip


def _lanes(columns: int) -> int:
    """Threads that share an edge: the power of two that holds all columns, up to a warp."""
    return int(min(LANES, 1 << max(0, columns - 1).bit_length()))


def check_converged(
    voltages: Numbers, residual: Array, steps: Any, tolerance: float, on_failure: str, how: str, limit: str = ""
) -> State:  # fmt: skip
    """The result; raises `ConvergenceError` if it should and a residual is above the tolerance. With "check" a GPU is not waited for.

    limit : what keeps it from there, where it is not the number of steps.
    """
    found = State(voltages, left=residual, taken=steps, limit=tolerance)
    if on_failure == "flag" or (on_failure == "check" and _array.is_on_gpu(residual)) or found.converged:  # of a GPU, looked at by a kernel
        return found
    finite = np.isfinite(found.residual)
    if not finite.all():
        raise ConvergenceError(
            f"{how} has not converged: sample {int(finite.argmin())} of {len(finite)} came to values that are not finite; "
            "look for NaN in what it was given, or for a load that leaves it no equilibrium"
        )
    missed = f"the worst of {len(finite)} samples has a residual of {found.residual.max():.1e}, {tolerance:.1e} was asked for"
    if limit:
        raise ConvergenceError(f"{how} has not converged: {missed}; {limit}: allow a larger tolerance, or on_failure='flag'")
    raise ConvergenceError(
        f"{how} has not converged in {found.steps} steps: {missed}; allow more steps, a larger tolerance, or on_failure='flag'"
    )
