"""Networks of springs in static equilibrium: nodes in the plane or in space, some held, the rest where the elastic energy is least.

    E = sum_e k_e (r_e - l_e)^2 / 2 + sum_i s_i (x_i - p_i)^2 / 2 - sum_i f_i x_i,     r_e = |x_i - x_j|

with stiffnesses k (newtons per metre), rest lengths l (metres), forces f (newtons) and loads of stiffness s towards places p. The energy
is not convex: what settles depends on where one starts. Newton's method, sample by sample: Cholesky factors in an envelope, shifted where
the Hessian is not positive definite, used again while they still serve; steps are halved until the energy falls.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _array, _constants, _launch
from .._array import Array, Indices, Numbers, PerEdge
from .._checks import double, floats, real, shaped
from .._constants import Copies
from .._errors import ConvergenceError
from .._gate import accepts_any, record
from ._graph import Graph
from ._phases import Settled, check_failure

TOLERANCE = 1e-9  # of the largest net force, relative to the largest stiffness times the largest rest length
THREADS = 128  # of the block that settles one sample
KEPT = 8  # orders of free nodes that are remembered
_launch.fault(75, "stiffness must be finite and at least 0 N/m")
_launch.fault(74, "rest must be finite and at least 0 m")
_launch.fault(73, "a node floats: no path of springs with a stiffness joins it to a node that is held; remove it or raise the stiffnesses")
_launch.fault(
    72, "the springs of a sample have not come to rest: start closer, allow more steps or a larger tolerance, or on_failure='flag'",
    ConvergenceError,
)  # fmt: skip
LARGEST_MODES = 500  # free nodes of a graph whose modes are looked at
Load = tuple[Any, Any]


Springs = tuple[Array, Array]  # stiffnesses (E,) N/m and rest lengths (E,) metres


@record
@dataclass(frozen=True)
class Shape(Settled):
    """A network at rest, or on its way there.

    positions : (batch, n_nodes, dimension) metres. residual : (batch,), the largest net force at a free node, relative to the largest
    stiffness times the largest rest length. steps : of Newton's method. converged : whether every residual is within the tolerance.
    """

    positions: Array

    def failed(self, steps: int) -> str:
        """That not all have come to rest in so many steps, in words."""
        worst = int(self.residual.argmax())
        done = int(self.taken[worst])
        # fewer where a step gains nothing but rounding
        gains = "no further step gains anything: start closer, allow a larger tolerance" if done < steps else "start closer, allow more steps"
        return (
            f"the springs have not come to rest in {done} steps: the worst of {len(self.residual)} samples has a residual of "
            f"{self.residual[worst]:.1e}, {self.limit:.1e} was asked for; {gains}, or on_failure='flag'"
        )


@dataclass(frozen=True)
class _Rows:
    """The free nodes in an order that keeps the Hessian's envelope narrow; as springs.cuh has them."""

    node: np.ndarray
    place: np.ndarray  # -1 - h of what is held as number h
    first: np.ndarray
    begin: np.ndarray
    copies: Copies


@accepts_any
class ElasticNetwork(Graph):
    """A network of springs. Stiffnesses and rest lengths are arrays that you pass.

    Parameters
    ----------
    edges
        (E, 2) integers.
    n_nodes : int
        How many nodes there are.
    dimension : int
        1, 2 or 3.
    """

    def __init__(self, edges: Indices, n_nodes: int, dimension: int = 2) -> None:
        super().__init__(edges, n_nodes)
        if dimension not in (1, 2, 3):
            raise ValueError(f"dimension must be 1, 2 or 3, got {dimension}")
        self.dimension = dimension
        self._orders: dict[bytes, _Rows] = {}

    def lengths(self, positions: Numbers) -> Array:
        """Distances (batch, E) between the ends of the edges at positions (batch, n_nodes, dimension)."""
        self._places(positions=positions)
        i, j = self.ends(positions)
        return ((positions[:, i] - positions[:, j]) ** 2).sum(axis=2) ** 0.5

    def longer(self, one: Numbers, two: Numbers) -> tuple[Array, Array]:
        """Lengths (batch, E) at positions `two` less those at `one`, and the sums of both; differences keep their digits."""
        self._places(one=one, two=two)
        i, j = self.ends(one)
        v, w = (x[:, i] - x[:, j] for x in (one, two))
        both = (v**2).sum(axis=2) ** 0.5 + (w**2).sum(axis=2) ** 0.5
        return ((w - v) * (w + v)).sum(axis=2) / both, both

    def contrast(self, one: Numbers, two: Numbers, springs: Springs, others: Springs | None = None) -> tuple[Array, Array]:
        """Each spring's dE/dk and dE/dl at positions `two` less those at `one`, each (E,), sums over the batch.

        These are (r - l)^2 / 2 and -k (r - l).

        Parameters
        ----------
        springs : Springs
            (stiffnesses, rest lengths), each (E,);
        others : Springs | None
            Those at `two`, where they differ.
        """
        (k1, l1), (k2, l2) = springs, others or springs
        longer, both = self.longer(one, two)
        more, mean = longer - (l2 - l1), (both - (l1 + l2)) / 2  # of what the springs are stretched by
        return (more * mean).sum(axis=0), -((k1 + k2) / 2 * more + (k2 - k1) * mean).sum(axis=0)

    def energy(self, stiffness: PerEdge, rest: PerEdge, positions: Numbers, forces: Numbers | None = None, load: Load | None = None) -> Array:
        """Elastic energy (batch,), joules, with that of a load, less the work of forces (batch, n_nodes, dimension)."""
        stiffness, rest = (shaped(n, floats(n, x, positions), self.n_edges) for n, x in (("stiffness", stiffness), ("rest", rest)))
        self._places(positions=positions, **({} if forces is None else {"forces": forces}))
        total = (stiffness * (self.lengths(positions) - rest) ** 2 / 2).sum(axis=1)
        if load is not None:
            s, p = self._load(load, positions)
            total = total + (s * (positions - p) ** 2 / 2).sum(axis=(1, 2))
        return total if forces is None else total - (forces * positions).sum(axis=(1, 2))

    def solve(self, stiffness: PerEdge, rest: PerEdge, nodes: Indices, positions: Numbers, start: Numbers, **options: Any) -> Array:
        """Positions (batch, n_nodes, dimension) at rest; arguments and errors as of `relax`."""
        return self.relax(stiffness, rest, nodes, positions, start, **options).positions

    def relax(
        self, stiffness: PerEdge, rest: PerEdge, nodes: Indices, positions: Numbers, start: Numbers, *, forces: Numbers | None = None,
        load: Load | None = None, tolerance: float = TOLERANCE, steps: int = 200, on_failure: str = "raise",
    ) -> Shape:  # fmt: skip
        """The network at rest, with some nodes held.

        Parameters
        ----------
        stiffness
            (E,) N/m, not negative.
        rest
            (E,) metres, not negative; arrays or lists.
        nodes
            (held,) integers.
        positions : Array
            (batch, held, dimension) metres, where they are held.
        start : Array
            (n_nodes, dimension) or (batch, n_nodes, dimension), where the nodes are before they settle; close to the wanted equilibrium, of
            several.
        forces : Array | None
            (batch, n_nodes, dimension) newtons.
        load : Load | None
            (stiffnesses N/m, places metres), each (batch, n_nodes, dimension): springs along the axes, without a rest length, from the nodes to
            these places, such as a nudge; negative ones push away.
        tolerance : float
            Of the net force at the free nodes, relative to the largest stiffness times the largest rest length.
        steps : int
            Of Newton's method at most.
        on_failure : str
            "raise", "check", which raises for what a GPU has at `pnnkern.check()`, or "flag" in the result. Only "raise" waits for a GPU; else
            that check says what is wrong with the springs, too.

        Raises
        ------
        ValueError
            For nodes that hang on no spring, ConvergenceError.

        Notes
        -----
        The energy falls in every step.
        """
        stiffness, rest = floats("stiffness", stiffness, positions), floats("rest", rest, positions)
        xp = _array.namespace(stiffness, rest, positions)
        held = self._indices("nodes", nodes)
        check_failure(on_failure)
        waits = xp is np or on_failure == "raise"  # else nobody does, and the kernel says what is wrong
        k, l = self._looked_at(stiffness, rest, held) if waits else self._per_spring(stiffness, rest)
        given = double("positions", positions, k)
        d = self.dimension
        if given.ndim != 3 or given.shape[1:] != (len(held), d):
            raise ValueError(f"positions must be (batch, {len(held)}, {d}), got shape {given.shape}")
        rows, x, first = self._rows(held), xp.empty((len(given), self.n_nodes, d)), double("start", start, k)
        if first.shape not in (x.shape[1:], x.shape):
            first = xp.broadcast_to(first, x.shape)
        pulls = self._pulls(x, forces, load)
        left, taken = xp.empty(len(x)), xp.empty(len(x), np.int32)
        how = len(held), len(x) if first.ndim == 3 else 1, *map(len, pulls), steps, tolerance, int(not waits and on_failure == "check")
        self._launch("settle", rows, how, k, l, (_array.contiguous(given), _array.contiguous(first), *pulls), x, left, taken)
        found = Shape(x, left=left, taken=taken, limit=tolerance)
        if waits and on_failure != "flag" and not found.converged:
            raise ConvergenceError(found.failed(steps))
        return found

    def respond(
        self, stiffness: PerEdge, rest: PerEdge, nodes: Indices, positions: Numbers, forces: Numbers, *, load: Load | None = None
    ) -> tuple[Array, Array]:
        """How the network at `positions` (batch, n_nodes, dimension) answers to small forces (batch, n_nodes, dimension), `nodes` held.

        Returns
        -------
        tuple[Array, Array]
            Displacements ``H^-1 f`` (batch, n_nodes, dimension), 0 at held nodes, H the Hessian of the energy, and (batch,) bool: whether H is
            positive definite, that is, whether these positions are stable. Elsewhere the displacements are NaN.
        """
        stiffness, rest = floats("stiffness", stiffness, positions), floats("rest", rest, positions)
        xp = _array.namespace(stiffness, rest, positions)
        held = self._indices("nodes", nodes)
        k, l = self._per_spring(stiffness, rest)
        self._places(positions=positions, forces=forces)
        x, y = _array.contiguous(xp.asarray(positions, np.float64)), xp.array(forces, np.float64, order="C")
        stable = xp.ones(len(x), np.int32)
        y[:, _constants.constant(held, np.int64, k)] = 0
        rows = self._rows(held)
        if len(rows.node):
            stiff = self._pulls(x, None, load)[1]
            self._launch("respond", rows, (len(stiff),), k, l, (stiff,), x, y, stable)
        fine = stable > 0
        return xp.where(fine[:, None, None], y, np.nan), fine

    # ------------------------------------------------------------------------------------------------------------------ inside
    def _looked_at(self, stiffness: Array, rest: Array, held: np.ndarray) -> tuple[Array, Array]:
        """The same as of `_per_spring`, once nothing is wrong with them, on whatever device, and no node floats."""
        k, softest, _ = self._edge_span("stiffness", stiffness, "N/m")
        if softest == 0:
            self._refuse_floating(_array.to_numpy(k) > 0, held)
        return k, self._edge_values("rest", rest, "m")

    def _per_spring(self, stiffness: Array, rest: Array) -> tuple[Array, Array]:
        """Stiffnesses and rest lengths, (E,) float64. Raises ValueError for what they cannot be; kernels tell of those on a GPU."""
        if _array.namespace(stiffness) is np:
            return self._edge_values("stiffness", stiffness, "N/m"), self._edge_values("rest", rest, "m")
        k, l = (_array.as_type(shaped(n, x, self.n_edges), np.float64, copy=False) for n, x in (("stiffness", stiffness), ("rest", rest)))
        return _array.contiguous(k), _array.contiguous(l)

    def _pulls(self, x: Array, forces: Array | None, load: Load | None) -> tuple[Array, Array]:
        """Constant forces and stiffnesses at the nodes, like x, or of one sample for all: a load of stiffness s to p pulls with s p - s x."""
        none = _constants.made(("no forces", *x.shape[1:]), lambda: np.zeros((1, *x.shape[1:])), x)
        pull, stiff = none if forces is None else double("forces", forces, x), none
        if load is not None:
            stiff, places = self._load(load, x)
            pulled = stiff * places
            pull = pulled if forces is None else pull + pulled

        def whole(values: Array) -> Array:
            fits = values.shape == x.shape or values is none
            return _array.contiguous(values if fits else _array.namespace(x).broadcast_to(values, x.shape))

        return whole(pull), whole(stiff)

    def _places(self, **arrays: Array) -> None:
        """Raise ValueError or TypeError unless all are real (batch, n_nodes, dimension), of one batch."""
        batch: Any = "batch"
        for name, x in arrays.items():
            batch = len(shaped(name, real(name, x), batch, self.n_nodes, self.dimension))

    def _load(self, load: Load, like: Array) -> tuple[Array, Array]:
        """Stiffnesses and places of a load as float64 arrays."""
        if not isinstance(load, tuple | list) or len(load) != 2:
            raise TypeError("load must be (stiffnesses, places)")
        return double("load", load[0], like), double("load", load[1], like)

    def _rows(self, held: np.ndarray) -> _Rows:
        """The free nodes in an order whose envelope is cheap to factorise. Raises ValueError for nodes that hang on no spring."""
        name = held.tobytes()
        if name in self._orders:
            return self._orders[name]
        self._refuse_floating(np.ones(self.n_edges, bool), held)
        free = np.setdiff1d(np.arange(self.n_nodes), held)
        d, m = self.dimension, len(free)
        choices = []
        for node in _orders(self.edges, self.n_nodes, free):
            place = np.zeros(self.n_nodes, np.int32)
            place[held] = -1 - np.arange(len(held), dtype=np.int32)
            place[node] = np.arange(m, dtype=np.int32)
            first = np.arange(m, dtype=np.int32)
            both = np.sort(place[self.edges], axis=1)
            both = both[both[:, 0] >= 0]
            np.minimum.at(first, both[:, 1], both[:, 0])
            width = d * (np.arange(m) - first).repeat(d) + np.tile(np.arange(d), m) + 1
            begin = np.append(np.cumsum(width) - 1 - np.arange(m * d), width.sum()).astype(np.int64)
            choices.append((int((width**2).sum()), _Rows(node.astype(np.int32), place, first, begin, Copies())))
        if len(self._orders) == KEPT:
            self._orders.pop(next(iter(self._orders)))
        self._orders[name] = min(choices, key=lambda choice: choice[0])[1]
        return self._orders[name]

    def _launch(self, verb: str, rows: _Rows, how: tuple[Any, ...], k: Array, l: Array, pulls: tuple[Array, ...], x: Array,
                *out: Array) -> None:  # fmt: skip
        xp = _array.namespace(k)
        lists = [*self.neighbours(k)]
        lists += [rows.copies.on(name, getattr(rows, name), k) for name in ("node", "place", "first", "begin")]
        blocks = max(1, min(len(x), _launch.MAX_BLOCKS))
        each = int(rows.begin[-1]) + 3 * len(rows.node) * self.dimension + self.n_nodes * self.dimension
        work, shared = None, 8 * each
        if shared > _launch.shared_limit(k):  # networks that are too large for the shared memory work in global memory
            blocks = min(blocks, _array.chunk(k, shared))
            work, shared = xp.empty(blocks * each if _array.on_device(k) else 0), 0
        sizes = len(x), self.n_nodes, len(rows.node), self.n_edges, self.dimension
        _launch.launch("networks/springs", verb, "float64", *sizes, *how, k, l, *lists, *pulls, work, x, *out, grid=(blocks,), block=(THREADS,),
                       shared=shared)  # fmt: skip


def _orders(edges: np.ndarray, n: int, free: np.ndarray) -> list[np.ndarray]:
    """Orders of the free nodes that keep neighbours together: reverse Cuthill-McKee, and along the slowest mode of the graph."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import laplacian, reverse_cuthill_mckee

    i, j = edges.T
    graph = coo_array((np.ones(2 * len(edges)), (np.append(i, j), np.append(j, i))), shape=(n, n)).tocsr()[free][:, free]
    orders = [free[reverse_cuthill_mckee(graph, symmetric_mode=True)]] if len(free) else [free]
    if 2 < len(free) <= LARGEST_MODES:
        orders.append(free[np.argsort(np.linalg.eigh(laplacian(graph.toarray()))[1][:, 1], kind="stable")])
    return orders
